"""The file that survives the death of the process: SQLite with a write-ahead log.

What was committed outlives SIGKILL. Not every commit is forced to the disk, so a power cut may lose
the newest second; Alertmanager then repeats what still fires.
"""

from __future__ import annotations

import importlib.resources
import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from exporter.receiver.model import Alert

_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "journal_size_limit=4194304")


class Database:
    """One connection. All methods block, and belong into one thread at a time."""

    def __init__(self, path: str | Path) -> None:
        """Open or create. Raises sqlite3.Error when the file cannot be used."""
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        for pragma in _PRAGMAS:
            self._connection.execute(f"PRAGMA {pragma}")
        tables = importlib.resources.files("exporter.receiver").joinpath("schema.sql")
        self._connection.executescript(tables.read_text("utf-8"))

    def close(self) -> None:
        """Close the file; further calls raise sqlite3.ProgrammingError."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing."""
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            yield

    def change(self, statement: str, *values: object) -> int:
        """Execute one statement; returns how many rows it changed."""
        return self._connection.execute(statement, values).rowcount

    def change_each(self, statement: str, keys: Iterable[str]) -> None:
        """Execute a statement of one parameter for each key."""
        self._connection.executemany(statement, [(key,) for key in keys])

    def rows(self, statement: str, *values: object) -> list[sqlite3.Row]:
        return self._connection.execute(statement, values).fetchall()

    def row(self, statement: str, *values: object) -> sqlite3.Row | None:
        found: sqlite3.Row | None = self._connection.execute(statement, values).fetchone()
        return found


def dump(value: object) -> str:
    """JSON with its keys in order, so that equal values are equal texts."""
    return json.dumps(value, sort_keys=True)


def dump_alert(alert: Alert) -> str:
    """What is kept of an alert beside its columns."""
    return dump(
        {
            "labels": dict(alert.labels),
            "annotations": dict(alert.annotations),
            "generator_url": alert.generator_url,
        }
    )


def load_alert(row: sqlite3.Row) -> Alert:
    """A firing alert from the columns fingerprint, starts_at and document."""
    return Alert(
        fingerprint=row["fingerprint"], starts_at=row["starts_at"], **json.loads(row["document"])
    )
