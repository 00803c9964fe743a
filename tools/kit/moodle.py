"""Question banks as Moodle XML: Site or course → Question bank → Import → Moodle XML format.

A family is a category, so that a quiz's *random question* from it is one of its variants.
"""

import math
import xml.etree.ElementTree as ET

from tools.kit.bank import Choice, Item, Range, document, element

FAR = 2e6  # how many times the number a tolerance reaches on the side of 0 where a range has no end


def write(lesson, items):
    """The bank of a chapter, as bytes."""
    quiz, last = ET.Element("quiz"), None
    for item in items:
        category = "/".join(map(_escaped, ("Trainable Depth", lesson.title, item.section, item.family)))
        if category != last:
            question = _add(quiz, "question", type="category")
            _text(question, "category", f"$course$/top/{category}")
            last = category
        _question(quiz, item)
    return document(quiz)


def _escaped(name):
    """In the path of a category a doubled slash is a slash of a name."""
    return name.replace("/", "//")


def _question(quiz, item):
    choice = isinstance(item.answers[0], Choice)
    question = _add(quiz, "question", type="multichoice" if choice else "numerical")
    _text(question, "name", item.name)
    _text(question, "questiontext", item.text, format="html")
    _text(question, "generalfeedback", "", format="html")
    for tag, value in {
        "defaultgrade": "1",
        "penalty": "0.3333333",
        "hidden": "0",
        "idnumber": item.name,
    }.items():
        question.append(element(tag, value))
    if choice:
        for tag, value in {"single": "true", "shuffleanswers": "true", "answernumbering": "ABCD"}.items():
            question.append(element(tag, value))
        for answer in item.answers:
            _answer(question, answer, answer.text)
    else:
        for answer in item.answers[:-2]:
            middle, reach = (answer.low + answer.high) / 2, (answer.high - answer.low) / 2
            _answer(question, answer, repr(middle)).append(element("tolerance", repr(reach)))
        for low, high, answer in _rest(item):
            middle, reach = ("*", 0.0) if low is None else ((low + high) / 2, (high - low) / 2)
            _answer(question, answer, str(middle)).append(element("tolerance", repr(reach)))
        question.append(element("unitgradingtype", "0"))
        question.append(element("showunits", "3"))  # no field for a unit


def _rest(item):
    """What is too small or too large, as (low, high, answer); low is None for all that is left.

    A tolerance cannot be infinite, and one that is very large would blur the number itself. So what lies
    beyond 0 and what lies between 0 and the number are two ranges. (Beyond FAR comes the other hint.)
    """
    small, large = item.answers[-2:]
    near, other, side = (small, large, -1) if item.number >= 0 else (large, small, 1)
    far = side * FAR * (abs(item.number) or 1)
    if item.number:
        yield min(0.0, item.number), max(0.0, item.number), near
    yield min(0.0, far), max(0.0, far), near
    yield None, None, other


def _answer(question, answer, text):
    made = _add(question, "answer", fraction="100" if answer.right else "0", format="plain_text")
    made.append(element("text", text))
    _text(made, "feedback", answer.feedback, format="html")
    return made


def _text(parent, tag, text, **attributes):
    _add(parent, tag, **attributes).append(element("text", text))


def _add(parent, tag, **attributes):
    return ET.SubElement(parent, tag, attributes)


def read(data):
    """The Items of a bank that `write` wrote; numbers as near as tolerances keep them."""
    family = section = None
    found = []
    for question in ET.fromstring(data):
        if question.get("type") == "category":
            path = question.findtext("category/text").replace("//", "\0").split("/")
            *_, section, family = (part.replace("\0", "/") for part in path)
            continue
        answers = [_read(answer) for answer in question.iterfind("answer")]
        number = None
        if question.get("type") == "numerical":
            number = (answers[0].low + answers[0].high) / 2
            answers = [*answers[: len(answers) - (3 if number else 2)], *_two_sides(number, answers)]
        text = question.findtext("questiontext/text")
        found.append(Item(question.findtext("name/text"), family, section, text, tuple(answers), number))
    return found


def _read(answer):
    text, right = answer.findtext("text"), answer.get("fraction") == "100"
    feedback, reach = answer.findtext("feedback/text"), answer.findtext("tolerance")
    if reach is None:
        return Choice(text, right, feedback)
    middle = math.inf if text == "*" else float(text)
    return Range(middle - float(reach), middle + float(reach), right, feedback)


def _two_sides(number, answers):
    """The two last ranges as `bank` has them, from the three (or two) of `_rest`."""
    near, other = answers[-2].feedback, answers[-1].feedback
    small, large = (near, other) if number >= 0 else (other, near)
    return Range(-math.inf, number, False, small), Range(number, math.inf, False, large)
