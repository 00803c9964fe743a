"""What the failures of an answer have in common, where no known mistake does what it does."""

import numpy as np

from helpers.checking.comparing import are_measures, close, differences, leaves

VERY_NEAR = 0.03  # relative: what rounding, a coarse step or a loose tolerance can do
TINY = 1e-5  # what may be taken for 0
NEARLY = "Every wrong number is very near"  # and said only where it is true of all that is measured
RELATIONS = {
    "the negative of": (np.negative, "is a sign wrong?"),
    "one over": (np.reciprocal, "is a quotient upside down?"),
    "the square of": (np.square, "is a root missing?"),
    "the root of": (np.sqrt, "is there a root too many, or a square missing?"),
    "one over the square of": (lambda x: x**-2.0, "is a root missing, and a quotient upside down?"),
    "the logarithm of": (np.log, "is the way back from the logarithm missing?"),
} | {
    f"the power {k:.3f} of": (lambda x, k=k: x**k, "have a logarithm and its way back different bases?")
    for base in (2, 10)
    for k in (np.log(base), 1 / np.log(base))
}


def in_common(results):
    """What the failures have in common, where no known mistake fits, in a sentence; or nothing."""
    words = {row.expected for result in results for row in result.rows if isinstance(row.expected, str)}
    failed = [result for result in results if not result.passed]
    if untrue := next(_untrue(failed), None):
        return f"This should hold, and does not: {untrue}."
    said = [(_common(result, words), result) for result in failed]
    if not all(text.startswith(NEARLY) for text, result in said if not _speaks_in_words(result)):
        said = [("" if text.startswith(NEARLY) else text, result) for text, result in said]
    found = next(((text, result) for text, result in said if text), None)
    if found:
        text, result = found
        return text if len({text for text, _ in said}) == 1 else f"In “{result.prop.name}”: {text}"
    if failed and all(row.edge for result in failed for row in result.rows if not row.agrees):
        return (
            "It goes wrong only near a limit that the task states. "
            "Which number is it, and what belongs to which side of it?"
        )
    if not all(map(_speaks_in_words, failed)):
        return ""  # a word may follow from a number that is wrong itself
    return next((text for text in map(_too_easily, failed) if text), "")


def _speaks_in_words(result):
    return all(isinstance(row.expected, str | bool) for row in result.rows)


def _untrue(failed):
    """The statements among what was measured that should be true, and are not."""
    for result in failed:
        for row in result.rows:
            if isinstance(row.expected, dict) and not row.problem:
                for key, right in row.expected.items():
                    if " " in key and right is True and row.got[key] is False:
                        yield key


def _too_easily(result):
    """What is answered where something else is right, if it is always the same; or nothing."""
    wrong = [row for row in result.rows if not row.agrees]
    if any(row.problem or not isinstance(row.got, str | bool) for row in wrong):
        return ""
    given, missed = {row.got for row in wrong}, {row.expected for row in wrong}
    right = {row.got for row in result.rows if row.agrees}
    if len(given) != 1 or given & missed or not (given & right and missed & right):
        return ""
    (word,) = given
    said = word if isinstance(word, bool) else f"“{word}”"
    return (
        f"In “{result.prop.name}”: it says {said} too easily, and never anything else where {said} is right. "
        "Compare its condition with the task's: what is compared, and with which number?"
    )


def _common(result, words):
    """What a property's failures have in common. words: those that are right somewhere."""
    rows = [row for row in result.rows if not row.agrees]
    if any(row.problem for row in rows):
        return ""
    if isinstance(rows[0].expected, str | bool):
        return _of_words(result.rows, rows, words)
    return _of_numbers(result.prop, rows) if all(are_measures(row.expected) for row in rows) else ""


def _of_words(all_rows, rows, words):
    if isinstance(rows[0].expected, str):
        if all(row.got.casefold() == row.expected.casefold() for row in rows):
            return "Every word is right but for its capital letters: write it as the task does."
        if strange := [row.got for row in rows if row.got not in words]:
            return f"“{strange[0][:20]}” is not among the words that the task gives for this case."
    elif len(rows) == len(all_rows) and len({row.got for row in rows}) > 1:
        return (
            "It says True where False is right, and False where True is: is a comparison the wrong way round?"
        )
    return ""


def _of_numbers(prop, rows):
    got, expected = (
        [np.asarray(leaf, float) for row in rows for leaf in leaves(side(row))]
        for side in (lambda row: row.got, lambda row: row.expected)
    )
    if any(one.shape != other.shape for one, other in zip(got, expected, strict=False)):
        return ""
    if len(rows) > 1 and not prop.expected:
        for name, (relation, question) in RELATIONS.items():
            with np.errstate(all="ignore"):
                if close(got, [relation(one) for one in expected], prop):
                    return f"Every number is {name} what is expected: {question}"
        for turned, name in ((lambda a: a[::-1], "order"), (np.transpose, "rows and columns")):
            if close(got, [turned(one) if one.ndim else one for one in expected], prop):
                return f"Every number is right, and in the wrong place: exchange its {name}."
    return _rounded(got, expected) or _one_line(prop, got, expected) or _ratio(prop, rows)


def _rounded(got, expected):
    """Says that small numbers are 0, or to how many decimals numbers are rounded, if that is all."""
    if not any(map(np.any, got)):
        small = max(np.max(np.abs(one)) for one in expected) < TINY
        return (
            "Every wrong number is 0 where a small one is right: is it rounded, or cut off?" if small else ""
        )
    for digits in range(12, 0, -1):
        half = 0.501 * 10.0**-digits  # and a little: the right number's own last digit may be off
        if all(
            np.array_equal(one, np.round(one, digits)) and np.all(np.abs(one - other) <= half)
            for one, other in zip(got, expected, strict=True)
        ):
            return f"Every wrong number is the right one, rounded to {digits} decimals: return all of it."
    return ""


LINES = {1: ("entry",), 2: ("row", "column")}


def _one_line(prop, got, expected):
    """Says that only the first or the last row, column or entry is wrong, if it is so in several arrays."""
    with np.errstate(invalid="ignore"):
        off = [
            np.abs(one - other) > prop.atol + prop.rtol * np.abs(other)
            for one, other in zip(got, expected, strict=True)
        ]
    off = [one for one in off if one.any()]
    ndims = {one.ndim for one in off}
    if len(off) < 2 or len(ndims) > 1 or not ndims <= LINES.keys():
        return ""
    for axis, line in enumerate(LINES[ndims.pop()]):
        for end, index in (("first", 0), ("last", -1)):
            if all(np.delete(one, index, axis).size and not np.delete(one, index, axis).any() for one in off):
                return f"Only the {end} {line} is wrong. Does a loop, or a slice, leave it out?"
    return ""


def _ratio(prop, rows):
    """What the quotients got/expected say: very near, or one factor on inputs of several sizes."""
    pairs = [(got, wanted) for row in rows for _, got, wanted in differences(row.got, row.expected, prop)]
    if not all(expected for _, expected in pairs):
        return ""
    ratios = np.array([got / expected for got, expected in pairs])
    noise = max(prop.rtol if prop.expected else 0.01, 0.01)
    worst = np.max(np.abs(ratios - 1))
    if worst < max(VERY_NEAR, 0 if noise <= 0.01 else 2 * noise):
        return (
            f"{NEARLY}: off by {worst:.1g} of its size at most. "
            "Is it precision (steps, a tolerance, rounding, random draws), or a number that is a little off?"
        )
    sizes = {_size(row.args) for row in rows}
    several = len(rows) >= 3 and (len(sizes) > 1 or sizes == {len(rows[0].args)})  # none has a size
    if not several or not np.allclose(ratios, ratios.mean(), rtol=noise) or abs(ratios.mean()) < 1e-6:
        return ""
    about = "about " if noise > 0.01 else ""
    return f"Every wrong number is {about}{ratios.mean():.3g} times what is expected: a constant factor."


def _size(args):
    """How large an input is: the numbers in it, and the whole numbers that say a size."""
    if isinstance(args, dict):
        args = tuple(args.values())
    if isinstance(args, list | tuple):
        return sum(map(_size, args))
    return args if isinstance(args, int) else np.size(args)
