"""Many submissions: in several jobs or on a cluster, with a journal to go on from after an interruption."""

import fcntl
import json
import os
import secrets
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from pathlib import Path

from helpers.grading import intake
from helpers.grading.grader import LATE, PUBLIC, digest, exercises, failed, grade
from helpers.grading.sandbox import NOTHING, NoSandbox, demand
from helpers.progress_bar import ProgressBar

WAIT = 30  # seconds for the first worker of a cluster


def run(paths, journal, settings, jobs=1, scheduler=None, again=lambda row: False, own=None):
    """Grade all submissions that the journal does not have yet; return all rows, by name.

    paths: {name: path}, as `intake.find` gives them; jobs: how many at a time on this machine; scheduler: the
    address of a Dask scheduler instead; again: which rows of the journal are to be graded once more; own: the
    students' numbers, as own(name, bytes) tells them (private.py).
    ValueError for extra checks that do not fit, a machine without a sandbox where the settings want one, or a
    cluster without workers.
    """
    exercises(settings.lesson, settings.extra)  # so that a mistake in them shows now
    rows = {
        name: row
        for name, row in journal.rows.items()
        if name in paths and _holds(row, _load(name, paths[name], own), settings) and not again(row)
    }
    todo = {name: partial(_load, name, path, own) for name, path in paths.items() if name not in rows}
    bar = ProgressBar(len(paths), "Grading")
    try:
        for row in _on_cluster(todo, settings, scheduler) if scheduler else _here(todo, settings, jobs):
            journal.add(row)
            rows[row["submission"]] = row
            bar.show(len(rows))
    finally:
        bar.close()
    return [rows[name] for name in sorted(rows)]


def _load(name, path, own):
    """What `grade` wants to know of a submission: its bytes, why there are none, its student's numbers."""
    data, problem = intake.load(path)
    return data, problem, own(name, data) if own else PUBLIC


def _holds(row, loaded, settings):
    """Is the row what grading again would bring? Another file, checks, time or numbers may change it."""
    data, _, own = loaded
    before, now = {"own": {}, **row["settings"]}, settings.told(own)
    more_time = row["status"] == LATE and now["seconds"] > before["seconds"]
    same = all(before[part] == now[part] for part in ("lesson", "extra", "own"))
    return same and not more_time and row["digest"] == digest(data)


def _here(todo, settings, jobs):
    """Rows as they are done. Threads, as the work is in the sandboxes' processes."""
    if settings.kind != NOTHING:
        demand()  # find out once, before the threads start
    pool = ThreadPoolExecutor(jobs)
    try:
        futures = {pool.submit(_graded, name, load, settings): name for name, load in todo.items()}
        for future in as_completed(futures):
            yield _row(future, futures.pop(future), settings)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _graded(name, load, settings):
    data, problem, own = load()
    return grade(name, data, settings, problem, own)


def _on_cluster(todo, settings, scheduler):
    """The same on a Dask cluster, whose workers need this package (and bubblewrap), but not the files.

    Twice as many submissions are under way as there are threads. One whose worker is lost goes to another. A
    worker without a sandbox stops the batch.
    """
    try:
        import distributed
    except ImportError:
        raise ValueError("scheduler: this needs the package distributed: pip install '.[grading]'") from None
    with distributed.Client(scheduler, set_as_default=False) as client:
        waiting, names = iter(todo.items()), {}
        try:
            client.wait_for_workers(1, timeout=WAIT)
        except TimeoutError:
            raise ValueError(f"scheduler={scheduler!r}: no worker came within {WAIT} seconds") from None

        def more(count):
            for _, (name, load) in zip(range(count), waiting, strict=False):
                data, problem, own = load()
                future = client.submit(grade, name, data, settings, problem, own, pure=False)
                names[future.key] = name
                yield future

        first = more(2 * max(sum(client.nthreads().values()), 1))
        under_way = distributed.as_completed(first, loop=client.loop)
        for future in under_way:
            yield _row(future, names.pop(future.key), settings)
            under_way.update(more(1))


def _row(future, name, settings):
    """The row, or one that asks for a human, where not even that could be had."""
    try:
        return future.result()
    except NoSandbox:
        raise
    except Exception as error:
        return failed(name, f"It could not be graded: {error!r}", settings)


class Journal:
    """Rows on disk as soon as they are there: lines of JSON, the first with what they were graded with.

    seed: secret, of all inputs; None to draw one, or to take the file's. resume: go on from what an earlier
    run left; fresh: forget it. ValueError if neither is said and something is there, if it has another seed,
    if it is no journal, or if another grader is at it.
    """

    def __init__(self, path, seed=None, resume=False, fresh=False):
        self.path, self.rows = Path(path), {}
        self.file = open(self.path, "a+b")  # noqa: SIM115 (it stays open: it is the lock)
        try:
            self._begin(seed, resume, fresh)
        except BaseException:
            self.close()
            raise

    def _begin(self, seed, resume, fresh):
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ValueError(f"{self.path}: another grader is writing it") from None
        lines = [] if fresh else self._complete_lines()
        if lines and not resume:
            there = f"{self.path} holds {len(lines) - 1} graded submissions"
            raise ValueError(f"{there}: --resume goes on from there, --fresh starts again")
        if lines:
            head, *rows = lines
            self.seed = head["seed"]
            self.rows = {row["submission"]: row for row in rows}
            if seed not in (None, self.seed):
                raise ValueError(f"{self.path} was begun with --seed {self.seed}, not {seed}")
        else:
            self.seed = secrets.randbits(62) if seed is None else seed
            self.file.truncate(0)
            self._append({"seed": self.seed})

    def add(self, row):
        """Add a row, in the place of an earlier one; it is on disk when this returns."""
        self.rows[row["submission"]] = row
        self._append(row)

    def _append(self, entry):
        self.file.write(json.dumps(entry).encode("ascii") + b"\n")
        self.file.flush()
        os.fsync(self.file.fileno())

    def close(self):
        self.file.close()

    def _complete_lines(self):
        """What is in the file; a last line that was cut off by an interruption is taken away."""
        self.file.seek(0)
        text = self.file.read()
        end = text.rfind(b"\n") + 1
        try:
            lines = [json.loads(line) for line in text[:end].splitlines()]
            known = all(isinstance(line, dict) for line in lines) and all(
                "seed" in line for line in lines[:1]
            )
            known = known and all({"submission", "settings"} <= line.keys() for line in lines[1:])
        except ValueError:
            known = False
        if not known or (text and not end):
            raise ValueError(f"{self.path} is no journal of this version: --fresh starts again")
        self.file.truncate(end)
        return lines
