"""Chapter 3: unusual answers that are right, and wrong ones beside those that the exercises know."""

import math
from itertools import pairwise

import numpy as np

# --- Right, but not as we wrote it ----------------------------------------------------------------


def forward_by_moments(x, gamma, beta, eps):
    ones = np.full(len(x), 1 / len(x))
    mean = ones @ x
    var = ones @ (x * x) - mean**2  # E[x²] − E[x]² by a product
    return (x - mean) * (gamma / np.sqrt(var + eps)) + beta


def forward_folded(x, gamma, beta, eps):
    scale = gamma * (x.var(0) + eps) ** -0.5
    return x * scale + (beta - x.mean(0) * scale)  # one affine map


def forward_loops(x, gamma, beta, eps):
    y = [[0.0] * len(gamma) for _ in x]
    for j in range(len(gamma)):
        column = [float(row[j]) for row in x]
        mean = math.fsum(column) / len(column)
        var = math.fsum((v - mean) ** 2 for v in column) / len(column)
        for i, v in enumerate(column):
            y[i][j] = gamma[j] * (v - mean) / math.sqrt(var + eps) + beta[j]
    return y


def forward_float32(x, gamma, beta, eps):
    x = x.astype(np.float32)
    return (x - x.mean(0)) / np.sqrt(x.var(0) + np.float32(eps)) * gamma + beta


def backward_graph(x, gamma, eps, grad):
    """Node by node, as in the lecture."""
    m = len(x)
    centred = x - x.mean(axis=0)
    inverse = 1 / np.sqrt(np.mean(centred**2, axis=0) + eps)
    dxhat = grad * gamma
    dvar = np.sum(dxhat * centred * -0.5 * inverse**3, axis=0)
    dmean = np.sum(-dxhat * inverse, axis=0) + dvar * np.mean(-2 * centred, axis=0)
    dx = dxhat * inverse + dvar * 2 * centred / m + dmean / m
    return {"dx": dx, "dgamma": np.sum(grad * centred * inverse, 0), "dbeta": np.sum(grad, 0)}


def backward_by_the_paper(x, gamma, eps, grad):
    m, inverse = len(x), (x.var(0) + eps) ** -0.5
    xhat = (x - x.mean(0)) * inverse
    dbeta, dgamma = np.ones(m) @ grad, np.einsum("bi,bi->i", grad, xhat)
    dx = gamma * inverse / m * (m * grad - dbeta - xhat * dgamma)
    return {"dbeta": dbeta.tolist(), "dgamma": dgamma, "dx": dx, "more": None}


def backward_jacobian(x, gamma, eps, grad):
    """Unit by unit, with the whole matrix of derivatives."""
    m = len(x)
    s = np.sqrt(x.var(axis=0) + eps)
    xhat, dx = (x - x.mean(axis=0)) / s, np.zeros_like(x)
    for j in range(x.shape[1]):
        jacobian = np.eye(m) - 1 / m - np.outer(xhat[:, j], xhat[:, j]) / m
        dx[:, j] = gamma[j] / s[j] * jacobian @ grad[:, j]
    return {"dx": dx, "dgamma": (grad * xhat).sum(0), "dbeta": grad.sum(0)}


def running_in_place(batches, momentum, convention):
    new = np.array({"PyTorch": momentum, "Keras": 1 - momentum}[convention])
    mean, var = np.zeros(batches[0].shape[1]), np.ones(batches[0].shape[1])
    for x in batches:
        m = x.mean(axis=0)
        v = ((x - m) ** 2).sum(axis=0) / (len(x) - (convention == "PyTorch"))
        mean += new * (m - mean)
        var += new * (v - var)
    return {"mean": mean, "var": var}


def running_by_weights(batches, momentum, convention):
    """All steps at once: the batch k steps ago weighs new · (1 − new)ᵏ."""
    new, n = (momentum, 1) if convention == "PyTorch" else (1 - momentum, 0)
    weights = np.array([new * (1 - new) ** k for k in range(len(batches))])[::-1]
    means, variances = np.array([(x.mean(0), x.var(0, ddof=n)) for x in batches]).swapaxes(0, 1)
    left = (1 - new) ** len(batches)
    return {"mean": weights @ means, "var": left + weights @ variances}


def normalize_by_axes(x, norm, groups, eps):
    if norm == "GroupNorm":
        n, c, h, w = x.shape
        x5 = x.reshape(n, groups, c // groups, h, w)
        y = (x5 - x5.mean((2, 3, 4), keepdims=True)) / np.sqrt(x5.var((2, 3, 4), keepdims=True) + eps)
        return y.reshape(n, c, h, w)
    axes = (2, 3) if norm == "InstanceNorm" else (1, 2, 3)
    if norm == "RMSNorm":
        return x / np.sqrt((x**2).mean(axes, keepdims=True) + eps)
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


def normalize_in_loops(x, norm, groups, eps):
    y, channels = np.empty_like(x, np.float64), x.shape[1]
    count = {"LayerNorm": 1, "RMSNorm": 1, "InstanceNorm": channels, "GroupNorm": groups}[norm]
    for example in range(len(x)):
        for some in np.split(np.arange(channels), count):
            part = x[example, some]
            part = part if norm == "RMSNorm" else part - part.mean()
            y[example, some] = part / math.sqrt(float((part * part).mean()) + eps)
    return y.tolist()


def step_branches(x, running_mean, running_var, train):
    if not train:
        y = (x - running_mean) * (running_var + 1e-5) ** -0.5
        return {"y": y, "running_mean": running_mean, "running_var": running_var}
    m, v, n = x.mean(0), x.var(0), len(x)
    new_mean, new_var = running_mean + 0.1 * (m - running_mean), running_var * 0.9 + 0.1 * v * n / (n - 1)
    return {"running_var": new_var, "running_mean": list(new_mean), "y": (x - m) / np.sqrt(v + 1e-5)}


def rescale_in_logarithms(grad, lr, c):
    power = math.exp(2 * math.log(c))
    return {"grad": np.divide(grad, c).tolist(), "turn": 1 / power, "lr": np.float64(lr) * power}


def experiment_in_loops(runs):
    shift, learned = {}, {}
    for name, run in runs.items():
        means = [step.mean(axis=0) for step in run["z"]]
        moves = [np.abs(b - a) for a, b in pairwise(means)]
        shift[name] = float(np.mean(moves)) / float(np.sqrt(np.mean(run["z"] ** 2) - run["z"].mean() ** 2))
        end = sum(run["loss"][-10:]) / 10
        learned[name] = bool(np.isfinite(end) and end < 0.5 * run["loss"][0])
    tested = learned["bn"] and not learned["plain"] and shift["noisy"] >= shift["plain"]
    verdict = ("AGAINST" if learned["noisy"] else "FOR") if tested else "UNDECIDED"
    return {"verdict": verdict, "shift": shift}


CORRECT = {
    "bn_forward": [forward_by_moments, forward_folded, forward_loops, forward_float32],
    "bn_backward": [backward_graph, backward_by_the_paper, backward_jacobian],
    "running_statistics": [running_in_place, running_by_weights],
    "normalize": [normalize_by_axes, normalize_in_loops],
    "bn_step": [step_branches],
    "rescale": [rescale_in_logarithms],
    "noise_experiment": [experiment_in_loops],
}

# --- Wrong, written as learners write it ----------------------------------------------------------


def forward_ddof(x, gamma, beta, eps):
    return gamma * (x - np.mean(x, 0)) / np.sqrt(np.var(x, 0, ddof=1) + eps) + beta


def forward_post(x, gamma, beta, eps):
    """As in the post: no ε, and one mean for everything."""
    return gamma * (x - x.mean()) / np.sqrt(x.var()) + beta


def forward_in_place(x, gamma, beta, eps):
    x -= x.mean(axis=0)
    return gamma * x / np.sqrt((x**2).mean(axis=0) + eps) + beta


def backward_eval(x, gamma, eps, grad):
    inverse = 1 / np.sqrt(x.var(axis=0) + eps)
    xhat = (x - x.mean(axis=0)) * inverse
    return {"dx": grad * gamma * inverse, "dgamma": np.sum(grad * xhat, 0), "dbeta": np.sum(grad, 0)}


def backward_two_mistakes(x, gamma, eps, grad):
    return {**backward_eval(x, gamma, eps, grad), "dgamma": np.mean(grad, 0)}


def backward_whole_batch(x, gamma, eps, grad):
    return {**backward_by_the_paper(x, gamma, eps, grad), "dbeta": grad}


def running_last_batch(batches, momentum, convention):
    return {"mean": batches[-1].mean(0), "var": batches[-1].var(0)}


def running_torch_everywhere(batches, momentum, convention):
    return running_in_place(batches, momentum, "PyTorch")


def normalize_batch_norm(x, norm, groups, eps):
    axes = (0, 2, 3)
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


def step_as_given(x, running_mean, running_var, train):
    """The code that is to be repaired."""
    mean, var = x.mean(axis=0), x.var(axis=0)
    running_mean = 0.9 * running_mean + 0.1 * mean
    running_var = 0.9 * running_var + 0.1 * var
    y = (x - mean) / np.sqrt(var + 1e-5)
    return {"y": y, "running_mean": running_mean, "running_var": running_var}


def step_half_repaired(x, running_mean, running_var, train):
    fixed = step_branches(x, running_mean, running_var, train)
    return {**fixed, "y": step_branches(x, running_mean, running_var, True)["y"]} if len(x) > 1 else fixed


def step_uses_what_it_stores(x, running_mean, running_var, train):
    """In eval mode too, where the unbiased variance of a single example is not a number."""
    fixed = step_branches(x, running_mean, running_var, True)
    if not train:
        fixed["y"] = (x - fixed["running_mean"]) / np.sqrt(fixed["running_var"] + 1e-5)
    return fixed


def experiment_words(runs):
    return {**experiment_in_loops(runs), "verdict": "against"}


def step_root_plus_eps(x, running_mean, running_var, train):
    mean, var = (x.mean(0), x.var(0)) if train else (running_mean, running_var)
    if train:
        running_mean = running_mean + 0.1 * (mean - running_mean)
        running_var = running_var + 0.1 * (x.var(0, ddof=1) - running_var)
    y = (x - mean) / (np.sqrt(var) + 1e-5)
    return {"y": y, "running_mean": running_mean, "running_var": running_var}


def experiment_ignoring_nan(runs):
    shift = {
        name: np.mean(np.abs(np.diff(np.mean(run["z"], axis=1), axis=0))) / np.std(run["z"])
        for name, run in runs.items()
    }
    learns = {name: np.nanmean(run["loss"][-10:]) < run["loss"][0] / 2 for name, run in runs.items()}
    if learns["plain"] or not learns["bn"] or shift["noisy"] < shift["plain"]:
        return {"shift": shift, "verdict": "UNDECIDED"}
    return {"shift": shift, "verdict": "AGAINST" if learns["noisy"] else "FOR"}


WRONG = {
    "bn_forward": [
        (forward_ddof, "bessel-in-forward"),
        (forward_post, "one-mean-for-all-units"),
        (forward_in_place, "mutated"),
        (lambda x, gamma, beta, eps: x.T, "shape"),
    ],
    "bn_backward": [
        (backward_eval, "mean-and-variance-constant"),
        (backward_two_mistakes, "mean-and-variance-constant"),
        (backward_whole_batch, "shape"),
        (lambda x, gamma, eps, grad: grad, "form"),
    ],
    "running_statistics": [
        (running_last_batch, None),
        (running_torch_everywhere, None),
        (lambda batches, momentum, convention: batches[0].mean(0), "form"),
    ],
    "normalize": [
        (normalize_batch_norm, "batchnorm-for-instancenorm"),
        (lambda x, norm, groups, eps: x[0], "shape"),
    ],
    "bn_step": [
        (step_as_given, "never-in-eval"),
        (step_root_plus_eps, "epsilon-outside-root"),
        (step_half_repaired, None),
        (step_uses_what_it_stores, "nan"),
    ],
    "rescale": [(lambda grad, lr, c: {"grad": grad / c, "turn": c, "lr": lr}, None)],
    "noise_experiment": [(experiment_ignoring_nan, None), (experiment_words, None)],
}
