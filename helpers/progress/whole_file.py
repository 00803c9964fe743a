"""SQLite for a folder that cannot do what SQLite asks of a file."""

import sqlite3
from pathlib import Path


class WholeFile(sqlite3.Connection):
    """A database that is read from its file as a whole and, if it grew, written back when it is closed.

    In a browser, the only folder that is still there tomorrow keeps a file when it is closed, and says only
    then how long it is. SQLite, which writes parts of a file and a journal beside it, finds a damaged
    database there. Between reading and writing nothing is locked.
    """

    def __init__(self, path, **options):
        super().__init__(":memory:", **options)
        self._path = Path(path)
        if self._path.exists() and (stored := self._path.read_bytes()):
            self.deserialize(stored)

    def close(self):
        if self.total_changes:
            self._path.write_bytes(self.serialize())
        super().close()
