"""How long an exposition takes: python -m tests.benchmarks.render

Our writer against prometheus_client's, which gets the same samples in a registry. Medians.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from exporter.core.model import Target
from tests.test_metrics import rich_metrics, rich_view

TARGETS = tuple(Target("binance", "depth", f"COIN{number}-USDT") for number in range(500))


class Same(Collector):
    """A collector with the samples of an exposition."""

    def __init__(self, exposition: bytes) -> None:
        self._families = list(text_string_to_metric_families(exposition.decode()))

    def collect(self) -> Iterator[Metric]:
        yield from self._families


def milliseconds(call: Callable[[], object], times: int) -> float:
    """The median duration of a call."""
    durations = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        durations.append(time.perf_counter() - start)
    return median(durations) * 1000


def main() -> None:
    metrics = rich_metrics(*TARGETS)
    for count, times in ((1, 2000), (50, 50), (500, 15)):
        views = [rich_view(target) for target in TARGETS[:count]]
        registry = CollectorRegistry()
        registry.register(Same(metrics.render(views, openmetrics=False)))
        ours = milliseconds(partial(metrics.render, views, openmetrics=False), times)
        theirs = milliseconds(partial(generate_latest, registry), max(times // 10, 5))
        lines = metrics.render(views, openmetrics=False).count(b"\n")
        print(
            f"{count:4} targets, {lines:6} lines: {ours:8.3f} ms, "
            f"generate_latest {theirs:8.3f} ms ({theirs / ours:.1f} times as long)"
        )


if __name__ == "__main__":
    main()
