"""The contract of a check: what it sees, what it may be told, what it answers."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from exporter.core.memory import Memory
from exporter.core.model import Failure, Observation, Reason
from exporter.core.plan import Fields, TargetPlan
from exporter.core.reading import Reading

Parameters = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Context:
    """What a check may look at.

    ``offset`` is the exchange's clock minus ours in seconds as far as it is known, else 0; ``now``
    is unix seconds by our clock. ``memory`` is what was known before this answer.
    """

    observation: Observation
    reading: Reading
    plan: TargetPlan
    memory: Memory
    now: float
    offset: float = 0.0

    @property
    def exchange_time(self) -> float:
        """The exchange's unix time when the answer had arrived."""
        arrived = self.observation.received_at
        return (self.now if arrived is None else arrived) + self.offset

    def problem(self, *fields: str) -> str | None:
        """What is wrong with the first of these fields that could not be read."""
        return next((text for name in fields if (text := self.reading.problems.get(name))), None)


class Kind(enum.StrEnum):
    """What a parameter measures; tells configuration how to read and to bound it."""

    DURATION = "duration"  # seconds
    COUNT = "count"
    RATIO = "ratio"
    FLAG = "flag"  # 0 or 1


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number by which a catalog or a user tunes a check."""

    name: str
    kind: Kind
    default: float
    help: str


@dataclass(frozen=True, slots=True)
class Check:
    """One way to judge an answer.

    ``function`` returns a Failure, usually with ``reason``, or None; it is given every parameter.
    ``applies`` tells from what an endpoint carries whether the check makes sense there. Nothing
    further is judged when a ``gate`` fails.
    """

    name: str
    function: Callable[[Context, Parameters], Failure | None]
    reason: Reason
    applies: Callable[[Fields], bool]
    help: str
    parameters: tuple[Parameter, ...] = ()
    gate: bool = False

    @property
    def defaults(self) -> dict[str, float]:
        """All parameters as they are unless configured otherwise."""
        return {parameter.name: parameter.default for parameter in self.parameters}


def invalid(detail: str | None) -> Failure | None:
    """The data cannot be true; None for no detail."""
    return Failure(Reason.INVALID_DATA, detail) if detail else None


def stale(detail: str | None) -> Failure | None:
    """The data are too old; None for no detail."""
    return Failure(Reason.STALE_DATA, detail) if detail else None
