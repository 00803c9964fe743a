"""What a network does to a signal: plain statistics, and the same statistics for every layer.

The array functions reduce over the last two axes (batch and features) and keep an axis of runs. Those of a
network go from layer to layer along its trunk, where a residual block counts as one layer: l = 0 is the
input, z_l is what leaves layer l (a Linear, or a block with its sum), h_l is what enters the next one.
`branch` opens a block for the same probes.
"""

from copy import copy, deepcopy
from dataclasses import dataclass

import numpy as np

from helpers import arguments
from helpers.layers import Linear, Residual, every_layer
from helpers.losses import softmax_cross_entropy
from helpers.network import Network, stack
from helpers.optimizers import SGD


def second_moment(a):
    """E[a²], the mean of the squares."""
    return _sum("...bi,...bi->...", a, a) / (np.shape(a)[-1] * np.shape(a)[-2])


def mean(a):
    """E[a]."""
    return _sum("...bi->...", a) / (np.shape(a)[-1] * np.shape(a)[-2])


def peak(a):
    """The largest size |a| of a value."""
    return _float64(np.max(np.abs(a), axis=(-2, -1)))


def variance(a):
    """Var(a) = E[a²] − E[a]², over batch and features together (what `a.var()` gives)."""
    return second_moment(a) - mean(a) ** 2


def batch_variance(a):
    """How much the inputs differ: the variance of each unit across the batch, averaged over the units."""
    return np.var(a, axis=-2, dtype=np.float64).mean(axis=-1)


def cosine_similarity(a):
    """The mean cosine between two different rows of the batch: 1 when all inputs look alike.

    A row of zeros has no direction; its cosine with any other counts as 0.
    """
    a = np.asarray(a, np.float64)
    rows = a / np.maximum(np.linalg.norm(a, axis=-1, keepdims=True), np.finfo(float).tiny)
    own, batch = (rows**2).sum(axis=(-2, -1)), a.shape[-2]
    return ((rows.sum(axis=-2) ** 2).sum(axis=-1) - own) / (batch * (batch - 1))


def saturated_share(activation, z, limit=0.05):
    """The share of values z at which the slope |φ′(z)| is below `limit` of the steepest slope of φ."""
    activation = copy(activation)  # what the network's own layer remembers must stay
    activation.forward(z)
    slope = activation.backward(np.ones_like(z))
    return np.mean(np.abs(slope) < limit * activation.steepest, axis=(-2, -1))


def dead_share(h):
    """The share of units that are exactly 0 for every input of the batch."""
    return np.mean(np.all(np.equal(h, 0), axis=-2), axis=-1)


def linear_probe(h, labels, h_test, labels_test, ridge=1e-3):
    """How well straight lines tell the classes apart in the values of one layer (Alain & Bengio 2016).

    Fits the values h (examples, n) to one-hot labels by least squares, with `ridge` times the number of
    examples on the diagonal, and returns the share of the test examples that it gets right. Raises
    ValueError for labels that do not fit h.
    """
    h, h_test = (np.column_stack([a, np.ones(len(a))]).astype(np.float64) for a in (h, h_test))
    if len(h) != len(labels) or len(h_test) != len(labels_test):
        raise ValueError(
            f"labels: {len(labels)} and {len(labels_test)} do not fit {len(h)} and {len(h_test)}"
        )
    one_hot = np.eye(int(max(labels)) + 1)[labels]
    gram = h.T @ h + ridge * len(h) * np.eye(h.shape[1])
    guesses = (h_test @ np.linalg.solve(gram, h.T @ one_hot)).argmax(axis=1)
    return float(np.mean(guesses == labels_test))


def kept_promise(network, x, y, rates, loss=softmax_cross_entropy):
    """How far along the gradient the loss stays predictable: the drop it makes over the drop it promises.

    For each η of `rates` the loss on x (batch, n) and y (batch, …) after the step W − η ∂L/∂W of all
    parameters, in train mode: (L(W) − L(W − η ∂L/∂W)) / (η ‖∂L/∂W‖²). 1: it falls as a straight line would,
    as for η → 0. Below 0: it rises. The network is left as it is. (The walk along the gradient is that of
    Santurkar et al. 2018, who show the range of the losses on it.) Raises ValueError for a rate that is not
    above 0, or a network with an axis of runs.
    """
    rates = np.array([arguments.number("rates", rate, above=0) for rate in rates])
    if network.runs is not None:
        raise ValueError(f"network has {network.runs} runs: take one of them with unstack")
    copies = stack([network] * len(rates))  # one for each η: all steps are taken at once
    before, grad = loss(copies.forward(x), y)
    copies.backward(grad)
    grads = [g for layer in every_layer(copies.layers) for g in layer.grads.values()]
    squares = sum(np.sum(g.astype(np.float64) ** 2, axis=tuple(range(1, g.ndim))) for g in grads)
    SGD(copies.layers, rates, momentum=0.0).step()
    with np.errstate(all="ignore"):  # a step may be far too long
        after, _ = loss(copies.forward(x), y)
    return (before - after) / (rates * squares)


@dataclass(frozen=True)
class Moments:
    """First and second moment of one quantity, by layer: entry 0 is the input, entry l is layer l.

    `peak` is its largest size, which says where a number type ends.
    """

    second: np.ndarray
    mean: np.ndarray
    peak: np.ndarray

    @classmethod
    def of(cls, arrays):
        """Measured on a list of arrays, one for each layer."""
        return cls(*(np.array([measure(a) for a in arrays]) for measure in (second_moment, mean, peak)))

    @property
    def variance(self):
        return self.second - self.mean**2

    def upto(self, depth):
        """The moments of layers 0 … depth alone."""
        return Moments(*(part[: depth + 1] for part in (self.second, self.mean, self.peak)))

    def scaled(self, factors):
        """The moments after the values of layer l were multiplied by factors[l].

        ReLU, leaky ReLU and linear networks without biases are positively homogeneous: weights times c
        make h_l times cˡ, exactly. One forward pass then serves every weight scale.
        """
        factors = np.reshape(factors, (-1,) + (1,) * (np.ndim(self.mean) - 1))  # beside an axis of runs
        return Moments(self.second * factors**2, self.mean * factors, self.peak * np.abs(factors))


def forward_moments(network):
    """Moments of z and of h for every layer, after `network.forward(x)`: a pair (z, h)."""
    _need(network.outputs, "forward")
    return _moments(network, network.outputs)


def backward_moments(network):
    """Moments of ∂L/∂z and of ∂L/∂h for every layer, after `network.backward(grad)`: a pair (dz, dh)."""
    _need(network.output_grads, "backward")
    return _moments(network, network.output_grads)


def gradient_norms(network, of="h"):
    """‖∂L/∂h_l‖ over the batch for l = 0 … D, after `network.backward(grad)`; `of="z"`: ‖∂L/∂z_l‖.

    Of a pre-activation residual network z is the trunk itself: the h_l of EQ N1.7, and in a plain network
    the same places, those at which a skip would be added.
    """
    _need(network.output_grads, "backward")
    places = _places(network)[("z", "h").index(arguments.one_of("of", of, ("z", "h")))]
    return np.array([_norm(network.output_grads[i]) for i in places])


def block_places(network):
    """Positions of the residual blocks in `network.layers`."""
    return [i for i, layer in enumerate(network.layers) if isinstance(layer, Residual)]


def branch(network, block, train=True):
    """The branch F of a residual block (0, 1, …), as a Network with what passed through it: any probe fits.

    Needs `network.forward(x)` in the same mode, and for its gradients `network.backward(grad)`. The layers
    are copies. Raises ValueError where there is no such block.
    """
    _need(network.outputs, "forward")
    blocks = block_places(network)
    if not blocks:
        raise ValueError("the network has no residual block whose branch could be opened")
    place = blocks[arguments.whole("block", block, 0, len(blocks) - 1)]
    opened = Network(deepcopy(network.layers[place].layers))
    opened.forward(network.outputs[place], train)
    if network.output_grads:
        opened.backward(network.layers[place].scaled(network.output_grads[place + 1]))
    return opened


def _norm(a):
    return np.sqrt(second_moment(a) * (a.shape[-1] * a.shape[-2]))


def _sum(subscripts, *arrays):
    """A sum as float64. It is taken in the arrays' own type while that is safe, as it is three times faster.

    In float32 a sum of squares overflows at values of about 1e16 already, and is inexact below 1e-16, far
    from where the values themselves leave the range (3.4e38 and 1.4e-45).
    """
    total = np.einsum(subscripts, *arrays)
    size = np.abs(total)
    if total.dtype != np.float64 and not np.all((size > 1e-30) & (size < 1e30)):
        total = np.einsum(subscripts, *(np.asarray(a, np.float64) for a in arrays))
    return _float64(total)


def _float64(a):
    """As a float64, or an array of them. (In numpy 1.26 `np.float64` makes one number of an array of one.)"""
    return np.asarray(a, np.float64)[()]


def _moments(network, values):
    return tuple(Moments.of([values[i] for i in places]) for places in _places(network))


def _need(values, direction):
    if not values:
        raise ValueError(f"the network has no values yet: run {direction} first")


def _places(network):
    """Positions of z_l and h_l in `network.outputs`, for l = 0 … D."""
    layers = [i for i, layer in enumerate(network.layers) if isinstance(layer, Linear | Residual)]
    return [0] + [i + 1 for i in layers], [*layers, len(network.layers)]
