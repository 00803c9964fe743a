"""Many submissions: in several jobs or on a cluster, with a journal to go on from after an interruption."""

import fcntl
import json
import os
import secrets
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from helpers.grading import intake
from helpers.grading.grader import digest, exercises, failed, grade
from helpers.grading.sandbox import isolation
from helpers.progress_bar import ProgressBar


def run(folder, journal, settings, jobs=1, scheduler=None):
    """Grade all submissions in a folder that the journal does not have yet; return all rows, by name.

    jobs: how many at a time on this machine; scheduler: the address of a Dask scheduler instead. ValueError
    for a folder without notebooks, or extra checks that do not fit.
    """
    exercises(settings.lesson, settings.extra)  # so that a mistake in them shows now
    paths = intake.find(folder)
    rows = {name: row for name, row in journal.rows.items() if name in paths and _unchanged(row, paths[name])}
    todo = {name: path for name, path in paths.items() if name not in rows}
    bar = ProgressBar(len(paths), "Grading")
    try:
        for row in _on_cluster(todo, settings, scheduler) if scheduler else _here(todo, settings, jobs):
            journal.add(row)
            rows[row["submission"]] = row
            bar.show(len(rows))
    finally:
        bar.close()
    return [rows[name] for name in sorted(rows)]


def _unchanged(row, path):
    return row["digest"] == digest(intake.load(path)[0])


def _here(todo, settings, jobs):
    """Rows as they are done. Threads, as the work is in the sandboxes' processes."""
    isolation()  # find out once, before the threads start
    pool = ThreadPoolExecutor(jobs)
    try:
        futures = {pool.submit(_graded, name, path, settings): name for name, path in todo.items()}
        for future in as_completed(futures):
            yield _row(future, futures.pop(future), settings)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _graded(name, path, settings):
    data, problem = intake.load(path)
    return grade(name, data, settings, problem)


def _on_cluster(todo, settings, scheduler):
    """The same on a Dask cluster, whose workers need this package (and bubblewrap), but not the files.

    Twice as many submissions are under way as there are threads. One whose worker is lost goes to another.
    """
    try:
        import distributed
    except ImportError:
        raise ValueError("scheduler: this needs the package distributed: pip install '.[grading]'") from None
    with distributed.Client(scheduler, set_as_default=False) as client:
        waiting, names = iter(todo.items()), {}

        def more(count):
            for _, (name, path) in zip(range(count), waiting, strict=False):
                data, problem = intake.load(path)
                future = client.submit(grade, name, data, settings, problem, pure=False)
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
    except Exception as error:
        return failed(name, f"It could not be graded: {error!r}", settings)


class Journal:
    """Rows on disk as soon as they are there: lines of JSON, the first with what they were graded with.

    wanted: that first line's entries; a `seed` of None is drawn, or taken from the file. resume: go on from
    what an earlier run left; fresh: forget it. ValueError if neither is said and something is there, if it
    was graded with other settings, or if another grader is at it.
    """

    def __init__(self, path, wanted, resume=False, fresh=False):
        self.path, self.rows = Path(path), {}
        self.file = open(self.path, "a+b")  # noqa: SIM115 (it stays open: it is the lock)
        try:
            self._begin(wanted, resume, fresh)
        except BaseException:
            self.close()
            raise

    def _begin(self, wanted, resume, fresh):
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ValueError(f"{self.path}: another grader is writing it") from None
        lines = [] if fresh else self._complete_lines()
        if lines and not resume:
            there = f"{self.path} holds {len(lines) - 1} graded submissions"
            raise ValueError(f"{there}: --resume goes on from there, --fresh starts again")
        if lines:
            self.head, *rows = lines
            self.rows = {row["submission"]: row for row in rows}
            for name, value in wanted.items():
                if self.head[name] != value and (name, value) != ("seed", None):
                    raise ValueError(f"{self.path} was begun with {name}={self.head[name]!r}, not {value!r}")
        else:
            drawn = secrets.randbits(62) if wanted["seed"] is None else wanted["seed"]
            self.head = {**wanted, "seed": drawn}
            self.file.truncate(0)
            self.add(self.head)

    def add(self, entry):
        """Append a line; it is on disk when this returns."""
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
        self.file.truncate(end)
        return [json.loads(line) for line in text[:end].splitlines()]
