"""Rescue the network: seven deep networks that do not train. See the symptoms, name the disease, cure it."""

from collections.abc import Mapping
from dataclasses import asdict

from helpers.chapters.rescue import rescue
from helpers.chapters.rescue.bedside import NAMES, Bedside, is_cured, treated, worded
from helpers.chapters.rescue.rescue import HEALTHY, PATIENTS, Design, patient_id
from helpers.instruments.controls import Choice, Slider
from helpers.instruments.frame import Challenge

BEDS = {**PATIENTS, "healthy": HEALTHY}


def experiment(s):
    """Settings ↦ Results: the symptoms at once, then ever more of the training."""
    return treated(BEDS[s.patient].design, design(s), s.seed)


def design(s):
    """The Design that the settings describe."""
    return Design(**{name: getattr(s, name) for name in NAMES})


def is_solved(s, r):
    """Is it cured within the patient's budget?"""
    return is_cured(r, BEDS[s.patient].budget)


def _solved(patient, *, without_skip=False):
    return lambda s, r: s.patient == patient and is_solved(s, r) and not (without_skip and s.skip == "on")


def _start(patient):
    return {"patient": patient, **asdict(BEDS[patient].design)}


class RescueTheNetwork(Bedside):
    title = "Rescue the network"
    question = (
        "Seven networks of 50 layers, and none of them learns to read digits. Choose a patient and read the "
        "symptoms before you touch anything: how large is the signal in each layer, how large the gradient, "
        "what does the loss do? Name the disease. Then change as little as you can. Dotted: as it was found."
    )
    controls = (
        Choice(
            "patient",
            "Patient",
            tuple(BEDS),
            "A",
            buttons=True,
            implies={name: asdict(patient.design) for name, patient in BEDS.items()},
        ),
        Choice("init", "Weights", tuple(rescue.INITS), PATIENTS["A"].design.init),
        Choice("act", "Activation", rescue.ACTS, PATIENTS["A"].design.act),
        Choice("norm", "Norm", tuple(rescue.NORMS), PATIENTS["A"].design.norm),
        Choice("skip", "Skip connections", rescue.SKIPS, PATIENTS["A"].design.skip),
        Choice("scale", "Branch scale", tuple(rescue.SCALES), PATIENTS["A"].design.scale),
        Slider(
            "lr",
            "Learning rate η",
            rescue.RATES,
            PATIENTS["A"].design.lr,
            text=worded,
        ),
        Choice("clip", "Clip the gradient at", tuple(rescue.CLIPS), PATIENTS["A"].design.clip),
    )
    presets: Mapping = {
        "A healthy network": _start("healthy"),
        "All at once": {**_start("G"), "skip": "on", "norm": "BatchNorm", "lr": 0.1},
    }
    challenges = (
        Challenge(
            "A, without a skip",
            "Cure patient A with one change, and leave the skip connections off.",
            _start("A"),
            _solved("A", without_skip=True),
            "Weights of the right size are enough for tanh: chapter 2's repair alone carries 50 layers.",
            {"init": "orthogonal"},
        ),
        Challenge(
            "B, without a skip",
            "Cure patient B with one change, and leave the skip connections off.",
            _start("B"),
            _solved("B", without_skip=True),
            "A norm in every layer spreads the inputs apart again and keeps the sigmoid where it is steep.",
            {"norm": "BatchNorm"},
        ),
        Challenge(
            "D, keeping η",
            "Cure patient D with one change, and leave η at 0.3.",
            _start("D"),
            lambda s, r: _solved("D")(s, r) and s.lr == PATIENTS["D"].design.lr,
            "Clipping contains the few steps that would throw it; a norm or a smaller branch scale makes the "
            "slope gentler. Several repairs stand in for each other.",
            {"clip": "1"},
        ),
        Challenge(
            "G, two diseases",
            "Cure patient G. One change is not enough, two are.",
            _start("G"),
            _solved("G"),
            "Each disease hides the other: with a small η it looks as if only the gradient had vanished.",
            {"skip": "on", "lr": 0.03},
        ),
    )

    experiment = staticmethod(experiment)

    def case(self, s):
        return BEDS[s.patient]

    def solved(self, s, r):
        return [patient_id(s.patient), "; ".join(r.changed), True] if is_solved(s, r) else None
