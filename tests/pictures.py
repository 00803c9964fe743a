"""What tests of pictures share: which words are seen in a figure, and whether they fit into it."""

from itertools import combinations

from matplotlib.backends.backend_agg import RendererAgg


class Recorder(RendererAgg):
    """A renderer that draws nothing, and notes every text."""

    def __init__(self, figure):
        super().__init__(*map(int, figure.bbox.size), figure.dpi)
        self.texts = []

    def draw_text(self, gc, x, y, s, prop, angle, ismath=False, mtext=None):
        self.texts.append(mtext)

    def draw_path(self, *args, **kwargs):
        pass

    draw_markers = draw_path_collection = draw_path


def drawn_texts(figure):
    """The texts that are seen in the figure."""
    recorder = Recorder(figure)
    figure.draw(recorder)
    for artist in figure.findobj(lambda artist: artist.get_animated()):
        artist.draw(recorder)
    return [text for text in recorder.texts if text is not None and text.get_text().strip()]


def overlap(a, b):
    """By how much two boxes overlap: the smaller of width and height, or 0."""
    across, up = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
    return max(min(across, up), 0)


def places(figure):
    """The texts that are seen: [(the words, their box, the angle)]."""
    return [(text.get_text(), text.get_window_extent(), text.get_rotation()) for text in drawn_texts(figure)]


def assert_words_fit(texts, size):
    """Every text lies in the figure, and no two that are level meet."""
    outside = [text for text, box, _ in texts if min(box.x0, box.y0, *(size - box.max)) < -0.5]
    assert outside == []
    level = [(text, box) for text, box, angle in texts if angle % 90 == 0]
    met = [(a, b) for (a, one), (b, other) in combinations(level, 2) if overlap(one, other) > 2]
    assert met == []
