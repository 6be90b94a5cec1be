"""The metrics of the targets: their counters, and the text of a scrape.

The text is put together from strings prepared once per target, because the writer of
prometheus_client takes many times as long (tests/benchmarks/render.py measures both).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import TypeVar

from exporter.core.model import Reason, SkipReason
from exporter.core.plan import Plan, TargetPlan
from exporter.core.result import Result
from exporter.core.view import View
from exporter.metrics import families
from exporter.metrics.counts import Counts
from exporter.metrics.exposition import END, header, labelled
from exporter.metrics.families import LATENCY_BUCKETS, Family
from exporter.metrics.readings import (
    LABELLED_OF_RESULT,
    LABELLED_OF_VIEW,
    OF_RESULT,
    OF_VIEW,
    Labelled,
    Number,
)

_Source = TypeVar("_Source", View, Result)
_Scalar = tuple[str, Callable[[_Source], Number | None]]
_Vector = tuple[str, Callable[[_Source], Labelled]]

_ORDER: tuple[Family, ...] = (
    *(family for family, _ in OF_VIEW),
    *(family for family, _ in LABELLED_OF_VIEW),
    *(families.PROBES, families.FAILURES, families.SKIPPED, families.REQUESTS, families.LATENCY),
    *(family for family, _ in OF_RESULT),
    *(family for family, _ in LABELLED_OF_RESULT),
)
"""The families in the order of the blocks of a target."""

_HEADERS = {
    openmetrics: [header(family, openmetrics) for family in _ORDER] for openmetrics in (False, True)
}
_NO_RESULT = [""] * (len(OF_RESULT) + len(LABELLED_OF_RESULT))


class ProbeMetrics:
    """The metrics of all targets of a plan. Counters live as long as the process."""

    def __init__(self, plan: Plan) -> None:
        self._targets = {name: _Target(target) for name, target in plan.targets.items()}

    def record(self, result: Result) -> None:
        """Count a probe that was carried out; of a target that a reload removed, nothing."""
        target = self._targets.get(str(result.target))
        if target is not None:
            target.counts.record(result)

    def record_skip(self, target: str, reason: SkipReason) -> None:
        """Count a request that was answered without probing."""
        if target in self._targets:
            self._targets[target].counts.skipped[reason] += 1

    def carry_over(self, old: ProbeMetrics) -> None:
        """Go on with the counters of the targets that ``old`` has as well.

        They are shared, so that a probe that began before a reload still counts.
        """
        for name, target in self._targets.items():
            if name in old._targets:
                target.counts = old._targets[name].counts

    def render(self, views: Sequence[View], openmetrics: bool) -> bytes:
        """The exposition of some targets, each at most once; a family without samples is absent."""
        rows = [self._target(view.plan).blocks(view) for view in views]
        columns = rows[0] if len(rows) == 1 else map("".join, zip(*rows, strict=True))
        sections = zip(_HEADERS[openmetrics], columns, strict=False)  # no view, no column
        text = "".join([head + samples for head, samples in sections if samples])
        return (text + END if openmetrics else text).encode()

    def _target(self, plan: TargetPlan) -> _Target:
        """A view may be of a target that a reload has just removed: its counters are gone."""
        return self._targets.get(str(plan.target)) or _Target(plan)


class _Target:
    """The counters of one target and its prepared strings."""

    def __init__(self, plan: TargetPlan) -> None:
        labels = labelled(plan.target.labels)
        self.counts = Counts()
        self._of_view = [(f"{family.name}{{{labels}}} ", read) for family, read in OF_VIEW]
        self._of_result = [(f"{family.name}{{{labels}}} ", read) for family, read in OF_RESULT]
        self._labelled_of_view = [
            (_open(family, labels), read) for family, read in LABELLED_OF_VIEW
        ]
        self._labelled_of_result = [
            (_open(family, labels), read) for family, read in LABELLED_OF_RESULT
        ]
        self._probes = f"{families.PROBES.name}{{{labels}}} "
        self._failures = _template(families.FAILURES, labels, Reason)
        self._skipped = _template(families.SKIPPED, labels, SkipReason)
        self._requests = _open(families.REQUESTS, labels)
        self._latency = _histogram_template(families.LATENCY, labels, LATENCY_BUCKETS)

    def blocks(self, view: View) -> list[str]:
        """The lines of each family in the order of _ORDER, "" for a family without a sample."""
        blocks = _scalars(self._of_view, view)
        blocks += _vectors(self._labelled_of_view, view)
        blocks += self._counters()
        if view.result is None:
            return blocks + _NO_RESULT
        blocks += _scalars(self._of_result, view.result)
        blocks += _vectors(self._labelled_of_result, view.result)
        return blocks

    def _counters(self) -> tuple[str, ...]:
        counts = self.counts
        buckets = tuple(accumulate(counts.latency))
        return (
            f"{self._probes}{counts.probes}\n",
            self._failures % tuple(counts.failures.values()),
            self._skipped % tuple(counts.skipped.values()),
            _vector(self._requests, counts.requests.items()),
            self._latency % (*buckets, counts.latency_sum, buckets[-1]),
        )


def _scalars(readings: Iterable[_Scalar[_Source]], source: _Source) -> list[str]:
    return [
        "" if (value := read(source)) is None else f"{start}{value!r}\n" for start, read in readings
    ]


def _vectors(readings: Iterable[_Vector[_Source]], source: _Source) -> list[str]:
    return [_vector(start, read(source)) for start, read in readings]


def _vector(start: str, samples: Labelled) -> str:
    """The lines of one family. Label values are names of enums and of the catalog: nothing in them
    needs escaping.
    """
    return "".join(
        [f'{start}{label}"}} {value!r}\n' for label, value in samples if value is not None]
    )


def _open(family: Family, labels: str) -> str:
    """A sample line up to the value of the family's own label, which comes last."""
    (own,) = family.labels
    return f'{family.name}{{{labels},{own}="'


def _template(family: Family, labels: str, members: Iterable[str]) -> str:
    """The lines of a counter with a closed set of label values, to be filled by ``%``."""
    start = _open(family, labels).replace("%", "%%")
    return "".join([f'{start}{member}"}} %s\n' for member in members])


def _histogram_template(family: Family, labels: str, edges: Iterable[float]) -> str:
    """The lines of a histogram, to be filled by ``%`` with the buckets, the sum and the count."""
    name, labels = family.name, labels.replace("%", "%%")
    les = (*(repr(edge) for edge in edges), "+Inf")
    lines = [f'{name}_bucket{{{labels},le="{le}"}} %s\n' for le in les]
    return "".join(lines) + f"{name}_sum{{{labels}}} %s\n{name}_count{{{labels}}} %s\n"
