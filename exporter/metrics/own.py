"""The exporter's own metrics, kept by prometheus_client and served on /metrics."""

from __future__ import annotations

import platform

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder

from exporter.core.plan import Plan
from exporter.metrics import families
from exporter.metrics.family import Family


class OwnMetrics:
    """What the exporter says of itself, beside its process, platform and garbage collector."""

    def __init__(self, registry: CollectorRegistry, version: str) -> None:
        # The _created series would double those of every counter.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        self._registry = registry
        build_info = _gauge(families.BUILD_INFO, registry)
        build_info.labels(version, platform.python_version()).set(1)
        self._targets = _gauge(families.TARGETS, registry)
        self._reload_ok = _gauge(families.RELOAD_OK, registry)
        self._reload_at = _gauge(families.RELOAD_AT, registry)
        self._in_flight = _gauge(families.IN_FLIGHT, registry)
        self._render_duration = _gauge(families.RENDER_DURATION, registry)
        self._loop_lag = _histogram(families.LOOP_LAG, registry)
        self._timestamp_fallbacks = _counter(families.TIMESTAMP_FALLBACKS, registry)
        self._state_errors = _counter(families.STATE_ERRORS, registry)
        self._check_errors = _counter(families.CHECK_ERRORS, registry)
        self._unknown_targets = _counter(families.UNKNOWN_TARGETS, registry)

    def planned(self, plan: Plan) -> None:
        """A plan came into force: count its targets, and start the errors of its checks at 0."""
        self._targets.set(len(plan.targets))
        for target in plan.targets.values():
            for check in target.checks:
                self._check_errors.labels(check)

    def reloaded(self, ok: bool, at: float) -> None:
        """The configuration was loaded, or could not be, at ``at`` (unix seconds)."""
        self._reload_ok.set(ok)
        if ok:
            self._reload_at.set(at)

    def in_flight(self, probes: int) -> None:
        """So many probes are being sent or wait for the limiter."""
        self._in_flight.set(probes)

    def rendered(self, seconds: float) -> None:
        """An answer to /probe took so long to write."""
        self._render_duration.set(seconds)

    def loop_lag(self, seconds: float) -> None:
        """The event loop ran a timer so late."""
        self._loop_lag.observe(seconds)

    def timestamp_fallback(self) -> None:
        """An answer's arrival had no kernel time stamp."""
        self._timestamp_fallbacks.inc()

    def state_error(self) -> None:
        """The stored state could not be read or written."""
        self._state_errors.inc()

    def check_error(self, check: str) -> None:
        """A check raised an exception."""
        self._check_errors.labels(check).inc()

    def unknown_target(self) -> None:
        """A target was asked for that is not configured."""
        self._unknown_targets.inc()

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """The text for an Accept header, and its content type."""
        try:
            encode, content_type = choose_encoder(accept)
        except TypeError:  # raised for a version that is not a number
            encode, content_type = choose_encoder("")
        return encode(self._registry), content_type


def _counter(family: Family, registry: CollectorRegistry) -> Counter:
    return Counter(family.name, family.help, family.labels, registry=registry)


def _gauge(family: Family, registry: CollectorRegistry) -> Gauge:
    return Gauge(family.name, family.help, family.labels, registry=registry)


def _histogram(family: Family, registry: CollectorRegistry) -> Histogram:
    return Histogram(
        family.name, family.help, family.labels, registry=registry, buckets=family.buckets
    )
