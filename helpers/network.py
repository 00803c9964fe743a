"""A network is a list of layers, and remembers every value that passed through it."""

from functools import partial
from itertools import pairwise

import numpy as np

from helpers import arguments
from helpers.initializers import he_normal
from helpers.layers import Layer, Linear, activation


class Network:
    """Layers in a row.

    After `forward(x)`, `outputs[i]` is what entered layer i (`outputs[0]` is x, the last is the result).
    After `backward(grad)`, `output_grads[i]` is ∂L/∂outputs[i]. Probes read both.
    """

    def __init__(self, layers):
        self.layers = list(layers)
        self.outputs = []
        self.output_grads = []

    def forward(self, x, train=True):
        self.outputs = [x]
        for layer in self.layers:
            self.outputs.append(layer.forward(self.outputs[-1], train))
        return self.outputs[-1]

    def backward(self, grad):
        if len(self.outputs) != len(self.layers) + 1:
            raise ValueError("Network.backward was called before forward")
        if np.shape(grad) != np.shape(self.outputs[-1]):
            raise ValueError(
                f"grad of shape {np.shape(grad)} does not fit the output {self.outputs[-1].shape}"
            )
        grads = [grad]
        for layer in reversed(self.layers):
            grads.append(layer.backward(grads[-1]))
        self.output_grads = grads[::-1]
        return grads[-1]


def mlp(widths, rng, act="ReLU", init=he_normal, bias=True, last_act=True, dtype=np.float32):
    """A multilayer perceptron: Linear, activation, Linear, activation, …

    `widths` lists the layer sizes from the input on: [64, 256, 10] has two Linear layers. `act` is a name
    of `layers.ACTIVATIONS` or a function that makes a layer. With `last_act=False` the network ends in a
    Linear layer, as a classifier does. Raises ValueError for fewer than two widths or a width below 1.
    """
    widths = [arguments.whole("widths", width) for width in widths]
    if len(widths) < 2:
        raise ValueError(f"widths={widths} needs at least an input and an output width")
    if isinstance(act, Layer):
        raise ValueError(f"act={act!r}: a name or a class is needed, because every place gets its own layer")
    make_act = act if callable(act) else partial(activation, act)
    layers = []
    for fan_in, fan_out in pairwise(widths):
        layers += [Linear(fan_in, fan_out, rng, init, bias, dtype), make_act()]
    return Network(layers if last_act else layers[:-1])
