"""A signal through a random deep network: what theory predicts, and what is measured in one.

The network is that of `helpers.network`, with all the reuse that is exact, for instruments that ask again at
every step of a slider:

* a deeper network contains the shallower one, so a forward pass always runs to the deepest layer;
* a wider one contains the narrower: its weights are the corner of the widest draw;
* where the activation is homogeneous, weights times c make layer l times cˡ, so one pass serves all σ_w;
* equal networks are one: what was found is kept, and not computed again.
"""

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np

from helpers import arguments, initializers, jacobians, layers, probes, theory

WIDEST, DEEPEST, BATCH = 512, 60, 64
PAIRS = 16
BINS = np.linspace(-4, 4, 42)  # of a histogram, in root mean squares

# How the unit-variance weights are drawn. The network multiplies them by σ_w/√width.
RULES = {
    "normal": initializers.naive,
    "uniform": lambda n_in, n_out, rng: initializers.pytorch_default(n_in, n_out, rng) * (3 * n_in) ** 0.5,
    "orthogonal": lambda n_in, n_out, rng: initializers.orthogonal(n_in, n_out, rng) * n_in**0.5,
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

_KEPT = []


def _keep(size):
    """Keep what a function found for the last `size` arguments. (A RandomNetwork is a few words: a key.)"""

    def decorate(function):
        _KEPT.append(lru_cache(maxsize=size)(function))
        return _KEPT[-1]

    return decorate


def clear():
    """Forget all that was kept (for a benchmark that wants to start cold)."""
    for kept in _KEPT:
        kept.cache_clear()


# What theory predicts


@_keep(512)
def predict(activation, depth, sigma_w, sigma_b=0.0):
    """`theory.propagate` for an activation by name."""
    return theory.propagate(layers.activation(activation), depth, sigma_w, sigma_b)


@_keep(512)
def predict_correlations(activation, depth, sigma_w, sigma_b, c):
    """`theory.propagate_correlation` for an activation by name."""
    return theory.propagate_correlation(layers.activation(activation), depth, c, sigma_w, sigma_b)


# What is measured


@dataclass(frozen=True)
class RandomNetwork:
    """DEEPEST random layers of `width` units, and what becomes of a signal in the first `depth` of them.

    z_l = (σ_w/√n) h_{l−1} W_l + σ_b b_l and h_l = φ(z_l), for a batch of BATCH inputs with E[h_0²] = 1 and,
    on the way back, a random ∂L/∂h_depth of second moment 1. A `norm` (one of layers.NORMS) stands in front
    of φ; z_l is then what leaves it. Raises ValueError for a value that is not allowed.
    """

    width: int
    activation: str  # one of layers.ACTIVATIONS
    sigma_w: float
    sigma_b: float = 0.0
    rule: str = "normal"  # of RULES
    norm: str = "none"
    seed: int = 0

    def __post_init__(self):
        arguments.whole("width", self.width, 2, WIDEST)
        arguments.one_of("activation", self.activation, layers.ACTIVATIONS)
        arguments.number("sigma_w", self.sigma_w, above=0)
        arguments.number("sigma_b", self.sigma_b, low=0)
        arguments.one_of("rule", self.rule, RULES)
        arguments.one_of("norm", self.norm, layers.NORMS)

    @cached_property
    def level(self):
        """The network at the gain of its activation that stands for this one at every σ_w, if there is one.

        In it float32 has room. Where this one is not homogeneous, it stands for itself.
        """
        homogeneous = layers.activation(self.activation).homogeneous
        if not homogeneous or self.sigma_b or self.norm != "none":
            return self
        return replace(self, sigma_w=_gain(self.activation))

    @property
    def c(self):
        """Weights are c times those of `level`, and so layer l is cˡ times its own."""
        return self.sigma_w / self.level.sigma_w

    def forward_moments(self, depth):
        """The `probes.Moments` of (z, h) for layers 0 … depth."""
        return self._forward(probes.Moments, depth)

    @_keep(512)
    def backward_moments(self, depth):
        """The `probes.Moments` of (∂L/∂z, ∂L/∂h) for layers 0 … depth."""
        if self != self.level:
            factors = self.c ** np.arange(depth, -1, -1)
            return tuple(moments.scaled(factors) for moments in self.level.backward_moments(depth))
        dz, dh, exponents = self.gradients(depth)
        return tuple(probes.Moments.of(a).scaled(2.0 ** np.array(exponents)) for a in (dz, dh))

    @_keep(512)
    def weight_gradient_norms(self, depth):
        """‖∂L/∂W_l‖ (Frobenius) for l = 1 … depth, of the weights with their scale, summed over the batch.

        Weights times c make h_{l−1} times c^{l−1} and ∂L/∂z_l times c^{L−l}, where φ is homogeneous: all the
        norms are multiplied by c^{L−1}, and no scale changes how they compare.
        """
        if self != self.level:
            return self.level.weight_gradient_norms(depth) * self.c ** (depth - 1)
        (dz, _, exponents), h = self.gradients(depth), self.signal().h
        norms = [np.linalg.norm(h[layer - 1].T @ dz[layer]) for layer in range(1, depth + 1)]
        return np.array(norms, np.float64) * 2.0 ** np.array(exponents[1:])

    @_keep(512)
    def spectrum(self, depth):
        """The `jacobians.Spectrum` of layers 1 … depth at one input, of a network without a norm."""
        if self != self.level:
            kept = self.level.spectrum(depth)
            return jacobians.Spectrum(kept.values * self.c**depth, kept.bound * self.c**depth)
        each, norms = self.jacobians()
        values = np.linalg.svd(jacobians.product(each[:depth]), compute_uv=False)
        return jacobians.Spectrum(values, np.prod(norms[:depth]))

    def statistics(self, depth):
        """The `Statistics` of (z, h) for layers 0 … depth."""
        return self._forward(Statistics, depth)

    @_keep(512)
    def _forward(self, kind, depth):
        if self != self.level:
            factors = self.c ** np.arange(depth + 1)
            return tuple(found.scaled(factors) for found in self.level._forward(kind, depth))
        if depth < DEEPEST:
            return tuple(found.upto(depth) for found in self._forward(kind, DEEPEST))
        signal = self.signal()
        return kind.of(signal.z), kind.of(signal.h)

    @_keep(512)
    def shape(self, depth, layer, of_z=False, backward=False):
        """How the values of one layer are distributed, in units of their root mean square.

        Returns the share of them in each of BINS, and the share that is exactly 0. Values are h or (`of_z`)
        z, or (`backward`) the gradients by them, from `depth` on.
        """
        if self != self.level:
            return self.level.shape(depth, layer, of_z, backward)
        signal = self.signal()
        z, h, *_ = self.gradients(depth) if backward else (signal.z, signal.h)
        values = (z if of_z else h)[layer]
        rms = np.sqrt(probes.second_moment(values))
        counts, _ = np.histogram(values / rms if rms else values, BINS)
        return counts / values.size, float(np.mean(values == 0))

    @_keep(512)
    def cosine(self, layer):
        """The mean cosine between two inputs' h."""
        if self != self.level:
            return self.level.cosine(layer)
        return float(probes.cosine_similarity(self.signal().h[layer]))

    @_keep(512)
    def saturated(self, layer):
        """The share of saturated values of a layer from 1 on."""
        if self != self.level:
            return self.level.saturated(layer)
        signal = self.signal()
        return float(probes.saturated_share(signal.acts[layer - 1], signal.z[layer]))

    @_keep(512)
    def correlations(self, depth, c):
        """The measured correlation of z between two inputs by layer, and its spread over PAIRS pairs.

        Entry 0 is the inputs' own correlation, c. Of a network without a norm.
        """
        _without_norm(self.norm)
        x, noise, weights, biases = _draws(self.rule, self.width, self.seed)
        phi, scale = layers.activation(self.activation), np.float32(self.sigma_w / np.sqrt(self.width))
        h = np.stack(_pair(x[:PAIRS], noise[:PAIRS], c))
        found = [_row_cosines(*h)]
        for w, b in zip(weights[:depth], biases, strict=False):
            z = (h @ w) * scale + np.float32(self.sigma_b) * b
            found.append(_row_cosines(*z))
            h = phi.forward(z)
        found = np.array(found)
        return found.mean(axis=1), found.std(axis=1)

    # A Signal is up to 16 MB, so few are kept; what is read off one is small, and kept for every position.

    @_keep(2)
    def signal(self):
        """The Signal in this very network."""
        return Signal(self)

    @_keep(2)
    def gradients(self, depth):
        """`Signal.gradients` from `depth` on."""
        return self.signal().gradients(depth)

    @_keep(2)
    def jacobians(self):
        """J_1 … J_DEEPEST at the first input of the batch, and their spectral norms."""
        _without_norm(self.norm)
        signal = self.signal()
        parts = zip(signal.acts, signal.z[1:], signal.weights, strict=True)
        each = np.array([act.backward(np.ones_like(z))[0][:, None] * w.T for act, z, w in parts], float)
        each *= signal.scale
        return each, np.linalg.norm(each, 2, axis=(1, 2))


class Signal:
    """One batch on its way through the layers of a RandomNetwork.

    `z[l]` and `h[l]` are (BATCH, width) arrays; entry 0 of both is the input, whose rows have the length
    √width, so that E[h_0²] is exactly 1.
    """

    def __init__(self, network):
        x, self.output_grad, self.weights, biases = _draws(network.rule, network.width, network.seed)
        self.scale = np.float32(network.sigma_w / np.sqrt(network.width))
        make_norm = layers.NORMS[network.norm]
        self.norms, self.acts = [], []
        self.z, self.h = [x], [x]
        for w, b in zip(self.weights, biases * np.float32(network.sigma_b), strict=True):
            self.norms.append(make_norm(network.width) if make_norm else layers.Identity())
            self.acts.append(layers.activation(network.activation))
            self.z.append(self.norms[-1].forward((self.h[-1] @ w) * self.scale + b))
            self.h.append(self.acts[-1].forward(self.z[-1]))

    def gradients(self, depth):
        """∂L/∂z_l and ∂L/∂h_l for l = 0 … depth, when a random ∂L/∂h of second moment 1 enters at `depth`.

        Three lists: dz, dh and exponents, where ∂L/∂z_l = 2^exponents[l] · dz[l], and ∂L/∂h_l likewise. A
        backward pass is linear, so a power of two taken out changes no digit, and float32 never runs out.
        """
        dh, dz, exponents = [self.output_grad], [], [0]
        parts = list(zip(self.weights, self.norms, self.acts, strict=True))[:depth]
        for w, norm, act in parts[::-1]:
            dz.append(act.backward(dh[-1]))
            grad = (norm.backward(dz[-1]) @ w.T) * self.scale
            _, exponent = np.frexp(np.abs(grad).max())
            dh.append(np.ldexp(grad, -exponent))
            exponents.append(exponents[-1] + int(exponent))
        return [*dz, dh[-1]][::-1], dh[::-1], exponents[::-1]


@dataclass(frozen=True)
class Statistics:
    """Of one quantity, by layer: over all its values, and over the batch unit by unit.

    `units_apart` is the standard deviation of the units' own means, `unit_std` the typical (root mean
    square) standard deviation of one unit over the batch. std² = units_apart² + unit_std².
    """

    mean: np.ndarray
    std: np.ndarray
    units_apart: np.ndarray
    unit_std: np.ndarray

    @classmethod
    def of(cls, arrays):
        """Measured on a list of arrays, one for each layer."""
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

    def scaled(self, factors):
        """After the values of layer l were multiplied by factors[l] > 0."""
        return Statistics(*(curve * factors for curve in vars(self).values()))


@_keep(16)
def _gain(activation):
    return float(theory.gain(layers.activation(activation)))


@_keep(1)
def _pool(rule, seed):
    rng = np.random.default_rng(seed)
    x, grad = (rng.standard_normal((BATCH, WIDEST), dtype=np.float32) for _ in range(2))
    return x, grad, [RULES[rule](WIDEST, WIDEST, rng) for _ in range(DEEPEST)]


@_keep(2)
def _draws(rule, width, seed):
    """Inputs, a gradient for the last layer, and the weights and biases of all layers, of unit variance."""
    if rule == "orthogonal":  # a corner of an orthogonal matrix is not orthogonal
        rng = np.random.default_rng(seed)
        x, grad = (rng.standard_normal((BATCH, width), dtype=np.float32) for _ in range(2))
        weights = [RULES[rule](width, width, rng) for _ in range(DEEPEST)]
    else:
        x, grad, pool = _pool(rule, seed)
        weights = [w[:width, :width] for w in pool]
    biases = np.random.default_rng([seed, 1]).standard_normal((DEEPEST, width), dtype=np.float32)
    return _unit_rows(x[:, :width]), _unit_rows(grad[:, :width]), weights, biases


def _unit_rows(a):
    """Rows rescaled to the length √width: a second moment of exactly 1 for every input."""
    return a * (np.sqrt(a.shape[1]) / np.linalg.norm(a, axis=1, keepdims=True)).astype(np.float32)


def _pair(x, noise, c):
    """Rows x, and rows of the same length whose cosine with x is exactly c."""
    across = noise - x * ((noise * x).sum(1, keepdims=True) / (x * x).sum(1, keepdims=True))
    return x, np.float32(c) * x + np.float32(np.sqrt(1 - c * c)) * _unit_rows(across)


def _row_cosines(a, b):
    a, b = (rows.astype(np.float64) for rows in (a, b))  # squares of an exploding signal leave float32
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return (a * b).sum(1) / np.maximum(lengths, np.finfo(float).tiny)


def _without_norm(norm):
    if norm != "none":
        raise ValueError(f"norm={norm!r}: this is known of networks without a norm alone")
