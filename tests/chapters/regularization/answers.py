"""Chapter 5: unusual answers that are right, and wrong ones beside those that the exercises know."""

import math

import numpy as np

# --- Right, but not as we wrote it ----------------------------------------------------------------


def dropout_binomial(h, p, train, rng):
    return h * rng.binomial(1, 1 - p, np.shape(h)) / (1 - p) if train else h


def dropout_where(h, p, train, rng):
    if train:
        return np.where(rng.random(h.shape, dtype=np.float32) < p, 0.0, h / (1 - p))
    return np.array(h)


def dropout_row_by_row(h, p, train, rng):
    if not train:
        return h
    rows = []
    for row in h:
        rows.append([value / (1 - p) if rng.uniform() < 1 - p else 0.0 for value in row])
    return rows


def dropout_choice(h, p, train, rng):
    factor = rng.choice([0, 1 / (1 - p)], size=h.shape, p=[p, 1 - p]) if train else 1
    return h * factor


def backward_where(grad, mask, p):
    return np.where(mask.astype(bool), grad / (1 - p), 0)


def backward_float32(grad, mask, p):
    return grad.astype(np.float32) * (mask.astype(np.float32) / np.float32(1 - p))


def sgd_penalty(w, grads, lr, weight_decay):
    w = w.copy()
    for grad in grads:
        w -= lr * (grad + weight_decay * w)
    return w


def sgd_closed_form(w, grads, lr, weight_decay):
    keep = 1 - lr * weight_decay
    powers = keep ** np.arange(len(grads))[::-1]
    return keep ** len(grads) * w - lr * np.tensordot(powers, np.array(grads), 1)


def sgd_lists(w, grads, lr, weight_decay):
    w = [float(value) for value in w]
    for grad in grads:
        w = [value * (1 - lr * weight_decay) - lr * float(g) for value, g in zip(w, grad, strict=True)]
    return w


def adamw_pytorch_order(w, g, m, v, t, lr, beta1, beta2, eps, weight_decay):
    w = w * (1 - lr * weight_decay)
    m = m + (g - m) * (1 - beta1)
    v = v * beta2 + g * g * (1 - beta2)
    step_size = lr / (1 - beta1**t)
    denominator = np.sqrt(v) / math.sqrt(1 - beta2**t) + eps
    return {"w": w - step_size * (m / denominator), "m": m, "v": v}


def adamw_float32(w, g, m, v, t, lr, beta1, beta2, eps, weight_decay):
    w, g, m, v = (a.astype(np.float32) for a in (w, g, m, v))
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
    move = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return {"m": m, "v": v, "w": w - lr * (move + weight_decay * w)}


def groups_by_shape(params, lr, weight_decay):
    out = {}
    for name in sorted(params):
        value = np.array(params[name])
        if len(value.shape) == 2:
            value -= lr * weight_decay * value
        out[name] = value
    return out


def clip_concatenated(grads, max_norm):
    norm = float(np.linalg.norm(np.concatenate([g.ravel() for g in grads])))
    return {"grads": [g * (max_norm / norm) if norm > max_norm else g for g in grads], "norm": norm}


def clip_as_pytorch(grads, max_norm):
    norm = np.linalg.norm([np.linalg.norm(g) for g in grads])
    factor = min(1.0, max_norm / (norm + 1e-6))
    return {"grads": tuple(np.float32(factor) * g.astype(np.float32) for g in grads), "norm": norm}


def shift_by_cases(mean, var, w, p):
    keep = 1 - p
    # Given the mask: Var = E[Var | m] + Var(E | m).
    stored = [
        sum(w[i, j] ** 2 * (var[i] / keep + mean[i] ** 2 * p / keep) for i in range(len(var)))
        for j in range(w.shape[1])
    ]
    met = [sum(w[i, j] ** 2 * var[i] for i in range(len(var))) for j in range(w.shape[1])]
    return {"stored": stored, "eval": [a / b for a, b in zip(met, stored, strict=True)]}


def shift_einsum(mean, var, w, p):
    stored = np.einsum("i,ij,ij->j", (var + p * mean**2) / (1 - p), w, w)
    return {"eval": np.einsum("i,ij->j", var, w**2) / stored, "stored": stored}


CORRECT = {
    "dropout": [dropout_binomial, dropout_where, dropout_row_by_row, dropout_choice],
    "dropout_backward": [backward_where, backward_float32],
    "sgd_with_decay": [sgd_penalty, sgd_closed_form, sgd_lists],
    "adamw_step": [adamw_pytorch_order, adamw_float32],
    "decay_step": [groups_by_shape],
    "clip_gradients": [clip_concatenated, clip_as_pytorch],
    "variance_shift": [shift_by_cases, shift_einsum],
}

# --- Wrong ----------------------------------------------------------------------------------------


def dropout_in_place(h, p, train, rng):
    if train:
        h *= (rng.random(h.shape) >= p) / (1 - p)
    return h


def dropout_nothing(h, p, train, rng):
    return h


def sgd_in_place(w, grads, lr, weight_decay):
    for grad in grads:
        w -= lr * (grad + weight_decay * w)
    return w


def dropout_same_number(h, p, train, rng):
    if not train:
        return h
    keep = np.ones(h.size)
    keep[rng.choice(h.size, round(p * h.size), replace=False)] = 0
    return h * keep.reshape(h.shape) / (1 - p)


def dropout_one_row(h, p, train, rng):
    return h * np.tile(rng.random(h.shape[1]) > p, (len(h), 1)) / (1 - p) if train else h


def shift_simulated(mean, var, w, p):
    rng = np.random.default_rng(3)
    x = mean + np.sqrt(var) * rng.standard_normal((100_000, len(mean)))
    stored = np.var((x * (rng.random(x.shape) >= p) / (1 - p)) @ w, axis=0)
    return {"stored": stored, "eval": np.var(x @ w, axis=0) / stored}


def adamw_weights_only(w, g, m, v, t, lr, beta1, beta2, eps, weight_decay):
    return w


def clip_list_only(grads, max_norm):
    return clip_concatenated(grads, max_norm)["grads"]


def clip_half(grads, max_norm):
    return {"grads": [g / 2 for g in grads], "norm": max_norm}


def shift_of_one(mean, var, w, p):
    return {"stored": (var + p * mean**2) / (1 - p), "eval": 1 - p}


WRONG = {
    "dropout": [
        (dropout_same_number, None),
        (dropout_one_row, "one-mask-for-all-rows"),
        (dropout_in_place, "mutated"),
        (dropout_nothing, None),
    ],
    "dropout_backward": [(lambda grad, mask, p: grad @ mask, "error")],
    "sgd_with_decay": [(sgd_in_place, "mutated"), (lambda w, grads, lr, lam: w / 2, None)],
    "adamw_step": [(adamw_weights_only, "form")],
    "decay_step": [(lambda params, lr, lam: list(params), "form")],
    "clip_gradients": [(clip_list_only, "form"), (clip_half, None)],
    "variance_shift": [(shift_of_one, "shape")],
}
