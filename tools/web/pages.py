"""Notebooks as pages to read: executed, with mathematics in MathML, which needs no script and no network."""

import html
import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import jinja2
import nbformat
from latex2mathml.converter import convert
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from helpers.figures.theme import COLORS, STYLE, style_rules, style_sheet
from helpers.measured import KEEP_IN
from tools import address
from tools.web import life

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
ROOMS = ("notebooks", "exercises")  # whatever notebooks lie there become pages

STATIC = (HERE / "page.js", HERE / "lesson.js", HERE / "icon.svg", *STYLE.parent.glob("*.js"))
CELL_TIMEOUT = 600  # seconds
BEST_FIRST = ["text/html", "text/markdown", "image/svg+xml", "image/png", "text/plain"]  # of an output


@dataclass(frozen=True)
class Page:
    """A notebook, and where its page will be. `path` and `url` are relative to the root."""

    path: Path
    notebook: nbformat.NotebookNode

    @property
    def url(self):
        return self.path.with_suffix(".html").as_posix()

    @property
    def title(self):
        first = self.notebook.cells[0].source
        return first.splitlines()[0].removeprefix("# ").strip()

    @property
    def live(self):
        return f"lite/lab/index.html?path={quote(self.path.as_posix())}"


def notebooks():
    """The pages of the course, in reading order: lessons, then exercises."""
    found = [path for room in ROOMS for path in sorted((ROOT / room).glob("*.ipynb"))]
    return [Page(path.relative_to(ROOT), _read(path)) for path in found]


def _read(path):
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if cell.id != "course"]  # a page is never without it
    return notebook


def build(folder, measured, executed=None):
    """Write all reading pages to a folder; return what is alive on them, as `life.give` does.

    measured: the file to which go the numbers that the lessons measured (see helpers/measured.py).

    Raises nbclient.exceptions.CellExecutionError if a lesson fails.

    executed: the names of the lessons that are executed, and whose instruments and questions are alive; None
    for all. Exercises are never executed: they are not solved.
    """
    pages = notebooks()
    lessons = [page for page in pages if page.path.parts[0] == "notebooks"]
    lessons = [page for page in lessons if executed is None or page.path.stem in executed]
    with ThreadPoolExecutor() as threads, TemporaryDirectory() as home:
        list(threads.map(run, lessons, [home] * len(lessons)))
        found = [path.read_text("utf-8") for path in sorted(Path(home).glob("*.jsonl"))]
        measured.write_text("".join(found), "utf-8")
    alive = life.give(folder, lessons)
    (folder / "static").mkdir(parents=True)
    (folder / "static/style.css").write_text(_stylesheet(), encoding="utf-8")
    for path in STATIC:
        shutil.copy(path, folder / "static")
    for page in pages:
        body = page_body(page, pages, alive.get(page.path.stem, {}))
        _write(folder, page.url, page.title, body, pages, page)
    _write(folder, "index.html", "Trainable Depth", _start(folder, pages), pages)
    return alive


def run(page, home):
    """Execute a notebook in place, as "Run all cells" does for a learner whose progress is in `home`.

    Not the progress of whoever builds the site: the pages would show it. Its numbers go to a file there.
    """
    own = {"TRAINABLE_DEPTH_HOME": home, KEEP_IN: f"{home}/{page.path.stem}.jsonl"}
    NotebookClient(
        page.notebook,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        store_widget_state=False,
        resources={"metadata": {"path": str(ROOT / page.path.parent)}},
    ).execute(env={**os.environ, **own})


def mathml(latex, display):
    """LaTeX as MathML; `display` is "inline" or "block"."""
    # As one word, so that a screen reader does not spell "Var"; and \text knows no escapes.
    latex = latex.replace(r"\mathrm", r"\text").replace(r"\_", "_")
    return convert(latex, display=display)


RELATION = re.compile(r"\\(?:approx|le|ge|to|propto)(?![a-z])|[=<>]")


NARROW = 24  # signs, which fit a phone


def pieces(latex):
    """A formula, if it is long cut before each relation that stands in no bracket: there a line may break."""
    if len(re.sub(r"\\[a-z]+|[{}\s]", "", latex)) <= NARROW:
        return [latex]
    depths = list(accumulate((sign in "{([") - (sign in "})]") for sign in latex))
    cuts = [0, *(m.start() for m in RELATION.finditer(latex) if m.start() and not depths[m.start()]), None]
    return [latex[one:other] for one, other in pairwise(cuts)]


class Renderer(IPythonRenderer):
    """Markdown as in JupyterLab, with MathML, and with links to the pages that there are.

    A link to a file of the repository that is no page of the site becomes plain text.
    """

    def __init__(self, pages, folder):
        super().__init__(escape=False, anchor_link_text="#")
        self.urls, self.folder = {page.path.as_posix(): page.url for page in pages}, folder

    def inline_math(self, body):
        first, *others = pieces(body)
        # The empty group makes a relation at the beginning one between two sides.
        return "<wbr>".join([mathml(first, "inline"), *(mathml("{}" + one, "inline") for one in others)])

    def block_math(self, body):
        return mathml(body, "block")

    def table(self, text):
        return f'<div class="table" role="group" aria-label="Table"><table>{text}</table></div>\n'

    def link(self, text, url, title=None):
        path, _, fragment = url.partition("#")
        if path and ":" not in path:
            target = (ROOT / self.folder / path).resolve().relative_to(ROOT).as_posix()
            if target not in self.urls:
                return text
            url = path.removesuffix(".ipynb") + ".html" + (f"#{fragment}" if fragment else "")
        return super().link(text, url, title)


class Exporter(HTMLExporter):
    """nbconvert with our template and our markdown."""

    def __init__(self, pages, folder):
        super().__init__(template_name="page", extra_template_basedirs=[str(HERE)])
        self.renderer = Renderer(pages, folder)

    @jinja2.pass_context
    def markdown2html(self, context, source):
        return MarkdownWithMath(renderer=self.renderer).render(source)

    @property
    def default_config(self):
        config = super().default_config
        config.NbConvertBase.display_data_priority = BEST_FIRST
        return config


_TO_A_NOTEBOOK = re.compile(rf'(href="\.\./(?:{"|".join(ROOMS)})/[^"#]+)\.ipynb')


def page_body(page, pages, alive=()):
    """A notebook as HTML, without the frame of the site around it; `alive`: see `life.give`."""
    marks = {cell: life.attributes(**data) for cell, data in dict(alive).items()}
    resources = {"live": "../" + page.live, "alive": marks}
    body, _ = Exporter(pages, page.path.parent).from_notebook_node(page.notebook, resources)
    body = body.replace(style_sheet(), "")  # every output brings it along; here it is in the style sheet
    return _TO_A_NOTEBOOK.sub(r"\1.html", body)  # in an output; those of the text lead to pages already


def _start(folder, pages):
    """The start page: what the README says in its head and under "Chapters", with its pictures."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    head, chapters = readme.split("\n## ")[0], _section(readme, "Chapters")
    render = MarkdownWithMath(renderer=Renderer(pages, Path())).render
    body = render(head) + (HERE / "start.html").read_text(encoding="utf-8") + render(chapters)
    for picture in re.findall(r'<img src="([^":]+)"', body):
        (folder / picture).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / picture, folder / picture)
    return body


def _section(readme, name):
    found = re.search(rf"^## {name}\n.*?(?=^## |\Z)", readme, re.MULTILINE | re.DOTALL)
    if not found:
        raise ValueError(f'README.md has no section "## {name}", which the start page of the site shows')
    return found[0]


_HEADING = re.compile(r'<h2 id="([^"]+)">(.*?)<a class="anchor-link"', re.DOTALL)
_NOTES = {
    "lesson": "Nothing to install. The first start loads tens of megabytes.",
    "exercise": "Nothing to install. Your solutions stay in this browser.",
}


def _write(folder, url, title, body, pages, page=None):
    frame = jinja2.Environment(loader=jinja2.FileSystemLoader(HERE)).get_template("frame.html.j2")
    kind = "lesson" if url.startswith("notebooks/") else "exercise"
    at = pages.index(page) if page else None
    root = "../" * url.count("/")
    text = frame.render(
        title=title,
        description=html.escape(_first_words(body)),
        here=url,
        root=root,
        pages=pages,
        sections=_HEADING.findall(body) if page else [],
        body=body,
        live=page and root + page.live,
        colab=page and address.on_colab(page.path.as_posix()),
        kind=kind,
        note=_NOTES[kind],
        before=pages[at - 1] if at else None,
        after=pages[at + 1] if page and at + 1 < len(pages) else None,
    )
    path = folder / url
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _first_words(body):
    """The first paragraph without its markup."""
    paragraph = re.search(r"<p>(.*?)</p>", body, re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", paragraph[1])).split()) if paragraph else ""


def _stylesheet():
    """The course's colours in all ways to choose a theme, then the styles of widgets' texts, then ours."""
    light = "".join(f"--td-{role}: {pair[0]}; " for role, pair in COLORS.items())
    themes = (
        '@media print {body, body[data-jp-theme-light="false"], body:not([data-jp-theme-light]) {'
        + light
        + "}}\n"
    )
    return f"{style_rules()}\n{themes}\n{(HERE / 'style.css').read_text(encoding='utf-8')}"
