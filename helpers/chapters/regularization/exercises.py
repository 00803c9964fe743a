"""Chapter 5: dropout, decay and clipping, each with the slip that it is known for."""

import numpy as np

from helpers.checking.exercise import Check, Personal, Property
from helpers.checking.values import Rng

# --- Inputs that several exercises draw ---------------------------------------------------------------


def seed(rng):
    return Rng(int(rng.integers(2**31)))


def drop_probabilities(rng):
    """Two, a small and a large one: what is right for one by chance is wrong for the other.

    Never near ½, where keeping and dropping could not be told apart.
    """
    # No tenths, for whoever draws whole numbers below 10.
    tenths, more = rng.permutation([rng.choice([0.1, 0.2]), 0.7]), rng.choice([0.04, 0.05, 0.06], 2)
    return (tenths + more).round(2).tolist()


def drop_probability(rng):
    return drop_probabilities(rng)[0]


def activations(rng, batch, n):
    """Numbers well away from 0, of both signs."""
    return (rng.uniform(0.5, 2, (batch, n)) * rng.choice([-1, 1], (batch, n))).round(2)


# --- 5.1 Dropout, forward -----------------------------------------------------------------------------


def dropout(h, p, train, rng):
    """Inverted dropout; p is the probability to drop."""
    if not train:
        return h
    mask = rng.random(h.shape) >= p  # one draw for every entry
    return h * mask / (1 - p)


def masked(keep=lambda p: 1 - p, factor=lambda p: 1 / (1 - p), shape=lambda h: h.shape, in_eval=None):
    """The functions that keep with another probability, or another factor, or draw fewer numbers.

    Two, as some keep where a random number is small, and others where it is large.
    """

    def dropping(kept):
        def drop(h, p, train, rng):
            if not train:
                return h * (1.0 if in_eval is None else in_eval(p))
            return h * kept(rng.random(shape(h)), keep(p)) * factor(p)

        return drop

    return dropping(lambda u, chance: u < chance), dropping(lambda u, chance: u >= 1 - chance)


def active_in_eval(h, p, train, rng):
    return dropout(h, p, True, rng)


def exact_number(h, p, train, rng):
    """Drops the same number in each row."""
    if not train:
        return h
    ranks = rng.random(h.shape).argsort(axis=1).argsort(axis=1)
    return h * (ranks >= round(h.shape[1] * p)) / (1 - p)


def exact_number_in_all(h, p, train, rng):
    """Drops the same number at every call."""
    return h * (rng.permutation(h.size) >= round(h.size * p)).reshape(h.shape) / (1 - p) if train else h


def observed_share(h, p, train, rng):
    mask = rng.random(h.shape) >= p
    return h * mask / max(mask.mean(), 1 / h.size) if train else h


def by_draws(factors):
    """The function that multiplies by factors(p, rng, shape) in training."""
    return lambda h, p, train, rng: h * factors(p, rng, h.shape) if train else h


def own_seed(h, p, train, rng):
    return dropout(h, p, train, np.random.default_rng(1))


def what_stays(f, h, p, train, rng):
    """The smallest and the largest factor among the entries that were not dropped."""
    ratios = np.asarray(f(h, p, train, rng)) / h
    left = ratios[ratios != 0]
    return [left.min(), left.max()] if left.size else [0.0, 0.0]


def share_dropped(f, h, p, train, rng):
    return np.mean(np.asarray(f(h, p, train, rng)) == 0)


def draws_for_itself(f, h, p, train, rng):
    out = np.asarray(f(h, p, train, rng)) == 0
    other = np.asarray(f(h, p, train, Rng(rng.seed + 1))) == 0
    later = np.asarray(f(h, p, train, Rng(rng.seed, drawn=h.size))) == 0
    more = [np.asarray(f(h, p, train, Rng(rng.seed + i))) == 0 for i in (2, 3, 4)]
    return {
        "some entries are 0, and some are not": bool(0 < out.sum() < out.size),
        "no two rows are dropped alike": len(np.unique(out, axis=0)) == len(out),
        "no two columns are dropped alike": len(np.unique(out, axis=1).T) == len(out.T),
        "the number dropped differs from row to row": len(set(out.sum(axis=1))) > 1,
        "the number dropped differs from call to call": len({int(one.sum()) for one in (out, other, *more)})
        > 1,
        "another generator drops others": bool(np.any(out != other)),
        "a second call drops others": bool(np.any(out != later)),
    }


def for_dropout(batch, n, train):
    """Two batches, (batch, n) and one unit wider, for a property's cases."""
    return lambda rng: [
        (activations(rng, batch, width), p, train, seed(rng))
        for width, p in zip((n, n + 1), drop_probabilities(rng), strict=True)
    ]


DROPOUT_FORWARD = Check(
    dropout,
    properties=[
        Property("eval", 4, for_dropout(3, 4, False)),
        Property("factor", 4, for_dropout(40, 20, True), what_stays),
        Property(
            "share",
            4,
            for_dropout(250, 250, True),
            share_dropped,
            expected=lambda h, p, train, rng: p,
            rtol=0.05,
        ),
        Property("entries", 3, for_dropout(90, 80, True), draws_for_itself),
    ],
    mistakes={
        "keep-for-drop": masked(lambda p: p, lambda p: 1 / p),
        "mask-upside-down": masked(lambda p: p),
        "forgets-rescaling": masked(factor=lambda p: 1.0),
        "rescales-in-eval": masked(factor=lambda p: 1.0, in_eval=lambda p: 1 - p),
        "divides-by-p": masked(factor=lambda p: 1 / p),
        "one-mask-for-all-rows": masked(shape=lambda h: (1, h.shape[1])),
        "drops-whole-rows": masked(shape=lambda h: (h.shape[0], 1)),
        "drops-in-eval": active_in_eval,
        "exact-number": (exact_number, exact_number_in_all),
        "randn-for-rand": (
            by_draws(lambda p, rng, shape: (rng.standard_normal(shape) < 1 - p) / (1 - p)),
            by_draws(lambda p, rng, shape: (rng.standard_normal(shape) > p) / (1 - p)),
        ),
        "noise-for-mask": by_draws(lambda p, rng, shape: rng.normal(1, np.sqrt(p / (1 - p)), shape)),
        "multiplies-for-divides": masked(factor=lambda p: 1 - p),
        "half-for-p": (
            by_draws(lambda p, rng, shape: rng.integers(0, 2, shape) / (1 - p)),
            *masked(keep=lambda p: 0.5),
        ),
        "seed-inside": own_seed,
        "divides-by-the-observed-share": observed_share,
        "keeps-second-moment": masked(factor=lambda p: (1 - p) ** -0.5),
        "tenths-for-p": (
            *masked(keep=lambda p: 1 - int(10 * p) / 10),
            *masked(keep=lambda p: 1 - round(p, 1), factor=lambda p: 1 / (1 - round(p, 1))),
            *masked(keep=lambda p: 1 - round(p, 1)),
        ),
        "one-plus-p": masked(factor=lambda p: 1 + p),
        "scales-up-in-eval": masked(in_eval=lambda p: 1 / (1 - p)),
        "drops-nothing": lambda h, p, train, rng: h,
    },
)


# --- 5.2 Dropout, backward ----------------------------------------------------------------------------


def dropout_backward(grad, mask, p):
    """∂L/∂h from ∂L/∂output, with the mask of the forward pass."""
    # The output is h · mask / (1 − p): so is its derivative, without the h.
    return grad * mask / (1 - p)


def new_mask(grad, mask, p):
    return grad * (np.random.default_rng(0).random(grad.shape) >= p) / (1 - p)


def factors(f, grad, mask, p):
    """By what a gradient is multiplied where it passes, at least and at most."""
    passed = np.asarray(f(grad, mask, p))[mask > 0] / grad[mask > 0]
    return [passed.min(), passed.max()]


def which_pass(f, grad, mask, p):
    out = np.asarray(f(grad, mask, p))
    passed = out != 0
    return {
        "a dropped unit gets a gradient": bool(np.any(passed & (mask == 0))),
        "a kept unit gets none": bool(np.any(~passed & (mask == 1))),
        "a gradient changes its sign": bool(np.any(out * grad < 0)),
    }


def gradient_and_mask(rng):
    p = drop_probability(rng)
    grad = activations(rng, int(rng.integers(8, 12)), int(rng.integers(13, 17)))
    mask = (rng.random(grad.shape) >= p).astype(float)
    mask[0, :2] = 0, 1
    return grad, mask, p


def three_masks(rng):
    """One of them of whole numbers, as 0 and 1 may well be; and one that happens to drop nothing."""
    cases = [gradient_and_mask(rng) for _ in range(3)]
    grad, mask, p = cases[2]
    return [*cases[:2], (grad, mask.astype(int), p), (grad[:2, :3], np.ones((2, 3)), p)]


DROPOUT_BACKWARD = Check(
    dropout_backward,
    properties=[
        Property("factor", 4, three_masks, factors),
        Property("mask", 6, three_masks, which_pass),
    ],
    mistakes={
        "new-mask-backward": new_mask,
        "dropout-forward-only": lambda grad, mask, p: grad,
        "forgets-factor-backward": lambda grad, mask, p: grad * mask,
        "mask-upside-down": lambda grad, mask, p: grad * (1 - mask) / (1 - p),
        "factor-twice": lambda grad, mask, p: grad * mask / (1 - p) ** 2,
        "mask-for-gradient": lambda grad, mask, p: mask / (1 - p),
        "undoes-the-factor": lambda grad, mask, p: grad * mask * (1 - p),
        "divides-by-p": lambda grad, mask, p: grad * mask / p,
        "divides-by-the-observed-share": lambda grad, mask, p: grad * mask / mask.mean(),
        "forgets-mask-backward": lambda grad, mask, p: grad / (1 - p),
        "subtracts-what-passes": lambda grad, mask, p: grad - grad * mask / (1 - p),
        "divides-by-the-batch": lambda grad, mask, p: grad * mask / (1 - p) / len(grad),
        "factor-only-where-some-are-dropped": lambda grad, mask, p: (
            grad if np.all(mask) else grad * mask / (1 - p)
        ),
    },
)


# --- 5.3 For SGD, L2 is decay -------------------------------------------------------------------------


def sgd_with_decay(w, grads, lr, weight_decay):
    """The weights after one step of SGD with decay for each gradient."""
    for grad in grads:
        # − lr · (grad + λ w), with the brackets moved:
        w = (1 - lr * weight_decay) * w - lr * grad
    return w


def steps_of_sgd(step):
    """The function that makes this step for each gradient."""

    def train(w, grads, lr, weight_decay):
        for grad in grads:
            w = step(w, grad, lr, weight_decay)
        return w

    return train


def decays_once(w, grads, lr, weight_decay):
    return (1 - lr * weight_decay) * w - lr * np.sum(grads, axis=0)


def sgd_case(rng, steps):
    n = int(rng.integers(3, 6))
    w, grads = rng.normal(0, 2, n).round(2), rng.normal(0, 1, (steps, n)).round(2)
    return w, list(grads), round(rng.uniform(0.2, 0.4), 2), round(rng.uniform(0.3, 0.6), 2)


SGD_DECAY = Check(
    sgd_with_decay,
    properties=[
        Property("one-step", 4, lambda rng: [sgd_case(rng, 1) for _ in range(2)]),
        Property("many-steps", 6, lambda rng: [sgd_case(rng, steps) for steps in (2, 5, 20)]),
    ],
    mistakes={
        "decay-without-learning-rate": steps_of_sgd(lambda w, g, lr, lam: (1 - lam) * w - lr * g),
        "half-too-much": steps_of_sgd(lambda w, g, lr, lam: (1 - lr * lam / 2) * w - lr * g),
        "first-weights-decay": lambda w, grads, lr, weight_decay: (
            (1 - len(grads) * lr * weight_decay) * w - lr * np.sum(grads, axis=0)
        ),
        "forgets-the-half": steps_of_sgd(lambda w, g, lr, lam: (1 - 2 * lr * lam) * w - lr * g),
        "decays-the-new-weights": steps_of_sgd(lambda w, g, lr, lam: (1 - lr * lam) * (w - lr * g)),
        "grows-instead-of-shrinks": steps_of_sgd(lambda w, g, lr, lam: (1 + lr * lam) * w - lr * g),
        "decays-once": decays_once,
        "first-gradient-only": lambda w, grads, *settings: sgd_with_decay(w, grads[:1], *settings),
        "climbs-instead-of-descends": steps_of_sgd(lambda w, g, lr, lam: w + lr * (g + lam * w)),
        "forgets-decay": steps_of_sgd(lambda w, g, lr, lam: w - lr * g),
        "decay-over-the-count": steps_of_sgd(lambda w, g, lr, lam: w - lr * (g + lam / len(w) * w)),
        "one-norm-for-two-norm": steps_of_sgd(lambda w, g, lr, lam: w - lr * (g + lam * np.sign(w))),
        "another-shrink-factor": tuple(
            map(
                steps_of_sgd,
                (
                    lambda w, g, lr, lam: (w - lr * g) / (1 + lr * lam),
                    lambda w, g, lr, lam: w / (1 + lr * lam) - lr * g,
                    lambda w, g, lr, lam: np.exp(-lr * lam) * w - lr * g,
                ),
            )
        ),
        "one-step-of-the-mean": lambda w, grads, *settings: sgd_with_decay(
            w, [np.mean(grads, axis=0)], *settings
        ),
        "gradients-added-up": lambda w, grads, *settings: sgd_with_decay(
            w, np.cumsum(grads, axis=0), *settings
        ),
        "last-gradient-left": lambda w, grads, *settings: sgd_with_decay(w, grads[:-1], *settings),
        "gradients-in-reverse-order": lambda w, grads, *settings: sgd_with_decay(w, grads[::-1], *settings),
        "learning-rate-twice": steps_of_sgd(lambda w, g, lr, lam: w - lr * (g + lr * lam * w)),
        "gradients-do-not-decay": lambda w, grads, lr, weight_decay: (
            (1 - lr * weight_decay) ** len(grads) * w - lr * np.sum(grads, axis=0)
        ),
        "sum-for-each-weight": steps_of_sgd(lambda w, g, lr, lam: w - lr * (g + lam * np.sum(w))),
    },
    personal=Personal(
        lambda f, own: lambda w, grads, *settings: f(w, [g / own for g in grads], *settings),
        given=lambda args, own: (args[0], [own * g for g in args[1]], *args[2:]),
    ),
)


# --- 5.4 AdamW ----------------------------------------------------------------------------------------


def adamw_step(w, g, m, v, t, lr, beta1, beta2, eps, weight_decay):
    """One step of AdamW; t is 1 at the first."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    # Both started at zero: undo that.
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    # The decay takes its share of the old weights, beside Adam's step.
    w = w - lr * weight_decay * w - lr * m_hat / (np.sqrt(v_hat) + eps)
    return {"w": w, "m": m, "v": v}


def adam_like(
    in_moments=0.0,
    decoupled=1.0,
    later=0,
    correct=True,
    root=lambda v, eps: np.sqrt(v) + eps,
    second=lambda v, g, m, mix: mix(v, g**2),
    decay_rate=lambda lr: lr,
    swap=False,
    after=False,
    kept=lambda beta: beta,
    sign=1,
):
    """The function with one of AdamW's parts exchanged."""

    def step(w, g, m, v, t, lr, beta1, beta2, eps, weight_decay):
        if swap:
            beta1, beta2 = beta2, beta1
        g = g + in_moments * weight_decay * w
        m = kept(beta1) * m + (1 - kept(beta1)) * g
        v = second(v, g, m, lambda v, new: kept(beta2) * v + (1 - kept(beta2)) * new)
        m_hat = m / (1 - beta1 ** (t + later)) if correct else m
        v_hat = v / (1 - beta2 ** (t + later)) if correct else v
        move = sign * lr * m_hat / root(v_hat, eps)
        shrinks = w - move if after else w
        return {"w": w - move - decoupled * decay_rate(lr) * weight_decay * shrinks, "m": m, "v": v}

    return step


def corrected(
    shares=lambda beta1, beta2, t: (1 - beta1**t, 1 - beta2**t),
    old=(),
    into_rate=False,
    twice=False,
    keeps=False,
):
    """The function with another correction: by other shares, of the `old` moments (0: m, 1: v), put into the
    rate (or there as well), or stored with the moments."""

    def step(w, g, m, v, t, lr, beta1, beta2, eps, weight_decay):
        before = m, v
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
        share1, share2 = shares(beta1, beta2, t)
        m_hat, v_hat = (before[i] if i in old else new for i, new in enumerate((m, v)))
        if not into_rate:
            m_hat, v_hat = m_hat / share1, v_hat / share2
        rate = lr * np.sqrt(share2) / share1 if into_rate or twice else lr
        w = w - lr * weight_decay * w - rate * m_hat / (np.sqrt(v_hat) + eps)
        return {"w": w, "m": m_hat if keeps else m, "v": v_hat if keeps else v}

    return step


def decay_divided(w, g, m, v, t, lr, beta1, beta2, eps, weight_decay):
    right = adamw_step(w, g, m, v, t, lr, beta1, beta2, eps, 0.0)
    return right | {"w": right["w"] - lr * weight_decay * w / (np.sqrt(right["v"] / (1 - beta2**t)) + eps)}


def betas_written_in(w, g, m, v, t, lr, beta1, beta2, eps, weight_decay):
    return adamw_step(w, g, m, v, t, lr, 0.9, 0.999, eps, weight_decay)


def whole_weight(first=False, second=False):
    """The function that adds g, or g², to a moment without the share 1 − β."""

    def step(w, g, m, v, t, lr, beta1, beta2, eps, weight_decay):
        m = beta1 * m + (1 if first else 1 - beta1) * g
        v = beta2 * v + (1 if second else 1 - beta2) * g**2
        move = lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
        return {"w": (1 - lr * weight_decay) * w - move, "m": m, "v": v}

    return step


def adam_case(rng, t, decay=True):
    """A state in which m and v are what gradients of this size leave after t − 1 steps."""
    n = int(rng.integers(3, 6))
    beta1, beta2 = round(rng.uniform(0.7, 0.9), 2), round(rng.uniform(0.93, 0.99), 3)
    size = 10.0 ** rng.uniform(-1.5, 0.5, n)
    m, v = np.zeros(n), np.zeros(n)
    for _ in range(t - 1):
        g = rng.normal(size=n) * size
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
    g, w = rng.normal(size=n) * size, rng.normal(0, 2, n).round(2)
    lr, eps = round(rng.uniform(0.1, 0.3), 2), round(rng.uniform(0.01, 0.03), 3)
    return w, g, m, v, t, lr, beta1, beta2, eps, round(rng.uniform(0.3, 0.6), 2) if decay else 0.0


def several_steps(f, w, g, m, v, t, *settings):
    """The weights after five steps with changing gradients, one of them 0, from m = v = 0."""
    state = {"w": w, "m": np.zeros_like(w), "v": np.zeros_like(w)}
    for i in range(5):
        state = f(state["w"], g * (1 - 0.5 * i), state["m"], state["v"], i + 1, *settings)
    return state["w"]


ADAMW = Check(
    adamw_step,
    properties=[
        Property("m", 3, lambda rng: [adam_case(rng, t) for t in (1, 6)], part="m"),
        Property("v", 3, lambda rng: [adam_case(rng, t) for t in (1, 6)], part="v"),
        Property("no-decay", 6, lambda rng: [adam_case(rng, t, decay=False) for t in (1, 2, 7)], part="w"),
        Property("decay", 6, lambda rng: [adam_case(rng, t) for t in (1, 2, 7)], part="w"),
        Property("five-steps", 7, lambda rng: [adam_case(rng, 1) for _ in range(2)], several_steps),
    ],
    mistakes={
        "decay-in-the-moments": adam_like(in_moments=1.0, decoupled=0.0),
        "decays-twice": adam_like(in_moments=1.0),
        "no-bias-correction": adam_like(correct=False),
        "time-off-by-one": (
            adam_like(later=1),
            adam_like(later=-1),
            lambda w, g, m, v, t, *settings: adamw_step(w, g, m, v, max(t - 1, 1), *settings),
        ),
        "one-correction": (
            corrected(lambda b1, b2, t: (1 - b1**t, 1)),
            corrected(lambda b1, b2, t: (1, 1 - b2**t)),
        ),
        "forgets-square": tuple(
            adam_like(second=lambda v, g, m, mix, size=size: mix(v, size(g))) for size in (np.abs, np.asarray)
        ),
        "eps-inside-the-root": (
            adam_like(root=lambda v, eps: np.sqrt(v + eps)),
            adam_like(root=lambda v, eps: np.sqrt(v + eps**2)),
        ),
        "forgets-eps": tuple(adam_like(root=lambda v, eps, own=own: np.sqrt(v) + own) for own in (0, 1e-8)),
        "forgets-root": adam_like(root=lambda v, eps: v + eps),
        "decay-without-learning-rate": adam_like(decay_rate=lambda lr: 1.0),
        "decays-the-new-weights": adam_like(after=True),
        "betas-exchanged": adam_like(swap=True),
        "eps-before-the-correction": corrected(into_rate=True),
        "correction-without-power": corrected(lambda b1, b2, t: (1 - b1, 1 - b2)),
        "corrects-twice": corrected(twice=True),
        "corrects-the-old-moments": (corrected(old=(0, 1)), corrected(old=(0,)), corrected(old=(1,))),
        "stores-the-corrected": corrected(keeps=True),
        "forgets-decay": adam_like(decoupled=0.0),
        "shares-exchanged": adam_like(kept=lambda beta: 1 - beta),
        "adds-the-step": adam_like(sign=-1),
        "another-optimizer": (
            adam_like(second=lambda v, g, m, mix: mix(v, (g - m) ** 2)),  # AdaBelief
            adam_like(second=lambda v, g, m, mix: np.maximum(v, mix(v, g**2))),  # AMSGrad
        ),
        "squares-the-moment": adam_like(second=lambda v, g, m, mix: mix(v, m**2)),
        "correction-with-the-other-beta": (
            corrected(lambda b1, b2, t: (1 - b1**t, 1 - b1**t)),
            corrected(lambda b1, b2, t: (1 - b2**t, 1 - b2**t)),
            corrected(lambda b1, b2, t: (1 - b2**t, 1 - b1**t)),
        ),
        "decay-divided-by-the-root": decay_divided,
        "betas-written-in": (betas_written_in, corrected(lambda b1, b2, t: (1 - 0.9**t, 1 - 0.999**t))),
        "one-v-for-all-weights": tuple(
            adam_like(second=lambda v, g, m, mix, one=one: mix(v, one(g**2))) for one in (np.sum, np.mean)
        ),
        # √v over a share is the root of v over its square.
        "correction-outside-the-root": corrected(lambda b1, b2, t: (1 - b1**t, (1 - b2**t) ** 2)),
        "gradient-with-its-whole-weight": (
            whole_weight(first=True),
            whole_weight(second=True),
            whole_weight(True, True),
        ),
        "power-of-the-difference": corrected(lambda b1, b2, t: ((1 - b1) ** t, (1 - b2) ** t)),
    },
    personal=Personal(
        lambda f, own: lambda w, g, *state: f(w, g / own, *state),
        given=lambda args, own: (args[0], own * args[1], *args[2:]),
    ),
)


# --- 5.5 Decay groups ---------------------------------------------------------------------------------


def decay_step(params, lr, weight_decay):
    """What decay alone does to the parameters of a network in one step."""
    # A weight matrix has two axes or more; biases, γ, β and scales have one.
    return {
        name: (1 - lr * weight_decay) * value if value.ndim >= 2 else value.copy()
        for name, value in params.items()
    }


def decayed(which, factor=lambda lr, lam: 1 - lr * lam):
    """The function that shrinks the parameters for which which(name, value)."""

    def step(params, lr, weight_decay):
        return {
            name: value * (factor(lr, weight_decay) if which(name, value) else 1.0)
            for name, value in params.items()
        }

    return step


def first_and_last(params, lr, weight_decay):
    matrices = [name for name, value in params.items() if value.ndim > 1]
    return decayed(lambda name, value: name in (matrices[0], matrices[-1]))(params, lr, weight_decay)


def parameters(rng, n=None, later=(3,), n_out=None):
    """A small network of n hidden units as PyTorch names it: the γ of its norm is called "weight" too.

    n: by default as many as there are inputs, so that one matrix is square. later: the numbers of the
    linear layers behind the norm. n_out: of outputs, by default another number than of inputs.
    """
    n_in, drawn = (int(k) for k in rng.permutation(np.arange(2, 5))[:2])
    n, n_out = n or n_in, n_out or drawn
    values = rng.normal
    params = {
        "0.weight": values(size=(n_in, n)),
        "0.bias": values(size=n),
        "1.weight": values(1, 0.1, n),
        "1.bias": values(size=n),
    }
    for number in later:
        width = n_out if number == later[-1] else n
        params |= {f"{number}.weight": values(size=(n, width)), f"{number}.bias": values(size=width)}
    params = {name: value.round(2) + 0.005 for name, value in params.items()}
    return params, round(rng.uniform(0.1, 0.4), 2), round(rng.uniform(0.2, 0.6), 2)


def picked(which):
    """The parameters after the step for which which(name, value before)."""

    def some(f, params, *settings):
        after = f(params, *settings)
        return {name: after[name] for name, value in params.items() if which(name, value)}

    return some


def some_networks(rng):
    """The γ of the second has more entries than the matrices of the first; the third is deeper, with a layer
    10; and the fourth has a single output."""
    return [
        parameters(rng),
        parameters(rng, int(rng.integers(13, 17)), later=(int(rng.integers(4, 9)),)),
        parameters(rng, later=(int(rng.integers(3, 9)), 10)),
        parameters(rng, int(rng.integers(13, 17)), n_out=1),
    ]


DECAY_GROUPS = Check(
    decay_step,
    properties=[
        Property("matrices", 4, some_networks, picked(lambda name, value: value.ndim == 2)),
        Property("biases", 3, some_networks, picked(lambda name, value: name.endswith("bias"))),
        Property("gamma", 3, some_networks, picked(lambda name, value: name == "1.weight")),
    ],
    mistakes={
        "decay-everything": decayed(lambda name, value: True),
        "decay-by-name": decayed(lambda name, value: "weight" in name),
        "decays-biases": decayed(lambda name, value: name != "1.weight"),
        "leaves-out-the-norm-alone": decayed(lambda name, value: not name.startswith("1.")),
        "decay-without-learning-rate": decayed(lambda name, value: value.ndim > 1, lambda lr, lam: 1 - lam),
        "decays-the-vectors": decayed(lambda name, value: value.ndim == 1),
        "names-of-one-network": decayed(lambda name, value: name in ("0.weight", "3.weight")),
        "forgets-the-output-layer": decayed(lambda name, value: name == "0.weight"),
        "grows-instead-of-shrinks": decayed(lambda name, value: value.ndim > 1, lambda lr, lam: 1 + lr * lam),
        "same-amount-from-each": lambda params, lr, weight_decay: {
            name: value - lr * weight_decay * (value.ndim > 1) for name, value in params.items()
        },
        "decays-nothing": decayed(lambda name, value: False),
        "names-with-a-1": tuple(
            decayed(lambda name, value, has=has: name.endswith("weight") and not has(name))
            for has in (lambda name: "1" in name, lambda name: name.startswith("1"))
        ),
        "single-column-for-a-vector": decayed(lambda name, value: np.squeeze(value).ndim > 1),
        "first-and-last-matrix-alone": first_and_last,
        "forgets-the-half": decayed(lambda name, value: value.ndim > 1, lambda lr, lam: 1 - 2 * lr * lam),
    },
)


# --- 5.6 Clipping -------------------------------------------------------------------------------------


def clip_gradients(grads, max_norm):
    """The gradients clipped by their global norm, and that norm."""
    norm = np.sqrt(sum(np.sum(g**2) for g in grads))
    factor = min(1, max_norm / norm)  # never above 1: small gradients stay
    return {"grads": [g * factor for g in grads], "norm": norm}


def global_norm(grads):
    return np.sqrt(sum(np.sum(g**2) for g in grads))


def clipped(norm=global_norm, factor=lambda norm, top: min(1, top / norm)):
    """The function with another norm, or another factor."""

    def clip(grads, max_norm):
        return {"grads": [g * factor(norm(grads), max_norm) for g in grads], "norm": norm(grads)}

    return clip


def clipped_apart(factor):
    """The function that multiplies array number i by factor(i, grads, max_norm)."""

    def clip(grads, max_norm):
        shrunk = [g * factor(i, grads, max_norm) for i, g in enumerate(grads)]
        return {"grads": shrunk, "norm": global_norm(grads)}

    return clip


def by_value(grads, max_norm):
    return {"grads": [np.clip(g, -max_norm, max_norm) for g in grads], "norm": global_norm(grads)}


def gradients_of(rng, over, max_norm=None):
    """Gradients of a small network whose global norm is `over` times max_norm, and one of them small."""
    shapes = [(3, 2), (2,), (2, 4), (4,)][: int(rng.integers(2, 5))]
    sizes = 10.0 ** rng.uniform(-1, 1, len(shapes))
    grads = [rng.normal(size=shape) * size for shape, size in zip(shapes, sizes, strict=True)]
    grads[-1] = grads[-1] * 0.05 * global_norm(grads[:-1]) / global_norm(grads[-1:])
    if max_norm:
        grads = [g * over * max_norm / global_norm(grads) for g in grads]
    return grads, float(max_norm or global_norm(grads) / over)


CLIP = Check(
    clip_gradients,
    properties=[
        Property("norm", 4, lambda rng: [gradients_of(rng, over) for over in (3.0, 0.5)], part="norm"),
        Property(
            "large",
            6,
            lambda rng: [
                # A square is less than the number itself, or more: whoever compares it is found out.
                gradients_of(rng, rng.uniform(1.5, 3), max_norm=0.1),
                ([rng.choice([-1.0, 1.0], shape) for shape in ((2, 2), (4,), (1, 4))], rng.uniform(2.2, 3)),
                *(gradients_of(rng, over) for over in (*rng.uniform(1.5, 20, 2), 1.03)),
            ],
            part="grads",
        ),
        Property(
            "small",
            5,
            lambda rng: [
                gradients_of(rng, rng.uniform(0.5, 0.7), max_norm=8.0),
                *(gradients_of(rng, over) for over in (*rng.uniform(0.1, 0.7, 2), 0.97)),
            ],
            part="grads",
        ),
    ],
    mistakes={
        "clip-per-tensor": clipped_apart(lambda i, grads, top: min(1, top / np.linalg.norm(grads[i]))),
        "scales-small-up": clipped(factor=lambda norm, top: top / norm),
        "clip-by-value": (
            by_value,
            lambda grads, max_norm: {
                "grads": [np.minimum(g, max_norm) for g in grads],
                "norm": global_norm(grads),
            },
        ),
        "forgets-root": clipped(norm=lambda grads: sum(np.sum(g**2) for g in grads)),
        "spectral-for-frobenius": clipped(
            norm=lambda grads: np.sqrt(sum(np.linalg.norm(g, ord=2) ** 2 for g in grads))
        ),
        "comparison-upside-down": clipped(factor=lambda norm, top: top / norm if norm < top else 1),
        "clips-nothing": clipped(factor=lambda norm, top: 1),
        "last-array-alone": clipped(norm=lambda grads: np.linalg.norm(grads[-1])),
        "factor-squared": clipped(factor=lambda norm, top: min(1, top / norm) ** 2),
        "sum-for-norm": clipped(norm=lambda grads: sum(np.linalg.norm(g) for g in grads)),
        "largest-for-norm": (
            clipped(norm=lambda grads: max(np.linalg.norm(g) for g in grads)),
            clipped(norm=lambda grads: max(np.max(np.abs(g)) for g in grads)),
        ),
        "one-norm-for-two-norm": (
            clipped(norm=lambda grads: sum(np.sum(np.abs(g)) for g in grads)),
            clipped(norm=lambda grads: np.sqrt(sum(np.sum(np.abs(g)) ** 2 for g in grads))),
        ),
        "mean-for-sum": (
            *(
                clipped(
                    norm=lambda grads, count=count: np.sqrt(sum(np.sum(g**2) for g in grads) / count(grads))
                )
                for count in (lambda grads: sum(g.size for g in grads), len)
            ),
            clipped(norm=lambda grads: np.sqrt(sum(np.mean(g**2) for g in grads))),
        ),
        "norm-after-clipping": lambda grads, max_norm: {
            "grads": clip_gradients(grads, max_norm)["grads"],
            "norm": min(global_norm(grads), max_norm),
        },
        "square-compared": clipped(factor=lambda norm, top: top / norm if norm**2 > top else 1),
        "clips-to-length-1": clipped(factor=lambda norm, top: 1 / norm if norm > top else 1),
        "norm-so-far": clipped_apart(lambda i, grads, top: min(1, top / global_norm(grads[: i + 1]))),
        "long-arrays-alone": clipped_apart(
            lambda i, grads, top: top / global_norm(grads) if np.linalg.norm(grads[i]) > top else 1
        ),
        "square-in-the-factor": (
            clipped(factor=lambda norm, top: min(1, top / norm**2)),
            clipped(factor=lambda norm, top: top / norm**2 if norm > top else 1),
        ),
        "one-long-array-decides": clipped_apart(
            lambda i, grads, top: top / global_norm(grads) if max(map(np.linalg.norm, grads)) > top else 1
        ),
    },
)


# --- 5.7 Dropout before a norm ------------------------------------------------------------------------


def variance_shift(mean, var, w, p):
    """The variance that a norm stores, and that of its output in eval mode."""
    # Dropout keeps the mean of each unit; its second moment grows by 1/(1 − p).
    dropped = (var + mean**2) / (1 - p) - mean**2
    # Independent units: variances add up, each times its squared weight.
    stored, met = dropped @ w**2, var @ w**2
    return {"stored": stored, "eval": met / stored}


def shifting(
    dropped, add=lambda var, w: var @ w**2, out=lambda met, stored: met / stored, met=lambda mean, var, p: var
):
    """The function with another variance after dropout, another sum, ratio, or variance met in eval mode."""

    def shift(mean, var, w, p):
        stored = add(dropped(mean, var, p), w)
        return {"stored": stored, "eval": out(add(met(mean, var, p), w), stored)}

    return shift


def one_coin(mean, var, p):
    """What is stored, and the shift, if a sum with this mean and variance were dropped as a whole."""
    stored = (var + p * mean**2) / (1 - p)
    return {"stored": stored, "eval": var / stored}


def one_unit_for_all(mean, var, w, p):
    stored = np.mean((var + p * mean**2) / (1 - p)) * np.sum(w**2, axis=0)
    return {"stored": stored, "eval": var @ w**2 / stored}


def dropped_variance(mean, var, p):
    return (var + mean**2) / (1 - p) - mean**2


def units(rng, centred=False, p=None):
    n, n_out = int(rng.integers(3, 6)), int(rng.integers(2, 4))
    n_out += n_out == n
    mean = np.zeros(n) if centred else rng.uniform(0.5, 2, n).round(2)
    w = rng.normal(0, 1, (n, n_out)).round(2) + 0.005
    return mean, rng.uniform(0.3, 2, n).round(2), w, p or drop_probability(rng)


def few_stay(rng):
    """So many units are dropped that no affordable simulation meets enough of those that stay."""
    return units(rng, p=round(rng.uniform(0.995, 0.999), 4))


SHIFT = Check(
    variance_shift,
    properties=[
        Property("centred", 4, lambda rng: [units(rng, centred=True) for _ in range(2)], part="stored"),
        Property("mean", 5, lambda rng: [*(units(rng) for _ in range(3)), few_stay(rng)], part="stored"),
        Property(
            "eval",
            6,
            lambda rng: [units(rng, centred=True), units(rng), units(rng), few_stay(rng)],
            part="eval",
        ),
    ],
    mistakes={
        "second-moment-for-variance": shifting(lambda mean, var, p: (var + mean**2) / (1 - p)),
        "forgets-the-mean": shifting(lambda mean, var, p: var / (1 - p)),
        "keep-for-drop": (
            shifting(lambda mean, var, p: (var + mean**2) / p - mean**2),
            shifting(lambda mean, var, p: var / (1 - p) + (1 - p) / p * mean**2),
        ),
        "forgets-rescaling": shifting(lambda mean, var, p: (1 - p) * (var + mean**2) - ((1 - p) * mean) ** 2),
        "shift-reversed": shifting(dropped_variance, out=lambda met, stored: stored / met),
        "std-for-variance": (
            shifting(dropped_variance, out=lambda met, stored: np.sqrt(met / stored)),
            shifting(dropped_variance, out=lambda met, stored: met / np.sqrt(stored)),
        ),
        "no-division": shifting(dropped_variance, out=lambda met, stored: met),
        "factor-squared": shifting(lambda mean, var, p: (var + mean**2) / (1 - p) ** 2 - mean**2),
        "square-of-the-sum": shifting(
            dropped_variance, add=lambda var, w: np.sum(var) * np.sum(w, axis=0) ** 2
        ),
        "one-coin-for-all-units": lambda mean, var, w, p: (
            variance_shift(mean, var, w, p) | one_coin(mean @ w, var @ w**2, p)
        ),
        "mean-not-divided": shifting(lambda mean, var, p: var / (1 - p) + p * mean**2),
        "weights-not-squared": (
            shifting(dropped_variance, add=lambda var, w: var @ w),
            shifting(dropped_variance, add=lambda var, w: var @ np.abs(w)),
        ),
        "no-shift": shifting(lambda mean, var, p: var),
        "mean-not-squared": (
            shifting(lambda mean, var, p: (var + p * mean) / (1 - p)),
            shifting(lambda mean, var, p: (var + mean) / (1 - p) - mean),
        ),
        "variance-squared": lambda mean, var, w, p: variance_shift(mean, var**2, w, p),
        "mask-without-its-factor": shifting(lambda mean, var, p: var / (1 - p) + p * (1 - p) * mean**2),
        "second-moment-in-eval": shifting(dropped_variance, met=lambda mean, var, p: var + mean**2),
        "noise-alone": shifting(lambda mean, var, p: p * (var + mean**2) / (1 - p)),
        "factor-in-eval": shifting(dropped_variance, met=lambda mean, var, p: var / (1 - p)),
        "one-unit-for-all": lambda mean, var, w, p: (
            variance_shift(mean, var, w, p) | one_unit_for_all(mean, var, w, p)
        ),
        "ratio-of-each-unit": lambda mean, var, w, p: (
            variance_shift(mean, var, w, p)
            | {"eval": (var / dropped_variance(mean, var, p)) @ w**2 / np.sum(w**2, axis=0)}
        ),
    },
    personal=Personal(
        lambda f, own: lambda mean, var, w, p: f(mean, var, w, 1 - (1 - p) * (1 - own)),
        values=[round(0.1 + 0.02 * k, 2) for k in range(26)],
    ),
)

EXERCISES = [DROPOUT_FORWARD, DROPOUT_BACKWARD, SGD_DECAY, ADAMW, DECAY_GROUPS, CLIP, SHIFT]
