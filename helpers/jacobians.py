"""Jacobians: what a small change of one layer does to a later one, and three ways to say how much.

J_l = ∂h_l/∂h_{l−1} has the entry [i, j] = ∂h_l[i]/∂h_{l−1}[j]. Our signals are rows and W is (fan_in,
fan_out), so J_l = diag(φ′(z_l)) W_lᵀ. From layer l to the last, D, leads the product J_D … J_{l+1}: D − l
factors, the last layer first. A gradient is a row, too: ∂L/∂h_l = ∂L/∂h_D · J_D … J_{l+1}  (EQ N1.2).
"""

from dataclasses import dataclass

import numpy as np

from helpers.layers import Linear

RESOLVED = 1e-14  # of the largest: a float64 product cannot tell a smaller singular value from rounding noise


def of_layers(network, x):
    """The Jacobians J_1 … J_D of a network at one input x (n_in,), as a list of (n_out, n_in) arrays.

    The network may hold Linear layers and activations, as an `mlp` does; another kind is a ValueError. Each
    activation belongs to the Linear layer before it.
    """
    x = np.asarray(x)
    if x.ndim != 1:
        raise ValueError(f"x of shape {x.shape}: a Jacobian is taken at one input, of shape (n_in,)")
    found = []
    h = x[None]
    for layer in network.layers:
        is_linear, is_activation = isinstance(layer, Linear), hasattr(layer, "steepest")
        if not is_linear and not (is_activation and found):
            raise ValueError(f"network: {type(layer).__name__} is no Linear layer or activation after one")
        h = layer.forward(h)
        if is_linear:
            found.append(layer.params["weight"].T)
        else:
            found[-1] = layer.backward(np.ones_like(h)).T * found[-1]
    return found


def product(jacobians):
    """J_D … J_1 of the Jacobians J_1 … J_D, in this order."""
    chain = np.eye(jacobians[0].shape[1])
    for jacobian in jacobians:
        chain = jacobian @ chain
    return chain


@dataclass(frozen=True)
class Spectrum:
    """The singular values of a product of Jacobians, the largest first, and the bound on them.

    A direction whose singular value is s arrives s times as long as it set out.
    """

    values: np.ndarray
    bound: float  # ‖J_D‖ … ‖J_1‖: no direction can be stretched more

    @property
    def largest(self):
        """The length of the product, or spectral norm: what the best of all directions gets."""
        return float(self.values[0])

    @property
    def rms(self):
        """What a random direction gets, as a root mean square: ‖J‖_F/√n."""
        return float(np.sqrt(np.mean(self.values**2)))

    @property
    def passing(self):
        """How many directions are not lost: those above RESOLVED of the largest."""
        return int(np.sum(self.values > RESOLVED * self.values[0]))

    @property
    def condition(self):
        """The largest over the smallest singular value; ∞ when a direction is lost."""
        return float(self.values[0] / self.values[-1]) if self.passing == len(self.values) else np.inf


def spectrum(jacobians):
    """The Spectrum of J_D … J_1."""
    jacobians = list(jacobians)
    values = np.linalg.svd(product(jacobians), compute_uv=False)
    return Spectrum(values, float(np.prod([np.linalg.norm(j, 2) for j in jacobians])))
