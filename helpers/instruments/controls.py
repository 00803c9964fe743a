"""What a learner can set: data that says the name, the range and how a value is written."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from helpers import arguments


@dataclass(frozen=True)
class Slider:
    """A slider over `values`, low to high; its label reads "Depth L = 30".

    Another value inside the range may be a starting setting: it becomes one more position. Moving the
    slider also makes the settings in `implies`, so that no slider is ever without effect. A slider that
    cannot count above the setting `at_most` says so in its label.
    """

    name: str
    label: str
    values: Sequence[Any]
    default: Any
    text: Callable[[Any], str] = str
    implies: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    at_most: str | None = None

    def implied(self, value):
        return self.implies

    def check(self, value):
        low, high = self.values[0], self.values[-1]
        if isinstance(low, int):
            return arguments.whole(self.name, value, low, high)
        return arguments.number(self.name, value, low, high)

    @property
    def allowed(self):
        low, high = self.values[0], self.values[-1]
        return f"{low} to {high}" if isinstance(low, int) else f"{low:.3g} to {high:.3g}"

    def says(self, settings):
        """The value in words, as it counts."""
        value = getattr(settings, self.name)
        return self.text(min(value, getattr(settings, self.at_most)) if self.at_most else value)

    def about(self):
        """All that the browser must know, as JSON."""
        return {
            "kind": "slider",
            "name": self.name,
            "label": self.label,
            "values": list(self.values),
            "texts": [self.text(value) for value in self.values],
            "implies": dict(self.implies),
            "at_most": self.at_most,
        }

    def extremes(self):
        return self.values[0], self.values[-1]


@dataclass(frozen=True)
class Choice:
    """One of a few named options: a menu, or a row of buttons where the choice is the point.

    Choosing an option also makes the settings that `implies` has under its name.
    """

    name: str
    label: str
    options: Sequence[str]
    default: str
    buttons: bool = False
    implies: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: MappingProxyType({}))

    def implied(self, value):
        return self.implies.get(value, {}) if isinstance(value, str) else {}

    def check(self, value):
        return arguments.one_of(self.name, value, self.options)

    @property
    def allowed(self):
        return ", ".join(f'"{option}"' for option in self.options)

    def says(self, settings):
        return getattr(settings, self.name)

    def about(self):
        return {
            "kind": "buttons" if self.buttons else "menu",
            "name": self.name,
            "label": self.label,
            "values": list(self.options),
            "texts": list(self.options),
            "implies": {option: dict(self.implied(option)) for option in self.options},
        }

    def extremes(self):
        return tuple(self.options)


@dataclass(frozen=True)
class Seed:
    """The number from which every random draw of the instrument comes. All instruments have one."""

    name: str = "seed"
    label: str = "Seed"
    default: int = 0
    highest: int = 999_999

    def implied(self, value):
        return {}

    def check(self, value):
        return arguments.whole(self.name, value, 0, self.highest)

    @property
    def allowed(self):
        return f"0 to {self.highest}"

    def after(self, seed):
        return (seed + 1) % (self.highest + 1)

    def says(self, settings):
        return str(settings.seed)

    def about(self):
        return {"kind": "seed", "name": self.name, "label": self.label, "highest": self.highest}

    def extremes(self):
        return 0, self.highest
