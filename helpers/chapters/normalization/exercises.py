"""Chapter 3: batch normalization and its family."""

import numpy as np

from helpers.checking.exercise import Check, Personal, Property

# --- Inputs that several exercises draw ---------------------------------------------------------------


def a_batch(rng, examples, units):
    """A batch whose units have means and spreads of their own."""
    mean, std = rng.uniform(1, 4, units) * rng.choice([-1, 1], units), rng.uniform(0.5, 3, units)
    return mean + std * rng.standard_normal((examples, units))


def gamma_beta(rng, units):
    return rng.uniform(1.4, 3, units), rng.uniform(0.5, 2, units)


def scaled_output(f, own):
    """The function with a fixed scale after the norm."""
    return lambda *args: own * f(*args)


# --- 3.1 Forward --------------------------------------------------------------------------------------


def bn_forward(x, gamma, beta, eps):
    """BatchNorm in train mode: (batch, n) ↦ (batch, n)."""
    mean = x.mean(axis=0)  # one for each unit, over the batch
    var = x.var(axis=0)  # divided by m: no population is estimated here
    return gamma * (x - mean) / np.sqrt(var + eps) + beta


def forward(
    axis=0,
    ddof=0,
    scale=lambda var, eps: np.sqrt(var + eps),
    shift=True,
    affine=lambda xhat, gamma, beta: gamma * xhat + beta,
    var=None,
):
    """The function with other statistics, another divisor, or without a part."""

    def normalise(x, gamma, beta, eps):
        mean = x.mean(axis=axis, keepdims=True) if shift else 0.0
        spread = var(x) if var else x.var(axis=axis, ddof=ddof, keepdims=True)
        return affine((x - mean) / scale(spread, eps), gamma, beta)

    return normalise


def batch_and_ones(rng, examples, units, eps, scale=1.0):
    return scale * a_batch(rng, examples, units), np.ones(units), np.zeros(units), eps


FORWARD = Check(
    bn_forward,
    properties=[
        Property(
            "standard",
            4,
            lambda rng: [batch_and_ones(rng, n, units, 1e-5) for n, units in ((3, 2), (4, 5), (8, 3))],
        ),
        Property(
            "quiet",
            3,
            lambda rng: [batch_and_ones(rng, 5, 3, 1e-5, scale=4e-4), batch_and_ones(rng, 4, 2, 0.5)],
        ),
        Property("affine", 3, lambda rng: [(a_batch(rng, n, 4), *gamma_beta(rng, 4), 1e-5) for n in (3, 7)]),
    ],
    mistakes={
        "bessel-in-forward": forward(ddof=1),
        "epsilon-outside-root": (
            forward(scale=lambda var, eps: np.sqrt(var) + eps),
            forward(scale=lambda var, eps: np.sqrt(var) + np.sqrt(eps)),
        ),
        "epsilon-forgotten": forward(scale=lambda var, eps: np.sqrt(var)),
        "epsilon-too-small": forward(scale=lambda var, eps: np.sqrt(var + 1e-8)),
        "epsilon-written-in": tuple(
            forward(scale=lambda var, eps, own=own: np.sqrt(var + own)) for own in (1e-5, 1e-3)
        ),
        "features-for-batch": forward(axis=1),
        "one-mean-for-all-units": (forward(axis=None), forward(var=np.var)),
        "second-moment-for-variance": forward(var=lambda x: np.mean(x**2, axis=0)),
        "sum-for-mean": forward(var=lambda x: np.sum((x - x.mean(axis=0)) ** 2, axis=0)),
        "variance-for-std": forward(scale=lambda var, eps: var + eps),
        "root-taken-twice": forward(scale=lambda var, eps: np.sqrt(np.sqrt(var) + eps)),
        "mean-not-subtracted": forward(shift=False),
        "scales-the-shift": forward(affine=lambda xhat, gamma, beta: gamma * (xhat + beta)),
        "gamma-beta-forgotten": (
            forward(affine=lambda xhat, gamma, beta: xhat),
            forward(affine=lambda xhat, gamma, beta: gamma * xhat),
            forward(affine=lambda xhat, gamma, beta: xhat + beta),
        ),
        "epsilon-squared": forward(scale=lambda var, eps: np.sqrt(var + eps**2)),
        "larger-of-both": forward(scale=lambda var, eps: np.sqrt(np.maximum(var, eps))),
        "median-for-mean": lambda x, gamma, beta, eps: (
            gamma * (x - np.median(x, axis=0)) / np.sqrt(x.var(axis=0) + eps) + beta
        ),
        "divides-by-gamma": forward(affine=lambda xhat, gamma, beta: xhat / gamma + beta),
        "relu-inside": forward(affine=lambda xhat, gamma, beta: np.maximum(gamma * xhat + beta, 0)),
    },
    personal=Personal(scaled_output),
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
    mean_path=-1,
    var_path=-1,
    use_gamma=True,
    xhat_of=lambda x, xhat: xhat,
    reduce=np.sum,
    root=lambda var, eps: np.sqrt(var + eps),
):
    """The function with other shares of the paths, another x̂ in ∂L/∂γ, divisor, or sum over the batch.

    A share is −1, or a function of the number of examples.
    """

    def gradients(x, gamma, eps, grad):
        std = root(x.var(axis=0), eps)
        xhat = (x - x.mean(axis=0)) / std
        through_mean, through_var = (
            share(len(x)) if callable(share) else share for share in (mean_path, var_path)
        )
        dx = grad + through_mean * grad.mean(axis=0) + through_var * xhat * (grad * xhat).mean(axis=0)
        dx = dx / std * (gamma if use_gamma else 1.0)
        dgamma = reduce(grad * xhat_of(x, xhat), axis=0)
        return {"dx": dx, "dgamma": dgamma, "dbeta": reduce(grad, axis=0)}

    return gradients


def negative(count):
    """A share that is a sum over the batch for a mean."""
    return -count


def one_too_few(count):
    """A share with N − 1 for N."""
    return -count / (count - 1)


def other_statistics(axis=0, less=0, overall=False):
    """The function with statistics over another axis, of N − less, or one mean path for all units."""

    def gradients(x, gamma, eps, grad):
        count = x.shape[axis] - less
        centred = x - x.mean(axis=axis, keepdims=True)
        std = np.sqrt(np.sum(centred**2, axis=axis, keepdims=True) / count + eps)
        xhat, scaled = centred / std, grad * gamma
        dx = (scaled - xhat * np.sum(scaled * xhat, axis=axis, keepdims=True) / count) / std
        dx = dx - dx.mean(axis=None if overall else axis, keepdims=True)
        return {"dx": dx, "dgamma": (grad * xhat).sum(axis=0), "dbeta": grad.sum(axis=0)}

    return gradients


def node_by_node(power):
    """The function with ∂(1/σ)/∂σ² = −½ σ^−power for −½ σ⁻³."""

    def gradients(x, gamma, eps, grad):
        right = bn_backward(x, gamma, eps, grad)
        std, centred = np.sqrt(x.var(axis=0) + eps), x - x.mean(axis=0)
        dvar = np.mean(grad * gamma * centred, axis=0)
        return right | {"dx": right["dx"] + dvar * centred * (std**-3.0 - std**-power)}

    return gradients


def means_of_everything(x, gamma, eps, grad):
    std = np.sqrt(x.var(axis=0) + eps)
    xhat = (x - x.mean(axis=0)) / std
    dx = gamma / std * (grad - grad.mean() - xhat * (grad * xhat).mean())
    return bn_backward(x, gamma, eps, grad) | {"dx": dx}


def over_all_entries(mean_path, var_path):
    """The function that shares the named paths out among all entries, not among the examples."""

    def gradients(x, gamma, eps, grad):
        share = -1 / x.shape[1]
        return backward(share if mean_path else -1, share if var_path else -1)(x, gamma, eps, grad)

    return gradients


def epsilon_in_one_place(in_front):
    """The function with ε in front of the bracket of ∂L/∂x alone, or in x̂ alone."""

    def gradients(x, gamma, eps, grad):
        std, plain = np.sqrt(x.var(axis=0) + eps), x.std(axis=0)
        xhat = (x - x.mean(axis=0)) / (plain if in_front else std)
        dx = grad - grad.mean(axis=0) - xhat * (grad * xhat).mean(axis=0)
        return {
            "dx": gamma / (std if in_front else plain) * dx,
            "dgamma": (grad * xhat).sum(axis=0),
            "dbeta": grad.sum(axis=0),
        }

    return gradients


def gamma_alone(x, gamma, eps, grad):
    return bn_backward(x, gamma, eps, grad) | {"dx": grad * gamma}


def all_divided(x, gamma, eps, grad):
    return {name: value / len(x) for name, value in bn_backward(x, gamma, eps, grad).items()}


def going_back(rng, examples, units, eps=1e-5):
    """A gradient with a mean of its own: otherwise its path through μ could be left out unnoticed."""
    gamma, _ = gamma_beta(rng, units)
    x = a_batch(rng, examples, units)
    grad = rng.uniform(0.5, 1.5, units) + rng.standard_normal((examples, units))
    return x, gamma, eps, grad + 0.4 * (x - x.mean(axis=0)) / x.std(axis=0)


BACKWARD = Check(
    bn_backward,
    properties=[
        Property("beta", 4, lambda rng: [going_back(rng, n, 3) for n in (3, 6)], part="dbeta"),
        Property("gamma", 6, lambda rng: [going_back(rng, n, 4) for n in (3, 7)], part="dgamma"),
        Property(
            "x",
            15,
            lambda rng: [going_back(rng, 3, 2), going_back(rng, 5, 4), going_back(rng, 8, 3, 0.5)],
            part="dx",
            rtol=2e-3,
        ),
    ],
    mistakes={
        "mean-and-variance-constant": backward(mean_path=0, var_path=0),
        "gamma-alone": gamma_alone,
        "no-variance-path": backward(var_path=0),
        "no-mean-path": backward(mean_path=0),
        "gamma-forgotten": backward(use_gamma=False),
        "x-for-xhat": backward(xhat_of=lambda x, xhat: x),
        "centred-for-xhat": backward(xhat_of=lambda x, xhat: x - x.mean(axis=0)),
        "mean-for-sum": backward(reduce=np.mean),
        "sum-for-mean": (
            backward(negative, negative),
            backward(mean_path=negative),
            backward(var_path=negative),
        ),
        "paths-added": (backward(1, 1), backward(mean_path=1), backward(var_path=1)),
        "epsilon-forgotten": tuple(
            backward(root=lambda var, eps, own=own: np.sqrt(var + own)) for own in (0, 1e-8, 1e-5, 1e-3)
        ),
        "epsilon-in-one-place": tuple(map(epsilon_in_one_place, (True, False))),
        "epsilon-outside-root": backward(root=lambda var, eps: np.sqrt(var) + eps),
        "layernorm-backward": other_statistics(axis=1),
        "bessel-in-backward": (
            other_statistics(less=1),
            backward(var_path=one_too_few),
            backward(one_too_few, one_too_few),
        ),
        "gamma-in-its-own-gradient": lambda x, gamma, eps, grad: (
            bn_backward(x, gamma, eps, grad) | {"dgamma": bn_backward(x, gamma, eps, grad)["dgamma"] * gamma}
        ),
        "variance-path-of-another-size": (
            backward(var_path=-0.5),
            backward(var_path=-2),
            *(node_by_node(power) for power in (1, 2)),
        ),
        "mean-over-all-units": (other_statistics(overall=True), means_of_everything),
        "divides-by-the-batch": all_divided,
        "gamma-in-the-gradient-of-beta": lambda x, gamma, eps, grad: (
            bn_backward(x, gamma, eps, grad) | {"dbeta": (grad * gamma).sum(axis=0)}
        ),
        "gamma-twice": lambda x, gamma, eps, grad: (
            bn_backward(x, gamma, eps, grad) | {"dx": gamma * bn_backward(x, gamma, eps, grad)["dx"]}
        ),
        "divides-by-all-entries": tuple(
            over_all_entries(*paths) for paths in ((True, True), (True, False), (False, True))
        ),
    },
    personal=Personal(lambda f, own: lambda x, gamma, eps, grad: f(x, gamma, eps, own * grad)),
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


def running(ddof=(1, 0), swapped=False, always_new=None, start=True, root=False, var_start=1.0, undo=False):
    """The function with other conventions. `ddof` is PyTorch's and Keras'."""

    def follow(batches, momentum, convention):
        torch = convention == "PyTorch"
        new = momentum if torch != swapped else 1 - momentum
        if always_new is not None:
            new = always_new(momentum)
        measured = [(x.mean(axis=0), x.var(axis=0, ddof=ddof[0 if torch else 1])) for x in batches]
        if root:
            measured = [(mean, np.sqrt(var)) for mean, var in measured]
        mean, var = np.zeros_like(measured[0][0]), var_start + np.zeros_like(measured[0][0])
        if not start:
            mean, var = measured[0]
            measured = measured[1:]
        for batch_mean, batch_var in measured:
            mean = (1 - new) * mean + new * batch_mean
            var = (1 - new) * var + new * batch_var
        if undo:  # as Adam does it
            mean = mean / (1 - (1 - new) ** len(batches))
        return {"mean": mean, "var": var}

    return follow


def with_variance(var, batches, momentum, convention):
    """The right answer, but with another variance in PyTorch's convention."""
    right = running_statistics(batches, momentum, convention)
    return right | ({"var": var} if convention == "PyTorch" else {})


def corrected(count):
    """The function whose variances are corrected with count(batches) for the batch's own size."""

    def follow(batches, momentum, convention):
        var, m = 1.0, count(batches)
        for x in batches:
            var = (1 - momentum) * var + momentum * x.var(axis=0) * (m / (m - 1) if m > 1 else np.nan)
        return with_variance(var, batches, momentum, convention)

    return follow


def corrected_as_a_whole(at_every_step):
    def follow(batches, momentum, convention):
        var = 1.0
        for x in batches:
            var = (1 - momentum) * var + momentum * x.var(axis=0)
            if at_every_step or x is batches[-1]:
                var = var * len(x) / (len(x) - 1)
        return with_variance(var, batches, momentum, convention)

    return follow


def one_number_for_all(batches, momentum, convention):
    units = batches[0].shape[1]
    one_column = running_statistics([x.reshape(-1, 1) for x in batches], momentum, convention)
    return {name: np.repeat(value, units) for name, value in one_column.items()}


def around_the_running_mean(batches, momentum, convention):
    new, ddof = (momentum, 1) if convention == "PyTorch" else (1 - momentum, 0)
    mean, var = np.zeros(batches[0].shape[1]), np.ones(batches[0].shape[1])
    for x in batches:
        mean = (1 - new) * mean + new * x.mean(axis=0)
        var = (1 - new) * var + new * np.sum((x - mean) ** 2, axis=0) / (len(x) - ddof)
    return {"mean": mean, "var": var}


def plain_average(batches, momentum, convention):
    ddof = int(convention == "PyTorch")
    return {
        "mean": np.mean([x.mean(axis=0) for x in batches], axis=0),
        "var": np.mean([x.var(axis=0, ddof=ddof) for x in batches], axis=0),
    }


def pooled(batches, momentum, convention):
    return plain_average([np.concatenate(batches)], momentum, convention)


def some_batches(rng, count, convention):
    """A few small batches of different sizes: there N and N − 1 are far apart."""
    units = int(rng.integers(2, 4))
    batches = [a_batch(rng, int(size), units) for size in rng.integers(3, 7, count)]
    momentum = rng.uniform(0.05, 0.3) if convention == "PyTorch" else rng.uniform(0.7, 0.95)
    return batches, round(momentum, 2), convention


def of_convention(convention):
    return lambda rng: [some_batches(rng, count, convention) for count in (2, 3, 6)]


RUNNING = Check(
    running_statistics,
    properties=[
        Property("pytorch-mean", 4, of_convention("PyTorch"), part="mean"),
        Property("pytorch-var", 4, of_convention("PyTorch"), part="var"),
        Property("keras-mean", 3, of_convention("Keras"), part="mean"),
        Property("keras-var", 4, of_convention("Keras"), part="var"),
    ],
    mistakes={
        "momentum-direction": running(swapped=True),
        "momentum-always-new": running(always_new=lambda momentum: momentum),
        "momentum-always-kept": running(always_new=lambda momentum: 1 - momentum),
        "biased-running-variance": running(ddof=(0, 0)),
        "unbiased-running-variance": running(ddof=(1, 1)),
        "biased-and-unbiased-exchanged": running(ddof=(0, 1)),
        "starts-at-first-batch": running(start=False),
        "average-for-running": (plain_average, pooled),
        "last-batch-first": lambda batches, *settings: running_statistics(batches[::-1], *settings),
        "variance-around-the-running-mean": around_the_running_mean,
        "momentum-written-in": running(always_new=lambda momentum: 0.1),
        "variance-starts-at-zero": running(var_start=0.0),
        "corrects-for-the-start": running(undo=True),
        "std-for-variance": running(root=True),
        "first-batch-only": lambda batches, *settings: running_statistics(batches[:1], *settings),
        "count-of-another-batch": tuple(
            map(
                corrected,
                (
                    lambda batches: len(batches[0]),
                    lambda batches: len(batches[-1]),
                    lambda batches: batches[0].shape[1],
                    lambda batches: sum(map(len, batches)),
                    lambda batches: np.mean([len(x) for x in batches]),
                ),
            )
        ),
        "corrects-the-running-variance": (corrected_as_a_whole(True), corrected_as_a_whole(False)),
        "squares-a-running-std": lambda *given: {
            "mean": running_statistics(*given)["mean"],
            "var": running(root=True)(*given)["var"] ** 2,
        },
        "last-batch-left-out": lambda batches, *settings: running_statistics(batches[:-1], *settings),
        "one-convention-for-both": (
            running(always_new=lambda momentum: 1 - momentum, ddof=(0, 0)),
            running(always_new=lambda momentum: momentum, ddof=(1, 1)),
        ),
        "one-number-for-all-units": one_number_for_all,
    },
    personal=Personal(lambda f, own: lambda xs, *settings: f([own * x for x in xs], *settings)),
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
    rms_root=None,
    rms_groups=False,
):
    """The function with other axes {norm: axes}, other groups, or another divisor.

    The axes are those of a block of shape (example, set, channel of the set, height, width).
    """

    def norms(x, norm, groups, eps):
        examples, channels, *place = x.shape
        whole = {"LayerNorm": 1, "RMSNorm": groups if rms_groups else 1, "InstanceNorm": channels}
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
        y = centred / ((not shifted and rms_root) or root)(squares / size, eps)
        return (y.swapaxes(1, 2) if every_other else y).reshape(x.shape)

    return norms


def rms_around_the_mean(x, norm, groups, eps):
    if norm != "RMSNorm":
        return normalize(x, norm, groups, eps)
    return x / np.sqrt(x.var(axis=(1, 2, 3), keepdims=True) + eps)


def rms_of_the_sum(x, norm, groups, eps):
    if norm != "RMSNorm":
        return normalize(x, norm, groups, eps)
    return x / np.sqrt(np.sum(x**2, axis=(1, 2, 3), keepdims=True) + eps)


def images(rng, examples, channels, eps=1e-5):
    """A small block whose examples and channels all differ in mean and spread."""
    shape = examples, channels, *map(int, rng.permutation([2, 3]))
    mean = rng.uniform(1, 4, (examples, channels, 1, 1))
    return mean + rng.uniform(0.5, 3, (examples, channels, 1, 1)) * rng.standard_normal(shape), eps


def with_norm(norm, *sizes):
    """(x, norm, groups, eps): sizes are (examples, channels, groups); the last one has a large ε."""

    def cases(rng):
        last = len(sizes) - 1
        drawn = [(*images(rng, n, c, 0.5 if i == last else 1e-5), g) for i, (n, c, g) in enumerate(sizes)]
        return [(x, norm, groups, eps) for x, eps, groups in drawn]

    return cases


NORMALIZE = Check(
    normalize,
    properties=[
        Property("layer", 4, with_norm("LayerNorm", (2, 6, 3), (3, 4, 2), (2, 4, 2))),
        Property("instance", 4, with_norm("InstanceNorm", (2, 6, 3), (3, 4, 2), (2, 4, 2))),
        Property("group", 4, with_norm("GroupNorm", (2, 6, 2), (3, 12, 3), (2, 4, 1), (2, 4, 4), (2, 6, 2))),
        Property("rms", 3, with_norm("RMSNorm", (2, 6, 3), (3, 4, 2), (2, 4, 2))),
    ],
    mistakes={
        "layernorm-each-place": (family({"LayerNorm": (2,)}), family({"LayerNorm": (2,), "RMSNorm": (2,)})),
        "layernorm-over-batch": family({"LayerNorm": (0, 2, 3, 4)}),
        "batchnorm-for-instancenorm": family({"InstanceNorm": (0, 2, 3, 4)}),
        "groups-interleaved": family(interleaved=True),
        "groups-for-group-size": family(sets=lambda groups, channels: channels // groups),
        "last-axis-only": family({"LayerNorm": (4,), "RMSNorm": (4,)}),
        "groupnorm-each-place": family({"GroupNorm": (2,)}),
        "rms-without-root": family(rms_root=lambda square, eps: square + eps),
        "groupnorm-over-batch": family({"GroupNorm": (0, 2, 3, 4)}),
        "rms-subtracts-mean": family(rms_shift=True),
        "instancenorm-last-axis": (family({"InstanceNorm": (4,)}), family({"InstanceNorm": (3,)})),
        "bessel-in-forward": family(ddof=1),
        "epsilon-outside-root": family(root=lambda square, eps: np.sqrt(square) + eps),
        "epsilon-not-used": tuple(
            family(root=lambda sq, eps, own=own: np.sqrt(sq + own)) for own in (0, 1e-5)
        ),
        "rms-around-the-mean": rms_around_the_mean,
        "groups-ignored": family(sets=lambda groups, channels: 1),
        "layernorm-each-channel": family({"LayerNorm": (3, 4), "RMSNorm": (3, 4)}),
        "groups-in-rmsnorm": family(rms_groups=True),
        "instancenorm-over-channels": family({"InstanceNorm": (1,)}),
        "sum-for-mean": rms_of_the_sum,
        "one-group-for-each-channel": (
            family(sets=lambda groups, channels: channels if groups == 1 else groups),
            family(sets=lambda groups, channels: {1: channels, channels: 1}.get(groups, groups)),
        ),
    },
    personal=Personal(scaled_output),
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


def step(
    uses_batch=lambda train: train,
    stores=lambda train: train,
    ddof=1,
    own_ddof=0,
    kept=0.9,
    root=lambda var: np.sqrt(var + 1e-5),
):
    """The function that uses the batch, or stores it, in other modes, or with another part."""

    def call(x, running_mean, running_var, train):
        new_mean = kept * running_mean + (1 - kept) * x.mean(axis=0)
        new_var = kept * running_var + (1 - kept) * x.var(axis=0, ddof=ddof)
        after = (new_mean, new_var) if stores(train) else (running_mean, running_var)
        batch = x.mean(axis=0), x.var(axis=0, ddof=own_ddof)
        mean, var = batch if uses_batch(train) else (running_mean, running_var)
        return {"y": (x - mean) / root(var), "running_mean": after[0], "running_var": after[1]}

    return call


def stored_variance(measure):
    """The function that stores measure(x, running_var) in train mode."""

    def call(x, running_mean, running_var, train):
        right = bn_step(x, running_mean, running_var, train)
        return right | ({"running_var": measure(x, running_var)} if train else {})

    return call


def corrects_in_eval(x, running_mean, running_var, train):
    right = bn_step(x, running_mean, running_var, train)
    if train or len(x) < 2:
        return right
    return right | {"y": (x - running_mean) / np.sqrt(running_var * (len(x) - 1) / len(x) + 1e-5)}


def normalises_with_new_average(x, running_mean, running_var, train):
    right = bn_step(x, running_mean, running_var, train)
    y = (x - right["running_mean"]) / np.sqrt(right["running_var"] + 1e-5)
    return {**right, "y": y}


def stores_in_eval(shrinks):
    """The function that stores in eval mode, too. The variance of a single example is 0, or left out."""

    def call(x, running_mean, running_var, train):
        several = len(x) > 1
        var = x.var(axis=0, ddof=1) if several else 0 if shrinks else running_var
        stored = {"running_mean": 0.9 * running_mean + 0.1 * x.mean(axis=0)}
        stored["running_var"] = 0.9 * running_var + 0.1 * var
        return bn_step(x, running_mean, running_var, train) | (stored if not train else {})

    return call


def mode_by_count(stores_too):
    """The function that takes several examples for train mode: to normalise, or to store as well."""

    def call(x, running_mean, running_var, train):
        right = bn_step(x, running_mean, running_var, train)
        counted = bn_step(x, running_mean, running_var, len(x) > 1)
        return counted if stores_too else right | {"y": counted["y"]}

    return call


def a_call(rng, examples, train, size=1.0):
    units = int(rng.integers(2, 5))
    x = size * a_batch(rng, examples, units)
    return x, size * rng.normal(0, 2, units), size**2 * rng.uniform(0.5, 4, units), train


def calls(train, *sizes):
    return lambda rng: [a_call(rng, examples, train) for examples in sizes]


def quiet_call(train):
    """Numbers so small that ε counts."""
    return lambda rng: [a_call(rng, 4, train, size=3e-3)]


REPAIR = Check(
    bn_step,
    properties=[
        Property("train-output", 2, calls(True, 2, 3, 6), part="y", edges=quiet_call(True)),
        Property("train-stored", 2, calls(True, 2, 3, 5), lambda f, *args: _stored(f(*args))),
        Property("eval-output", 4, calls(False, 1, 4), part="y", edges=quiet_call(False)),
        Property("eval-stored", 2, calls(False, 1, 3, 6), lambda f, *args: _stored(f(*args))),
    ],
    mistakes={
        "batch-statistics-in-eval": step(uses_batch=lambda train: True),
        "stores-in-eval": (step(stores=lambda train: True), *map(stores_in_eval, (True, False))),
        "counts-for-the-mode": tuple(map(mode_by_count, (True, False))),
        "never-in-eval": tuple(
            step(uses_batch=lambda train: True, stores=lambda train: True, ddof=ddof) for ddof in (1, 0)
        ),
        "running-statistics-in-train": step(uses_batch=lambda train: False),
        "new-average-in-train": normalises_with_new_average,
        "biased-running-variance": step(ddof=0),
        "unbiased-for-both": step(own_ddof=1),
        "biased-and-unbiased-exchanged": step(ddof=0, own_ddof=1),
        "momentum-direction": step(kept=0.1),
        "momentum-of-keras": step(kept=0.99),
        "epsilon-outside-root": step(root=lambda var: np.sqrt(var) + 1e-5),
        "epsilon-of-another-size": tuple(step(root=lambda v, e=e: np.sqrt(v + e)) for e in (1e-3, 1e-8, 0)),
        "stores-nothing": step(stores=lambda train: False),
        "modes-exchanged": step(uses_batch=lambda train: not train, stores=lambda train: not train),
        "corrects-the-running-variance": stored_variance(
            lambda x, old: (0.9 * old + 0.1 * x.var(axis=0)) * len(x) / (len(x) - 1)
        ),
        "correction-upside-down": stored_variance(
            lambda x, old: 0.9 * old + 0.1 * x.var(axis=0) * (len(x) - 1) / len(x)
        ),
        "one-variance-for-all-units": tuple(
            stored_variance(lambda x, old, ddof=ddof: 0.9 * old + 0.1 * x.var(ddof=ddof)) for ddof in (1, 0)
        ),
        "corrects-once-more-in-eval": corrects_in_eval,
    },
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


RESCALE = Check(
    rescale,
    properties=[
        Property("gradient", 4, gradients_to_scale, part="grad"),
        Property("turn", 3, gradients_to_scale, part="turn"),
        Property("lr", 3, gradients_to_scale, part="lr"),
    ],
    mistakes={
        "same-output-same-gradient": rescaled(0, -1, 1),
        "gradient-grows-with-weights": rescaled(1, 0, 0),
        "forgets-longer-weights": rescaled(-1, -1, 1),
        "forgets-smaller-gradient": rescaled(-1, -2, 1),
        "learning-rate-unchanged": rescaled(-1, -2, 0),
        "learning-rate-upside-down": rescaled(-1, -2, -2),
        "factor-for-the-rate": lambda grad, lr, c: rescale(grad, 1.0, c),
        "turn-of-one-step": (
            lambda grad, lr, c: rescale(grad, lr, c) | {"turn": lr / c**2},
            lambda grad, lr, c: rescale(grad, lr, c) | {"turn": lr * np.linalg.norm(grad) / c**2},
        ),
        "longer-weights-alone": lambda grad, lr, c: rescale(grad, lr, max(c, 1.0)),
    },
    personal=Personal(lambda f, own: lambda grad, lr, c: f(grad, lr, own * c)),
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


def numbers(loss):
    """What of it is a number; infinity if nothing is."""
    return loss[~np.isnan(loss)] if np.any(~np.isnan(loss)) else np.array([np.inf])


def still_learns(loss):
    return bool(np.mean(loss[-10:]) < loss[0] / 2)


def by_all_three(shifts, learned):
    return "UNDECIDED" if learned["plain"] else without_plain(shifts, learned)


def judged_by(rule=by_all_three, learns=still_learns):
    """The function with another rule for the verdict by {name: shift} and {name: learned}, or for a loss."""

    def verdict(runs):
        shifts = {name: time_shift(run["z"]) for name, run in runs.items()}
        learned = {name: learns(run["loss"]) for name, run in runs.items()}
        return {"shift": shifts, "verdict": rule(shifts, learned)}

    return verdict


def shifted_by(measure):
    """The function with another measure of the shift; its verdict is the reference's."""

    def experiment(runs):
        shifts = {name: measure(run["z"]) for name, run in runs.items()}
        return {"shift": shifts, "verdict": noise_experiment(runs)["verdict"]}

    return experiment


def one_spread_for_all(runs):
    right = noise_experiment(runs)
    unit = runs["plain"]["z"].std()
    shifts = {name: right["shift"][name] * run["z"].std() / unit for name, run in runs.items()}
    return right | {"shift": shifts}


def asks_for_the_shift_at_last(shifts, learned):
    if learned["plain"] or not learned["bn"]:
        return "UNDECIDED"
    if not learned["noisy"]:
        return "FOR"
    return "AGAINST" if shifts["noisy"] >= shifts["plain"] else "UNDECIDED"


def by_loss_alone(shifts, learned):
    return "AGAINST" if learned["noisy"] else "FOR"


def without_the_gain(shifts, learned):
    if shifts["noisy"] < shifts["plain"]:
        return "UNDECIDED"
    return by_loss_alone(shifts, learned)


def without_plain(shifts, learned):
    return without_the_gain(shifts, learned) if learned["bn"] else "UNDECIDED"


def without_bn(shifts, learned):
    return "UNDECIDED" if learned["plain"] else without_the_gain(shifts, learned)


def without_the_shift(shifts, learned):
    if learned["plain"] or not learned["bn"]:
        return "UNDECIDED"
    return by_loss_alone(shifts, learned)


def other_way_round(shifts, learned):
    if learned["plain"] or not learned["bn"] or shifts["noisy"] < shifts["plain"]:
        return "UNDECIDED"
    return "FOR" if learned["noisy"] else "AGAINST"


OVERFLOWS_LATE = "overflows late"  # after it had learned


def a_run(rng, moves, learned, steps=24, units=3, batch=6):
    """z of shape (steps, batch, units), whose units' means jump by about `moves` at each step, and a loss.

    The units have means of their own, which also drift, and the examples of a batch differ among each other.
    """
    drift = np.linspace(0, 2 * moves, steps)[:, None] * rng.choice([-1, 1], units)
    means = rng.normal(0, 1, units) + drift + moves * rng.standard_normal((steps, units))
    examples = 0.5 * rng.standard_normal((steps, batch, units))
    z = means[:, None] + examples - examples.mean(axis=1, keepdims=True)
    loss = 2.4 * np.geomspace(1, 0.1 if learned else 1, steps) * rng.uniform(0.95, 1.05, steps)
    if learned is None or learned is OVERFLOWS_LATE:
        loss[-4 if learned else steps // 2 :] = np.nan
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


def run_at_the_limit(rng, moves, learned):
    """A run whose last ten losses are on one side of half the first, on average; of no other number so."""
    run = a_run(rng, moves, learned)
    goal, tenth = (0.46, 0.05) if learned else (0.54, 0.95)
    run["loss"][-11:] = run["loss"][0] * np.array([1 - tenth, tenth, *[(10 * goal - tenth) / 9] * 9])
    return run


def runs_at_the_limit(rng, **learned):
    """Three runs as they should be for a test, but for those named: they learned, or did not, by little."""
    ((runs),) = three_runs(rng)
    moves = {"plain": 0.1, "bn": 0.01, "noisy": 0.8}
    return (runs | {name: run_at_the_limit(rng, moves[name], yes) for name, yes in learned.items()},)


def shift_at_the_limit(rng, brings_back):
    """Three runs; the noise brings back a little more of the shift than the plain run has, or less."""
    while True:
        plain, noisy = a_run(rng, 0.3, False), a_run(rng, 0.3 * rng.uniform(0.7, 1.4), True)
        ratio = time_shift(noisy["z"]) / time_shift(plain["z"])
        if (1.02 < ratio < 1.2) if brings_back else (0.8 < ratio < 0.98):
            # Before the division by the spread it is the other way round.
            noisy["z"] *= 0.2 if brings_back else 5
            return ({"plain": plain, "bn": a_run(rng, 0.01, True), "noisy": noisy},)


EXPERIMENT = Check(
    noise_experiment,
    properties=[
        Property(
            "shift",
            6,
            lambda rng: [three_runs(rng), three_runs(rng, False), three_runs(rng, noisy=False)],
            part="shift",
        ),
        Property(
            "against",
            3,
            lambda rng: [three_runs(rng, plain) for plain in (None, False)],
            part="verdict",
            edges=lambda rng: [
                runs_at_the_limit(rng, noisy=True),
                runs_at_the_limit(rng, plain=False),
                runs_at_the_limit(rng, bn=True),
                shift_at_the_limit(rng, True),
            ],
        ),
        Property(
            "for",
            3,
            lambda rng: [three_runs(rng, noisy=noisy) for noisy in (False, None)],
            part="verdict",
            edges=lambda rng: [runs_at_the_limit(rng, noisy=False)],
        ),
        Property(
            "undecided",
            3,
            lambda rng: [
                three_runs(rng, brings_back=False),
                three_runs(rng, plain=True),
                three_runs(rng, bn=False),
                three_runs(rng, noisy=False, brings_back=False),
            ],
            part="verdict",
            edges=lambda rng: [
                runs_at_the_limit(rng, plain=True),
                runs_at_the_limit(rng, bn=False),
                three_runs(rng, bn=OVERFLOWS_LATE),
                shift_at_the_limit(rng, False),
            ],
        ),
    ],
    mistakes={
        "shift-over-the-batch": shifted_by(
            lambda z: np.mean(np.abs(np.diff(z.mean(axis=0), axis=0))) / z.std()
        ),
        "shift-of-single-values": shifted_by(lambda z: np.mean(np.abs(np.diff(z, axis=0))) / z.std()),
        "shift-without-unit": shifted_by(lambda z: np.mean(np.abs(np.diff(z.mean(axis=1), axis=0)))),
        "shift-from-the-first-step": shifted_by(
            lambda z: np.mean(np.abs(z.mean(axis=1)[1:] - z.mean(axis=1)[0])) / z.std()
        ),
        "shift-cancels": tuple(
            shifted_by(lambda z, size=size: size(np.diff(z.mean(axis=1), axis=0)) / z.std())
            for size in (
                lambda change: abs(np.mean(change)),
                np.mean,
                lambda change: np.mean(np.abs(np.mean(change, axis=0))),
            )
        ),
        "spread-of-each-unit": (
            shifted_by(lambda z: np.mean(np.abs(np.diff(z.mean(axis=1), axis=0)) / z.std(axis=(0, 1)))),
            shifted_by(lambda z: time_shift(z) * z.std() / np.mean(z.std(axis=(0, 1)))),
        ),
        "root-mean-square-for-mean": shifted_by(
            lambda z: np.sqrt(np.mean(np.diff(z.mean(axis=1), axis=0) ** 2)) / z.std()
        ),
        "verdict-by-loss-alone": judged_by(by_loss_alone),
        "verdict-without-control": tuple(map(judged_by, (without_the_gain, without_plain, without_bn))),
        "verdict-without-shift": judged_by(without_the_shift),
        "verdict-reversed": judged_by(other_way_round),
        "spread-of-one-step": tuple(
            shifted_by(lambda z, at=at: np.mean(np.abs(np.diff(z.mean(axis=1), axis=0))) / z[at].std())
            for at in (0, -1)
        ),
        "nan-counts-as-learned": (
            judged_by(learns=lambda loss: not np.mean(loss[-10:]) >= loss[0] / 2),
            judged_by(learns=lambda loss: np.mean(numbers(loss[-10:])) < loss[0] / 2),
            judged_by(learns=lambda loss: np.mean(numbers(loss)[-10:]) < loss[0] / 2),
        ),
        "other-losses-than-the-last-ten": judged_by(learns=lambda loss: loss[-1] < loss[0] / 2),
        "any-fall-counts": judged_by(learns=lambda loss: np.mean(loss[-10:]) < loss[0]),
        "divides-by-the-steps": shifted_by(lambda z: time_shift(z) * (len(z) - 1) / len(z)),
        "spread-of-the-means": (
            shifted_by(lambda z: time_shift(z) * z.std() / z.mean(axis=1).std()),
            shifted_by(lambda z: time_shift(z) * z.std() / np.mean(z.mean(axis=1).std(axis=0))),
        ),
        "mean-over-the-units": shifted_by(
            lambda z: np.mean(np.abs(np.diff(z.mean(axis=2), axis=0))) / z.std()
        ),
        "one-spread-for-all-runs": one_spread_for_all,
        "shift-asked-too-late": judged_by(asks_for_the_shift_at_last),
        "one-mean-for-all-units": shifted_by(
            lambda z: np.mean(np.abs(np.diff(z.mean(axis=(1, 2))))) / z.std()
        ),
    },
)

EXERCISES = [FORWARD, BACKWARD, RUNNING, NORMALIZE, REPAIR, RESCALE, EXPERIMENT]
