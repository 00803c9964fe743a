"""Chapter 1: unusual answers that are right, and wrong ones beside those that the exercises know."""

import math
from itertools import pairwise

import numpy as np

# --- Right, but not as we wrote it ----------------------------------------------------------------


def rate_in_logarithms(ratio, depth):
    return math.exp(math.log(ratio) / depth)


def rate_by_tens(ratio, depth):
    return np.array([10 ** (np.log10(ratio) / depth)])


def rate_by_bisection(ratio, depth):
    low, high = 0.0, 1000.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if middle**depth < ratio else (low, middle)
    return low


def rate_by_geomspace(ratio, depth):
    return np.geomspace(1, ratio, depth + 1)[1]


def slope_by_gradient(phi):
    z = np.linspace(-10, 10, 100_001)
    return np.abs(np.gradient(phi(z), z)).max()


def slope_in_a_loop(phi):
    z = [k / 200 for k in range(-2000, 2000)]
    values = [float(phi(v)) for v in z]
    return max(abs(b - a) * 200 for a, b in pairwise(values))


def slope_in_two_rounds(phi):
    z = np.linspace(-10, 10, 2001)
    size = np.abs(phi(z + 1e-5) - phi(z - 1e-5)) / 2e-5
    near = z[size.argmax()] + np.linspace(-0.02, 0.02, 401)
    return float(max(abs(phi(v + 1e-6) - phi(v - 1e-6)) / 2e-6 for v in near))


def backward_einsum(x, weights, grad):
    z, h = [], [np.asarray(x)]
    for w in weights:
        z.append(np.einsum("bi,ij->bj", h[-1], w))
        h.append(np.where(z[-1] > 0, z[-1], 0.0))
    found = {}
    for i in reversed(range(len(weights))):
        grad = np.einsum("bj,bj->bj", grad, np.heaviside(z[i], 0))
        found[i] = np.einsum("bi,bj->ij", h[i], grad)
        grad = np.einsum("bj,ij->bi", grad, weights[i])
    return {"x": grad, "weights": [found[i] for i in range(len(weights))]}


def backward_recursive(x, weights, grad):
    if not weights:
        return {"weights": [], "x": grad}
    h = np.maximum(x @ weights[0], 0)
    later = backward_recursive(h, weights[1:], grad)
    grad = np.where(h > 0, later["x"], 0)
    return {"weights": [x.T @ grad, *later["weights"]], "x": (weights[0] @ grad.T).T}


def backward_by_rows(x, weights, grad):
    sums, rows = [np.zeros_like(w) for w in weights], []
    for row, g in zip(x, grad, strict=True):
        h = [row]
        for w in weights:
            h.append(np.maximum(w.T @ h[-1], 0))
        for i in reversed(range(len(weights))):
            g = g * np.sign(h[i + 1])
            sums[i] += np.outer(h[i], g)
            g = weights[i] @ g
        rows.append(g)
    return {"weights": tuple(sums), "x": np.array(rows)}


def backward_by_nudges(x, weights, grad):
    """The gradients by finite differences (each is of Σ grad · h_L): where z = 0 they find ½."""

    def loss(x, weights):
        for w in weights:
            x = np.maximum(x @ w, 0)
        return np.sum(grad * x)

    def nudged(array, step=1e-6):
        found = np.zeros(array.shape)
        for place in np.ndindex(array.shape):
            before = array[place]
            array[place] = before + step
            above = loss(x, weights)
            array[place] = before - step
            found[place] = (above - loss(x, weights)) / (2 * step)
            array[place] = before
        return found

    x, weights = x.copy(), [w.copy() for w in weights]
    return {"weights": [nudged(w) for w in weights], "x": nudged(x)}


def backward_float32(x, weights, grad):
    x, grad = x.astype(np.float32), grad.astype(np.float32)
    return backward_recursive(x, [w.astype(np.float32) for w in weights], grad)


def product_multi_dot(jacobians, layer):
    rest = jacobians[layer:][::-1]
    return np.eye(len(jacobians[0])) if not rest else rest[0] if len(rest) == 1 else np.linalg.multi_dot(rest)


def product_by_columns(jacobians, layer):
    columns = []
    for e in np.eye(len(jacobians[0])):
        for j in jacobians[layer:]:
            e = j @ e
        columns.append(e.tolist())
    return [list(row) for row in zip(*columns, strict=True)]


def product_of_transposes(jacobians, layer):
    found = np.eye(len(jacobians[0]))
    for j in jacobians[layer:]:
        found = found @ j.T
    return found.T


def product_recursive(jacobians, layer):
    if layer == len(jacobians):
        return np.identity(jacobians[0].shape[0])
    return product_recursive(jacobians, layer + 1) @ jacobians[layer]


def sigma_closed_form(a):
    return 10.1493 / a


def sigma_by_secant(a):
    z, w = np.polynomial.legendre.leggauss(300)
    z, w = 9 * z, w * np.exp(-((9 * z) ** 2) / 2)
    w = w / w.sum()

    def excess(log_sigma):
        s, q = np.exp(log_sigma), 50.0
        for _ in range(100):
            h = 0.5 * (1 + np.tanh(0.5 * a * math.sqrt(q) * z))
            q = s * s * float(w @ h**2)
        return math.log(s * a) + 0.5 * math.log(float(w @ (h * (1 - h)) ** 2))

    low, high = math.log(5 / a), math.log(20 / a)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) < 0 else (low, middle)
    return math.exp(high)


def sigma_by_scan(a):
    sigmas = np.arange(8, 13, 0.01) / a
    xi = np.linspace(-7, 7, 301)
    bell = np.exp(-(xi**2) / 2) / np.exp(-(xi**2) / 2).sum()
    q = np.ones(len(sigmas))
    for _ in range(30):
        h = 1 / (1 + np.exp(-a * np.sqrt(q)[:, None] * xi))
        q = sigmas**2 * (h**2 @ bell)
    chi = sigmas**2 * ((a * h * (1 - h)) ** 2 @ bell)
    return sigmas[np.abs(chi - 1).argmin()]


def audit_in_logarithms(layers, sizes, last):
    slope = (math.log(sizes[1]) - math.log(sizes[0])) / (layers[1] - layers[0])
    log_end = math.log(sizes[0]) + slope * (last - layers[0])
    return {
        "overflows": log_end > math.log(3.4028235e38),
        "growth": math.exp(slope),
        "expected": math.exp(log_end),
    }


def audit_step_by_step(layers, sizes, last):
    growth = np.power(sizes[1] / sizes[0], 1.0 / (layers[1] - layers[0]))
    size = sizes[1]
    for _ in range(layers[1], last):
        size = size * growth
    return {"growth": growth, "expected": size, "overflows": bool(np.isinf(float_or_inf(size)))}


def float_or_inf(value):
    with np.errstate(over="ignore"):
        return np.float64(value).astype(np.float32)


def sizes_by_svd(jacobians):
    values = [np.linalg.svd(j)[1][0] for j in jacobians]
    whole = np.linalg.svd(product_recursive(jacobians, 0))[1]
    bound = float(np.exp(np.sum(np.log(values))))
    verdict = "undecided" if bound >= 1e-3 else "vanishes"
    return {"verdict": verdict, "rms": math.sqrt(np.mean(whole**2)), "norm": max(whole), "bound": bound}


def sizes_by_eigenvalues(jacobians):
    bound, product = 1.0, np.eye(len(jacobians[0]))
    for j in jacobians:
        bound *= math.sqrt(np.linalg.eigvalsh(j.T @ j)[-1])
        product = j @ product
    squares = np.linalg.eigvalsh(product @ product.T)
    return {
        "bound": bound,
        "norm": np.sqrt(squares[-1]),
        "rms": np.sqrt(np.trace(product.T @ product) / len(product)),
        "verdict": ["undecided", "vanishes"][int(bound < 0.001)],
    }


def rate_by_newton(ratio, depth):
    g = 1.0
    for _ in range(4000):
        g = g - (g**depth - ratio) / (depth * g ** (depth - 1))
        if abs(g**depth / ratio - 1) < 1e-12:
            break
    return g


def slope_of_numbers(phi):
    d = np.vectorize(lambda t: (phi(t + 1e-06) - phi(t - 1e-06)) / 2e-06)
    return float(np.abs(d(np.linspace(-10, 10, 20001))).max())


class ReLULayer:
    def __init__(self, w):
        self.w = w

    def __call__(self, h):
        self.h = h
        self.z = h @ self.w
        return self.z * (self.z > 0)

    def back(self, g):
        g = g * (self.z > 0)
        self.dw = np.zeros(self.w.shape)
        for n in range(len(g)):
            np.add.at(
                self.dw, np.ix_(range(self.w.shape[0]), range(self.w.shape[1])), np.outer(self.h[n], g[n])
            )
        return g @ self.w.T


def backward_of_layers(x, weights, grad):
    net = [ReLULayer(w) for w in weights]
    for k in net:
        x = k(x)
    for k in reversed(net):
        grad = k.back(grad)
    return {"x": grad, "weights": [k.dw for k in net]}


def product_of_lists(jacobians, layer):
    n = len(jacobians[0])
    out = [[1.0 if i == k else 0.0 for k in range(n)] for i in range(n)]
    for j in jacobians[layer:]:
        out = [[sum(float(j[i, m]) * out[m][k] for m in range(n)) for k in range(n)] for i in range(n)]
    return out


def product_one_einsum(jacobians, layer):
    rest = jacobians[layer:][::-1]
    if not rest:
        return np.identity(jacobians[0].shape[0])
    letters = "abcdefghijklmnop"
    return np.einsum(
        ",".join(letters[i] + letters[i + 1] for i in range(len(rest)))
        + "->"
        + letters[0]
        + letters[len(rest)],
        *rest,
    )


def audit_by_a_line(layers, sizes, last):
    k, c = np.polyfit(layers, np.log10(sizes), 1)
    e = 10 ** (k * last + c)
    return {"growth": 10**k, "expected": e, "overflows": e > float(np.finfo("float32").max)}


def sizes_by_iteration(jacobians):
    p = np.eye(len(jacobians[0]))
    b = 1.0
    for j in jacobians:
        p = j.dot(p)
        b = b * np.sqrt(max(np.linalg.eigvalsh(np.dot(j.T, j))))
    v = np.linspace(1, 2, len(p))
    a = p.T @ p
    for _ in range(4000):
        v = a @ v
        v = v / np.sqrt(v @ v)
    s = np.sqrt(v @ a @ v)
    return {
        "bound": b,
        "norm": s,
        "rms": (np.trace(a) / len(p)) ** 0.5,
        "verdict": "vanishes" if b < 0.001 else "undecided",
    }


def backward_open_at_zero(x, weights, grad):
    hs = [x]
    for w in weights:
        hs.append(np.maximum(0, hs[-1] @ w))
    found = []
    for i in range(len(weights) - 1, -1, -1):
        grad = grad * (hs[i] @ weights[i] >= 0)
        found.insert(0, hs[i].T @ grad)
        grad = grad @ weights[i].T
    return {"weights": found, "x": grad}


CORRECT = {
    "rate": [rate_by_newton, rate_in_logarithms, rate_by_tens, rate_by_bisection, rate_by_geomspace],
    "largest_slope": [slope_of_numbers, slope_by_gradient, slope_in_a_loop, slope_in_two_rounds],
    "mlp_backward": [
        backward_of_layers,
        backward_einsum,
        backward_recursive,
        backward_by_rows,
        backward_float32,
    ],
    "jacobian_product": [
        product_of_lists,
        product_one_einsum,
        product_multi_dot,
        product_by_columns,
        product_of_transposes,
        product_recursive,
    ],
    "critical_sigma": [sigma_closed_form, sigma_by_secant, sigma_by_scan],
    "audit": [audit_by_a_line, audit_in_logarithms, audit_step_by_step],
    "three_sizes": [sizes_by_iteration, sizes_by_svd, sizes_by_eigenvalues],
}


# --- Wrong ----------------------------------------------------------------------------------------


def backward_in_place(x, weights, grad):
    h = [x]
    for w in weights:
        h.append(np.maximum(h[-1] @ w, 0))
    found = []
    for i in reversed(range(len(weights))):
        grad *= h[i + 1] > 0
        found.append(h[i].T @ grad)
        grad = grad @ weights[i].T
    return {"weights": found[::-1], "x": grad}


def backward_in_reverse_order(x, weights, grad):
    right = backward_recursive(x, weights, grad)
    return right | {"weights": right["weights"][::-1]}


def backward_without_x(x, weights, grad):
    return {"weights": backward_recursive(x, weights, grad)["weights"]}


def backward_as_a_tuple(x, weights, grad):
    return tuple(backward_recursive(x, weights, grad).values())


def product_without_identity(jacobians, layer):
    found = jacobians[layer] if layer < len(jacobians) else None
    for j in jacobians[layer + 1 :]:
        found = j @ found
    return found


def sizes_word_in_capitals(jacobians):
    right = sizes_by_svd(jacobians)
    return right | {"verdict": right["verdict"].upper()}


def audit_below_1e38(layers, sizes, last):
    growth = (sizes[1] / sizes[0]) ** (1 / (layers[1] - layers[0]))
    expected = sizes[0] * growth ** (last - layers[0])
    return {"growth": growth, "expected": expected, "overflows": bool(expected > 1e38)}


def sizes_of_the_largest(jacobians):
    right = sizes_by_svd(jacobians)
    return right | {"bound": max(np.linalg.norm(j, 2) for j in jacobians) ** len(jacobians)}


def sizes_by_directions(jacobians):
    product = np.linalg.multi_dot(jacobians[::-1])
    random = np.random.default_rng(0).standard_normal((len(product), 300_000))
    bound = np.prod([np.linalg.norm(one, 2) for one in jacobians])
    return {
        "bound": bound,
        "norm": np.linalg.norm(product, 2),
        "rms": np.linalg.norm(product @ random) / np.linalg.norm(random),
        "verdict": "vanishes" if bound < 0.001 else "undecided",
    }


def rate_whole_division(ratio, depth):
    return ratio ** (1 // depth)


def rate_exchanged(depth, ratio):
    return ratio ** (1 / depth)


def rate_two_bases(ratio, depth):
    return np.exp(np.log10(ratio) / depth)


def slope_near_zero(phi):
    z = np.linspace(-1, 1, 100001)
    return np.max(np.abs(np.gradient(phi(z), z)))


def slope_to(end, low=None):
    def slope(phi):
        z = np.linspace(-end if low is None else low, end, 30001)
        return np.abs(np.gradient(phi(z), z)).max()

    return slope


def slope_of_the_size(phi):
    z = np.linspace(-10, 10, 200001)
    return np.max(np.diff(np.abs(phi(z))) / np.diff(z))


def slope_half_as_large(phi):
    z, h = np.linspace(-10, 10, 200001), 1e-05
    return np.max(np.abs(phi(z + h) - phi(z)) / (2 * h))


def backward_weights_first(x, weights, grad):
    hs = [x]
    for w in weights:
        hs.append(np.maximum(0, hs[-1] @ w))
    dws = []
    for k in reversed(range(len(weights))):
        grad = grad * (hs[k + 1] > 0)
        grad = grad @ weights[k].T
        dws.insert(0, hs[k].T @ grad)
    return {"weights": dws, "x": grad}


def backward_mask_before(x, weights, grad):
    hs = [x]
    for w in weights:
        hs.append(np.maximum(0, hs[-1] @ w))
    dws = []
    for k in reversed(range(len(weights))):
        grad = grad * (hs[k] > 0)
        dws.insert(0, hs[k].T @ grad)
        grad = grad @ weights[k].T
    return {"weights": dws, "x": grad}


def backward_first_left_out(x, weights, grad):
    hs = [x]
    for w in weights:
        hs.append(np.maximum(0, hs[-1] @ w))
    dws = [None] * len(weights)
    for k in range(len(weights) - 1, -1, -1):
        grad = grad * (hs[k + 1] > 0)
        dws[k] = hs[k].T @ grad
        if k > 0:
            grad = grad @ weights[k].T
    return {"weights": dws, "x": grad}


def backward_in_integers(x, weights, grad):
    hs = [x]
    for w in weights:
        hs.append(np.maximum(0, hs[-1] @ w))
    dws = []
    for k in reversed(range(len(weights))):
        grad = grad * (hs[k + 1] > 0)
        dw = np.zeros(weights[k].shape, dtype=int)
        dw[:] = hs[k].T @ grad
        dws.insert(0, dw)
        grad = grad @ weights[k].T
    return {"weights": dws, "x": grad}


def backward_one_buffer(x, weights, grad):
    hs = [x]
    for w in weights:
        hs.append(np.maximum(0, hs[-1] @ w))
    buffer = np.empty_like(weights[0])
    dws = [buffer] * len(weights)
    for k in reversed(range(len(weights))):
        grad = grad * (hs[k + 1] > 0)
        dws[k][:] = hs[k].T @ grad
        grad = grad @ weights[k].T
    return {"weights": dws, "x": grad}


def product_of_nothing(jacobians, layer):
    out = np.eye(len(jacobians[0]))
    for j in jacobians[: layer - 1 : -1]:
        out = out @ j
    return out


def product_by_entries(jacobians, layer):
    out = np.eye(len(jacobians[0]))
    for j in jacobians[layer:]:
        out = j * out
    return out


def sigma_density_by_step(a):
    x = np.linspace(-8, 8, 1601)
    p = np.exp(-(x**2) / 2) * 0.01

    def f(s):
        q = 1.0
        for _ in range(60):
            q = s**2 * (p @ (1 / (1 + np.exp(-a * np.sqrt(q) * x))) ** 2)
        h = 1 / (1 + np.exp(-a * np.sqrt(q) * x))
        return s * np.sqrt(p @ (a * h * (1 - h)) ** 2)

    lo, hi = 1 / a, 200 / a
    for _ in range(60):
        m = (lo + hi) / 2
        lo, hi = (m, hi) if f(m) < 1 else (lo, m)
    return m


def audit_both_ends(layers, sizes, last):
    g = (sizes[1] / sizes[0]) ** (1 / (layers[1] - layers[0] + 1))
    e = sizes[1] * g ** (last - layers[1])
    return {"growth": g, "expected": e, "overflows": bool(e > np.finfo(np.float32).max)}


def audit_in_16_bits(layers, sizes, last):
    g = (sizes[1] / sizes[0]) ** (1 / (layers[1] - layers[0]))
    e = sizes[1] * g ** (last - layers[1])
    return {"growth": g, "expected": e, "overflows": bool(e > np.finfo(np.float16).max)}


def sizes_of_entries(jacobians):
    p = np.eye(len(jacobians[0]))
    for j in jacobians:
        p = j @ p
    b = np.prod([np.linalg.norm(j, 2) for j in jacobians])
    return {
        "bound": b,
        "norm": np.linalg.norm(p, 2),
        "rms": np.sqrt(np.mean(p**2)),
        "verdict": "vanishes" if b < 0.001 else "undecided",
    }


def rate_up_to(end):
    def rate(ratio, depth):
        low, high = 0.0, end
        for _ in range(100):
            middle = (low + high) / 2
            low, high = (middle, high) if middle**depth < ratio else (low, middle)
        return low

    return rate


def product_with_eye_of_depth(jacobians, layer):
    """What is left of no matrix has the size of their number."""
    if layer == len(jacobians):
        return np.eye(len(jacobians))
    product = jacobians[layer]
    for jacobian in jacobians[layer + 1 :]:
        product = jacobian @ product
    return product


def slope_up_to(end):
    def slope(phi):
        z = np.linspace(-end, end, 24_001)
        return np.abs(np.gradient(phi(z), z)).max()

    return slope


WRONG = {
    "rate": [
        (rate_up_to(2.0), "search-too-short"),
        (rate_up_to(10.0), "search-too-short"),
        (rate_whole_division, "constant"),
        (rate_exchanged, "order"),
        (rate_two_bases, "different bases"),
        (lambda ratio, depth: 0.9, "constant"),
        (lambda ratio, depth: ratio ** (1 / (depth + 1)), "one-layer-too-many"),
    ],
    "largest_slope": [
        (slope_up_to(9), "too-short-a-stretch"),
        (slope_up_to(12), "too-long-a-stretch"),
        (slope_near_zero, "too-short-a-stretch"),
        (slope_to(5), "too-short-a-stretch"),
        (slope_to(20), "too-long-a-stretch"),
        (slope_to(9.9, 2), None),
        (slope_of_the_size, "absolute-value-too-early"),
        (slope_half_as_large, "0.5 times"),
        (lambda phi: 1.0, "constant"),
        (lambda phi: phi.slope, "error"),
    ],
    "mlp_backward": [
        (backward_by_nudges, "relu-slope-one-at-zero"),
        (backward_open_at_zero, "relu-slope-one-at-zero"),
        (backward_weights_first, "weight-gradient-too-late"),
        (backward_mask_before, "mask-of-the-input"),
        (backward_first_left_out, "stops-before-the-first-weights"),
        (backward_in_integers, "whole numbers"),
        (backward_one_buffer, "one-array-for-all"),
        (backward_in_place, "mutated"),
        (backward_in_reverse_order, "gradients-in-reverse-order"),
        (backward_without_x, "form"),
        (backward_as_a_tuple, "form"),
    ],
    "jacobian_product": [
        (product_with_eye_of_depth, "shape"),
        (product_of_nothing, "slice-that-is-empty"),
        (product_by_entries, "elementwise-product"),
        (product_without_identity, "form"),
    ],
    "critical_sigma": [
        (sigma_density_by_step, "unnormalised-density"),
        (lambda a: 10.6 / a, None),
        (lambda a: 1 / a, None),
    ],
    "audit": [
        (audit_both_ends, "steps-miscounted"),
        (audit_in_16_bits, "says True too easily"),
        (audit_below_1e38, None),
        (lambda layers, sizes, last: sizes[1], "form"),
    ],
    "three_sizes": [
        (sizes_of_entries, "entries-for-directions"),
        (sizes_by_directions, None),
        (sizes_of_the_largest, "largest-norm-for-all"),
        (sizes_word_in_capitals, None),
    ],
}
