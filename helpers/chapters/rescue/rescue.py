"""Broken deep networks, what can be changed in them, and the training that judges.

Every network classifies the digits with DEPTH layers. A `Design` says in words how it is built and trained;
the PATIENTS are designs that do not learn, each with symptoms of its own.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import numpy as np

from helpers import arguments, digits, initializers, probes
from helpers.data import shared_digits
from helpers.layers import Linear, Residual
from helpers.losses import softmax_cross_entropy

DEPTH = 50
STEPS, PIECES = 150, 10  # of a training, and how often it tells how it stands
LAST = 20  # steps, whose mean loss counts as the final one
BLOCKS = (DEPTH - 2) // 2

INITS = {
    "naive N(0, 1)": initializers.naive,
    "PyTorch default": initializers.pytorch_default,
    "Xavier": initializers.xavier_normal,
    "He": initializers.he_normal,
    "orthogonal": initializers.orthogonal,
}
ACTS = ("ReLU", "tanh", "sigmoid")
NORMS = ("none", "BatchNorm")
SKIPS = ("off", "on")
SCALES = {"1": 1.0, "1/√blocks": BLOCKS**-0.5, "learned, from 0": "learned"}
RATES = (0.0001, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
CLIPS = {"off": None, "10": 10.0, "1": 1.0, "0.1": 0.1}
OPTIONS = {"init": INITS, "act": ACTS, "norm": NORMS, "skip": SKIPS, "scale": SCALES, "clip": CLIPS}


@dataclass(frozen=True)
class Design:
    """How a network is built and trained. `scale` is that of the residual branches, and needs the skip."""

    init: str = "He"
    act: str = "ReLU"
    norm: str = "none"
    skip: str = "off"
    scale: str = "1"
    lr: float = 0.03
    clip: str = "off"

    def __post_init__(self):
        for name, allowed in OPTIONS.items():
            arguments.one_of(name, getattr(self, name), allowed)
        arguments.number("lr", self.lr, above=0)

    def changes(self, other):
        """The names of what differs in `other`. A branch scale without a skip does nothing: it counts not."""
        names = [name for name, value in asdict(self).items() if getattr(other, name) != value]
        return [name for name in names if name != "scale" or other.skip == "on"]

    def network(self, seed):
        """The untrained network. A seed draws the same weights for designs that need the same."""
        scale = SCALES[self.scale] if self.skip == "on" else None
        build = digits.Build(DEPTH, norm=self.norm, act=self.act, init=INITS[self.init], scale=scale)
        return build.network(seed)


@dataclass(frozen=True)
class Patient:
    """A design that does not learn: its `disease`, and the number of changes that is enough to cure it."""

    design: Design
    disease: str
    cures: tuple[Mapping[str, object], ...]  # some of those that are enough
    budget: int = 1

    def cured_by(self, cure):
        """The design after the changes of a cure."""
        return replace(self.design, **cure)


PATIENTS = {
    "A": Patient(
        Design("PyTorch default", "tanh", "none", "off", "1/√blocks", 0.01),
        "the first weights are too small: signal and gradient vanish",
        ({"init": "orthogonal"}, {"skip": "on"}),
    ),
    "B": Patient(
        Design("Xavier", "sigmoid", "none", "off", "1/√blocks", 0.03),
        "every sigmoid takes three quarters or more of the gradient, weights of this size do not make up for "
        "it, and all inputs become alike",
        ({"norm": "BatchNorm"}, {"skip": "on"}),
    ),
    "C": Patient(
        Design("He", "ReLU", "none", "on", "1", 0.03),
        "every branch adds its whole variance to the stream: the signal doubles at each block",
        ({"scale": "1/√blocks"}, {"scale": "learned, from 0"}, {"norm": "BatchNorm"}),
    ),
    "D": Patient(
        Design("He", "ReLU", "none", "on", "learned, from 0", 0.3),
        "a good start, but η is too large for it",
        ({"lr": 0.03}, {"clip": "1"}),
    ),
    "E": Patient(
        Design("He", "ReLU", "BatchNorm", "off", "1", 0.03),
        "batch normalization without skips: the gradient explodes on its way down (why it does not learn is "
        "open)",
        ({"skip": "on"},),
    ),
    "F": Patient(
        Design("He", "ReLU", "BatchNorm", "on", "1", 0.0001),
        "nothing is broken: η is far too small",
        ({"lr": 0.03}, {"lr": 0.1}),
    ),
    "G": Patient(
        Design("PyTorch default", "tanh", "none", "off", "1/√blocks", 3.0),
        "two at once: the gradient vanishes, and η is far too large",
        ({"skip": "on", "lr": 0.03}, {"init": "orthogonal", "lr": 0.01}),
        budget=2,
    ),
}

# To compare the patients with: nothing ails it, and no change of it is a cure.
HEALTHY = Patient(Design("He", "ReLU", "BatchNorm", "on", "1", 0.1), "none", (), budget=0)


def patient_id(name):
    """By which id the learner's record keeps that this patient was cured: one of the goals in words.toml."""
    return f"rescue-patient-{name.lower()}"


@dataclass(frozen=True)
class Symptoms:
    """The untrained network on one batch, by layer: 0 is the input, then the layers after which a sum ends.

    `signal` is E[h²], `gradient` ‖∂L/∂h‖, `alike` the mean cosine between two inputs.
    """

    layers: np.ndarray
    signal: np.ndarray
    gradient: np.ndarray
    alike: np.ndarray

    @property
    def gradient_ratio(self):
        """‖∂L/∂h‖ at the first hidden layer over that at the last."""
        with np.errstate(all="ignore"):
            return float(self.gradient[1] / self.gradient[-1])


def symptoms(design, seed=0):
    """What probes see in the network before its first step."""
    data = shared_digits()
    network = design.network(seed)
    x, y = data.x_train[: digits.BATCH], data.y_train[: digits.BATCH]
    with np.errstate(all="ignore"):
        _, grad = softmax_cross_entropy(network.forward(x), y)
        network.backward(grad)
        # What enters a Linear or a block; how many layers with weights lie before it.
        parts = [(i, layer) for i, layer in enumerate(network.layers) if isinstance(layer, Linear | Residual)]
        weights = [1 if isinstance(layer, Linear) else 2 for _, layer in parts]
        return Symptoms(
            layers=np.cumsum([0, *weights[:-1]]),
            signal=probes.forward_moments(network)[1].second[:-1],
            gradient=probes.gradient_norms(network)[:-1],
            alike=np.array([probes.cosine_similarity(network.outputs[i]) for i, _ in parts]),
        )


def training(design, seed=0):
    """Train the network on the digits: yields its digits.Course after each of PIECES equal parts of STEPS.

    It ends early when the loss is no longer finite.
    """
    one = digits.Training(design.network(seed), design.lr, max_norm=CLIPS[design.clip]).begin(STEPS, seed)
    while not one.ended:
        one.advance(STEPS // PIECES)
        yield digits.Course(one.loss, LAST)


def final_loss(design, seed=0):
    """Train, and return the mean loss of the last steps; not a number if it overflowed."""
    *_, course = training(design, seed)
    return course.final
