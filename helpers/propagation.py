"""A signal sent through a random deep network, for instruments that ask again at every step of a slider.

It is the network of `helpers.network` with all the reuse that is exact:

* a deeper network contains the shallower one, so a forward pass always runs to the deepest layer;
* a wider one contains the narrower: its weights are the corner of the widest draw;
* where the activation is homogeneous, weights times c make layer l times cˡ, so one pass serves all σ_w.
"""

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np

from helpers import arguments, initializers, jacobians, layers, probes, theory

WIDEST, DEEPEST, BATCH = 512, 60, 64
PAIR_WIDTH, PAIRS = 256, 16
BINS = np.linspace(-4, 4, 42)  # of a histogram, in root mean squares

# How the unit-variance weights are drawn. The network multiplies them by σ_w/√width.
RULES = {
    "normal": initializers.naive,
    "uniform": lambda n_in, n_out, rng: initializers.pytorch_default(n_in, n_out, rng) * (3 * n_in) ** 0.5,
    "orthogonal": lambda n_in, n_out, rng: initializers.orthogonal(n_in, n_out, rng) * n_in**0.5,
}

ALPHA = 0.2  # PyTorch's 0.01 could not be told from ReLU on the screen

ACTIVATIONS = {
    "ReLU": layers.ReLU,
    "leaky ReLU": partial(layers.LeakyReLU, ALPHA),
    "tanh": layers.Tanh,
    "sigmoid": layers.Sigmoid,
    "linear": layers.Identity,
}


class Scheme(NamedTuple):
    rule: str  # how the weights are drawn, one of RULES
    sigma_w: object  # width ↦ σ_w = √width · std of a weight; None where the learner sets it


SCHEMES = {
    "naive N(0, 1)": Scheme("normal", lambda width: width**0.5),
    "Xavier": Scheme("normal", lambda width: 1.0),
    "He": Scheme("normal", lambda width: 2.0**0.5),
    "PyTorch default": Scheme("uniform", lambda width: 3.0**-0.5),
    "orthogonal": Scheme("orthogonal", lambda width: 1.0),
    "custom σ": Scheme("normal", None),
}


class Signal:
    """One batch on its way through DEEPEST layers, without biases: z_l = (σ_w/√n) h_{l−1} W_l, h_l = φ(z_l).

    `z[l]` and `h[l]` are (BATCH, width) arrays; entry 0 of both is the input, whose rows have the length
    √width, so that E[h_0²] is exactly 1. `act` makes a new activation layer.
    """

    def __init__(self, width, act, rule, sigma_w, seed):
        x, self.output_grad, self.weights = _draws(rule, width, seed)
        self.scale = np.float32(sigma_w / np.sqrt(width))
        self.acts = []
        self.z, self.h = [x], [x]
        for w in self.weights:
            self.acts.append(act())
            self.z.append((self.h[-1] @ w) * self.scale)
            self.h.append(self.acts[-1].forward(self.z[-1]))

    def gradients(self, depth):
        """∂L/∂z_l and ∂L/∂h_l for l = 0 … depth, when a random ∂L/∂h of second moment 1 enters at `depth`.

        Three lists: dz, dh and exponents, where ∂L/∂z_l = 2^exponents[l] · dz[l], and ∂L/∂h_l likewise. A
        backward pass is linear, so a power of two taken out changes no digit, and float32 never runs out.
        """
        dh, dz, exponents = [self.output_grad], [], [0]
        for w, act in zip(self.weights[:depth][::-1], self.acts[:depth][::-1], strict=True):
            dz.append(act.backward(dh[-1]))
            grad = (dz[-1] @ w.T) * self.scale
            _, exponent = np.frexp(np.abs(grad).max())
            dh.append(np.ldexp(grad, -exponent))
            exponents.append(exponents[-1] + int(exponent))
        return [*dz, dh[-1]][::-1], dh[::-1], exponents[::-1]


def forward_moments(asked, depth):
    """Measured moments of (z, h) for layers 0 … depth; `asked` is (width, act, rule, sigma_w, seed)."""
    kept, c = _key(*asked)
    factors = c ** np.arange(depth + 1)
    return tuple(m.upto(depth).scaled(factors) for m in _forward_moments(kept))


def backward_moments(asked, depth):
    """Measured moments of (∂L/∂z, ∂L/∂h) for layers 0 … depth."""
    kept, c = _key(*asked)
    factors = c ** np.arange(depth, -1, -1)
    return tuple(m.scaled(factors) for m in _backward_moments(kept, depth))


def weight_gradient_norms(asked, depth):
    """‖∂L/∂W_l‖ (Frobenius) for l = 1 … depth, of the weights with their scale, summed over the batch.

    Where the activation is homogeneous, weights times c make h_{l−1} times c^{l−1} and ∂L/∂z_l times c^{L−l}:
    all the norms are multiplied by c^{L−1}, and no scale changes how they compare.
    """
    kept, c = _key(*asked)
    return _weight_gradient_norms(kept, depth) * c ** (depth - 1)


def spectrum(asked, depth):
    """The `jacobians.Spectrum` of layers 1 … depth at one input."""
    kept, c = _key(*asked)
    values, bound = _spectrum(kept, depth)
    return jacobians.Spectrum(values * c**depth, bound * c**depth)


def shape(asked, depth, layer, of_z=False, backward=False):
    """How the values of one layer are distributed, in units of their root mean square.

    Returns the share of them in each of BINS, and the share that is exactly 0. Values are h or (`of_z`) z,
    or (`backward`) the gradients by them.
    """
    return _shape(_key(*asked)[0], depth if backward else None, layer, of_z)


def arrival(asked, depth):
    """Of the layer at `depth`: the mean cosine between two inputs, and the share of saturated values."""
    return _arrival(_key(*asked)[0], depth)


def _key(width, act, rule, sigma_w, seed):
    """The arguments of the kept Signal that serves these, and c: layer l asked for is cˡ times its own."""
    arguments.whole("width", width, 2, WIDEST)
    arguments.one_of("rule", rule, RULES)
    arguments.number("sigma_w", sigma_w, above=0)
    base = _critical_scale(act) if act().homogeneous else sigma_w
    return (width, act, rule, base, seed), sigma_w / base


@dataclass(frozen=True)
class Statistics:
    """Of every layer 0 … DEEPEST, at one place in it: over all values, and over the batch unit by unit.

    `units_apart` is the standard deviation of the units' own means, `unit_std` the typical (root mean
    square) standard deviation of one unit over the batch. std² = units_apart² + unit_std².
    """

    mean: np.ndarray
    std: np.ndarray
    units_apart: np.ndarray
    unit_std: np.ndarray

    @classmethod
    def of(cls, arrays):
        arrays = [np.asarray(a, np.float64) for a in arrays]
        units = [a.mean(axis=0) for a in arrays]
        return cls(
            mean=np.array([a.mean() for a in arrays]),
            std=np.array([a.std() for a in arrays]),
            units_apart=np.array([unit.std() for unit in units]),
            unit_std=np.sqrt([probes.batch_variance(a) for a in arrays]),
        )

    def upto(self, depth):
        """Those of layers 0 … depth alone."""
        return Statistics(*(curve[: depth + 1] for curve in vars(self).values()))


class Normed:
    """The ReLU network of a Signal with a norm in front of each ReLU, if `norm` is one of layers.NORMS.

    `before` and `after` are the Statistics of what enters and what leaves the ReLU of each layer.
    """

    def __init__(self, norm, width, sigma_w, seed):
        x, self.output_grad, self.weights = _draws("normal", width, seed)
        self.scale = np.float32(sigma_w / np.sqrt(width))
        make = layers.NORMS[arguments.one_of("norm", norm, layers.NORMS)]
        self.norms, self.acts, before, h = [], [], [x], [x]
        for w in self.weights:
            self.norms.append(make(width) if make else layers.Identity())
            self.acts.append(layers.ReLU())
            before.append(self.norms[-1].forward((h[-1] @ w) * self.scale))
            h.append(self.acts[-1].forward(before[-1]))
        self.before, self.after = Statistics.of(before), Statistics.of(h)
        self.cosine = [float(probes.cosine_similarity(a)) for a in h]

    def gradient_ratio(self, depth):
        """‖∂L/∂h_0‖ / ‖∂L/∂h_depth‖ for a random gradient that enters at `depth`."""
        grad = self.output_grad
        parts = list(zip(self.weights, self.norms, self.acts, strict=True))[:depth]
        for w, norm, act in parts[::-1]:
            grad = (norm.backward(act.backward(grad)) @ w.T) * self.scale
        start, end = (probes.second_moment(g) for g in (self.output_grad, grad))
        return float(np.sqrt(end / start))


@lru_cache(maxsize=4)
def normed(norm, width, sigma_w, seed):
    """A Normed, which is kept for the next step of another slider."""
    return Normed(norm, width, sigma_w, seed)


@lru_cache(maxsize=512)
def correlations(depth, act, sigma_w, sigma_b, c, seed):
    """The measured correlation of z between two inputs by layer, and its spread over PAIRS pairs.

    The network is PAIR_WIDTH units wide and has biases N(0, σ_b²). Entry 0 is the inputs' own correlation, c.
    """
    x, noise, weights = _draws("normal", PAIR_WIDTH, seed)
    biases = np.random.default_rng([seed, 1]).standard_normal((depth, PAIR_WIDTH), dtype=np.float32)
    phi, scale = act(), np.float32(sigma_w / np.sqrt(PAIR_WIDTH))
    h = np.stack(_pair(x[:PAIRS], noise[:PAIRS], c))
    found = [_row_cosines(*h)]
    for w, b in zip(weights[:depth], biases, strict=True):
        z = (h @ w) * scale + np.float32(sigma_b) * b
        found.append(_row_cosines(*z))
        h = phi.forward(z)
    found = np.array(found)
    return found.mean(axis=1), found.std(axis=1)


def _pair(x, noise, c):
    """Rows x, and rows of the same length whose cosine with x is exactly c."""
    across = noise - x * ((noise * x).sum(1, keepdims=True) / (x * x).sum(1, keepdims=True))
    return x, np.float32(c) * x + np.float32(np.sqrt(1 - c * c)) * _unit_rows(across)


def _row_cosines(a, b):
    a, b = (rows.astype(np.float64) for rows in (a, b))  # squares of an exploding signal leave float32
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return (a * b).sum(1) / np.maximum(lengths, np.finfo(float).tiny)


@lru_cache(maxsize=512)
def predict(act, depth, sigma_w, sigma_b=0.0):
    """`theory.propagate` for an activation, remembered."""
    return theory.propagate(act(), depth, sigma_w, sigma_b)


@lru_cache(maxsize=512)
def predict_correlations(act, depth, sigma_w, sigma_b, c):
    """`theory.propagate_correlation` for an activation, remembered."""
    return theory.propagate_correlation(act(), depth, c, sigma_w, sigma_b)


def clear():
    """Forget all that was kept (for a benchmark that wants to start cold)."""
    for kept in globals().values():
        if hasattr(kept, "cache_clear"):
            kept.cache_clear()


@lru_cache(maxsize=1)
def _pool(rule, seed):
    rng = np.random.default_rng(seed)
    x, grad = (rng.standard_normal((BATCH, WIDEST), dtype=np.float32) for _ in range(2))
    return x, grad, [RULES[rule](WIDEST, WIDEST, rng) for _ in range(DEEPEST)]


@lru_cache(maxsize=2)
def _draws(rule, width, seed):
    if rule == "orthogonal":  # a corner of an orthogonal matrix is not orthogonal
        rng = np.random.default_rng(seed)
        x, grad = (rng.standard_normal((BATCH, width), dtype=np.float32) for _ in range(2))
        weights = [RULES[rule](width, width, rng) for _ in range(DEEPEST)]
    else:
        x, grad, pool = _pool(rule, seed)
        weights = [w[:width, :width] for w in pool]
    return _unit_rows(x[:, :width]), _unit_rows(grad[:, :width]), weights


def _unit_rows(a):
    """Rows rescaled to the length √width: a second moment of exactly 1 for every input."""
    return a * (np.sqrt(a.shape[1]) / np.linalg.norm(a, axis=1, keepdims=True)).astype(np.float32)


# A Signal is up to 16 MB, so few are kept; what is read off one is small, and kept for every slider position.


@lru_cache(maxsize=2)
def _signal(key):
    return Signal(*key)


@lru_cache(maxsize=2)
def _gradients(key, depth):
    return _signal(key).gradients(depth)


@lru_cache(maxsize=512)
def _forward_moments(key):
    kept = _signal(key)
    return probes.Moments.of(kept.z), probes.Moments.of(kept.h)


@lru_cache(maxsize=512)
def _backward_moments(key, depth):
    dz, dh, exponents = _gradients(key, depth)
    return tuple(probes.Moments.of(a).scaled(2.0 ** np.array(exponents)) for a in (dz, dh))


@lru_cache(maxsize=512)
def _weight_gradient_norms(key, depth):
    (dz, _, exponents), h = _gradients(key, depth), _signal(key).h
    norms = [np.linalg.norm(h[layer - 1].T @ dz[layer]) for layer in range(1, depth + 1)]
    return np.array(norms, np.float64) * 2.0 ** np.array(exponents[1:])


@lru_cache(maxsize=2)
def _jacobians(key):
    """J_1 … J_DEEPEST at the first input of the batch, and their spectral norms."""
    kept = _signal(key)
    slopes = [act.backward(np.ones_like(z))[0] for act, z in zip(kept.acts, kept.z[1:], strict=True)]
    layers = np.array([slope[:, None] * w.T for slope, w in zip(slopes, kept.weights, strict=True)], float)
    layers *= kept.scale
    return layers, np.linalg.norm(layers, 2, axis=(1, 2))


@lru_cache(maxsize=512)
def _spectrum(key, depth):
    layers, norms = _jacobians(key)
    return np.linalg.svd(jacobians.product(layers[:depth]), compute_uv=False), np.prod(norms[:depth])


@lru_cache(maxsize=512)
def _shape(key, depth, layer, of_z):
    kept = _signal(key)
    z, h, *_ = (kept.z, kept.h) if depth is None else _gradients(key, depth)
    values = (z if of_z else h)[layer]
    rms = np.sqrt(probes.second_moment(values))
    counts, _ = np.histogram(values / rms if rms else values, BINS)
    return counts / values.size, float(np.mean(values == 0))


@lru_cache(maxsize=512)
def _arrival(key, depth):
    kept = _signal(key)
    cosine = probes.cosine_similarity(kept.h[depth])
    return float(cosine), float(probes.saturated_share(kept.acts[depth - 1], kept.z[depth]))


@lru_cache(maxsize=16)
def _critical_scale(act):
    return float(theory.gain(act()))
