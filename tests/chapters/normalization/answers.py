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


def forward_from_the_end(x, gamma, beta, eps):
    n = x.shape[-2]
    m = np.einsum("...bi->...i", x) / n
    c = x - np.expand_dims(m, -2)
    v = np.einsum("bi,bi->i", c, c) / n
    return np.einsum("i,bi,i->bi", gamma, c, 1 / np.sqrt(v + eps)) + beta


class NormLayer:
    momentum = 0.9

    def __init__(self):
        self.cache = None

    def forward(self, x, gamma, beta, eps):
        mu = x.mean(axis=0, keepdims=True)
        xc = x - mu
        std = np.sqrt(np.mean(np.square(xc), axis=-2, keepdims=True) + eps)
        self.cache = (xc, std)
        return np.add(np.multiply(gamma, np.divide(xc, std)), beta)


forward_of_a_layer = NormLayer().forward


def backward_complex_step(x, gamma, eps, grad):
    m, n = x.shape
    h = 1e-20

    def f(x, gamma, beta):
        mu = x.mean(0)
        v = ((x - mu) ** 2).mean(0)
        return gamma * (x - mu) / np.sqrt(v + eps) + beta

    dx = np.zeros((m, n))
    for a in range(m):
        for b in range(n):
            z = x.astype(complex)
            z[a, b] += 1j * h
            dx[a, b] = np.sum(grad * f(z, gamma, 0).imag) / h
    xh = (x - x.mean(0)) / np.sqrt(x.var(0) + eps)
    return {"dx": dx, "dgamma": np.diag(grad.T @ xh), "dbeta": grad.sum(axis=-2)}


def running_recursive(batches, momentum, convention):
    if len(batches) == 0:
        raise ValueError
    *before, x = batches
    old = (
        running_recursive(before, momentum, convention)
        if before
        else {"mean": np.zeros(x.shape[1]), "var": np.ones(x.shape[1])}
    )
    w = {"PyTorch": momentum, "Keras": 1 - momentum}[convention]
    s = np.cov(x.T, ddof=int(convention == "PyTorch"))
    return {
        "mean": np.average([old["mean"], x.mean(0)], axis=0, weights=[1 - w, w]),
        "var": (1 - w) * old["var"] + w * np.diag(s),
    }


def normalize_from_the_end(x, norm, groups, eps):
    N, C, H, W = x.shape
    if norm == "RMSNorm":
        return x * np.power(np.mean(x * x, axis=(-1, -2, -3), keepdims=True) + eps, -0.5)
    g = {"LayerNorm": 1, "InstanceNorm": C, "GroupNorm": groups}[norm]
    z = x.reshape(N * g, -1)
    z = (z.T - z.mean(-1)) / np.sqrt(z.var(-1) + eps)
    return z.T.reshape(N, C, H, W)


def step_by_sums(x, running_mean, running_var, train):
    x = np.asarray(x)
    n = x.shape[0]
    if not train:
        return {
            "y": ((x - running_mean) / (running_var + 1e-05) ** 0.5).tolist(),
            "running_mean": running_mean.copy(),
            "running_var": running_var.copy(),
        }
    mu = sum(x) / n
    var = sum((row - mu) ** 2 for row in x) / n

    def lerp(a, b):
        return (9 * a + b) / 10

    return {
        "y": (x - mu) / np.hypot(np.sqrt(var), np.sqrt(1e-05)),
        "running_mean": lerp(running_mean, mu),
        "running_var": lerp(running_var, var * n / (n - 1)),
    }


def rescale_in_lists(grad, lr, c):
    k = np.multiply(c, c)
    return {"lr": [lr * k][0], "grad": [list(r / c) for r in grad], "turn": np.reciprocal(k)}


def experiment_from_the_end(runs):
    out, good = {}, {}
    for k in runs:
        z, loss = runs[k]["z"], list(runs[k]["loss"])
        m = z.mean(axis=-2)
        out[k] = float(np.abs(m[1:] - m[:-1]).mean()) / float(z.ravel().std())
        tail = loss[-10:]
        good[k] = not any(t != t for t in tail) and sum(tail) / 10 < 0.5 * loss[0]
    tested = good["bn"] and (not good["plain"]) and (out["noisy"] >= out["plain"])
    return {"shift": out, "verdict": "UNDECIDED" if not tested else ("FOR", "AGAINST")[bool(good["noisy"])]}


CORRECT = {
    "bn_forward": [
        forward_from_the_end,
        forward_of_a_layer,
        forward_by_moments,
        forward_folded,
        forward_loops,
        forward_float32,
    ],
    "bn_backward": [backward_complex_step, backward_graph, backward_by_the_paper, backward_jacobian],
    "running_statistics": [running_recursive, running_in_place, running_by_weights],
    "normalize": [normalize_from_the_end, normalize_by_axes, normalize_in_loops],
    "bn_step": [step_by_sums, step_branches],
    "rescale": [rescale_in_lists, rescale_in_logarithms],
    "noise_experiment": [experiment_from_the_end, experiment_in_loops],
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


def experiment_of_the_last(count):
    def experiment(runs):
        learns = {name: np.mean(run["loss"][-count:]) < run["loss"][0] / 2 for name, run in runs.items()}
        right = experiment_in_loops(runs)
        if learns["plain"] or not learns["bn"] or right["shift"]["noisy"] < right["shift"]["plain"]:
            return right | {"verdict": "UNDECIDED"}
        return right | {"verdict": "AGAINST" if learns["noisy"] else "FOR"}

    return experiment


def experiment_ignoring_nan(runs):
    shift = {
        name: np.mean(np.abs(np.diff(np.mean(run["z"], axis=1), axis=0))) / np.std(run["z"])
        for name, run in runs.items()
    }
    learns = {name: np.nanmean(run["loss"][-10:]) < run["loss"][0] / 2 for name, run in runs.items()}
    if learns["plain"] or not learns["bn"] or shift["noisy"] < shift["plain"]:
        return {"shift": shift, "verdict": "UNDECIDED"}
    return {"shift": shift, "verdict": "AGAINST" if learns["noisy"] else "FOR"}


def forward_exchanged(x, beta, gamma, eps):
    m, v = x.mean(0), x.var(0)
    return gamma * (x - m) / np.sqrt(v + eps) + beta


def forward_shift_first(x, gamma, beta, eps):
    xh = (x - x.mean(0)) / np.sqrt(x.var(0) + eps)
    return gamma * (xh + beta)


def forward_in_integers(x, gamma, beta, eps):
    out = np.zeros(x.shape, dtype=np.int64)
    out[...] = gamma * (x - x.mean(0)) / np.sqrt(x.var(0) + eps) + beta
    return out


def forward_stops_early(x, gamma, beta, eps):
    y = np.zeros_like(x)
    for j in range(x.shape[1] - 1):
        c = x[:, j]
        y[:, j] = gamma[j] * (c - c.mean()) / np.sqrt(c.var() + eps) + beta[j]
    return y


def backward_gamma_again(x, gamma, eps, grad):
    s = np.sqrt(x.var(0) + eps)
    xh = (x - x.mean(0)) / s
    g = grad * gamma
    dx = (g - g.mean(0) - xh * (g * xh).mean(0)) / s
    return {"dx": dx, "dgamma": (g * xh).sum(0), "dbeta": grad.sum(0)}


def backward_other_power(x, gamma, eps, grad):
    m = len(x)
    c = x - x.mean(0)
    i = 1 / np.sqrt(x.var(0) + eps)
    dxh = grad * gamma
    dvar = (dxh * c).sum(0) * -0.5 * i**2
    dmu = -(dxh * i).sum(0)
    dx = dxh * i + dvar * 2 * c / m + dmu / m
    return {"dx": dx, "dgamma": (grad * c * i).sum(0), "dbeta": grad.sum(0)}


def backward_without_the_two(x, gamma, eps, grad):
    m = len(x)
    c = x - x.mean(0)
    i = 1 / np.sqrt(x.var(0) + eps)
    dxh = grad * gamma
    dvar = (dxh * c).sum(0) * -0.5 * i**3
    dx = dxh * i + dvar * c / m - (dxh * i).mean(0)
    return {"dx": dx, "dgamma": (grad * c * i).sum(0), "dbeta": grad.sum(0)}


def backward_keys_exchanged(x, gamma, eps, grad):
    m = len(x)
    i = 1 / np.sqrt(x.var(0) + eps)
    xh = (x - x.mean(0)) * i
    dx = gamma * i / m * (m * grad - grad.sum(0) - xh * (grad * xh).sum(0))
    return {"dx": dx, "dgamma": grad.sum(0), "dbeta": (grad * xh).sum(0)}


def running_pops(batches, momentum, convention):
    n = batches[0].shape[1]
    m, v = np.zeros(n), np.ones(n)
    new, d = (momentum, 1) if convention == "PyTorch" else (1 - momentum, 0)
    while batches:
        x = batches.pop(0)
        m = m + new * (x.mean(0) - m)
        v = v + new * (x.var(0, ddof=d) - v)
    return {"mean": m, "var": v}


def running_around_running(batches, momentum, convention):
    n = batches[0].shape[1]
    m, v = np.zeros(n), np.ones(n)
    for x in batches:
        new = momentum if convention == "PyTorch" else 1 - momentum
        m = m + new * (x.mean(0) - m)
        s = ((x - m) ** 2).sum(0) / (len(x) - (convention == "PyTorch"))
        v = v + new * (s - v)
    return {"mean": m, "var": v}


def running_backwards(batches, momentum, convention):
    n = batches[0].shape[1]
    m, v = np.zeros(n), np.ones(n)
    new, d = (momentum, 1) if convention == "PyTorch" else (1 - momentum, 0)
    for x in batches[::-1]:
        m = m + new * (x.mean(0) - m)
        v = v + new * (x.var(0, ddof=d) - v)
    return {"mean": m, "var": v}


def normalize_rows_of_images(x, norm, groups, eps):
    N, _C, _H, _W = x.shape
    if norm == "InstanceNorm":
        return (x - x.mean(3, keepdims=True)) / np.sqrt(x.var(3, keepdims=True) + eps)
    g = {"LayerNorm": 1, "GroupNorm": groups, "RMSNorm": 1}[norm]
    z = x.reshape(N, g, -1)
    if norm != "RMSNorm":
        z = z - z.mean(2, keepdims=True)
    return (z / np.sqrt((z**2).mean(2, keepdims=True) + eps)).reshape(x.shape)


def step_exchanged(x, running_var, running_mean, train):
    m, v = (x.mean(0), x.var(0)) if train else (running_mean, running_var)
    if train:
        running_mean = 0.9 * running_mean + 0.1 * m
        running_var = 0.9 * running_var + 0.1 * x.var(0, ddof=1)
    return {"y": (x - m) / np.sqrt(v + 1e-05), "running_mean": running_mean, "running_var": running_var}


def step_of_keras(x, running_mean, running_var, train):
    m, v = (x.mean(0), x.var(0)) if train else (running_mean, running_var)
    if train:
        running_mean = 0.99 * running_mean + 0.01 * m
        running_var = 0.99 * running_var + 0.01 * x.var(0, ddof=1)
    return {"y": (x - m) / np.sqrt(v + 1e-05), "running_mean": running_mean, "running_var": running_var}


def rescale_exchanged(grad, c, lr):
    return {"grad": grad / c, "turn": c ** (-2), "lr": lr * c * c}


def experiment_unit_by_unit(runs):
    sh = {k: (np.abs(np.diff(r["z"].mean(1), axis=0)) / r["z"].std((0, 1))).mean() for k, r in runs.items()}
    ok = {k: bool(r["loss"][-10:].mean() < r["loss"][0] / 2) for k, r in runs.items()}
    if ok["plain"] or not ok["bn"] or sh["noisy"] < sh["plain"]:
        v = "UNDECIDED"
    else:
        v = "AGAINST" if ok["noisy"] else "FOR"
    return {"shift": sh, "verdict": v}


def experiment_of_squares(runs):
    sh = {k: np.sqrt(np.mean(np.diff(r["z"].mean(1), axis=0) ** 2)) / r["z"].std() for k, r in runs.items()}
    ok = {k: bool(r["loss"][-10:].mean() < r["loss"][0] / 2) for k, r in runs.items()}
    if ok["plain"] or not ok["bn"] or sh["noisy"] < sh["plain"]:
        v = "UNDECIDED"
    else:
        v = "AGAINST" if ok["noisy"] else "FOR"
    return {"shift": sh, "verdict": v}


def normalize_one_group_by_channels(x, norm, groups, eps):
    return normalize_by_axes(x, "InstanceNorm" if norm == "GroupNorm" and groups == 1 else norm, groups, eps)


def step_corrects_from_three_on(x, running_mean, running_var, train):
    right = step_branches(x, running_mean, running_var, train)
    if train and len(x) == 2:
        right["running_var"] = 0.9 * running_var + 0.1 * x.var(0)
    return right


def experiment_before_the_division(runs):
    """The verdict from the moves as they are, in no unit."""
    right = experiment_in_loops(runs)
    moves = {name: np.abs(np.diff(run["z"].mean(1), axis=0)).mean() for name, run in runs.items()}
    learns = {name: np.mean(run["loss"][-10:]) < run["loss"][0] / 2 for name, run in runs.items()}
    if learns["plain"] or not learns["bn"] or moves["noisy"] < moves["plain"]:
        return right | {"verdict": "UNDECIDED"}
    return right | {"verdict": "AGAINST" if learns["noisy"] else "FOR"}


WRONG = {
    "bn_forward": [
        (forward_exchanged, "order"),
        (forward_shift_first, "scales-the-shift"),
        (forward_in_integers, "whole numbers"),
        (forward_stops_early, "Only the last column"),
        (forward_ddof, "bessel-in-forward"),
        (forward_post, "one-mean-for-all-units"),
        (forward_in_place, "mutated"),
        (lambda x, gamma, beta, eps: x.T, "shape"),
    ],
    "bn_backward": [
        (backward_gamma_again, "gamma-in-its-own-gradient"),
        (backward_other_power, "variance-path-of-another-size"),
        (backward_without_the_two, "variance-path-of-another-size"),
        (backward_keys_exchanged, "order"),
        (backward_eval, "mean-and-variance-constant"),
        (backward_two_mistakes, "mean-and-variance-constant"),
        (backward_whole_batch, "shape"),
        (lambda x, gamma, eps, grad: grad, "form"),
    ],
    "running_statistics": [
        (running_pops, "mutated"),
        (running_around_running, "variance-around-the-running-mean"),
        (running_backwards, "last-batch-first"),
        (running_last_batch, None),
        (running_torch_everywhere, "one-convention-for-both"),
        (lambda batches, momentum, convention: batches[0].mean(0), "form"),
    ],
    "normalize": [
        (normalize_one_group_by_channels, "one-group-for-each-channel"),
        (normalize_rows_of_images, "instancenorm-last-axis"),
        (normalize_batch_norm, "batchnorm-for-instancenorm"),
        (lambda x, norm, groups, eps: x[0], "shape"),
    ],
    "bn_step": [
        (step_corrects_from_three_on, None),
        (step_exchanged, "order"),
        (step_of_keras, "momentum-of-keras"),
        (step_as_given, "never-in-eval"),
        (step_root_plus_eps, "epsilon-outside-root"),
        (step_half_repaired, "counts-for-the-mode"),
        (step_uses_what_it_stores, "nan"),
    ],
    "rescale": [
        (rescale_exchanged, "order"),
        (lambda grad, lr, c: {"grad": grad / c, "turn": c, "lr": lr}, "learning-rate-unchanged"),
    ],
    "noise_experiment": [
        (experiment_before_the_division, None),
        (experiment_unit_by_unit, "spread-of-each-unit"),
        (experiment_of_squares, "root-mean-square-for-mean"),
        (experiment_ignoring_nan, "nan-counts-as-learned"),
        (experiment_words, None),
        (experiment_of_the_last(5), "other-losses-than-the-last-ten"),
        (experiment_of_the_last(9), "other-losses-than-the-last-ten"),
        (experiment_of_the_last(11), "other-losses-than-the-last-ten"),
    ],
}
