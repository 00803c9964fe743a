"""Chapter 4: what a skip does to a signal and to its gradient."""

import numpy as np

from helpers.checking.exercise import Exercise, Property, Wrong

LESSON = "04_residual_connections"
THE_BLOCK = "1 · A block that does nothing, unless it learns to"
PRODUCT = "2 · The product still grows"
TAME = "3 · Three ways to tame the branch"
TWO_KINDS = "4 · Two kinds of block"
DEGRADATION = "5 · Degradation: deeper and worse"
PATHS = "6 · Many short paths"
SHATTERED = "7 · Shattered gradients"


def relu(z):
    return np.maximum(z, 0)


# --- 4.1 A block, forward and backward ----------------------------------------------------------------


def residual_block(h, w1, w2, grad):
    """The block h + relu(h W₁) W₂, forward and backward."""
    z = h @ w1
    a = np.maximum(z, 0)
    # Back through W₂, then through the ReLU: a unit that was off passes nothing on.
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


def relu_on_the_trunk(h, w1, w2, grad):
    """The block of 2015: relu(h + F(h))."""
    out = h + relu(h @ w1) @ w2
    return {**residual_block(h, w1, w2, grad * (out > 0)), "out": relu(out)}


def one_block(rng, batch=None):
    """(h, W₁, W₂, grad): no two sizes alike."""
    batch, n, hidden = batch or int(rng.integers(8, 11)), int(rng.integers(3, 5)), int(rng.integers(5, 8))
    # Not rounded: a z that is exactly 0 would be on or off by the order in which it is summed.
    h, grad = rng.normal(size=(2, batch, n))
    return h, rng.normal(size=(n, hidden)), rng.normal(size=(hidden, n)), grad


def some_blocks(rng):
    return [one_block(rng, 2), one_block(rng), one_block(rng)]


RESIDUAL_BLOCK = Exercise(
    lesson=LESSON,
    section=THE_BLOCK,
    title="A residual block, forward and backward",
    minutes=20,
    difficulty=2,
    hints=(
        "h reaches the output by two ways: along the skip, and through the branch. So two gradients come "
        "back to h, and they are added. Which of them has nothing to do with the weights?",
        "dz = (grad @ w2.T) * (h @ w1 > 0) is the gradient in front of the ReLU. Then dh = grad + dz @ w1.T, "
        "dw1 = h.T @ dz, and dw2 = relu(h @ w1).T @ grad. Write `h + …`, since `h += …` changes the caller's.",
    ),
    reference=residual_block,
    properties=[
        Property("forward: the output", 4, some_blocks, part="out"),
        Property("backward: the gradient of h", 6, some_blocks, part="dh"),
        Property("backward: the gradient of W₁", 3, some_blocks, part="dw1"),
        Property("backward: the gradient of W₂", 2, some_blocks, part="dw2"),
    ],
    wrong=[
        Wrong(
            "lost-plus-one-path",
            "its gradient of h comes through the branch alone. The derivative of h + F(h) is 1 + F′(h): the "
            "1 is the skip, and it hands on `grad` untouched.",
            blocks_of(back=0),
        ),
        Wrong(
            "skip-only-backward",
            "its output is F(h), without h, although its gradient has the skip. The two directions must "
            "belong to the same function.",
            blocks_of(skip=0),
        ),
        Wrong(
            "plain-for-residual",
            "it computes a plain layer pair, F(h), and that one's gradient. The skip is missing in both "
            "directions.",
            blocks_of(skip=0, back=0),
        ),
        Wrong(
            "in-place-add",
            "it computes the gradient of W₁ with the *output* in the place of h. That happens when the sum is "
            "stored under the name h (`h = h + …` or `h += …`) before the way back. Backward needs the h "
            "that came in.",
            blocks_of(new_h=True),
        ),
        Wrong(
            "forgets-relu-slope",
            "it sends the gradient through the ReLU as if it were not there. A unit whose z was negative "
            "gave 0, and a small change of its weights changes nothing.",
            blocks_of(slope=np.ones_like),
        ),
        Wrong(
            "v1-for-v2",
            "it puts a ReLU after the sum, as the first ResNet did, and sends the gradient back through it. "
            "The block of this exercise has nothing on the trunk.",
            relu_on_the_trunk,
        ),
        Wrong(
            "divides-by-the-batch",
            "it divides the gradients of the weights by the number of rows. If the loss is a mean, `grad` "
            "contains that division already: just add up.",
            blocks_of(share=lambda h: 1 / len(h)),
        ),
    ],
)


# --- 4.2 Two kinds of block ---------------------------------------------------------------------------


def two_blocks(h, blocks, version):
    """The trunk behind a stack of residual blocks of one version."""
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


def stack(rng, depth, version):
    """(h, blocks, version): small weights, so that no number becomes large."""
    batch, n, hidden = int(rng.integers(6, 9)), int(rng.integers(3, 5)), int(rng.integers(5, 8))
    blocks = [
        (rng.normal(0, n**-0.5, (n, hidden)), rng.normal(0, hidden**-0.5, (hidden, n))) for _ in range(depth)
    ]
    return rng.normal(size=(batch, n)), blocks, version


TWO_BLOCKS = Exercise(
    lesson=LESSON,
    section=TWO_KINDS,
    title="v1 and v2",
    minutes=10,
    difficulty=1,
    hints=(
        "Both have two matrices and two ReLUs. Which of the ReLUs does the *trunk* pass in v1, and which in "
        "v2? The table of section 4 lists them in their order.",
        "v1: relu(h + relu(h @ w1) @ w2). v2: h + relu(relu(h) @ w1) @ w2. Loop over the blocks, and hand "
        "each one's result to the next.",
    ),
    reference=two_blocks,
    properties=[
        Property("v1: one block", 3, lambda rng: [stack(rng, 1, "v1") for _ in range(2)]),
        Property("v2: one block", 3, lambda rng: [stack(rng, 1, "v2") for _ in range(2)]),
        Property(
            "several blocks",
            4,
            lambda rng: [stack(rng, depth, version) for depth in (2, 4) for version in ("v1", "v2")],
        ),
    ],
    wrong=[
        Wrong(
            "versions-exchanged",
            "it has the two versions the wrong way round. v1, of 2015, has the ReLU after the sum; v2, of "
            "2016, keeps the trunk free.",
            stack_of(
                lambda h, w1, w2: h + relu(relu(h) @ w1) @ w2, lambda h, w1, w2: relu(h + relu(h @ w1) @ w2)
            ),
        ),
        Wrong(
            "v1-without-last-relu",
            "its v1 has no ReLU after the sum. “A residual block computes h + F(h)” is said of both "
            "versions, and is true of v2.",
            stack_of(v1=lambda h, w1, w2: h + relu(h @ w1) @ w2),
        ),
        Wrong(
            "v1-relu-before-sum",
            "its v1 takes the ReLU of the branch, and then adds. The trunk could only grow that way. In v1 "
            "the ReLU comes after the sum.",
            stack_of(v1=lambda h, w1, w2: h + relu(relu(h @ w1) @ w2)),
        ),
        Wrong(
            "v2-for-both",
            "it computes v2 for both versions.",
            stack_of(v1=lambda h, w1, w2: h + relu(relu(h) @ w1) @ w2),
        ),
        Wrong(
            "v1-for-both",
            "it computes v1 for both versions.",
            stack_of(v2=lambda h, w1, w2: relu(h + relu(h @ w1) @ w2)),
        ),
        Wrong(
            "v2-without-first-relu",
            "its v2 leaves out the ReLU in front of the first matrix. Pre-activation means just that: every "
            "matrix of the branch has its ReLU in front.",
            stack_of(v2=lambda h, w1, w2: h + relu(h @ w1) @ w2),
        ),
        Wrong(
            "v2-relu-on-the-skip",
            "its v2 adds relu(h) instead of h: the first ReLU is on the skip, too. Then the trunk loses what "
            "is negative. The skip starts in front of that ReLU.",
            stack_of(v2=lambda h, w1, w2: relu(h) + relu(relu(h) @ w1) @ w2),
        ),
        Wrong(
            "v2-relu-after-the-matrix",
            "its v2 has a ReLU behind each matrix, at the end of the branch, too. Then a branch can only "
            "add, never take away. Pre-activation puts each ReLU in front.",
            stack_of(v2=lambda h, w1, w2: h + relu(relu(h @ w1) @ w2)),
        ),
        Wrong(
            "plain-for-residual",
            "it leaves out the skip, in both versions.",
            stack_of(lambda h, w1, w2: relu(relu(h @ w1) @ w2), lambda h, w1, w2: relu(relu(h) @ w1) @ w2),
        ),
    ],
)


# --- 4.3 Predict the growth ---------------------------------------------------------------------------


def predict_growth(gains, alpha):
    """By what factor random blocks multiply a gradient's length: plain, and with skips."""
    g = alpha * np.array(gains)
    plain = np.prod(g)
    # A random branch stands at a right angle to the trunk, so the squares add up.
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

    # The growths, in turn: 1.4, 5.3·10², 1.2, 7.7, 3.4·10⁷.
    return [
        blocks(3, 0.5, 1.0),
        blocks(30, 0.72, 1.0),
        blocks(40, 1.0, 0.1),
        blocks(100, 2.0, 0.102),
        blocks(50, 1.0, 1.0),
    ]


PREDICT_GROWTH = Exercise(
    lesson=LESSON,
    section=PRODUCT,
    title="Predict the growth",
    minutes=10,
    difficulty=1,
    hints=(
        "One block turns a gradient v into v + αJv. If αJv is αg times as long as v and stands at a right "
        "angle to it, how long is the sum? Pythagoras knows. Then multiply over the blocks.",
        "A block multiplies the squared length by 1 + (αg)². The growth is the root of the product of these. "
        "With L equal gains and α = 1 that is (1 + g²)^(L/2).",
    ),
    reference=predict_growth,
    properties=[
        Property("without skips", 2, scaled_branches, part="plain"),
        Property("with skips: equal gains, α = 1", 3, alike, part="residual"),
        Property("with skips: gains that differ, and a branch scale", 3, scaled_branches, part="residual"),
        Property("is it bounded?", 2, bounded_or_not, part="bounded"),
    ],
    wrong=[
        Wrong(
            "skip-keeps-it-bounded",
            "it says that a gradient with skips stays at 1 and bounded. The popular line has the identity "
            "right and forgets the rest: every random branch makes the gradient longer.",
            growing(lambda g: 1.0),
        ),
        Wrong(
            "always-bounded",
            "its numbers are right, but it calls every one of them bounded. Beyond 10, this exercise does "
            "not: look at the number, not at the skip.",
            growing(root_product, bounded=lambda r: True),
        ),
        Wrong(
            "adds-in-one-line",
            "it multiplies 1 + αg. That holds if every branch points along the trunk, as single numbers do. "
            "A random one stands at a right angle: the squares add up.",
            growing(lambda g: np.prod(1 + g)),
        ),
        Wrong(
            "square-for-length",
            "it multiplies 1 + (αg)², which is the growth of the *squared* length. Take the root.",
            growing(lambda g: np.prod(1 + g**2)),
        ),
        Wrong(
            "depth-becomes-additive",
            "it adds up the blocks: √(1 + Σ(αg)²). Each block multiplies what the others have made: it is a "
            "product.",
            growing(lambda g: np.sqrt(1 + np.sum(g**2))),
        ),
        Wrong(
            "alpha-not-squared",
            "it has α to the first power where α² belongs (and, without skips, once where it acts in every "
            "block). The branch is αF, so its gain is αg.",
            without_square_on_alpha,
        ),
        Wrong(
            "ignores-the-scale",
            "it leaves out α. The branch scale multiplies every gain.",
            growing(root_product, scaled=False),
        ),
        Wrong(
            "mean-gain-for-all",
            "it puts the mean gain into (1 + g²)^(L/2). That is right for equal gains. Blocks that differ "
            "have a factor each.",
            growing(lambda g: (1 + np.mean(g) ** 2) ** (len(g) / 2)),
        ),
    ],
)


# --- 4.4 Choose the branch scale ----------------------------------------------------------------------


def branch_scale(gains, target):
    """The α at which random blocks multiply a gradient's length by `target`."""
    # Growth rises with α. At target/max(g) the block with the largest gain is enough.
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
    return [
        (np.full(int(rng.integers(low, low + 4)), round(rng.uniform(0.4, 1.8), 2)), round(target, 2))
        for low, target in zip((2, 8, 25), rng.uniform((1.5, 3, 4), (3, 6, 8)), strict=True)
    ]


def gains_that_differ(rng):
    return [
        (np.append(rng.uniform(0.2, 1, depth - 1), rng.uniform(3, 5)).round(2), round(target, 2))
        for depth, target in zip((3, 6, 12), rng.uniform((3, 4, 5), (4, 6, 8)), strict=True)
    ]


def deep_networks(rng):
    return [
        (rng.uniform(0.2, 2.5, depth).round(2), round(rng.uniform(2, 6), 2))
        for depth in (int(rng.integers(200, 300)), int(rng.integers(900, 1100)))
    ]


BRANCH_SCALE = Exercise(
    lesson=LESSON,
    section=TAME,
    title="Choose the branch scale",
    minutes=20,
    difficulty=2,
    hints=(
        "Write down the growth as a function of α: the root of a product of 1 + (αg)². With equal gains you "
        "can solve for α. With gains that differ you cannot, but the growth rises with α: search for it.",
        "Halve an interval: low = 0, high = target/max(gains). At the middle compute "
        "exp(½ Σ log(1 + (αg)²)); if it is less than the target, α must be larger. Sixty halvings are exact.",
    ),
    reference=branch_scale,
    properties=[
        Property("equal gains", 6, equal_gains),
        Property("gains that differ", 6, gains_that_differ),
        Property("hundreds of blocks", 3, deep_networks),
    ],
    wrong=[
        Wrong(
            "one-over-root-depth",
            "it returns 1/√L. That is a good rule where nothing is known. Here you know the gains, and how "
            "much growth is wanted.",
            lambda gains, target: len(gains) ** -0.5,
        ),
        Wrong(
            "one-over-depth",
            "it returns 1/L. That keeps the growth small, and smaller than was asked for: the squares of the "
            "branches add up, so 1/√L is the scale.",
            lambda gains, target: 1 / len(gains),
        ),
        Wrong(
            "adds-in-one-line",
            "it solves the product of 1 + αg. Branches at a right angle to the trunk add their squares: "
            "√(1 + α²g²) a block.",
            along_the_trunk,
        ),
        Wrong(
            "square-for-length",
            "it takes the target for the growth of the *squared* length. The length itself is to grow by it: "
            "the product of 1 + (αg)² is the target squared.",
            square_is_target,
        ),
        Wrong(
            "alpha-squared-for-alpha",
            "it returns α², not α: a root is missing.",
            lambda gains, target: branch_scale(gains, target) ** 2,
        ),
        Wrong(
            "limit-for-exact",
            "it solves e^(α²Σg²/2) = target. That is the limit of endless depth; a network of a few blocks "
            "grows less than that.",
            lambda gains, target: np.sqrt(2 * np.log(target) / np.sum(gains**2)),
        ),
        Wrong(
            "mean-gain-for-all",
            "it puts the mean gain into the formula for equal blocks. A block with a large gain counts for "
            "more than its part of the mean.",
            closed_form(mean=np.mean),
        ),
        Wrong(
            "root-mean-square-for-all",
            "it puts the root mean square of the gains into the formula for equal blocks. That is nearly "
            "right in a very deep network, and not in one of a few blocks.",
            closed_form(),
        ),
        Wrong(
            "ignores-the-gain",
            "it computes the scale for branches of gain 1. A branch that multiplies by g needs an α that is "
            "smaller by g.",
            closed_form(mean=lambda g: 1.0),
        ),
    ],
)

EXERCISES = [RESIDUAL_BLOCK, TWO_BLOCKS, PREDICT_GROWTH, BRANCH_SCALE]
