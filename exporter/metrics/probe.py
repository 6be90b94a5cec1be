"""The metrics of the targets: their counters, and the text of a scrape.

The text is put together from strings prepared once per target, because the writer of
prometheus_client takes many times as long (tests/benchmarks/render.py measures both).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from exporter.core.model import Reason, SkipReason
from exporter.core.plan import Plan, TargetPlan
from exporter.core.result import Result
from exporter.core.view import View
from exporter.metrics import families, stream
from exporter.metrics.counts import Counts
from exporter.metrics.exposition import END, header, labelled
from exporter.metrics.families import LATENCY_BUCKETS
from exporter.metrics.family import Family
from exporter.metrics.lines import histogram_template, opened, scalars, template, vector, vectors
from exporter.metrics.readings import (
    LABELLED_OF_RESULT,
    LABELLED_OF_VIEW,
    OF_RESULT,
    OF_VIEW,
)

_ORDER: tuple[Family, ...] = (
    *(family for family, _ in OF_VIEW),
    *(family for family, _ in LABELLED_OF_VIEW),
    *(families.PROBES, families.FAILURES, families.SKIPPED, families.REQUESTS, families.LATENCY),
    *(family for family, _ in OF_RESULT),
    *(family for family, _ in LABELLED_OF_RESULT),
    *stream.ORDER,
)
"""The families in the order of the blocks of a target."""

_HEADERS = {
    openmetrics: [header(family, openmetrics) for family in _ORDER] for openmetrics in (False, True)
}
_NO_COUNTERS = ("",) * 5
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
            (opened(family, labels), read) for family, read in LABELLED_OF_VIEW
        ]
        self._labelled_of_result = [
            (opened(family, labels), read) for family, read in LABELLED_OF_RESULT
        ]
        self._probes = f"{families.PROBES.name}{{{labels}}} "
        self._failures = template(families.FAILURES, labels, Reason)
        self._skipped = template(families.SKIPPED, labels, SkipReason)
        self._requests = opened(families.REQUESTS, labels)
        self._latency = histogram_template(families.LATENCY, labels, LATENCY_BUCKETS)
        self._stream = stream.StreamLines(labels) if plan.prober == "stream" else None

    def blocks(self, view: View) -> list[str]:
        """The lines of each family in the order of _ORDER, "" for a family without a sample."""
        blocks = scalars(self._of_view, view)
        blocks += vectors(self._labelled_of_view, view)
        blocks += self._counters() if self._stream is None else _NO_COUNTERS
        if view.result is None:
            blocks += _NO_RESULT
        else:
            blocks += scalars(self._of_result, view.result)
            blocks += vectors(self._labelled_of_result, view.result)
        if self._stream is None or view.stream is None:
            return blocks + stream.NONE
        return blocks + self._stream.blocks(view.stream)

    def _counters(self) -> tuple[str, ...]:
        counts = self.counts
        buckets = tuple(accumulate(counts.latency))
        return (
            f"{self._probes}{counts.probes}\n",
            self._failures % tuple(counts.failures.values()),
            self._skipped % tuple(counts.skipped.values()),
            vector(self._requests, counts.requests.items()),
            self._latency % (*buckets, counts.latency_sum, buckets[-1]),
        )
