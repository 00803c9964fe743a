"""What a learner can set: data that says the name, the range and how a value is written."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import ipywidgets as widgets

from helpers import arguments

_LABEL = {"description_width": "13em"}
_WIDE = {"width": "auto"}


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

    def check(self, value):
        low, high = self.values[0], self.values[-1]
        if isinstance(low, int):
            return arguments.whole(self.name, value, low, high)
        return arguments.number(self.name, value, low, high)

    def widget(self, value):
        return widgets.SelectionSlider(
            options=self._options(value),
            value=value,
            readout=False,
            style=_LABEL,
            layout=_WIDE,
            tooltip=self.label,
        )

    def assign(self, slider, value):
        if all(value != option for _, option in slider.options):
            slider.options = self._options(value)
        slider.value = value

    def relabel(self, slider, settings):
        value = min(slider.value, getattr(settings, self.at_most)) if self.at_most else slider.value
        slider.description = f"{self.label} = {self.text(value)}"

    def extremes(self):
        return self.values[0], self.values[-1]

    def _options(self, value):
        return [(self.text(option), option) for option in sorted({*self.values, value})]


@dataclass(frozen=True)
class Choice:
    """One of a few named options: a menu, or a row of buttons where the choice is the point.

    Choosing also makes the settings in `implies`, as for a Slider.
    """

    name: str
    label: str
    options: Sequence[str]
    default: str
    buttons: bool = False
    implies: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def check(self, value):
        return arguments.one_of(self.name, value, self.options)

    def widget(self, value):
        options = list(self.options)
        if self.buttons:  # their label stands in the row, not in the widget
            return widgets.ToggleButtons(
                options=options, value=value, style={"button_width": "auto"}, layout=_WIDE
            )
        return widgets.Dropdown(
            options=options,
            value=value,
            description=self.label,
            tooltip=self.label,
            style=_LABEL,
            layout=_WIDE,
        )

    def assign(self, chooser, value):
        chooser.value = value

    def relabel(self, chooser, settings):
        """A menu shows its value itself."""

    def extremes(self):
        return tuple(self.options)


@dataclass(frozen=True)
class Seed:
    """The number from which every random draw of the instrument comes. All instruments have one."""

    name: str = "seed"
    label: str = "Seed"
    default: int = 0
    highest: int = 999_999

    def check(self, value):
        return arguments.whole(self.name, value, 0, self.highest)

    def widget(self, value):
        return widgets.BoundedIntText(
            value=value,
            min=0,
            max=self.highest,
            description=self.label,
            tooltip=self.label,
            style={"description_width": "initial"},
            layout={"width": "9em"},
        )

    def assign(self, box, value):
        box.value = value

    def relabel(self, box, settings):
        """The box shows its value itself."""

    def extremes(self):
        return 0, self.highest
