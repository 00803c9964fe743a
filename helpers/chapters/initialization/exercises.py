"""Chapter 2: how large the first weights should be."""

from itertools import pairwise

import numpy as np

from helpers.checking.exercise import Check, Personal, Property
from helpers.checking.values import Phi, Rng

# --- Inputs that several exercises draw ---------------------------------------------------------------


def seed(rng):
    return Rng(int(rng.integers(10_000)))


def fans(rng, count):
    """Pairs of fans that differ by a factor of 5 or more, in turn one and the other, with 24,000 weights."""
    pairs = [(int(rng.integers(60, 80)), int(rng.integers(400, 500))) for _ in range(count)]
    return [pair if i % 2 else pair[::-1] for i, pair in enumerate(pairs)]


def some_widths(rng, depth, low=20, high=60):
    """The widths of a network, no two neighbours alike."""
    widths = [int(rng.integers(low, high))]
    while len(widths) <= depth:
        width = int(rng.integers(low, high))
        if not 0.8 < width / widths[-1] < 1.25:
            widths.append(width)
    return widths


# --- 2.1 Xavier ---------------------------------------------------------------------------------------


def xavier(fan_in, fan_out, law, rng):
    """Xavier's weights, (fan_in, fan_out); law is "normal" or "uniform"."""
    variance = 2 / (fan_in + fan_out)  # one over the mean fan
    if law == "normal":
        return rng.normal(0, np.sqrt(variance), (fan_in, fan_out))
    # U(-a, a) has the variance a²/3: the bound is √3 standard deviations.
    a = np.sqrt(3 * variance)
    return rng.uniform(-a, a, (fan_in, fan_out))


def two_laws(std, bound=None, laws=("normal", "uniform")):
    """The function that draws N(0, std²) or U(-bound, bound); by default the bound that fits the std."""

    def draw(fan_in, fan_out, law, rng):
        if laws[law == "uniform"] == "normal":
            return rng.normal(0, std(fan_in, fan_out), (fan_in, fan_out))
        a = bound(fan_in, fan_out) if bound else np.sqrt(3) * std(fan_in, fan_out)
        return rng.uniform(-a, a, (fan_in, fan_out))

    return draw


def xavier_std(fan_in, fan_out):
    return np.sqrt(2 / (fan_in + fan_out))


def in_one_or_both(std, bound=None):
    """The functions that draw so by both laws, and by one of them."""

    def fitting(std):
        return lambda i, o: np.sqrt(3) * std(i, o)

    bound = bound or fitting(std)
    return two_laws(std, bound), two_laws(std, fitting(xavier_std)), two_laws(xavier_std, bound)


def cut_at_two(rng, std, shape):
    """N(0, std²) without what lies beyond two standard deviations: its variance is 0.774 std²."""
    w = rng.normal(0, std, shape)
    while np.any(far := np.abs(w) > 2 * std):
        w[far] = rng.normal(0, std, np.count_nonzero(far))
    return w


def pushed_to_two(rng, std, shape):
    """N(0, std²) with what lies beyond two standard deviations moved there: its variance is 0.9205 std²."""
    return np.clip(rng.normal(0, std, shape), -2 * std, 2 * std)


def xavier_cut(cut):
    def weights(fan_in, fan_out, law, rng):
        if law == "normal":
            return cut(rng, xavier_std(fan_in, fan_out), (fan_in, fan_out))
        return xavier(fan_in, fan_out, law, rng)

    return weights


DRAWN = (
    "no two rows are alike",
    "no two columns are alike",
    "some weights are below 0 and some above",
    "the mean is 0",
    "another generator gives other weights",
    "a second call gives other weights",
)


def drawn_anew(f, *args):
    """Which of DRAWN hold: every weight is drawn for itself, and at every call anew."""
    *given, rng = args
    w = np.asarray(f(*given, rng))
    other, later = (np.asarray(f(*given, one)) for one in (Rng(rng.seed + 1), Rng(rng.seed, drawn=w.size)))
    hold = (
        *(len({line.tobytes() for line in lines}) == len(lines) for lines in (w, w.T)),
        bool(w.min() < 0 < w.max()),
        bool(abs(w.mean()) < 5 * w.std() / np.sqrt(w.size)),
        not np.array_equal(w, other),
        not np.array_equal(w, later),
    )
    return dict(zip(DRAWN, hold, strict=True))


def xavier_variance(f, fan_in, fan_out, law, rng):
    return (fan_in + fan_out) / 2 * np.var(f(fan_in, fan_out, law, rng))


def shape_of_the_law(f, fan_in, fan_out, law, rng):
    """A uniform law ends at √3 = 1.73 standard deviations; a normal one, even cut off at 2, goes further."""
    w = np.asarray(f(fan_in, fan_out, law, rng))
    far = bool(np.abs(w).max() > 1.8 * w.std())
    return drawn_anew(f, fan_in, fan_out, law, rng) | {"goes beyond 1.8 standard deviations": far}


def never_negative(law_of_rand):
    """The function that uses `random`, from 0 to 1, for one of the laws."""

    def draw(fan_in, fan_out, law, rng):
        if law != law_of_rand:
            return xavier(fan_in, fan_out, law, rng)
        width = np.sqrt(3) if law == "uniform" else 1.0
        return rng.random((fan_in, fan_out)) * width * xavier_std(fan_in, fan_out)

    return draw


XAVIER = Check(
    xavier,
    properties=[
        Property(
            "normal",
            4,
            lambda rng: [(*pair, "normal", seed(rng)) for pair in fans(rng, 2)],
            xavier_variance,
            expected=lambda *args: 1.0,
            rtol=0.06,
        ),
        Property(
            "uniform",
            4,
            lambda rng: [(*pair, "uniform", seed(rng)) for pair in fans(rng, 2)],
            xavier_variance,
            expected=lambda *args: 1.0,
            rtol=0.06,
        ),
        Property(
            "laws",
            2,
            lambda rng: [(*fans(rng, 1)[0], law, seed(rng)) for law in ("normal", "uniform")],
            shape_of_the_law,
        ),
    ],
    mistakes={
        "variance-given-as-std": in_one_or_both(lambda i, o: 2 / (i + o), lambda i, o: 6 / (i + o)),
        "std-given-as-bound": two_laws(xavier_std, xavier_std),
        "lecun-for-xavier": in_one_or_both(lambda i, o: np.sqrt(1 / i)),
        "he-for-xavier": two_laws(lambda i, o: np.sqrt(2 / i)),
        "sum-for-mean-fan": two_laws(lambda i, o: np.sqrt(1 / (i + o))),
        "average-of-inverse-fans": two_laws(lambda i, o: np.sqrt((1 / i + 1 / o) / 2)),
        "normal-for-both-laws": two_laws(xavier_std, laws=("normal", "normal")),
        "uniform-for-both-laws": two_laws(xavier_std, laws=("uniform", "uniform")),
        "only-positive-weights": (never_negative("uniform"), never_negative("normal")),
        "truncated-without-correction": tuple(map(xavier_cut, (cut_at_two, pushed_to_two))),
        "width-for-bound": two_laws(xavier_std, lambda i, o: np.sqrt(12) * xavier_std(i, o)),
        "seed-inside": lambda i, o, law, rng: xavier(i, o, law, np.random.default_rng(1)),
        "another-mean-of-the-fans": (
            *in_one_or_both(lambda i, o: (i * o) ** -0.25),
            *(two_laws(lambda i, o, one=one: np.sqrt(1 / one(i, o))) for one in (max, min)),
        ),
        "brackets-forgotten": in_one_or_both(
            lambda i, o: np.sqrt(2 / i + o), lambda i, o: np.sqrt(6 / i + o)
        ),
    },
)


# --- 2.2 He -------------------------------------------------------------------------------------------


def he(fan_in, fan_out, alpha, rng):
    """Weights of shape (fan_in, fan_out) that hold E[h²] through a leaky ReLU."""
    # Half of the z keeps its square, the other half keeps α² of it.
    kept = (1 + alpha**2) / 2
    # The weights make up for that share. A Generator wants the standard deviation.
    variance = 1 / (kept * fan_in)
    return rng.normal(0, np.sqrt(variance), (fan_in, fan_out))


def normal_weights(std):
    """The function that draws N(0, std²), where std is a function of fan_in, fan_out and alpha."""

    def draw(fan_in, fan_out, alpha, rng):
        return rng.normal(0, std(fan_in, fan_out, alpha), (fan_in, fan_out))

    return draw


def std_is_bound(std):
    """The function that draws U(-std, std), where std is a function of fan_in and alpha."""

    def draw(fan_in, fan_out, alpha, rng):
        a = std(fan_in, alpha)
        return rng.uniform(-a, a, (fan_in, fan_out))

    return draw


def scaled_second_moment(f, fan_in, fan_out, alpha, rng):
    return fan_in * np.mean(np.square(f(fan_in, fan_out, alpha, rng)))


def independence(f, fan_in, fan_out, alpha, rng):
    """For independent weights of mean 0 the square of a sum is, on average, the sum of the squares."""
    w = np.asarray(f(fan_in, fan_out, alpha, rng))
    sums = {
        f"sums of {lines}": np.mean(w.sum(axis) ** 2) / np.mean((w**2).sum(axis))
        for axis, lines in enumerate(("columns", "rows"))
    }
    return sums | drawn_anew(f, fan_in, fan_out, alpha, rng)


HE = Check(
    he,
    properties=[
        Property(
            "relu",
            4,
            lambda rng: [(*pair, 0.0, seed(rng)) for pair in (*fans(rng, 2), (3, 5000))],
            scaled_second_moment,
            expected=lambda fan_in, fan_out, alpha, rng: 2.0,
            rtol=0.06,
        ),
        Property(
            "leaky",
            4,
            lambda rng: [
                (*pair, round(rng.uniform(low, low + 0.1), 2), seed(rng))
                for pair, low in zip(fans(rng, 2), (0.4, 0.7), strict=True)
            ],
            scaled_second_moment,
            expected=lambda fan_in, fan_out, alpha, rng: 2 / (1 + alpha**2),
            rtol=0.06,
        ),
        Property(
            "independent",
            2,
            lambda rng: [(300, 200, 0.0, seed(rng))],
            independence,
            expected=lambda *args: {"sums of columns": 1.0, "sums of rows": 1.0} | dict.fromkeys(DRAWN, True),
            rtol=0.5,
        ),
    ],
    mistakes={
        "fan-out-for-fan-in": normal_weights(lambda i, o, alpha: np.sqrt(2 / ((1 + alpha**2) * o))),
        "xavier-for-he": (
            normal_weights(lambda i, o, alpha: np.sqrt(2 / (i + o))),
            normal_weights(lambda i, o, alpha: 2 / np.sqrt((1 + alpha**2) * (i + o))),
        ),
        "forgets-relu-half": normal_weights(lambda i, o, alpha: np.sqrt(1 / i)),
        "variance-given-as-std": normal_weights(lambda i, o, alpha: 2 / ((1 + alpha**2) * i)),
        "std-given-as-bound": (
            std_is_bound(lambda i, alpha: np.sqrt(2 / ((1 + alpha**2) * i))),
            std_is_bound(lambda i, alpha: np.sqrt(2 / i)),
        ),
        "ignores-leak": normal_weights(lambda i, o, alpha: np.sqrt(2 / i)),
        "alpha-not-squared": normal_weights(lambda i, o, alpha: np.sqrt(2 / ((1 + alpha) * i))),
        "inverse-factor": normal_weights(lambda i, o, alpha: np.sqrt(2 * (1 + alpha**2) / i)),
        "half-the-fan-in-as-a-whole-number": normal_weights(
            lambda i, o, alpha: np.sqrt(1 / ((1 + alpha**2) * (i // 2)))
        ),
        "minus-for-plus": normal_weights(lambda i, o, alpha: np.sqrt(2 / ((1 - alpha**2) * i))),
        "brackets-forgotten": normal_weights(lambda i, o, alpha: np.sqrt((2 / 1 + alpha**2) / i)),
        "gain-twice": (
            normal_weights(lambda i, o, alpha: np.sqrt(4 / ((1 + alpha**2) * i))),
            normal_weights(lambda i, o, alpha: np.sqrt(4 / i) / (1 + alpha**2)),
        ),
        "rand-for-randn": lambda i, o, alpha, rng: rng.random((i, o)) * np.sqrt(2 / ((1 + alpha**2) * i)),
        "never-negative": lambda i, o, alpha, rng: np.abs(he(i, o, alpha, rng)),
        "truncated-without-correction": tuple(
            lambda i, o, alpha, rng, cut=cut: cut(rng, np.sqrt(2 / ((1 + alpha**2) * i)), (i, o))
            for cut in (cut_at_two, pushed_to_two)
        ),
        "seed-inside": lambda i, o, alpha, rng: he(i, o, alpha, np.random.default_rng(1)),
        "sum-squared": normal_weights(lambda i, o, alpha: np.sqrt(2 / ((1 + alpha) ** 2 * i))),
    },
)


# --- 2.3 E[h²] at layer D -----------------------------------------------------------------------------


def predict_h2(x, widths, variances):
    """E[h²] after the last layer."""
    # The second moment, not the variance: x need not have mean 0.
    h2 = np.mean(np.square(x))
    for fan_in, variance in zip(widths[:-1], variances, strict=True):
        # z adds up fan_in terms; the ReLU keeps half of E[z²].
        h2 = h2 * fan_in * variance / 2
    return h2


def recursion(start=lambda x: np.mean(x**2), kept=0.5, fan=0, power=1, last=1.0, layers=slice(None)):
    """The function that multiplies `start` by kept · n · Var(W)^power per layer, and by `last` at the end."""

    def h2(x, widths, variances):
        n = widths[fan : fan + len(variances)]
        factors = kept * np.asarray(n, float) * np.asarray(variances) ** power
        return start(x) * np.prod(factors[layers]) * last

    return h2


def random_layers(rng, depth, width=None):
    """(x, widths, variances) of a network; x has a mean far from 0."""
    widths = [width] * (depth + 1) if width else some_widths(rng, depth, 3, 30 if depth > 1 else 8)
    variances = [round(rng.uniform(0.6, 5) / n, 4) for n in widths[:-1]]
    x = rng.normal(rng.uniform(0.5, 2), rng.uniform(0.5, 2), (3, widths[0])).round(2)
    return x, widths, variances


def faint_layers(rng):
    """Layers after which less is left than 10⁻¹²: a rounded number, or one in 16 bits, would be 0."""
    x, widths, variances = random_layers(rng, 30, int(rng.integers(4, 20)))
    return x, widths, [round(variance / 5, 5) for variance in variances]


PREDICT_H2 = Check(
    predict_h2,
    properties=[
        Property("one-layer", 3, lambda rng: [random_layers(rng, 1) for _ in range(3)], atol=0),
        Property(
            "many-layers",
            3,
            lambda rng: [
                *(random_layers(rng, depth, int(rng.integers(4, 20))) for depth in (2, 7, 25)),
                faint_layers(rng),
            ],
            atol=0,
        ),
        Property("widths", 4, lambda rng: [random_layers(rng, depth) for depth in (2, 3, 10)], atol=0),
    ],
    mistakes={
        "forgets-relu-half": recursion(kept=1),
        "variance-for-second-moment": recursion(start=np.var),
        "relu-halves-variance": recursion(kept=0.5 - 0.5 / np.pi),
        "fan-out-for-fan-in": recursion(fan=1),
        "one-layer-too-few": recursion(layers=slice(None, -1)),
        "last-layer-without-relu": recursion(last=2),
        "std-for-variance": (recursion(power=2), recursion(power=0.5)),
        "halves-once": recursion(kept=1, last=0.5),
        "square-of-the-mean": recursion(start=lambda x: np.mean(x) ** 2),
        "sum-for-mean": (
            recursion(start=lambda x: np.sum(x**2)),
            recursion(start=lambda x: np.mean(np.sum(x**2, axis=1))),
        ),
        "unit-input": recursion(start=lambda x: 1.0),
        "first-example-alone": recursion(start=lambda x: np.mean(x[0] ** 2)),
        "first-layer-for-all": lambda x, widths, variances: predict_h2(
            x, [widths[0]] * len(widths), [variances[0]] * len(variances)
        ),
        "widths-multiplied-as-whole-numbers": lambda x, widths, variances: (
            np.mean(x**2) * np.prod(widths[:-1]) * np.prod(variances) / 2.0 ** len(variances)
        ),
        "first-width-for-all": lambda x, widths, variances: predict_h2(
            x, [widths[0]] * len(widths), variances
        ),
        "twice-for-a-power-of-two": lambda x, widths, variances: (
            recursion(kept=1)(x, widths, variances) / (2 * len(variances))
        ),
        "means-to-the-power": lambda x, widths, variances: (
            np.mean(x**2) * (np.mean(widths[:-1]) * np.mean(variances) / 2) ** len(variances)
        ),
    },
    personal=Personal(lambda f, own: lambda x, widths, var: f(x, widths, [own**2 * v for v in var])),
)


# --- 2.4 A gain for any activation --------------------------------------------------------------------


def gain(phi):
    """The σ_w that holds E[z²] at 1."""
    # Small steps resolve even a steep φ; beyond ±10 the bell curve holds nothing.
    xi = np.linspace(-10, 10, 20_001)
    density = np.exp(-(xi**2) / 2) / np.sqrt(2 * np.pi)
    mean_square = np.sum(phi(xi) ** 2 * density) * (xi[1] - xi[0])
    return 1 / np.sqrt(mean_square)


XI = np.linspace(-10, 10, 20_001)
WEIGHT = np.exp(-(XI**2) / 2) / np.exp(-(XI**2) / 2).sum()


def bumps(rng):
    """φs that answer in one narrow stretch alone, far from 0: a grid sees it, and few random draws do."""
    places = [side * (low + rng.uniform(0, 0.1)) for low in (3.3, 3.4, 3.5) for side in (-1, 1)]
    return [Phi("bump", round(place, 2)) for place in places]


def hermite(phi, stretch, count=32):
    """The gain by Gauss–Hermite nodes, which have to be stretched by √2 for N(0, 1)."""
    nodes, weights = np.polynomial.hermite.hermgauss(count)
    return 1 / np.sqrt(weights @ phi(stretch * nodes) ** 2 / np.sqrt(np.pi))


GAIN = Check(
    gain,
    properties=[
        Property(
            "piecewise",
            5,
            lambda rng: [
                (Phi("identity"),),
                (Phi("relu"),),
                (Phi("leaky_relu", round(rng.uniform(0.1, 0.8), 2)),),
            ],
        ),
        Property(
            "smooth",
            5,
            lambda rng: [
                (Phi("tanh", round(rng.uniform(0.5, 1), 2)),),
                (Phi("sigmoid", round(rng.uniform(0.5, 2), 2)),),
                (Phi("softplus"),),
                (Phi("sin", round(rng.uniform(0.5, 2), 2)),),
            ],
        ),
        Property(
            "steep",
            5,
            lambda rng: (
                [(Phi("tanh", round(a, 1)),) for a in rng.uniform(40, 80, 3)]
                + [(bump,) for bump in bumps(rng)]
            ),
        ),
    ],
    mistakes={
        "gain-given-as-variance": lambda phi: 1 / (WEIGHT @ phi(XI) ** 2),
        "inverse-factor": lambda phi: np.sqrt(WEIGHT @ phi(XI) ** 2),
        "variance-for-second-moment": lambda phi: (
            1 / np.sqrt(WEIGHT @ phi(XI) ** 2 - (WEIGHT @ phi(XI)) ** 2)
        ),
        "unnormalised-density": lambda phi: 1 / np.sqrt(np.sqrt(2 * np.pi) * (WEIGHT @ phi(XI) ** 2)),
        "hermite-without-root-two": lambda phi: hermite(phi, 1),
        "hermite-too-coarse": tuple(
            lambda phi, count=count: hermite(phi, np.sqrt(2), count) for count in (20, 32, 50, 64, 100)
        ),
        "mean-for-mean-square": (
            lambda phi: 1 / (WEIGHT @ np.abs(phi(XI))),
            lambda phi: 1 / (WEIGHT @ phi(XI)),
        ),
        "half-of-the-bell": tuple(
            lambda phi, side=side: 1 / np.sqrt(2 * (WEIGHT * (side * XI > 0)) @ phi(XI) ** 2)
            for side in (1, -1)
        ),
        "no-bell-curve": tuple(
            lambda phi, end=end: 1 / np.sqrt(np.mean(phi(np.linspace(-end, end, 20_001)) ** 2))
            for end in (1, 3, 5, 6, 8, 10)
        ),
        "slope-for-value": lambda phi: 1 / np.sqrt(WEIGHT @ np.gradient(phi(XI), XI) ** 2),
        "bell-cut-off": tuple(
            lambda phi, end=end: (
                1 / np.sqrt((WEIGHT * (np.abs(XI) <= end)) @ phi(XI) ** 2 / WEIGHT[np.abs(XI) <= end].sum())
            )
            for end in (1, 2, 3)
        ),
    },
    personal=Personal(
        lambda f, own: lambda phi: f(phi) * np.sqrt(1 - own**2),  # what the biases leave to the weights
        values=[round(0.2 + 0.02 * k, 2) for k in range(36)],
    ),
)


# --- 2.5 Diagnose a network ---------------------------------------------------------------------------


def diagnose(weights):
    """What a ReLU network with these weights does to E[h²]."""
    # One layer: ½ fan_in Var(W). The mean is 0, so Var(W) is the mean square.
    factors = [w.shape[0] * np.mean(w**2) / 2 for w in weights]
    # Factors multiply, so the typical one is their geometric mean.
    factor = np.exp(np.mean(np.log(factors)))
    total = factor ** len(weights)
    verdict = "VANISHES" if total < 1e-3 else "EXPLODES" if total > 1e3 else "HOLDS"
    # Weights times c multiply E[h²] by c² at each layer.
    return {"factor": factor, "verdict": verdict, "repair": 1 / np.sqrt(factor)}


def diagnosis(factors, mean=lambda f: np.exp(np.mean(np.log(f))), repair=np.sqrt, whole=True):
    """The function that diagnoses by these factors, their mean, and 1/repair(factor)."""

    def report(weights):
        factor = mean(np.array([factors(w) for w in weights]))
        total = factor ** len(weights) if whole else factor
        verdict = "VANISHES" if total < 1e-3 else "EXPLODES" if total > 1e3 else "HOLDS"
        return {"factor": factor, "verdict": verdict, "repair": 1 / repair(factor)}

    return report


def other_repair(repair):
    return lambda weights: diagnose(weights) | {"repair": repair(np.array([he_factor(w) for w in weights]))}


def around_one(factor, off):
    return "VANISHES" if factor < 1 - off else "EXPLODES" if factor > 1 + off else "HOLDS"


def one_variance_for_all(weights):
    variance = np.var(np.concatenate([w.ravel() for w in weights]))
    return diagnosis(lambda w: len(w) * variance / 2)(weights)


def last_layer_without_relu(weights):
    return diagnosis(he_factor)([*weights[:-1], np.sqrt(2) * weights[-1]])


def one_layer_too_few(weights):
    factor = np.prod([he_factor(w) for w in weights]) ** (1 / (len(weights) - 1))
    return diagnose(weights) | {"factor": factor, "repair": 1 / np.sqrt(factor)}


def he_factor(w):
    return w.shape[0] * np.mean(w**2) / 2


def network(rng, depth, fan_in_variance, uniform=False):
    """Weights of a network, as the arguments of a call; fan_in · Var(W) is given by layer, or for all."""
    widths = some_widths(rng, depth)
    stds = np.sqrt(np.broadcast_to(fan_in_variance, depth) / widths[:-1])
    shapes = list(pairwise(widths))
    if uniform:
        bounds = np.sqrt(3) * stds
        return ([rng.uniform(-a, a, shape) for a, shape in zip(bounds, shapes, strict=True)],)
    return ([rng.normal(0, std, shape) for std, shape in zip(stds, shapes, strict=True)],)


def pytorch_networks(rng):
    return [network(rng, depth, 1 / 3, uniform=True) for depth in (3, 8, 20)]


def uneven_networks(rng):
    return [network(rng, depth, 2 * np.exp(rng.uniform(-2, 2, depth))) for depth in (3, 6, 12)]


def all_networks(rng):
    return [
        network(rng, 3, 2),
        network(rng, 3, 1.4),  # no layer's factor is near 1, and the whole is far from the limits
        network(rng, 9, 1 / 3, uniform=True),
        network(rng, 13, 2),
        network(rng, 13, 5),
        network(rng, 45, 60),  # one layer by itself is far from the limit, the sum of all is beyond it
    ]


def network_with_total(rng, total):
    """A network that multiplies E[h²] by `total` from end to end."""
    depth = int(rng.integers(4, 9))
    (weights,) = network(rng, depth, 2)
    repair = np.prod([he_factor(w) for w in weights])
    return ([w * (total / repair) ** (0.5 / depth) for w in weights],)


def networks_at_the_limits(rng):
    return [network_with_total(rng, total) for total in (0.0007, 0.0014, 700.0, 1400.0)]


def amplified_network(f, own):
    """The function for layers relu(own · h W): the repair still multiplies W."""
    return lambda weights: f([own * w for w in weights])


DIAGNOSE = Check(
    diagnose,
    properties=[
        Property("default", 4, pytorch_networks, part="factor", rtol=0.02),
        Property("factor", 3, uneven_networks, part="factor", rtol=0.02),
        Property("verdict", 4, all_networks, part="verdict", edges=networks_at_the_limits),
        Property("repair", 4, lambda rng: all_networks(rng) + uneven_networks(rng), part="repair", rtol=0.02),
    ],
    mistakes={
        "forgets-relu-half": diagnosis(lambda w: 2 * he_factor(w)),
        "fan-out-for-fan-in": diagnosis(lambda w: w.shape[1] * np.mean(w**2) / 2),
        "arithmetic-mean-of-factors": diagnosis(he_factor, mean=np.mean),
        "median-of-factors": diagnosis(he_factor, mean=np.median),
        "product-for-typical": lambda weights: diagnosis(he_factor, mean=np.prod, whole=False)(weights),
        "std-for-variance": diagnosis(lambda w: w.shape[0] * np.std(w) / 2),
        "bound-given-as-std": diagnosis(lambda w: w.shape[0] * np.max(np.abs(w)) ** 2 / 2),
        "he-is-the-default": diagnosis(lambda w: 1.0),
        "one-layer-for-the-network": diagnosis(he_factor, whole=False),
        "repair-without-root": diagnosis(he_factor, repair=lambda factor: factor),
        "mean-of-repairs": tuple(
            map(other_repair, (lambda f: np.mean(f**-0.5), lambda f: np.mean(f) ** -0.5))
        ),
        "first-layer-for-all": lambda weights: diagnosis(lambda w: he_factor(weights[0]))(weights),
        "one-layer-too-few": one_layer_too_few,
        "one-for-the-limits": tuple(
            lambda weights, off=off: (
                diagnose(weights) | {"verdict": around_one(diagnose(weights)["factor"], off)}
            )
            for off in (0, 1e-6, 1e-3, 0.01, 0.05, 0.1)
        ),
        "one-variance-for-all": one_variance_for_all,
        "last-layer-without-relu": last_layer_without_relu,
        "first-width-for-all": lambda weights: diagnosis(lambda w: len(weights[0]) * np.mean(w**2) / 2)(
            weights
        ),
        "always-the-default": diagnosis(lambda w: 1 / 6),
        "square-of-the-mean": diagnosis(lambda w: len(w) * np.mean(w) ** 2 / 2),
    },
    personal=Personal(amplified_network, given=lambda args, own: ([w / own for w in args[0]],)),
)


# --- 2.6 Symmetry -------------------------------------------------------------------------------------


def hidden_gradient(x, w1, w2, grad):
    """∂L/∂W₁ of the network relu(x W₁) W₂, and its rank."""
    z = x @ w1
    # Back through W₂, then through the ReLU: a unit that was off passes nothing on.
    dz = (grad @ w2.T) * (z > 0)
    dw1 = x.T @ dz
    # A column for each hidden unit: the rank counts those that learn on their own.
    return {"grad": dw1, "rank": np.linalg.matrix_rank(dw1)}


def hidden(slope=lambda z: z > 0, rank=np.linalg.matrix_rank, share=lambda x: 1):
    """The function with another slope of the ReLU, another rank of (∂L/∂W₁), or another share of the sum."""

    def gradient(x, w1, w2, grad):
        dw1 = x.T @ ((grad @ w2.T) * slope(x @ w1)) * share(x)
        return {"grad": dw1, "rank": rank(dw1)}

    return gradient


def rank_at_the_units(x, w1, w2, grad):
    dz = (grad @ w2.T) * (x @ w1 > 0)
    return {"grad": x.T @ dz, "rank": np.linalg.matrix_rank(dz)}


def rank_of_weights(second):
    def gradient(x, w1, w2, grad):
        rank = np.linalg.matrix_rank(w2 if second else w1)
        return {"grad": hidden_gradient(x, w1, w2, grad)["grad"], "rank": rank}

    return gradient


def relu_on_the_output(x, w1, w2, grad):
    return hidden_gradient(x, w1, w2, grad * (np.maximum(x @ w1, 0) @ w2 > 0))


def two_layers(rng, first="random", second="random", n_out=None, n_in=None):
    """(x, W₁, W₂, grad): weights that are random, all equal, or zero. No two sizes alike."""
    batch, n_hidden = int(rng.integers(14, 18)), int(rng.integers(4, 6))
    n_in = n_in or int(rng.integers(6, 8))
    n_out = n_out or int(rng.integers(2, 4))

    def weights(kind, *shape):
        value = round(rng.uniform(0.2, 0.8), 2)
        return {
            "random": rng.normal(size=shape),
            "equal": np.full(shape, value),
            "zero": np.zeros(shape),
        }[kind]

    # Not rounded: a z that is exactly 0 would be on or off by the order in which it is summed.
    x, grad = rng.normal(size=(batch, n_in)), rng.normal(size=(batch, n_out))
    return x, weights(first, n_in, n_hidden), weights(second, n_hidden, n_out), grad


def with_faint_gradient(rng):
    *given, grad = two_layers(rng)
    return *given, 1e-4 * grad


SYMMETRY = Check(
    hidden_gradient,
    properties=[
        Property(
            "gradient",
            4,
            lambda rng: [two_layers(rng), two_layers(rng, "equal"), two_layers(rng, "zero")],
            part="grad",
        ),
        Property(
            "rank-equal",
            2,
            lambda rng: [two_layers(rng, "equal", "equal"), two_layers(rng, "random", "equal")],
            part="rank",
        ),
        Property(
            "rank-zero",
            2,
            lambda rng: [
                two_layers(rng, "zero", "zero"),
                two_layers(rng, "zero"),
                two_layers(rng, "random", "zero"),
            ],
            part="rank",
        ),
        Property(
            "rank-random",
            2,
            lambda rng: [
                *(two_layers(rng, "equal", n_out=n) for n in (1, 2, 3)),
                two_layers(rng),
                two_layers(rng, n_in=2),  # fewer inputs than units
                with_faint_gradient(rng),
            ],
            part="rank",
        ),
    ],
    mistakes={
        "forgets-relu-slope": hidden(slope=np.ones_like),
        "relu-slope-one-at-zero": (hidden(lambda z: z >= 0), hidden(lambda z: np.heaviside(z, 0.5))),
        "value-for-slope": hidden(slope=lambda z: np.maximum(z, 0)),
        "rank-of-weights": (rank_of_weights(second=False), rank_of_weights(second=True)),
        "size-for-rank": hidden(rank=lambda dw1: min(dw1.shape)),
        "counts-units-that-move": hidden(rank=lambda dw1: np.count_nonzero(np.abs(dw1).max(axis=0) > 1e-12)),
        "counts-what-rounding-leaves": hidden(rank=lambda dw1: np.count_nonzero(np.linalg.svd(dw1)[1])),
        "small-counts-as-none": (
            *(
                hidden(rank=lambda dw1, tol=tol: np.linalg.matrix_rank(dw1, tol=tol))
                for tol in (1e-1, 1e-2, 1e-3)
            ),
            *(
                hidden(rank=lambda dw1, digits=digits: np.linalg.matrix_rank(dw1.round(digits)))
                for digits in (1, 2, 3)
            ),
        ),
        "rank-of-what-reaches-the-units": rank_at_the_units,
        "different-for-independent": hidden(rank=lambda dw1: len(np.unique(dw1.round(9), axis=1).T)),
        "divides-by-the-batch": hidden(share=lambda x: 1 / len(x)),
        "relu-on-the-output": relu_on_the_output,
        "counts-open-units": lambda x, w1, w2, grad: {
            "grad": hidden_gradient(x, w1, w2, grad)["grad"],
            "rank": np.count_nonzero((x @ w1 > 0).any(axis=0)),
        },
    },
)


# --- 2.7 The spread -----------------------------------------------------------------------------------


def spread(h2, depths, widths):
    """How E[h²] scatters: sd of its logarithm, and c in sd² = c D/n."""
    # Networks differ by factors, so look at logarithms.
    sd = np.std(np.log(h2), axis=1)
    x = depths / widths
    # The law is sd² = c D/n: a line through the origin, fitted by least squares.
    c = np.sum(x * sd**2) / np.sum(x**2)
    return {"sd": sd, "c": c}


def spreading(log=np.log, scatter=np.std, fit=lambda x, sd: (x @ sd**2) / (x @ x), ratio=np.divide):
    """The function with another logarithm, measure of scatter, fit, or ratio of depth and width."""

    def measure(h2, depths, widths):
        sd = scatter(log(h2), axis=1)
        return {"sd": sd, "c": fit(ratio(depths, widths), sd)}

    return measure


def he_networks(rng, settings):
    """E[h²] of He networks at several depths and widths: drawn exactly, without building them.

    Given ‖h‖², a layer's z are independent N(0, 2‖h‖²/n), so that one row of normal numbers is a layer.
    """
    networks = int(rng.integers(8, 13))
    depths, widths = rng.integers(3, 25, settings), rng.integers(24, 65, settings)
    depths[0], widths[0], depths[1], widths[1] = 4, 64, 24, 24
    h2 = np.ones((settings, networks))
    for row, depth, width in zip(h2, depths, widths, strict=True):
        z = rng.standard_normal((depth, networks, width))
        row *= np.prod(2 * np.mean(np.maximum(z, 0) ** 2, axis=2), axis=0)
    return h2, depths.astype(float), widths.astype(float)


def faint_networks(rng):
    """All a billion times smaller: their logarithms lie as far apart as before."""
    h2, depths, widths = he_networks(rng, 3)
    return 1e-9 * h2, depths, widths


def exact_networks(rng):
    """Made so that sd² = c D/n holds exactly, with a random c."""
    h2, depths, widths = he_networks(rng, 4)
    logs = np.log(h2)
    logs = (logs - logs.mean(1, keepdims=True)) / logs.std(1, keepdims=True)
    return np.exp(logs * np.sqrt(rng.uniform(1.5, 6) * depths / widths)[:, None]), depths, widths


SPREAD = Check(
    spread,
    properties=[
        Property(
            "sd",
            5,
            lambda rng: [*(he_networks(rng, settings) for settings in (2, 3, 5)), faint_networks(rng)],
            part="sd",
        ),
        Property("exact", 5, lambda rng: [exact_networks(rng) for _ in range(3)], part="c"),
        Property("fitted", 5, lambda rng: [he_networks(rng, settings) for settings in (3, 4, 6)], part="c"),
    ],
    mistakes={
        "spread-without-logarithm": spreading(log=np.asarray),
        "decimal-for-natural-logarithm": (spreading(log=np.log10), spreading(log=np.log2)),
        "variance-given-as-std": spreading(scatter=np.var),
        "sample-standard-deviation": spreading(scatter=lambda a, axis: np.std(a, axis=axis, ddof=1)),
        "fits-sd-not-its-square": spreading(fit=lambda x, sd: (x @ sd) / (x @ x)),
        "adds-to-the-logarithm": (
            *(
                spreading(log=lambda h2, own=own: np.log(h2 + own))
                for own in (1.0, 1e-3, 1e-6, 1e-8, 1e-10, 1e-12)
            ),
            *(spreading(log=lambda h2, own=own: np.log(np.maximum(h2, own))) for own in (1e-6, 1e-8)),
        ),
        "logarithm-too-late": spreading(log=np.asarray, scatter=lambda a, axis: np.log(np.std(a, axis=axis))),
        "one-spread-for-all": spreading(scatter=lambda a, axis: np.full(len(a), np.std(a))),
        "spread-upside-down": spreading(ratio=lambda depths, widths: widths / depths),
        "fit-with-intercept": spreading(fit=lambda x, sd: np.polyfit(x, sd**2, 1)[0]),
        "mean-of-ratios": (
            spreading(fit=lambda x, sd: np.mean(sd**2 / x)),
            spreading(fit=lambda x, sd: np.sum(sd**2) / np.sum(x)),
            spreading(fit=lambda x, sd: np.exp(np.mean(np.log(sd**2 / x)))),
            spreading(fit=lambda x, sd: np.median(sd**2 / x)),
        ),
        "fits-the-roots": spreading(fit=lambda x, sd: (np.sqrt(x) @ sd / x.sum()) ** 2),
        "relative-spread": spreading(
            log=np.asarray, scatter=lambda a, axis: np.std(a, axis=axis) / np.mean(a, axis=axis)
        ),
        "another-centre": tuple(
            spreading(
                scatter=lambda a, axis, centre=centre: np.sqrt(np.mean((a - centre(a)) ** 2, axis=axis))
            )
            for centre in (
                lambda a: np.log(np.mean(np.exp(a), axis=1, keepdims=True)),
                lambda a: np.median(a, axis=1, keepdims=True),
                np.mean,
            )
        ),
        "fits-the-wrong-way-round": spreading(fit=lambda x, sd: (sd**2 @ sd**2) / (x @ sd**2)),
        "division-without-remainder": spreading(ratio=lambda depths, widths: depths // widths),
    },
)


# --- 2.8 LSUV -----------------------------------------------------------------------------------------


def lsuv(weights, x):
    """The same weights, rescaled so that every z has variance 1 on the batch x."""
    scaled, h = [], x
    for w in weights:
        # z is linear in w, so one division is exact.
        w = w / np.std(h @ w)
        scaled.append(w)
        h = np.maximum(h @ w, 0)  # the next layer sees what this one sends now
    return scaled


def nearest_orthogonal(w):
    u, _, v = np.linalg.svd(w, full_matrices=False)
    return u @ v


def rescaling(size=np.std, act=lambda z: np.maximum(z, 0), sequential=True, before=lambda w: w):
    """The function that divides by another size of z, sends something else on, or changes the weights."""

    def rescale(weights, x):
        scaled, h = [], x
        for w in map(before, weights):
            scaled.append(w / size(h @ w))
            h = act(h @ (scaled[-1] if sequential else w))
        return scaled

    return rescale


def variance_by_layer(f, weights, x):
    """Var(z) of every layer, in the network with the returned weights."""
    variances, h = [], x
    for w in f(weights, x):
        z = h @ np.asarray(w)
        variances.append(np.var(z))
        h = np.maximum(z, 0)
    return variances


def directions(f, weights, x):
    """Each matrix at length 1: what a rescaling leaves alone."""
    return [w / np.linalg.norm(w) for w in map(np.asarray, f(weights, x))]


def network_and_batch(rng, depth):
    """Weights of very different scales, and a batch whose mean is not 0."""
    (weights,) = network(rng, depth, np.exp(rng.uniform(-3, 3, depth)))
    x = rng.normal(rng.uniform(0.5, 1.5), rng.uniform(0.5, 2), (int(rng.integers(9, 15)), len(weights[0])))
    return weights, x


def faint_network(rng):
    """Weights so small that whatever is added to a variance counts."""
    weights, x = network_and_batch(rng, 1)
    return [1e-3 * w for w in weights], x


def only_if(condition):
    """The function that leaves a layer alone unless the condition holds of the standard deviation of z."""
    return rescaling(size=lambda z: np.std(z) if condition(np.std(z)) else 1.0)


def centred_first(weights, x):
    return lsuv(weights, x - x.mean(axis=0))


def by_formula(first):
    """The function that sets n · Var(W) to first(x) in the first layer, and to 2 in the others."""

    def rescale(weights, x):
        sizes = [first(x), *[2.0] * (len(weights) - 1)]
        return [w * np.sqrt(size / len(w) / np.var(w)) for size, w in zip(sizes, weights, strict=True)]

    return rescale


def stops_early(tolerance):
    """The function that leaves a layer alone whose variance starts this near to 1."""
    return rescaling(size=lambda z: 1.0 if abs(np.var(z) - 1) < tolerance else np.std(z))


def almost_there(rng, depth):
    """A network whose layers all start a little off: a loop with a loose tolerance does not move."""
    weights, x = network_and_batch(rng, depth)
    off = np.geomspace(0.004, 0.06, depth) * rng.uniform(0.7, 1, depth) * rng.choice([-1, 1], depth)
    return [w * np.sqrt(1 + d) for w, d in zip(lsuv(weights, x), off, strict=True)], x


LSUV = Check(
    lsuv,
    properties=[
        Property(
            "one-layer",
            4,
            lambda rng: [network_and_batch(rng, 1), faint_network(rng), almost_there(rng, 1)],
            variance_by_layer,
        ),
        Property(
            "every-layer",
            9,
            lambda rng: [*(network_and_batch(rng, depth) for depth in (2, 5, 12)), almost_there(rng, 4)],
            variance_by_layer,
        ),
        Property(
            "directions", 2, lambda rng: [network_and_batch(rng, depth) for depth in (1, 3)], directions
        ),
    ],
    mistakes={
        "rescales-the-old-signal": rescaling(sequential=False),
        "variance-given-as-std": rescaling(size=np.var),
        "second-moment-for-variance": rescaling(size=lambda z: np.sqrt(np.mean(z**2))),
        "measures-after-the-relu": rescaling(size=lambda z: np.std(np.maximum(z, 0))),
        "weights-for-signal": lambda weights, x: [w / np.std(w) for w in weights],
        "mean-over-units": rescaling(size=lambda z: np.sqrt(np.mean(np.var(z, axis=0)))),
        "rescales-each-unit": rescaling(size=lambda z: np.std(z, axis=0)),
        "forgets-relu": rescaling(act=lambda z: z),
        "adds-an-epsilon": tuple(
            rescaling(size=lambda z, own=own: np.sqrt(np.var(z) + own)) for own in (1e-3, 1e-5)
        ),
        "one-direction-only": (only_if(lambda std: std > 1), only_if(lambda std: std < 1)),
        "centres-the-inputs": centred_first,
        "first-layer-only": lambda weights, x: [weights[0] / np.std(x @ weights[0]), *weights[1:]],
        "multiplies-by-the-spread": rescaling(size=lambda z: 1 / np.std(z)),
        "first-example-alone": lambda weights, x: lsuv(weights, x[:1]),
        "orthogonal-first": rescaling(before=nearest_orthogonal),
        "stops-too-early": tuple(map(stops_early, (0.1, 0.05, 0.03, 0.02, 0.01, 0.005))),
        "formula-for-a-measurement": tuple(
            map(
                by_formula,
                (lambda x: 2.0, lambda x: 1.0, lambda x: 1 / np.mean(x**2), lambda x: 1 / np.var(x)),
            )
        ),
        "last-layer-left": lambda weights, x: [*lsuv(weights, x)[:-1], weights[-1]],
        "centres-the-weights": tuple(
            rescaling(before=lambda w, axis=axis: w - w.mean(axis=axis, keepdims=True))
            for axis in (None, 0, 1)
        ),
        "relu-of-the-input": lambda weights, x: lsuv(weights, np.maximum(x, 0)),
        "nothing-rescaled": lambda weights, x: list(weights),
    },
)

EXERCISES = [XAVIER, HE, PREDICT_H2, GAIN, DIAGNOSE, SYMMETRY, SPREAD, LSUV]
