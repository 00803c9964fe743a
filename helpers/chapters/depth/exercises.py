"""Chapter 1: what depth does to a gradient, and what can be said about it."""

import numpy as np

from helpers.checking.exercise import TIMES, Check, Personal, Property
from helpers.checking.values import Phi

# --- 1.1 The rate of one layer ------------------------------------------------------------------------


def rate(ratio, depth):
    """What one layer multiplies by, if all of them are alike."""
    # depth equal factors, multiplied, make the ratio: one of them is its root.
    return ratio ** (1 / depth)


def ratios(rng, sign):
    """(ratio, depth), the smallest depth first; the ratio is below 10⁻³ (sign −1) or above 10³."""
    depths = sorted(int(depth) for depth in rng.integers(4, 40, 3))
    two_layers = float(10 ** (sign * rng.uniform(3, 5))), 2  # each of them far from 1
    return [two_layers, *((float(10 ** (sign * rng.uniform(3, 8))), depth) for depth in depths)]


RATE = Check(
    rate,
    properties=[
        Property("vanish", 5, lambda rng: ratios(rng, -1), atol=0),
        Property("explode", 5, lambda rng: ratios(rng, 1), atol=0),
    ],
    mistakes={
        "arithmetic-mean": lambda ratio, depth: 1 - (1 - ratio) / depth,
        "divides-by-depth": lambda ratio, depth: ratio / depth,
        "one-layer-too-few": lambda ratio, depth: ratio ** (1 / (depth - 1)),
        "one-layer-too-many": lambda ratio, depth: ratio ** (1 / (depth + 1)),
        "logarithm-of-the-rate": lambda ratio, depth: np.log(ratio) / depth,
        "decimal-logarithm-of-the-rate": lambda ratio, depth: np.log10(ratio) / depth,
        "power-for-root": lambda ratio, depth: ratio**depth,
        "search-too-short": tuple(
            lambda ratio, depth, end=end: min(ratio ** (1 / depth), end)
            for end in (1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
        ),
        "root-of-the-depth": lambda ratio, depth: ratio ** (1 / np.sqrt(depth)),
        "first-term-alone": lambda ratio, depth: 1 + np.log(ratio) / depth,
    },
    personal=Personal(lambda f, own: lambda ratio, depth: f(ratio / own, depth)),
)


# --- 1.2 The largest slope ----------------------------------------------------------------------------


def largest_slope(phi):
    """The largest |φ′(z)| for z from −10 to 10."""
    step = 1e-3
    z = np.arange(-10, 10, step)
    rise = phi(z + step / 2) - phi(z - step / 2)
    return np.max(np.abs(rise)) / step


def slopes_between(phi, z):
    return np.diff(phi(z)) / np.diff(z)


LARGEST_SLOPE = Check(
    largest_slope,
    properties=[
        Property(
            "saturating",
            3,
            lambda rng: [
                (Phi("sigmoid", round(rng.uniform(0.5, 0.9), 2)),),
                (Phi("tanh", round(rng.uniform(1.1, 1.6), 2)),),
                (Phi("sigmoid", round(rng.uniform(1.5, 4), 2)),),
            ],
        ),
        Property(
            "others",
            2,
            lambda rng: [
                (Phi("leaky_relu", round(rng.uniform(0.05, 0.4), 2)),),
                (Phi("swish"),),
                (Phi("sin", round(rng.uniform(1.2, 2.5), 2)),),
                (Phi("tanh", -round(rng.uniform(1.1, 1.6), 2)),),  # falls: the slope is negative everywhere
                (Phi("mirrored_swish"),),  # steepest at a negative z
                (Phi("sigmoid", -round(rng.uniform(1, 3), 2)),),  # falls, and is never negative
            ],
            edges=lambda rng: [
                # So far out that a stretch of ±8 misses it, with each draw.
                *((Phi("late_sigmoid", side * round(rng.uniform(8.6, 9.2), 2)),) for side in (-1, 1)),
                (Phi("steeper_outside", round(rng.uniform(1.1, 1.6), 2)),),
                (Phi("steepest_at_ten"),),
            ],
        ),
    ],
    mistakes={
        "signed-slope": lambda phi: np.max(slopes_between(phi, np.linspace(-10, 10, 20_001))),
        "half-of-the-line": tuple(
            lambda phi, a=a: np.max(np.abs(slopes_between(phi, np.linspace(a, a + 10, 10_001))))
            for a in (0, -10)
        ),
        "tanh-slope-quarter": lambda phi: 0.25,
        "too-short-a-stretch": tuple(
            lambda phi, end=end: np.max(np.abs(slopes_between(phi, np.linspace(-end, end, 1000 * end + 1))))
            for end in (1, 2, 3, 4, 5, 6, 8, 9)
        ),
        "too-long-a-stretch": tuple(
            lambda phi, end=end: np.max(np.abs(slopes_between(phi, np.linspace(-end, end, 1000 * end + 1))))
            for end in (11, 12, 15, 20, 50, 100)
        ),
        "absolute-value-too-early": lambda phi: np.max(
            slopes_between(lambda z: np.abs(phi(z)), np.linspace(-10, 10, 20_001))
        ),
        "slope-at-zero": lambda phi: float(abs(phi(1e-5) - phi(-1e-5)) / 2e-5),
        "mean-slope": lambda phi: np.mean(np.abs(slopes_between(phi, np.linspace(-10, 10, 20_001)))),
        "value-for-slope": lambda phi: np.max(phi(np.linspace(-10, 10, 20_001))),
        "rise-without-step": tuple(
            lambda phi, n=n: np.max(np.abs(np.diff(phi(np.linspace(-10, 10, n)))))
            for n in (20_001, 200_001, 2_001, 10_001, 1_001, 201)
        ),
        "steps-too-coarse": lambda phi: np.max(np.abs(slopes_between(phi, np.linspace(-10, 10, 21)))),
    },
    personal=Personal(lambda f, own: lambda phi: f(lambda z: phi(own * z))),
)


# --- 1.3 Backpropagation ------------------------------------------------------------------------------


def mlp_backward(x, weights, grad):
    """∂L/∂W of every layer and ∂L/∂x of a ReLU network."""
    # Forward, remembering what every layer got.
    h = [x]
    for w in weights:
        h.append(np.maximum(h[-1] @ w, 0))
    # Backward: first through the ReLU, then through the weights.
    by_layer = []
    for h_in, h_out, w in zip(h[-2::-1], h[:0:-1], weights[::-1], strict=True):
        grad = grad * (h_out > 0)
        by_layer.append(h_in.T @ grad)
        grad = grad @ w.T
    return {"weights": by_layer[::-1], "x": grad}


def backward(
    mask="before",
    transposed=True,
    own_input=True,
    dw_transposed=False,
    slope=lambda z: z > 0,
    last=True,
    first=True,
    scale=1.0,
):
    """A backward pass with one of its steps changed."""

    def found(x, weights, grad):
        z, h = [None], [x]
        for w in weights:
            z.append(h[-1] @ w)
            h.append(np.maximum(z[-1], 0))
        by_layer = []
        for i in range(len(weights), 0, -1):
            is_open = slope(z[i]) if mask and (last or i < len(weights)) and (first or i > 1) else 1.0
            if mask != "after":
                grad = grad * is_open
            dw = h[i - 1 if own_input else i].T @ grad * scale_of(scale, x)
            by_layer.append(dw.T if dw_transposed else dw)
            grad = grad @ (weights[i - 1].T if transposed else weights[i - 1])
            if mask == "after":
                grad = grad * is_open
        return {"weights": by_layer[::-1], "x": grad}

    return found


def through_relu(
    change=lambda grad, h_out, h_in: grad * (h_out > 0),
    order=1,
    act=lambda z: np.maximum(z, 0),
    late=False,
    collect=lambda by_layer: by_layer,
    to_the_input=True,
):
    """A backward pass that goes through each ReLU by change(grad, h after it, h before the layer).

    order, collect: of its list. act: what the forward pass has for a ReLU. late: ∂L/∂W from the gradient
    that has been through the weights. to_the_input: whether it goes through the first weights.
    """

    def found(x, weights, grad):
        h = [x]
        for w in weights:
            h.append(act(h[-1] @ w))
        by_layer = []
        for h_in, h_out, w in zip(h[-2::-1], h[:0:-1], weights[::-1], strict=True):
            grad = change(grad, h_out, h_in)
            back = grad @ w.T
            by_layer.append(h_in.T @ (back if late else grad))
            grad = back if to_the_input or len(by_layer) < len(weights) else grad
        return {"weights": collect(by_layer[::-order]), "x": grad}

    return found


def through_the_matrix_below(x, weights, grad):
    """A backward pass that goes from each layer to the one before through that one's own weights."""
    h = [x]
    for w in weights:
        h.append(np.maximum(h[-1] @ w, 0))
    by_layer = []
    for i in range(len(weights), 0, -1):
        grad = (grad if i == len(weights) else grad @ weights[i - 1].T) * (h[i] > 0)
        by_layer.append(h[i - 1].T @ grad)
    return {"weights": by_layer[::-1], "x": grad @ weights[0].T}


def input_behind_a_relu(x, weights, grad):
    right = mlp_backward(x, weights, grad)
    return {**right, "x": right["x"] * (x > 0)}


def scale_of(scale, x):
    return 1 / len(x) if scale == "batch" else scale


def relu_network(rng, depth):
    """(x, weights, grad) of a network in which every layer has open and closed units, all of one width.

    Were the widths different, a forgotten transpose would end in an error and never be named.
    """
    n, batch = int(rng.integers(4, 7)), int(rng.integers(7, 10))
    while True:
        x = rng.normal(0.3, 1, (batch, n)).round(2)
        weights = [rng.normal(0.05, 0.6, (n, n)).round(2) for _ in range(depth)]
        h, z = x, []
        for w in weights:
            z.append(h @ w)
            h = np.maximum(z[-1], 0)
        share = [np.mean(one > 0) for one in z]
        at_the_bend = np.min(np.abs(z)) < 1e-3  # where a slope depends on the last digit
        if min(share) > 0.25 and max(share) < 0.8 and not at_the_bend:
            return x, weights, rng.normal(0, 1, (batch, n)).round(2)


def with_a_silent_unit(rng):
    """A network one of whose units has no weights: its z is 0 in whatever order it is summed."""
    x, weights, grad = relu_network(rng, 3)
    weights[rng.integers(3)][:, 0] = 0
    return x, weights, grad


def amplified_layers(f, own):
    """The function for layers relu(own · h W): that for matrices own · W, then ∂L/∂W by the chain rule."""

    def found(x, weights, grad):
        right = f(x, [own * w for w in weights], grad)
        return {**right, "weights": [own * dw for dw in right["weights"]]}

    return found


MLP_BACKWARD = Check(
    mlp_backward,
    properties=[
        Property("one-layer", 5, lambda rng: [relu_network(rng, 1) for _ in range(2)]),
        Property(
            "last",
            5,
            lambda rng: [relu_network(rng, depth) for depth in (2, 4)],
            lambda f, *args: f(*args)["weights"][-1],
        ),
        Property(
            "every",
            10,
            lambda rng: [relu_network(rng, depth) for depth in (2, 3, 5)],
            part="weights",
            edges=lambda rng: [with_a_silent_unit(rng) for _ in range(2)],
        ),
        Property("input", 5, lambda rng: [relu_network(rng, depth) for depth in (2, 3, 5)], part="x"),
    ],
    mistakes={
        "mask-after-weights": backward(mask="after"),
        "missing-transpose": backward(transposed=False),
        "weight-gradient-transposed": backward(dw_transposed=True),
        "output-for-input": backward(own_input=False),
        "no-mask": backward(mask=None),
        "mask-upside-down": backward(slope=lambda z: z <= 0),
        "relu-slope-one-at-zero": tuple(
            backward(slope=slope) for slope in (lambda z: z >= 0, lambda z: np.heaviside(z, 0.5))
        ),
        "last-layer-without-relu": backward(last=False),
        "mean-over-the-batch": backward(scale="batch"),
        "gradients-in-reverse-order": through_relu(order=-1),
        "slope-for-gradient": through_relu(lambda grad, h_out, h_in: (h_out > 0).astype(float)),
        "slope-of-the-sigmoid": through_relu(lambda grad, h_out, h_in: grad * h_out * (1 - h_out)),
        "value-for-slope": through_relu(lambda grad, h_out, h_in: grad * h_out),
        "mask-of-the-input": through_relu(lambda grad, h_out, h_in: grad * (h_in > 0)),
        "forward-without-relu": through_relu(act=lambda z: z),
        "weight-gradient-too-late": through_relu(late=True),
        "stops-before-the-first-weights": through_relu(to_the_input=False),
        "one-array-for-all": through_relu(collect=lambda by_layer: by_layer[:1] * len(by_layer)),
        "matrix-of-the-layer-below": through_the_matrix_below,
        "gradient-through-a-relu": through_relu(lambda grad, h_out, h_in: np.maximum(grad, 0) * (h_out > 0)),
        "input-behind-a-relu": input_behind_a_relu,
        "relu-of-the-input": lambda x, weights, grad: mlp_backward(np.maximum(x, 0), weights, grad),
        "first-layer-without-relu": backward(first=False),
    },
    personal=Personal(amplified_layers),
)


# --- 1.4 The product in order -------------------------------------------------------------------------


def jacobian_product(jacobians, layer):
    """∂h_D/∂h_layer from the list J_1, …, J_D."""
    product = np.eye(len(jacobians[0]))
    # jacobians[layer] is J_{layer+1}: it acts first. Later ones stand left of it.
    for jacobian in jacobians[layer:]:
        product = jacobian @ product
    return product


def multiplied(chosen):
    """The matrices multiplied in the order in which they are given."""

    def product(jacobians, layer):
        found = np.eye(len(jacobians[0]))
        for jacobian in chosen(list(jacobians), layer):
            found = found @ jacobian
        return found

    return product


def random_chain(rng, depth, layer=None):
    n = int(rng.integers(2, 5))
    jacobians = [rng.normal(0, 0.8, (n, n)).round(2) for _ in range(depth)]
    return jacobians, int(rng.integers(1, depth - 1)) if layer is None else layer


JACOBIAN_PRODUCT = Check(
    jacobian_product,
    properties=[
        Property("whole", 5, lambda rng: [random_chain(rng, depth, 0) for depth in (2, 3, 6)]),
        Property("inside", 6, lambda rng: [random_chain(rng, depth) for depth in (3, 5, 8)]),
        Property(
            "ends", 4, lambda rng: [random_chain(rng, 3, 2), random_chain(rng, 4, 3), random_chain(rng, 5, 5)]
        ),
    ],
    mistakes={
        "reversed-product": multiplied(lambda jacobians, layer: jacobians[layer:]),
        "transposed-product": multiplied(lambda jacobians, layer: [j.T for j in jacobians[layer:]]),
        "index-from-l": multiplied(lambda jacobians, layer: jacobians[max(layer - 1, 0) :][::-1]),
        "one-layer-too-few": multiplied(lambda jacobians, layer: jacobians[layer + 1 :][::-1]),
        "way-from-the-input": multiplied(lambda jacobians, layer: jacobians[:layer][::-1]),
        "ignores-the-layer": multiplied(lambda jacobians, layer: jacobians[::-1]),
        "forgets-the-last": multiplied(lambda jacobians, layer: jacobians[layer:-1][::-1]),
        "elementwise-product": tuple(
            lambda jacobians, layer, start=start: np.prod(
                np.array([*jacobians[layer:], start(len(jacobians[0]))]), 0
            )
            for start in (lambda n: np.ones((n, n)), np.eye)
        ),
        "ones-for-the-identity": lambda jacobians, layer: (
            jacobian_product(jacobians, layer) if layer < len(jacobians) else np.ones_like(jacobians[0])
        ),
        "slice-that-is-empty": multiplied(lambda jacobians, layer: jacobians[: layer - 1 : -1]),
        "slice-from-the-end": multiplied(
            lambda jacobians, layer: jacobians[-(len(jacobians) - layer) :][::-1]
        ),
        "something-for-the-identity": tuple(
            lambda jacobians, layer, end=end: (
                jacobian_product(jacobians, layer) if layer < len(jacobians) else end(jacobians[-1])
            )
            for end in (np.array, np.zeros_like)
        ),
        "index-that-wraps": multiplied(
            lambda jacobians, layer: [jacobians[k - 1] for k in range(layer, len(jacobians))][::-1]
        ),
    },
    personal=Personal(lambda f, own: lambda js, layer: f([own * j for j in js], layer)),
)


# --- 1.5 A sigmoid that does not vanish ---------------------------------------------------------------


def critical_sigma(a):
    """The σ_w at which layers of sigmoid(a z) leave a gradient's length alone."""
    xi = np.linspace(-8, 8, 161)
    bell = np.exp(-(xi**2) / 2)
    bell = bell / bell.sum()

    def factor(sigma):
        q = 1.0
        for _ in range(20):  # until E[z²] has settled
            h = 1 / (1 + np.exp(-a * np.sqrt(q) * xi))
            q = sigma**2 * (bell @ h**2)
        slope = a * h * (1 - h)
        return sigma * np.sqrt(bell @ slope**2)

    # The factor grows with σ_w: halve the interval in which it passes 1.
    low, high = 1 / a, 100 / a
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if factor(middle) < 1 else (low, middle)
    return low


CRITICAL = critical_sigma(1.0)  # of the plain sigmoid. A steeper one needs smaller weights: σ_w · a counts
EVENLY = np.linspace(-8, 8, 161)
# Close together near 0, for a sigmoid that is almost a step there.
CLOSER = 8 * np.sinh(np.linspace(-7, 7, 401)) / np.sinh(7)


def normal(xi):
    bell = np.exp(-(xi**2) / 2) * np.gradient(xi)
    return bell / bell.sum()


def searched(
    rounds=16,
    slope=lambda h, a, mean: a * np.sqrt(mean((h * (1 - h)) ** 2)),
    bell=normal,
    size=np.square,
    inside=lambda a, q: a * np.sqrt(q),
    second=lambda h, mean: mean(h**2),
    xi=EVENLY,
):
    """The function with one of its steps changed.

    rounds: until E[z²] counts as settled. slope: the mean one. bell: what stands for the density of ξ.
    size: what σ_w multiplies E[h²] by. inside: what multiplies ξ in the sigmoid. second: what stands for
    E[h²]. xi: the points ξ.
    """

    def found(a):
        weights = bell(xi)

        def mean(values):
            return weights @ values

        def factor(sigma):
            q = 1.0
            for _ in range(rounds):
                q = size(sigma) * second(1 / (1 + np.exp(-inside(a, q) * xi)), mean)
            h = 1 / (1 + np.exp(-inside(a, q) * xi))
            return sigma * slope(h, a, mean)

        low, high = 0.1 / a, 1000 / min(a, 1)
        for _ in range(22):
            middle = (low + high) / 2
            low, high = (middle, high) if factor(middle) < 1 else (low, middle)
        return low

    return found


CRITICAL_SIGMA = Check(
    critical_sigma,
    properties=[
        Property(
            "usual",
            8,
            lambda rng: [(round(rng.uniform(0.6, 0.9), 2),), (round(rng.uniform(1.1, 1.6), 2),)],
            rtol=0.005,
        ),
        Property(
            "extreme",
            7,
            lambda rng: [(round(rng.uniform(0.2, 0.4), 2),), (round(rng.uniform(3, 6), 2),)],
            rtol=0.005,
        ),
    ],
    mistakes={
        "steepest-slope-everywhere": lambda a: 4 / a,
        "size-of-the-input": lambda a: 15.0823142 / a,
        "variance-for-second-moment": lambda a: 4.0486953 / a,
        "ignores-sigma-in-z": lambda a: 4.3212213 / a,
        "variance-given-as-sigma": lambda a: (CRITICAL / a) ** 2,
        "ignores-the-steepness": lambda a: CRITICAL,
        "steepness-upside-down": lambda a: CRITICAL * a,
        "size-not-settled": (searched(rounds=0), searched(rounds=1)),
        "mean-slope": (
            searched(slope=lambda h, a, mean: a * mean(h * (1 - h))),
            *(lambda a, end=end: end / a for end in (10.0, 20.0, 50.0, 100.0, 1000.0)),
        ),
        "square-for-length": searched(slope=lambda h, a, mean: a**2 * mean((h * (1 - h)) ** 2)),
        "unnormalised-density": searched(bell=lambda xi: np.exp(-(xi**2) / 2) * (xi[1] - xi[0])),
        "steepness-forgotten-in-slope": tuple(
            searched(slope=lambda h, a, mean: np.sqrt(mean((h * (1 - h)) ** 2)), xi=xi)
            for xi in (EVENLY, CLOSER)
        ),
        "search-too-short": tuple(lambda a, end=end: min(CRITICAL / a, end) for end in (2.0, 5.0, 10.0)),
        "square-of-sigma-forgotten": searched(size=lambda sigma: sigma),
        "steepness-only-in-the-slope": searched(inside=lambda a, q: np.sqrt(q)),
        "square-of-the-mean": searched(second=lambda h, mean: mean(h) ** 2),
    },
    # With 0.424 a known mistake, ignores-sigma-in-z, comes within half a percent of the published answer.
    personal=Personal(lambda f, own: lambda a: f(a) / own, values=[n for n in TIMES if n != 0.424]),
)


# --- 1.6 An audit -------------------------------------------------------------------------------------


def audit(layers, sizes, last):
    """Growth per layer, size expected at layer `last`, and if float32 overflows."""
    growth = (sizes[1] / sizes[0]) ** (1 / (layers[1] - layers[0]))
    expected = sizes[1] * growth ** (last - layers[1])
    return {
        "growth": growth,
        "expected": expected,
        "overflows": bool(expected > np.finfo(np.float32).max),
    }


LARGEST = float(np.finfo(np.float32).max)


def audited(
    growth=lambda la, s: (s[1] / s[0]) ** (1 / (la[1] - la[0])),
    expected=lambda g, la, s, last: s[1] * g ** (last - la[1]),
    largest=LARGEST,
):
    """An audit with one of its steps changed."""

    def found(layers, sizes, last):
        g = growth(layers, sizes)
        end = float(expected(g, layers, sizes, last))
        return {"growth": g, "expected": end, "overflows": bool(end > largest)}

    return found


def table(rng, low, high):
    """(layers, sizes, last): the size at `last` lies between 10^low and 10^high."""
    first = int(rng.integers(2, 6))
    second = first + int(rng.integers(3, 7))
    last = second + int(rng.integers(8, 15))
    start = rng.uniform(2, 9)
    growth = (10 ** rng.uniform(low, high) / start) ** (1 / (last - first))
    sizes = (float(f"{start:.3g}"), float(f"{start * growth ** (second - first):.3g}"))
    return (first, second), sizes, last


AUDIT = Check(
    audit,
    properties=[
        Property(
            "growth",
            4,
            lambda rng: [table(rng, 2.5, 4), table(rng, 6, 12), table(rng, 45, 60), table(rng, -3, -2)],
            part="growth",
        ),
        Property(
            "expected",
            3,
            # One is too large for 32 bits, and one shrinks.
            lambda rng: [table(rng, 2.5, 4), table(rng, 6, 12), table(rng, 39, 45), table(rng, -3, -2)],
            part="expected",
        ),
        Property(
            "overflows",
            3,
            lambda rng: [table(rng, 2.5, 4), table(rng, 20, 34), table(rng, 45, 60)],
            part="overflows",
            edges=lambda rng: [table(rng, 38.3, 38.48), table(rng, 38.6, 38.9)],
        ),
    ],
    mistakes={
        "growth-without-root": audited(growth=lambda la, s: s[1] / s[0]),
        "quotient-over-layers": audited(growth=lambda la, s: s[1] / s[0] / (la[1] - la[0])),
        "adds-instead-of-multiplies": audited(
            growth=lambda la, s: (s[1] - s[0]) / (la[1] - la[0]),
            expected=lambda g, la, s, last: s[1] + g * (last - la[1]),
        ),
        "growth-never-below-1": audited(growth=lambda la, s: (max(s) / min(s)) ** (1 / (la[1] - la[0]))),
        "times-for-power": audited(expected=lambda g, la, s, last: s[1] * g * (last - la[1])),
        "counts-from-the-input": tuple(
            audited(expected=lambda g, la, s, last, i=i: s[i] * g**last) for i in (1, 0)
        ),
        "starts-from-the-first-size": audited(expected=lambda g, la, s, last: s[0] * g ** (last - la[1])),
        "root-of-the-layer-number": audited(growth=lambda la, s: (s[1] / s[0]) ** (1 / la[1])),
        "steps-miscounted": (
            audited(growth=lambda la, s: (s[1] / s[0]) ** (1 / (la[1] - la[0] + 1))),
            audited(expected=lambda g, la, s, last: s[1] * g ** (last - la[1] + 1)),
            audited(expected=lambda g, la, s, last: s[1] * g ** (last - la[1] - 1)),
        ),
        "double-for-single-precision": audited(largest=float(np.finfo(np.float64).max)),
        "counts-from-the-first-layer": audited(expected=lambda g, la, s, last: s[1] * g ** (last - la[0])),
    },
)


# --- 1.7 Three sizes of a product ---------------------------------------------------------------------


def three_sizes(jacobians):
    """Bound, length and rms factor of J_D … J_1, and what the bound proves."""
    product = np.eye(len(jacobians[0]))
    for jacobian in jacobians:
        product = jacobian @ product
    bound = np.prod([np.linalg.norm(jacobian, 2) for jacobian in jacobians])
    return {
        "bound": bound,
        "norm": np.linalg.norm(product, 2),
        # A random direction gets the root of the mean squared singular value.
        "rms": np.linalg.norm(product) / np.sqrt(len(product)),
        "verdict": "vanishes" if bound < 0.001 else "undecided",
    }


def sized(**changed):
    """The sizes with some of them computed in another way, from (jacobians, right answer)."""

    def found(jacobians):
        right = three_sizes(jacobians)
        return right | {name: change(jacobians, right) for name, change in changed.items()}

    return found


def after_bound(bound):
    return sized(
        bound=bound,
        verdict=lambda j, r: "vanishes" if bound(j, r) < 0.001 else "undecided",
    )


def largest_eigenvalue(matrix):
    return np.max(np.abs(np.linalg.eigvals(matrix)))


# Lengths that look along the axes alone: a longest column or row, a largest sum of sizes.
LINES_ALONE = (
    lambda a: np.max(np.linalg.norm(a, axis=0)),
    lambda a: np.max(np.linalg.norm(a, axis=1)),
    lambda a: np.linalg.norm(a, 1),
    lambda a: np.linalg.norm(a, np.inf),
)


def of_reversed(name):
    return lambda jacobians, right: three_sizes(jacobians[::-1])[name]


def chains(rng, scale, depths):
    """Lists of random matrices with spectral norms of about `scale`, no two alike."""
    found = []
    for depth in depths:
        n = int(rng.integers(3, 6))
        matrices = rng.normal(0, 1, (depth, n, n))
        norms = np.linalg.norm(matrices, 2, axis=(1, 2)) / (scale * rng.uniform(0.8, 1.2, depth))
        found.append((list((matrices / norms[:, None, None]).round(3)),))
    return found


def chain_with_bound(rng, bound):
    """A list of matrices whose spectral norms multiply to `bound`."""
    depth = int(rng.integers(4, 9))
    ((matrices,),) = chains(rng, 1.0, (depth,))
    return ([bound ** (1 / depth) * one / np.linalg.norm(one, 2) for one in matrices],)


def nearly_tied(rng):
    """Matrices whose two largest singular values are almost equal: there a power iteration creeps."""
    n, depth = 4, 8
    bases = [np.linalg.qr(rng.normal(size=(n, n)))[0] for _ in range(depth + 1)]
    values = 1.3 * np.array([[1, 0.985, 0.5, 0.3], [0.9875, 1, 0.5, 0.3]])  # of the product, too
    return ([(bases[i + 1] * values[i % 2]) @ bases[i].T for i in range(depth)],)


THREE = Check(
    three_sizes,
    properties=[
        Property("bound", 5, lambda rng: [*chains(rng, 1.5, (2, 4, 8)), nearly_tied(rng)], part="bound"),
        Property("norm", 5, lambda rng: [*chains(rng, 1.5, (2, 4, 8)), nearly_tied(rng)], part="norm"),
        # Finer than random directions come: a million of them miss the fourth digit.
        Property("rms", 5, lambda rng: chains(rng, 1.5, (2, 4, 8)), part="rms", rtol=1e-5),
        Property(
            "verdict",
            5,
            lambda rng: chains(rng, 0.3, (8, 12)) + chains(rng, 1.7, (16,)) + chains(rng, 0.9, (3, 20)),
            part="verdict",
            edges=lambda rng: [chain_with_bound(rng, bound) for bound in (0.0007, 0.0014)],
        ),
    ],
    mistakes={
        "norm-above-1-explodes": sized(
            verdict=lambda j, r: (
                "explodes" if r["bound"] > 1 else "vanishes" if r["bound"] < 0.001 else "undecided"
            )
        ),
        "norm-below-1-is-enough": sized(verdict=lambda j, r: "vanishes" if r["bound"] < 1 else "undecided"),
        "typical-for-bound": tuple(
            sized(verdict=lambda j, r, name=name: "vanishes" if r[name] < 0.001 else "undecided")
            for name in ("rms", "norm")
        ),
        "frobenius-for-spectral": sized(
            bound=lambda j, r: np.prod([np.linalg.norm(one) for one in j]),
            norm=lambda j, r: r["rms"] * np.sqrt(len(j[0])),
            verdict=lambda j, r: (
                "vanishes" if np.prod([np.linalg.norm(one) for one in j]) < 0.001 else "undecided"
            ),
        ),
        "norm-of-product-for-bound": after_bound(lambda j, r: r["norm"]),
        "largest-norm-for-all": after_bound(
            lambda j, r: float(np.max([np.linalg.norm(one, 2) for one in j]) ** len(j))
        ),
        "sum-for-product-of-norms": after_bound(
            lambda j, r: float(np.sum([np.linalg.norm(one, 2) for one in j]))
        ),
        "eigenvalue-for-spectral-norm": sized(
            bound=lambda j, r: np.prod([largest_eigenvalue(one) for one in j]),
            norm=lambda j, r: largest_eigenvalue(jacobian_product(j, 0)),
            verdict=lambda j, r: (
                "vanishes" if np.prod([largest_eigenvalue(one) for one in j]) < 0.001 else "undecided"
            ),
        ),
        "entries-for-directions": sized(rms=lambda j, r: r["rms"] / np.sqrt(len(j[0]))),
        "rms-without-root-n": sized(rms=lambda j, r: r["rms"] * np.sqrt(len(j[0]))),
        "mean-of-singular-values": sized(
            rms=lambda j, r: float(np.mean(np.linalg.svd(jacobian_product(j, 0), compute_uv=False)))
        ),
        "reversed-product": sized(norm=of_reversed("norm"), rms=of_reversed("rms")),
        "one-norm-for-all": tuple(
            after_bound(lambda j, r, one=one: float(one([np.linalg.norm(a, 2) for a in j]) ** len(j)))
            for one in (lambda norms: norms[0], lambda norms: norms[-1], np.mean)
        ),
        "product-of-rms-factors": sized(
            rms=lambda j, r: float(np.prod([np.linalg.norm(a) / np.sqrt(len(a)) for a in j]))
        ),
        "lines-for-directions": tuple(
            sized(norm=lambda j, r, size=size: size(jacobian_product(j, 0))) for size in LINES_ALONE
        ),
        "depth-for-width": sized(rms=lambda j, r: r["rms"] * np.sqrt(len(j[0]) / len(j))),
        "smallest-stretch": sized(norm=lambda j, r: np.linalg.norm(jacobian_product(j, 0), -2)),
        "mean-length-for-rms": tuple(
            sized(
                rms=lambda j, r, axis=axis: float(np.mean(np.linalg.norm(jacobian_product(j, 0), axis=axis)))
            )
            for axis in (0, 1)
        ),
    },
    personal=Personal(
        lambda f, own: lambda jacobians: f([own * j for j in jacobians]),
        given=lambda args, own: ([j / own for j in args[0]],),
    ),
)


EXERCISES = [
    RATE,
    LARGEST_SLOPE,
    MLP_BACKWARD,
    JACOBIAN_PRODUCT,
    CRITICAL_SIGMA,
    AUDIT,
    THREE,
]
