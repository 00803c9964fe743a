"""Chapter 3: batch normalization and its family."""

import numpy as np

from helpers.checking.exercise import Exercise, Property, Wrong

LESSON = "03_batch_normalization"
STANDARDISE = "1 · Standardise a batch"
SCALE = "5 · Second payoff: the first weights matter less"
BACK = "7 · On the way back"
WHY = "8 · Why does it help?"
MEMORY = "9 · Training and afterwards"
FAMILY = "10 · The family"


# --- Inputs that several exercises draw ---------------------------------------------------------------


def a_batch(rng, examples, units):
    """A batch whose units have means and spreads of their own."""
    mean, std = rng.uniform(1, 4, units) * rng.choice([-1, 1], units), rng.uniform(0.5, 3, units)
    return mean + std * rng.standard_normal((examples, units))


def gamma_beta(rng, units):
    return rng.uniform(1.4, 3, units), rng.uniform(0.5, 2, units)


# --- 3.1 Forward --------------------------------------------------------------------------------------


def bn_forward(x, gamma, beta, eps):
    """BatchNorm in train mode: (batch, n) ↦ (batch, n)."""
    mean = x.mean(axis=0)  # one for each unit, over the batch
    var = x.var(axis=0)  # divided by N: no population is estimated here
    return gamma * (x - mean) / np.sqrt(var + eps) + beta


def forward(axis=0, ddof=0, scale=lambda var, eps: np.sqrt(var + eps), shift=True, affine=True):
    """The function with other statistics, another divisor, or without a part."""

    def normalise(x, gamma, beta, eps):
        mean = x.mean(axis=axis, keepdims=True) if shift else 0.0
        xhat = (x - mean) / scale(x.var(axis=axis, ddof=ddof, keepdims=True), eps)
        return gamma * xhat + beta if affine else xhat

    return normalise


def batch_and_ones(rng, examples, units, eps, scale=1.0):
    return scale * a_batch(rng, examples, units), np.ones(units), np.zeros(units), eps


FORWARD = Exercise(
    lesson=LESSON,
    section=STANDARDISE,
    title="BatchNorm, forward",
    minutes=10,
    difficulty=1,
    hints=(
        "EQ N1.6. Each unit, that is each column, has a mean and a variance of its own, taken over the "
        "batch. Which of numpy's axes is the batch? Where does ε stand?",
        "mean = x.mean(axis=0), var = x.var(axis=0) without ddof, then gamma * (x − mean) / √(var + eps) + "
        "beta.",
    ),
    reference=bn_forward,
    properties=[
        Property(
            "γ = 1, β = 0",
            4,
            lambda rng: [batch_and_ones(rng, n, units, 1e-5) for n, units in ((3, 2), (4, 5), (8, 3))],
        ),
        Property(
            "a quiet unit: ε as large as the variance",
            3,
            lambda rng: [batch_and_ones(rng, 5, 3, 1e-5, scale=2e-3), batch_and_ones(rng, 4, 2, 0.5)],
        ),
        Property(
            "γ and β",
            3,
            lambda rng: [(a_batch(rng, n, 4), *gamma_beta(rng, 4), 1e-5) for n in (3, 7)],
        ),
    ],
    wrong=[
        Wrong(
            "bessel-in-forward",
            "it divides the sum of squares by N − 1. That estimates the variance of a population from a "
            "sample; batch norm standardises this batch itself, and divides by N.",
            forward(ddof=1),
        ),
        Wrong(
            "epsilon-outside-root",
            "it divides by √σ² + ε. ε is added to the variance, inside the root; for a quiet unit the two "
            "are far apart.",
            forward(scale=lambda var, eps: np.sqrt(var) + eps),
        ),
        Wrong(
            "epsilon-forgotten",
            "it leaves ε out. That works until a unit hardly varies.",
            forward(scale=lambda var, eps: np.sqrt(var)),
        ),
        Wrong(
            "features-for-batch",
            "it takes the statistics over axis 1, the features of one example. That is LayerNorm. BatchNorm "
            "looks at one unit over all examples: axis 0.",
            forward(axis=1),
        ),
        Wrong(
            "one-mean-for-all-units",
            "it takes one mean and one variance over the whole array. Each unit has its own.",
            forward(axis=None),
        ),
        Wrong(
            "variance-for-std",
            "it divides by the variance σ² + ε, not by its root. The result then does not have variance 1.",
            forward(scale=lambda var, eps: var + eps),
        ),
        Wrong(
            "mean-not-subtracted",
            "it divides by the standard deviation and leaves the mean in.",
            forward(shift=False),
        ),
        Wrong(
            "gamma-beta-forgotten",
            "it stops at x̂. γ and β are what lets the network choose another mean and spread.",
            forward(affine=False),
        ),
    ],
)


# --- 3.2 Backward -------------------------------------------------------------------------------------


def bn_backward(x, gamma, eps, grad):
    """The gradients of y = γ x̂ + β in train mode."""
    std = np.sqrt(x.var(axis=0) + eps)
    xhat = (x - x.mean(axis=0)) / std
    dbeta = grad.sum(axis=0)
    dgamma = (grad * xhat).sum(axis=0)
    # A change of one x moves μ and σ², and through them every output of its unit.
    through_mean = grad.mean(axis=0)
    through_var = xhat * (grad * xhat).mean(axis=0)
    dx = gamma / std * (grad - through_mean - through_var)
    return {"dx": dx, "dgamma": dgamma, "dbeta": dbeta}


def backward(
    mean_path=True, var_path=True, use_gamma=True, xhat_of=lambda x, xhat: xhat, reduce=np.sum, sign=-1
):
    """The function without one of the paths, or with another x̂ in ∂L/∂γ, or another sum over the batch."""

    def gradients(x, gamma, eps, grad):
        std = np.sqrt(x.var(axis=0) + eps)
        xhat = (x - x.mean(axis=0)) / std
        dx = grad + 0.0
        if mean_path:
            dx = dx + sign * grad.mean(axis=0)
        if var_path:
            dx = dx + sign * xhat * (grad * xhat).mean(axis=0)
        dx = dx / std * (gamma if use_gamma else 1.0)
        dgamma = reduce(grad * xhat_of(x, xhat), axis=0)
        return {"dx": dx, "dgamma": dgamma, "dbeta": reduce(grad, axis=0)}

    return gradients


def summed_paths(x, gamma, eps, grad):
    right = bn_backward(x, gamma, eps, grad)
    std = np.sqrt(x.var(axis=0) + eps)
    xhat = (x - x.mean(axis=0)) / std
    dx = gamma / std * (grad - grad.sum(axis=0) - xhat * (grad * xhat).sum(axis=0))
    return {**right, "dx": dx}


def going_back(rng, examples, units, eps=1e-5):
    """A gradient with a mean of its own: otherwise its path through μ could be left out unnoticed."""
    gamma, _ = gamma_beta(rng, units)
    x = a_batch(rng, examples, units)
    grad = rng.uniform(0.5, 1.5, units) + rng.standard_normal((examples, units))
    return x, gamma, eps, grad + 0.4 * (x - x.mean(axis=0)) / x.std(axis=0)


BACKWARD = Exercise(
    lesson=LESSON,
    section=BACK,
    title="BatchNorm, backward",
    minutes=30,
    difficulty=3,
    hints=(
        "x enters y in three ways: directly, through the mean, and through the variance. Write x̂ = (x − "
        "μ)/s and follow each. To check yourself, move one entry of x by 1e-6 and look at Σ grad · y.",
        "∂L/∂x = γ/s · (grad − mean(grad) − x̂ · mean(grad · x̂)), the means over the batch. ∂L/∂β sums "
        "grad, ∂L/∂γ sums grad · x̂.",
    ),
    reference=bn_backward,
    properties=[
        Property("∂L/∂β", 4, lambda rng: [going_back(rng, n, 3) for n in (3, 6)], part="dbeta"),
        Property("∂L/∂γ", 6, lambda rng: [going_back(rng, n, 4) for n in (3, 7)], part="dgamma"),
        Property(
            "∂L/∂x",
            15,
            lambda rng: [going_back(rng, 3, 2), going_back(rng, 5, 4), going_back(rng, 8, 3, 0.5)],
            part="dx",
            rtol=2e-3,
        ),
    ],
    wrong=[
        Wrong(
            "mean-and-variance-constant",
            "it multiplies grad by γ/√(σ² + ε), as if μ and σ² were constants. That is eval mode. In train "
            "mode they are made of x, so the gradient flows through them as well.",
            backward(mean_path=False, var_path=False),
        ),
        Wrong(
            "no-variance-path",
            "it follows the path through the mean, and not the one through the variance: "
            "− x̂ · mean(grad · x̂) is missing.",
            backward(var_path=False),
        ),
        Wrong(
            "no-mean-path",
            "it follows the path through the variance, and not the one through the mean: − mean(grad) is "
            "missing.",
            backward(mean_path=False),
        ),
        Wrong(
            "gamma-forgotten",
            "its ∂L/∂x has no γ. The output is γ x̂ + β, so every path to x passes γ.",
            backward(use_gamma=False),
        ),
        Wrong(
            "x-for-xhat",
            "its ∂L/∂γ sums grad · x. What γ multiplies is x̂, the standardised x.",
            backward(xhat_of=lambda x, xhat: x),
        ),
        Wrong(
            "centred-for-xhat",
            "its ∂L/∂γ sums grad · (x − μ). What γ multiplies is x̂, which is divided by √(σ² + ε), too.",
            backward(xhat_of=lambda x, xhat: x - x.mean(axis=0)),
        ),
        Wrong(
            "mean-for-sum",
            "its ∂L/∂γ and ∂L/∂β are means over the batch. If the loss is a mean, grad contains that "
            "division already: just add up.",
            backward(reduce=np.mean),
        ),
        Wrong(
            "sum-for-mean",
            "in ∂L/∂x it takes off sums where means belong. The 1/m comes from μ = Σx/m and σ² = Σ(x − "
            "μ)²/m.",
            summed_paths,
        ),
        Wrong(
            "paths-added",
            "it adds the paths through the mean and the variance. Both have a minus: a larger x makes μ "
            "larger, and that is taken off.",
            backward(sign=1),
        ),
    ],
)


# --- 3.3 Running statistics ---------------------------------------------------------------------------


def running_statistics(batches, momentum, convention):
    """Running mean and variance after all batches."""
    mean, var = np.zeros(batches[0].shape[1]), np.ones(batches[0].shape[1])
    for x in batches:
        if convention == "PyTorch":
            # momentum weighs the new batch; the variance is the unbiased one.
            mean = (1 - momentum) * mean + momentum * x.mean(axis=0)
            var = (1 - momentum) * var + momentum * x.var(axis=0, ddof=1)
        else:
            # momentum weighs what is kept; the variance is the biased one.
            mean = momentum * mean + (1 - momentum) * x.mean(axis=0)
            var = momentum * var + (1 - momentum) * x.var(axis=0)
    return {"mean": mean, "var": var}


def running(ddof=(1, 0), swapped=False, always_new=None, start=True, root=False):
    """The function with other conventions. `ddof` is PyTorch's and Keras'."""

    def follow(batches, momentum, convention):
        torch = convention == "PyTorch"
        new = momentum if torch != swapped else 1 - momentum
        if always_new is not None:
            new = always_new(momentum)
        measured = [(x.mean(axis=0), x.var(axis=0, ddof=ddof[0 if torch else 1])) for x in batches]
        if root:
            measured = [(mean, np.sqrt(var)) for mean, var in measured]
        mean, var = np.zeros_like(measured[0][0]), np.ones_like(measured[0][0])
        if not start:
            mean, var = measured[0]
            measured = measured[1:]
        for batch_mean, batch_var in measured:
            mean = (1 - new) * mean + new * batch_mean
            var = (1 - new) * var + new * batch_var
        return {"mean": mean, "var": var}

    return follow


def plain_average(batches, momentum, convention):
    ddof = int(convention == "PyTorch")
    return {
        "mean": np.mean([x.mean(axis=0) for x in batches], axis=0),
        "var": np.mean([x.var(axis=0, ddof=ddof) for x in batches], axis=0),
    }


def some_batches(rng, count, convention):
    """A few small batches of different sizes: there N and N − 1 are far apart."""
    units = int(rng.integers(2, 4))
    batches = [a_batch(rng, int(size), units) for size in rng.integers(3, 7, count)]
    momentum = rng.uniform(0.05, 0.3) if convention == "PyTorch" else rng.uniform(0.7, 0.95)
    return batches, round(momentum, 2), convention


def of_convention(convention):
    return lambda rng: [some_batches(rng, count, convention) for count in (2, 3, 6)]


RUNNING = Exercise(
    lesson=LESSON,
    section=MEMORY,
    title="What is remembered, in both conventions",
    minutes=15,
    difficulty=2,
    hints=(
        "Two libraries, two differences: which of the two terms `momentum` multiplies, and whether the "
        "stored variance is divided by N or by N − 1.",
        "PyTorch: (1 − momentum) · running + momentum · batch, with x.var(axis=0, ddof=1). Keras: momentum · "
        "running + (1 − momentum) · batch, with x.var(axis=0). Start at zeros and ones.",
    ),
    reference=running_statistics,
    properties=[
        Property("PyTorch: the mean", 4, of_convention("PyTorch"), part="mean"),
        Property("PyTorch: the variance", 4, of_convention("PyTorch"), part="var"),
        Property("Keras: the mean", 3, of_convention("Keras"), part="mean"),
        Property("Keras: the variance", 4, of_convention("Keras"), part="var"),
    ],
    wrong=[
        Wrong(
            "momentum-direction",
            "it exchanges the two conventions of `momentum`. PyTorch's 0.1 weighs the new batch, Keras' 0.99 "
            "what is kept.",
            running(swapped=True),
        ),
        Wrong(
            "momentum-always-new",
            "it lets `momentum` weigh the new batch in both conventions. In Keras it weighs what is kept.",
            running(always_new=lambda momentum: momentum),
        ),
        Wrong(
            "momentum-always-kept",
            "it lets `momentum` weigh what is kept in both conventions. In PyTorch it weighs the new batch.",
            running(always_new=lambda momentum: 1 - momentum),
        ),
        Wrong(
            "biased-running-variance",
            "it stores the biased variance in both conventions. PyTorch normalises with that one, but stores "
            "the unbiased one, divided by N − 1.",
            running(ddof=(0, 0)),
        ),
        Wrong(
            "unbiased-running-variance",
            "it stores the unbiased variance in both conventions. Keras stores the biased one, divided by N.",
            running(ddof=(1, 1)),
        ),
        Wrong(
            "biased-and-unbiased-exchanged",
            "it stores the biased variance for PyTorch and the unbiased one for Keras: the other way round.",
            running(ddof=(0, 1)),
        ),
        Wrong(
            "starts-at-first-batch",
            "it starts with the statistics of the first batch. Both libraries start at mean 0 and variance "
            "1.",
            running(start=False),
        ),
        Wrong(
            "average-for-running",
            "it takes the plain average of all batches. A running average forgets: an old batch counts less "
            "at each step.",
            plain_average,
        ),
        Wrong(
            "std-for-variance",
            "it follows the standard deviation where the variance is stored.",
            running(root=True),
        ),
    ],
)


# --- 3.4 The family -----------------------------------------------------------------------------------


def normalize(x, norm, groups, eps):
    """x of shape (N, C, H, W), standardised as the norm does it."""
    n, c, _, _ = x.shape
    # Each example by itself. Its channels form sets: all, each, or neighbours.
    sets = {"InstanceNorm": c, "GroupNorm": groups}.get(norm, 1)
    values = x.reshape(n, sets, -1)
    if norm != "RMSNorm":
        values = values - values.mean(axis=2, keepdims=True)
    # Without a mean to take off, this is the mean square itself.
    mean_square = np.mean(values**2, axis=2, keepdims=True)
    return (values / np.sqrt(mean_square + eps)).reshape(x.shape)


def family(
    axes=None,
    sets=lambda groups, channels: groups,
    interleaved=False,
    rms_shift=False,
    ddof=0,
    root=lambda square, eps: np.sqrt(square + eps),
):
    """The function with other axes {norm: axes}, other groups, or another divisor.

    The axes are those of a block of shape (example, set, channel of the set, height, width).
    """

    def norms(x, norm, groups, eps):
        examples, channels, *place = x.shape
        whole = {"LayerNorm": 1, "RMSNorm": 1, "InstanceNorm": channels}
        count = whole.get(norm) or sets(groups, channels)
        every_other = interleaved and norm == "GroupNorm"
        split = (channels // count, count) if every_other else (count, channels // count)
        block = x.reshape(examples, *split, *place)
        block = block.swapaxes(1, 2) if every_other else block
        over = (axes or {}).get(norm, (2, 3, 4))
        shifted = norm != "RMSNorm" or rms_shift
        centred = block - block.mean(over, keepdims=True) if shifted else block
        squares = np.sum(centred**2, axis=over, keepdims=True)
        size = block.size / squares.size - (ddof if norm != "RMSNorm" else 0)
        y = centred / root(squares / size, eps)
        return (y.swapaxes(1, 2) if every_other else y).reshape(x.shape)

    return norms


def images(rng, examples, channels, eps=1e-5):
    """A small block whose examples and channels all differ in mean and spread."""
    shape = examples, channels, int(rng.integers(2, 4)), int(rng.integers(2, 4))
    mean = rng.uniform(1, 4, (examples, channels, 1, 1))
    return mean + rng.uniform(0.5, 3, (examples, channels, 1, 1)) * rng.standard_normal(shape), eps


def with_norm(norm, *sizes):
    """(x, norm, groups, eps): sizes are (examples, channels, groups); the last one has a large ε."""

    def cases(rng):
        last = len(sizes) - 1
        drawn = [(*images(rng, n, c, 0.5 if i == last else 1e-5), g) for i, (n, c, g) in enumerate(sizes)]
        return [(x, norm, groups, eps) for x, eps, groups in drawn]

    return cases


NORMALIZE = Exercise(
    lesson=LESSON,
    section=FAMILY,
    title="LayerNorm, RMSNorm, GroupNorm, InstanceNorm",
    minutes=20,
    difficulty=2,
    hints=(
        "Ask of each norm which values share a mean and a variance. None of the four looks at another "
        "example. `x.reshape(n, sets, -1)` brings the values of a set together, if a set is a run of "
        "neighbouring channels.",
        "LayerNorm and RMSNorm: all C·H·W values of an example are one set. InstanceNorm: each channel is. "
        "GroupNorm: each run of C/groups channels is. RMSNorm does not take the mean off.",
    ),
    reference=normalize,
    properties=[
        Property("LayerNorm", 4, with_norm("LayerNorm", (2, 6, 3), (3, 4, 2), (2, 4, 2))),
        Property("InstanceNorm", 4, with_norm("InstanceNorm", (2, 6, 3), (3, 4, 2), (2, 4, 2))),
        Property("GroupNorm", 4, with_norm("GroupNorm", (2, 6, 2), (3, 12, 3), (2, 6, 2))),
        Property("RMSNorm", 3, with_norm("RMSNorm", (2, 6, 3), (3, 4, 2), (2, 4, 2))),
    ],
    wrong=[
        Wrong(
            "layernorm-each-place",
            "its LayerNorm takes the statistics over the channels at each place. That is right for a token "
            "of a Transformer; here an example is the whole image, C·H·W values.",
            family({"LayerNorm": (2,)}),
        ),
        Wrong(
            "layernorm-over-batch",
            "its LayerNorm includes the batch. LayerNorm looks at one example at a time: that is its point.",
            family({"LayerNorm": (0, 2, 3, 4)}),
        ),
        Wrong(
            "batchnorm-for-instancenorm",
            "its InstanceNorm takes the statistics of a channel over all examples. That is BatchNorm.",
            family({"InstanceNorm": (0, 2, 3, 4)}),
        ),
        Wrong(
            "groups-interleaved",
            "its groups are every G-th channel. A group is a run of neighbouring channels: 0, 1, 2, then "
            "3, 4, 5.",
            family(interleaved=True),
        ),
        Wrong(
            "groups-for-group-size",
            "it takes `groups` for the size of a group. `groups` says how many there are; each has C/groups "
            "channels.",
            family(sets=lambda groups, channels: channels // groups),
        ),
        Wrong(
            "groupnorm-over-batch",
            "its GroupNorm includes the batch. A group belongs to one example.",
            family({"GroupNorm": (0, 2, 3, 4)}),
        ),
        Wrong(
            "rms-subtracts-mean",
            "its RMSNorm takes the mean off first. That makes it LayerNorm.",
            family(rms_shift=True),
        ),
        Wrong(
            "bessel-in-forward",
            "it divides the sum of squares by the number of values minus 1. Norms divide by their number.",
            family(ddof=1),
        ),
        Wrong(
            "epsilon-outside-root",
            "it adds ε after the root. It belongs inside, to the variance (or to the mean square).",
            family(root=lambda square, eps: np.sqrt(square) + eps),
        ),
    ],
)


# --- 3.5 Repair a train/eval bug ----------------------------------------------------------------------


def bn_step(x, running_mean, running_var, train):
    """One call of a BatchNorm layer: its output, and what it remembers."""
    if train:
        mean, var = x.mean(axis=0), x.var(axis=0)
        running_mean = 0.9 * running_mean + 0.1 * mean
        running_var = 0.9 * running_var + 0.1 * x.var(axis=0, ddof=1)
    else:
        # Nothing of this batch is used, and nothing of it is stored.
        mean, var = running_mean, running_var
    y = (x - mean) / np.sqrt(var + 1e-5)
    return {"y": y, "running_mean": running_mean, "running_var": running_var}


def step(uses_batch=lambda train: train, stores=lambda train: train, ddof=1):
    """The function that uses the batch, or stores it, in other modes."""

    def call(x, running_mean, running_var, train):
        new_mean = 0.9 * running_mean + 0.1 * x.mean(axis=0)
        new_var = 0.9 * running_var + 0.1 * x.var(axis=0, ddof=ddof)
        kept = (new_mean, new_var) if stores(train) else (running_mean, running_var)
        batch = x.mean(axis=0), x.var(axis=0)
        mean, var = batch if uses_batch(train) else (running_mean, running_var)
        return {"y": (x - mean) / np.sqrt(var + 1e-5), "running_mean": kept[0], "running_var": kept[1]}

    return call


def normalises_with_new_average(x, running_mean, running_var, train):
    right = bn_step(x, running_mean, running_var, train)
    y = (x - right["running_mean"]) / np.sqrt(right["running_var"] + 1e-5)
    return {**right, "y": y}


def a_call(rng, examples, train):
    units = int(rng.integers(2, 5))
    return a_batch(rng, examples, units), rng.normal(0, 2, units), rng.uniform(0.5, 4, units), train


def calls(train, *sizes):
    return lambda rng: [a_call(rng, examples, train) for examples in sizes]


REPAIR = Exercise(
    lesson=LESSON,
    section=MEMORY,
    title="Repair a train/eval bug",
    minutes=15,
    difficulty=2,
    hints=(
        "Make a table: train mode and eval mode; which statistics is x normalised with, and what happens to "
        "the running ones? The given code gets three of these wrong.",
        "Train: normalise with the batch's own mean and biased variance, and store 0.9 · old + 0.1 · batch, "
        "the variance with ddof=1. Eval: normalise with the stored ones, and store nothing.",
    ),
    reference=bn_step,
    properties=[
        Property("train mode: the output", 2, calls(True, 3, 6), part="y"),
        Property(
            "train mode: what is stored",
            2,
            calls(True, 3, 5),
            lambda f, *args: _stored(f(*args)),
            quantity="running mean and variance",
        ),
        Property("eval mode: the output, also for one example", 4, calls(False, 1, 4), part="y"),
        Property(
            "eval mode: nothing is stored",
            2,
            calls(False, 3, 6),
            lambda f, *args: _stored(f(*args)),
            quantity="running mean and variance",
        ),
    ],
    wrong=[
        Wrong(
            "batch-statistics-in-eval",
            "in eval mode it still normalises with the batch. A single example is then its own mean, and the "
            "answer is 0 for every input.",
            step(uses_batch=lambda train: True),
        ),
        Wrong(
            "stores-in-eval",
            "it goes on storing in eval mode. Then looking at the test data changes the model.",
            step(stores=lambda train: True),
        ),
        Wrong(
            "never-in-eval",
            "it does in eval mode what it does in train mode: it normalises with the batch, and stores it.",
            step(uses_batch=lambda train: True, stores=lambda train: True),
        ),
        Wrong(
            "running-statistics-in-train",
            "in train mode it normalises with the old running statistics. They lag behind; training uses the "
            "batch's own.",
            step(uses_batch=lambda train: False),
        ),
        Wrong(
            "new-average-in-train",
            "in train mode it normalises with the running statistics that it has just stored. Training uses "
            "the batch's own.",
            normalises_with_new_average,
        ),
        Wrong(
            "biased-running-variance",
            "it stores the biased variance. The exercise asks for PyTorch's way: normalise with the biased "
            "one, store the unbiased one.",
            step(ddof=0),
        ),
        Wrong(
            "stores-nothing",
            "it never stores anything. Eval mode would then work with 0 and 1 for ever.",
            step(stores=lambda train: False),
        ),
        Wrong(
            "modes-exchanged",
            "it exchanges the two modes: it uses and stores the batch in eval mode, and not in train mode.",
            step(uses_batch=lambda train: not train, stores=lambda train: not train),
        ),
    ],
)


def _stored(result):
    return [result["running_mean"], result["running_var"]]


# --- 3.6 Scale freedom --------------------------------------------------------------------------------


def rescale(grad, lr, c):
    """What follows when the weights W in front of a norm are replaced by cW."""
    # L(cW) = L(W). Differentiate by W: c · gradient(cW) = gradient(W).
    new_grad = grad / c
    # A step of lr/c · grad on weights that are c times as long.
    turn = 1 / c**2
    # To turn as far as before, the learning rate has to make up for both.
    return {"grad": new_grad, "turn": turn, "lr": lr * c**2}


def rescaled(power=-1, turn=-2, lr=2):
    """The function with other powers of c."""
    return lambda grad, rate, c: {"grad": grad * c**power, "turn": c**turn, "lr": rate * c**lr}


def a_gradient(rng, factor):
    return rng.normal(size=(int(rng.integers(2, 5)), 3)), round(rng.uniform(0.01, 0.5), 3), round(factor, 2)


def gradients_to_scale(rng):
    return [a_gradient(rng, c) for c in (2.0, rng.uniform(2.5, 9), rng.uniform(0.1, 0.6))]


RESCALE = Exercise(
    lesson=LESSON,
    section=SCALE,
    title="Weights without a scale",
    minutes=10,
    difficulty=1,
    hints=(
        "The output for cW is the same as for W, so L(cW) = L(W). Differentiate both sides with respect to "
        "W. Then compare the length of a step, lr · gradient, with the length of the weights.",
        "The gradient is divided by c. A step is then c times shorter, on weights that are c times longer: "
        "it turns them by 1/c² as much. With lr · c² it turns them as before.",
    ),
    reference=rescale,
    properties=[
        Property("the gradient at cW", 4, gradients_to_scale, part="grad"),
        Property("how much less a step turns the weights", 3, gradients_to_scale, part="turn"),
        Property("the learning rate that makes up for it", 3, gradients_to_scale, part="lr"),
    ],
    wrong=[
        Wrong(
            "same-output-same-gradient",
            "it leaves the gradient as it is. The output is the same, but cW has to move c times as far for "
            "the same change of it.",
            rescaled(0, -1, 1),
        ),
        Wrong(
            "gradient-grows-with-weights",
            "it multiplies the gradient by c. Behind a plain linear layer that would be so for the *input's* "
            "gradient; here the norm divides it out.",
            rescaled(1, 0, 0),
        ),
        Wrong(
            "forgets-longer-weights",
            "it has the gradient right, and compares the step with the old weights. They are c times as long "
            "now: a second factor of c.",
            rescaled(-1, -1, 1),
        ),
        Wrong(
            "forgets-smaller-gradient",
            "it counts the longer weights in the learning rate, and not the smaller gradient: c² in all.",
            rescaled(-1, -2, 1),
        ),
        Wrong(
            "learning-rate-unchanged",
            "it leaves the learning rate as it is. The network computes the same, but it learns c² times as "
            "slowly in its direction.",
            rescaled(-1, -2, 0),
        ),
        Wrong(
            "learning-rate-upside-down",
            "it divides the learning rate by c². Large weights turn less, so they need a larger one.",
            rescaled(-1, -2, -2),
        ),
    ],
)


# --- 3.7 The noise experiment -------------------------------------------------------------------------


def noise_experiment(runs):
    """The shift of each run, and what the three say about the story."""

    def shift(z):
        # Over time, from step to step, in standard deviations.
        mean = z.mean(axis=1)
        return np.mean(np.abs(np.diff(mean, axis=0))) / z.std()

    def learns(loss):
        return np.mean(loss[-10:]) < loss[0] / 2  # False for nan

    shifts = {name: shift(run["z"]) for name, run in runs.items()}
    learned = {name: learns(run["loss"]) for name, run in runs.items()}
    # A test only if BatchNorm has a gain, and the noise brings the shift back.
    if learned["plain"] or not learned["bn"] or shifts["noisy"] < shifts["plain"]:
        verdict = "UNDECIDED"
    else:
        verdict = "AGAINST" if learned["noisy"] else "FOR"
    return {"shift": shifts, "verdict": verdict}


def time_shift(z):
    return np.mean(np.abs(np.diff(z.mean(axis=1), axis=0))) / z.std()


def still_learns(loss):
    return bool(np.mean(loss[-10:]) < loss[0] / 2)


def judged_by(rule):
    """The function with another rule for the verdict, given {name: shift} and {name: learned}."""

    def verdict(runs):
        shifts = {name: time_shift(run["z"]) for name, run in runs.items()}
        learned = {name: still_learns(run["loss"]) for name, run in runs.items()}
        return {"shift": shifts, "verdict": rule(shifts, learned)}

    return verdict


def shifted_by(measure):
    """The function with another measure of the shift; its verdict is the reference's."""

    def experiment(runs):
        shifts = {name: measure(run["z"]) for name, run in runs.items()}
        return {"shift": shifts, "verdict": noise_experiment(runs)["verdict"]}

    return experiment


def by_loss_alone(shifts, learned):
    return "AGAINST" if learned["noisy"] else "FOR"


def without_the_gain(shifts, learned):
    if shifts["noisy"] < shifts["plain"]:
        return "UNDECIDED"
    return by_loss_alone(shifts, learned)


def without_the_shift(shifts, learned):
    if learned["plain"] or not learned["bn"]:
        return "UNDECIDED"
    return by_loss_alone(shifts, learned)


def other_way_round(shifts, learned):
    if learned["plain"] or not learned["bn"] or shifts["noisy"] < shifts["plain"]:
        return "UNDECIDED"
    return "FOR" if learned["noisy"] else "AGAINST"


def a_run(rng, moves, learned, steps=24, units=3, batch=6):
    """z of shape (steps, batch, units), whose units' means jump by about `moves` at each step, and a loss.

    The units have means of their own, which also drift, and the examples of a batch differ among each other.
    """
    drift = np.linspace(0, 2 * moves, steps)[:, None] * rng.choice([-1, 1], units)
    means = rng.normal(0, 1, units) + drift + moves * rng.standard_normal((steps, units))
    examples = 0.5 * rng.standard_normal((steps, batch, units))
    z = means[:, None] + examples - examples.mean(axis=1, keepdims=True)
    loss = 2.4 * np.geomspace(1, 0.1 if learned else 1, steps) * rng.uniform(0.95, 1.05, steps)
    if learned is None:
        loss[steps // 2 :] = np.nan
    return {"z": rng.uniform(2, 8) * z, "loss": loss}


def three_runs(rng, plain=None, bn=True, noisy=True, brings_back=True):
    """Three runs; whether each learned (None: it overflowed), and whether the noise brings the shift back."""
    return (
        {
            "plain": a_run(rng, 0.1, plain),
            "bn": a_run(rng, 0.01, bn),
            "noisy": a_run(rng, 0.8 if brings_back else 0.02, noisy),
        },
    )


EXPERIMENT = Exercise(
    lesson=LESSON,
    section=WHY,
    title="Test the story of covariate shift",
    minutes=25,
    difficulty=3,
    hints=(
        "Internal covariate shift is about time: take each unit's mean over the batch, at each step, and "
        "look at how it changes from one step to the next, in standard deviations. For the verdict ask "
        "first: is there a gain to be explained, and did the noise bring the shift back?",
        "shift = mean |m[t+1] − m[t]| / z.std() with m = z.mean(axis=1). UNDECIDED if plain learns, or bn "
        "does not, or noisy shifts less than plain. Else AGAINST if noisy learns, FOR if it does not.",
    ),
    reference=noise_experiment,
    properties=[
        Property(
            "the shift of each run",
            6,
            lambda rng: [three_runs(rng), three_runs(rng, False), three_runs(rng, noisy=False)],
            part="shift",
        ),
        Property(
            "AGAINST: more shift, and it learns",
            3,
            lambda rng: [three_runs(rng, plain) for plain in (None, False)],
            part="verdict",
        ),
        Property(
            "FOR: more shift, and it does not learn",
            3,
            lambda rng: [three_runs(rng, noisy=noisy) for noisy in (False, None)],
            part="verdict",
        ),
        Property(
            "UNDECIDED: no shift to speak of, or no gain to explain",
            3,
            lambda rng: [
                three_runs(rng, brings_back=False),
                three_runs(rng, plain=True),
                three_runs(rng, bn=False),
                three_runs(rng, noisy=False, brings_back=False),
            ],
            part="verdict",
        ),
    ],
    wrong=[
        Wrong(
            "shift-over-the-batch",
            "its shift is between one example and the next. Internal covariate shift is about time: from one "
            "step to the next, of the units' means over the batch.",
            shifted_by(lambda z: np.mean(np.abs(np.diff(z.mean(axis=0), axis=0))) / z.std()),
        ),
        Wrong(
            "shift-of-single-values",
            "it follows single values from step to step, not the units' means. The examples of a batch are "
            "others at each step, so that measures how much examples differ.",
            shifted_by(lambda z: np.mean(np.abs(np.diff(z, axis=0))) / z.std()),
        ),
        Wrong(
            "shift-without-unit",
            "its shift is not divided by the standard deviation: a network with larger numbers would seem to "
            "shift more.",
            shifted_by(lambda z: np.mean(np.abs(np.diff(z.mean(axis=1), axis=0)))),
        ),
        Wrong(
            "shift-from-the-first-step",
            "it measures how far the means have come from the first step. Asked is the change from each step "
            "to the next.",
            shifted_by(lambda z: np.mean(np.abs(z.mean(axis=1)[1:] - z.mean(axis=1)[0])) / z.std()),
        ),
        Wrong(
            "shift-cancels",
            "it averages the changes with their signs. They cancel; take their size first.",
            shifted_by(lambda z: abs(np.mean(np.diff(z.mean(axis=1), axis=0))) / z.std()),
        ),
        Wrong(
            "verdict-by-loss-alone",
            "its verdict looks at whether the noisy network learns, and at nothing else. If there is no gain "
            "to explain, or no shift brought back, the story was not tested.",
            judged_by(by_loss_alone),
        ),
        Wrong(
            "verdict-without-control",
            "it does not ask whether the plain network fails and the one with BatchNorm learns. Without that "
            "gain there is nothing to explain.",
            judged_by(without_the_gain),
        ),
        Wrong(
            "verdict-without-shift",
            "it does not ask whether the noise really brought the shift back. If it did not, the story was "
            "not tested.",
            judged_by(without_the_shift),
        ),
        Wrong(
            "verdict-reversed",
            "it takes the two verdicts the wrong way round. If the network learns in spite of the shift, "
            "that speaks AGAINST the story.",
            judged_by(other_way_round),
        ),
    ],
)

EXERCISES = [FORWARD, BACKWARD, RUNNING, NORMALIZE, REPAIR, RESCALE, EXPERIMENT]
