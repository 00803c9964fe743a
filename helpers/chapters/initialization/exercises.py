"""Chapter 2: how large the first weights should be."""

from itertools import pairwise

import numpy as np

from helpers.checking.exercise import Exercise, Property, Wrong
from helpers.checking.values import Phi, Seed

LESSON = "02_initialization"
ONE_LAYER = "1 · One layer multiplies"
SCALE = "4 · Choosing the scale: Xavier and He"
ANY_ACTIVATION = "5 · A scale for any activation"
ONE_NETWORK = "6 · One network is not the mean of all networks"
FRAMEWORKS = "7 · What your framework really does"
RANDOM = "8 · Why random at all?"


# --- Inputs that several exercises draw ---------------------------------------------------------------


def seed(rng):
    return Seed(int(rng.integers(10_000)))


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


def xavier_variance(f, fan_in, fan_out, law, rng):
    return (fan_in + fan_out) / 2 * np.var(f(fan_in, fan_out, law, rng))


def shape_of_the_law(f, fan_in, fan_out, law, rng):
    """A uniform law ends at √3 = 1.73 standard deviations; a normal one, even cut off at 2, goes further."""
    w = np.asarray(f(fan_in, fan_out, law, rng))
    return {
        "mean is 0": bool(abs(w.mean()) < 5 * w.std() / np.sqrt(w.size)),
        "goes beyond 1.8 standard deviations": bool(np.abs(w).max() > 1.8 * w.std()),
    }


def positive_uniform(fan_in, fan_out, law, rng):
    if law == "normal":
        return rng.normal(0, xavier_std(fan_in, fan_out), (fan_in, fan_out))
    return rng.random((fan_in, fan_out)) * np.sqrt(3) * xavier_std(fan_in, fan_out)


XAVIER = Exercise(
    lesson=LESSON,
    section=SCALE,
    title="Xavier's rule, by both laws",
    minutes=10,
    difficulty=1,
    hints=(
        "Xavier's variance is one over the mean of the two fans (EQ N1.4). What does `rng.normal` want: the "
        "variance, or its root? And which bound a gives U(−a, a) this variance?",
        "The variance is 2/(fan_in + fan_out). A normal draw takes its root as the standard deviation. "
        "U(−a, a) has the variance a²/3, so a is √3 times that root.",
    ),
    reference=xavier,
    properties=[
        Property(
            "normal law: the variance",
            4,
            lambda rng: [(*pair, "normal", seed(rng)) for pair in fans(rng, 2)],
            xavier_variance,
            quantity="½(fan_in + fan_out) · Var(W)",
            expected=lambda *args: 1.0,
            rtol=0.06,
        ),
        Property(
            "uniform law: the variance",
            4,
            lambda rng: [(*pair, "uniform", seed(rng)) for pair in fans(rng, 2)],
            xavier_variance,
            quantity="½(fan_in + fan_out) · Var(W)",
            expected=lambda *args: 1.0,
            rtol=0.06,
        ),
        Property(
            "mean 0, and the shape of each law",
            2,
            lambda rng: [(*fans(rng, 1)[0], law, seed(rng)) for law in ("normal", "uniform")],
            shape_of_the_law,
            quantity="what was seen",
        ),
    ],
    wrong=[
        Wrong(
            "variance-given-as-std",
            "it takes the variance for the standard deviation (or 6/(fan_in + fan_out) for the bound): a "
            "root is missing. 2/(fan_in + fan_out) is what the rule is usually quoted as, and it is a "
            "variance.",
            two_laws(lambda i, o: 2 / (i + o), lambda i, o: 6 / (i + o)),
        ),
        Wrong(
            "std-given-as-bound",
            "it draws from U(−a, a) with a = √(2/(fan_in + fan_out)). That is the standard deviation, right "
            "for the normal law. Most of a uniform draw lies far inside its bound, so the bound must be √3 "
            "times larger.",
            two_laws(xavier_std, xavier_std),
        ),
        Wrong(
            "lecun-for-xavier",
            "the variance is 1/fan_in, LeCun's. It serves the forward pass alone. Xavier's rule is a "
            "compromise with the backward pass, so fan_out counts as much.",
            two_laws(lambda i, o: np.sqrt(1 / i)),
        ),
        Wrong(
            "he-for-xavier",
            "the variance is 2/fan_in, He's. The 2 of Xavier's rule comes from the mean of two fans, not "
            "from a ReLU.",
            two_laws(lambda i, o: np.sqrt(2 / i)),
        ),
        Wrong(
            "sum-for-mean-fan",
            "the variance is 1/(fan_in + fan_out): one over the sum of the fans. Xavier's is one over their "
            "mean, which is twice as much.",
            two_laws(lambda i, o: np.sqrt(1 / (i + o))),
        ),
        Wrong(
            "average-of-inverse-fans",
            "the variance is the average of 1/fan_in and 1/fan_out. “The average of the two” is often said, "
            "but Glorot and Bengio average the fans, and take one over that.",
            two_laws(lambda i, o: np.sqrt((1 / i + 1 / o) / 2)),
        ),
        Wrong(
            "normal-for-both-laws",
            'it draws from the normal law also when `law` is "uniform". The variance is right, the shape '
            "is not.",
            two_laws(xavier_std, laws=("normal", "normal")),
        ),
        Wrong(
            "uniform-for-both-laws",
            'it draws from the uniform law also when `law` is "normal". The variance is right, the shape '
            "is not.",
            two_laws(xavier_std, laws=("uniform", "uniform")),
        ),
        Wrong(
            "only-positive-weights",
            "its uniform weights go from 0 to a. `rng.random` draws from 0 to 1; weights must be as often "
            "negative, or every unit adds up numbers of one sign.",
            positive_uniform,
        ),
    ],
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


def he_bound_is_std(fan_in, fan_out, alpha, rng):
    a = np.sqrt(2 / ((1 + alpha**2) * fan_in))
    return rng.uniform(-a, a, (fan_in, fan_out))


def scaled_second_moment(f, fan_in, fan_out, alpha, rng):
    return fan_in * np.mean(np.square(f(fan_in, fan_out, alpha, rng)))


def independence(f, fan_in, fan_out, alpha, rng):
    """For independent weights of mean 0 the square of a sum is, on average, the sum of the squares."""
    w = np.asarray(f(fan_in, fan_out, alpha, rng))
    return [np.mean(w.sum(axis) ** 2) / np.mean((w**2).sum(axis)) for axis in (0, 1)]


HE = Exercise(
    lesson=LESSON,
    section=SCALE,
    title="He's rule, and the leaky ReLU",
    minutes=10,
    difficulty=1,
    hints=(
        "What share of E[z²] does a leaky ReLU keep? Its positive half passes all of its square, its "
        "negative half is multiplied by α before it is squared. Var(W) has to make up for that share.",
        "The share is ½(1 + α²), so fan_in · Var(W) = 2/(1 + α²). `rng.normal` takes the standard deviation: "
        "the root of the variance.",
    ),
    reference=he,
    properties=[
        Property(
            "ReLU (α = 0): the scale that holds E[h²]",
            4,
            lambda rng: [(*pair, 0.0, seed(rng)) for pair in fans(rng, 2)],
            scaled_second_moment,
            quantity="fan_in · E[W²]",
            expected=lambda fan_in, fan_out, alpha, rng: 2.0,
            rtol=0.06,
        ),
        Property(
            "leaky ReLU: the scale for the slope α",
            4,
            lambda rng: [
                (*pair, round(rng.uniform(low, low + 0.1), 2), seed(rng))
                for pair, low in zip(fans(rng, 2), (0.4, 0.7), strict=True)
            ],
            scaled_second_moment,
            quantity="fan_in · E[W²]",
            expected=lambda fan_in, fan_out, alpha, rng: 2 / (1 + alpha**2),
            rtol=0.06,
        ),
        Property(
            "independent weights around 0",
            2,
            lambda rng: [(300, 200, 0.0, seed(rng))],
            independence,
            quantity="(sum)² of a column, of a row, over the sum of squares: 1 if independent",
            expected=lambda *args: [1.0, 1.0],
            rtol=0.5,
        ),
    ],
    wrong=[
        Wrong(
            "fan-out-for-fan-in",
            "it divides by fan_out. Along a whole network either fan will do, as He et al. say. But to hold "
            "E[h²] at this one layer it must be fan_in: z = hW adds up fan_in terms.",
            normal_weights(lambda i, o, alpha: np.sqrt(2 / ((1 + alpha**2) * o))),
        ),
        Wrong(
            "xavier-for-he",
            "the variance is 2/(fan_in + fan_out), Xavier's. It looks alike, but its 2 comes from the mean "
            "of two fans. He's 2 makes up for what the ReLU throws away.",
            normal_weights(lambda i, o, alpha: np.sqrt(2 / (i + o))),
        ),
        Wrong(
            "forgets-relu-half",
            "the variance is 1/fan_in. That is the scale of a layer without a ReLU. Here half of E[z²] is "
            "thrown away, and the weights must make up for it.",
            normal_weights(lambda i, o, alpha: np.sqrt(1 / i)),
        ),
        Wrong(
            "variance-given-as-std",
            "it hands the variance to `rng.normal`, which takes the standard deviation. The rule is usually "
            "quoted as the variance: take the root.",
            normal_weights(lambda i, o, alpha: 2 / ((1 + alpha**2) * i)),
        ),
        Wrong(
            "std-given-as-bound",
            "it draws from U(−a, a) with a = the standard deviation. A uniform distribution must reach "
            "further out for the same spread: its bound is √3 times its standard deviation.",
            he_bound_is_std,
        ),
        Wrong(
            "ignores-leak",
            "it takes 2/fan_in for every slope. That is right for α = 0. A leaky ReLU passes on some of the "
            "negative half, too, so a little less is to be made up for.",
            normal_weights(lambda i, o, alpha: np.sqrt(2 / i)),
        ),
        Wrong(
            "alpha-not-squared",
            "it uses 2/(1 + α). E[h²] is a mean of squares, so the slope of the negative half enters as α².",
            normal_weights(lambda i, o, alpha: np.sqrt(2 / ((1 + alpha) * i))),
        ),
        Wrong(
            "inverse-factor",
            "it multiplies by 1 + α² where it should divide. A leaky ReLU keeps more than a ReLU, so it "
            "needs smaller weights.",
            normal_weights(lambda i, o, alpha: np.sqrt(2 * (1 + alpha**2) / i)),
        ),
    ],
)


# --- 2.3 E[h²] at layer L -----------------------------------------------------------------------------


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


PREDICT_H2 = Exercise(
    lesson=LESSON,
    section="3 · What a ReLU halves",
    title="Predict the signal at layer L",
    minutes=10,
    difficulty=1,
    hints=(
        "Follow one number, E[h²], from layer to layer. What does it become in z = hW, and what does the "
        "ReLU leave of it? Where does it start?",
        "It starts at the mean of x². Each layer multiplies it by ½ · n · Var(W), where n is the number of "
        "units that go *into* the layer: widths[0] for the first.",
    ),
    reference=predict_h2,
    properties=[
        Property("one layer", 3, lambda rng: [random_layers(rng, 1) for _ in range(3)], atol=0),
        Property(
            "many layers of one width",
            3,
            lambda rng: [random_layers(rng, depth, int(rng.integers(4, 20))) for depth in (2, 7, 25)],
            atol=0,
        ),
        Property(
            "widths that change",
            4,
            lambda rng: [random_layers(rng, depth) for depth in (2, 3, 10)],
            atol=0,
        ),
    ],
    wrong=[
        Wrong(
            "forgets-relu-half",
            "it multiplies by n · Var(W) at each layer, without the ½. That is right for a linear network. "
            "The ReLU sets half of the z to 0.",
            recursion(kept=1),
        ),
        Wrong(
            "variance-for-second-moment",
            "it starts from the variance of x. The next layer multiplies E[x²], and the two differ as soon "
            "as the mean of x is not 0.",
            recursion(start=np.var),
        ),
        Wrong(
            "relu-halves-variance",
            "it multiplies by 0.341, what a ReLU leaves of the *variance*. Of the second moment it leaves "
            "exactly ½.",
            recursion(kept=0.5 - 0.5 / np.pi),
        ),
        Wrong(
            "fan-out-for-fan-in",
            "it uses the number of units that come out of a layer. z adds up one term for each unit that "
            "goes in.",
            recursion(fan=1),
        ),
        Wrong(
            "one-layer-too-few",
            "it stops one layer early. L layers have L + 1 widths, counting the input's.",
            recursion(layers=slice(None, -1)),
        ),
        Wrong(
            "last-layer-without-relu",
            "its last layer has no ReLU: it gives E[z²] there. h comes after the ReLU.",
            recursion(last=2),
        ),
        Wrong(
            "std-for-variance",
            "it squares the variances. They are squares already: Var(W), not the standard deviation.",
            recursion(power=2),
        ),
        Wrong(
            "unit-input",
            "it starts from 1. Lessons feed inputs with E[x²] = 1, but this x has another size.",
            recursion(start=lambda x: 1.0),
        ),
    ],
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


def hermite(phi, stretch):
    """The gain by 32 Gauss–Hermite nodes, which have to be stretched by √2 for N(0, 1)."""
    nodes, weights = np.polynomial.hermite.hermgauss(32)
    return 1 / np.sqrt(weights @ phi(stretch * nodes) ** 2 / np.sqrt(np.pi))


GAIN = Exercise(
    lesson=LESSON,
    section=ANY_ACTIVATION,
    title="A gain for any activation",
    minutes=20,
    difficulty=2,
    hints=(
        "The gain undoes what φ does to a bell curve of size 1: it is 1/√E[φ(ξ)²]. An expectation is a sum "
        "over a fine grid of ξ, each value weighed by the height of the bell curve there.",
        "Take ξ = np.linspace(-10, 10, 20001), the density exp(−ξ²/2)/√(2π), and sum φ(ξ)² · density · step. "
        "Gauss–Hermite nodes are too far apart for a φ that bends sharply at 0.",
    ),
    reference=gain,
    properties=[
        Property(
            "piecewise linear: identity, ReLU, leaky ReLU",
            5,
            lambda rng: [
                (Phi("identity"),),
                (Phi("relu"),),
                (Phi("leaky_relu", round(rng.uniform(0.1, 0.8), 2)),),
            ],
        ),
        Property(
            "smooth: tanh, sigmoid, softplus, sine",
            5,
            lambda rng: [
                (Phi("tanh", round(rng.uniform(0.5, 1), 2)),),
                (Phi("sigmoid", round(rng.uniform(0.5, 2), 2)),),
                (Phi("softplus"),),
                (Phi("sin", round(rng.uniform(0.5, 2), 2)),),
            ],
        ),
        Property(
            "steep: tanh(a z) with a large a",
            5,
            lambda rng: [(Phi("tanh", round(a, 1)),) for a in rng.uniform(40, 80, 3)],
        ),
    ],
    wrong=[
        Wrong(
            "gain-given-as-variance",
            "it returns 1/E[φ²], which is σ_w². The gain multiplies the weights themselves: take the root.",
            lambda phi: 1 / (WEIGHT @ phi(XI) ** 2),
        ),
        Wrong(
            "inverse-factor",
            "it returns √E[φ²], what the activation leaves. The gain has to undo that: one over it.",
            lambda phi: np.sqrt(WEIGHT @ phi(XI) ** 2),
        ),
        Wrong(
            "variance-for-second-moment",
            "it uses the variance of φ(ξ). The next layer multiplies the second moment, and the two differ "
            "for every φ whose mean is not 0.",
            lambda phi: 1 / np.sqrt(WEIGHT @ phi(XI) ** 2 - (WEIGHT @ phi(XI)) ** 2),
        ),
        Wrong(
            "unnormalised-density",
            "its weights exp(−ξ²/2) do not add up to 1: the factor 1/√(2π) of the bell curve is missing.",
            lambda phi: 1 / np.sqrt(np.sqrt(2 * np.pi) * (WEIGHT @ phi(XI) ** 2)),
        ),
        Wrong(
            "hermite-without-root-two",
            "it takes the nodes of `hermgauss` as they are. These are for the weight exp(−x²), the bell "
            "curve is exp(−ξ²/2): ξ = √2 x.",
            lambda phi: hermite(phi, 1),
        ),
        Wrong(
            "hermite-too-coarse",
            "it uses Gauss–Hermite nodes. The formula is right, but a steep φ switches from −1 to 1 between "
            "two nodes, and the sum does not see it. Use a fine grid.",
            lambda phi: hermite(phi, np.sqrt(2)),
        ),
        Wrong(
            "slope-for-value",
            "it uses the slope φ′: 1/√E[φ′²] is the scale at the edge of chaos, which holds gradients. This "
            "exercise asks for the scale that holds E[z²].",
            lambda phi: 1 / np.sqrt(WEIGHT @ np.gradient(phi(XI), XI) ** 2),
        ),
    ],
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
        network(rng, 9, 1 / 3, uniform=True),
        network(rng, 13, 2),
        network(rng, 13, 5),
    ]


DIAGNOSE = Exercise(
    lesson=LESSON,
    section=FRAMEWORKS,
    title="Diagnose a network",
    minutes=20,
    difficulty=2,
    hints=(
        "You need not run the network. One layer multiplies E[h²] by ½ · fan_in · Var(W), and you have W. "
        "Which kind of mean belongs to numbers that are multiplied? How does a factor c on all weights "
        "enter E[h²]?",
        "factor: the geometric mean of ½ · fan_in · mean(W²), the exponential of the mean logarithm. The "
        "verdict looks at factor^L. A c on the weights enters squared, so c = 1/√factor.",
    ),
    reference=diagnose,
    properties=[
        Property("PyTorch's default: the factor", 4, pytorch_networks, part="factor", rtol=0.02),
        Property("layers that differ: the factor", 3, uneven_networks, part="factor", rtol=0.02),
        Property("the verdict", 4, all_networks, part="verdict"),
        Property("the repair", 4, all_networks, part="repair", rtol=0.02),
    ],
    wrong=[
        Wrong(
            "forgets-relu-half",
            "it counts fan_in · Var(W), without the ½. The ReLU throws away half of what comes out of the "
            "weights.",
            diagnosis(lambda w: 2 * he_factor(w)),
        ),
        Wrong(
            "fan-out-for-fan-in",
            "it counts the columns of W, fan_out. A unit adds up one term for each *row*: W has the shape "
            "(fan_in, fan_out).",
            diagnosis(lambda w: w.shape[1] * np.mean(w**2) / 2),
        ),
        Wrong(
            "arithmetic-mean-of-factors",
            "it takes the arithmetic mean of the factors. Layers multiply, so one layer of 4 and one of ¼ "
            "make 1: take the geometric mean.",
            diagnosis(he_factor, mean=np.mean),
        ),
        Wrong(
            "std-for-variance",
            "it uses the standard deviation of the weights where the variance belongs.",
            diagnosis(lambda w: w.shape[0] * np.std(w) / 2),
        ),
        Wrong(
            "bound-given-as-std",
            "it takes the largest weight for the standard deviation. 1/√n is the *bound* of PyTorch's draw; "
            "its variance is a third of the bound squared.",
            diagnosis(lambda w: w.shape[0] * np.max(np.abs(w)) ** 2 / 2),
        ),
        Wrong(
            "he-is-the-default",
            "it says that every network holds, as if frameworks used He's rule. PyTorch's function is even "
            "called `kaiming_uniform_`, but with a = √5 it gives Var(W) = 1/(3n).",
            diagnosis(lambda w: 1.0),
        ),
        Wrong(
            "one-layer-for-the-network",
            "its verdict looks at the factor of one layer. What counts is the whole network: factor^L.",
            diagnosis(he_factor, whole=False),
        ),
        Wrong(
            "repair-without-root",
            "its repair is 1/factor. The repair multiplies the *weights*, and they enter E[h²] squared: "
            "take the root.",
            diagnosis(he_factor, repair=lambda factor: factor),
        ),
    ],
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


def rank_of_weights(x, w1, w2, grad):
    return {"grad": hidden_gradient(x, w1, w2, grad)["grad"], "rank": np.linalg.matrix_rank(w1)}


def two_layers(rng, first="random", second="random", n_out=None):
    """(x, W₁, W₂, grad): weights that are random, all equal, or zero. No two sizes alike."""
    batch, n_in, n_hidden = int(rng.integers(14, 18)), int(rng.integers(6, 8)), int(rng.integers(4, 6))
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


SYMMETRY = Exercise(
    lesson=LESSON,
    section=RANDOM,
    title="Why zeros and equal weights do not train",
    minutes=15,
    difficulty=2,
    hints=(
        "Go back through the network: grad passes W₂ transposed, then the ReLU, and ∂L/∂W₁ is xᵀ times what "
        "arrives. Its columns belong to the hidden units. How many of them are independent?",
        "dz = (grad @ w2.T) * (x @ w1 > 0), with > and not ≥. Then dw1 = x.T @ dz, and "
        "`np.linalg.matrix_rank(dw1)` counts its independent columns.",
    ),
    reference=hidden_gradient,
    properties=[
        Property(
            "the gradient of W₁",
            4,
            lambda rng: [two_layers(rng), two_layers(rng, "equal"), two_layers(rng, "zero")],
            part="grad",
        ),
        Property(
            "the rank when all weights of a layer are equal",
            2,
            lambda rng: [two_layers(rng, "equal", "equal"), two_layers(rng, "random", "equal")],
            part="rank",
        ),
        Property(
            "the rank when all weights of a layer are zero",
            2,
            lambda rng: [
                two_layers(rng, "zero", "zero"),
                two_layers(rng, "zero"),
                two_layers(rng, "random", "zero"),
            ],
            part="rank",
        ),
        Property(
            "the rank when W₂ is random",
            2,
            lambda rng: [two_layers(rng, "equal", n_out=n) for n in (1, 2, 3)] + [two_layers(rng)],
            part="rank",
        ),
    ],
    wrong=[
        Wrong(
            "forgets-relu-slope",
            "it sends the gradient through the ReLU as if it were not there. A unit whose z was negative "
            "gave 0, and a small change of its weights changes nothing.",
            hidden(slope=np.ones_like),
        ),
        Wrong(
            "relu-slope-one-at-zero",
            "it takes the slope of the ReLU at z = 0 as 1. With zero weights every z is 0, so this decides "
            "all. The course, like PyTorch, takes it as 0: z > 0.",
            hidden(slope=lambda z: z >= 0),
        ),
        Wrong(
            "rank-of-weights",
            "its rank is that of W₁ itself. Equal weights can get different gradients (if W₂ is random), and "
            "different weights no gradient at all: take the rank of ∂L/∂W₁.",
            rank_of_weights,
        ),
        Wrong(
            "counts-units-that-move",
            "it counts the units that get any gradient. Units that all move in the same direction stay "
            "copies of each other: that is the symmetry. The rank counts directions.",
            hidden(rank=lambda dw1: np.count_nonzero(np.abs(dw1).max(axis=0) > 1e-12)),
        ),
        Wrong(
            "different-for-independent",
            "it counts different columns. Columns that are multiples of each other differ, but they learn "
            "one and the same thing.",
            hidden(rank=lambda dw1: len(np.unique(dw1.round(9), axis=1).T)),
        ),
        Wrong(
            "divides-by-the-batch",
            "it divides the gradient by the number of inputs. If the loss is a mean, `grad` contains that "
            "division already: just add up.",
            hidden(share=lambda x: 1 / len(x)),
        ),
    ],
)


# --- 2.7 The spread -----------------------------------------------------------------------------------


def spread(h2, depths, widths):
    """How E[h²] scatters: sd of its logarithm, and c in sd² = c L/n."""
    # Networks differ by factors, so look at logarithms.
    sd = np.std(np.log(h2), axis=1)
    x = depths / widths
    # The law is sd² = c L/n: a line through the origin, fitted by least squares.
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


def exact_networks(rng):
    """Made so that sd² = c L/n holds exactly, with a random c."""
    h2, depths, widths = he_networks(rng, 4)
    logs = np.log(h2)
    logs = (logs - logs.mean(1, keepdims=True)) / logs.std(1, keepdims=True)
    return np.exp(logs * np.sqrt(rng.uniform(1.5, 6) * depths / widths)[:, None]), depths, widths


SPREAD = Exercise(
    lesson=LESSON,
    section=ONE_NETWORK,
    title="The spread, against depth over width",
    minutes=15,
    difficulty=2,
    hints=(
        "A layer multiplies E[h²] by a random factor. Random factors add up in the logarithm: what is the "
        "standard deviation of ln E[h²] over the networks of one row? Its square should be proportional to "
        "L/n.",
        "sd = np.std(np.log(h2), axis=1). With x = depths/widths, the least-squares line through the origin "
        "for sd² has the slope c = Σ x·sd² / Σ x².",
    ),
    reference=spread,
    properties=[
        Property(
            "the standard deviation of ln E[h²]",
            5,
            lambda rng: [he_networks(rng, settings) for settings in (2, 3, 5)],
            part="sd",
        ),
        Property(
            "c, where the law holds exactly",
            5,
            lambda rng: [exact_networks(rng) for _ in range(3)],
            part="c",
        ),
        Property(
            "c, by least squares through the origin",
            5,
            lambda rng: [he_networks(rng, settings) for settings in (3, 4, 6)],
            part="c",
        ),
    ],
    wrong=[
        Wrong(
            "spread-without-logarithm",
            "it takes the standard deviation of E[h²] itself. A few large networks decide that. Factors "
            "multiply, so the law is about the logarithm.",
            spreading(log=np.asarray),
        ),
        Wrong(
            "decimal-for-natural-logarithm",
            "it uses log10. The law sd² = 5L/n is for the natural logarithm, 2.303 times as large.",
            spreading(log=np.log10),
        ),
        Wrong(
            "variance-given-as-std",
            "what it returns as `sd` is the variance: np.var for np.std.",
            spreading(scatter=np.var),
        ),
        Wrong(
            "sample-standard-deviation",
            "it divides by the number of networks minus 1. That is a good estimate, but this exercise asks "
            "for np.std's own rule, which divides by their number.",
            spreading(scatter=lambda a, axis: np.std(a, axis=axis, ddof=1)),
        ),
        Wrong(
            "fits-sd-not-its-square",
            "it fits the standard deviation to L/n. What grows in proportion to L/n is its square: "
            "independent layers add up their variances.",
            spreading(fit=lambda x, sd: (x @ sd) / (x @ x)),
        ),
        Wrong(
            "spread-upside-down",
            "it fits against n/L. The spread grows with depth and shrinks with width: L/n.",
            spreading(ratio=lambda depths, widths: widths / depths),
        ),
        Wrong(
            "fit-with-intercept",
            "its line has an intercept. A network without layers does not scatter at all: the line goes "
            "through the origin.",
            spreading(fit=lambda x, sd: np.polyfit(x, sd**2, 1)[0]),
        ),
        Wrong(
            "mean-of-ratios",
            "it averages sd²·n/L over the settings. That gives a shallow network as much weight as a deep "
            "one; least squares, which is asked for, does not.",
            spreading(fit=lambda x, sd: np.mean(sd**2 / x)),
        ),
    ],
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


def rescaling(size=np.std, act=lambda z: np.maximum(z, 0), sequential=True):
    """The function that divides by another size of z, or sends something else to the next layer."""

    def rescale(weights, x):
        scaled, h = [], x
        for w in weights:
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


LSUV = Exercise(
    lesson=LESSON,
    section=ONE_NETWORK,
    title="LSUV: measure and rescale",
    minutes=20,
    difficulty=3,
    hints=(
        "Go through the layers from the first to the last. Compute z on the batch, divide the weights by a "
        "number so that the variance of z becomes 1, and only then compute the h that the next layer sees.",
        "z is linear in W: divide W by np.std(h @ W). Then h = np.maximum(h @ W, 0) with the *new* W. "
        "Append a new array to a list; `W /= …` would change the caller's.",
    ),
    reference=lsuv,
    properties=[
        Property(
            "one layer has variance 1",
            4,
            lambda rng: [network_and_batch(rng, 1) for _ in range(2)],
            variance_by_layer,
            quantity="Var(z), by layer",
        ),
        Property(
            "every layer has variance 1",
            9,
            lambda rng: [network_and_batch(rng, depth) for depth in (2, 5, 12)],
            variance_by_layer,
            quantity="Var(z), by layer",
        ),
        Property(
            "the matrices are only rescaled",
            2,
            lambda rng: [network_and_batch(rng, depth) for depth in (1, 3)],
            directions,
            quantity="W/‖W‖, by layer",
        ),
    ],
    wrong=[
        Wrong(
            "rescales-the-old-signal",
            "it measures every layer in the network as it was. Each layer must see what the layers before "
            "it send *after* they were rescaled.",
            rescaling(sequential=False),
        ),
        Wrong(
            "variance-given-as-std",
            "it divides by the variance of z. Weights times c multiply the variance by c²: divide by its "
            "root.",
            rescaling(size=np.var),
        ),
        Wrong(
            "second-moment-for-variance",
            "it sets E[z²] to 1, not Var(z). That is the quantity of the lesson, and as good a choice; but "
            "LSUV, and this exercise, take the variance, counted from the mean.",
            rescaling(size=lambda z: np.sqrt(np.mean(z**2))),
        ),
        Wrong(
            "measures-after-the-relu",
            "it sets the variance of h, after the ReLU, to 1. LSUV measures z, before it.",
            rescaling(size=lambda z: np.std(np.maximum(z, 0))),
        ),
        Wrong(
            "rescales-each-unit",
            "it divides each column by the spread of its own unit. That is what batch normalization does "
            "(chapter 3). LSUV has one number for a layer.",
            rescaling(size=lambda z: np.std(z, axis=0)),
        ),
        Wrong(
            "forgets-relu",
            "it hands z itself to the next layer. The network has a ReLU there.",
            rescaling(act=lambda z: z),
        ),
    ],
)

EXERCISES = [XAVIER, HE, PREDICT_H2, GAIN, DIAGNOSE, SYMMETRY, SPREAD, LSUV]
