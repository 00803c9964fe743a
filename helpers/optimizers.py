"""Optimizers: from gradients to a step. Each `step` reads like its equation, on one long vector.

A network has dozens of small arrays, and numpy spends longer on the calls than on the numbers. So the
gradients are laid end to end in one vector g, the update is computed on it, and each parameter takes its
piece. With a learning rate for each run, g is (runs, parameters of one run).
"""

from operator import is_not

import numpy as np

from helpers import arguments
from helpers.layers import every_layer

NOT_DECAYED = {"bias", "gamma", "beta", "scale"}
CHANGED = "the list of parameters has changed since the optimizer was made: make a new one"


class Optimizer:
    """What all share. `layers` is a list of layers, or of (params, grads) pairs of dictionaries.

    `lr` and `weight_decay` are numbers, or arrays of one number a run; then every parameter must have the
    axis of runs in front. Parameters change in place. Weight decay leaves out biases, the parameters of
    norms (γ, β) and learned residual scales. Frozen layers are left out. `step(rate)` uses `rate · lr`
    and raises ValueError, before anything has changed, when a gradient is missing or does not fit, or
    when the list of parameters is not the one it was made for any more.
    """

    def __init__(self, layers, lr, weight_decay=0.0):
        self.lr = _per_run("lr", lr)
        self.weight_decay = _per_run("weight_decay", weight_decay)
        runs = {len(a) for a in (self.lr, self.weight_decay) if np.ndim(a)}
        if len(runs) > 1:
            raise ValueError(f"lr and weight_decay are for different numbers of runs: {sorted(runs)}")
        self.lead = tuple(runs)
        self.lists, self.holders = _watched(layers)
        self.slots = [(holder, name, p.shape) for holder in self.holders for name, p in holder.params.items()]
        if not self.slots:
            raise ValueError(f"layers={layers!r} have no parameters to train")
        for _, name, shape in self.slots:
            if shape[: len(self.lead)] != self.lead:
                raise ValueError(f"{name} of shape {shape} has no axis of {self.lead[0]} runs, but lr has")
        self.decays = [name not in NOT_DECAYED for _, name, _ in self.slots]
        sizes = [int(np.prod(shape[len(self.lead) :])) for _, _, shape in self.slots]
        dtype = np.result_type(*(holder.params[name] for holder, name, _ in self.slots))
        self.lr, self.weight_decay = (self._column(a, dtype) for a in (self.lr, self.weight_decay))
        self.g = np.zeros((*self.lead, sum(sizes)), dtype)
        self.g_of = self._pieces(self.g, sizes)
        self.t = 0

    def step(self, rate=1.0):
        arguments.number("rate", rate, low=0)
        params = self._gather()
        self.t += 1
        self._update(params, self.lr * rate)
        for param, move in zip(params, self.g_of, strict=True):
            param -= move

    def _update(self, params, lr):
        """Turn `g` from the gradient into what is to be subtracted."""
        raise NotImplementedError

    def _add_decay(self, params, rate):
        """g ← g + rate · θ, where θ decays; with the rate λ it is the gradient of λ‖θ‖²/2."""
        if np.any(rate):
            for param, g, decays in zip(params, self.g_of, self.decays, strict=True):
                if decays:
                    g += self._beside(rate, param) * param

    def _gather(self):
        """Lay the gradients end to end in `g`; return the parameters in the same order."""
        for live, seen in self.lists:
            if len(live) != len(seen) or any(map(is_not, live, seen)):
                raise ValueError(CHANGED)
        for holder, count in self.holders.items():
            if len(holder.params) != count or holder.frozen:
                raise ValueError(CHANGED)
        params, pieces = [], []
        piece = (*self.lead, -1)
        for holder, name, shape in self.slots:
            param, grad = holder.params.get(name), holder.grads.get(name)
            if param is None or param.shape != shape:
                raise ValueError(CHANGED)
            if grad is None:
                raise ValueError(f"grads have no {name!r}: run backward before step")
            if grad.shape != shape:
                raise ValueError(f"grads[{name!r}] of shape {grad.shape} does not fit the parameter {shape}")
            params.append(param)
            pieces.append(grad.reshape(piece))
        np.concatenate(pieces, axis=-1, out=self.g)
        return params

    def _pieces(self, vector, sizes):
        ends = np.cumsum(sizes)
        return [
            vector[..., end - size : end].reshape(shape)
            for end, size, (_, _, shape) in zip(ends, sizes, self.slots, strict=True)
        ]

    def _column(self, a, dtype):
        """A number as it is; one number a run as a column, which stands beside (runs, parameters)."""
        return a if np.ndim(a) == 0 else a.astype(dtype)[:, None]

    def _beside(self, a, param):
        """A number as it is; one number a run with as many axes as the parameter."""
        return a if np.ndim(a) == 0 else a.reshape(-1, *[1] * (param.ndim - 1))


class SGD(Optimizer):
    """v ← momentum · v + g, θ ← θ − lr · v (as PyTorch; Sutskever et al. 2013 put lr inside v).

    `weight_decay` λ adds λθ to the gradient: with momentum 0 the same as shrinking θ by lr · λ, with more
    about 1/(1 − momentum) times as fast, because the velocity adds it up.
    """

    def __init__(self, layers, lr, momentum=0.0, weight_decay=0.0):
        super().__init__(layers, lr, weight_decay)
        self.momentum = arguments.number("momentum", momentum, low=0, below=1)
        self.v = np.zeros_like(self.g)

    def _update(self, params, lr):
        self._add_decay(params, self.weight_decay)
        self.v *= self.momentum
        self.v += self.g
        np.multiply(self.v, lr, out=self.g)


class Adam(Optimizer):
    """m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g², θ ← θ − lr · m̂/(√v̂ + ε) (Kingma & Ba 2015, alg. 1).

    m̂ = m/(1 − β₁ᵗ) and v̂ = v/(1 − β₂ᵗ) undo the start at zero. `weight_decay` λ adds λθ to the gradient
    ("Adam + L2"): it then passes through m and v. `betas` is the pair (β₁, β₂), each from 0 below 1.
    """

    def __init__(self, layers, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(layers, lr, weight_decay)
        self.betas = tuple(arguments.number("betas", beta, low=0, below=1) for beta in betas)
        self.eps = arguments.number("eps", eps, above=0)
        self.m, self.v = np.zeros_like(self.g), np.zeros_like(self.g)

    def _update(self, params, lr):
        self._add_decay(params, self.weight_decay)
        self._adam_move(lr)

    def _adam_move(self, lr):
        beta1, beta2 = self.betas
        self.m *= beta1
        self.m += (1 - beta1) * self.g
        self.v *= beta2
        self.v += (1 - beta2) * self.g**2
        m_hat_scale, v_hat = 1 / (1 - beta1**self.t), self.v / (1 - beta2**self.t)
        np.multiply(self.m, lr * m_hat_scale, out=self.g)
        self.g /= np.sqrt(v_hat) + self.eps


class AdamW(Adam):
    """Adam with decoupled decay: θ ← θ − lr · λ · θ − lr · m̂/(√v̂ + ε) (Loshchilov & Hutter 2019, alg. 2).

    λ (`weight_decay`) never enters m and v, so all weights shrink alike, whatever the size of their
    gradients. It is multiplied by lr, as in PyTorch; in the paper's algorithm it is not (there a schedule
    multiplies both), so the paper's λ is lr · λ here.
    """

    def __init__(self, layers, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(layers, lr, betas, eps, weight_decay)

    def _update(self, params, lr):
        self._adam_move(lr)
        self._add_decay(params, lr * self.weight_decay)


# The three ways to decay weights that the lessons compare.
WITH_DECAY = {"SGD + L2": SGD, "Adam + L2": Adam, "AdamW": AdamW}


def clip_by_global_norm(grads, max_norm, runs=False):
    """Shrink all gradients by one factor, in place, to a joint norm of at most `max_norm`; return the norm.

    g ← g · min(1, max_norm/‖g‖) with ‖g‖ over all arrays together (Pascanu et al. 2013, alg. 1), so the
    direction stays. `grads` is a list of arrays or of dictionaries of arrays, or one dictionary. With
    `runs=True` the first axis of each array counts runs, which are clipped one by one, and the norm is an
    array. A norm that is not finite changes nothing. Raises ValueError for max_norm ≤ 0 or arrays that are
    not floating point.
    """
    arguments.number("max_norm", max_norm, above=0)
    items = [grads] if isinstance(grads, dict) else grads
    arrays = [a for item in items for a in (item.values() if isinstance(item, dict) else [item])]
    for a in arrays:
        if not isinstance(a, np.ndarray) or a.dtype.kind != "f":
            raise ValueError(f"grads hold {type(a).__name__}: arrays of floating point are needed")
    norm = np.sqrt(sum(_squares(a, runs) for a in arrays))
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(np.isfinite(norm) & (norm > max_norm), max_norm / norm, 1.0)
    if np.any(factor < 1):
        for a in arrays:
            a *= factor.astype(a.dtype).reshape(-1, *[1] * (a.ndim - 1)) if runs else a.dtype.type(factor)
    return norm if runs else float(norm)


def linear_decay(done):
    """A learning-rate schedule for `train`: 1 at the start, falling in a line to 0 at the end."""
    return 1.0 - done


def constant(done):
    """A learning-rate schedule for `train`: 1 all along."""
    return 1.0


def warmup(share, after=constant):
    """A learning-rate schedule for `train`: from 0 in a line to 1 at `share` of the steps, then `after`.

    `share` is above 0 and below 1; `after` is the schedule of the steps that are left, from its own start to
    its end. Vaswani et al. (2017, eq. 3) warm up so; `linear_decay` after it is the schedule of BERT (Devlin
    et al. 2019).
    """
    share = arguments.number("share", share, above=0, below=1)
    return lambda done: done / share if done < share else after((done - share) / (1 - share))


def _squares(a, runs):
    """The sum of squares, in float64: in float32 the square of 1e20 would be infinite."""
    a = a.astype(np.float64, copy=False)
    return np.einsum("ki,ki->k", *[a.reshape(len(a), -1)] * 2) if runs else np.vdot(a, a)


class _Pair:
    """A (params, grads) pair that looks like a layer."""

    frozen = False

    def __init__(self, params, grads):
        self.params, self.grads = params, grads


def _watched(layers):
    """The lists that hold layers, each beside a copy, and {holder of parameters: how many}."""
    layers = layers if isinstance(layers, list) else list(layers)
    pairs = [_Pair(*item) for item in layers if isinstance(item, tuple)]
    every = list(every_layer(item for item in layers if not isinstance(item, tuple)))
    lists = [layers] + [layer.layers for layer in every if hasattr(layer, "layers")]
    holders = [holder for holder in (*pairs, *every) if holder.params and not holder.frozen]
    return [(live, list(live)) for live in lists], {holder: len(holder.params) for holder in holders}


def _per_run(name, value):
    """A number from 0, or an array of them, one a run."""
    if np.ndim(value) == 0:
        return arguments.number(name, value, low=0)
    values = np.asarray(value, np.float64)
    if values.ndim != 1 or not np.all(np.isfinite(values) & (values >= 0)):
        raise ValueError(f"{name}={value!r}: a number from 0, or a row of them, is needed")
    return values
