"""Keeps the snapshot for the life of the process only."""

from __future__ import annotations

from exporter.state.store import Snapshot


class MemoryStore:
    """The store of those who configured none."""

    def __init__(self) -> None:
        self._snapshot = Snapshot()

    def claim(self) -> str | None:
        return None

    def release(self) -> None:
        pass

    def load(self) -> tuple[Snapshot, str | None]:
        return self._snapshot, None

    def save(self, snapshot: Snapshot) -> str | None:
        self._snapshot = snapshot
        return None
