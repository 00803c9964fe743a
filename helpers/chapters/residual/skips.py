"""What a skip does to a gradient: what mathematics predicts, and the same measured on real blocks.

A block turns h into skip · h + s F(h): skip = 1 is EQ N1.7, skip = 0 a plain network of the same blocks. Its
Jacobian is skip · I + s ∂F/∂h (EQ N1.8). If the weights of F are random and fresh in every block, ∂F/∂h
multiplies E[(∂L/∂h)²] by g², the square of the branch's *factor*, and turns it in a direction that has
nothing to do with the skip's. So the squares add: skip² + s²g² a block.
"""

from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from helpers import arguments, digits, layers, probes
from helpers.data import shared_digits
from helpers.digits import BATCH
from helpers.initializers import lecun
from helpers.layers import BatchNorm, Linear, ReLU, Residual, every_layer
from helpers.losses import softmax_cross_entropy
from helpers.network import Network
from helpers.training import evaluate

NORMS = ("none", "LayerNorm", "BatchNorm")
KEPT = 1 - 1 / np.pi  # what a ReLU under He weights leaves of the variance over the batch, at the same E[h²]

# Growth, in theory


def growth(depth, strength, norm="none", relus=0, skip=1.0, start=1.0):
    """√E[(∂L/∂h_l)²] for l = 0 … depth, when it is 1 at the last block.

    `strength` is s · g, a number or one a block. F is `relus` times norm, ReLU, Linear with He weights
    (0: norm, Linear), its output times g. Without a norm a block multiplies the mean square by
    skip² + s²g²: with a skip that makes (1 + s²g²)^{D/2}. A norm divides the branch's gradient by the size of
    h, whose mean square grows from `start` by s²g² a block: from 1 no more than √(1 + D s²g²) in all (De &
    Smith 2020). BatchNorm goes by the variance over the batch, which a ReLU cuts to 1 − 1/π (Yang et al.
    2019). Raises ValueError for an unknown norm, and for a depth that does not fit the strengths.
    """
    return np.sqrt(_from_the_end(_through_branch(depth, strength, norm, relus, skip, start) + skip**2))


def branch_parts(depth, strength, norm="none", relus=0, start=1.0):
    """The part of the squared gradient that each block of a residual network sends through its branch.

    s²g²/(1 + s²g²) without a norm; arguments are those of `growth`. The rest takes the skip.
    """
    through_branch = _through_branch(depth, strength, norm, relus, 1.0, start)
    return through_branch / (1 + through_branch)


def _through_branch(depth, strength, norm, relus, skip, start):
    """What each branch does to the mean square of a gradient."""
    depth = arguments.whole("depth", depth, low=0)
    if np.ndim(strength) and np.shape(strength) != (depth,):
        raise ValueError(f"strength of shape {np.shape(strength)}: a number or {depth} of them are needed")
    arguments.one_of("norm", norm, NORMS)
    size = arguments.number("start", start, above=0)
    kept = KEPT if norm == "BatchNorm" and relus else 1.0
    found = np.zeros(depth)
    for block, square in enumerate(np.broadcast_to(np.square(strength), depth)):
        found[block] = square if norm == "none" else square / (size * kept ** (max(relus, 1) - 1))
        size = skip**2 * size + square * kept
    return found


def scalar_growth(depth, strength, skip=1.0):
    """|∂L/∂h_l| for l = 0 … depth through blocks of one number with F′ = g: |skip + s g|^{depth − l}."""
    factors = np.broadcast_to(np.abs(skip + np.asarray(strength, float)), depth)
    return _from_the_end(factors)


def _from_the_end(factors):
    """The product of the factors of all later blocks, for l = 0 … D."""
    return np.append(np.cumprod(factors[::-1])[::-1], 1.0)


# Growth, measured


def through_blocks(branches, h, grad_of, strength=1.0, skip=1.0):
    """Send h (batch, n) through blocks h ← skip · h + s F(h), then a gradient back through them.

    `branches` is a list with the layers of each F; `grad_of(h)` is ∂L/∂h_D. Returns √E[(∂L/∂h_l)²] for
    l = 0 … D. The layers are frozen: no gradients of weights are computed.
    """
    for layer in every_layer(layer for branch in branches for layer in branch):
        layer.frozen = True
    for branch in branches:
        f = h
        for layer in branch:
            f = layer.forward(f)
        h = skip * h + strength * f
    grad = grad_of(h)
    sizes = [probes.second_moment(grad)]
    for branch in branches[::-1]:
        through_branch = strength * grad
        for layer in branch[::-1]:
            through_branch = layer.backward(through_branch)
        grad = skip * grad + through_branch
        sizes.append(probes.second_moment(grad))
    return np.sqrt(sizes[::-1])


class Flow(NamedTuple):
    """√E[(∂L/∂h_l)²] for l = 0 … D, in units of the last: measured and predicted, plain and residual."""

    plain: np.ndarray
    residual: np.ndarray
    plain_theory: np.ndarray
    residual_theory: np.ndarray
    scales: np.ndarray  # s, one a block


WIDTH, DEEPEST = 64, 100
BLOCKS = ("one number", "random matrices", "real network")
BRANCH_SCALES = {"1": lambda depth: 1.0, "1/√D": lambda depth: depth**-0.5, "0": lambda depth: 0.0}
STAGES, STEPS = 6, 11  # of training for learned scales, and the steps of a stage: three epochs in all


def flow(blocks, depth, g, scale, norm, seed):
    """The `Flow` through `depth` random blocks of factor g, for an instrument that asks again and again.

    `blocks` is one of BLOCKS: F(h) = g h for one number, which no norm can divide; a random matrix; or norm,
    ReLU, Linear, norm, ReLU, Linear between a first and a last layer, with digits going in. `scale` is one
    of BRANCH_SCALES.
    """
    depth = arguments.whole("depth", depth, 1, DEEPEST)
    s = BRANCH_SCALES[arguments.one_of("scale", scale, BRANCH_SCALES)](depth)
    case = (arguments.one_of("blocks", blocks, BLOCKS), depth, float(g), norm, seed)
    plain, residual = _sizes(*case, 1.0, skip=0), _sizes(*case, s, skip=1)
    return Flow(plain[0], residual[0], plain[1], residual[1], np.full(depth, s))


def learned_flow(depth, g, norm, seed):
    """The `Flow` of a real network whose scales are learned from 0 on: at the start and after each stage.

    Digits, SGD with momentum 0.9 at a rate of 0.01, batches of 64; a generator. The theory takes the scales
    as they are, and the weights as still random.
    """
    data = shared_digits()
    x, y = data.x_train[:BATCH], data.y_train[:BATCH]
    plain, plain_theory = _sizes("real network", depth, float(g), norm, seed, 1.0, skip=0)
    network = _network(depth, norm, seed, scale="learned", g=g)
    training = digits.Training(network, lr=0.01)
    blocks = [layer for layer in network.layers if isinstance(layer, Residual)]
    for stage in range(STAGES + 1):
        if stage:
            training.begin(STEPS, order=stage).finish()
        _, grad = softmax_cross_entropy(network.forward(x), y)
        network.backward(grad)
        found = probes.gradient_norms(network, of="z")[1:-1]
        scales = np.array([float(block.params["scale"][0]) for block in blocks])
        start = _start(network.outputs[1], norm)
        theory = growth(depth, scales * g, norm, relus=2, start=start)
        yield Flow(plain, found / found[-1], plain_theory, theory, scales)


@lru_cache(maxsize=256)
def _sizes(blocks, depth, g, norm, seed, s, skip):
    """Measured and predicted sizes by block, over the last."""
    theory = _predict(blocks, depth, s * g, norm, seed, skip)
    if blocks == "one number":
        return theory, theory
    branches, h, grad_of = _parts(blocks, norm, seed)
    if skip == 0 and norm == "none":  # homogeneous: from 1 to g exactly, where float32 has no room
        sizes = through_blocks(branches[:depth], h, grad_of, 1.0, skip) * scalar_growth(depth, g, skip)
    else:
        sizes = through_blocks(branches[:depth], h, grad_of, s * g, skip)
    return sizes / sizes[-1], theory


def _predict(blocks, depth, strength, norm, seed, skip=1.0):
    if blocks == "one number":
        return scalar_growth(depth, strength, skip)
    relus = 2 if blocks == "real network" else 0
    return growth(depth, strength, norm, relus, skip, _start(_parts(blocks, norm, seed)[1], norm))


@lru_cache(maxsize=64)
def law(blocks, depth, every_g, scale, norm, seed):
    """R, the gradient that arrives at h_0, in theory: an array with an entry for each g of `every_g`."""
    s = BRANCH_SCALES[scale](depth)
    return np.array([_predict(blocks, depth, s * g, norm, seed)[0] for g in every_g])


@lru_cache(maxsize=3)
def _parts(blocks, norm, seed):
    """Branches of factor 1, what goes into the first, and a function that gives ∂L/∂h after the last."""
    if blocks == "real network":
        network, data = _network(DEEPEST, norm, seed), shared_digits()
        branches = [layer.layers for layer in network.layers if isinstance(layer, Residual)]
        head = Network(network.layers[1 + DEEPEST :])

        def grad_of(h):
            _, grad = softmax_cross_entropy(head.forward(h), data.y_train[:BATCH])
            return head.backward(grad)

        return branches, network.layers[0].forward(data.x_train[:BATCH]), grad_of
    rng = np.random.default_rng(seed)
    h, grad = rng.standard_normal((2, BATCH, WIDTH), dtype=np.float32)
    branches = []
    for _ in range(DEEPEST):
        linear = Linear(WIDTH, WIDTH, rng, lecun, bias=False)
        make = layers.NORMS[norm]
        branches.append([make(WIDTH), linear] if make else [linear])
    return branches, h, lambda h: grad


def _network(depth, norm, seed, scale=1.0, g=1.0):
    """`residual_v2` for the digits with `depth` blocks whose last weights are multiplied by `g`."""
    network = digits.Build(2 + 2 * depth, WIDTH, norm, scale=scale).network(seed)
    for block in network.layers[1 : 1 + depth]:
        block.layers[-1].params["weight"] *= np.float32(g)
    return network


def _start(h, norm):
    """The size of h that a norm in the first block divides by."""
    return float(probes.batch_variance(h) if norm == "BatchNorm" else probes.second_moment(h))


# Paths


def path_lengths(depth, share=0.5):
    """How the lengths of paths are distributed: the chance of k = 0 … depth blocks, each in with its `share`.

    `share` is a number or one a block. ½ counts the 2^depth paths through a residual network by the number
    of branches that they take; s²g²/(1 + s²g²) is a random block's part of the squared gradient, and so
    gives the share of it that came through k branches (Veit et al. 2016).
    """
    depth = arguments.whole("depth", depth, low=0)
    chance = np.ones(1)
    for p in np.broadcast_to(share, depth):
        arguments.number("share", float(p), low=0, high=1)
        chance = np.append((1 - p) * chance, 0) + np.append(0, p * chance)
    return chance


def gradients_by_path_length(network, x, y):
    """∂L/∂h_0 of a `residual_v2` network, taken apart: an array (blocks + 1, batch, n).

    Entry k is the sum over all paths that go through exactly k branches; the sum of all entries is the
    whole gradient. In eval mode, in which no input sees another. Raises ValueError for another network.
    """
    places = probes.block_places(network)
    if places != list(range(1, len(places) + 1)):
        raise ValueError("network: a first layer and then residual blocks in a row are needed")
    _, grad = softmax_cross_entropy(network.forward(x, train=False), y)
    for layer in network.layers[:0:-1][: -len(places) or None]:
        grad = layer.backward(grad)
    found = np.zeros((len(places) + 1, *grad.shape), grad.dtype)
    found[0] = grad
    for place in places[::-1]:
        block = network.layers[place]
        block.forward(np.tile(network.outputs[place], (len(found), 1)), train=False)
        whole = block.backward(found.reshape(-1, found.shape[-1])).reshape(found.shape)
        found[1:] += (whole - found)[:-1]  # I + s ∂F/∂h, less the I: one branch longer
    return found


def pieces(network):
    """What can be cut out of a network: ranges of layers. Residual blocks; of a plain network, two by two the
    hidden layers, each with its norm and activation, which have as many weights as a block."""
    if blocks := probes.block_places(network):
        return [range(i, i + 1) for i in blocks]
    linear = [i for i, layer in enumerate(network.layers) if isinstance(layer, Linear)]
    return [range(*ends) for ends in pairwise([*linear[1:-1:2], linear[-1]])]


def without(network, cut):
    """The same network with the `pieces` cut out whose numbers (0, 1, …) are in `cut`. Layers are shared."""
    every = pieces(network)
    out = {i for number in cut for i in every[arguments.whole("cut", int(number), 0, len(every) - 1)]}
    return Network([layer for i, layer in enumerate(network.layers) if i not in out])


def lesions(network, x, y):
    """The accuracy on x, y, in eval mode, without each of the `pieces` in turn."""
    return np.array([evaluate(without(network, [i]), x, y)[1] for i in range(len(pieces(network)))])


# Shattered gradients


def line_network(depth, width, rng, scale=None, norm=None):
    """A network of one input and one output with `depth` ReLU layers, for gradients along a line.

    Balduzzi et al. (2017): weights by He's rule, biases N(0, 1) in the first layer only. `scale` makes all
    layers after the first residual blocks h + scale · Linear(ReLU(h)); None: a plain network. `norm` stands
    in front of each ReLU but the first.
    """
    first = Linear(1, width, rng, dtype=np.float64)
    first.params["bias"] = rng.standard_normal(width)
    layers = [first] if scale is not None else [first, ReLU()]
    for _ in range(depth - 1):
        linear = Linear(width, width, rng, bias=False, dtype=np.float64)
        norms = [norm(width, dtype=np.float64)] if norm else []
        if scale is None:
            layers += [linear, *norms, ReLU()]
        else:
            layers.append(Residual(*norms, ReLU(), linear, scale=scale))
    return Network([*layers, Linear(width, 1, rng, bias=False, dtype=np.float64)])


def input_gradients(network, x):
    """∂y/∂x of a `line_network` at each x (points,). BatchNorm has the statistics of all of x, held fixed."""
    fix_statistics(network, x[:, None])
    y = network.forward(x[:, None], train=False)
    return network.backward(np.ones_like(y))[:, 0]


def autocorrelation(a, lag):
    """How alike a series is to itself `lag` places on: 1 for the same, 0 for white noise."""
    a = np.asarray(a, float) - np.mean(a)
    lag = arguments.whole("lag", lag, 0, len(a) - 1)
    if not a.any():
        raise ValueError("a is the same everywhere: it has no autocorrelation")
    return float(a[lag:] @ a[: len(a) - lag] / (a @ a))


def slopes(x, depth, scale=None, norm=None, seed=0):
    """∂y/∂x at each x of a random `line_network` of width 100, in units of its root mean square."""
    found = input_gradients(line_network(depth, 100, np.random.default_rng(seed), scale, norm), x)
    return found / np.sqrt(np.mean(found**2))


def likeness(x, depth, lag=4, seeds=12, **kind):
    """The median autocorrelation of the `slopes` of several networks."""
    return np.median([autocorrelation(slopes(x, depth, seed=seed, **kind), lag) for seed in range(seeds)])


def fix_statistics(network, x):
    """Set the running statistics of every BatchNorm to those of this batch, as eval mode will use them."""
    norms = [layer for layer in every_layer(network.layers) if isinstance(layer, BatchNorm)]
    momenta = [layer.momentum for layer in norms]
    for layer in norms:
        layer.momentum = 1.0
    network.forward(x)
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum


# Beyond the skip


def doubly_stochastic(a, rounds=20):
    """A positive matrix scaled until every row and every column sums to 1 (Sinkhorn & Knopp 1967)."""
    a = np.asarray(a, float)
    if a.ndim != 2 or a.shape[0] != a.shape[1] or not np.all(a > 0):
        raise ValueError("a: a square matrix of positive numbers is needed")
    for _ in range(arguments.whole("rounds", rounds)):
        a = a / a.sum(axis=1, keepdims=True)
        a = a / a.sum(axis=0, keepdims=True)
    return a


def largest_row_sums(tied, seed, blocks=60, lanes=4):
    """The largest row sum of |H_l … H_1| for l = 1 … blocks; if `tied`, each H is doubly stochastic."""
    rng, product, found = np.random.default_rng(seed), np.eye(lanes), []
    for _ in range(blocks):
        h = np.eye(lanes) + 0.3 * rng.standard_normal((lanes, lanes))
        product = (doubly_stochastic(np.exp(4 * h)) if tied else h) @ product
        found.append(np.abs(product).sum(axis=1).max())
    return np.array(found)


def clear():
    """Forget all that was kept."""
    for kept in (_sizes, law, _parts):
        kept.cache_clear()
