"""The pictures that a lesson's own cells draw: each cell is run with those that it needs, and no others.

One that needs more than a few seconds of computing is left out: a kit must be made in a minute.
"""

import ast
import contextlib
import functools
import inspect
import io
import symtable

import matplotlib as mpl

from helpers.figures import plots

# 15 seconds and more: they train, or draw networks by the thousand. Of all others none takes 5.
TOO_LONG = {"plot-sigmoid-sweep", "plot-many-he-networks", "plot-ceilings", "study-noisy"}
DRAW = {name for name, value in vars(plots).items() if inspect.isfunction(value) and name[0] != "_"}


def drawn(cell):
    """Is it a code cell that ends in a picture, soon enough?"""
    if cell.cell_type != "code" or cell.id in TOO_LONG:
        return False
    last = ast.parse(cell.source).body[-1]
    return isinstance(last, ast.Expr) and isinstance(last.value, ast.Call) and _name(last.value.func) in DRAW


def _name(node):
    return node.id if isinstance(node, ast.Name) else None


def picture(lesson, id):
    """(what it shows in words, SVG in HTML) of the picture that the cell of this id draws."""
    cells = [cell for section in lesson.sections for cell in section.cells if cell.cell_type == "code"]
    return _picture(tuple(cell.source for cell in cells), [cell.id for cell in cells].index(id), id)


@functools.cache
def _picture(sources, at, id):
    names = {}
    with contextlib.redirect_stdout(io.StringIO()):
        for i in needed(sources, at):
            tree = ast.parse(sources[i])
            if isinstance(tree.body[-1], ast.Expr):  # it shows something
                last = tree.body.pop()
            exec(compile(tree, f"<{id}>", "exec"), names)
    made = eval(compile(ast.Expression(last.value), f"<{id}>", "eval"), names)
    with mpl.rc_context({"svg.hashsalt": id}):  # else names inside the picture are drawn at random
        return made.alt, made.inside()


def needed(sources, at):
    """The places of the cells that cell `at` needs, itself included: those that last bound a name it uses."""
    uses, binds = zip(*map(_names, sources), strict=True)
    found, open = {at}, [at]
    while open:
        i = open.pop()
        for name in uses[i]:
            before = next((j for j in range(i - 1, -1, -1) if name in binds[j]), None)
            if before is not None and before not in found:
                found.add(before)
                open.append(before)
    return sorted(found)


def _names(source):
    """The names that a cell uses, and those that it binds: not those of its functions and comprehensions."""
    top = symtable.symtable(source, "cell", "exec")
    binds = {one.get_name() for one in top.get_symbols() if one.is_assigned() or one.is_imported()}
    return {one.get_name() for one in top.get_symbols() if one.is_referenced()} | set(_inside(top)), binds


def _inside(table):
    """The names of the notebook that are used in functions and comprehensions."""
    for child in table.get_children():
        yield from (one.get_name() for one in child.get_symbols() if one.is_global())
        yield from _inside(child)
