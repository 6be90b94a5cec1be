"""What the exporter remembers across restarts, and where it may keep it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from exporter.core.breaker import CircuitState
from exporter.core.limits import LimiterState


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was spent, which blocks are in force, which circuits are open; times in unix seconds."""

    limiter: LimiterState = field(default_factory=LimiterState)
    circuits: tuple[CircuitState, ...] = ()


class Store(Protocol):
    """Keeps one Snapshot. One that fails says so in words, and later on stops nothing."""

    def claim(self) -> str | None:
        """Keep it for this process alone. Returns the reason if that is impossible."""

    def release(self) -> None:
        """Let others have it."""

    def load(self) -> tuple[Snapshot, str | None]:
        """What was saved last, or an empty Snapshot, and the problem if there was one."""

    def save(self, snapshot: Snapshot) -> str | None:
        """Replace what was saved last: wholly or not at all. Returns the problem, if any."""
