"""The kit for a class: made of what is there, the same each time, and read back as it was written."""

import csv
import io
import json
import math
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from helpers.checking import exercise, questions
from helpers.progress.record import Progress
from tools.kit import __main__ as kit
from tools.kit import (
    anki,
    atlas,
    bank,
    lessons,
    measures,
    moodle,
    paired,
    plans,
    plots,
    qti,
    release,
    slides,
)

ROOT = Path(__file__).parents[1]
LESSONS = lessons.load()
each = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)


@pytest.fixture(scope="module")
def made():
    return kit.files()


def test_it_is_the_same_each_time(made, tmp_path):
    """In another process, too, where sets and dictionaries of strings are in another order."""
    command = [sys.executable, "-m", "tools.kit", "build", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True)
    there = {path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in tmp_path.rglob("*.*")}
    assert there.keys() == made.keys()
    assert [name for name, data in made.items() if there[name] != data] == []


def test_every_chapter_has_all_that_it_can_have(made):
    for lesson in LESSONS:
        expected = {"slides.html", "plan-50.md", "plan-90.md", "questions.moodle.xml", "questions.qti.zip"}
        expected |= {"questions.anki.txt"} | (
            {"tests.html"} if any(q.family for q in lesson.questions) else set()
        )
        assert {name.split("/")[1] for name in made if name.startswith(lesson.name)} == expected


# --- Slides and plans ----------------------------------------------------------------------------


class Tags(HTMLParser):
    """Counts the tags, and which addresses are loaded."""

    def __init__(self, text):
        super().__init__()
        self.open, self.loaded, self.sections = [], [], 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.sections += tag == "section"
        self.loaded += [given["src"]] if "src" in given else [given["href"]] if tag == "link" else []


@each
def test_slides_show_the_pictures_and_instruments_of_the_core_path_and_load_nothing(made, lesson):
    text = made[f"{lesson.name}/slides.html"].decode()
    tags = Tags(text)
    assert tags.loaded == [] and not re.search(r"url\((?!#)", text)
    shown = sum(len(section.instruments) for section in lesson.sections)
    shown += sum(plots.drawn(cell) for section in lesson.sections for cell in section.cells)
    assert text.count('<section class="picture"') == shown and text.count("<svg") >= shown
    assert tags.sections == text.count("<h1>") >= 8
    body = re.sub(
        r"<!--.*?-->|<style>.*?</style>|<script>.*?</script>|<code>.*?</code>|<pre>.*?</pre>",
        "",
        text,
        flags=re.S,
    )
    assert "$" not in body and "**" not in body, "Markdown or mathematics that was not rendered"


@pytest.mark.parametrize("id", sorted(plots.TOO_LONG))
def test_a_plot_that_takes_too_long_is_in_a_lesson(id):
    cells = {cell.id: cell for lesson in LESSONS for s in lesson.sections for cell in s.cells}
    assert not plots.drawn(cells[id])
    cells[id].id = "soon-enough"
    assert plots.drawn(cells[id])
    cells[id].id = id


def test_a_plot_needs_the_cells_that_bind_its_names_and_no_others():
    cells = [
        "a = 1\nn = 5",
        "def f(x):\n    return a + x",
        "n = [a for a in range(3)]",
        "b = f(2)",
        "a = n",
        "show(b)",
    ]
    assert plots.needed(cells, 5) == [0, 1, 3, 5]
    assert plots.needed(cells, 4) == [2, 4]


@each
def test_two_questions_are_put_to_the_vote_and_the_notes_alone_have_the_answer(lesson, monkeypatch):
    for slow in ("_instrument", "_plot"):
        monkeypatch.setattr(slides, slow, lambda *_: {"kind": "picture"})
    voted = [slide for slide in slides.slides(lesson) if slide["kind"] == "vote"]
    asked = [q for s in lesson.sections for q in s.asked("ask", "predict") if hasattr(q, "options")]
    assert len(voted) == len(slides.votes(lesson)) == min(2, len({q.id for q in asked}))
    for slide in voted:
        assert "Right." in slide["notes"] and "Right." not in slide["body"]
        assert slide["body"].count("<li>") == slide["notes"].count("<li>")


@each
@pytest.mark.parametrize("length", plans.AT_HOME)
def test_a_plan_fills_its_time_with_every_section(lesson, length):
    text = plans.write(lesson, length)
    rows = [re.split(r" *\| *", line)[1:3] for line in text.splitlines() if re.match(r"\| \d+ \| \d+", line)]
    at = 0
    for start, share in rows:
        assert int(start) == at and int(share) >= 1
        at += int(share)
    assert at == length
    for section in lesson.sections:
        if section.title not in plans.SKIPPED:
            assert section.title in text
    assert all(item.name in text for item in lesson.exercises)


def test_shared_minutes_are_whole_and_proportional():
    assert plans.shared([10, 20, 30], 12) == [2, 4, 6]
    assert plans.shared([1, 1, 1], 10) in ([4, 3, 3], [3, 4, 3], [3, 3, 4])
    assert plans.shared([0, 100], 40) == [1, 39]


def test_a_fold_and_what_is_further_are_on_no_slide():
    cells = [
        lessons.minutes.nbformat.v4.new_markdown_cell(text, id=id)
        for id, text in [
            ("a", "# T\n\n**What?**"),
            ("b", "## One\n\n**Seen** here.\n\n<details><summary>**Why**</summary>\n\nHidden.\n\n</details>"),
            ("further", "## Further\n\n**Beyond** all."),
        ]
    ]
    section = lessons.Section("One", cells[1:2], [])
    assert slides._said(section) == ["**Seen** here."]


# --- Question banks ------------------------------------------------------------------------------


def same(one, other):
    """Are two Items the same, with numbers as near as a tolerance keeps them?"""
    words = [(i.name, i.family, i.section, canonical(i.text), len(i.answers)) for i in (one, other)]
    assert words[0] == words[1]
    for a, b in zip(one.answers, other.answers, strict=True):
        assert type(a) is type(b) and a.right == b.right and canonical(a.feedback) == canonical(b.feedback)
        if isinstance(a, bank.Choice):
            assert a.text == b.text
        else:
            assert (b.low, b.high) == pytest.approx((a.low, a.high), rel=1e-12, abs=1e-300)
    return True


def canonical(html):
    return ET.canonicalize(f"<p>{html}</p>", strip_text=False)


@each
@pytest.mark.parametrize("form", [moodle, qti], ids=["moodle", "qti"])
def test_a_bank_is_read_back_as_it_was_written(lesson, form):
    items = bank.items(lesson)
    back = {item.name: item for item in form.read(form.write(lesson, items))}
    assert len(items) == len(back) >= len(lesson.questions)
    assert all(same(item, back[item.name]) for item in items)


@each
def test_an_item_judges_as_its_question(lesson):
    for question in lesson.questions:
        for one in lessons.variants(question):
            item = bank.item(one, "name", question)
            if item.number is None:
                assert [a.right for a in item.answers] == [one.judge(a.text).correct for a in item.answers]
                continue
            values = [one.answer, *(wrong.value for wrong in one.wrong)]
            for value in [v * f for v in values for f in (0.2, 0.97, 1, 1.04, 5)] + [-1.0, 0.0, 1e9]:
                found = next(a for a in item.answers if a.low <= value <= a.high)
                response = one.judge(repr(value))
                assert (found.right, found.feedback) == (response.correct, bank._xml(response.feedback)), (
                    value
                )


@each
def test_moodle_judges_as_the_question(lesson):
    """By its rule: the first answer whose tolerance holds the number; * is all that is left."""
    by_name = {item.name: item for item in bank.items(lesson)}
    for found in ET.fromstring(moodle.write(lesson, by_name.values())).iterfind(
        "question[@type='numerical']"
    ):
        item = by_name[found.findtext("name/text")]
        for value in (item.number * factor for factor in (1, 1.47, 0.52, 1e9, -1, -1e6)):
            wanted = next(a for a in item.answers if a.low <= value <= a.high)
            for answer in found.iterfind("answer"):
                text, reach = answer.findtext("text"), float(answer.findtext("tolerance"))
                if text == "*" or abs(value - float(text)) <= reach:
                    break
            assert answer.findtext("feedback/text") == wanted.feedback, (item.name, value)


@each
def test_moodle_xml_has_the_form_that_moodle_reads(lesson):
    quiz = ET.fromstring(moodle.write(lesson, bank.items(lesson)))
    assert quiz.tag == "quiz" and {q.get("type") for q in quiz} <= {"category", "multichoice", "numerical"}
    assert quiz[0].get("type") == "category"
    for question in quiz:
        if question.get("type") == "category":
            assert question.findtext("category/text").startswith("$course$/top/Trainable Depth/")
            continue
        assert question.find("questiontext").get("format") == "html" and question.findtext(
            "questiontext/text"
        )
        assert question.findtext("idnumber") == question.findtext("name/text")
        fractions = [answer.get("fraction") for answer in question.iterfind("answer")]
        assert set(fractions) == {"100", "0"}
        assert all(answer.findtext("feedback/text") for answer in question.iterfind("answer"))
        if question.get("type") == "multichoice":
            assert question.findtext("single") == "true" and fractions.count("100") == 1
    names = [question.findtext("name/text") for question in quiz if question.get("type") != "category"]
    assert len(names) == len(set(names))


# What QTI 2.1's information model asks of the elements used here: their children in this order.
ORDER = {
    "assessmentItem": "responseDeclaration outcomeDeclaration itemBody responseProcessing modalFeedback",
    "responseDeclaration": "correctResponse",
    "outcomeDeclaration": "defaultValue",
    "choiceInteraction": "simpleChoice",
    "responseProcessing": "responseCondition",
    "responseCondition": "responseIf responseElseIf",
    "responseIf": "match and gte lte setOutcomeValue",
    "responseElseIf": "match and gte lte setOutcomeValue",
    "match": "variable baseValue",
    "and": "gte lte",
    "gte": "variable baseValue",
    "lte": "variable baseValue",
    "setOutcomeValue": "baseValue",
    "assessmentTest": "testPart",
    "testPart": "assessmentSection",
    "assessmentSection": "selection assessmentItemRef assessmentSection",
    "manifest": "metadata organizations resources",
    "metadata": "schema schemaversion",
    "resources": "resource",
    "resource": "file dependency",
}
NEEDED = {
    "assessmentItem": "identifier title adaptive timeDependent",
    "responseDeclaration": "identifier cardinality baseType",
    "outcomeDeclaration": "identifier cardinality baseType",
    "choiceInteraction": "responseIdentifier shuffle maxChoices",
    "textEntryInteraction": "responseIdentifier",
    "simpleChoice": "identifier",
    "modalFeedback": "outcomeIdentifier identifier showHide",
    "baseValue": "baseType",
    "assessmentTest": "identifier title",
    "testPart": "identifier navigationMode submissionMode",
    "assessmentSection": "identifier title visible",
    "selection": "select",
    "assessmentItemRef": "identifier href",
    "manifest": "identifier",
    "resource": "identifier type href",
    "file": "href",
}
INLINE = {"b", "i", "code", "sup", "sub", "em", "strong", "br", "span", "textEntryInteraction"}
IDENTIFIER = re.compile(r"[A-Za-z_][\w.-]*")


def structure(root, namespace):
    """What is wrong with the structure of an XML file of a QTI package."""
    for element in root.iter():
        tag = element.tag.removeprefix(f"{{{namespace}}}")
        inside = [child.tag.removeprefix(f"{{{namespace}}}") for child in element]
        if tag == element.tag:
            yield f"{tag}: not in the namespace"
        if lost := set(NEEDED.get(tag, "").split()) - set(element.keys()):
            yield f"{tag} lacks {lost}"
        for name in ("identifier", "identifierref"):
            if name in element.attrib and not IDENTIFIER.fullmatch(element.get(name)):
                yield f"{tag}: {element.get(name)!r} is no identifier"
        order = ORDER.get(tag, "").split()
        if tag in ORDER and (
            [n for n in inside if n not in order] or inside != sorted(inside, key=order.index)
        ):
            yield f"{tag} has {inside}"
        if tag == "p" and set(inside) - INLINE:
            yield f"p has {inside}"


@each
def test_a_qti_package_is_whole(lesson):
    with zipfile.ZipFile(io.BytesIO(qti.write(lesson, bank.items(lesson)))) as package:
        manifest = ET.fromstring(package.read("imsmanifest.xml"))
        assert list(structure(manifest, qti.PACKAGE)) == []
        resources = list(manifest.iterfind(".//cp:resource", qti.AT))
        hrefs = [one.get("href") for one in resources]
        assert sorted(hrefs) == sorted(set(package.namelist()) - {"imsmanifest.xml"})
        ids = [one.get("identifier") for one in resources]
        test = next(one for one in resources if one.get("type") == "imsqti_test_xmlv2p1")
        depends = [one.get("identifierref") for one in test.iterfind("cp:dependency", qti.AT)]
        assert len(set(ids)) == len(ids) and set(depends) == set(ids) - {"test"}
        for href in hrefs:
            root = ET.fromstring(package.read(href))
            assert list(structure(root, qti.QTI)) == [], href
            declared = {one.get("identifier") for one in root if one.tag.endswith("Declaration")}
            used = {
                one.get(key) for one in root.iter() for key in ("responseIdentifier", "outcomeIdentifier")
            }
            used |= {
                one.get("identifier") for one in root.iter() if one.tag.endswith(("variable", "OutcomeValue"))
            }
            assert used - {None} <= declared
        refs = {one.get("href") for one in ET.fromstring(package.read("test.xml")).iter() if one.get("href")}
        assert refs == set(hrefs) - {"test.xml"}


def test_a_wrong_structure_is_seen():
    item = bank.items(LESSONS[0])[0]
    root = ET.fromstring(qti._document(qti._item(item), qti.QTI))
    assert list(structure(root, qti.QTI)) == []
    root.append(root[0])
    assert "assessmentItem has" in " ".join(structure(root, qti.QTI))
    del root[0].attrib["baseType"]
    assert "responseDeclaration lacks" in " ".join(structure(root, qti.QTI))


def test_signs_and_tags_survive():
    assert bank._xml("a &lt; b & c < 3, E[h²] − σ<sub>w</sub> &times; <br/>") == (
        "a &lt; b &amp; c &lt; 3, E[h²] − σ<sub>w</sub> × <br/>"
    )
    with pytest.raises(ValueError, match="is no XML"):
        bank._xml("a <b>b")
    text = "<i>α</i> &lt; 2 &amp; “ü”"
    item = bank.Item(
        "x-1", "x", "3 / 4 · A/B", text, (bank.Choice("<&>", True, text), bank.Choice("b", False, text))
    )
    for form in (moodle, qti):
        assert same(item, *form.read(form.write(LESSONS[0], [item])))


def test_variants_differ_and_leave_the_numbers_of_the_lesson_to_the_end():
    for question in questions.load().values():
        found = lessons.variants(question)
        posed = [one.posed for one in found]
        assert len(posed) == len(set(posed)) and found == lessons.variants(question)
        assert len(found) == 1 or None not in posed[:-1]


# --- Anki ----------------------------------------------------------------------------------------


@each
def test_cards_are_read_back(lesson):
    head, rows = [], []
    for line in anki.write(lesson).splitlines():
        (head if line.startswith("#") else rows).append(line)
    assert "#separator:tab" in head and "#html:true" in head and "#guid column:1" in head
    cards = list(csv.reader(rows, delimiter="\t"))
    assert len(cards) == len(lesson.questions) and {len(card) for card in cards} == {5}
    for (guid, deck, front, back, tags), question in zip(cards, lesson.questions, strict=True):
        assert guid == f"trainable-depth-{question.id}" and deck == f"Trainable Depth::{lesson.title}"
        assert front.startswith(" ".join(question.text.split())) and back.startswith("<b>")
        assert question.id in tags.split()


# --- The atlas -----------------------------------------------------------------------------------


def test_the_atlas_has_every_misconception_where_it_shows(made):
    text = made["atlas.html"].decode()
    for question in questions.load().values():
        for wrong in getattr(question, "wrong", None) or [o for o in question.options if not o.correct]:
            assert f'id="{wrong.tag}"' in text and wrong.feedback in text
    for item in exercise.load().values():
        assert all(f'id="{wrong.tag}"' in text for wrong in item.wrong)


def test_the_atlas_counts_a_class(tmp_path):
    item = exercise.load()["he"]
    tag = item.wrong[0].tag
    attempt = {"name": "he", "outcome": "incorrect", "tag": tag}
    rows = [
        {"exercises": [attempt]},
        {"exercises": [attempt]},
        {"exercises": [{**attempt, "outcome": "correct", "tag": None}]},
        {"exercises": [{**attempt, "outcome": "not attempted", "tag": None}]},
    ]
    path = tmp_path / "grades.json"
    path.write_text(json.dumps({"course": "1", "seed": 1, "rows": rows}))
    text = atlas.write(path)
    first = text.split("<h3")[1]
    assert f'id="{tag}"' in first and "<b>2 of 3</b> in your class" in first
    path.write_text("{}")
    with pytest.raises(ValueError, match=r"grades\.json is no grades\.json of the grader"):
        atlas.write(path)


# --- Tests, and what their answers say -----------------------------------------------------------


@each
def test_paired_items_are_two_draws_of_a_family(lesson):
    tests = paired.items(lesson)
    assert len(tests["pre"]) == len(tests["post"]) <= paired.ITEMS
    for before, after in zip(tests["pre"], tests["post"], strict=True):
        assert before.question.id == after.question.id
        assert len({before.question.posed, after.question.posed, None}) == 3
        assert before.code.replace("pre", "post") == after.code
    assert len({one.question.id for one in tests["pre"]}) == len(tests["pre"])


def test_a_test_does_not_show_its_key(made):
    text = made["02_initialization/tests.html"].decode()
    sheets, key = text.split(": key</h1>")
    for asked in (one for test in paired.items(LESSONS[1]).values() for one in test):
        assert asked.question.text in sheets and f">{asked.code}<" in sheets
        assert paired._key(asked.question) in key and paired._key(asked.question) not in sheets


RIGHT = np.array(
    [
        [1, 1, 1, 0],
        [1, 1, 0, 0],
        [1, 0, 1, 1],
        [0, 0, 1, np.nan],
        [0, 0, 0, 1],
    ],
    dtype=float,
)


def test_the_statistics_by_hand():
    # Item 0 is 1 1 1 0 0; the shares of the others are 2/3, 1/3, 2/3, 1/2, 1/3, with mean 1/2. Their
    # deviations are 1/6, −1/6, 1/6, 0, −1/6, with squares that sum to 1/9; those of the item are 2/5 and
    # −3/5, to 6/5. The products sum to (2/5)(1/6) − (3/5)(−1/6) = 1/6.
    assert measures.point_biserial(RIGHT, 0) == pytest.approx((1 / 6) / math.sqrt(6 / 5 / 9))
    # Item 3, without the fourth learner: 0 0 1 1 against 1, 2/3, 2/3, 0, with mean 7/12. Deviations 5/12,
    # 1/12, 1/12, −7/12, squares 76/144; the item's sum to 1; products
    # −½·5/12 − ½·1/12 + ½·1/12 − ½·7/12 = −½.
    assert measures.point_biserial(RIGHT, 3) == pytest.approx(-0.5 / math.sqrt(76 / 144))
    # 27% of five is one learner. Shares 3/4, 1/2, 3/4, 1/3, 1/4: two share the top, one with item 1 right.
    assert measures.upper_lower(RIGHT, 1) == 0.5 - 0
    assert measures.upper_lower(RIGHT, 0) == 1 - 0
    # Of four learners for item 3: shares 3/4, 1/2, 3/4, 1/4; the top two have 0 and 1, the lowest has 1.
    assert measures.upper_lower(RIGHT, 3) == 0.5 - 1


def test_what_cannot_be_computed_is_nan():
    same = np.array([[1.0, 1], [1, 0]])
    assert math.isnan(measures.point_biserial(same, 0)) and math.isnan(
        measures.point_biserial(same[:, :1], 0)
    )
    assert math.isnan(measures.upper_lower(same[:1], 0))


@pytest.fixture
def answers(tmp_path):
    """A class of three with the first two items of chapter 2's tests."""
    tests = {test: paired.items(LESSONS[1])[test][:2] for test in paired.TESTS}
    rows = [["learner", "item", "answer"]]
    for learner, right in {"ada": (1, 1, 1, 1), "ben": (0, 1, 1, 1), "eve": (0, 0, 1, 0)}.items():
        asked = [one for test in paired.TESTS for one in tests[test]]
        for one, correct in zip(asked, right, strict=True):
            value = one.question.answer if correct else one.question.wrong[0].value
            rows.append([learner, one.code, repr(value)])
    rows.append(["ada", tests["pre"][0].code, "1e9"])  # a second answer, which does not count
    rows.append(["eve", tests["pre"][1].code, " "])
    path = tmp_path / "answers.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def test_a_file_of_answers(answers, capsys):
    found = measures.read([answers])
    assert (found.learners, found.items) == (
        ["ada", "ben", "eve"],
        ["2-pre-1", "2-pre-2", "2-post-1", "2-post-2"],
    )
    assert found.right.tolist() == [[1, 1, 1, 1], [0, 1, 1, 1], [0, 0, 1, 0]]
    assert [round(one.difficulty, 2) for one in measures.statistics(found)] == [0.33, 0.67, 1, 0.67]
    tag = paired.items(LESSONS[1])["pre"][0].question.wrong[0].tag
    assert found.given[0] == {tag: 2, "right": 1}
    items = len(paired.items(LESSONS[1])["pre"])
    count, before, after, gain = measures.gains(found)[2]
    assert (count, before, after) == (3, pytest.approx(3 / 3 / items), pytest.approx(5 / 3 / items))
    assert gain == pytest.approx((after - before) / (1 - before))
    assert kit.main(["statistics", str(answers)]) == 0
    said = capsys.readouterr().out
    assert "3 learners, 4 items." in said and f"2 × {tag}; 1 × right" in said and "| 2 | 3 |" in said


def test_letters_and_texts_of_options_are_read(tmp_path):
    asked = next(one for one in paired.items(LESSONS[1])["pre"] if hasattr(one.question, "options"))
    right = next(i for i, option in enumerate(asked.question.options) if option.correct)
    path = tmp_path / "a.csv"
    text = asked.question.options[right].text.replace('"', '""')
    path.write_text(f'learner,item,answer\na,{asked.code},{paired.letter(right)}\nb,{asked.code},"{text}"\n')
    found = measures.read([path])
    assert found.right.tolist() == [[1], [1]] and found.given[0].total() == 2 == max(found.given[0].values())


def test_exported_progress_is_read(tmp_path):
    rng = np.random.default_rng(0)
    drawn = questions.find("init-he-std").drawn(rng)
    assert drawn.posed
    for name, answer in {"ada": drawn.answer, "ben": 0.9}.items():
        progress = Progress(tmp_path / f"{name}.sqlite3")
        progress.record("question", drawn.id, repr(answer), correct=name == "ada", draw=drawn.posed)
        progress.record("question", "hunt-he-fan-out-for-fan-in", "exposed")  # neither is an item
        progress.record("question", "rescue-patient-a", "norm: BatchNorm", True)
        progress.export(tmp_path / f"{name}.json")
    found = measures.read([tmp_path / "ada.json", tmp_path / "ben.json"])
    assert (found.learners, found.items, found.right.tolist()) == (
        ["ada", "ben"],
        ["init-he-std"],
        [[1], [0]],
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("learner,item\na,2-pre-1\n", "lacks the column answer"),
        ("learner,item,answer\na,2-pre-99,3\n", r"line 2: no test has an item '2-pre-99'"),
        ("learner,item,answer\na,2-pre-1,many\n", r"line 2: I cannot read 'many' as a number"),
        ("learner,item,answer\na,init-he-st,1\n", r"line 2: There is no question 'init-he-st'"),
        ("learner,item,answer\n", "no answers"),
    ],
)
def test_a_bad_file_is_named(tmp_path, capsys, text, said):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=said):
        measures.read([path])
    assert kit.main(["statistics", str(path)]) == 2 and capsys.readouterr().err.startswith("kit: ")


# --- The release ---------------------------------------------------------------------------------


def test_a_release_checks_exercises_and_has_nothing_for_teachers(tmp_path):
    with zipfile.ZipFile(io.BytesIO(release.students())) as package:
        package.extractall(tmp_path)
    course = tmp_path / "trainable-depth"
    names = {path.relative_to(course).as_posix() for path in course.rglob("*") if path.is_file()}
    assert not [
        name
        for name in names
        if re.match(r"solutions|tests|tools/(?!overrides)|docs/.*\.md|helpers/grading", name)
    ]
    committed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    learners = {
        name for name in committed.splitlines() if name.startswith(("notebooks/", "exercises/", "helpers/"))
    }
    assert {name for name in learners if not name.startswith("helpers/grading/")} <= names
    code = """
import helpers
from helpers import check
import numpy as np
def he(fan_in, fan_out, alpha, rng):
    return rng.normal(0, np.sqrt(2 / (1 + alpha**2) / fan_in), (fan_in, fan_out))
print(helpers.__file__, check(he))
"""
    command = [sys.executable, "-c", code]
    environment = {"PYTHONPATH": str(course), "TRAINABLE_DEPTH_HOME": str(tmp_path), "PATH": ""}
    done = subprocess.run(command, cwd=course, env=environment, capture_output=True, text=True, check=True)
    assert str(course) in done.stdout and done.stdout.split()[-1] == "10.0"


# --- The guide -----------------------------------------------------------------------------------


def test_what_the_guide_shows_exists(made):
    guide = (ROOT / "docs" / "instructors.md").read_text("utf-8")
    for command in re.findall(r"python -m tools\.kit (.*)", guide):
        assert kit.parser().parse_args(command.split())
    named = set(re.findall(r"`((?:slides|plan|questions|tests|atlas|trainable)[\w.-]*\.\w+)`", guide))
    assert named == {name.rpartition("/")[2] for name in made}
