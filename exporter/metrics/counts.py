"""What lasts between scrapes and across reloads: the counters of one target."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

from exporter.core.model import Reason, SkipReason
from exporter.core.result import Result
from exporter.metrics.families import LATENCY_BUCKETS


@dataclass(slots=True)
class Counts:
    """The counters and the latency histogram of one target.

    ``latency`` counts per bucket, not cumulated; its last one is beyond the last edge. Every
    reason starts at 0, so that the first failure is an increase that ``rate`` can see.
    """

    probes: int = 0
    failures: dict[Reason, int] = field(default_factory=lambda: dict.fromkeys(Reason, 0))
    skipped: dict[SkipReason, int] = field(default_factory=lambda: dict.fromkeys(SkipReason, 0))
    requests: dict[str, int] = field(default_factory=lambda: {"200": 0})
    latency: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_BUCKETS) + 1))
    latency_sum: float = 0.0

    def record(self, result: Result) -> None:
        """Count one probe that was carried out."""
        observation = result.observation
        self.probes += 1
        if result.failure is not None:
            self.failures[result.failure.reason] += 1
        self._count_requests(observation.requests_sent, observation.status)
        if observation.latency is not None:
            self.latency[bisect_left(LATENCY_BUCKETS, observation.latency)] += 1
            self.latency_sum += observation.latency

    def _count_requests(self, sent: int, status: int | None) -> None:
        """Only the last request got the answer seen; the ones before it were redirected."""
        if sent > 1:
            self._count_code("3xx", sent - 1)
        if sent > 0:
            self._count_code(_code(status), 1)

    def _count_code(self, code: str, requests: int) -> None:
        self.requests[code] = self.requests.get(code, 0) + requests


def _code(status: int | None) -> str:
    if status is None:
        return "none"
    return str(status) if 100 <= status <= 599 else "other"
