"""Chapter 5: unusual answers that are right, and wrong ones beside those that the exercises know."""

import math
from itertools import product

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


def dropout_by_clocks(h, p, train, rng):
    if not train:
        return np.asarray(h)
    keep = rng.exponential(size=h.shape) < -math.log(p)
    return np.divide(h * keep, 1 - p)


def backward_lists(grad, mask, p):
    return [
        [g / (1 - p) if k else 0.0 for g, k in zip(r, s, strict=False)]
        for r, s in zip(grad.tolist(), mask.tolist(), strict=False)
    ]


def sgd_as_a_matrix(w, grads, lr, weight_decay):
    z = np.append(w, 1.0)
    n = len(w)
    for g in grads:
        A = np.eye(n + 1)
        A[:n, :n] *= 1 - lr * weight_decay
        A[:n, n] = -lr * np.asarray(g)
        z = A @ z
    return z[:-1]


def adamw_lists(w, g, m, v, t, lr, beta1, beta2, eps, weight_decay):
    W, M, V = [], [], []
    for a, b, c, d in zip(w, g, m, v, strict=False):
        c = c * beta1 + b * (1 - beta1)
        d = d * beta2 + b * b * (1 - beta2)
        W.append(
            a * (1 - lr * weight_decay) - lr * (c / (1 - beta1**t)) / (math.sqrt(d / (1 - beta2**t)) + eps)
        )
        M.append(c)
        V.append(d)
    return {"w": W, "m": M, "v": V}


def groups_in_lists(params, lr, weight_decay):
    out = dict(params)
    for k, v in params.items():
        if np.size(v[0]) > 1 or v.ndim == 2:
            out[k] = [[x * (1 - lr * weight_decay) for x in row] for row in v]
    return out


def clip_hypot(grads, max_norm):
    n = np.hypot.reduce(np.concatenate([np.ravel(g) for g in grads]))
    return {"norm": n, "grads": [np.true_divide(g, np.maximum(1.0, n / max_norm)) for g in grads]}


def shift_over_all_masks(mean, var, w, p):
    n = len(mean)
    q = 1 - p
    e1 = np.zeros(w.shape[1])
    e2 = np.zeros(w.shape[1])
    for mask in product((0, 1), repeat=n):
        k = np.array(mask) / q
        pr = np.prod([q if b else p for b in mask])
        mu = k * mean @ w
        e1 += pr * mu
        e2 += pr * (mu**2 + k**2 * var @ w**2)
    s = e2 - e1**2
    return {"stored": s, "eval": (np.diag(var) @ w**2).sum(0) / s}


CORRECT = {
    "dropout": [dropout_by_clocks, dropout_binomial, dropout_where, dropout_row_by_row, dropout_choice],
    "dropout_backward": [backward_lists, backward_where, backward_float32],
    "sgd_with_decay": [sgd_as_a_matrix, sgd_penalty, sgd_closed_form, sgd_lists],
    "adamw_step": [adamw_lists, adamw_pytorch_order, adamw_float32],
    "decay_step": [groups_in_lists, groups_by_shape],
    "clip_gradients": [clip_hypot, clip_concatenated, clip_as_pytorch],
    "variance_shift": [shift_over_all_masks, shift_by_cases, shift_einsum],
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


def dropout_to_the_mean(h, p, train, rng):
    return np.where(rng.random(h.shape) < p, h.mean(), h / (1 - p)) if train else h


def dropout_in_pairs(h, p, train, rng):
    if not train:
        return h
    m = rng.random((len(h), (h.shape[1] + 1) // 2)) >= p
    m = np.repeat(m, 2, axis=1)[:, : h.shape[1]]
    return h * m / (1 - p)


def dropout_of_the_smallest(h, p, train, rng):
    if not train:
        return h
    t = np.quantile(np.abs(h), p)
    return np.where(np.abs(h) > t, h, 0) / (1 - p)


def dropout_observed(h, p, train, rng):
    if not train:
        return h
    m = rng.random(h.shape) >= p
    return h * m / m.mean()


def backward_in_place(grad, mask, p):
    grad[mask == 0] = 0
    return grad / (1 - p)


def sgd_exchanged(w, grads, weight_decay, lr):
    for g in grads:
        w = w - lr * (g + weight_decay * w)
    return w


def adamw_moments_exchanged(w, g, v, m, t, lr, beta1, beta2, eps, weight_decay):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    mh, vh = m / (1 - beta1**t), v / (1 - beta2**t)
    return {"w": w - lr * (mh / (np.sqrt(vh) + eps) + weight_decay * w), "m": m, "v": v}


def adamw_settings_exchanged(w, g, m, v, t, lr, beta1, beta2, weight_decay, eps):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    mh, vh = m / (1 - beta1**t), v / (1 - beta2**t)
    return {"w": w - lr * (mh / (np.sqrt(vh) + eps) + weight_decay * w), "m": m, "v": v}


def adamw_shares_exchanged(w, g, m, v, t, lr, beta1, beta2, eps, weight_decay):
    m = (1 - beta1) * m + beta1 * g
    v = (1 - beta2) * v + beta2 * g * g
    mh, vh = m / (1 - beta1**t), v / (1 - beta2**t)
    return {"w": w - lr * (mh / (np.sqrt(vh) + eps) + weight_decay * w), "m": m, "v": v}


def adamw_belief(w, g, m, v, t, lr, beta1, beta2, eps, weight_decay):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * (g - m) ** 2
    mh, vh = m / (1 - beta1**t), v / (1 - beta2**t)
    return {"w": w - lr * (mh / (np.sqrt(vh) + eps) + weight_decay * w), "m": m, "v": v}


def adamw_uphill(w, g, m, v, t, lr, beta1, beta2, eps, weight_decay):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    mh, vh = m / (1 - beta1**t), v / (1 - beta2**t)
    return {"w": w + lr * (mh / (np.sqrt(vh) + eps)) - lr * weight_decay * w, "m": m, "v": v}


def groups_of_squares(params, lr, weight_decay):
    square = {name for name, p in params.items() if p.ndim == 2 and p.shape[0] == p.shape[1]}
    return {name: p * (1 - lr * weight_decay) if name in square else p for name, p in params.items()}


def groups_by_size(params, lr, weight_decay):
    return {
        k: v * (1 - lr * weight_decay) if k.endswith("weight") and v.size > 4 else v
        for k, v in params.items()
    }


def clip_overwritten(grads, max_norm):
    for g in grads:
        n = np.sqrt((g * g).sum())
    f = min(1, max_norm / n)
    return {"grads": [g * f for g in grads], "norm": n}


def clip_twice(grads, max_norm):
    n = np.sqrt(sum((g * g).sum() for g in grads))
    f = max_norm / n if n > max_norm else 1
    return {"grads": [g * f**2 for g in grads], "norm": n}


def clip_short_ones(grads, max_norm):
    n = np.sqrt(sum((g * g).sum() for g in grads))
    if n < max_norm:
        grads = [g * max_norm / n for g in grads]
    return {"grads": grads, "norm": n}


def shift_exchanged(var, mean, w, p):
    s = (var + p * mean**2) / (1 - p) @ w**2
    return {"stored": s, "eval": var @ w**2 / s}


def shift_mean_not_divided(mean, var, w, p):
    s = (var / (1 - p) + p * mean**2) @ w**2
    return {"stored": s, "eval": var @ w**2 / s}


def shift_squared_late(mean, var, w, p):
    d = (var + p * mean**2) / (1 - p)
    s = d.sum() * w.sum(0) ** 2
    return {"stored": s, "eval": var.sum() * w.sum(0) ** 2 / s}


def groups_unless(named):
    """Decays what is called "weight", but for the keys that are taken for the norm's."""
    return lambda params, lr, weight_decay: {
        key: a if "weight" not in key or named(key) else (1 - lr * weight_decay) * a
        for key, a in params.items()
    }


def groups_squeezed(params, lr, weight_decay):
    return {key: a * (1 - lr * weight_decay * (np.squeeze(a).ndim > 1)) for key, a in params.items()}


def groups_first_and_last(params, lr, weight_decay):
    names = list(params)
    return {key: a * (1 - lr * weight_decay * (key in (names[0], names[-2]))) for key, a in params.items()}


def dropout_by_tenths(h, p, train, rng):
    return h * (rng.integers(0, 10, h.shape) >= int(p * 10)) / (1 - p) if train else h


def backward_into_the_mask(grad, mask, p):
    out = np.zeros_like(mask)
    out[mask > 0] = grad[mask > 0] / (1 - p)
    return out


WRONG = {
    "dropout": [
        (dropout_by_tenths, "tenths-for-p"),
        (dropout_in_pairs, "no two columns are dropped alike"),
        (dropout_of_the_smallest, "seed-inside"),
        (dropout_observed, "divides-by-the-observed-share"),
        (dropout_same_number, "exact-number"),
        (dropout_one_row, "one-mask-for-all-rows"),
        (dropout_in_place, "mutated"),
        (dropout_nothing, "drops-nothing"),
        (dropout_to_the_mean, "some entries are 0"),
    ],
    "dropout_backward": [
        (backward_into_the_mask, None),
        (lambda grad, mask, p: np.where(mask == 0, 0, np.abs(grad)) / (1 - p), None),
        (backward_in_place, "mutated"),
        (lambda grad, mask, p: grad @ mask, "error"),
    ],
    "sgd_with_decay": [
        (sgd_exchanged, "order"),
        (sgd_in_place, "mutated"),
        (lambda w, grads, lr, lam: w / 2, None),
    ],
    "adamw_step": [
        (adamw_moments_exchanged, "order"),
        (adamw_settings_exchanged, "order"),
        (adamw_shares_exchanged, "shares-exchanged"),
        (adamw_belief, "another-optimizer"),
        (adamw_uphill, "adds-the-step"),
        (adamw_weights_only, "form"),
    ],
    "decay_step": [
        (groups_unless(lambda key: "1" in key), "names-with-a-1"),
        (groups_unless(lambda key: key[0] == "1"), "names-with-a-1"),
        (groups_squeezed, "single-column-for-a-vector"),
        (groups_first_and_last, "first-and-last-matrix-alone"),
        (groups_of_squares, None),
        (groups_by_size, None),
        (lambda params, lr, lam: list(params), "form"),
    ],
    "clip_gradients": [
        (clip_overwritten, "last-array-alone"),
        (clip_twice, "factor-squared"),
        (clip_short_ones, "comparison-upside-down"),
        (clip_list_only, "form"),
        (clip_half, None),
    ],
    "variance_shift": [
        (shift_exchanged, "order"),
        (shift_mean_not_divided, "mean-not-divided"),
        (shift_squared_late, "square-of-the-sum"),
        (shift_of_one, "shape"),
    ],
}
