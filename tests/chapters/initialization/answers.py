"""Chapter 2: unusual answers that are right, and wrong ones beside those that the exercises know."""

import math
from functools import reduce
from itertools import pairwise

import numpy as np

# --- Right, but not as we wrote it ----------------------------------------------------------------


def xavier_float32(fan_in, fan_out, law, rng):
    if law == "uniform":
        return (2 * rng.random((fan_in, fan_out), dtype=np.float32) - 1) * np.float32(
            6 / (fan_in + fan_out)
        ) ** 0.5
    return (
        rng.standard_normal((fan_in, fan_out), dtype=np.float32) / np.float32((fan_in + fan_out) / 2) ** 0.5
    )


def xavier_harmonic(fan_in, fan_out, law, rng):
    inverse = [1 / fan_in, 1 / fan_out]
    std = math.sqrt(2 * inverse[0] * inverse[1] / sum(inverse))
    rows = [
        rng.normal(0, std, fan_out) if law == "normal" else rng.uniform(-1, 1, fan_out) for _ in range(fan_in)
    ]
    return np.array(rows) * (1 if law == "normal" else std * 3**0.5)


def truncated(shape, rng):
    w = rng.standard_normal(shape)
    while np.any(outside := np.abs(w) > 2):
        w[outside] = rng.standard_normal(outside.sum())
    return w / 0.87962566


def xavier_truncated(fan_in, fan_out, law, rng):
    std = np.sqrt(2 / (fan_in + fan_out))
    if law == "normal":
        return truncated((fan_in, fan_out), rng) * std
    return rng.uniform(-np.sqrt(3), np.sqrt(3), (fan_out, fan_in)).T * std


def he_uniform(fan_in, fan_out, alpha, rng):
    a = (6 / ((1 + alpha**2) * fan_in)) ** 0.5
    return rng.uniform(-a, a, (fan_in, fan_out))


def he_float32(fan_in, fan_out, alpha, rng):
    w = rng.standard_normal((fan_in, fan_out), dtype=np.float32)
    return w * np.float32((2 / (fan_in * (1 + alpha * alpha))) ** 0.5)


def he_lists(fan_in, fan_out, alpha, rng):
    std = (2 / fan_in) ** 0.5 / (1 + alpha**2) ** 0.5
    return [[float(v) for v in rng.normal(0, std, fan_out)] for _ in range(fan_in)]


def he_truncated(fan_in, fan_out, alpha, rng):
    return truncated((fan_in, fan_out), rng) * np.sqrt(2 / (1 + alpha**2) / fan_in)


def he_signs(fan_in, fan_out, alpha, rng):
    return rng.choice([-1, 1], (fan_in, fan_out)) * np.sqrt(2 / (1 + alpha**2) / fan_in)


def h2_in_logarithms(x, widths, variances):
    logs = [math.log(n) + math.log(v) - math.log(2) for n, v in zip(widths, variances, strict=False)]
    return math.exp(math.log(float((x * x).mean())) + sum(logs))


def h2_recursive(x, widths, variances):
    if not len(variances):
        return np.mean(np.asarray(x, np.float32) ** 2)
    return h2_recursive(x, widths[:-1], variances[:-1]) * 0.5 * widths[-2] * variances[-1]


def h2_from_moments(x, widths, variances):
    start = x.var() + x.mean() ** 2
    return np.array([start * np.prod(np.array(widths[:-1]) * np.array(variances)) / 2 ** len(variances)])


def gain_trapezoid(phi):
    z = np.linspace(-8, 8, 50_001)
    y = phi(z) ** 2 * np.exp(-0.5 * z * z)
    area = np.sum((y[1:] + y[:-1]) / 2 * np.diff(z)) / math.sqrt(2 * math.pi)
    return area**-0.5


def gain_by_quantiles(phi):
    z = np.linspace(0, 9, 200_001)
    weights = np.exp(-z * z / 2)
    weights /= 2 * weights.sum() - weights[0]
    weights[0] /= 2
    return 1 / np.sqrt(weights @ (phi(z) ** 2 + phi(-z) ** 2))


def gain_panels(phi):
    x, w = np.polynomial.legendre.leggauss(40)
    total = 0.0
    edges = np.concatenate([-(10.0 ** np.linspace(1, -3, 30)), [0], 10.0 ** np.linspace(-3, 1, 30)])
    for low, high in pairwise(edges):
        z = (low + high) / 2 + (high - low) / 2 * x
        total += (high - low) / 2 * np.sum(w * phi(z) ** 2 * np.exp(-(z**2) / 2))
    return 1 / math.sqrt(total / math.sqrt(2 * math.pi))


def gain_loop(phi):
    total, step, z = 0.0, 0.002, -8.0
    while z < 8:
        total += float(phi(z)) ** 2 * math.exp(-z * z / 2) * step
        z += step
    return 1 / math.sqrt(total / math.sqrt(2 * math.pi))


def diagnose_by_product(weights):
    total = 1.0
    for w in weights:
        total *= np.var(w) * len(w) / 2
    factor = total ** (1 / len(weights))
    verdict = "HOLDS" if 1e-3 <= total <= 1e3 else ["VANISHES", "EXPLODES"][int(total > 1)]
    return {"repair": factor**-0.5, "factor": np.float32(factor), "verdict": verdict, "total": total}


def diagnose_by_norm(weights):
    logs = [np.log(np.linalg.norm(w) ** 2 / w.shape[1] / 2) for w in weights]
    total = sum(logs)
    verdict = "VANISHES" if total < -6.9078 else "EXPLODES" if total > 6.9078 else "HOLDS"
    rate = total / len(logs)
    return {"factor": np.exp(rate), "verdict": verdict, "repair": np.exp(-rate / 2)}


def symmetry_einsum(x, w1, w2, grad):
    mask = np.heaviside(np.einsum("bi,ih->bh", x, w1), 0)
    dw1 = np.einsum("bi,bh,bo,ho->ih", x, mask, grad, w2)
    return {"grad": dw1, "rank": int((np.linalg.svd(dw1)[1] > 1e-8).sum())}


def symmetry_rows(x, w1, w2, grad):
    dw1 = np.zeros_like(w1)
    for row, g in zip(x, grad, strict=True):
        z = row @ w1
        dw1 += np.outer(row, np.where(z > 0, w2 @ g, 0))
    return {"grad": dw1.tolist(), "rank": np.linalg.matrix_rank(dw1, tol=1e-9)}


def spread_loop(h2, depths, widths):
    sds, top, bottom = [], 0.0, 0.0
    for row, depth, width in zip(h2, depths, widths, strict=True):
        logs = [math.log(v) for v in row]
        mean = sum(logs) / len(logs)
        variance = sum(v * v for v in logs) / len(logs) - mean**2
        sds.append(variance**0.5)
        top, bottom = top + variance * depth / width, bottom + (depth / width) ** 2
    return {"sd": sds, "c": top / bottom}


def spread_lstsq(h2, depths, widths):
    logs = np.log10(h2) * np.log(10)
    x = (depths / widths)[:, None]
    (c,), *_ = np.linalg.lstsq(x, logs.var(axis=1), rcond=None)
    return {"sd": logs.std(axis=1), "c": c}


def lsuv_iterative(weights, x):
    new, h = [w.copy() for w in weights], x.copy()
    for w in new:
        while abs((h @ w).var() - 1) > 1e-9:
            w /= np.sqrt((h @ w).var())
        h = (h @ w).clip(min=0)
    return tuple(new)


def lsuv_float32(weights, x):
    h, new = x.astype(np.float32), []
    for w in weights:
        z = h @ w.astype(np.float32)
        s = np.sqrt(np.mean(z**2) - np.mean(z) ** 2)
        new.append(w / s)
        h = np.where(z > 0, z, 0) / s
    return new


def xavier_from_uniform_numbers(fan_in, fan_out, law, rng):
    v = 2.0 / (fan_in + fan_out)
    u = rng.random((fan_in, fan_out))
    w = rng.random((fan_in, fan_out))
    if law == "uniform":
        return (12 * v) ** 0.5 * (u - 0.5)
    return np.sqrt(-2 * v * np.log1p(-u)) * np.cos(2 * np.pi * w)


def he_laplace(fan_in, fan_out, alpha, rng):
    v = 2 / ((1 + alpha**2) * fan_in)
    return rng.laplace(0, np.sqrt(v / 2), (fan_in, fan_out)).astype(np.float32)


def he_by_columns(fan_in, fan_out, alpha, rng):
    cols = []
    for _ in range(fan_out):
        cols.append(rng.normal(scale=(2 / (1 + alpha**2) / fan_in) ** 0.5, size=fan_in))
    return np.stack(cols, axis=-1)


def h2_by_reduce(x, widths, variances):
    xs = [float(v) for v in np.ravel(x)]
    return reduce(
        lambda q, nv: q * nv[0] * nv[1] / 2.0,
        zip(widths[:-1], variances, strict=False),
        sum(v * v for v in xs) / len(xs),
    )


def diagnose_by_select(weights):
    logs = np.array([np.log(np.sum(w * w) / w.shape[1] / 2) for w in weights])
    t = logs.sum() / np.log(10)
    v = np.select([t < -3, t > 3], ["VANISHES", "EXPLODES"], "HOLDS")
    return {
        "factor": float(np.exp(logs.mean())),
        "verdict": str(v),
        "repair": float(np.exp(-logs.mean() / 2)),
    }


def symmetry_by_svd(x, w1, w2, grad):
    on = np.where(x @ w1 > 0, 1.0, 0.0)
    dw = np.einsum("bi,bo,ho,bh->ih", x, grad, w2, on)
    s = np.linalg.svd(dw, compute_uv=False)
    return {"grad": dw, "rank": int(np.sum(s > 1e-10 * max(s[0], 1e-30))) if s[0] > 0 else 0}


def spread_by_solve(h2, depths, widths):
    L = np.log1p(h2 - 1.0)
    sd = np.sqrt(np.mean((L - L.mean(-1, keepdims=True)) ** 2, axis=-1))
    A = np.column_stack([depths / widths])
    return {"sd": list(sd), "c": np.linalg.solve(A.T @ A, A.T @ sd**2)[0]}


def lsuv_recursive(weights, x):

    def go(h, ws):
        if not ws:
            return
        z = np.dot(h, ws[0])
        c = math.sqrt(((z - z.mean()) ** 2).sum() / z.size)
        yield (ws[0] / c).tolist()
        yield from go(np.where(z > 0, z / c, 0.0), ws[1:])

    return list(go(x, list(weights)))


CORRECT = {
    "xavier": [xavier_from_uniform_numbers, xavier_float32, xavier_harmonic, xavier_truncated],
    "he": [he_laplace, he_by_columns, he_uniform, he_float32, he_lists, he_truncated, he_signs],
    "predict_h2": [h2_by_reduce, h2_in_logarithms, h2_recursive, h2_from_moments],
    "gain": [gain_trapezoid, gain_by_quantiles, gain_panels, gain_loop],
    "diagnose": [diagnose_by_select, diagnose_by_product, diagnose_by_norm],
    "hidden_gradient": [symmetry_by_svd, symmetry_einsum, symmetry_rows],
    "spread": [spread_by_solve, spread_loop, spread_lstsq],
    "lsuv": [lsuv_recursive, lsuv_iterative, lsuv_float32],
}

# --- Wrong, written as learners write it ----------------------------------------------------------


def xavier_transposed(fan_in, fan_out, law, rng):
    return rng.normal(0, np.sqrt(2 / (fan_in + fan_out)), (fan_out, fan_in))


def xavier_two_mistakes(fan_in, fan_out, law, rng):
    return rng.normal(0, 6 / fan_in, (fan_in, fan_out))


def he_equal_weights(fan_in, fan_out, alpha, rng):
    return np.full((fan_in, fan_out), np.sqrt(2 / (1 + alpha**2) / fan_in))


def he_one_row(fan_in, fan_out, alpha, rng):
    return np.tile(rng.normal(0, np.sqrt(2 / (1 + alpha**2) / fan_in), fan_out), (fan_in, 1))


def he_leak_on_std(fan_in, fan_out, alpha, rng):
    """He's rule for the ReLU right, and for the leak √2/(1 + α²): a mistake of its own."""
    return rng.normal(0, np.sqrt(2 / fan_in) / (1 + alpha**2), (fan_in, fan_out))


def he_fan_out_by_uniform(fan_in, fan_out, alpha, rng):
    a = np.sqrt(6 / ((1 + alpha**2) * fan_out))
    return rng.uniform(-a, a, (fan_in, fan_out))


def h2_loop_off_by_one(x, widths, variances):
    h2 = (x**2).mean()
    for layer in range(len(variances) - 1):
        h2 *= widths[layer] * variances[layer] / 2
    return h2


def h2_rounded(x, widths, variances):
    return round(h2_by_reduce(x, widths, variances), 9)


def h2_in_16_bits(x, widths, variances):
    return np.float16(h2_by_reduce(x, widths, variances))


def h2_twice_half(x, widths, variances):
    h2 = (x**2).mean()
    for layer in range(len(variances)):
        h2 *= widths[layer] * variances[layer] / 4
    return h2


def gain_hermite_20(phi):
    nodes, weights = np.polynomial.hermite_e.hermegauss(20)
    return 1 / np.sqrt(weights @ phi(nodes) ** 2 / weights.sum())


def diagnose_as_tuple(weights):
    return 1.0, "HOLDS", 1.0


def diagnose_lower_case(weights):
    return {"factor": 1 / 6, "verdict": "vanishes", "repair": 6**0.5}


def symmetry_untransposed(x, w1, w2, grad):
    return {"grad": x.T @ (grad @ w2 * (x @ w1 > 0)), "rank": 0}


def symmetry_mask_of_h_in_place(x, w1, w2, grad):
    x *= 1.0001
    dw1 = x.T @ (grad @ w2.T * (x @ w1 > 0))
    return {"grad": dw1, "rank": np.linalg.matrix_rank(dw1)}


def spread_wrong_axis(h2, depths, widths):
    return {"sd": np.log(h2).std(axis=0), "c": 5.0}


def spread_textbook(h2, depths, widths):
    return {"sd": np.sqrt(5 * depths / widths), "c": 5.0}


def lsuv_in_place(weights, x):
    h = x
    for w in weights:
        w /= np.std(h @ w)
        h = np.maximum(h @ w, 0)
    return weights


def lsuv_unchanged(weights, x):
    return weights


def gain_by_draws(phi):
    return 1 / np.sqrt(np.mean(phi(np.random.default_rng().standard_normal(500_000)) ** 2))


def gain_by_seeded_draws(phi):
    return 1 / np.sqrt(np.mean(phi(np.random.default_rng(7).standard_normal(1_000_000)) ** 2))


def gain_in_the_table(phi):
    return {0.0: math.sqrt(2), 1.0: 1.0}.get(float(phi(-1.0)), 5 / 3)


def lsuv_loop(tolerance):
    def loop(weights, x):
        scaled, h = [], x
        for w in weights:
            while abs(np.std(h @ w) - 1) > tolerance:
                w = w / np.std(h @ w)
            scaled.append(w)
            h = np.clip(h @ w, 0, None)
        return scaled

    return loop


def diagnose_in_other_words(weights):
    factor = np.exp(np.mean([np.log(len(w) * np.mean(w**2) / 2) for w in weights]))
    total = factor ** len(weights)
    verdict = "VANISHING" if total < 1e-3 else "EXPLODING" if total > 1e3 else "OK"
    return {"factor": factor, "verdict": verdict, "repair": factor**-0.5}


def he_absolute(fan_in, fan_out, alpha, rng):
    return np.abs(rng.standard_normal((fan_in, fan_out))) * np.sqrt(2 / (1 + alpha**2) / fan_in)


def xavier_one_law_by_variance(fan_in, fan_out, law, rng):
    if law == "normal":
        return rng.normal(0, 2 / (fan_in + fan_out), (fan_in, fan_out))
    return rng.uniform(-1, 1, (fan_in, fan_out)) * np.sqrt(6 / (fan_in + fan_out))


def diagnose_with_other_limits(weights):
    factor = np.exp(np.mean([np.log(w.shape[0] * np.mean(w**2) / 2) for w in weights]))
    total = factor ** len(weights)
    verdict = "VANISHES" if total < 0.1 else "EXPLODES" if total > 10 else "HOLDS"
    return {"factor": factor, "verdict": verdict, "repair": factor**-0.5}


def xavier_one_row(fan_in, fan_out, law, rng):
    std = np.sqrt(2 / (fan_in + fan_out))
    if law == "normal":
        row = rng.normal(0, std, fan_out)
    else:
        row = rng.uniform(-np.sqrt(3) * std, np.sqrt(3) * std, fan_out)
    return np.repeat(row[None], fan_in, axis=0)


def xavier_whole_width(fan_in, fan_out, law, rng):
    v = 2 / (fan_in + fan_out)
    if law == "normal":
        return rng.normal(0, np.sqrt(v), (fan_in, fan_out))
    a = np.sqrt(12 * v)
    return rng.uniform(-a, a, (fan_in, fan_out))


def xavier_in_integers(fan_in, fan_out, law, rng):
    w = np.zeros((fan_in, fan_out), dtype=int)
    s = np.sqrt(2 / (fan_in + fan_out))
    w[:] = rng.normal(0, s, w.shape) if law == "normal" else rng.uniform(-s * 3**0.5, s * 3**0.5, w.shape)
    return w


def he_one_row_for_all(fan_in, fan_out, alpha, rng):
    s = np.sqrt(2 / ((1 + alpha**2) * fan_in))
    return np.ones((fan_in, 1)) * rng.normal(0, s, (1, fan_out))


def he_std_for_mean(fan_in, fan_out, alpha, rng):
    return rng.normal(np.sqrt(2 / ((1 + alpha**2) * fan_in)), size=(fan_in, fan_out))


def h2_two_bases(x, widths, variances):
    s = np.log2(np.mean(x**2))
    for n, v in zip(widths[:-1], variances, strict=False):
        s += np.log2(n * v / 2)
    return np.exp(s)


def gain_of_one_side(phi):
    z = np.linspace(0, 10, 100001)
    return 1 / np.sqrt(2 * np.mean(phi(z) ** 2 * np.exp(-z * z / 2)) * 10 / np.sqrt(2 * np.pi))


def gain_of_a_stretch(phi):
    return 1 / np.sqrt(np.mean(phi(np.linspace(-10, 10, 100001)) ** 2))


def diagnose_by_median(weights):
    f = np.median([len(w) * w.var() / 2 for w in weights])
    t = f ** len(weights)
    return {
        "factor": f,
        "verdict": "VANISHES" if t < 0.001 else "EXPLODES" if t > 1000.0 else "HOLDS",
        "repair": f ** (-0.5),
    }


def diagnose_by_the_sum(weights):
    f = [len(w) * w.var() / 2 for w in weights]
    g = np.prod(f) ** (1 / len(f))
    t = sum(f)
    return {
        "factor": g,
        "verdict": "VANISHES" if t < 0.001 else "EXPLODES" if t > 1000.0 else "HOLDS",
        "repair": g ** (-0.5),
    }


def symmetry_of_values(x, w1, w2, grad):
    h = np.maximum(x @ w1, 0)
    d = grad @ w2.T * h
    dw = x.T @ d
    return {"grad": dw, "rank": np.linalg.matrix_rank(dw)}


def symmetry_counts_columns(x, w1, w2, grad):
    dw = x.T @ (grad @ w2.T * (x @ w1 > 0))
    return {"grad": dw, "rank": min(dw.shape)}


def lsuv_of_the_paper(weights, x):
    out, h = [], x
    for w in weights:
        u, _, v = np.linalg.svd(w, full_matrices=False)
        w = u @ v
        w = w / np.std(h @ w)
        out.append(w)
        h = np.maximum(h @ w, 0)
    return out


def h2_cut_at_the_tiny(x, widths, variances):
    h2 = np.mean(x**2)
    for n, variance in zip(widths, variances, strict=False):
        h2 *= n * variance / 2
        if h2 < 1e-12:
            return 0.0
    return h2


WRONG = {
    "xavier": [
        (xavier_one_row, "no two rows are alike"),
        (xavier_whole_width, "width-for-bound"),
        (xavier_in_integers, "whole numbers"),
        (xavier_transposed, "shape"),
        (xavier_two_mistakes, None),
        (xavier_one_law_by_variance, "variance-given-as-std"),
    ],
    "he": [
        (he_one_row_for_all, "no two rows are alike"),
        (he_std_for_mean, "the mean is 0"),
        (lambda fan_in, fan_out, alpha, rng: rng.normal(0, 0.3, (fan_out, fan_in)), "shape"),
        (he_equal_weights, None),
        (he_absolute, "never-negative"),
        (he_one_row, None),
        (he_leak_on_std, None),
        (he_fan_out_by_uniform, "fan-out-for-fan-in"),
    ],
    "predict_h2": [
        (h2_cut_at_the_tiny, None),
        (h2_two_bases, "different bases"),
        (h2_loop_off_by_one, "one-layer-too-few"),
        (h2_twice_half, None),
        (h2_rounded, None),
        (h2_in_16_bits, None),
    ],
    "gain": [
        (gain_of_one_side, "half-of-the-bell"),
        (gain_of_a_stretch, "no-bell-curve"),
        (gain_by_draws, "random"),
        (gain_by_seeded_draws, None),
        (gain_in_the_table, None),
        (gain_hermite_20, "hermite-too-coarse"),
        (lambda phi: np.sqrt(2), "constant"),
    ],
    "diagnose": [
        (diagnose_by_median, "median-of-factors"),
        (diagnose_by_the_sum, "says “HOLDS” too easily"),
        (diagnose_with_other_limits, None),
        (diagnose_as_tuple, "form"),
        (diagnose_in_other_words, None),
        (diagnose_lower_case, "constant"),
        (lambda weights: {"factor": 1.0, "verdict": "HOLDS"}, "form"),
    ],
    "hidden_gradient": [
        (symmetry_of_values, "value-for-slope"),
        (symmetry_counts_columns, "size-for-rank"),
        (symmetry_untransposed, "error"),
        (symmetry_mask_of_h_in_place, "mutated"),
    ],
    "spread": [(spread_wrong_axis, "shape"), (spread_textbook, None)],
    "lsuv": [
        (lsuv_of_the_paper, "orthogonal-first"),
        (lsuv_in_place, "mutated"),
        (lsuv_loop(0.02), "stops-too-early"),
        (lsuv_loop(0.004), "stops-too-early"),
        (lsuv_unchanged, "nothing-rescaled"),
        (lambda weights, x: [w * np.nan for w in weights], "nan"),
        (lambda weights, x: weights[0], "form"),
    ],
}
