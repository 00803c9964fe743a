"""The ward: patients drawn from all designs whose treatments are known. Name what ails them, cure them."""

from dataclasses import replace

from helpers.chapters.rescue import illness
from helpers.chapters.rescue.bedside import NAMES, Bedside, is_cured, treated, worded
from helpers.figures.numbers import counted
from helpers.instruments.controls import Choice, Slider
from helpers.instruments.frame import Verdict

PATIENTS = 60  # that can be called; a level that has fewer begins again
FOUND, UNNAMED, NONE = "as found", "not named yet", "none"
TREATMENT = dict.fromkeys(NAMES, FOUND)
LABELS = {name: label[0].upper() + label[1:] for name, label in NAMES.items()} | {"lr": "Learning rate η"}
ADMITTED = {"disease": UNNAMED, "second": NONE, **TREATMENT}
POINTS = 4  # two for the names, two for the treatment
SEED = 0  # of the weights and the batches: one of those with which every treatment was tried


def treatment(s):
    """{setting: value} of what is not left as it was found."""
    chosen = {name: getattr(s, name) for name in NAMES if getattr(s, name) != FOUND}
    return {name: float(value) if name == "lr" else value for name, value in chosen.items()}


def number(s):
    """Which of its level's patients it is: 0, 1, …"""
    return (s.patient - 1) % len(illness.cases(s.level))


def case(s):
    """The patient of these settings."""
    return illness.cases(s.level)[number(s)]


def experiment(s):
    """Settings ↦ Results: the symptoms at once, then ever more of the training."""
    found = case(s).design
    return treated(found, replace(found, **treatment(s)), SEED)


def points(s, r):
    """What a cure is worth, of POINTS: the share that is named rightly, and how few changes it took."""
    patient, named = case(s), {s.disease, s.second} - {NONE}
    right = len(named & set(patient.diseases)) / max(len(named), len(patient.diseases))
    extra = len(r.changed) - patient.budget
    return 2 * right + max(0, 2 - extra)


def is_settled(s, r):
    """Has it a name, and is it cured with one change more than enough at most?"""
    return s.disease != UNNAMED and is_cured(r, case(s).budget + 1)


def patient_id(s):
    """By which id the learner's record keeps this patient's treatment: `goals` in words.toml counts them."""
    return f"rescue-ward-{s.level}-{number(s) + 1}"


class Ward(Bedside):
    title = "The ward"
    question = (
        "A patient that nobody has prepared: drawn from all networks of 50 layers that do not learn. "
        "Read the symptoms and the chart, name the disease, and change as little as you can. At level 3 "
        "there are two diseases. Dotted: as it was found."
    )
    controls = (
        Slider("level", "Level", illness.LEVELS, 1, implies=ADMITTED),
        Slider("patient", "Patient", tuple(range(1, PATIENTS + 1)), 1, implies=ADMITTED),
        Choice("disease", "Disease", (UNNAMED, *illness.DISEASES), UNNAMED),
        Choice("second", "Second disease", (NONE, *illness.DISEASES), NONE),
        *(Choice(name, LABELS[name], (FOUND, *map(worded, illness.OPTIONS[name])), FOUND) for name in NAMES),
    )
    presets = {"As found": ADMITTED}
    challenges = ()
    seeded = False
    first = 4

    experiment = staticmethod(experiment)

    def case(self, s):
        return case(s)

    def solved(self, s, r):
        if not is_settled(s, r):
            return None
        named = " + ".join(name for name in (s.disease, s.second) if name != NONE)
        got = points(s, r)
        return [patient_id(s), f"{named}; {'; '.join(r.changed)}; {got:g} of {POINTS}", got == POINTS]

    def readouts(self, s, r):
        found = case(s).design
        trunk = f"skips × {found.scale}" if found.skip == "on" else "no skips"
        norm = found.norm if found.norm != "none" else "no norm"
        clip = f"clipped at {found.clip}" if found.clip != "off" else "not clipped"
        chart = f"{found.init}, {found.act}, {norm}, {trunk}, η = {worded(found.lr)}, {clip}"
        return [("as found", chart), *super().readouts(s, r)]

    def verdict(self, s, r):
        stands = super().verdict(s, r)
        if not is_cured(r, case(s).budget + 1):
            return stands
        if not is_settled(s, r):
            return Verdict("CURED", f"{stands.sentence} Now name what it had.", "muted")
        patient = case(s)
        cures = f"{counted(len(patient.cures), 'treatment')} of {counted(patient.budget, 'change')}"
        had = f"It had: {' + '.join(patient.diseases)}. {cures} would do."
        got = points(s, r)
        sentence = f"{stands.sentence} {had} {got:g} of {POINTS} points."
        return Verdict("SOLVED", sentence, "good") if got == POINTS else Verdict("CURED", sentence, "muted")

    def describe(self, s, r):
        return super().describe(s, r).replace("Patient ", f"Level {s.level}, patient ", 1)
