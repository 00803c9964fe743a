"""Chapter 4: what a skip does to a signal and to its gradient."""

from math import comb

import numpy as np

from helpers.checking.exercise import Check, Personal, Property


def relu(z):
    return np.maximum(z, 0)


# --- 4.1 A block, forward and backward ----------------------------------------------------------------


def residual_block(h, w1, w2, grad):
    """The block h + relu(h W₁) W₂, forward and backward."""
    z = h @ w1
    a = np.maximum(z, 0)
    # Back through W₂, then through the ReLU: a unit that was off stops it.
    dz = (grad @ w2.T) * (z > 0)
    return {
        "out": h + a @ w2,
        "dh": grad + dz @ w1.T,  # the skip hands on grad as it is
        "dw1": h.T @ dz,
        "dw2": a.T @ grad,
    }


def blocks_of(skip=1, back=1, slope=lambda z: z > 0, new_h=False, share=lambda h: 1):
    """The function with another skip, forward or back; another slope of the ReLU, or input of the branch."""

    def block(h, w1, w2, grad):
        z = h @ w1
        a = relu(z)
        dz = (grad @ w2.T) * slope(z)
        out = skip * h + a @ w2
        dw1, dw2 = (out if new_h else h).T @ dz, a.T @ grad
        return {"out": out, "dh": back * grad + dz @ w1.T, "dw1": dw1 * share(h), "dw2": dw2 * share(h)}

    return block


def masks_the_trunk(h, w1, w2, grad):
    right = residual_block(h, w1, w2, grad)
    return right | {"dh": grad + (grad @ w2.T @ w1.T) * (h > 0)}


def product_for_sum(h, w1, w2, grad):
    right = residual_block(h, w1, w2, grad)
    return right | {"dh": grad * (right["dh"] - grad)}


def relu_of_the_gradient(masked):
    """The block with a ReLU of the gradient for that of the signal, or besides it."""

    def block(h, w1, w2, grad):
        dz = relu(grad @ w2.T) * (h @ w1 > 0 if masked else 1)
        return residual_block(h, w1, w2, grad) | {"dh": grad + dz @ w1.T, "dw1": h.T @ dz}

    return block


def whole_gradient_into_the_branch(h, w1, w2, grad):
    right = residual_block(h, w1, w2, grad)
    return right | {"dw1": h.T @ ((right["dh"] @ w2.T) * (h @ w1 > 0))}


def relu_on_the_trunk(backward=True):
    """The block of 2015, relu(h + F(h)); or that of which only the forward pass has its last ReLU."""

    def block(h, w1, w2, grad):
        out = h + relu(h @ w1) @ w2
        return {**residual_block(h, w1, w2, grad * (out > 0) if backward else grad), "out": relu(out)}

    return block


def relu_in_front(h, w1, w2, grad):
    """The block h + relu(relu(h) W₁) W₂, as of 2016."""
    inside = residual_block(relu(h), w1, w2, grad)
    return {**inside, "out": inside["out"] - relu(h) + h, "dh": grad + (inside["dh"] - grad) * (h > 0)}


def one_block(rng, batch=None):
    """(h, W₁, W₂, grad): no two sizes alike."""
    batch, n, hidden = batch or int(rng.integers(8, 11)), int(rng.integers(3, 5)), int(rng.integers(5, 8))
    # Not rounded: a z that is exactly 0 would be on or off by the order in which it is summed.
    h, grad = rng.normal(size=(2, batch, n))
    return h, rng.normal(size=(n, hidden)), rng.normal(size=(hidden, n)), grad


def block_with_a_silent_unit(rng):
    """One of the hidden units has no weights: its z is 0 in whatever order it is summed."""
    h, w1, w2, grad = one_block(rng, 2)
    w1[:, 0] = 0
    return h, w1, w2, grad


def some_blocks(rng):
    return [one_block(rng, 2), one_block(rng), one_block(rng)]


def scaled_branch(f, own):
    """The function for the block h + own · relu(h W₁) W₂."""

    def block(h, w1, w2, grad):
        right = f(h, w1, own * w2, grad)
        return {**right, "dw2": own * right["dw2"]}

    return block


RESIDUAL_BLOCK = Check(
    residual_block,
    properties=[
        Property("output", 4, some_blocks, part="out"),
        Property("h", 6, some_blocks, part="dh"),
        Property("w1", 3, some_blocks, part="dw1", edges=lambda rng: [block_with_a_silent_unit(rng)]),
        Property("w2", 2, some_blocks, part="dw2"),
    ],
    mistakes={
        "lost-plus-one-path": blocks_of(back=0),
        "skip-only-backward": blocks_of(skip=0),
        "plain-for-residual": blocks_of(skip=0, back=0),
        "relu-slope-one-at-zero": tuple(
            blocks_of(slope=slope) for slope in (lambda z: z >= 0, lambda z: np.heaviside(z, 0.5))
        ),
        "in-place-add": blocks_of(new_h=True),
        "forgets-relu-slope": blocks_of(slope=np.ones_like),
        "value-for-slope": blocks_of(slope=relu),
        "z-for-the-activation": lambda h, w1, w2, grad: (
            residual_block(h, w1, w2, grad) | {"dw2": (h @ w1).T @ grad}
        ),
        "relu-in-front": relu_in_front,
        "relu-on-the-trunk": (relu_on_the_trunk(), relu_on_the_trunk(backward=False)),
        "divides-by-the-batch": blocks_of(share=lambda h: 1 / len(h)),
        "something-else-on-the-skip": (
            blocks_of(back=2),
            *(
                lambda h, w1, w2, grad, what=what: (
                    residual_block(h, w1, w2, grad)
                    | {"dh": residual_block(h, w1, w2, grad)["dh"] - grad + what(h)}
                )
                for what in (np.ones_like, np.array)
            ),
        ),
        "mask-of-the-trunk": masks_the_trunk,
        "slope-for-the-activation": lambda h, w1, w2, grad: (
            residual_block(h, w1, w2, grad) | {"dw2": (h @ w1 > 0).astype(float).T @ grad}
        ),
        "whole-gradient-into-the-branch": whole_gradient_into_the_branch,
        "product-for-sum": product_for_sum,
        "relu-of-the-gradient": tuple(map(relu_of_the_gradient, (True, False))),
    },
    personal=Personal(scaled_branch),
)


# --- 4.2 Two kinds of block ---------------------------------------------------------------------------


def two_blocks(h, blocks, version):
    """The trunk after a stack of residual blocks of one version."""
    for w1, w2 in blocks:
        if version == "v1":
            # A ReLU after the sum: on the trunk.
            h = np.maximum(h + np.maximum(h @ w1, 0) @ w2, 0)
        else:
            # Every ReLU stands in the branch, in front of its matrix.
            h = h + np.maximum(np.maximum(h, 0) @ w1, 0) @ w2
    return h


def stack_of(v1=None, v2=None):
    """The function with another block for one of the versions, or for both."""
    v1 = v1 or (lambda h, w1, w2: relu(h + relu(h @ w1) @ w2))
    v2 = v2 or (lambda h, w1, w2: h + relu(relu(h) @ w1) @ w2)

    def run(h, blocks, version):
        for w1, w2 in blocks:
            h = (v1 if version == "v1" else v2)(h, w1, w2)
        return h

    return run


def reading_the_input(skip=False, branch=False):
    """The function whose skips, or whose branches, all start at the very first h."""

    def run(h, blocks, version):
        start = h
        for w1, w2 in blocks:
            read = start if branch else h
            added = relu((read if version == "v1" else relu(read)) @ w1) @ w2
            h = (start if skip else h) + added
            h = relu(h) if version == "v1" else h
        return h

    return run


def stack(rng, depth, version):
    """(h, blocks, version): small weights, so that no number becomes large."""
    batch, n, hidden = int(rng.integers(6, 9)), int(rng.integers(3, 5)), int(rng.integers(5, 8))
    blocks = [
        (rng.normal(0, n**-0.5, (n, hidden)), rng.normal(0, hidden**-0.5, (hidden, n))) for _ in range(depth)
    ]
    return rng.normal(size=(batch, n)), blocks, version


TWO_BLOCKS = Check(
    two_blocks,
    properties=[
        Property("v1", 3, lambda rng: [stack(rng, 1, "v1") for _ in range(2)]),
        Property("v2", 3, lambda rng: [stack(rng, 1, "v2") for _ in range(2)]),
        Property(
            "several",
            4,
            lambda rng: [stack(rng, depth, version) for depth in (2, 4) for version in ("v1", "v2")],
        ),
    ],
    mistakes={
        "versions-exchanged": stack_of(
            lambda h, w1, w2: h + relu(relu(h) @ w1) @ w2, lambda h, w1, w2: relu(h + relu(h @ w1) @ w2)
        ),
        "no-relu-after-sum": stack_of(v1=lambda h, w1, w2: h + relu(h @ w1) @ w2),
        "relu-before-sum": stack_of(v1=lambda h, w1, w2: h + relu(relu(h @ w1) @ w2)),
        "second-version-for-both": stack_of(v1=lambda h, w1, w2: h + relu(relu(h) @ w1) @ w2),
        "first-version-for-both": stack_of(v2=lambda h, w1, w2: relu(h + relu(h @ w1) @ w2)),
        "branch-without-a-relu": (
            stack_of(v2=lambda h, w1, w2: h + relu(h @ w1) @ w2),
            stack_of(v2=lambda h, w1, w2: h + relu(h) @ w1 @ w2),
        ),
        "relu-after-both-sums": stack_of(v2=lambda h, w1, w2: relu(h + relu(relu(h) @ w1) @ w2)),
        "relu-on-the-skip": stack_of(v2=lambda h, w1, w2: relu(h) + relu(relu(h) @ w1) @ w2),
        "relu-after-the-matrix": stack_of(v2=lambda h, w1, w2: h + relu(relu(h @ w1) @ w2)),
        "first-block-only": lambda h, blocks, version: two_blocks(h, blocks[:1], version),
        "skip-from-the-input": reading_the_input(skip=True),
        "plain-for-residual": stack_of(
            lambda h, w1, w2: relu(relu(h @ w1) @ w2), lambda h, w1, w2: relu(relu(h) @ w1) @ w2
        ),
        "relu-only-at-the-end": lambda h, blocks, version: (
            relu(stack_of(v1=lambda h, w1, w2: h + relu(h @ w1) @ w2)(h, blocks, version))
            if version == "v1"
            else two_blocks(h, blocks, version)
        ),
        "relu-of-the-input": lambda h, blocks, version: two_blocks(
            relu(h) if version == "v1" else h, blocks, version
        ),
        "last-block-only": lambda h, blocks, version: two_blocks(h, blocks[-1:], version),
        "branch-from-the-input": reading_the_input(branch=True),
        "relu-in-front-of-both": stack_of(v1=lambda h, w1, w2: relu(h + relu(relu(h) @ w1) @ w2)),
    },
    personal=Personal(
        lambda f, own: lambda h, blocks, version: f(h, [(w1, own * w2) for w1, w2 in blocks], version)
    ),
)


# --- 4.3 Predict the growth ---------------------------------------------------------------------------


def predict_growth(gains, alpha):
    """How a gradient's length changes in random blocks: plain, and with skips."""
    g = alpha * np.array(gains)
    plain = np.prod(g)
    # A random branch is at a right angle to the trunk: the squares add up.
    residual = np.sqrt(np.prod(1 + g**2))
    return {"plain": plain, "residual": residual, "bounded": bool(residual <= 10)}


def growing(residual, bounded=lambda r: bool(r <= 10), scaled=True):
    """The function with another growth of the scaled gains, or another verdict."""

    def predict(gains, alpha):
        g = (alpha if scaled else 1) * np.array(gains)
        growth = residual(g)
        return {"plain": np.prod(g), "residual": growth, "bounded": bounded(growth)}

    return predict


def root_product(g):
    return np.sqrt(np.prod(1 + g**2))


def without_square_on_alpha(gains, alpha):
    residual = np.sqrt(np.prod(1 + alpha * np.square(gains)))
    return {"plain": alpha * np.prod(gains), "residual": residual, "bounded": bool(residual <= 10)}


def alike(rng):
    """Blocks that are alike, without a branch scale."""
    return [([round(rng.uniform(0.4, 1.3), 2)] * int(rng.integers(low, low + 4)), 1.0) for low in (2, 12, 40)]


def scaled_branches(rng):
    return [
        (list(rng.uniform(0.3, 2, depth).round(2)), round(rng.uniform(0.2, 0.8), 2)) for depth in (3, 8, 20)
    ]


def bounded_or_not(rng):
    """Growths that are far below and far above 10, in every way in which gains and α can make them."""

    def blocks(depth, gain, alpha):
        return list(rng.uniform(0.98 * gain, 1.02 * gain, depth).round(3)), alpha

    # The growths, in turn: 1.4, 5.3·10², 1.2, 7.7, 3.4·10⁷, 4.7·10³ (where the plain way grows, too).
    return [
        blocks(3, 0.5, 1.0),
        blocks(30, 0.72, 1.0),
        blocks(40, 1.0, 0.1),
        blocks(100, 2.0, 0.102),
        blocks(50, 1.0, 1.0),
        blocks(12, 1.7, 1.0),
    ]


def growth_at_the_limit(rng):
    """Growths a little below and above 10."""
    found = []
    for growth in (rng.uniform(8.5, 9.7), rng.uniform(10.3, 12), rng.uniform(30, 80)):
        depth, alpha = int(rng.integers(5, 20)), round(rng.uniform(0.3, 0.9), 2)
        found.append(([np.sqrt(growth ** (2 / depth) - 1) / alpha] * depth, alpha))
    return found


PREDICT_GROWTH = Check(
    predict_growth,
    properties=[
        Property("plain", 2, scaled_branches, part="plain"),
        Property("equal", 3, alike, part="residual"),
        Property("different", 3, scaled_branches, part="residual"),
        Property("bounded", 2, bounded_or_not, part="bounded", edges=growth_at_the_limit),
    ],
    mistakes={
        "skip-keeps-it-bounded": growing(lambda g: 1.0),
        "always-bounded": growing(root_product, bounded=lambda r: True),
        "adds-in-one-line": growing(lambda g: np.prod(1 + g)),
        "gain-not-squared": growing(lambda g: np.sqrt(np.prod(1 + g))),
        "alpha-once": lambda gains, alpha: predict_growth(gains, alpha) | {"plain": alpha * np.prod(gains)},
        "bounded-by-the-plain-way": lambda gains, alpha: (
            predict_growth(gains, alpha) | {"bounded": bool(alpha ** len(gains) * np.prod(gains) <= 10)}
        ),
        "square-for-length": growing(lambda g: np.prod(1 + g**2)),
        "depth-becomes-additive": growing(lambda g: np.sqrt(1 + np.sum(g**2))),
        "alpha-not-squared": without_square_on_alpha,
        "ignores-the-scale": growing(root_product, scaled=False),
        "mean-gain-for-all": growing(lambda g: (1 + np.mean(g) ** 2) ** (len(g) / 2)),
        "limit-for-exact": growing(lambda g: np.exp(np.sum(g**2) / 2)),
        "one-skip-for-all": growing(lambda g: np.sqrt(1 + np.prod(g**2))),
    },
    personal=Personal(
        lambda f, own: lambda gains, alpha: f(gains, own * alpha),
        given=lambda args, own: (args[0], args[1] / own),
    ),
)


# --- 4.4 Choose the branch scale ----------------------------------------------------------------------


def branch_scale(gains, target):
    """The α at which random blocks multiply a gradient's length by `target`."""
    # Growth rises with α. At target/max(g) one block would be enough.
    low, high = 0.0, target / np.max(gains)
    for _ in range(60):
        alpha = (low + high) / 2
        growth = np.exp(np.sum(np.log1p((alpha * gains) ** 2)) / 2)
        low, high = (alpha, high) if growth < target else (low, alpha)
    return alpha


def closed_form(exponent=2, root=np.sqrt, mean=lambda g: np.sqrt(np.mean(g**2))):
    """The α of equal blocks, √(R^(2/L) − 1)/g, with another exponent, root, or mean of the gains."""
    return lambda gains, target: root(target ** (exponent / len(gains)) - 1) / mean(gains)


def along_the_trunk(gains, target):
    """The α at which the product of 1 + αg is the target."""
    low, high = 0.0, target / np.max(gains)
    for _ in range(60):
        alpha = (low + high) / 2
        low, high = (alpha, high) if np.sum(np.log1p(alpha * gains)) < np.log(target) else (low, alpha)
    return alpha


def square_is_target(gains, target):
    return branch_scale(gains, np.sqrt(target))


def equal_gains(rng):
    """The first has small gains: its α lies between 10 and 100."""
    lowest = ((2, 0.016, 0.04), (2, 0.4, 1.8), (8, 0.4, 1.8), (25, 0.4, 1.8))
    return [
        (np.full(int(rng.integers(low, low + 4)), round(rng.uniform(*gain), 3)), round(target, 2))
        for (low, *gain), target in zip(lowest, rng.uniform((2, 1.5, 3, 4), (3, 3, 6, 8)), strict=True)
    ]


def gains_that_differ(rng):
    return [
        (np.append(rng.uniform(0.2, 1, depth - 1), rng.uniform(3, 5)).round(2), round(target, 2))
        for depth, target in zip((3, 6, 12), rng.uniform((3, 4, 5), (4, 6, 8)), strict=True)
    ]


def deep_networks(rng):
    """The last one's α is about 1/40: a search to the third decimal does not find it."""
    return [
        (rng.uniform(low, 2.5, depth).round(2), round(rng.uniform(2, 6), 2))
        for low, depth in (
            (0.2, int(rng.integers(200, 300))),
            (0.2, int(rng.integers(900, 1100))),
            (1.5, 1000),
        )
    ]


BRANCH_SCALE = Check(
    branch_scale,
    properties=[
        Property("equal", 6, equal_gains),
        Property("different", 6, gains_that_differ),
        Property("deep", 3, deep_networks),
    ],
    mistakes={
        "one-over-root-depth": lambda gains, target: len(gains) ** -0.5,
        "one-over-depth": lambda gains, target: 1 / len(gains),
        "adds-in-one-line": along_the_trunk,
        "square-for-length": square_is_target,
        "alpha-squared-for-alpha": lambda gains, target: branch_scale(gains, target) ** 2,
        "limit-for-exact": lambda gains, target: np.sqrt(2 * np.log(target) / np.sum(gains**2)),
        "mean-gain-for-all": closed_form(mean=np.mean),
        "geometric-mean-for-all": closed_form(mean=lambda g: np.exp(np.mean(np.log(g)))),
        "root-mean-square-for-all": closed_form(),
        "ignores-the-gain": closed_form(mean=lambda g: 1.0),
        "depth-becomes-additive": lambda gains, target: np.sqrt((target**2 - 1) / np.sum(gains**2)),
        "search-too-short": tuple(
            lambda gains, target, end=end: min(branch_scale(gains, target), end)
            for end in (1.0, 2.0, 5.0, 10.0)
        ),
        "one-gain-for-all": tuple(
            closed_form(mean=one)
            for one in (
                lambda g: g[0],
                lambda g: g[-1],
                np.max,
                np.min,
                lambda g: 1 / np.mean(1 / g),
                np.median,
            )
        ),
    },
    personal=Personal(lambda f, own: lambda gains, target: f(own * gains, target)),
)

# --- 4.5 The verdict ----------------------------------------------------------------------------------


def degradation_verdict(runs):
    """What is the matter with the deep plain network: four answers."""
    train = {name: np.median(run["train_error"]) for name, run in runs.items()}
    test = np.median(runs["deep"]["test_error"])
    # How much arrives at the first layer, for what there is at the last.
    gradients = runs["deep"]["gradients"]
    ratio = np.median(gradients[:, 0] / gradients[:, -1])
    # Degraded: it is worse on the data that it was trained on.
    degraded = train["deep"] - train["shallow"] > 0.05
    return {
        "degraded": bool(degraded),
        "overfitting": bool(test - train["deep"] > 0.05),
        "ratio": ratio,
        "vanishing": bool(ratio < 1e-3),
        "repaired": bool(degraded and train["residual"] - train["shallow"] <= 0.05),
    }


def verdict_with(**answers):
    """The function that gives another answer to some of the questions: name = function of (runs, right)."""

    def verdict(runs):
        right = degradation_verdict(runs)
        other = {key: answer(runs, right) for key, answer in answers.items()}
        return {**right, **{key: value if key == "ratio" else bool(value) for key, value in other.items()}}

    return verdict


def median(runs, name, data="train_error"):
    return np.median(runs[name][data])


def apart(runs, one, other, data="train_error"):
    """The median of the differences, seed by seed."""
    return np.median(runs[one][data] - runs[other]["train_error"])


def first_over_last(gradients):
    return np.median(gradients[:, 0] / gradients[:, -1])


def ratio_of(gradients, network="deep"):
    """The function of (runs, right) that takes the ratio from something else, and the one that judges it."""

    def ratio(runs, right):
        return gradients(runs[network]["gradients"])

    return {"ratio": ratio, "vanishing": lambda runs, right: ratio(runs, right) < 1e-3}


def over_seeds(combine):
    """The function with another mean of the seeds."""

    def verdict(runs):
        errors = ("train_error", "test_error")
        return degradation_verdict(
            {name: {**run, **{key: [combine(run[key])] for key in errors}} for name, run in runs.items()}
        )

    return verdict


def pairs_and_middles(rng):
    """Beside 0.05 by the medians, on the other side by other ways: four seeds and six moments, where a median
    is no member of the list, and a difference of medians no median of differences."""
    wide, narrow = np.array([0.0, 0.01, 0.09, 0.1]), np.array([0.0, 0.04, 0.06, 0.1])

    def turned(errors, difference):
        """Luck that comes to other seeds: a large difference seems smaller, and a small one larger."""
        return np.roll(errors, 1 if difference > 0.05 else -1)

    def runs(deep, gap, residual):
        order, ratios = rng.permutation(4), rng.permutation([2e-4, 4e-4, 6e-4, 1.2e-3, 3e-3, 7e-3])
        train = {
            "shallow": 0.2 + wide,
            "deep": turned(0.2 + deep + narrow, deep),
            "residual": turned(0.2 + residual + narrow, residual),
        }
        test = {"deep": turned(turned(0.2 + deep + gap + wide, gap), deep)}
        gradients = rng.uniform(0.5, 2, (6, 1)) * ratios[:, None] ** np.linspace(1, 0, 6)
        return (
            {
                name: {
                    "train_error": errors[order],
                    "test_error": test.get(name, errors)[order],
                    "gradients": gradients,
                }
                for name, errors in train.items()
            },
        )

    less, more = 0.039, 0.061
    return [runs(more, less, less), runs(less, more, less), runs(0.3, less, more)]


def the_other_way_round(rng):
    """The deep network is much better than the shallow one, and reads new data better than its own."""
    return three_runs(rng, 0.4, rng.uniform(0.2, 0.3), -0.1, 0.25, 2.0)


def upper(values):
    return np.sort(values)[len(values) // 2]


def lower(values):
    return np.sort(values)[(len(values) - 1) // 2]


def ways_to_miss_the_middle(of):
    """The functions with another median: of the errors, of the ratios, of both."""
    ratio = verdict_with(**ratio_of(lambda g: of(g[:, 0] / g[:, -1])))

    def both(runs):
        return over_seeds(of)(runs) | {name: ratio(runs)[name] for name in ("ratio", "vanishing")}

    return over_seeds(of), ratio, both


def some_seeds(rng, error, unlucky=0.0, place=0):
    """The errors of five seeds around `error`; the one at `place` is worse by `unlucky`."""
    errors = error + rng.uniform(-0.008, 0.008, 5)
    errors[place] += unlucky
    return errors.round(3)


def some_gradients(rng, ratio, last):
    """Lengths by epoch and layer, which run from ratio · last to `last`. The first epoch is unlike others,
    and the last one is not their median."""
    epochs, layers = 5, int(rng.integers(6, 9))
    ratios = ratio * np.exp(rng.uniform(-0.3, 0.3, epochs))
    ratios[-1] = ratio * np.exp(rng.choice([-0.4, 0.4]))
    ratios[0] *= 3e4 if ratio < 1e-3 else 1e-5
    lasts = last * np.exp(rng.uniform(-0.3, 0.3, (epochs, 1)))
    return lasts * ratios[:, None] ** np.linspace(1, 0, layers)


def three_runs(rng, shallow, deep, gap, residual, ratio, last=1.0, unlucky=("shallow", 0.0), reads="deep"):
    """(runs,): the three training errors, by how much the deep network is worse in test, its gradients.

    unlucky: which network has one seed that is worse, by how much, and perhaps at which place; reads: which
    other one is so in test.
    """
    train = {"shallow": shallow, "deep": deep, "residual": residual}
    network, *how = unlucky
    return (
        {
            name: {
                "train_error": some_seeds(rng, error, *(how if name == network else ())),
                "test_error": some_seeds(rng, error + (gap if name in ("deep", reads) else 0.02)),
                "gradients": some_gradients(rng, ratio if name == "deep" else 0.5, last),
            }
            for name, error in train.items()
        },
    )


def as_in_the_lesson(rng):
    """Degraded, repaired by skips; the gradient of the deep network explodes, which is no vanishing."""
    deep, ratio = rng.uniform(0.6, 0.8), 10 ** rng.uniform(3.3, 4.5)
    return three_runs(rng, rng.uniform(0.1, 0.25), deep, 0.01, 0.03, ratio)


def overfits(rng):
    """Reads its training data, and not what is new: worse in test than the shallow one, and not degraded."""
    return three_runs(rng, 0.06, 0.02, rng.uniform(0.2, 0.4), 0.02, 10 ** rng.uniform(-1, 1))


def vanishes(rng):
    """Degraded, and its gradients do vanish, whatever their size; skips do not help enough."""
    deep, ratio = rng.uniform(0.6, 0.7), 10 ** rng.uniform(-8, -5)
    return three_runs(rng, 0.1, deep, 0.01, 0.4, ratio, last=10 ** rng.uniform(8, 9))


def vanishes_and_learns(rng):
    """No degradation at all, in spite of a gradient ratio below 1/1000."""
    return three_runs(rng, 0.05, 0.03, 0.02, 0.02, 10 ** rng.uniform(-6, -4.5))


def small_gradients(rng):
    """Small at every layer alike, as at the end of a training that went well: nothing has vanished."""
    last = 10 ** rng.uniform(-7, -5)
    return three_runs(rng, 0.03, 0.02, 0.02, 0.02, 10 ** rng.uniform(-0.5, 0.5), last)


def unlucky_seeds(rng):
    """One seed that failed, or was lucky: a mean, the worst or the best follows it, a median does not.

    Once it is the first and once the last, for whoever looks at that one alone.
    """
    (first, last), others = rng.permutation([0, 4]), rng.integers(5, size=3)
    return [
        three_runs(rng, 0.1, 0.12, 0.02, 0.05, 2.0, unlucky=("deep", 0.7, first)),
        three_runs(rng, 0.1, 0.22, 0.02, 0.05, 2.0, unlucky=("shallow", 0.8, last)),
        three_runs(rng, 0.1, 0.22, 0.02, 0.05, 2.0, unlucky=("residual", 0.8, others[0])),
        three_runs(rng, 0.3, 0.28, 0.02, 0.05, 5e3, unlucky=("deep", -0.25, others[1])),
        three_runs(rng, 0.3, 0.5, 0.02, 0.28, 5e3, unlucky=("shallow", -0.28, others[2])),
    ]


def reads_its_data(rng):
    """Degraded, and repaired by skips, which show in training alone."""
    return three_runs(rng, 0.1, 0.4, 0.3, 0.05, 0.02, reads="residual")


def kinds(rng):
    all = (as_in_the_lesson, overfits, vanishes, vanishes_and_learns, small_gradients, reads_its_data)
    return [kind(rng) for kind in (*all, the_other_way_round)]


def kinds_and_seeds(rng):
    return kinds(rng) + unlucky_seeds(rng)


def beside_the_limits(rng):
    """Runs on both sides of 0.05 and of 1/1000, by little: the medians are exact, whatever the seeds say."""

    def runs(deep, gap, residual, ratio):
        train, test = {"shallow": 0.2, "deep": deep, "residual": residual}, {"deep": deep + gap}

        def around(error):
            return rng.permutation(error + np.array([-0.008, -0.004, 0, 0.003, 0.007]))

        def gradients(ratio):
            ratios = ratio * rng.permutation([0.2, 0.6, 1, 1.7, 5])
            return rng.uniform(0.5, 2, (5, 1)) * ratios[:, None] ** np.linspace(1, 0, 6)

        return (
            {
                name: {
                    "train_error": around(error),
                    "test_error": around(test.get(name, error + 0.02)),
                    "gradients": gradients(ratio if name == "deep" else 0.5),
                }
                for name, error in train.items()
            },
        )

    less, more = 0.039, 0.061
    return pairs_and_middles(rng) + [
        runs(0.2 + more, less, 0.2 + less, 0.0014),
        runs(0.2 + less, more, 0.2 + less, 0.0007),
        runs(0.2 + 2 * more, more, 0.2 + more, 0.01),
        runs(0.5, less, 0.2 + less, 0.0007),
    ]


DEGRADATION_VERDICT = Check(
    degradation_verdict,
    properties=[
        Property("degraded", 5, kinds_and_seeds, part="degraded", edges=beside_the_limits),
        # Of the unlucky seeds those of the deep network: no other is asked about.
        Property(
            "overfitting",
            5,
            lambda rng: kinds(rng) + unlucky_seeds(rng)[::3],
            part="overfitting",
            edges=beside_the_limits,
        ),
        # No error is in it. And odd numbers of moments: a median of logarithms is a median, too.
        Property("ratio", 2, kinds, part="ratio"),
        # Of the pairs one is enough: they have the same gradients.
        Property("vanishing", 4, kinds, part="vanishing", edges=lambda rng: beside_the_limits(rng)[2:]),
        Property("repaired", 4, kinds_and_seeds, part="repaired", edges=beside_the_limits),
    ],
    mistakes={
        "degraded-means-vanishing": verdict_with(vanishing=lambda runs, right: right["degraded"]),
        "degraded-means-overfitting": verdict_with(overfitting=lambda runs, right: right["degraded"]),
        "worse-test-means-overfitting": verdict_with(
            overfitting=lambda runs, right: (
                median(runs, "deep", "test_error") - median(runs, "shallow", "test_error") > 0.05
            )
        ),
        "degraded-by-test-error": lambda runs: (
            degradation_verdict(
                {name: {**run, "train_error": run["test_error"]} for name, run in runs.items()}
            )
            | {"overfitting": degradation_verdict(runs)["overfitting"]}
        ),
        "ratio-upside-down": verdict_with(**ratio_of(lambda g: np.median(g[:, -1] / g[:, 0]))),
        "small-means-vanishing": verdict_with(
            vanishing=lambda runs, right: np.median(runs["deep"]["gradients"][:, 0]) < 1e-3
        ),
        "only-the-first-moment": verdict_with(**ratio_of(lambda g: g[0, 0] / g[0, -1])),
        "only-the-last-moment": verdict_with(**ratio_of(lambda g: g[-1, 0] / g[-1, -1])),
        "mean-over-moments": verdict_with(**ratio_of(lambda g: np.mean(g[:, 0] / g[:, -1]))),
        "ratio-of-medians": verdict_with(**ratio_of(lambda g: np.median(g[:, 0]) / np.median(g[:, -1]))),
        "moments-for-layers": verdict_with(**ratio_of(lambda g: np.median(g[0] / g[-1]))),
        "mean-over-seeds": over_seeds(np.mean),
        "one-of-the-two-middles": (*ways_to_miss_the_middle(upper), ways_to_miss_the_middle(lower)[2]),
        "median-of-differences": verdict_with(
            degraded=lambda runs, right: apart(runs, "deep", "shallow") > 0.05,
            overfitting=lambda runs, right: apart(runs, "deep", "deep", "test_error") > 0.05,
            repaired=lambda runs, right: right["degraded"] and apart(runs, "residual", "shallow") <= 0.05,
        ),
        "distance-for-difference": verdict_with(
            degraded=lambda runs, right: abs(median(runs, "deep") - median(runs, "shallow")) > 0.05,
            overfitting=lambda runs, right: (
                abs(median(runs, "deep", "test_error") - median(runs, "deep")) > 0.05
            ),
        ),
        "one-seed-decides": (over_seeds(np.min), over_seeds(np.max), over_seeds(lambda errors: errors[0])),
        "nothing-to-repair": verdict_with(
            repaired=lambda runs, right: median(runs, "residual") - median(runs, "shallow") <= 0.05
        ),
        "better-means-repaired": tuple(
            verdict_with(
                repaired=lambda runs, right, by=by, needed=needed: (
                    (right["degraded"] or not needed) and median(runs, "deep") - median(runs, "residual") > by
                )
            )
            for by in (0.05, 0)
            for needed in (False, True)
        ),
        "repaired-by-test-error": verdict_with(
            repaired=lambda runs, right: (
                right["degraded"]
                and median(runs, "residual", "test_error") - median(runs, "shallow", "test_error") <= 0.05
            )
        ),
        "gradients-of-another-network": (
            verdict_with(**ratio_of(first_over_last, "residual")),
            verdict_with(**ratio_of(first_over_last, "shallow")),
        ),
        "smallest-over-largest": verdict_with(**ratio_of(lambda g: np.median(g.min(axis=1) / g.max(axis=1)))),
    },
)


# --- 4.6 Path lengths ---------------------------------------------------------------------------------


def path_lengths(gains):
    """Shares of the lengths 0 … D: of all paths, and of the squared gradient."""

    def shares(ratios):
        # A block multiplies by 1 + r x; the power of x counts branches taken.
        share = np.ones(1)
        for r in ratios:
            share = np.convolve(share, [1, r]) / (1 + r)
        return share

    # Every path counts alike if every branch weighs as much as its skip.
    return {"paths": shares(np.ones(len(gains))), "gradient": shares(gains**2)}


def coins(chances):
    """How likely 0 … D heads are, for coins with these chances."""
    share = np.ones(1)
    for p in chances:
        share = np.convolve(share, [1 - p, p])
    return share


def half_heads(gains):
    return coins(np.full(len(gains), 0.5))


def lengths_with(gradient, paths=half_heads):
    return lambda gains: {"paths": paths(gains), "gradient": gradient(gains)}


def of_the_gradient(gains):
    return coins(gains**2 / (1 + gains**2))


def numbers_of_paths(gains):
    return np.array([comb(len(gains), k) for k in range(len(gains) + 1)], float)


def paths_in_32_bits(gains):
    count = np.ones(1, np.int32)
    for _ in gains:
        count = np.convolve(count, np.ones(2, np.int32))
    return count / 2.0 ** len(gains)


def factorials(gains):
    """The numbers of paths from factorials in 64 bits, which are right up to 20!."""
    factorial = np.cumprod([1, *range(1, len(gains) + 1)], dtype=np.int64)
    return factorial[-1] / (factorial * factorial[::-1])


def each_length_once(gains):
    """g^(2k), as if there were one path of each length."""
    weight = np.mean(gains**2) ** np.arange(len(gains) + 1)
    return weight / weight.sum()


def equal_blocks(rng):
    depths = (2, int(rng.integers(5, 9)), 40)
    return [(np.full(depth, round(rng.uniform(0.3, 0.8), 2)),) for depth in depths]


def blocks_that_differ(rng):
    return [(rng.uniform(0.2, 1.8, depth).round(2),) for depth in (2, 6, 40)]


PATH_LENGTHS = Check(
    path_lengths,
    properties=[
        Property("paths", 3, blocks_that_differ, part="paths"),
        Property("equal", 3, equal_blocks, part="gradient"),
        Property("different", 4, blocks_that_differ, part="gradient"),
    ],
    mistakes={
        "all-paths-alike": lengths_with(half_heads),
        "gain-not-squared": lengths_with(lambda g: coins(g / (1 + g))),
        "square-for-chance": lengths_with(lambda g: coins(g**2)),
        "one-path-for-each-length": lengths_with(each_length_once),
        "mean-gain-for-all": tuple(
            lengths_with(lambda g, mean=mean: coins(np.full(len(g), mean(g) / (1 + mean(g)))))
            for mean in (lambda g: np.mean(g**2), lambda g: np.mean(g) ** 2)
        ),
        "skips-counted-for-branches": lengths_with(lambda g: of_the_gradient(g)[::-1]),
        "terms-for-shares": lengths_with(lambda g: of_the_gradient(g) * np.prod(1 + g**2)),
        "numbers-for-shares": lengths_with(of_the_gradient, paths=numbers_of_paths),
        "lengths-alike": lengths_with(of_the_gradient, paths=lambda g: np.full(len(g) + 1, 1 / (len(g) + 1))),
        "whole-numbers-overflow": tuple(
            lengths_with(of_the_gradient, paths=paths)
            for paths in (
                paths_in_32_bits,
                lambda g: factorials(g) / 2.0 ** len(g),
                lambda g: factorials(g) / factorials(g).sum(),
            )
        ),
        "one-gain-for-all": tuple(
            lengths_with(lambda g, at=at: coins(np.full(len(g), g[at] ** 2 / (1 + g[at] ** 2))))
            for at in (0, -1)
        ),
        "squared-once-more": (
            lengths_with(lambda g: coins(g**4 / (1 + g**4))),
            lengths_with(lambda g: coins(g / (1 + g)) ** 2 / np.sum(coins(g / (1 + g)) ** 2)),
        ),
    },
)


# --- 4.7 Shattered gradients --------------------------------------------------------------------------


def shattered(x, network, lag):
    """The slope ∂y/∂x at each point of a line, and its autocorrelation."""
    s, alpha = network["skip"], network["alpha"]
    h = np.outer(x, network["u"]) + network["b"]
    dh = np.tile(network["u"], (len(x), 1))  # ∂h/∂x, carried along with h
    for w in network["blocks"]:
        dh = s * dh + alpha * (dh * (h > 0)) @ w
        h = s * h + alpha * np.maximum(h, 0) @ w
    slope = dh @ network["v"]
    a = slope - slope.mean()
    likeness = np.sum(a[lag:] * a[:-lag]) / np.sum(a**2)
    return {"slope": slope, "likeness": likeness}


def autocorrelation(a, lag):
    a = a - a.mean()
    return np.sum(a[lag:] * a[:-lag]) / np.sum(a**2)


def likeness_by(measure):
    """The function with the right slope, and another measure of its likeness."""

    def answer(x, network, lag):
        slope = shattered(x, network, lag)["slope"]
        return {"slope": slope, "likeness": measure(slope, lag)}

    return answer


def slope_by(
    skip=lambda network: network["skip"],
    alpha=lambda network: network["alpha"],
    mask=lambda h: h > 0,
    turn=lambda w: w,
    forward=lambda network: network["alpha"],
    through=lambda dh, is_open, w: (dh * is_open) @ w,
):
    """The function with another skip, branch scale, mask, matrix or order of the two for the slope, or scale
    for h alone."""

    def answer(x, network, lag):
        h = np.outer(x, network["u"]) + network["b"]
        dh = np.tile(network["u"], (len(x), 1))
        for w in network["blocks"]:
            dh = skip(network) * dh + alpha(network) * through(dh, mask(h), turn(w))
            h = network["skip"] * h + forward(network) * relu(h) @ w
        slope = dh @ network["v"]
        return {"slope": slope, "likeness": autocorrelation(slope, lag)}

    return answer


def output(x, network):
    h = np.outer(x, network["u"]) + network["b"]
    for w in network["blocks"]:
        h = network["skip"] * h + network["alpha"] * relu(h) @ w
    return h @ network["v"]


def finite_differences(x, network, lag):
    slope = np.gradient(output(x, network), x)
    return {"slope": slope, "likeness": autocorrelation(slope, lag)}


def likeness_of_the_output(x, network, lag):
    y = output(x, network)
    return {"slope": shattered(x, network, lag)["slope"], "likeness": autocorrelation(y, lag)}


def one_pair_too_few(a, lag):
    return np.sum(a[lag:-1] * a[: -lag - 1]) / np.sum(a**2)


def new_mask(x, network, lag):
    """Takes the mask of the ReLU from the h after the block."""
    s, alpha = network["skip"], network["alpha"]
    h = np.outer(x, network["u"]) + network["b"]
    dh = np.tile(network["u"], (len(x), 1))
    for w in network["blocks"]:
        h = s * h + alpha * relu(h) @ w
        dh = s * dh + alpha * (dh * (h > 0)) @ w
    slope = dh @ network["v"]
    return {"slope": slope, "likeness": autocorrelation(slope, lag)}


def round_the_line(a, lag):
    a = a - a.mean()
    return np.sum(a * np.roll(a, lag)) / np.sum(a**2)


def of_one_stretch(a, lag, part):
    return np.sum(a[lag:] * a[:-lag]) / np.sum((a[:-lag], a[lag:])[part] ** 2)


def centred_by_side(a, lag):
    return np.corrcoef(a[lag:], a[:-lag])[0, 1]


def network_on_a_line(rng, depth, skip):
    """(x, network, lag): He's weights, and biases in the first layer only."""
    n, points = int(rng.integers(9, 13)), int(rng.integers(36, 50))
    # Kinks at −b/u, spread over the line: without them the slope would be constant.
    u = rng.choice([-1.0, 1.0], n) * rng.uniform(0.6, 1.4, n)
    network = {
        "u": u,
        "b": -u * rng.permutation(np.linspace(-1.6, 1.6, n)) + rng.normal(0, 0.05, n),
        "v": rng.normal(0, n**-0.5, n),
        "blocks": [rng.normal(0, np.sqrt(2 / n), (n, n)) for _ in range(depth)],
        "skip": skip,
        "alpha": round(rng.uniform(0.3, 0.7), 2),
    }
    return np.linspace(-2, 2, points), network, int(rng.integers(2, 5))


def line_with_a_kink_on_a_point(rng):
    """A unit's h is 0 at one of the points, exactly: x − x is, and a factor of 1 rounds nothing."""
    x, network, lag = network_on_a_line(rng, 1, 0)
    network["u"][0], network["b"][0] = 1.0, -rng.choice(x)
    return x, network, lag


def plain_lines(rng):
    return [network_on_a_line(rng, depth, 0) for depth in (1, 2, 4)]


def residual_lines(rng):
    return [network_on_a_line(rng, depth, 1) for depth in (1, 3, 12)]


def all_lines(rng):
    # From two blocks with skips on, the branch scale counts: it is more than a factor of what varies.
    lines = [network_on_a_line(rng, depth, skip) for depth, skip in ((1, 0), (2, 1), (3, 0), (8, 1))]
    return [*lines, line_that_turns(rng)]


def line_that_turns(rng):
    """A network whose slope is rather the opposite of itself a few points further on."""
    while True:
        line = network_on_a_line(rng, 4, 0)
        if shattered(*line)["likeness"] < -0.05:
            return line


SHATTERED_GRADIENTS = Check(
    shattered,
    properties=[
        Property(
            "plain",
            5,
            plain_lines,
            part="slope",
            rtol=1e-4,
            edges=lambda rng: [line_with_a_kink_on_a_point(rng)],
        ),
        Property("residual", 5, residual_lines, part="slope", rtol=1e-4),
        Property("likeness", 10, all_lines, part="likeness"),
    ],
    mistakes={
        "lost-plus-one-path": slope_by(skip=lambda network: 0),
        "ignores-the-scale": slope_by(alpha=lambda network: 1),
        "mask-of-the-new-h": new_mask,
        "forgets-relu-slope": slope_by(mask=np.ones_like),
        "relu-slope-one-at-zero": tuple(
            slope_by(mask=mask) for mask in (lambda h: h >= 0, lambda h: np.heaviside(h, 0.5))
        ),
        "mask-upside-down": slope_by(mask=lambda h: h < 0),
        "forgets-the-bias": lambda x, network, lag: shattered(x, {**network, "b": 0 * network["b"]}, lag),
        "forward-without-the-scale": slope_by(forward=lambda network: 1),
        "matrix-transposed": slope_by(turn=np.transpose),
        "finite-differences": finite_differences,
        "likeness-of-the-output": likeness_of_the_output,
        "mean-not-removed": likeness_by(lambda a, lag: np.sum(a[lag:] * a[:-lag]) / np.sum(a**2)),
        "lag-off-by-one": tuple(
            likeness_by(lambda a, lag, by=by: autocorrelation(a, lag + by)) for by in (1, -1)
        ),
        "wraps-around": likeness_by(round_the_line),
        "square-of-one-stretch": tuple(
            likeness_by(lambda a, lag, part=part: of_one_stretch(a - a.mean(), lag, part)) for part in (0, 1)
        ),
        "mean-of-the-pairs": likeness_by(lambda a, lag: autocorrelation(a, lag) * len(a) / (len(a) - lag)),
        "correlation-of-two-stretches": likeness_by(centred_by_side),
        "always-the-next-point": likeness_by(lambda a, lag: autocorrelation(a, 1)),
        "skip-of-one": slope_by(skip=lambda network: 1),
        "mask-behind-the-matrix": slope_by(through=lambda dh, is_open, w: dh @ w * is_open),
        "one-pair-too-few": likeness_by(lambda a, lag: one_pair_too_few(a - a.mean(), lag)),
        "counted-from-the-edge": likeness_by(
            lambda a, lag: np.correlate(a - a.mean(), a - a.mean(), "full")[lag] / np.sum((a - a.mean()) ** 2)
        ),
    },
    personal=Personal(
        lambda f, own: lambda x, net, lag: f(x, {**net, "alpha": own * net["alpha"]}, lag),
        given=lambda args, own: (args[0], {**args[1], "alpha": args[1]["alpha"] / own}, args[2]),
    ),
)

EXERCISES = [
    RESIDUAL_BLOCK,
    TWO_BLOCKS,
    PREDICT_GROWTH,
    BRANCH_SCALE,
    DEGRADATION_VERDICT,
    PATH_LENGTHS,
    SHATTERED_GRADIENTS,
]
