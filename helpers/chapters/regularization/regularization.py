"""What regularizers do, measured: dropout's moments, decay under noise, and trainings repeated in pairs."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass

import numpy as np

from helpers import arguments, digits, probes
from helpers.data import Split, load_digits, shared_digits, shifted
from helpers.initializers import he_normal
from helpers.layers import Dropout, Linear, ReLU
from helpers.network import Network, plain, stack
from helpers.optimizers import SGD, WITH_DECAY, Adam
from helpers.progress_bar import ProgressBar
from helpers.training import Training, evaluate, train

# Dropout, and two slips. Each says with which probability a unit stays, and what it is multiplied by then.
FORMS = {
    "inverted": lambda p: (1 - p, 1 / (1 - p)),
    "not rescaled": lambda p: (1 - p, 1.0),
    "p read as keep": lambda p: (p, 1 / p),
}


@dataclass(frozen=True)
class Passes:
    """One input's activations h, sent through dropout many times.

    `kept` (passes, width) says which units stayed. The others are ratios to eval mode after 1, 2, 3 …
    passes, averaged over units and passes: of the mean of h, of E[h²], and of the mean after the next
    Linear and ReLU.
    """

    kept: np.ndarray
    mean: np.ndarray
    second: np.ndarray
    after_relu: np.ndarray


def dropout_passes(p, width, passes, form="inverted", seed=0):
    """Send h = ReLU(z), z ~ N(0, 1), of `width` units through dropout `passes` times: Passes.

    `form` is one of FORMS. Raises ValueError for p outside (0, 1).
    """
    p = arguments.number("p", p, above=0, below=1)
    keep, factor = FORMS[arguments.one_of("form", form, FORMS)](p)
    rng = np.random.default_rng(seed)
    h = np.maximum(rng.standard_normal(width, dtype=np.float32), 0)
    w = he_normal(width, width, rng)
    kept = rng.random((passes, width), np.float32) >= 1 - keep
    dropped = h * kept * np.float32(factor)
    after = np.maximum(dropped @ w, 0).mean(axis=1) / np.maximum(h @ w, 0).mean()
    means, seconds = dropped.mean(axis=1) / h.mean(), (dropped**2).mean(axis=1) / (h**2).mean()
    return Passes(kept, *(_running_mean(a.astype(np.float64)) for a in (means, seconds, after)))


def dropout_ratios(p, form="inverted"):
    """What theory says of `Passes`: the ratios of the mean, of E[h²], and of the mean after the next ReLU.

    The last is for a wide layer of random weights, where z is normal with a variance in proportion to E[h²],
    so that E[ReLU(z)] goes with its root.
    """
    keep, factor = FORMS[arguments.one_of("form", form, FORMS)](p)
    return keep * factor, keep * factor**2, keep**0.5 * factor


def dropout_spread(p, width, passes, form="inverted"):
    """The standard deviation of the ratio of means after `passes` passes (h half-normal, half zero)."""
    keep, factor = FORMS[arguments.one_of("form", form, FORMS)](p)
    share = np.pi  # E[h²]/E[h]² of a ReLU's output
    return factor * np.sqrt(keep * (1 - keep) * share / (width * np.asarray(passes)))


def signal_with_dropout(p, depth, width=256, seed=0):
    """E[h²] after each of `depth` He layers with dropout after their ReLU: {"training": …, "eval mode": …}.

    Both start with E[h²] of the input, standard normal numbers. Raises ValueError for p outside [0, 1).
    """
    rng = np.random.default_rng(seed)
    block = lambda: (Linear(width, width, rng, bias=False), ReLU(), Dropout(p, rng))  # noqa: E731
    network = Network([layer for _ in range(depth) for layer in block()])
    x, signal = rng.standard_normal((256, width)).astype(np.float32), {}
    for mode, is_training in (("training", True), ("eval mode", False)):
        network.forward(x, train=is_training)
        signal[mode] = [probes.second_moment(h) for h in network.outputs[::3]]
    return signal


def left_by_noise(optimizer, scales, steps=1000, lr=1e-3, weight_decay=1.0, weights=100, seed=0):
    """What decay leaves of weights that start at 1 and whose gradients are nothing but noise, N(0, scale²).

    One number for each of `scales`: the mean over `weights` weights. `optimizer` is a name of
    `optimizers.WITH_DECAY`. Decay alone leaves exp(−lr · λ · steps).
    """
    rng = np.random.default_rng(seed)
    params, grads = {"weight": np.ones((len(scales), weights))}, {}
    make = WITH_DECAY[arguments.one_of("optimizer", optimizer, WITH_DECAY)]
    stepper = make([(params, grads)], lr=lr, weight_decay=weight_decay)
    for _ in range(steps):
        grads["weight"] = rng.standard_normal((len(scales), weights)) * np.reshape(scales, (-1, 1))
        stepper.step()
    return params["weight"].mean(axis=1)


LOOK = 10  # steps between two looks at the digits that early stopping holds out


@dataclass(frozen=True)
class Recipe:
    """How a small classifier of the digits (64, width, width, 10) is built and trained.

    `dropout` stands after each hidden ReLU; with `norm`, a BatchNorm before it. `label_noise` is the share
    of the `examples` training labels that are replaced by a wrong digit. Of the examples, `held_out` are not
    trained on: the weights that the network keeps are those with the lowest loss on them (early stopping,
    looked at every LOOK steps). `shifts` adds four copies of each training digit, moved by a pixel; then the
    pixels have to be scaled alike (`per_pixel=False`).
    """

    optimizer: str = "Adam + L2"
    lr: float = 1e-3
    weight_decay: float = 0.0
    dropout: float = 0.0
    norm: bool = False
    width: int = 64
    examples: int = 100
    label_noise: float = 0.0
    held_out: int = 0
    shifts: bool = False
    per_pixel: bool = True
    steps: int = 300
    batch: int = 32

    def __post_init__(self):
        arguments.whole("held_out", self.held_out, low=0, high=self.examples - 1)
        if self.shifts and self.per_pixel:
            raise ValueError("shifts=True needs per_pixel=False: a pixel can only move among its equals")

    def data(self, seed):
        """A Split: `examples` digits to train on, 797 to test on."""
        every = load_digits(seed, train=1000, per_pixel=self.per_pixel)
        x, y = every.x_train[: self.examples], every.y_train[: self.examples].copy()
        rng = np.random.default_rng([seed, 1])
        wrong = rng.permutation(self.examples)[: round(self.label_noise * self.examples)]
        y[wrong] = (y[wrong] + rng.integers(1, 10, len(wrong))) % 10
        return Split(x, y, every.x_test, every.y_test)

    def network(self, seed):
        """The untrained network. Its weights depend on the seed alone, and not on dropout or the norm."""
        rng, masks = np.random.default_rng([seed, 2]), np.random.default_rng([seed, 3])
        layers = []
        for layer in digits.Build(3, self.width, "BatchNorm" if self.norm else "none").draw(rng).layers:
            layers.append(layer)
            layers += [Dropout(self.dropout, masks)] if self.dropout and isinstance(layer, ReLU) else []
        return Network(layers)

    def accuracy(self, seed):
        """Train, and return the share of the test digits that are named rightly."""
        data, network = self._trained(seed)
        return float(evaluate(network, data.x_test, data.y_test)[1])

    def accuracy_with_half(self, seed):
        """The same, once each unit of the first hidden layer has been removed with probability ½."""
        data, network = self._trained(seed)
        return accuracy_without(network, 0.5, data.x_test, data.y_test, seed)

    def _trained(self, seed):
        data, network = self.data(seed), self.network(seed)
        self.fit(network, data, seed, self.weight_decay)
        return data, network

    def fit(self, network, data, seed, weight_decay):
        """Train a network of this recipe; of a stacked one, every run has a weight decay of its own."""
        make = WITH_DECAY[arguments.one_of("optimizer", self.optimizer, WITH_DECAY)]
        momentum = {"momentum": digits.MOMENTUM} if make is SGD else {}
        stepper = make(network.layers, lr=self.lr, weight_decay=weight_decay, **momentum)
        x, y = data.x_train[self.held_out :], data.y_train[self.held_out :]
        if self.shifts:
            x, y = shifted(x, y)
        batch = min(self.batch, len(x))
        fit = Training(network, stepper, x, y, self.steps, batch, seed, measure_every=self.steps)
        lowest, best = np.inf, None
        while not fit.ended:
            fit.advance(LOOK)
            if self.held_out:
                held_out = data.x_train[: self.held_out], data.y_train[: self.held_out]
                loss, _ = evaluate(network, *held_out)
                if loss < lowest:
                    lowest, best = loss, deepcopy([layer.params for layer in network.layers])
        for layer, params in zip(network.layers, best or [], strict=best is not None):
            layer.params.update(params)


def accuracy_without(network, share, x, y, seed=0):
    """The share of x named rightly once units of the first hidden layer are removed at random.

    Each unit is removed with probability `share`, anew for each example, and the others are multiplied by
    1/(1 − share). Everything else is in eval mode. Raises ValueError for a share outside [0, 1).
    """
    removing = Dropout(arguments.number("share", share, low=0, below=1), np.random.default_rng(seed))
    first = next(i for i, layer in enumerate(network.layers) if isinstance(layer, ReLU)) + 1
    bottom, top = Network(network.layers[:first]), Network(network.layers[first:])
    return float(evaluate(top, removing.forward(bottom.forward(x, train=False)), y)[1])


def study(recipes: Mapping[str, Recipe], seeds):
    """Train every recipe with every seed: {name: test accuracies in percent, one a seed}.

    The same seed gives every recipe the same examples, the same starting weights and the same batches, so
    that their difference is the recipe's alone.
    """
    found, bar = {name: [] for name in recipes}, ProgressBar(len(recipes) * len(seeds), "trainings")
    try:
        for name, recipe in recipes.items():
            for seed in seeds:
                found[name].append(100 * recipe.accuracy(seed))
                bar.show(sum(map(len, found.values())))
    finally:
        bar.close()
    return {name: np.array(values) for name, values in found.items()}


def decay_sweep(recipe, decays, seeds):
    """Test accuracy in percent for each weight decay of `decays`, averaged over `seeds`.

    All decays train at once, as runs of one stacked network: same examples, same start, same batches.
    """
    total = np.zeros(len(decays))
    for seed in seeds:
        data = recipe.data(seed)
        network = stack([recipe.network(seed) for _ in decays])
        recipe.fit(network, data, seed, np.asarray(decays, float))
        total += 100 * evaluate(network, data.x_test, data.y_test)[1]
    return total / len(seeds)


STEPS, BATCH = 150, 64  # of the plain networks below: ten ReLU layers of 32 units that read the digits


def losses_clipped_at(max_norm, lr, seeds=5):
    """The final losses, one a seed, of plain networks of ten layers; ∞ where a training overflowed.

    The gradient is clipped at `max_norm` (None: not at all). All seeds train at once, stacked.
    """
    networks = stack([plain(64, 32, 10, 10, np.random.default_rng(seed)) for seed in range(seeds)])
    sgd, data = SGD(networks.layers, np.full(seeds, lr), digits.MOMENTUM), shared_digits()
    options = {"seed": list(range(seeds)), "max_norm": max_norm, "progress": False}
    history = train(networks, sgd, data.x_train, data.y_train, STEPS, BATCH, **options)
    return np.nan_to_num(history.loss[-20:].mean(axis=0), nan=np.inf)


def loss_with_adam(network, lr, steps=STEPS, seed=0):
    """Train a classifier of the digits with Adam, and return the mean loss of its last 20 steps."""
    data = shared_digits()
    adam = Adam(network.layers, lr)
    history = train(network, adam, data.x_train, data.y_train, steps, BATCH, seed, progress=False)
    return history.loss[-20:].mean()


def fate_of_units(lr, seed=0):
    """What becomes of the ReLUs of a plain network of ten layers in a training with learning rate `lr`.

    Three shares: of units that are silent at the start (0 for every digit), of these the ones that still are
    at the end, and of all others the ones that are silent then.
    """
    network, data = plain(64, 32, 10, 10, np.random.default_rng(seed)), shared_digits()

    def silent():
        with np.errstate(all="ignore"):  # a training that diverged is a result
            network.forward(data.x_train, train=False)
        return np.concatenate([np.all(h == 0, axis=0) for h in network.outputs[2::2]])

    before, sgd = silent(), SGD(network.layers, lr, digits.MOMENTUM)
    train(network, sgd, data.x_train, data.y_train, STEPS, BATCH, seed, progress=False)
    after = silent()
    return before.mean(), after[before].mean(), after[~before].mean()


@dataclass(frozen=True)
class Difference:
    """A mean difference over pairs, and half the width of its 95% confidence interval."""

    mean: float
    half_width: float

    @property
    def is_clear(self):
        """Does the interval leave out 0?"""
        return abs(self.mean) > self.half_width

    def __str__(self):
        return f"{self.mean:+.1f} ± {self.half_width:.1f}".replace("-", "−")


def paired_difference(treated, baseline):
    """The mean of treated − baseline over pairs (same seed), with its 95% interval (Student's t).

    Raises ValueError unless both have the same number of values, at least 5.
    """
    treated, baseline = np.asarray(treated, float), np.asarray(baseline, float)
    if treated.shape != baseline.shape or treated.ndim != 1 or len(treated) < 5:
        raise ValueError(
            f"treated of shape {treated.shape} and baseline of shape {baseline.shape}: "
            "pairs are needed, at least 5"
        )
    difference = treated - baseline
    standard_error = difference.std(ddof=1) / np.sqrt(len(difference))
    return Difference(float(difference.mean()), float(_t_quantile(len(difference) - 1) * standard_error))


def differences(found, baseline):
    """Of a `study`: {name: its paired difference to `baseline`, as text such as "+2.0 ± 0.6"}."""
    arguments.one_of("baseline", baseline, found)
    others = {name: values for name, values in found.items() if name != baseline}
    return {name: str(paired_difference(values, found[baseline])) for name, values in others.items()}


def _t_quantile(df):
    """Student's t at 97.5%, within 0.02 for df ≥ 4 (Abramowitz & Stegun 1964, 26.7.5)."""
    z = 1.959964
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + sum(term / df ** (i + 1) for i, term in enumerate(terms))


def _running_mean(values):
    return np.cumsum(values) / np.arange(1, len(values) + 1)
