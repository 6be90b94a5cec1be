"""What a metric family is, and the two common ways to declare one."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Kind(enum.StrEnum):
    """The metric types in use, by their names in both exposition formats."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Family:
    """One metric family.

    ``name`` is the name in PromQL (counters with ``_total``). ``labels`` are its own labels; the
    families in PROBE carry those of the target as well. ``normal`` says what a healthy value looks
    like and ``advice`` what to do about another one; both appear in docs/metrics.md only.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    normal: str = ""
    advice: str = ""
    buckets: tuple[float, ...] = ()

    @property
    def series(self) -> tuple[str, ...]:
        """The names of its series as PromQL sees them."""
        if self.kind is Kind.HISTOGRAM:
            return tuple(f"{self.name}_{part}" for part in ("bucket", "sum", "count"))
        return (self.name,)


def counter(name: str, text: str, *labels: str, normal: str = "", advice: str = "") -> Family:
    return Family(name, Kind.COUNTER, text, labels, normal, advice)


def gauge(name: str, text: str, *labels: str, normal: str = "", advice: str = "") -> Family:
    return Family(name, Kind.GAUGE, text, labels, normal, advice)
