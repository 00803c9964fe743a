"""Chapter 4: what a skip does to a signal and to its gradient."""

from math import comb

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
        "dw1 = h.T @ dz, and dw2 = relu(h @ w1).T @ grad. Write `h + …`: `h += …` changes the caller's.",
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
            "it computes the gradient of W₁ with the *output* in the place of h. That happens when the sum "
            "is stored under the name h (`h = h + …` or `h += …`) before the way back. Backward needs the h "
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
            "relu-on-the-trunk",
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
            "no-relu-after-sum",
            "its v1 has no ReLU after the sum. “A residual block computes h + F(h)” is said of both "
            "versions, and is true of v2.",
            stack_of(v1=lambda h, w1, w2: h + relu(h @ w1) @ w2),
        ),
        Wrong(
            "relu-before-sum",
            "its v1 takes the ReLU of the branch, and then adds. The trunk could only grow that way. In v1 "
            "the ReLU comes after the sum.",
            stack_of(v1=lambda h, w1, w2: h + relu(relu(h @ w1) @ w2)),
        ),
        Wrong(
            "second-version-for-both",
            "it computes v2 for both versions.",
            stack_of(v1=lambda h, w1, w2: h + relu(relu(h) @ w1) @ w2),
        ),
        Wrong(
            "first-version-for-both",
            "it computes v1 for both versions.",
            stack_of(v2=lambda h, w1, w2: relu(h + relu(h @ w1) @ w2)),
        ),
        Wrong(
            "branch-without-first-relu",
            "its v2 leaves out the ReLU in front of the first matrix. Pre-activation means just that: every "
            "matrix of the branch has its ReLU in front.",
            stack_of(v2=lambda h, w1, w2: h + relu(h @ w1) @ w2),
        ),
        Wrong(
            "relu-on-the-skip",
            "its v2 adds relu(h) instead of h: the first ReLU is on the skip, too. Then the trunk loses what "
            "is negative. The skip starts in front of that ReLU.",
            stack_of(v2=lambda h, w1, w2: relu(h) + relu(relu(h) @ w1) @ w2),
        ),
        Wrong(
            "relu-after-the-matrix",
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


def ratio_of(gradients):
    """The function of (runs, right) that takes the ratio from something else, and the one that judges it."""

    def ratio(runs, right):
        return gradients(runs["deep"]["gradients"])

    return {"ratio": ratio, "vanishing": lambda runs, right: ratio(runs, right) < 1e-3}


def mean_for_median(runs):
    averaged = {
        name: {
            **run,
            "train_error": [np.mean(run["train_error"])],
            "test_error": [np.mean(run["test_error"])],
        }
        for name, run in runs.items()
    }
    return degradation_verdict(averaged)


def some_seeds(rng, error, unlucky=0.0):
    """The errors of five seeds around `error`; one seed, at a random place, is worse by `unlucky`."""
    errors = error + rng.uniform(-0.008, 0.008, 5)
    errors[rng.integers(5)] += unlucky
    return errors.round(3)


def some_gradients(rng, ratio, last):
    """Lengths by epoch and layer, which run from ratio · last to `last`. The first epoch is unlike others."""
    epochs, layers = 5, int(rng.integers(6, 9))
    ratios = ratio * np.exp(rng.uniform(-0.3, 0.3, epochs))
    ratios[0] *= 3e4 if ratio < 1e-3 else 1e-5
    lasts = last * np.exp(rng.uniform(-0.3, 0.3, (epochs, 1)))
    return lasts * ratios[:, None] ** np.linspace(1, 0, layers)


def three_runs(rng, shallow, deep, gap, residual, ratio, last=1.0, unlucky=("shallow", 0.0)):
    """(runs,): the three training errors, by how much the deep network is worse in test, its gradients."""
    train = {"shallow": shallow, "deep": deep, "residual": residual}
    seed, by = unlucky
    return (
        {
            name: {
                "train_error": some_seeds(rng, error, by if name == seed else 0.0),
                "test_error": some_seeds(rng, error + (gap if name == "deep" else 0.02)),
                "gradients": some_gradients(rng, ratio if name == "deep" else 0.5, last),
            }
            for name, error in train.items()
        },
    )


def as_in_the_lesson(rng):
    """Degraded, repaired by skips; the gradient of the deep network is alive or explodes."""
    deep, ratio = rng.uniform(0.6, 0.8), 10 ** rng.uniform(2, 4)
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
    """One seed that failed, in the shallow or in the deep network: a mean follows it, a median does not."""
    return [
        three_runs(rng, 0.1, 0.12, 0.02, 0.05, 2.0, unlucky=("deep", 0.7)),
        three_runs(rng, 0.1, 0.22, 0.02, 0.05, 2.0, unlucky=("shallow", 0.8)),
        three_runs(rng, 0.1, 0.22, 0.02, 0.05, 2.0, unlucky=("residual", 0.8)),
    ]


def all_kinds(rng):
    kinds = (as_in_the_lesson, overfits, vanishes, vanishes_and_learns, small_gradients)
    return [kind(rng) for kind in kinds] + unlucky_seeds(rng)


DEGRADATION_VERDICT = Exercise(
    lesson=LESSON,
    section=DEGRADATION,
    title="The verdict from three runs",
    minutes=20,
    difficulty=2,
    hints=(
        "Every question has its own numbers. Degraded: two *training* errors. Overfitting: the training and "
        "the test error of *one* network. Vanishing: gradients, and no error at all. No answer follows from "
        "another.",
        "Take np.median over the seeds first. The ratio is np.median(g[:, 0] / g[:, -1]) of the deep "
        "network; it vanishes below 1e-3 and explodes above. Repaired needs both: degraded, and the residual "
        "network's training error at most 0.05 above the shallow one's.",
    ),
    reference=degradation_verdict,
    properties=[
        Property("is it degraded?", 5, all_kinds, part="degraded"),
        Property("does it overfit?", 5, all_kinds, part="overfitting"),
        Property("the gradient ratio", 2, all_kinds, part="ratio"),
        Property("does the gradient vanish?", 4, all_kinds, part="vanishing"),
        Property("do skips repair it?", 4, all_kinds, part="repaired"),
    ],
    wrong=[
        Wrong(
            "degraded-means-vanishing",
            "it says that the gradient vanishes exactly where the network is degraded. That is how the story "
            "is usually told, and He et al. found healthy gradients in their degraded networks. Look at the "
            "gradients.",
            verdict_with(vanishing=lambda runs, right: right["degraded"]),
        ),
        Wrong(
            "degraded-means-overfitting",
            "it says that a degraded network overfits. Overfitting is a low training error with a high test "
            "error. A degraded network is already worse in training.",
            verdict_with(overfitting=lambda runs, right: right["degraded"]),
        ),
        Wrong(
            "worse-test-means-overfitting",
            "it compares the test errors of the deep and the shallow network. The deep one may be worse in "
            "test because it is as bad in training. Overfitting is the distance between its own two errors.",
            verdict_with(
                overfitting=lambda runs, right: (
                    median(runs, "deep", "test_error") - median(runs, "shallow", "test_error") > 0.05
                )
            ),
        ),
        Wrong(
            "degraded-by-test-error",
            "it judges degradation by the test error. That mixes it up with overfitting: degraded means "
            "worse on the *training* data.",
            lambda runs: (
                degradation_verdict(
                    {name: {**run, "train_error": run["test_error"]} for name, run in runs.items()}
                )
                | {"overfitting": degradation_verdict(runs)["overfitting"]}
            ),
        ),
        Wrong(
            "ratio-upside-down",
            "it divides the last layer's gradient by the first's. The gradient travels from the last layer "
            "to the first, so it has vanished where first/last is small. A small "
            "last/first means that it exploded.",
            verdict_with(**ratio_of(lambda g: np.median(g[:, -1] / g[:, 0]))),
        ),
        Wrong(
            "small-means-vanishing",
            "it looks at the first layer's gradient alone. At the end of a good training, gradients are "
            "small at all layers. Vanishing is about the first layer *compared with* the last.",
            verdict_with(vanishing=lambda runs, right: np.median(runs["deep"]["gradients"][:, 0]) < 1e-3),
        ),
        Wrong(
            "only-the-first-moment",
            "it takes the ratio at the first moment alone. A gradient that explodes or vanishes at the start "
            "may be healthy soon after: take the median over all moments.",
            verdict_with(**ratio_of(lambda g: g[0, 0] / g[0, -1])),
        ),
        Wrong(
            "only-the-last-moment",
            "it takes the ratio at the last moment alone. The median over all moments is asked for.",
            verdict_with(**ratio_of(lambda g: g[-1, 0] / g[-1, -1])),
        ),
        Wrong(
            "mean-over-moments",
            "it averages the ratio over the moments. Ratios differ by powers of ten, and the largest decides "
            "a mean. The median is asked for.",
            verdict_with(**ratio_of(lambda g: np.mean(g[:, 0] / g[:, -1]))),
        ),
        Wrong(
            "mean-over-seeds",
            "it takes the mean over the seeds. One seed that failed moves a mean a long way; the median is "
            "asked for.",
            mean_for_median,
        ),
        Wrong(
            "nothing-to-repair",
            "it calls a network repaired that was not degraded. Skips can only repair what is broken: both "
            "conditions are needed.",
            verdict_with(
                repaired=lambda runs, right: median(runs, "residual") - median(runs, "shallow") <= 0.05
            ),
        ),
        Wrong(
            "better-means-repaired",
            "it compares the network with skips to the deep plain one. Better is not repaired: the measure "
            "is the shallow network.",
            verdict_with(repaired=lambda runs, right: median(runs, "deep") - median(runs, "residual") > 0.05),
        ),
    ],
)


# --- 4.6 Path lengths ---------------------------------------------------------------------------------


def path_lengths(gains):
    """Shares of the lengths 0 … L: of all paths, and of the squared gradient."""

    def shares(ratios):
        # A block multiplies by 1 + r x; the power of x counts branches taken.
        share = np.ones(1)
        for r in ratios:
            share = np.convolve(share, [1, r]) / (1 + r)
        return share

    # Every path counts alike if every branch weighs as much as its skip.
    return {"paths": shares(np.ones(len(gains))), "gradient": shares(gains**2)}


def coins(chances):
    """How likely 0 … L heads are, for coins with these chances."""
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


def each_length_once(gains):
    """g^(2k), as if there were one path of each length."""
    weight = np.mean(gains**2) ** np.arange(len(gains) + 1)
    return weight / weight.sum()


def equal_blocks(rng):
    depths = (2, int(rng.integers(5, 9)), int(rng.integers(20, 40)))
    return [(np.full(depth, round(rng.uniform(0.3, 0.8), 2)),) for depth in depths]


def blocks_that_differ(rng):
    return [(rng.uniform(0.2, 1.8, depth).round(2),) for depth in (2, 6, int(rng.integers(20, 41)))]


PATH_LENGTHS = Exercise(
    lesson=LESSON,
    section=PATHS,
    title="Which paths carry the gradient",
    minutes=15,
    difficulty=2,
    hints=(
        "Write x for each branch that is taken: block l multiplies by (1 + g² x). In the product of all L, "
        "the term with x^k belongs to the paths of length k. Multiplying polynomials is np.convolve.",
        "Start with [1.0]. For each block, np.convolve(share, [1, g²]) / (1 + g²). For the paths themselves, "
        "do the same with 1 for g²: that makes L coin tosses.",
    ),
    reference=path_lengths,
    properties=[
        Property("how many paths have each length", 3, blocks_that_differ, part="paths"),
        Property("the gradient: equal gains", 3, equal_blocks, part="gradient"),
        Property("the gradient: gains that differ", 4, blocks_that_differ, part="gradient"),
    ],
    wrong=[
        Wrong(
            "all-paths-alike",
            "it gives the gradient the distribution of the paths. Most paths have L/2 branches, but every "
            "branch multiplies what comes through by g²: with small gains the short paths carry most.",
            lengths_with(half_heads),
        ),
        Wrong(
            "gain-not-squared",
            "it weighs a branch by g. The share is of the *squared* gradient, so a branch counts g².",
            lengths_with(lambda g: coins(g / (1 + g))),
        ),
        Wrong(
            "square-for-chance",
            "it takes g² itself for the chance of the branch. Branch and skip weigh g² and 1, so the chance "
            "is g²/(1 + g²).",
            lengths_with(lambda g: coins(g**2)),
        ),
        Wrong(
            "one-path-for-each-length",
            "it weighs length k by g^(2k) alone. There is one path of length 0, but there are L of length 1: "
            "the number of paths counts, too.",
            lengths_with(each_length_once),
        ),
        Wrong(
            "mean-gain-for-all",
            "it uses one binomial, with the mean of g². That is right for equal gains. With gains that "
            "differ, each block is a coin of its own.",
            lengths_with(lambda g: coins(np.full(len(g), np.mean(g**2) / (1 + np.mean(g**2))))),
        ),
        Wrong(
            "skips-counted-for-branches",
            "it counts the skips that a path takes. Its length is the number of branches: turn the histogram "
            "of the gradient round.",
            lengths_with(lambda g: of_the_gradient(g)[::-1]),
        ),
        Wrong(
            "numbers-for-shares",
            "its `paths` are numbers of paths. They should be shares: divide by all the 2^L.",
            lengths_with(of_the_gradient, paths=numbers_of_paths),
        ),
        Wrong(
            "lengths-alike",
            "its `paths` give every length the same share. There is one path of length 0, and there are very "
            "many of length L/2.",
            lengths_with(of_the_gradient, paths=lambda g: np.full(len(g) + 1, 1 / (len(g) + 1))),
        ),
    ],
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


def slope_by(skip=lambda network: network["skip"], alpha=lambda network: network["alpha"]):
    """The function that goes wrong on the way back alone: another skip or branch scale."""

    def answer(x, network, lag):
        h = np.outer(x, network["u"]) + network["b"]
        dh = np.tile(network["u"], (len(x), 1))
        for w in network["blocks"]:
            dh = skip(network) * dh + alpha(network) * (dh * (h > 0)) @ w
            h = network["skip"] * h + network["alpha"] * relu(h) @ w
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


def new_mask(x, network, lag):
    """Takes the mask of the ReLU from the h behind the block."""
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


def plain_lines(rng):
    return [network_on_a_line(rng, depth, 0) for depth in (1, 2, 4)]


def residual_lines(rng):
    return [network_on_a_line(rng, depth, 1) for depth in (1, 3, 12)]


def all_lines(rng):
    return [network_on_a_line(rng, depth, skip) for depth, skip in ((1, 0), (1, 1), (3, 0), (8, 1))]


SHATTERED_GRADIENTS = Exercise(
    lesson=LESSON,
    section=SHATTERED,
    title="Shattered gradients",
    minutes=30,
    difficulty=3,
    hints=(
        "Carry ∂h/∂x along with h: at the start it is u, at every point. What does a block do to it? The "
        "skip passes it on, the branch passes what the ReLU lets through, times α, times W. (If your slope "
        "is the same at every point, it has forgotten the ReLU.)",
        "dh = s * dh + alpha * (dh * (h > 0)) @ w, *before* h itself is renewed. The slope is dh @ v. Then "
        "a = slope − slope.mean(), and the likeness is Σ a[lag:]·a[:-lag] / Σ a².",
    ),
    reference=shattered,
    properties=[
        Property("the slope without skips", 5, plain_lines, part="slope"),
        Property("the slope with skips", 5, residual_lines, part="slope"),
        Property("the autocorrelation of the slope", 10, all_lines, part="likeness"),
    ],
    wrong=[
        Wrong(
            "lost-plus-one-path",
            "its slope has lost the skip, although its signal has it. The derivative of h + αF(h) is "
            "1 + αF′(h).",
            slope_by(skip=lambda network: 0),
        ),
        Wrong(
            "ignores-the-scale",
            "it leaves α out of the derivative. A branch that is multiplied by α has a slope that is, too.",
            slope_by(alpha=lambda network: 1),
        ),
        Wrong(
            "mask-of-the-new-h",
            "it takes the mask of the ReLU from the h *behind* the block. The ReLU saw the h in front: renew "
            "the derivative first, then h.",
            new_mask,
        ),
        Wrong(
            "finite-differences",
            "its slope is a difference of neighbouring y. That smooths over every kink between two points, "
            "which is just what is to be measured.",
            finite_differences,
        ),
        Wrong(
            "likeness-of-the-output",
            "it takes the autocorrelation of y. The output is continuous and looks alike in every network; "
            "it is the slope that is shattered.",
            likeness_of_the_output,
        ),
        Wrong(
            "mean-not-removed",
            "it does not subtract the mean of the slope. Then a slope that is far from 0 looks alike "
            "everywhere, however it jumps.",
            likeness_by(lambda a, lag: np.sum(a[lag:] * a[:-lag]) / np.sum(a**2)),
        ),
        Wrong(
            "lag-off-by-one",
            "it compares points that are one further apart than `lag`.",
            likeness_by(lambda a, lag: autocorrelation(a, lag + 1)),
        ),
        Wrong(
            "wraps-around",
            "it compares the end of the line with its beginning (np.roll does that). Only pairs that are "
            "`lag` apart on the line count.",
            likeness_by(round_the_line),
        ),
        Wrong(
            "mean-of-the-pairs",
            "it divides each sum by the number of its terms. There are fewer pairs than points, and this "
            "exercise, like most definitions, leaves that as it is.",
            likeness_by(lambda a, lag: autocorrelation(a, lag) * len(a) / (len(a) - lag)),
        ),
        Wrong(
            "correlation-of-two-stretches",
            "it correlates two stretches of the slope, each with a mean and a size of its own, as "
            "np.corrcoef does. The autocorrelation takes one mean and one size, those of the whole line.",
            likeness_by(centred_by_side),
        ),
    ],
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
