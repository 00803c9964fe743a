"""What a page plays: every note, as WebAudio is told it."""

from itertools import pairwise

LISTEN = """() => {
  window.played = [];
  const Real = window.OscillatorNode;
  window.OscillatorNode = class extends Real {
    constructor(context, { frequency, type }) {
      super(context, { frequency, type });
      this.note = { frequency, type };
    }
    start(at) { super.start(at); window.played.push({ ...this.note, at }); }
  };
}"""


def played(tab):
    """The notes so far: [(frequency, shape)], and the seconds between their beginnings."""
    notes = tab.evaluate("window.played")
    tab.evaluate("window.played.length = 0")
    steps = [later["at"] - one["at"] for one, later in pairwise(notes)]
    return [(note["frequency"], note["type"]) for note in notes], steps
