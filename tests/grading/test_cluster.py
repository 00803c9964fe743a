"""The same on a Dask cluster: a scheduler and two worker processes on this machine, as on three machines."""

import os
import random
import signal

import dask
import pytest
from distributed import Client, LocalCluster

from helpers.grading import batch
from helpers.grading.__main__ import main
from tests.grading import bank
from tests.grading.test_batch import hand_in, rows_in, some_stubs

pytestmark = pytest.mark.filterwarnings("default")  # distributed's own, of a worker that was killed


@pytest.fixture(scope="module")
def scheduler():
    """The address of a scheduler with two workers."""
    with LocalCluster(2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        yield cluster.scheduler_address


def test_a_worker_killed_in_the_middle_loses_nothing(tmp_path, scheduler, monkeypatch):
    submissions = {f"learner {i:02}": some_stubs(random.Random(i)) for i in range(16)}
    submissions |= {"broken": (bank.BROKEN["half a notebook"], ("unreadable", 0))}
    hostile, points = bank.ATTACKS["kills everything"]
    submissions |= {"hostile": (bank.data(hostile()), ("graded", points))}
    hand_in(tmp_path / "in", submissions)
    with Client(scheduler) as client:
        victims = list(client.run(os.getpid).values())
    add, killed = batch.Journal.add, []

    def add_and_kill(journal, entry):
        add(journal, entry)
        if len(journal.path.read_bytes().splitlines()) == 4 and not killed:
            os.kill(victims[0], signal.SIGKILL)
            killed.append(victims[0])

    monkeypatch.setattr(batch.Journal, "add", add_and_kill)
    out, arguments = tmp_path / "grades.csv", [str(tmp_path / "in"), "--seed", "3"]
    assert main([*arguments, "--out", str(out), "--scheduler", scheduler]) == 0
    assert killed == victims[:1]
    rows = rows_in(out.with_suffix(".json"))
    found = {row["submission"]: (row["status"], row["points"]) for row in rows}
    assert found == {name: expected for name, (_, expected) in submissions.items()}

    assert main([*arguments, "--out", str(tmp_path / "here.csv"), "--jobs", "2"]) == 0
    assert rows_in(tmp_path / "here.json") == rows, "the same as on one machine"


def test_a_scheduler_that_is_not_there(tmp_path, capsys):
    hand_in(tmp_path / "in", {"ann": some_stubs(random.Random(1))})
    arguments = [str(tmp_path / "in"), "--out", str(tmp_path / "g.csv"), "--scheduler", "tcp://127.0.0.1:9"]
    with dask.config.set({"distributed.comm.timeouts.connect": "1s"}):
        assert main(arguments) == 2
    assert "grading: " in capsys.readouterr().err
