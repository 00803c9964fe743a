"""Does every link of the site lead somewhere? To a file, and to an element of it."""

from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

from tools.address import on_colab


class _Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.ids, self.links = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == "id":
                self.ids.append(value)
            elif name in ("href", "src"):
                self.links.append(value)


def broken(folder, pages):
    """What is wrong with the links of these pages of a folder: a list of sentences.

    A link to another host is reported as well, but to Colab, if the course is there: the pages need none.
    """
    read = {}

    def parsed(path):
        if path not in read:
            read[path] = _Page(path.read_text(encoding="utf-8"))
        return read[path]

    problems = []
    for page in (folder / page for page in pages):
        where = page.relative_to(folder)
        twice = {id for id in parsed(page).ids if parsed(page).ids.count(id) > 1}
        problems += [f"{where}: the id {id!r} is there twice" for id in sorted(twice)]
        for link in parsed(page).links:
            parts = urlsplit(link)
            if parts.scheme == "data":  # the picture itself stands there
                continue
            if link == on_colab(where.with_suffix(".ipynb").as_posix()):
                continue
            if parts.scheme or parts.netloc:
                problems.append(f"{where}: {link} leads away from the site")
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            if not target.is_file():
                problems.append(f"{where}: {link} leads nowhere")
            elif parts.fragment and not {parts.fragment, unquote(parts.fragment)} & set(parsed(target).ids):
                problems.append(f"{where}: {link} leads to no place of its page")
    return problems
