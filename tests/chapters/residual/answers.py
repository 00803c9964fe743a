"""Chapter 4: unusual answers that are right, and wrong ones beside those that the exercises know."""

import math
import statistics
from functools import reduce

import numpy as np

# --- Right, but not as we wrote it ----------------------------------------------------------------


def block_by_rows(h, w1, w2, grad):
    out, dh = h.copy(), grad.copy()
    dw1, dw2 = np.zeros_like(w1), np.zeros_like(w2)
    for i, (row, g) in enumerate(zip(h, grad, strict=True)):
        z = row @ w1
        a = np.where(z > 0, z, 0)
        dz = np.where(z > 0, w2 @ g, 0)
        out[i] += a @ w2
        dh[i] += w1 @ dz
        dw1 += np.outer(row, dz)
        dw2 += np.outer(a, g)
    return {"dw2": dw2, "dw1": dw1, "dh": dh.tolist(), "out": out, "z": 0}


def block_einsum(h, w1, w2, grad):
    z = np.einsum("bi,ij->bj", h, w1)
    mask = np.heaviside(z, 0)
    dz = np.einsum("bo,jo,bj->bj", grad, w2, mask)
    return {
        "out": h + (z * mask) @ w2,
        "dh": np.einsum("bj,ij->bi", dz, w1) + grad,
        "dw1": np.einsum("bi,bj->ij", h, dz),
        "dw2": np.einsum("bj,bo->jo", z * mask, grad),
    }


def block_of_matrices(h, w1, w2, grad):
    """The branch is linear once the mask is known: its Jacobian as a matrix, I + J for each row."""
    z = h @ w1
    jacobians = [np.eye(len(w1)) + w1 @ np.diag((row > 0).astype(float)) @ w2 for row in z]
    dh = [j @ g for j, g in zip(jacobians, grad, strict=True)]
    dz = (grad @ w2.T) * (z > 0)
    out = [row @ j for row, j in zip(h, jacobians, strict=True)]
    return {"out": np.float32(out), "dh": dh, "dw1": (dz.T @ h).T, "dw2": z.clip(0).T @ grad}


def stack_recursive(h, blocks, version):
    if not blocks:
        return h
    (w1, w2), *rest = blocks
    first = h if version == "v1" else h * (h > 0)
    z = h + (first @ w1).clip(0) @ w2
    return stack_recursive(z.clip(0) if version == "v1" else z, rest, version)


def stack_in_float32(h, blocks, version):
    h = h.astype(np.float32)
    for pair in blocks:
        w1, w2 = (w.astype(np.float32) for w in pair)
        branch = np.maximum((h if version == "v1" else np.maximum(h, 0)) @ w1, 0) @ w2
        h = h + branch
        h = np.maximum(h, 0) if version == "v1" else h
    return h.tolist()


def growth_in_logarithms(gains, alpha):
    log = sum(math.log1p((alpha * g) ** 2) for g in gains) / 2
    plain = math.exp(sum(math.log(alpha * g) for g in gains))
    return {"plain": plain, "residual": math.exp(log), "bounded": log <= math.log(10)}


def growth_block_by_block(gains, alpha):
    plain = residual = np.float32(1)
    for g in gains:
        plain *= np.float32(alpha * g)
        residual = np.hypot(residual, residual * np.float32(alpha * g))
    return {"bounded": not residual > 10, "plain": plain, "residual": residual}


def scale_by_newton(gains, target):
    s = 0.0  # α², from the left: the logarithm of the product is concave, so Newton's steps never overshoot
    for _ in range(200):
        gap = np.log1p(s * gains**2).sum() - 2 * math.log(target)
        s -= gap / np.sum(gains**2 / (1 + s * gains**2))
    return math.sqrt(s)


def scale_on_a_grid(gains, target):
    alphas = np.geomspace(1e-4, 1e2, 20_001)
    growth = [np.log1p((a * gains) ** 2).sum() / 2 for a in alphas]
    return np.exp(np.interp(math.log(target), growth, np.log(alphas)))


def verdict_by_hand(runs):
    def middle(values):
        values, half = sorted(values), len(values) // 2
        return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2

    shallow, deep, skips = (middle(runs[name]["train_error"]) for name in ("shallow", "deep", "residual"))
    logs = [math.log(row[0]) - math.log(row[-1]) for row in runs["deep"]["gradients"]]
    degraded = deep > shallow + 0.05
    return {
        "ratio": math.exp(middle(logs)),
        "vanishing": math.exp(middle(logs)) < 0.001,
        "overfitting": middle(runs["deep"]["test_error"]) > deep + 0.05,
        "degraded": degraded,
        "repaired": degraded and not skips > shallow + 0.05,
        "exploding": middle(logs) > math.log(1e3),
    }


def verdict_of_differences(runs):
    """The median of the differences of sorted seeds is the difference of the medians; np.bool_, too."""
    worse = np.median(np.sort(runs["deep"]["train_error"]) - np.sort(runs["shallow"]["train_error"])) > 0.05
    healed = np.median(np.sort(runs["residual"]["train_error"]) - np.sort(runs["shallow"]["train_error"]))
    first, *_, last = runs["deep"]["gradients"].T
    ratio = np.quantile(first / last, 0.5)
    gap = np.median(runs["deep"]["test_error"]) - np.median(runs["deep"]["train_error"])
    return {
        "degraded": worse,
        "overfitting": gap > 0.05,
        "ratio": ratio,
        "vanishing": ratio < 1e-3,
        "repaired": worse & (healed <= 0.05),
    }


def paths_by_polynomials(gains):
    product, depth = np.polynomial.Polynomial([1.0]), len(gains)
    for g in gains:
        product *= np.polynomial.Polynomial([1, g * g])
    gradient = np.zeros(depth + 1)
    gradient[: len(product.coef)] = product.coef / product(1.0)
    return {"gradient": gradient, "paths": [math.comb(depth, k) / 2**depth for k in range(depth + 1)]}


def paths_by_recursion(gains):
    """Coin after coin, from the longest length down, in place; in float32."""
    paths, gradient = np.zeros((2, len(gains) + 1), np.float32)
    paths[0] = gradient[0] = 1
    for g in gains:
        for share, p in ((paths, 0.5), (gradient, g**2 / (1 + g**2))):
            for k in range(len(gains), 0, -1):
                share[k] = (1 - p) * share[k] + p * share[k - 1]
            share[0] *= 1 - p
    return {"paths": paths, "gradient": gradient}


def paths_by_fourier(gains):
    points = np.exp(2j * np.pi * np.arange(len(gains) + 1) / (len(gains) + 1))
    p = (gains**2 / (1 + gains**2))[:, None]
    found = [np.fft.fft(np.prod(1 - q + q * points, axis=0)).real / len(points) for q in (p * 0 + 0.5, p)]
    return dict(zip(("paths", "gradient"), found, strict=True))


def shattered_backward(x, network, lag):
    """From the output to the input, one point after the other."""
    slopes = []
    for point in x:
        h, masks = point * network["u"] + network["b"], []
        for w in network["blocks"]:
            masks.append(h > 0)
            h = network["skip"] * h + network["alpha"] * np.where(h > 0, h, 0) @ w
        grad = network["v"]
        for w, mask in zip(network["blocks"][::-1], masks[::-1], strict=True):
            grad = network["skip"] * grad + network["alpha"] * mask * (w @ grad)
        slopes.append(grad @ network["u"])
    mean = sum(slopes) / len(slopes)
    top = sum((a - mean) * (b - mean) for a, b in zip(slopes, slopes[lag:], strict=False))
    return {"slope": slopes, "likeness": top / (len(slopes) * np.var(slopes))}


def shattered_by_correlate(x, network, lag):
    """The Jacobians as matrices; np.correlate for all lags at once."""
    n = len(network["u"])
    h, jacobian = np.outer(x, network["u"]) + network["b"], np.tile(np.eye(n), (len(x), 1, 1))
    for w in network["blocks"]:
        step = network["skip"] * np.eye(n) + network["alpha"] * np.heaviside(h, 0)[:, :, None] * w
        jacobian = jacobian @ step
        h = np.einsum("pi,pij->pj", h, step)  # a ReLU network is linear where its masks are known
    slope = np.einsum("i,pij,j->p", network["u"], jacobian, network["v"])
    all_lags = np.correlate(slope - slope.mean(), slope - slope.mean(), "full")[len(x) - 1 :]
    return {"slope": slope, "likeness": all_lags[lag] / all_lags[0]}


def verdict_by(error, deep="train_error"):
    def verdict(runs):
        train = {name: error(run["train_error"]) for name, run in runs.items()}
        residual = error(runs["residual"][deep]) - error(runs["shallow"][deep])
        gradients = runs["deep"]["gradients"]
        ratio = float(np.median([row[0] / row[-1] for row in gradients]))
        degraded = bool(train["deep"] > train["shallow"] + 0.05)
        return {
            "degraded": degraded,
            "overfitting": bool(error(runs["deep"]["test_error"]) > train["deep"] + 0.05),
            "ratio": ratio,
            "vanishing": ratio < 1e-3,
            "repaired": bool(degraded and residual <= 0.05),
        }

    return verdict


def block_by_nudges(h, w1, w2, grad):
    def f(h, w1, w2):
        return h + np.maximum(h @ w1, 0) @ w2

    def L(*a):
        return float((grad * f(*a)).sum())

    args = [h.copy(), w1.copy(), w2.copy()]
    gs = []
    for k in range(3):
        g = np.zeros_like(args[k])
        for i in np.ndindex(g.shape):
            keep = args[k][i]
            e = 1e-06
            args[k][i] = keep + e
            up = L(*args)
            args[k][i] = keep - e
            dn = L(*args)
            args[k][i] = keep
            g[i] = (up - dn) / (2 * e)
        gs.append(g)
    return {"out": f(h, w1, w2), "dh": gs[0], "dw1": gs[1], "dw2": gs[2]}


def stack_reduced(h, blocks, version):
    def relu(z):
        return (np.abs(z) + z) / 2

    def v1(h, p):
        return relu(np.tensordot(relu(h @ p[0]), p[1], 1) + h)

    def v2(h, p):
        return relu(relu(h) @ p[0]) @ p[1] + h

    return reduce({"v1": v1, "v2": v2}[version], blocks, h)


def growth_by_hypot(gains, alpha):
    p = r = 1.0
    for g in gains:
        p *= alpha * g
        r = math.hypot(r, r * alpha * g)
    return {"plain": p, "residual": r, "bounded": r <= 10.0}


def scale_in_logarithms(gains, target):
    def f(t):
        return 0.5 * sum(math.log1p(math.exp(2 * t) * g * g) for g in gains) - math.log(target)

    lo, hi = -20.0, 10.0
    for _ in range(100):
        mid = 0.5 * (lo + hi)
        if f(mid) < 0:
            lo = mid
        else:
            hi = mid
    return math.exp(lo)


def verdict_by_statistics(runs):
    def med(k, w):
        return statistics.median(map(float, runs[k][w]))

    G = runs["deep"]["gradients"]
    ratio = statistics.median(float(r[0]) / float(r[-1]) for r in G)

    def worse(a, b):
        return a - b > 1 / 20

    deg = worse(med("deep", "train_error"), med("shallow", "train_error"))
    return {
        "degraded": deg,
        "overfitting": worse(med("deep", "test_error"), med("deep", "train_error")),
        "ratio": ratio,
        "vanishing": ratio < 0.001,
        "repaired": deg and (not worse(med("residual", "train_error"), med("shallow", "train_error"))),
    }


def paths_added_at(gains):

    def go(p):
        s = np.zeros(len(p) + 1)
        s[0] = 1.0
        for i, q in enumerate(p):
            t = np.zeros_like(s)
            k = np.arange(i + 1)
            np.add.at(t, k, s[k] * (1 - q))
            np.add.at(t, k + 1, s[k] * q)
            s = t
        return s

    return {"paths": go(np.full(len(gains), 0.5)), "gradient": go(gains**2 / (1 + gains**2))}


def paths_by_roots(gains):
    s = np.poly(-(gains**2))
    p = np.poly(-np.ones(len(gains)))
    return {"paths": p / p.sum(), "gradient": s / s.sum()}


def shattered_complex_step(x, network, lag):
    h = np.outer(x + 1e-30j, network["u"]) + network["b"]
    for w in network["blocks"]:
        h = network["skip"] * h + network["alpha"] * np.where(h.real > 0, h, 0) @ w
    y = (h @ network["v"]).imag / 1e-30
    c = np.array(y) - sum(y) / len(y)
    return {
        "slope": y,
        "likeness": sum((p * q for p, q in zip(c, c[lag:], strict=False))) / np.linalg.norm(c) ** 2,
    }


CORRECT = {
    "residual_block": [block_by_rows, block_einsum, block_of_matrices],
    "two_blocks": [stack_reduced, stack_recursive, stack_in_float32],
    "predict_growth": [growth_by_hypot, growth_in_logarithms, growth_block_by_block],
    "branch_scale": [scale_in_logarithms, scale_by_newton, scale_on_a_grid],
    "degradation_verdict": [
        verdict_by_statistics,
        verdict_by_hand,
        verdict_of_differences,
    ],
    "path_lengths": [
        paths_added_at,
        paths_by_roots,
        paths_by_polynomials,
        paths_by_recursion,
        paths_by_fourier,
    ],
    "shattered": [shattered_complex_step, shattered_backward, shattered_by_correlate],
}

# --- Wrong, written as learners write it ----------------------------------------------------------


def block_in_place(h, w1, w2, grad):
    z = h @ w1
    a = np.maximum(z, 0)
    dz = (grad @ w2.T) * (z > 0)
    dw1 = h.T @ dz
    h += a @ w2
    return {"out": h, "dh": grad + dz @ w1.T, "dw1": dw1, "dw2": a.T @ grad}


def block_grad_in_place(h, w1, w2, grad):
    z = h @ w1
    a = np.maximum(z, 0)
    dz = (grad @ w2.T) * (z > 0)
    dw2 = a.T @ grad
    grad += dz @ w1.T
    return {"out": h + a @ w2, "dh": grad, "dw1": h.T @ dz, "dw2": dw2}


def block_untransposed(h, w1, w2, grad):
    dz = (grad @ w2) * (h @ w1 > 0)
    return {"out": h, "dh": grad + dz @ w1, "dw1": h.T @ dz, "dw2": h.T @ grad}


def block_weights_transposed(h, w1, w2, grad):
    z = h @ w1
    dz = (grad @ w2.T) * (z > 0)
    a = np.maximum(z, 0)
    return {"out": h + a @ w2, "dh": grad + dz @ w1.T, "dw1": dz.T @ h, "dw2": a.T @ grad}


def block_name_used_again(h, w1, w2, grad):
    z = h @ w1
    a = np.maximum(z, 0)
    h = h + a @ w2
    dz = (grad @ w2.T) * (z > 0)
    return {"out": h, "dh": dz @ w1.T + grad, "dw1": h.T @ dz, "dw2": a.T @ grad}


def block_skip_twice(h, w1, w2, grad):
    z = h @ w1
    a = np.maximum(z, 0)
    dz = (grad @ w2.T) * (z > 0)
    return {"out": h + a @ w2, "dh": 2 * grad + dz @ w1.T, "dw1": h.T @ dz, "dw2": a.T @ grad}


def stack_in_place(h, blocks, version):
    for w1, w2 in blocks:
        h += np.maximum((h if version == "v1" else np.maximum(h, 0)) @ w1, 0) @ w2
        if version == "v1":
            np.maximum(h, 0, out=h)
    return h


def stack_first_block_only(h, blocks, version):
    return stack_recursive(h, blocks[:1], version)


def growth_without_verdict(gains, alpha):
    return {"plain": 1.0, "residual": 1.0}


def growth_verdict_in_words(gains, alpha):
    return {**growth_in_logarithms(gains, alpha), "bounded": "True"}


def growth_of_ones(gains, alpha):
    return {"plain": np.prod(gains) * alpha ** len(gains), "residual": 1.0, "bounded": True}


def scale_for_one_block(gains, target):
    return np.sqrt(target**2 - 1) / gains[0]


def verdict_story(runs):
    """Everything that is usually said of one and the same network, whichever it is."""
    ratio = np.median(runs["deep"]["gradients"][:, 0] / runs["deep"]["gradients"][:, -1])
    return {"degraded": True, "overfitting": False, "ratio": ratio, "vanishing": True, "repaired": True}


def verdict_of_the_story(runs):
    right = verdict_by_hand(runs)
    return {**right, "vanishing": right["degraded"]}


def verdict_in_words(runs):
    return {**verdict_by_hand(runs), "degraded": "yes"}


def paths_from_one(gains):
    return {name: share[1:] for name, share in paths_by_polynomials(gains).items()}


def paths_of_short_lengths(gains):
    share = np.exp(-np.arange(len(gains) + 1.0))
    return {"paths": share / share.sum(), "gradient": share / share.sum()}


def paths_not_normalised(gains):
    return {
        name: np.asarray(share) * np.prod(1 + gains**2) * 2
        for name, share in paths_by_polynomials(gains).items()
    }


def shattered_without_relu(x, network, lag):
    """The slope of the network without its ReLUs: the same everywhere, so that its likeness is 0/0."""
    return {"slope": np.full(len(x), network["u"] @ network["v"]), "likeness": np.nan}


def shattered_in_place(x, network, lag):
    network["blocks"].reverse()
    return shattered_backward(x, network, lag)


def shattered_last_block_twice(x, network, lag):
    return shattered_backward(x, {**network, "blocks": network["blocks"] + network["blocks"][-1:]}, lag)


def shattered_size_of_likeness(x, network, lag):
    right = shattered_backward(x, network, lag)
    return right | {"likeness": abs(right["likeness"])}


def shattered_in_16_bits(x, network, lag):
    right = shattered_backward(x, network, lag)
    return right | {"slope": np.asarray(right["slope"]).astype(np.float16)}


def shattered_roll(x, network, lag):
    right = shattered_backward(x, network, lag)
    a = np.array(right["slope"]) - np.mean(right["slope"])
    return {**right, "likeness": np.mean(a * np.roll(a, -lag)) / np.var(a)}


def growth_with_another_limit(gains, alpha):
    g = alpha * np.array(gains)
    residual = np.sqrt(np.prod(1 + g**2))
    return {"plain": np.prod(g), "residual": residual, "bounded": bool(residual <= 100)}


def verdict_with_other_limits(limit, least):
    """The right steps, with another limit for the errors and for the ratio."""

    def verdict(runs):
        train = {name: np.median(run["train_error"]) for name, run in runs.items()}
        gradients = runs["deep"]["gradients"]
        ratio = np.median(gradients[:, 0] / gradients[:, -1])
        degraded = train["deep"] - train["shallow"] > limit
        return {
            "degraded": bool(degraded),
            "overfitting": bool(np.median(runs["deep"]["test_error"]) - train["deep"] > limit),
            "ratio": ratio,
            "vanishing": bool(ratio < least),
            "repaired": bool(degraded and train["residual"] - train["shallow"] <= limit),
        }

    return verdict


def verdict_of_extremes(runs):
    right = verdict_by(np.median)(runs)
    return right | {"vanishing": not 1e-3 < right["ratio"] < 1e3}


def block_keys_exchanged(h, w1, w2, grad):
    z = h @ w1
    a = z * (z > 0)
    dz = grad @ w2.T * (z > 0)
    return {"out": h + a @ w2, "dh": grad + dz @ w1.T, "dw1": a.T @ grad, "dw2": h.T @ dz}


def block_z_for_a(h, w1, w2, grad):
    z = h @ w1
    a = z * (z > 0)
    dz = grad @ w2.T * (z > 0)
    return {"out": h + a @ w2, "dh": grad + dz @ w1.T, "dw1": h.T @ dz, "dw2": z.T @ grad}


def block_of_2016(h, w1, w2, grad):
    r = np.maximum(h, 0)
    z = r @ w1
    a = z * (z > 0)
    dz = grad @ w2.T * (z > 0)
    return {"out": h + a @ w2, "dh": grad + dz @ w1.T * (h > 0), "dw1": r.T @ dz, "dw2": a.T @ grad}


def stack_one_start(h, blocks, version):
    x = h
    for w1, w2 in blocks:
        if version == "v1":
            h = np.maximum(x + np.maximum(h @ w1, 0) @ w2, 0)
        else:
            h = x + np.maximum(np.maximum(h, 0) @ w1, 0) @ w2
    return h


def stack_returns_early(h, blocks, version):
    for w1, w2 in blocks:
        if version == "v1":
            h = np.maximum(h + np.maximum(h @ w1, 0) @ w2, 0)
        else:
            h = h + np.maximum(np.maximum(h, 0) @ w1, 0) @ w2
        return h


def growth_alpha_once(gains, alpha):
    g = np.asarray(gains)
    r = np.sqrt(np.prod(1 + (alpha * g) ** 2))
    return {"plain": alpha * g.prod(), "residual": r, "bounded": bool(r <= 10)}


def growth_judged_plain(gains, alpha):
    g = alpha * np.asarray(gains)
    r = np.sqrt(np.prod(1 + g * g))
    return {"plain": g.prod(), "residual": r, "bounded": bool(g.prod() <= 10)}


def growth_square_judged(gains, alpha):
    g = alpha * np.asarray(gains)
    s = np.prod(1 + g * g)
    return {"plain": g.prod(), "residual": np.sqrt(s), "bounded": bool(s <= 10)}


def scale_up_to_one(gains, target):
    lo, hi = 0.0, 1.0
    for _ in range(60):
        a = (lo + hi) / 2
        if np.sqrt(np.prod(1 + (a * gains) ** 2)) < target:
            lo = a
        else:
            hi = a
    return a


def scale_of_the_geometric_mean(gains, target):
    return np.sqrt(target ** (2 / len(gains)) - 1) / np.exp(np.mean(np.log(gains)))


def paths_of_terms(gains):
    s = np.ones(1)
    for g in gains:
        s = np.convolve(s, [1, g * g])
    p = np.array([math.comb(len(gains), k) for k in range(len(gains) + 1)]) / 2 ** len(gains)
    return {"paths": p, "gradient": s}


def shattered_one_stretch(x, network, lag):
    s, al = network["skip"], network["alpha"]
    h = np.outer(x, network["u"]) + network["b"]
    d = np.tile(network["u"], (len(x), 1))
    for w in network["blocks"]:
        d = s * d + al * (d * (h > 0)) @ w
        h = s * h + al * np.maximum(h, 0) @ w
    y = d @ network["v"]
    a = y - y.mean()
    return {"slope": y, "likeness": a[lag:] @ a[:-lag] / (a[:-lag] @ a[:-lag])}


def shattered_alpha_once(x, network, lag):
    s, al = network["skip"], network["alpha"]
    h = np.outer(x, network["u"]) + network["b"]
    d = np.tile(network["u"], (len(x), 1))
    for w in network["blocks"]:
        d = s * d + al * (d * (h > 0)) @ w
        h = s * h + np.maximum(h, 0) @ w
    y = d @ network["v"]
    a = y - y.mean()
    return {"slope": y, "likeness": a[lag:] @ a[:-lag] / (a @ a)}


def block_open_at_zero(h, w1, w2, grad):
    z = h @ w1
    a = np.maximum(z, 0)
    dz = (grad @ w2.T) * (z >= 0)
    return {"out": h + a @ w2, "dh": grad + dz @ w1.T, "dw1": h.T @ dz, "dw2": a.T @ grad}


def block_relu_on_its_output(h, w1, w2, grad):
    z = h @ w1
    a = np.maximum(z, 0)
    dz = (grad @ w2.T) * (z > 0)
    return {"out": np.maximum(h + a @ w2, 0), "dh": grad + dz @ w1.T, "dw1": h.T @ dz, "dw2": a.T @ grad}


def shattered_open_at_zero(x, network, lag):
    s, alpha = network["skip"], network["alpha"]
    h = np.outer(x, network["u"]) + network["b"]
    t = np.tile(network["u"], (len(x), 1))
    for w in network["blocks"]:
        t = s * t + alpha * ((h >= 0) * t) @ w
        h = s * h + alpha * np.maximum(h, 0) @ w
    slope = t @ network["v"]
    a = slope - slope.mean()
    return {"slope": slope, "likeness": (a[:-lag] @ a[lag:]) / (a @ a)}


def scale_up_to_ten(gains, target):
    low, high = 0.0, 10.0
    for _ in range(60):
        a = (low + high) / 2
        low, high = (a, high) if np.sqrt(np.prod(1 + (a * gains) ** 2)) < target else (low, a)
    return a


def scale_to_the_third_decimal(gains, target):
    low, high = 0.0, target / gains.max()
    while high - low > 1e-3:
        a = (low + high) / 2
        low, high = (a, high) if np.sum(np.log1p((a * gains) ** 2)) / 2 < math.log(target) else (low, a)
    return a


def paths_in_32_bits(gains):
    count = np.ones(1, np.int32)
    for _ in gains:
        count = np.convolve(count, np.array([1, 1], np.int32))
    return paths_by_polynomials(gains) | {"paths": count / count.sum()}


WRONG = {
    "residual_block": [
        (block_by_nudges, "relu-slope-one-at-zero"),
        (block_open_at_zero, "relu-slope-one-at-zero"),
        (block_relu_on_its_output, "relu-on-the-trunk"),
        (block_keys_exchanged, "order"),
        (block_z_for_a, "z-for-the-activation"),
        (block_of_2016, "relu-in-front"),
        (block_in_place, "mutated"),
        (block_grad_in_place, "mutated"),
        (block_untransposed, "error"),
        (block_weights_transposed, "shape"),
        (block_name_used_again, "in-place-add"),
        (block_skip_twice, "something-else-on-the-skip"),
    ],
    "two_blocks": [
        (stack_one_start, "skip-from-the-input"),
        (stack_returns_early, "first-block-only"),
        (stack_in_place, "mutated"),
        (stack_first_block_only, "first-block-only"),
        (lambda h, blocks, version: h @ blocks[0][0], "shape"),
    ],
    "predict_growth": [
        (growth_alpha_once, "alpha-once"),
        (growth_judged_plain, "bounded-by-the-plain-way"),
        (growth_square_judged, "says False too easily"),
        (growth_with_another_limit, None),
        (growth_without_verdict, "form"),
        (growth_verdict_in_words, "form"),
        (growth_of_ones, "skip-keeps-it-bounded"),
    ],
    "branch_scale": [
        (scale_up_to_ten, "search-too-short"),
        (scale_to_the_third_decimal, None),
        (scale_up_to_one, "search-too-short"),
        (scale_of_the_geometric_mean, "geometric-mean-for-all"),
        (scale_for_one_block, None),
        (lambda gains, target: 0.1, "constant"),
        (lambda gains, target: np.sqrt(np.log(target) - 10), "nan"),
        (lambda gains, target: target / gains, "shape"),
    ],
    "degradation_verdict": [
        (verdict_by(lambda errors: sorted(errors)[2]), "one-of-the-two-middles"),
        (verdict_by(min), "one-seed-decides"),
        (verdict_by(np.median, "test_error"), "repaired-by-test-error"),
        (verdict_of_extremes, None),
        (verdict_with_other_limits(0.1, 1e-3), None),
        (verdict_with_other_limits(0.05, 0.05), None),
        (verdict_story, None),
        (verdict_of_the_story, "degraded-means-vanishing"),
        (verdict_in_words, "form"),
        (lambda runs: (True, False, 1.0, False, True), "form"),
    ],
    "path_lengths": [
        (paths_in_32_bits, "nan"),
        (paths_of_terms, "terms-for-shares"),
        (paths_from_one, "shape"),
        (paths_of_short_lengths, None),
        (paths_not_normalised, None),
        (lambda gains: gains / 0.0, "form"),
    ],
    "shattered": [
        (shattered_open_at_zero, "relu-slope-one-at-zero"),
        (shattered_one_stretch, "square-of-one-stretch"),
        (shattered_alpha_once, "forward-without-the-scale"),
        (shattered_without_relu, "nan"),
        (shattered_in_place, "mutated"),
        (shattered_last_block_twice, None),
        (shattered_roll, "wraps-around"),
        (shattered_size_of_likeness, None),
        (shattered_in_16_bits, "16 bits"),
    ],
}
