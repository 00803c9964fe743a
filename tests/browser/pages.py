"""A page with instruments and no kernel, as the site has it: frames in a file, the modules, the style."""

from contextlib import contextmanager
from html import escape

from helpers.figures.theme import STYLE, style_sheet
from tools.web import bake
from tools.web.serving import served

PAGE = """<!doctype html><html lang="en"><title>A lesson</title><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">{style}
<script type="module" src="lesson.js"></script><body><main>{places}</main></body></html>"""
PLACE = """<div data-call="{cell}" data-frames="{name}.bin" data-version="{version}" id="cell-id={cell}">
<p class="live"><a href="#live">Run this lesson</a></p></div>"""


@contextmanager
def page_of(folder, scripts, calls):
    """The address of a page on which each of `calls` {cell: (name, settings)} is an instrument."""
    by_name, places = {}, []
    for cell, (name, settings) in calls.items():
        by_name.setdefault(name, {})[cell] = settings
    versions = {}
    for name, opened in by_name.items():
        packed, versions[name] = bake.bake(name, opened)
        (folder / f"{name}.bin").write_bytes(packed)
    for cell, (name, _) in calls.items():
        places.append(PLACE.format(cell=escape(cell), name=name, version=versions[name]))
    for script in (*STYLE.parent.glob("*.js"), *scripts):
        (folder / script.name).write_bytes(script.read_bytes())
    (folder / "index.html").write_text(
        PAGE.format(style=style_sheet(), places="".join(places)), encoding="utf-8"
    )
    with served(folder) as url:
        yield url
