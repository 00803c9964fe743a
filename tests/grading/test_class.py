"""A class of many, with all that a class hands in: interrupted in the middle, resumed, and nobody is lost.

`make grading` takes 30 students; `make grading ONLY=--size=300` a whole lecture.
"""

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time

from tests.grading import bank
from tests.grading.test_batch import eventually, hear_the_stop_button, nothing_runs, rows_in, some_stubs

ABSENT = "not handed in"
SLOW = "import time\ntime.sleep(2)"
# Shorter limits, as so many never end here. In a process of its own no fixture can set them.
COMMAND = """
import sys
from helpers.grading import grader
from helpers.grading.__main__ import main
grader.CELL_SECONDS = grader.SECONDS = 5
sys.exit(main())
"""


def kinds(rng):
    """What a student may do: {kind: a function that gives [(ending of the file, bytes, status, points)]}."""
    solved, partial = bank.data(bank.solved()), bank.data(bank.partial())
    attacks, broken = list(bank.ATTACKS.values()), list(bank.BROKEN.values())
    endless = bank.data(bank.answer("while True: pass"))

    def half_done():
        data, (status, points) = some_stubs(rng)
        return [(".ipynb", data, status, points)]

    def hostile():
        make, points = rng.choice(attacks)
        return [(".ipynb", bank.data(make()), "graded", points)]

    return {
        "right": lambda: [(".ipynb", solved, "graded", 100)],
        "half done": half_done,
        "wrong": lambda: [(".ipynb", partial, "graded", bank.PARTIAL_POINTS)],
        "blank": lambda: [(".ipynb", bank.BLANK.encode(), "graded", 0)],
        "hostile": hostile,
        "slow": lambda: [(".ipynb", bank.data(bank.first(SLOW)), "graded", bank.PARTIAL_POINTS)],
        "endless": lambda: [(".ipynb", endless, "graded", bank.WITHOUT_HE)],
        "broken": lambda: [(".ipynb", rng.choice(broken), "unreadable", 0)],
        "twice": lambda: [
            (" (1).ipynb", partial, "graded", bank.PARTIAL_POINTS),
            (".IPYNB", solved, "graded", 100),
        ],
        "another file": lambda: [(".zip", b"PK\x03\x04", "no notebook", 0)],
        "nothing": list,
    }


def a_class(size):
    """{student: what they did}, and {name of a hand-in: (bytes, status, points)}; each kind comes in turn."""
    rng = random.Random(300)
    does, made = kinds(rng), list(kinds(rng))
    students, hand_ins = {}, {}
    for number in range(size):
        key, kind = f"s{number:04}", made[number % len(made)]
        students[key] = kind
        for end, *hand_in in does[kind]():
            hand_ins[f"group {number % 7}/{key}{end}"] = hand_in
    for number in range(max(size // 25, 1)):  # and some whose names are nobody's
        data, (status, points) = some_stubs(rng)
        hand_ins[f"final FINAL {number}.ipynb"] = [data, status, points]
    return students, hand_ins


def row_name(path):
    """What a row is called: the path without .ipynb."""
    stem, _, end = path.rpartition(".")
    return stem if end.lower() == "ipynb" else path


def grade(folder, out, *more):
    """The command line in a process of its own."""
    files = [folder / "in", "--out", out, "--roster", folder / "class.csv", "--seed", "11", "--jobs", "2"]
    environment = {**os.environ, "PYTHONPATH": str(bank.ROOT), "TMPDIR": str(folder)}
    line = [sys.executable, "-c", COMMAND, *map(str, [*files, *more])]
    with open(folder / "said", "wb") as said:
        return subprocess.Popen(
            line, env=environment, stdout=said, stderr=said, preexec_fn=hear_the_stop_button
        )


def journal_names(out):
    return [
        json.loads(line)["submission"] for line in out.with_suffix(".journal").read_bytes().splitlines()[1:]
    ]


def stopped_at(folder, out, count, stop, *more):
    """A run that is stopped when the journal has `count` rows."""
    journal = out.with_suffix(".journal")
    run = grade(folder, out, *more)
    assert eventually(lambda: journal.exists() and journal.read_bytes().count(b"\n") > count, 3600)
    stop(run)
    run.wait()
    assert eventually(lambda: nothing_runs(folder)), "no sandbox outlives the grader"
    assert not out.exists(), "no report of a class by half"


def read_csv(path):
    with open(path, newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def without_chance(rows):
    """Rows without what code under attack may say differently each time; points and findings stay."""
    return [
        {**row, "cells": [cell["cell"] for cell in row["cells"]], "problem": bool(row["problem"])}
        | {"exercises": [{k: v for k, v in item.items() if k != "says"} for item in row["exercises"]]}
        for row in rows
    ]


def test_everybody_has_one_row_whatever_happens(tmp_path, size):
    students, hand_ins = a_class(size)
    (tmp_path / "class.csv").write_text("name,id\n" + "".join(f"Student {key},{key}\n" for key in students))
    for path, (data, _, _) in hand_ins.items():
        (tmp_path / "in" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / path).write_bytes(data)
    whole, parts = tmp_path / "whole.csv", tmp_path / "parts.csv"
    begin = time.perf_counter()
    assert grade(tmp_path, whole).wait() == 0, (tmp_path / "said").read_text()
    seconds = time.perf_counter() - begin
    print(
        f"\n{len(hand_ins)} hand-ins, {size} students: {seconds:.0f} s, {seconds / len(hand_ins):.2f} s each"
    )

    # Every hand-in has the row that it earns, and every student one line.
    expected = {row_name(path): (status, points) for path, (_, status, points) in hand_ins.items()}
    rows = rows_in(whole.with_suffix(".json"))
    found = {row["submission"]: (row["status"], row["points"]) for row in rows}
    assert found == expected and len(rows) == len(expected)
    table = read_csv(tmp_path / "whole_students.csv")
    assert [line["id"] for line in table] == list(students)
    for line in table:
        best = max((points for name, (_, points) in expected.items() if line["id"] in name), default=0)
        assert float(line["total"]) == best, line
    said = (tmp_path / "said").read_text("utf-8")
    absent = [f"Student {key}" for key, kind in students.items() if kind == "nothing"]
    assert f"{ABSENT}: {', '.join(absent)}" in said and "of nobody in the roster" in said

    # Killed, then stopped by hand, then resumed: the same rows, and none of them graded twice.
    stopped_at(tmp_path, parts, len(expected) // 3, lambda run: run.kill())
    first = journal_names(parts)
    by_hand = lambda run: run.send_signal(signal.SIGINT)  # noqa: E731
    stopped_at(tmp_path, parts, 2 * len(rows) // 3, by_hand, "--resume")
    second = journal_names(parts)
    assert second[: len(first)] == first and len(first) < len(second) < len(expected)
    assert grade(tmp_path, parts, "--resume").wait() == 0, (tmp_path / "said").read_text()
    names = journal_names(parts)
    assert sorted(names) == sorted(expected), "each is graded once"
    assert without_chance(rows_in(parts.with_suffix(".json"))) == without_chance(rows)
    assert read_csv(tmp_path / "parts_students.csv") == table
