"""What axe-core, a checker of accessibility, finds on a page in Chromium."""

from axe_playwright_python.sync_playwright import Axe

GRAVE = ("serious", "critical")


def violations(page, include=None, exclude=()):
    """The serious and critical violations as sentences; `page` is playwright's.

    `include` and `exclude` are lists of CSS selectors; without `include` the whole page is checked.
    """
    context = {"exclude": [[selector] for selector in exclude]}
    if include:
        context["include"] = [[selector] for selector in include]
    found = Axe().run(page, context, {"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{rule['impact']}: {rule['id']} ({rule['help']}) at {node['target'][-1]}: {node['html'][:200]}"
        for rule in found
        if rule["impact"] in GRAVE
        for node in rule["nodes"]
    ]
