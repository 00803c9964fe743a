"""What mathematics predicts for a wide random network, before any is built.

Weights are independent with variance σ_w²/fan_in, biases N(0, σ_b²). Then each pre-activation z of a wide
layer is close to normal with mean 0, and one number per layer, q = E[z²], tells everything:

    E[z²] = σ_w² E[h²] + σ_b²,        E[h²] = E[φ(√q ξ)²],   ξ ~ N(0, 1)

(He et al. 2015, eq. 6–8; Poole et al. 2016, eq. 3). `phi` is a layer of `helpers.layers`, or any function
of an array where no slope is needed. All results are float64.
"""

from dataclasses import dataclass

import numpy as np

from helpers import arguments


def _graded_nodes(levels=24, points=10, reach=12.0):
    """Nodes and weights for E[f(ξ)]: Gauss–Legendre on panels that halve towards ξ = 0.

    Activations bend at z = 0. With z = √q ξ and a large q the whole bend of tanh lies in a sliver around
    0, between the nodes of a Gauss–Hermite rule, which then reports a wrong mean with no warning. Panels
    [reach/2, reach], [reach/4, reach/2], … have nodes at every scale.
    """
    x, w = np.polynomial.legendre.leggauss(points)
    edges = np.append(reach * 2.0 ** -np.arange(levels), 0.0)
    half = (edges[:-1] - edges[1:]) / 2
    nodes = (edges[:-1] + edges[1:])[:, None] / 2 + half[:, None] * x
    weights = half[:, None] * w * np.exp(-(nodes**2) / 2) / np.sqrt(2 * np.pi)
    nodes, weights = nodes.ravel(), weights.ravel()
    return np.concatenate([-nodes, nodes]), np.concatenate([weights, weights])


_XI, _WEIGHT = _graded_nodes()


def expectation(f):
    """E[f(ξ)] for ξ ~ N(0, 1). `f` takes an array; it may bend or jump at 0, at any sharpness."""
    return float(_WEIGHT @ f(_XI))


def mean_after(phi, q=1.0):
    """E[φ(z)] for z ~ N(0, q)."""
    root = _root("q", q)
    return expectation(lambda xi: phi(root * xi))


def second_moment_after(phi, q=1.0):
    """E[φ(z)²] for z ~ N(0, q): ½q for ReLU, q for a linear layer."""
    root = _root("q", q)
    return expectation(lambda xi: phi(root * xi) ** 2)


def slope_moment(phi, q=1.0):
    """E[φ′(z)²] for z ~ N(0, q): ½ for ReLU. `phi` must be a layer, for its backward pass."""
    _, slope = _value_and_slope(phi, _root("q", q) * _XI)
    return float(_WEIGHT @ slope**2)


def gain(phi):
    """The σ_w that holds E[z²] at 1: 1/√E[φ(ξ)²]. √2 for ReLU, √(2/(1 + α²)) for leaky ReLU, 1.59 for tanh.

    Where φ is homogeneous it holds E[z²] and E[h²] at any value.
    """
    return 1 / np.sqrt(second_moment_after(phi))


def variance_map(phi, q, sigma_w, sigma_b=0.0):
    """One layer: q = E[z²] ↦ σ_w² E[φ(√q ξ)²] + σ_b² (Poole et al. 2016, eq. 3)."""
    sigma_w, sigma_b = _sigmas(sigma_w, sigma_b)
    return sigma_w**2 * second_moment_after(phi, q) + sigma_b**2


def forward_factor(phi, sigma_w, h2=1.0):
    """What one layer does to E[h²] when it is `h2`: ×½σ_w² for ReLU at any h2."""
    sigma_w, _ = _sigmas(sigma_w, 0.0)
    h2 = arguments.number("h2", h2, above=0)
    return second_moment_after(phi, sigma_w**2 * h2) / h2


def backward_factor(phi, sigma_w, q=1.0):
    """What one layer, where E[z²] = q, does to E[(∂L/∂h)²] on the way back: χ = σ_w² E[φ′(z)²].

    Holds for equal widths (else times fan_out/fan_in), with forward and backward values taken as
    independent (Schoenholz et al. 2017, eq. 9). χ < 1: gradients vanish. χ > 1: they explode.
    """
    sigma_w, _ = _sigmas(sigma_w, 0.0)
    return sigma_w**2 * slope_moment(phi, q)


def batch_norm_growth(phi):
    """What one layer of Linear, BatchNorm, φ does to ‖∂L/∂h‖ on the way back, at initialization.

    BatchNorm divides by the standard deviation of z = hW over the batch, σ_w √Var h, so σ_w cancels:
    √(E[φ′(ξ)²]/Var φ(ξ)), ξ ~ N(0, 1). For ReLU √(π/(π − 1)) = 1.211, for a linear layer 1 (Yang et al.
    2019). Holds for wide layers and large batches; in small ones gradients grow faster.
    """
    variance = second_moment_after(phi) - mean_after(phi) ** 2
    return np.sqrt(slope_moment(phi) / variance)


@dataclass(frozen=True)
class Fluctuation:
    """How a sample mean over the units of one layer, such as E[h²], differs from network to network."""

    kick: np.ndarray  # by layer: relative variance of one unit's term; a layer of n units adds kick/n
    sensitivity: np.ndarray  # by layer: d ln(mean) / d ln E[z²], how much of a spread in E[z²] it takes over


@dataclass(frozen=True)
class Prediction:
    """The signal by layer, as arrays: entry 0 is the input (taken as z = h, mean 0), entry l layer l."""

    z2: np.ndarray  # E[z²]
    h2: np.ndarray  # E[h²]
    h_mean: np.ndarray  # E[h]
    slope2: np.ndarray  # E[φ′(z)²]
    fluctuations: dict  # of "z2", "h2", "h_variance"; "slope2" has a kick only
    sigma_w: float
    sigma_b: float

    @property
    def h_variance(self):
        """Var(h) = E[h²] − E[h]²."""
        return self.h2 - self.h_mean**2

    @property
    def chi(self):
        """The backward factor of layers 1 … D: χ_l = σ_w² E[φ′(z_l)²]."""
        return self.sigma_w**2 * self.slope2[1:]

    @property
    def h_gradient2(self):
        """E[(∂L/∂h_l)²] for l = 0 … D, when it is 1 at the last layer: the product of the later χ."""
        return np.append(np.cumprod(self.chi[::-1])[::-1], 1.0)

    @property
    def z_gradient2(self):
        """E[(∂L/∂z_l)²]: a slope is all that lies between it and ∂L/∂h_l."""
        return self.h_gradient2 * self.slope2

    def log_spread(self, width, of="h2", orthogonal=False):
        """The standard deviation, over random weights, of ln E[h_l²] in a network `width` units wide.

        `of` may also be "z2" (E[z²]) or "h_variance" (Var h). A layer takes over the spread of E[z²], which
        is that of the E[h²] before it, and adds kick/n. ReLU: √(5l/n) (Hanin & Nica 2020); linear:
        √(2l/n). An orthogonal W keeps lengths, which takes 2/n away: ReLU √(3l/n), linear 0.
        """
        width = arguments.whole("width", width)
        arguments.one_of("of", of, ("z2", "h2", "h_variance"))

        def variance(part, layer, of_z2):
            kick, sensitivity = part.kick[layer], part.sensitivity[layer]
            return sensitivity**2 * of_z2 + (kick - 2 * sensitivity**2 * orthogonal) / width

        found, of_h2 = [0.0], 0.0
        for layer in range(1, len(self.z2)):
            of_z2 = of_h2 * (1 - self.sigma_b**2 / self.z2[layer]) ** 2
            of_h2 = variance(self.fluctuations["h2"], layer, of_z2)
            found.append(variance(self.fluctuations[of], layer, of_z2))
        return np.sqrt(np.maximum(found, 0.0))

    def gradient_log_spread(self, width, orthogonal=False):
        """The same for ln E[(∂L/∂h_l)²], counted from the last layer: √(5(D − l)/n) for ReLU."""
        width = arguments.whole("width", width)
        fresh = (3 * self.fluctuations["slope2"].kick[1:] + 2 * (not orthogonal)) / width
        return np.sqrt(np.append(np.cumsum(fresh[::-1])[::-1], 0.0))


def propagate(phi, depth, sigma_w, sigma_b=0.0, h2=1.0):
    """Follow an input of second moment `h2` through `depth` layers: a `Prediction` of length depth + 1."""
    depth = arguments.whole("depth", depth, low=0)
    sigma_w, sigma_b = _sigmas(sigma_w, sigma_b)
    h2 = arguments.number("h2", h2, above=0)
    rows = [(h2, h2, 0.0, 1.0)]
    parts = {"z2": [(2.0, 1.0)], "h2": [(2.0, 1.0)], "h_variance": [(2.0, 1.0)], "slope2": [(0.0, 0.0)]}
    for _ in range(depth):
        q = sigma_w**2 * rows[-1][1] + sigma_b**2
        z = np.sqrt(q) * _XI
        h, slope = _value_and_slope(phi, z)
        mean = _WEIGHT @ h
        rows.append((q, _WEIGHT @ h**2, mean, _WEIGHT @ slope**2))
        parts["z2"].append((2.0, 1.0))
        parts["h2"].append(_fluctuation(h, slope * z))
        parts["h_variance"].append(_fluctuation(h - mean, slope * z))
        parts["slope2"].append((_fluctuation(slope)[0], 0.0))
    fluctuations = {name: Fluctuation(*np.array(pairs).T) for name, pairs in parts.items()}
    return Prediction(*np.array(rows).T, fluctuations, sigma_w, sigma_b)


def log10_band(mean, spread):
    """log10 of the two values between which 95% of networks lie: theory's mean, and the spread of its ln.

    A product of random factors is skewed: its typical value lies below its mean by spread²/2.
    """
    middle = np.log(mean) - spread**2 / 2
    return [(middle + side * spread) / np.log(10) for side in (-2, 2)]


def _fluctuation(a, growth=0.0):
    """(kick, sensitivity) of E[a²], when d a / d ln z = growth."""
    mean_square = _WEIGHT @ a**2
    return _WEIGHT @ (a**2 / mean_square) ** 2 - 1, _WEIGHT @ (a * growth) / mean_square


@dataclass(frozen=True)
class FixedPoint:
    """A second moment that one layer leaves as it is, and the slope of the map there (below 1: stable)."""

    q: float
    slope: float

    @property
    def stable(self):
        return abs(self.slope) < 1


def fixed_points(phi, sigma_w, sigma_b=0.0, low=1e-6, high=1e6):
    """All q in [low, high] with variance_map(q) = q, smallest first, and q = 0 where it is one.

    An empty list means that the signal grows (or falls) for ever. Where every q is fixed, as for ReLU
    with σ_w = √2 and no bias, the list holds q = 1 alone, with slope 1.
    """

    def excess(log_q):
        return np.log(variance_map(phi, np.exp(log_q), sigma_w, sigma_b)) - log_q

    def at(q):
        step = 1e-4 * q
        rise = variance_map(phi, q + step, sigma_w, sigma_b)
        fall = variance_map(phi, q - step, sigma_w, sigma_b)
        return FixedPoint(float(q), float((rise - fall) / (2 * step)))

    grid = np.linspace(np.log(low), np.log(high), 81)
    values = np.array([excess(x) for x in grid])
    if np.all(np.abs(values) < 1e-9):
        return [FixedPoint(1.0, 1.0)]
    found = []
    if sigma_b == 0 and float(phi(np.zeros(1))[0]) == 0:
        near_zero = variance_map(phi, low, sigma_w) / low
        found.append(FixedPoint(0.0, float(near_zero)))
    above = values > 0  # not the sign: a grid point may be a fixed point itself
    for i in np.flatnonzero(above[:-1] != above[1:]):
        found.append(at(np.exp(_bisect(excess, grid[i], grid[i + 1]))))
    return found


def settled_second_moment(phi, sigma_w, sigma_b=0.0):
    """The q = E[z²] at which a deep signal settles: the largest stable fixed point, or None if it never does.

    It never does for ReLU above σ_w = √2. At √2 without biases every q is fixed, and 1 stands for all.
    """
    points = fixed_points(phi, sigma_w, sigma_b)
    stable = [point.q for point in points if point.slope < 1 + 1e-9]
    return max(stable, default=None)


def critical_line(phi, q):
    """The edge of chaos: for each q the (σ_w, σ_b) with χ = 1 at E[z²] = q, as two arrays.

    σ_w² = 1/E[φ′(z)²], and the σ_b that makes q a fixed point, σ_b² = q − σ_w² E[h²] (Schoenholz et al.
    2017); a q that would need σ_b² < 0 has no point. For a homogeneous φ (ReLU) χ does not depend on q and
    the line is σ_w = const, given for σ_b = √q; on it only (σ_w, 0) has a fixed point.
    """
    points = []
    for value in np.atleast_1d(q):
        sigma_w2 = 1 / slope_moment(phi, value)
        used = 0 if getattr(phi, "homogeneous", False) else sigma_w2 * second_moment_after(phi, value)
        if used <= value * (1 + 1e-9):
            points.append((np.sqrt(sigma_w2), np.sqrt(max(value - used, 0.0))))
    return np.array(points).reshape(-1, 2).T


def correlation_map(phi, c, q, sigma_w, sigma_b=0.0):
    """One layer: two inputs whose z have correlation c and second moment q ↦ the next correlation of z.

    c′ = (σ_w² E[φ(u)φ(v)] + σ_b²)/q′, u and v normal with E[uv] = qc (Poole et al. 2016, eq. 5). Exact to
    about 1e-3, and to 1e-4 for activations that are not saturated.
    """
    sigma_w, sigma_b = _sigmas(sigma_w, sigma_b)
    c = arguments.number("c", c, low=-1, high=1)
    root = np.sqrt(arguments.number("q", q, above=0))
    # v bends where u does not, so its second coordinate is spread evenly instead of graded to 0.
    v = root * (c * _COARSE_XI[:, None] + np.sqrt(1 - c * c) * _EVEN)
    product = (_COARSE_WEIGHT * phi(root * _COARSE_XI)) @ (phi(v) @ _EVEN_WEIGHT)
    return float((sigma_w**2 * product + sigma_b**2) / variance_map(phi, q, sigma_w, sigma_b))


def propagate_correlation(phi, depth, c, sigma_w, sigma_b=0.0, h2=1.0):
    """The correlation of two inputs by layer: entry 0 is their own, c, entry l that of their z_l."""
    depth = arguments.whole("depth", depth, low=1)
    h2 = arguments.number("h2", h2, above=0)
    c = arguments.number("c", c, low=-1, high=1)
    sigma_w, sigma_b = _sigmas(sigma_w, sigma_b)
    q = sigma_w**2 * h2 + sigma_b**2
    course = [c, (sigma_w**2 * h2 * c + sigma_b**2) / q]
    while len(course) <= depth:
        if abs(course[-1] - course[-2]) < 1e-13 and len(course) > 3:
            return np.array(course + [course[-1]] * (depth + 1 - len(course)))  # it has arrived
        course.append(min(1.0, max(-1.0, correlation_map(phi, course[-1], q, sigma_w, sigma_b))))
        q = variance_map(phi, q, sigma_w, sigma_b)
    return np.array(course)


_COARSE_XI, _COARSE_WEIGHT = _graded_nodes(levels=11, points=5)
_EVEN = np.linspace(-6, 6, 97)
_EVEN_WEIGHT = np.exp(-(_EVEN**2) / 2) / np.exp(-(_EVEN**2) / 2).sum()


def _bisect(f, low, high):
    """A root of f between two points where its signs differ, to 14 digits."""
    falling = f(low) > 0
    for _ in range(48):
        middle = (low + high) / 2
        low, high = (middle, high) if (f(middle) > 0) == falling else (low, middle)
    return (low + high) / 2


def _value_and_slope(phi, z):
    if not hasattr(phi, "backward"):
        raise ValueError(f"phi={phi!r} has no slope: use a layer such as layers.Tanh()")
    return phi.forward(z), phi.backward(np.ones_like(z))


def _root(name, q):
    return np.sqrt(arguments.number(name, q, low=0))


def _sigmas(sigma_w, sigma_b):
    return (
        arguments.number("sigma_w", sigma_w, above=0),
        arguments.number("sigma_b", sigma_b, low=0),
    )
