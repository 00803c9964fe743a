"""What a page plays: every note, as WebAudio is told it."""

from itertools import pairwise

from helpers.figures import sound

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


def tones(chain):
    """The frequencies of a chain's curve, on the axis that it has now."""
    (axes,) = chain.figure.figure.axes
    return sound.tone((chain.result.course / axes.yaxis.rescaled.unit + 1) / 2)
