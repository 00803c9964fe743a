"""Chapter 5: dropout, decay and clipping, each with the slip that it is known for."""

import numpy as np

from helpers.checking.exercise import Exercise, Property, Wrong
from helpers.checking.values import Seed

LESSON = "05_regularization"
DROPOUT = "2 · Dropout"
DECAY = "3 · Weight decay"
GROUPS = "What is not decayed"
BEFORE_A_NORM = "5 · Dropout before a norm"
CLIPPING = "6 · Gradient clipping"


# --- Inputs that several exercises draw ---------------------------------------------------------------


def seed(rng):
    return Seed(int(rng.integers(2**31)))


def drop_probability(rng):
    """Never near ½, where keeping and dropping could not be told apart."""
    return round(float(rng.choice([rng.uniform(0.15, 0.3), rng.uniform(0.7, 0.8)])), 2)


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
    """The function that keeps with another probability, or another factor, or draws fewer numbers."""

    def drop(h, p, train, rng):
        if not train:
            return h * (1.0 if in_eval is None else in_eval(p))
        return h * (rng.random(shape(h)) < keep(p)) * factor(p)

    return drop


def active_in_eval(h, p, train, rng):
    return dropout(h, p, True, rng)


def what_stays(f, h, p, train, rng):
    """The smallest and the largest factor among the entries that were not dropped."""
    ratios = np.asarray(f(h, p, train, rng)) / h
    left = ratios[ratios != 0]
    return [left.min(), left.max()] if left.size else [0.0, 0.0]


def share_dropped(f, h, p, train, rng):
    return np.mean(np.asarray(f(h, p, train, rng)) == 0)


def draws_for_itself(f, h, p, train, rng):
    out = np.asarray(f(h, p, train, rng)) == 0
    return {
        "rows are dropped differently": bool(np.any(out != out[:1])),
        "columns are dropped differently": bool(np.any(out != out[:, :1])),
    }


def for_dropout(batch, n, train):
    """Two batches, (batch, n) and one unit wider, for a property's cases."""
    return lambda rng: [
        (activations(rng, batch, width), drop_probability(rng), train, seed(rng)) for width in (n, n + 1)
    ]


DROPOUT_FORWARD = Exercise(
    lesson=LESSON,
    section=DROPOUT,
    title="Inverted dropout, both modes",
    minutes=15,
    difficulty=1,
    hints=(
        "`rng.random(h.shape)` draws a number from 0 to 1 for every entry. Which of them mean “drop”, if "
        "p is the probability to drop? And what must the others be multiplied by so that the mean stays?",
        "mask = rng.random(h.shape) >= p is True with probability 1 − p. The result is h * mask / (1 - p) in "
        "training, and h itself otherwise.",
    ),
    reference=dropout,
    properties=[
        Property("eval mode changes nothing", 4, for_dropout(3, 4, False)),
        Property(
            "training: the factor of those that stay",
            4,
            for_dropout(40, 20, True),
            what_stays,
            quantity="smallest and largest factor of an entry that stays",
        ),
        Property(
            "training: the share that is dropped",
            4,
            for_dropout(250, 250, True),
            share_dropped,
            quantity="share of entries that are 0",
            expected=lambda h, p, train, rng: p,
            rtol=0.05,
        ),
        Property(
            "every entry is drawn for itself",
            3,
            for_dropout(40, 30, True),
            draws_for_itself,
            quantity="what was seen",
        ),
    ],
    wrong=[
        Wrong(
            "keep-for-drop",
            "it keeps an entry with probability p, and divides by p. That is the p of the paper of 2014. "
            "Here, in PyTorch and in Keras p is the probability to drop.",
            masked(lambda p: p, lambda p: 1 / p),
        ),
        Wrong(
            "mask-upside-down",
            "it keeps where it should drop: `rng.random(…) < p` is True with probability p. The factor "
            "is right, so the mean is off.",
            masked(lambda p: p),
        ),
        Wrong(
            "forgets-rescaling",
            "it drops, and leaves the others as they are. Then the mean in training is only 1 − p of that in "
            "eval mode.",
            masked(factor=lambda p: 1.0),
        ),
        Wrong(
            "rescales-in-eval",
            "it multiplies by 1 − p in eval mode, and does nothing in training. That was the form of "
            "2014, and the mean fits too; the inverted form does all of its work in training.",
            masked(factor=lambda p: 1.0, in_eval=lambda p: 1 - p),
        ),
        Wrong(
            "divides-by-p",
            "it divides by p. A share of 1 − p stays, so that is what makes up for the rest.",
            masked(factor=lambda p: 1 / p),
        ),
        Wrong(
            "one-mask-for-all-rows",
            "it draws one mask for the whole batch: every input loses the same units. Each entry needs a "
            "draw of its own, so the shape is h.shape.",
            masked(shape=lambda h: (1, h.shape[1])),
        ),
        Wrong(
            "drops-whole-rows",
            "it draws one number for each input, and drops it whole. Dropout drops units.",
            masked(shape=lambda h: (h.shape[0], 1)),
        ),
        Wrong(
            "drops-in-eval",
            "it drops in eval mode too. A prediction would depend on the dice: with train=False, return h.",
            active_in_eval,
        ),
        Wrong(
            "keeps-second-moment",
            "its factor is 1/√(1 − p). That would hold E[h²]; dropout holds the mean, so that the next "
            "layer's z is right on average.",
            masked(factor=lambda p: (1 - p) ** -0.5),
        ),
    ],
)


# --- 5.2 Dropout, backward ----------------------------------------------------------------------------


def dropout_backward(grad, mask, p):
    """∂L/∂h from ∂L/∂output, with the mask of the forward pass."""
    # The output is h · mask / (1 − p): so is its derivative, without the h.
    return grad * mask / (1 - p)


def new_mask(grad, mask, p):
    return grad * (np.random.default_rng(0).random(grad.shape) >= p) / (1 - p)


def largest_factor(f, grad, mask, p):
    """By what a gradient is multiplied where it passes."""
    return np.max(np.asarray(f(grad, mask, p))[mask > 0] / grad[mask > 0])


def which_pass(f, grad, mask, p):
    passed = np.asarray(f(grad, mask, p)) != 0
    return {
        "a dropped unit gets a gradient": bool(np.any(passed & (mask == 0))),
        "a kept unit gets none": bool(np.any(~passed & (mask == 1))),
    }


def gradient_and_mask(rng):
    p = drop_probability(rng)
    grad = activations(rng, int(rng.integers(8, 12)), int(rng.integers(13, 17)))
    mask = (rng.random(grad.shape) >= p).astype(float)
    mask[0, :2] = 0, 1
    return grad, mask, p


DROPOUT_BACKWARD = Exercise(
    lesson=LESSON,
    section=DROPOUT,
    title="The way back through dropout",
    minutes=8,
    difficulty=1,
    hints=(
        "Write the forward pass as a formula, output = h · mask / (1 − p), and differentiate it by h. "
        "The mask is a constant by then.",
        "Each entry of the gradient is multiplied by what its h was multiplied by: mask / (1 - p).",
    ),
    reference=dropout_backward,
    properties=[
        Property(
            "the factor where the gradient passes",
            4,
            lambda rng: [gradient_and_mask(rng) for _ in range(3)],
            largest_factor,
            quantity="largest factor at a kept unit",
        ),
        Property(
            "it passes exactly where the signal passed",
            6,
            lambda rng: [gradient_and_mask(rng) for _ in range(3)],
            which_pass,
            quantity="what was seen",
        ),
    ],
    wrong=[
        Wrong(
            "new-mask-backward",
            "it draws a new mask. Then units that were off are moved, and units that were on are not. "
            "The mask is that of the forward pass.",
            new_mask,
        ),
        Wrong(
            "dropout-forward-only",
            "it hands the gradient on unchanged. But the output was h · mask/(1 − p), and a dropped unit "
            "had no part in it.",
            lambda grad, mask, p: grad,
        ),
        Wrong(
            "forgets-factor-backward",
            "it multiplies by the mask alone. The factor 1/(1 − p) is part of the forward pass, so it is "
            "part of the derivative.",
            lambda grad, mask, p: grad * mask,
        ),
        Wrong(
            "undoes-the-factor",
            "it multiplies by 1 − p, as if the way back had to undo the factor. A derivative repeats it.",
            lambda grad, mask, p: grad * mask * (1 - p),
        ),
        Wrong(
            "divides-by-p",
            "it divides by p, the probability to drop. The forward pass divided by 1 − p.",
            lambda grad, mask, p: grad * mask / p,
        ),
        Wrong(
            "forgets-mask-backward",
            "it has the factor and not the mask: units that were off get a gradient.",
            lambda grad, mask, p: grad / (1 - p),
        ),
    ],
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


SGD_DECAY = Exercise(
    lesson=LESSON,
    section=DECAY,
    title="For SGD, a penalty is decay",
    minutes=8,
    difficulty=1,
    hints=(
        "The loss is L + (λ/2) Σ w². What does the penalty add to the gradient? Put that into one step "
        "of SGD and collect what multiplies w.",
        "Each step is w = (1 - lr * weight_decay) * w - lr * grad. The gradient is that of L alone.",
    ),
    reference=sgd_with_decay,
    properties=[
        Property("one step", 4, lambda rng: [sgd_case(rng, 1) for _ in range(2)]),
        Property("many steps", 6, lambda rng: [sgd_case(rng, steps) for steps in (2, 5, 20)]),
    ],
    wrong=[
        Wrong(
            "decay-without-learning-rate",
            "it shrinks by 1 − λ. The penalty's gradient is λw, and a step takes the learning rate times the "
            "gradient: 1 − ηλ.",
            steps_of_sgd(lambda w, g, lr, lam: (1 - lam) * w - lr * g),
        ),
        Wrong(
            "forgets-the-half",
            "it uses 2λw, the gradient of λ Σ w². The penalty has a half in front, so that its gradient "
            "is λw.",
            steps_of_sgd(lambda w, g, lr, lam: (1 - 2 * lr * lam) * w - lr * g),
        ),
        Wrong(
            "decays-the-new-weights",
            "it shrinks after the step, so that the new gradient is shrunk too. The penalty's gradient "
            "is taken at the old weights.",
            steps_of_sgd(lambda w, g, lr, lam: (1 - lr * lam) * (w - lr * g)),
        ),
        Wrong(
            "grows-instead-of-shrinks",
            "it lets the weights grow: the sign of the decay is turned.",
            steps_of_sgd(lambda w, g, lr, lam: (1 + lr * lam) * w - lr * g),
        ),
        Wrong(
            "decays-once",
            "it decays once for all the steps. Every step takes its share of what is left.",
            decays_once,
        ),
        Wrong(
            "forgets-decay",
            "it is SGD without any decay.",
            steps_of_sgd(lambda w, g, lr, lam: w - lr * g),
        ),
        Wrong(
            "one-norm-for-two-norm",
            "it subtracts ηλ · sign(w): the gradient of Σ |w|, which takes the same from every weight. "
            "That of ½ Σ w² takes a share.",
            steps_of_sgd(lambda w, g, lr, lam: w - lr * (g + lam * np.sign(w))),
        ),
    ],
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
    square=np.square,
    decay_rate=lambda lr: lr,
    swap=False,
    after=False,
):
    """The function with one of AdamW's parts exchanged."""

    def step(w, g, m, v, t, lr, beta1, beta2, eps, weight_decay):
        if swap:
            beta1, beta2 = beta2, beta1
        g = g + in_moments * weight_decay * w
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * square(g)
        m_hat = m / (1 - beta1 ** (t + later)) if correct else m
        v_hat = v / (1 - beta2 ** (t + later)) if correct else v
        move = lr * m_hat / root(v_hat, eps)
        shrinks = w - move if after else w
        return {"w": w - move - decoupled * decay_rate(lr) * weight_decay * shrinks, "m": m, "v": v}

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
    """The weights after five steps with changing gradients, from m = v = 0."""
    state = {"w": w, "m": np.zeros_like(w), "v": np.zeros_like(w)}
    for i in range(5):
        state = f(state["w"], g * (1 - 0.4 * i), state["m"], state["v"], i + 1, *settings)
    return state["w"]


ADAMW = Exercise(
    lesson=LESSON,
    section=DECAY,
    title="One step of AdamW",
    minutes=25,
    difficulty=3,
    hints=(
        "Five lines: the two running means m and v, their corrections for the start at zero, and the new "
        "weights. Which of the five lines may contain weight_decay?",
        "m and v see g alone. m_hat = m / (1 - beta1**t), and v_hat alike. Then w loses lr * "
        "weight_decay * w and lr * m_hat / (np.sqrt(v_hat) + eps), both counted from the old w.",
    ),
    reference=adamw_step,
    properties=[
        Property("m, the running mean", 3, lambda rng: [adam_case(rng, t) for t in (1, 6)], part="m"),
        Property("v, that of the squares", 3, lambda rng: [adam_case(rng, t) for t in (1, 6)], part="v"),
        Property(
            "the weights, without decay",
            6,
            lambda rng: [adam_case(rng, t, decay=False) for t in (1, 2, 7)],
            part="w",
        ),
        Property("the weights, with decay", 6, lambda rng: [adam_case(rng, t) for t in (1, 2, 7)], part="w"),
        Property(
            "five steps in a row",
            7,
            lambda rng: [adam_case(rng, 1) for _ in range(2)],
            several_steps,
            quantity="the weights after five steps",
        ),
    ],
    wrong=[
        Wrong(
            "decay-in-the-moments",
            "it adds λw to the gradient, before m and v. That is Adam with L2: the decay is then divided "
            "by √v like the rest. AdamW keeps the two apart.",
            adam_like(in_moments=1.0, decoupled=0.0),
        ),
        Wrong(
            "decays-twice",
            "it decays twice: once through m and v, and once beside them.",
            adam_like(in_moments=1.0),
        ),
        Wrong(
            "no-bias-correction",
            "it uses m and v as they are. They started at 0, so the first steps are too large or too "
            "small: divide by 1 − βᵗ.",
            adam_like(correct=False),
        ),
        Wrong(
            "time-off-by-one",
            "it corrects with t + 1. t is 1 at the first step, and after one step m holds the share 1 − "
            "β₁ of the gradient.",
            adam_like(later=1),
        ),
        Wrong(
            "eps-inside-the-root",
            "it puts ε inside the root, as batch norm does. Adam adds it after the root: √v̂ + ε.",
            adam_like(root=lambda v, eps: np.sqrt(v + eps)),
        ),
        Wrong(
            "forgets-eps",
            "it leaves out ε. With a gradient that has always been 0 it would divide 0 by 0.",
            adam_like(root=lambda v, eps: np.sqrt(v)),
        ),
        Wrong(
            "forgets-root",
            "it divides by v̂, not by its root. Then a gradient ten times as large makes a step a tenth "
            "as long.",
            adam_like(root=lambda v, eps: v + eps),
        ),
        Wrong(
            "decay-without-learning-rate",
            "it shrinks by λ, not by ηλ. In PyTorch's AdamW, and here, the decay is multiplied by the "
            "learning rate.",
            adam_like(decay_rate=lambda lr: 1.0),
        ),
        Wrong(
            "decays-the-new-weights",
            "it shrinks the weights after Adam's step. Both parts are counted from the old weights.",
            adam_like(after=True),
        ),
        Wrong(
            "betas-exchanged",
            "it uses β₂ for the mean and β₁ for the squares. β₂ is the larger one, and belongs to v.",
            adam_like(swap=True),
        ),
        Wrong("forgets-decay", "it is Adam, without any decay.", adam_like(decoupled=0.0)),
    ],
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


def parameters(rng):
    """A small network as PyTorch names it: the γ of its norm is called "weight" too."""
    n_in, n, n_out = (int(k) for k in rng.permutation(np.arange(2, 6))[:3])
    values = rng.normal
    params = {
        "0.weight": values(size=(n_in, n)),
        "0.bias": values(size=n),
        "1.weight": values(1, 0.1, n),
        "1.bias": values(size=n),
        "3.weight": values(size=(n, n_out)),
        "3.bias": values(size=n_out),
    }
    params = {name: value.round(2) + 0.005 for name, value in params.items()}
    return params, round(rng.uniform(0.1, 0.4), 2), round(rng.uniform(0.2, 0.6), 2)


def picked(*names):
    return lambda f, *args: {name: f(*args)[name] for name in names}


DECAY_GROUPS = Exercise(
    lesson=LESSON,
    section=GROUPS,
    title="What is decayed, and what is not",
    minutes=10,
    difficulty=2,
    hints=(
        "Print the shapes. Which parameters multiply a whole input, and which are one number for each "
        "unit? The names do not tell you: the norm's γ is called “weight” as well.",
        "Weight matrices have ndim 2, all others ndim 1. Multiply the matrices by 1 - lr * weight_decay "
        "and copy the others.",
    ),
    reference=decay_step,
    properties=[
        Property(
            "weight matrices shrink by their share",
            4,
            lambda rng: [parameters(rng) for _ in range(2)],
            picked("0.weight", "3.weight"),
            quantity="the weight matrices",
        ),
        Property(
            "biases stay",
            3,
            lambda rng: [parameters(rng) for _ in range(2)],
            picked("0.bias", "1.bias", "3.bias"),
            quantity="the biases, and β",
        ),
        Property(
            "the norm's γ stays",
            3,
            lambda rng: [parameters(rng) for _ in range(2)],
            picked("1.weight"),
            quantity="γ",
        ),
    ],
    wrong=[
        Wrong(
            "decay-everything",
            "it decays everything it is given, as frameworks do when nobody sorts.",
            decayed(lambda name, value: True),
        ),
        Wrong(
            "decay-by-name",
            "it goes by the name “weight”. In PyTorch the γ of a norm is called so too; pulled towards 0 "
            "it would switch its unit off. Go by the number of axes.",
            decayed(lambda name, value: "weight" in name),
        ),
        Wrong(
            "decays-biases",
            "it leaves γ alone and decays the biases. A bias moves a function and does not make it steep.",
            decayed(lambda name, value: name != "1.weight"),
        ),
        Wrong(
            "leaves-out-the-norm-alone",
            "it leaves out the norm and decays the biases of the linear layers.",
            decayed(lambda name, value: not name.startswith("1.")),
        ),
        Wrong(
            "decay-without-learning-rate",
            "it sorts well, and shrinks by 1 − λ: the learning rate is missing.",
            decayed(lambda name, value: value.ndim > 1, lambda lr, lam: 1 - lam),
        ),
        Wrong(
            "decays-the-vectors",
            "it has the two groups exchanged: it decays biases and γ, and leaves the matrices.",
            decayed(lambda name, value: value.ndim == 1),
        ),
        Wrong(
            "forgets-the-output-layer",
            "it leaves out the last layer. That is done now and then, but the convention asked for "
            "decays all weight matrices.",
            decayed(lambda name, value: name == "0.weight"),
        ),
    ],
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


def per_tensor(grads, max_norm):
    shrunk = [g * min(1, max_norm / np.linalg.norm(g)) for g in grads]
    return {"grads": shrunk, "norm": global_norm(grads)}


def by_value(grads, max_norm):
    return {"grads": [np.clip(g, -max_norm, max_norm) for g in grads], "norm": global_norm(grads)}


def gradients_of(rng, over):
    """Gradients of a small network whose global norm is `over` times max_norm, and one of them small."""
    shapes = [(3, 2), (2,), (2, 4), (4,)][: int(rng.integers(2, 5))]
    sizes = 10.0 ** rng.uniform(-1, 1, len(shapes))
    grads = [rng.normal(size=shape) * size for shape, size in zip(shapes, sizes, strict=True)]
    grads[-1] = grads[-1] * 0.05 * global_norm(grads[:-1]) / global_norm(grads[-1:])
    return grads, float(global_norm(grads) / over)


CLIP = Exercise(
    lesson=LESSON,
    section=CLIPPING,
    title="Clip by the global norm",
    minutes=12,
    difficulty=2,
    hints=(
        "There is one norm for all arrays together: the root of the sum of all squares. All are "
        "multiplied by the same factor. What is the factor when the norm is below max_norm?",
        "norm = np.sqrt(sum(np.sum(g**2) for g in grads)), factor = min(1, max_norm / norm), and every array "
        "times the factor.",
    ),
    reference=clip_gradients,
    properties=[
        Property("the norm", 4, lambda rng: [gradients_of(rng, over) for over in (3.0, 0.5)], part="norm"),
        Property(
            "large gradients are shortened",
            6,
            lambda rng: [gradients_of(rng, rng.uniform(1.5, 20)) for _ in range(3)],
            part="grads",
        ),
        Property(
            "small gradients stay as they are",
            5,
            lambda rng: [gradients_of(rng, rng.uniform(0.1, 0.7)) for _ in range(3)],
            part="grads",
        ),
    ],
    wrong=[
        Wrong(
            "clip-per-tensor",
            "it clips every array by its own norm. That changes the ratios between them, and with these the "
            "direction of the step.",
            per_tensor,
        ),
        Wrong(
            "scales-small-up",
            "it always divides by the norm. That makes small gradients larger: clipping only shortens, "
            "so the factor is at most 1.",
            clipped(factor=lambda norm, top: top / norm),
        ),
        Wrong(
            "clip-by-value",
            "it cuts every entry off at ±max_norm. The global norm shortens the whole gradient and keeps its "
            "direction.",
            by_value,
        ),
        Wrong(
            "forgets-root",
            "its norm is the sum of the squares: the root is missing.",
            clipped(norm=lambda grads: sum(np.sum(g**2) for g in grads)),
        ),
        Wrong(
            "sum-for-norm",
            "it adds up the norms of the arrays. Norms do not add up; their squares do.",
            clipped(norm=lambda grads: sum(np.linalg.norm(g) for g in grads)),
        ),
        Wrong(
            "largest-for-norm",
            "its norm is that of the largest array alone.",
            clipped(norm=lambda grads: max(np.linalg.norm(g) for g in grads)),
        ),
        Wrong(
            "one-norm-for-two-norm",
            "it adds up the sizes |g|, not the squares.",
            clipped(norm=lambda grads: sum(np.sum(np.abs(g)) for g in grads)),
        ),
        Wrong(
            "mean-for-sum",
            "it takes the mean of the squares. A norm adds them up, so that a longer gradient is longer.",
            clipped(
                norm=lambda grads: np.sqrt(sum(np.sum(g**2) for g in grads) / sum(g.size for g in grads))
            ),
        ),
        Wrong(
            "norm-after-clipping",
            "it returns the norm after clipping. The one to log is the norm before, which shows how wild the "
            "step would have been.",
            lambda grads, max_norm: {
                "grads": clip_gradients(grads, max_norm)["grads"],
                "norm": min(global_norm(grads), max_norm),
            },
        ),
    ],
)


# --- 5.7 Dropout before a norm ------------------------------------------------------------------------


def variance_shift(mean, var, w, p):
    """The variance that a norm stores, and that of its output in eval mode."""
    # Dropout keeps the mean of each unit; its second moment grows by 1/(1 − p).
    dropped = (var + mean**2) / (1 - p) - mean**2
    # Independent units: variances add up, each times its squared weight.
    stored, met = dropped @ w**2, var @ w**2
    return {"stored": stored, "eval": met / stored}


def shifting(dropped, add=lambda var, w: var @ w**2, out=lambda met, stored: met / stored):
    """The function with another variance behind dropout, another sum, or another ratio."""

    def shift(mean, var, w, p):
        stored = add(dropped(mean, var, p), w)
        return {"stored": stored, "eval": out(add(var, w), stored)}

    return shift


def dropped_variance(mean, var, p):
    return (var + mean**2) / (1 - p) - mean**2


def units(rng, centred=False):
    n, n_out = int(rng.integers(3, 6)), int(rng.integers(2, 4))
    n_out += n_out == n
    mean = np.zeros(n) if centred else rng.uniform(0.5, 2, n).round(2)
    w = rng.normal(0, 1, (n, n_out)).round(2) + 0.005
    return mean, rng.uniform(0.3, 2, n).round(2), w, drop_probability(rng)


SHIFT = Exercise(
    lesson=LESSON,
    section=BEFORE_A_NORM,
    title="The variance shift",
    minutes=20,
    difficulty=3,
    hints=(
        "A norm stores the variance that it meets in training. For one unit: what do E[x̃] and E[x̃²] become "
        "with dropout, and so what is E[x̃²] − E[x̃]²? Then add up over the weights.",
        "E[x̃] = mean and E[x̃²] = (var + mean²)/(1 − p). The variance of z_j = Σ x̃_i w_ij is Σ "
        "Var(x̃_i) w_ij². In eval mode the same without dropout, and the norm divides it by what it "
        "stored.",
    ),
    reference=variance_shift,
    properties=[
        Property(
            "what the norm stores, inputs of mean 0",
            4,
            lambda rng: [units(rng, centred=True) for _ in range(2)],
            part="stored",
        ),
        Property(
            "what it stores, inputs with a mean",
            5,
            lambda rng: [units(rng) for _ in range(3)],
            part="stored",
        ),
        Property(
            "the variance behind it in eval mode",
            6,
            lambda rng: [units(rng, centred=True), units(rng), units(rng)],
            part="eval",
        ),
    ],
    wrong=[
        Wrong(
            "second-moment-for-variance",
            "it stores the second moment: it does not take off the squared mean. A norm takes the mean "
            "off first.",
            shifting(lambda mean, var, p: (var + mean**2) / (1 - p)),
        ),
        Wrong(
            "forgets-the-mean",
            "it divides the variance by 1 − p. That is right for inputs of mean 0. With a mean, dropout also "
            "switches the mean on and off, and that is variance too.",
            shifting(lambda mean, var, p: var / (1 - p)),
        ),
        Wrong(
            "keep-for-drop",
            "it takes p as the probability to keep.",
            shifting(lambda mean, var, p: (var + mean**2) / p - mean**2),
        ),
        Wrong(
            "forgets-rescaling",
            "its dropout does not rescale: the variance of m·x with m from 0 and 1. The inverted form "
            "divides by 1 − p.",
            shifting(lambda mean, var, p: (1 - p) * (var + mean**2) - ((1 - p) * mean) ** 2),
        ),
        Wrong(
            "shift-reversed",
            'its "eval" is upside down. The norm divides by what it stored: what it meets in eval mode, over '
            "what it stored.",
            shifting(dropped_variance, out=lambda met, stored: stored / met),
        ),
        Wrong(
            "std-for-variance",
            'its "eval" is the standard deviation. The exercise asks for the variance.',
            shifting(dropped_variance, out=lambda met, stored: np.sqrt(met / stored)),
        ),
        Wrong(
            "weights-not-squared",
            "it multiplies the variances by the weights. In the variance of a sum each weight counts "
            "squared.",
            shifting(dropped_variance, add=lambda var, w: var @ w),
        ),
        Wrong(
            "no-shift",
            "it stores the variance without dropout. A norm collects its statistics in training, when "
            "dropout is on.",
            shifting(lambda mean, var, p: var),
        ),
    ],
)

EXERCISES = [DROPOUT_FORWARD, DROPOUT_BACKWARD, SGD_DECAY, ADAMW, DECAY_GROUPS, CLIP, SHIFT]
