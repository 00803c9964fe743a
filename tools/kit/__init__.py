"""The kit for a class: slides, plans, question banks, an atlas of misconceptions, tests, and a release.

All of it is made from what the course has already: lessons, questions, exercises and claims.
docs/instructors.md tells what each is for.
"""

from pathlib import Path

import jinja2

from helpers.figures.theme import style_rules


def render(template, **values):
    """A page from one of the templates of this folder."""
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    return (
        jinja2.Environment(loader=loader, keep_trailing_newline=True).get_template(template).render(**values)
    )


def page(title, parts):
    """An HTML page of these parts, which are HTML."""
    return render("page.html.j2", title=title, rules=style_rules(), body="\n".join(parts))
