"""A still picture: what a plotting function of the course returns to a notebook cell."""

from base64 import b64encode
from html import escape

from helpers.figures import svg
from helpers.figures.theme import output, own_colors


class Picture:
    """A figure that follows the page's theme and says in words what it shows.

    `alt` is required: it is read aloud by a screen reader, and is the picture's plain-text form.
    """

    def __init__(self, figure, title, alt):
        if not title or not alt:
            raise ValueError(f"title={title!r}, alt={alt!r}: a picture needs both, in words")
        self.figure, self.title, self.alt = figure, title, alt

    def html(self):
        return output(f"{self.title}: {self.alt}", self.inside())

    def inside(self):
        """The picture alone, where the style sheet is already."""
        return f'<div class="td-figure">{svg.picture(self.figure, self.title, self.alt)}</div>'

    def image(self):
        """The picture as an image, in the system's theme, for where nothing but an image is safe.

        JupyterLab takes an SVG element out of the output of a notebook that is not trusted.
        """
        picture = svg.picture(self.figure, self.title, self.alt).replace(">", f">{own_colors()}", 1)
        data = b64encode(picture.encode()).decode()
        alt = escape(f"{self.title}: {self.alt}")
        return f'<img class="td-picture" alt="{alt}" src="data:image/svg+xml;base64,{data}">'

    def __repr__(self):
        return f"{self.title}: {self.alt}"

    def _repr_html_(self):
        return self.html()
