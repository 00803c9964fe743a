"""A network is a list of layers, and remembers every value that passed through it.

The builders make the networks of the lessons: `mlp`, and `plain`, `residual_v1`, `residual_v2`, which are
as deep as you like. `depth` counts the layers with weights, from the input to the classes.
"""

from copy import deepcopy
from functools import partial
from itertools import pairwise

import numpy as np

from helpers import arguments
from helpers.initializers import he_normal
from helpers.layers import Layer, Linear, Residual, activation, every_layer


class Network:
    """Layers in a row.

    After `forward(x)`, `outputs[i]` is what entered layer i (`outputs[0]` is x, the last is the result).
    After `backward(grad)`, `output_grads[i]` is ∂L/∂outputs[i]. Probes read both. With `remember = False`
    neither is kept, which leaves more of the processor's cache to the computing: `train` does so.
    """

    remember = True

    def __init__(self, layers):
        self.layers = list(layers)
        self.outputs = []
        self.output_grads = []

    @property
    def runs(self):
        """How many runs are stacked in the parameters, or None."""
        weights = (layer.params["weight"] for layer in every_layer(self.layers) if "weight" in layer.params)
        return next((len(w) if w.ndim == 3 else None for w in weights), None)

    def forward(self, x, train=True):
        self.outputs, self.output_grads = [x] if self.remember else [], []
        for layer in self.layers:
            x = layer.forward(x, train)
            if self.remember:
                self.outputs.append(x)
        return x

    def backward(self, grad):
        if self.remember:
            self._check(grad)
        grads = [grad]
        for layer in reversed(self.layers):
            grad = layer.backward(grad)
            if self.remember:
                grads.append(grad)
        self.output_grads = grads[::-1] if self.remember else []
        return grad

    def _check(self, grad):
        if len(self.outputs) != len(self.layers) + 1:
            raise ValueError("Network.backward was called before forward")
        if np.shape(grad) != np.shape(self.outputs[-1]):
            raise ValueError(
                f"grad of shape {np.shape(grad)} does not fit the output {self.outputs[-1].shape}"
            )


def mlp(widths, rng, act="ReLU", init=he_normal, bias=True, last_act=True, dtype=np.float32):
    """A multilayer perceptron: Linear, activation, Linear, activation, …

    `widths` lists the layer sizes from the input on: [64, 256, 10] has two Linear layers. `act` is a name
    of `layers.ACTIVATIONS` or a function that makes a layer. With `last_act=False` the network ends in a
    Linear layer, as a classifier does. Raises ValueError for fewer than two widths or a width below 1.
    """
    widths = [arguments.whole("widths", width) for width in widths]
    if len(widths) < 2:
        raise ValueError(f"widths={widths} needs at least an input and an output width")
    make_act = _maker(act)
    layers = []
    for fan_in, fan_out in pairwise(widths):
        layers += [Linear(fan_in, fan_out, rng, init, bias, dtype), make_act()]
    return Network(layers if last_act else layers[:-1])


def plain(n_in, width, depth, n_out, rng, norm=None, act="ReLU", init=he_normal, dtype=np.float32):
    """Linear, norm, activation, `depth` − 1 times over, and a Linear to the `n_out` outputs.

    `norm` makes the layer that stands before each activation: None, a class such as `BatchNorm`, or any
    function of a width and `dtype=` (`partial(GroupNorm, 8)`). The bias in front of a norm is left out. `act`
    and `init` are those of `mlp`. Raises ValueError for a depth below 1.
    """
    depth = arguments.whole("depth", depth)
    make = _Parts(rng, norm, act, init, dtype)
    widths = [arguments.whole("n_in", n_in)] + [arguments.whole("width", width)] * (depth - 1)
    hidden = [layer for fans in pairwise(widths) for layer in (*make.linear_norm(*fans), make.act())]
    return Network([*hidden, make.linear(widths[-1], n_out)])


def residual_v1(
    n_in, width, depth, n_out, rng, norm=None, act="ReLU", init=he_normal, scale=1.0, dtype=np.float32
):
    """The first ResNet: h ← φ(h + scale · F(h)) with F = Linear, norm, φ, Linear, norm (He et al. 2015b).

    A first Linear, norm, φ leads to the `width`, a last Linear to the outputs; between them stand
    (depth − 2)/2 blocks. `scale` is that of `layers.Residual`, the rest is as in `plain`. Raises
    ValueError for a depth that is odd or below 2.
    """
    blocks = _blocks(depth)
    make = _Parts(rng, norm, act, init, dtype)
    layers = [*make.linear_norm(n_in, width), make.act()]
    for _ in range(blocks):
        branch = [*make.linear_norm(width, width), make.act(), *make.linear_norm(width, width)]
        layers += [Residual(*branch, scale=scale), make.act()]
    return Network([*layers, make.linear(width, n_out)])


def residual_v2(
    n_in, width, depth, n_out, rng, norm=None, act="ReLU", init=he_normal, scale=1.0, dtype=np.float32
):
    """The pre-activation ResNet: h ← h + scale · F(h) with F = norm, φ, Linear, norm, φ, Linear.

    (He et al. 2016b.) Nothing stands on the way of the skip. A first Linear leads to the `width`; a norm, φ
    and a Linear lead to the outputs. Arguments and errors are those of `residual_v1`.
    """
    blocks = _blocks(depth)
    make = _Parts(rng, norm, act, init, dtype)
    layers = [make.linear(n_in, width)]
    for _ in range(blocks):
        inner = [*make.linear_norm(width, width), make.act(), make.linear(width, width)]
        layers.append(Residual(*make.norm(width), make.act(), *inner, scale=scale))
    return Network([*layers, *make.norm(width), make.act(), make.linear(width, n_out)])


def stack(networks):
    """One network that computes several of the same build at once: its parameters have an axis of runs.

    x may have that axis too, or be one batch for all. Run k then computes and trains as `networks[k]`
    would alone, which is left as it is: several seeds, or (with a learning rate for each run) several
    learning rates. Raises ValueError when the networks are not built alike.
    """
    networks = list(networks)
    if not networks:
        raise ValueError("networks=[]: at least one is needed")
    stacked = Network([_without_memory(layer) for layer in networks[0].layers])
    rows = [list(every_layer(network.layers)) for network in networks]
    if any([_build(a) for a in row] != [_build(a) for a in rows[0]] for row in rows):
        raise ValueError("networks: to be stacked, all must have the same layers, shapes and settings")
    for target, *sources in zip(every_layer(stacked.layers), *rows, strict=True):
        for name in target.params:
            target.params[name] = np.stack([source.params[name] for source in sources])
        for name in target.state:
            values = [deepcopy(getattr(source, name)) for source in sources]
            setattr(target, name, np.stack(values) if isinstance(values[0], np.ndarray) else values)
    return stacked


def unstack(network, run):
    """One run of a stacked network, copied into a network of its own. ValueError if there is no such run."""
    if network.runs is None:
        raise ValueError("network has no axis of runs")
    run = arguments.whole("run", run, 0, network.runs - 1)
    alone = Network([_without_memory(layer) for layer in network.layers])
    for layer in every_layer(alone.layers):
        for name, stacked in layer.params.items():
            layer.params[name] = stacked[run].copy()
        for name in layer.state:
            value = getattr(layer, name)[run]
            setattr(layer, name, value.copy() if isinstance(value, np.ndarray) else value)
    return alone


def _build(layer):
    """What two layers must share to be stacked: the type, the parameters' shapes, the settings."""
    settings = {k: v for k, v in vars(layer).items() if type(v) in (int, float)}
    return type(layer), {name: (p.shape, p.dtype) for name, p in layer.params.items()}, settings


def _without_memory(layer):
    """A copy of a layer; `grads` are left out."""
    copied = deepcopy(layer)
    for inner in every_layer([copied]):
        inner.grads = {}
    return copied


def _maker(act):
    if isinstance(act, Layer):
        raise ValueError(f"act={act!r} is one layer: a name or a function that makes a layer is needed")
    return act if callable(act) else partial(activation, act)


def _blocks(depth):
    depth = arguments.whole("depth", depth, low=2)
    if depth % 2:
        raise ValueError(f"depth={depth}: a residual network has 2 + 2 · blocks layers, an even number")
    return (depth - 2) // 2


class _Parts:
    """The pieces that the builders put together."""

    def __init__(self, rng, norm, act, init, dtype):
        self.rng, self.init, self.dtype = rng, init, dtype
        self.make_norm, self.act = norm, _maker(act)

    def linear(self, fan_in, fan_out, bias=True):
        return Linear(fan_in, fan_out, self.rng, self.init, bias, self.dtype)

    def norm(self, width):
        return [self.make_norm(width, dtype=self.dtype)] if self.make_norm else []

    def linear_norm(self, fan_in, fan_out):
        """A Linear and the norm behind it; a Linear with a bias where there is none."""
        return [self.linear(fan_in, fan_out, bias=not self.make_norm), *self.norm(fan_out)]
