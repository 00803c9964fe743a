"""Chapter 1: what depth does to a gradient, and what can be said about it."""

import numpy as np

from helpers.checking.exercise import Exercise, Property, Wrong
from helpers.checking.values import Phi

LESSON = "01_depth_problem"
AMPLIFIERS = "1 · A chain of amplifiers"
ONE_LAYER = "2 · What one layer does to a gradient"
REAL_NETWORK = "3 · The gradient of a real network"
PRODUCT = "4 · The product of Jacobians"
THREE_SIZES = "5 · Three ways to say how large a product is"


# --- 1.1 The rate of one layer ------------------------------------------------------------------------


def rate(ratio, depth):
    """What one layer multiplies by, if all of them are alike."""
    # depth equal factors, multiplied, make the ratio: one of them is its root.
    return ratio ** (1 / depth)


def ratios(rng, sign):
    """(ratio, depth), the smallest depth first; the ratio is below 10⁻³ (sign −1) or above 10³."""
    depths = sorted(int(depth) for depth in rng.integers(4, 40, 3))
    return [(float(10 ** (sign * rng.uniform(3, 8))), depth) for depth in depths]


RATE = Exercise(
    lesson=LESSON,
    section=AMPLIFIERS,
    title="The rate of one layer",
    minutes=5,
    difficulty=1,
    hints=(
        "If every layer multiplies by r, what is left after 2 layers? After 3? After `depth` of them? Now "
        "turn it round.",
        "r multiplied `depth` times by itself is the ratio. The number with this property is the root of "
        "that order; in Python a root is a power: 8 ** (1/3) is 2.",
    ),
    reference=rate,
    properties=[
        Property("gradients that vanish", 5, lambda rng: ratios(rng, -1), atol=0),
        Property("gradients that explode", 5, lambda rng: ratios(rng, 1), atol=0),
    ],
    wrong=[
        Wrong(
            "arithmetic-mean",
            "it takes the same amount away (or adds it) at every layer: 1 − (1 − ratio)/depth. Layers "
            "multiply, so each takes the same share. Multiply your rate by itself `depth` times to see it.",
            lambda ratio, depth: 1 - (1 - ratio) / depth,
        ),
        Wrong(
            "divides-by-depth",
            "it divides the ratio by the number of layers. What undoes a multiplication, repeated, is a "
            "root.",
            lambda ratio, depth: ratio / depth,
        ),
        Wrong(
            "one-layer-too-few",
            "it takes the root of order depth − 1. From the last layer to the input there are `depth` "
            "layers, each with its factor.",
            lambda ratio, depth: ratio ** (1 / (depth - 1)),
        ),
        Wrong(
            "logarithm-of-the-rate",
            "it returns the logarithm of the rate: ln(ratio)/depth. Dividing the logarithm is right. Then "
            "go back with the exponential function.",
            lambda ratio, depth: np.log(ratio) / depth,
        ),
        Wrong(
            "decimal-logarithm-of-the-rate",
            "it returns the decimal logarithm of the rate: log₁₀(ratio)/depth. Dividing the logarithm is "
            "right. Then go back: 10 to that power.",
            lambda ratio, depth: np.log10(ratio) / depth,
        ),
        Wrong(
            "power-for-root",
            "it multiplies the ratio by itself `depth` times. That goes on for as many networks more; you "
            "want to go back to one layer.",
            lambda ratio, depth: ratio**depth,
        ),
    ],
)


# --- 1.2 The largest slope ----------------------------------------------------------------------------


def largest_slope(phi):
    """The largest |φ′(z)| for z from −10 to 10."""
    step = 1e-4
    z = np.arange(-10, 10, step)
    rise = phi(z + step / 2) - phi(z - step / 2)
    return np.max(np.abs(rise)) / step


def slopes_between(phi, z):
    return np.diff(phi(z)) / np.diff(z)


LARGEST_SLOPE = Exercise(
    lesson=LESSON,
    section=ONE_LAYER,
    title="The largest slope of an activation",
    minutes=10,
    difficulty=1,
    hints=(
        "A slope is a rise over a step. Take many z between −10 and 10, close together, and look how much φ "
        "rises from each to the next.",
        "With z = np.linspace(−10, 10, 200_001), the rises are np.diff(phi(z)) and the steps np.diff(z). The "
        "largest size of their quotient is what is asked.",
    ),
    reference=largest_slope,
    properties=[
        Property(
            "sigmoid and tanh",
            3,
            lambda rng: [
                (Phi("sigmoid", round(rng.uniform(0.5, 0.9), 2)),),
                (Phi("tanh", round(rng.uniform(1.1, 1.6), 2)),),
                (Phi("sigmoid", round(rng.uniform(1.5, 4), 2)),),
            ],
        ),
        Property(
            "any other activation",
            2,
            lambda rng: [
                (Phi("leaky_relu", round(rng.uniform(0.05, 0.4), 2)),),
                (Phi("swish"),),
                (Phi("sin", round(rng.uniform(1.2, 2.5), 2)),),
            ],
        ),
    ],
    wrong=[
        Wrong(
            "tanh-slope-quarter",
            "it says 0.25 for every activation. That is the largest slope of the sigmoid σ(z) alone. It is "
            "often written for tanh, too, whose largest slope is 1.",
            lambda phi: 0.25,
        ),
        Wrong(
            "slope-at-zero",
            "it gives the slope at z = 0. Sigmoid and tanh are steepest there, but not every activation is.",
            lambda phi: float(abs(phi(1e-5) - phi(-1e-5)) / 2e-5),
        ),
        Wrong(
            "mean-slope",
            "it gives the mean slope, not the largest. A gradient that meets units at their steepest point "
            "loses the least: that is what a bound is made of.",
            lambda phi: np.mean(np.abs(slopes_between(phi, np.linspace(-10, 10, 200_001)))),
        ),
        Wrong(
            "value-for-slope",
            "it gives the largest value of φ. The slope is how fast that value changes.",
            lambda phi: np.max(phi(np.linspace(-10, 10, 200_001))),
        ),
        Wrong(
            "rise-without-step",
            "it gives the largest rise from one z to the next. A slope is that rise divided by the step.",
            lambda phi: np.max(np.abs(np.diff(phi(np.linspace(-10, 10, 200_001))))),
        ),
        Wrong(
            "steps-too-coarse",
            "it takes steps as large as 1. The steepest place may be narrower than a step: take many more "
            "points.",
            lambda phi: np.max(np.abs(slopes_between(phi, np.linspace(-10, 10, 21)))),
        ),
    ],
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
    mask="before", transposed=True, own_input=True, dw_transposed=False, open_units=True, last=True, scale=1.0
):
    """A backward pass with one of its steps changed."""

    def found(x, weights, grad):
        z, h = [None], [x]
        for w in weights:
            z.append(h[-1] @ w)
            h.append(np.maximum(z[-1], 0))
        by_layer = []
        for i in range(len(weights), 0, -1):
            is_open = (z[i] > 0) == open_units if mask and (last or i < len(weights)) else 1.0
            if mask != "after":
                grad = grad * is_open
            dw = h[i - 1 if own_input else i].T @ grad * scale_of(scale, x)
            by_layer.append(dw.T if dw_transposed else dw)
            grad = grad @ (weights[i - 1].T if transposed else weights[i - 1])
            if mask == "after":
                grad = grad * is_open
        return {"weights": by_layer[::-1], "x": grad}

    return found


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


MLP_BACKWARD = Exercise(
    lesson=LESSON,
    section=ONE_LAYER,
    title="Backpropagation through a ReLU network",
    minutes=30,
    difficulty=2,
    hints=(
        "Go forward first and keep every h. Then go back, layer by layer: a unit that was closed passes "
        "nothing, so the gradient is multiplied by 1 where h > 0, else by 0. Only then comes W.",
        "For a layer that got h_in and gave h_out: grad = grad * (h_out > 0); the weights' gradient is "
        "h_in.T @ grad; then grad = grad @ w.T goes on to the layer before. The list comes out backwards.",
    ),
    reference=mlp_backward,
    properties=[
        Property("one layer: ∂L/∂W and ∂L/∂x", 5, lambda rng: [relu_network(rng, 1) for _ in range(2)]),
        Property(
            "∂L/∂W of the last layer",
            5,
            lambda rng: [relu_network(rng, depth) for depth in (2, 4)],
            lambda f, *args: f(*args)["weights"][-1],
            quantity="∂L/∂W of the last layer",
        ),
        Property(
            "∂L/∂W of every layer",
            10,
            lambda rng: [relu_network(rng, depth) for depth in (2, 3, 5)],
            part="weights",
            quantity="the list of ∂L/∂W",
        ),
        Property(
            "∂L/∂x",
            5,
            lambda rng: [relu_network(rng, depth) for depth in (2, 3, 5)],
            part="x",
            quantity="∂L/∂x",
        ),
    ],
    wrong=[
        Wrong(
            "mask-after-weights",
            "it multiplies by the slopes of the ReLU after going back through W. On the way forward W comes "
            "first and the ReLU second, so on the way back the ReLU comes first.",
            backward(mask="after"),
        ),
        Wrong(
            "missing-transpose",
            "it goes back through W instead of Wᵀ. Forward, entry [i, j] carries input i to output j; on the "
            "way back output j must return to input i. With square matrices numpy does not complain.",
            backward(transposed=False),
        ),
        Wrong(
            "weight-gradient-transposed",
            "its ∂L/∂W are transposed. ∂L/∂W has the shape of W, (fan_in, fan_out): hᵀ times the gradient.",
            backward(dw_transposed=True),
        ),
        Wrong(
            "output-for-input",
            "it multiplies the gradient by what the layer gave, not by what it got. z = hW: the weights meet "
            "the h of the layer before.",
            backward(own_input=False),
        ),
        Wrong(
            "no-mask",
            "it leaves out the ReLUs. A closed unit has the slope 0: nothing may pass through it.",
            backward(mask=None),
        ),
        Wrong(
            "mask-upside-down",
            "it lets the gradient pass where units are closed, and stops it where they are open.",
            backward(open_units=False),
        ),
        Wrong(
            "last-layer-without-relu",
            "it treats the last layer as if it had no ReLU. Here every layer has one, also the last.",
            backward(last=False),
        ),
        Wrong(
            "mean-over-the-batch",
            "it divides ∂L/∂W by the number of inputs. Whether a loss is a mean is settled in its own "
            "gradient, `grad`, which you are given. Here all inputs simply add up.",
            backward(scale="batch"),
        ),
    ],
)


# --- 1.4 The product in order -------------------------------------------------------------------------


def jacobian_product(jacobians, layer):
    """∂h_L/∂h_layer from the list J_1, …, J_L."""
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


JACOBIAN_PRODUCT = Exercise(
    lesson=LESSON,
    section=PRODUCT,
    title="The product of Jacobians, in order",
    minutes=15,
    difficulty=2,
    hints=(
        "A small change of h_l, as a column, meets layer l + 1 first. Which matrix must stand next to it, on "
        "which side? And which entry of the list is J_{l+1}, if the first entry is J_1?",
        "Start from np.eye(n) and multiply from the left, with jacobians[layer], jacobians[layer + 1], …, "
        "to the last. For layer = L nothing is multiplied.",
    ),
    reference=jacobian_product,
    properties=[
        Property(
            "from the input: all L factors",
            5,
            lambda rng: [random_chain(rng, depth, 0) for depth in (2, 3, 6)],
        ),
        Property(
            "from a layer inside: L − l factors",
            6,
            lambda rng: [random_chain(rng, depth) for depth in (3, 5, 8)],
        ),
        Property(
            "from the layer before the last, and from the last",
            4,
            lambda rng: [random_chain(rng, 3, 2), random_chain(rng, 4, 3), random_chain(rng, 4, 4)],
        ),
    ],
    wrong=[
        Wrong(
            "reversed-product",
            "it multiplies in the reverse order, J_{l+1} … J_L. A change of h_l meets layer l + 1 first, so "
            "that matrix stands on the right, next to what it acts on.",
            multiplied(lambda jacobians, layer: jacobians[layer:]),
        ),
        Wrong(
            "transposed-product",
            "it gives the transpose of the product. That is what carries a gradient, written as a column, "
            "back. Asked is ∂h_L/∂h_l, with entry [i, j] = ∂h_L[i]/∂h_l[j].",
            multiplied(lambda jacobians, layer: [j.T for j in jacobians[layer:]]),
        ),
        Wrong(
            "index-from-l",
            "it starts with J_l, which leads to h_l and lies behind it. The product begins at l + 1. This "
            "slip is in many texts.",
            multiplied(lambda jacobians, layer: jacobians[max(layer - 1, 0) :][::-1]),
        ),
        Wrong(
            "one-layer-too-few",
            "it leaves out J_{l+1}. In a list that begins with J_1, that is the entry number l: Python "
            "counts from 0.",
            multiplied(lambda jacobians, layer: jacobians[layer + 1 :][::-1]),
        ),
        Wrong(
            "way-from-the-input",
            "it multiplies J_l … J_1, the way from the input to layer l. Asked is the way from l to the end.",
            multiplied(lambda jacobians, layer: jacobians[:layer][::-1]),
        ),
        Wrong(
            "elementwise-product",
            "it multiplies entry by entry: `*` instead of `@`. Matrices that act one after the other need "
            "the matrix product.",
            lambda jacobians, layer: np.prod(np.array([*jacobians[layer:], np.ones_like(jacobians[0])]), 0),
        ),
    ],
)


# --- 1.5 A sigmoid that does not vanish ---------------------------------------------------------------


def critical_sigma(a):
    """The σ_w at which layers of sigmoid(a z) leave a gradient's length alone."""
    xi = np.linspace(-8, 8, 401)
    bell = np.exp(-(xi**2) / 2)
    bell = bell / bell.sum()

    def factor(sigma):
        q = 1.0
        for _ in range(40):  # until E[z²] has settled
            h = 1 / (1 + np.exp(-a * np.sqrt(q) * xi))
            q = sigma**2 * np.sum(bell * h**2)
        slope = a * h * (1 - h)
        return sigma * np.sqrt(np.sum(bell * slope**2))

    # The factor grows with σ_w: halve the interval in which it passes 1.
    low, high = 1 / a, 100 / a
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if factor(middle) < 1 else (low, middle)
    return low


CRITICAL = critical_sigma(1.0)  # of the plain sigmoid. A steeper one needs smaller weights: σ_w · a counts

CRITICAL_SIGMA = Exercise(
    lesson=LESSON,
    section=REAL_NETWORK,
    title="A sigmoid that does not vanish",
    minutes=30,
    difficulty=3,
    hints=(
        "Write a function that gives the factor of one layer for a σ_w: iterate q ↦ σ_w² E[φ(√q ξ)²] until "
        "it stays, then compute σ_w √E[φ′(√q ξ)²]. Then search for the σ_w at which it is 1.",
        "The mean over ξ is a sum over a fine grid, weighted with exp(−ξ²/2). The slope of sigmoid(a z) is "
        "a·h·(1 − h). The factor grows with σ_w, so bisection finds where it passes 1: between 1/a and "
        "100/a.",
    ),
    reference=critical_sigma,
    properties=[
        Property(
            "sigmoids about as steep as the usual one",
            8,
            lambda rng: [(round(rng.uniform(0.6, 0.9), 2),), (round(rng.uniform(1.1, 1.6), 2),)],
            rtol=0.005,
        ),
        Property(
            "a flat one and a steep one",
            7,
            lambda rng: [(round(rng.uniform(0.2, 0.4), 2),), (round(rng.uniform(3, 6), 2),)],
            rtol=0.005,
        ),
    ],
    wrong=[
        Wrong(
            "steepest-slope-everywhere",
            "it gives 4/a, one over the largest slope. Only units at z = 0 have that slope. Others are "
            "flatter, and large weights push z far from 0.",
            lambda a: 4 / a,
        ),
        Wrong(
            "size-of-the-input",
            "it takes E[z²] = σ_w², as in the first layer, whose input has E[h²] = 1. Deeper layers get "
            "outputs of sigmoids. Iterate until E[z²] stays the same.",
            lambda a: 15.0823142 / a,
        ),
        Wrong(
            "variance-for-second-moment",
            "it lets E[z²] grow from the *variance* of h. The outputs of a sigmoid have a mean of about "
            "0.5, and it counts: σ_w² times the mean of h².",
            lambda a: 4.0486953 / a,
        ),
        Wrong(
            "ignores-sigma-in-z",
            "it takes the h of the layer before for z: E[z²] = E[h²], without σ_w². Then the slopes do not "
            "flatten as the weights grow.",
            lambda a: 4.3212213 / a,
        ),
        Wrong(
            "variance-given-as-sigma",
            "it returns σ_w², not σ_w.",
            lambda a: (CRITICAL / a) ** 2,
        ),
        Wrong(
            "ignores-the-steepness",
            "it gives the same σ_w for every a. A sigmoid that is a times as steep passes a times as much, "
            "so it needs smaller weights.",
            lambda a: CRITICAL,
        ),
        Wrong(
            "steepness-upside-down",
            "it multiplies by a where it should divide: a steeper sigmoid needs smaller weights.",
            lambda a: CRITICAL * a,
        ),
    ],
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


AUDIT = Exercise(
    lesson=LESSON,
    section=AMPLIFIERS,
    title="Audit a table",
    minutes=15,
    difficulty=2,
    hints=(
        "How many layers lie between the two that are known? The quotient of the sizes is the growth over "
        "all of these; you want that of one. Then let it go on from the second one to `last`.",
        "growth = (s₂/s₁) to the power 1/(l₂ − l₁); expected = s₂ · growth to the power (last − l₂). It "
        "overflows if that is larger than np.finfo(np.float32).max.",
    ),
    reference=audit,
    properties=[
        Property(
            "growth per layer",
            4,
            lambda rng: [table(rng, 2.5, 4), table(rng, 6, 12), table(rng, 45, 60)],
            part="growth",
            quantity="the growth per layer",
        ),
        Property(
            "size expected at the last layer",
            3,
            lambda rng: [table(rng, 2.5, 4), table(rng, 6, 12)],
            part="expected",
            quantity="the expected size",
        ),
        Property(
            "can it have overflowed?",
            3,
            lambda rng: [table(rng, 2.5, 4), table(rng, 20, 34), table(rng, 45, 60)],
            part="overflows",
            quantity="does it overflow?",
        ),
    ],
    wrong=[
        Wrong(
            "growth-without-root",
            "its growth is the quotient of the two sizes. That is the growth over all the layers between "
            "them. For one layer, take the root.",
            audited(growth=lambda la, s: s[1] / s[0]),
        ),
        Wrong(
            "quotient-over-layers",
            "it divides the quotient of the sizes by the number of layers. Layers multiply: take the root.",
            audited(growth=lambda la, s: s[1] / s[0] / (la[1] - la[0])),
        ),
        Wrong(
            "adds-instead-of-multiplies",
            "it lets the same amount be added at every layer. Layers multiply, so the same *factor* goes on.",
            audited(
                growth=lambda la, s: (s[1] - s[0]) / (la[1] - la[0]),
                expected=lambda g, la, s, last: s[1] + g * (last - la[1]),
            ),
        ),
        Wrong(
            "counts-from-the-input",
            "it lets the growth go on for `last` layers. The second size is known at its own layer: only the "
            "layers after it are still to come.",
            audited(expected=lambda g, la, s, last: s[1] * g**last),
        ),
        Wrong(
            "starts-from-the-first-size",
            "it goes on from the first size over the layers after the second.",
            audited(expected=lambda g, la, s, last: s[0] * g ** (last - la[1])),
        ),
        Wrong(
            "root-of-the-layer-number",
            "it takes the root of order l₂. Between the two sizes there are l₂ − l₁ layers.",
            audited(growth=lambda la, s: (s[1] / s[0]) ** (1 / la[1])),
        ),
        Wrong(
            "double-for-single-precision",
            "it compares with the largest 64-bit number, about 10³⁰⁸. Networks are trained in 32 bits, whose "
            "largest number is 3.4 · 10³⁸.",
            audited(largest=float(np.finfo(np.float64).max)),
        ),
    ],
)


# --- 1.7 Three sizes of a product ---------------------------------------------------------------------


def three_sizes(jacobians):
    """Bound, spectral norm and rms gain of J_L … J_1, and what the bound proves."""
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


def of_reversed(name):
    return lambda jacobians, right: three_sizes(jacobians[::-1])[name]


def chains(rng, scale, depths):
    """Lists of random matrices, each with a spectral norm of exactly `scale`."""
    found = []
    for depth in depths:
        n = int(rng.integers(3, 6))
        matrices = rng.normal(0, 1, (depth, n, n))
        norms = np.linalg.norm(matrices, 2, axis=(1, 2))[:, None, None]
        found.append((list((scale * rng.uniform(0.95, 1.05) * matrices / norms).round(3)),))
    return found


THREE = Exercise(
    lesson=LESSON,
    section=THREE_SIZES,
    title="The bound, the norm, and what is typical",
    minutes=25,
    difficulty=3,
    hints=(
        "np.linalg.norm(J, 2) is the spectral norm, np.linalg.norm(J) the root of the sum of all squares "
        "(Frobenius). The bound multiplies the norms of the factors; the norm is that of the product. And "
        "what can a bound prove: that something is small, or that it is large?",
        "rms = Frobenius norm of the product, over √n. A bound below 0.001 proves that less than a "
        "thousandth arrives. A large bound proves nothing: undecided.",
    ),
    reference=three_sizes,
    properties=[
        Property(
            "the bound",
            5,
            lambda rng: chains(rng, 1.5, (2, 4, 8)),
            part="bound",
            quantity="the bound",
        ),
        Property(
            "the spectral norm of the product",
            5,
            lambda rng: chains(rng, 1.5, (2, 4, 8)),
            part="norm",
            quantity="the spectral norm",
        ),
        Property(
            "the rms gain of the product",
            5,
            lambda rng: chains(rng, 1.5, (2, 4, 8)),
            part="rms",
            quantity="the rms gain",
        ),
        Property(
            "what the bound proves",
            5,
            lambda rng: chains(rng, 0.3, (8, 12)) + chains(rng, 1.7, (16,)) + chains(rng, 0.9, (3, 20)),
            part="verdict",
            quantity="the verdict",
        ),
    ],
    wrong=[
        Wrong(
            "norm-above-1-explodes",
            'its verdict is "explodes" when the bound is large. A bound above 1 says that growth is '
            "possible. The directions that one matrix stretches may be shrunk by the next.",
            sized(
                verdict=lambda j, r: (
                    "explodes" if r["bound"] > 1 else "vanishes" if r["bound"] < 0.001 else "undecided"
                )
            ),
        ),
        Wrong(
            "norm-below-1-is-enough",
            'its verdict is "vanishes" as soon as the bound is below 1. Then the gradient gets shorter. '
            "To vanish, here, means that less than a thousandth arrives.",
            sized(verdict=lambda j, r: "vanishes" if r["bound"] < 1 else "undecided"),
        ),
        Wrong(
            "typical-for-bound",
            "its verdict comes from the rms gain. A random gradient may vanish while some other one does "
            "not. Only the bound holds for all of them.",
            sized(verdict=lambda j, r: "vanishes" if r["rms"] < 0.001 else "undecided"),
        ),
        Wrong(
            "frobenius-for-spectral",
            "it uses np.linalg.norm(J) for the spectral norm. Without the 2 that is the Frobenius norm, "
            "which is larger.",
            sized(
                bound=lambda j, r: np.prod([np.linalg.norm(one) for one in j]),
                norm=lambda j, r: r["rms"] * np.sqrt(len(j[0])),
                verdict=lambda j, r: (
                    "vanishes" if np.prod([np.linalg.norm(one) for one in j]) < 0.001 else "undecided"
                ),
            ),
        ),
        Wrong(
            "norm-of-product-for-bound",
            "its bound is the norm of the product. The bound multiplies the norms of the single Jacobians, "
            "before anything is known about how their directions fit.",
            after_bound(lambda j, r: r["norm"]),
        ),
        Wrong(
            "sum-for-product-of-norms",
            "it adds the norms up. Each matrix can multiply a length by its norm, so the norms multiply.",
            after_bound(lambda j, r: float(np.sum([np.linalg.norm(one, 2) for one in j]))),
        ),
        Wrong(
            "rms-without-root-n",
            "its rms gain is the whole Frobenius norm. That adds over all n directions; for one random "
            "direction take the mean of the squares: divide by √n.",
            sized(rms=lambda j, r: r["rms"] * np.sqrt(len(j[0]))),
        ),
        Wrong(
            "mean-of-singular-values",
            "its rms gain is the mean of the singular values. Lengths add up as squares: take the root of "
            "the mean of the squares.",
            sized(rms=lambda j, r: float(np.mean(np.linalg.svd(jacobian_product(j, 0), compute_uv=False)))),
        ),
        Wrong(
            "reversed-product",
            "it multiplies in the reverse order, J_1 … J_L. The layer that acts first stands on the right.",
            sized(norm=of_reversed("norm"), rms=of_reversed("rms")),
        ),
    ],
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
