"""The receiver's own metrics: declared in one table, kept by prometheus_client."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from typing import Any

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

from exporter.metrics.family import Family, Kind, counter, gauge
from exporter.receiver.alertmanager import Result
from exporter.receiver.history import Counts
from exporter.receiver.model import Answer, Cause
from exporter.receiver.outcome import Outcome

ANALYSIS_BUCKETS = (0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 45.0, 90.0)
DELIVERY_BUCKETS = (0.025, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 45.0, 90.0, 300.0)

BUILD_INFO = gauge(
    "exchange_receiver_build_info",
    "Always 1; the labels tell the version of the receiver, of Python, and the analyst in use.",
    "version",
    "pythonversion",
    "analyst",
)
REQUESTS = counter(
    "exchange_receiver_requests_total",
    "Webhooks of Alertmanager, by the status code of the answer.",
    "code",
    normal='Only code="202" grows.',
    advice="401: the tokens differ. 413: lower `max_alerts` of the webhook. 400: somebody else "
    "posts. 503: the disk, or the receiver is starting.",
)
ALERTS = counter(
    "exchange_receiver_alerts_total",
    "Alerts in webhooks: taken, or ignored because they are about the receiver or from it.",
    "result",
    normal='result="ignored" is flat.',
    advice="Ignored ones grow: a route sends derived alerts back to the receiver.",
)
QUEUE = gauge(
    "exchange_receiver_queue_depth",
    "Incidents that wait for an analysis.",
    normal="0, a few for seconds.",
    advice="Analyses take longer than incidents come, or fail.",
)
OLDEST = gauge(
    "exchange_receiver_queue_oldest_age_seconds",
    "Time for which the oldest waiting incident has waited; 0 when none waits.",
    normal="0, or seconds.",
)
OPEN = gauge("exchange_receiver_open_incidents", "Incidents of which an alert fires.")
VERDICTS = gauge(
    "exchange_receiver_analysis_confidence",
    "Confidence, 0 to 1, of the newest analysis of each open incident, by what it takes for the "
    "cause and whether it says that a human is needed.",
    "exchange",
    "cause",
    "requires_human",
    advice="The page of the receiver tells why, and what it rests on.",
)
DEAD_LETTERS = gauge(
    "exchange_receiver_dead_letters",
    "Incidents whose analysis was given up after five attempts.",
    normal="0.",
    advice="The log tells why; then `exchange-exporter receiver replay`.",
)
ANALYSES = counter(
    "exchange_receiver_analyses_total",
    "Finished analyses, by analyst, cause, and why they are not the provider's (empty if they "
    "are).",
    "analyst",
    "cause",
    "fallback",
    normal="`fallback` empty, with a provider configured.",
    advice="See `exchange_receiver_provider_calls_total` and the budget.",
)
ANALYSIS_DURATION = Family(
    "exchange_receiver_analysis_duration_seconds",
    Kind.HISTOGRAM,
    "Time an analysis took, by analyst.",
    ("analyst",),
    normal="Below 0.1 without a provider, below its timeout with one.",
    buckets=ANALYSIS_BUCKETS,
)
DELIVERY_DURATION = Family(
    "exchange_receiver_delivery_duration_seconds",
    Kind.HISTOGRAM,
    "Time from the webhook to the derived alert in an Alertmanager, for an incident's first one.",
    normal="The debounce time and that of the analysis.",
    buckets=DELIVERY_BUCKETS,
)
FAILURES = counter(
    "exchange_receiver_failures_total",
    "Attempts at an analysis that raised an exception: bugs of the receiver.",
    normal="Flat.",
    advice="Please report it; the log has the traceback.",
)
PROVIDER_CALLS = counter(
    "exchange_receiver_provider_calls_total",
    "Requests to providers, by what became of them.",
    "provider",
    "result",
    normal='Only result="ok" grows.',
)
TOKENS = counter(
    "exchange_receiver_tokens_total",
    "Tokens that providers charged for, by kind: prompt or completion.",
    "provider",
    "kind",
)
COST = counter(
    "exchange_receiver_cost_dollars_total",
    "US dollars by the configured prices.",
    "provider",
    normal="Below the budget of a day.",
)
BUDGET = gauge(
    "exchange_receiver_budget_remaining",
    "What is left of a budget. Absent for one that is not bounded.",
    "budget",
    normal="Above 0.",
    advice="At 0 the deterministic analyst answers: raise the budget or group more.",
)
BREAKER = gauge(
    "exchange_receiver_breaker_open",
    "Whether the circuit breaker of a provider is open.",
    "provider",
    normal="0.",
)
CACHE_HITS = counter(
    "exchange_receiver_cache_hits_total", "Analyses answered from the cache, at no cost."
)
REINJECTIONS = counter(
    "exchange_receiver_reinjections_total",
    "Posts of derived alerts, by Alertmanager and result.",
    "alertmanager",
    "result",
    normal='Only result="ok" grows, with every heartbeat.',
    advice="Analyses do not reach people through this Alertmanager. Pages are not affected.",
)
SEEN = gauge(
    "exchange_receiver_alertmanager_up",
    "Whether an Alertmanager answered the last look at its alerts.",
    "alertmanager",
    normal="1.",
)
SUPPRESSIONS = gauge(
    "exchange_receiver_suppressions_active", "Suppressions in force.", normal="0, or few."
)
DECISIONS = counter(
    "exchange_receiver_suppression_decisions_total",
    "Proposals to mute alerts, by what was decided.",
    "decision",
    advice="The page of the receiver shows each with its reason.",
)
FEEDBACK = counter(
    "exchange_receiver_feedback_total",
    "Votes of people on analyses: up or down.",
    "vote",
    advice="Many down: evaluate the provider with `exchange-exporter receiver eval`.",
)

FAMILIES = (
    *(BUILD_INFO, REQUESTS, ALERTS, QUEUE, OLDEST, OPEN, VERDICTS, DEAD_LETTERS),
    *(ANALYSES, ANALYSIS_DURATION, DELIVERY_DURATION, FAILURES),
    *(PROVIDER_CALLS, TOKENS, COST, BUDGET, BREAKER, CACHE_HITS),
    *(REINJECTIONS, SEEN, SUPPRESSIONS, DECISIONS, FEEDBACK),
)

SECTION = ("The receiver", FAMILIES)
"""Title and families, for docs/metrics.md."""


class ReceiverMetrics:
    """What the receiver says of itself. It is also what analysts record their calls with."""

    def __init__(self, registry: CollectorRegistry, version: str, analyst: str) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        self._registry = registry
        self._metrics: dict[str, Any] = {
            family.name: _create(family, registry) for family in FAMILIES
        }
        self._of(BUILD_INFO).labels(version, platform.python_version(), analyst).set(1)
        for code in ("202", "400", "401", "413", "503"):
            self._of(REQUESTS).labels(code)
        for vote in ("up", "down"):
            self._of(FEEDBACK).labels(vote)
        for cause in Cause:
            self._of(ANALYSES).labels(analyst, cause.value, "")

    def _of(self, family: Family) -> Any:
        return self._metrics[family.name]

    def starts(self, alertmanagers: Iterable[str]) -> None:
        """Let the series of known Alertmanagers begin at 0."""
        for url in alertmanagers:
            for result in Result:
                self._of(REINJECTIONS).labels(url, result.value)

    def request(self, code: int) -> None:
        """A webhook was answered."""
        self._of(REQUESTS).labels(str(code)).inc()

    def alerts(self, taken: int, ignored: int) -> None:
        """A webhook brought so many alerts."""
        self._of(ALERTS).labels("taken").inc(taken)
        self._of(ALERTS).labels("ignored").inc(ignored)

    def analysed(self, answer: Answer, seconds: float) -> None:
        """An analysis was finished."""
        labels = (answer.analyst, answer.analysis.cause.value, answer.fallback)
        self._of(ANALYSES).labels(*labels).inc()
        self._of(ANALYSIS_DURATION).labels(answer.analyst).observe(seconds)
        self._of(CACHE_HITS).inc(answer.cached)

    def delivered(self, seconds: float) -> None:
        """The first derived alert of an incident is out, so long after its webhook."""
        self._of(DELIVERY_DURATION).observe(seconds)

    def failed(self) -> None:
        """An attempt at an analysis raised an exception."""
        self._of(FAILURES).inc()

    def posted(self, url: str, result: Result) -> None:
        """Derived alerts were posted."""
        self._of(REINJECTIONS).labels(url, result.value).inc()

    def looked(self, url: str, answered: bool) -> None:
        """An Alertmanager was asked for its alerts."""
        self._of(SEEN).labels(url).set(answered)

    def decided(self, decision: str) -> None:
        """A proposal to mute alerts was judged."""
        self._of(DECISIONS).labels(decision).inc()

    def voted(self, useful: bool) -> None:
        """A person judged an analysis."""
        self._of(FEEDBACK).labels("up" if useful else "down").inc()

    def provider(self, provider: str) -> None:
        """Let the series of a provider begin at 0."""
        for outcome in Outcome:
            self._of(PROVIDER_CALLS).labels(provider, outcome.value)
        self.tokens(provider, 0, 0)
        self.cost(provider, 0.0)
        self.breaker(provider, False)

    def provider_call(self, provider: str, result: str) -> None:
        """A provider was asked."""
        self._of(PROVIDER_CALLS).labels(provider, result).inc()

    def tokens(self, provider: str, prompt: int, completion: int) -> None:
        """A provider counted tokens."""
        self._of(TOKENS).labels(provider, "prompt").inc(prompt)
        self._of(TOKENS).labels(provider, "completion").inc(completion)

    def cost(self, provider: str, dollars: float) -> None:
        """An answer cost so much."""
        self._of(COST).labels(provider).inc(dollars)

    def budget(self, budget: str, remaining: float) -> None:
        """So much is left of a budget."""
        self._of(BUDGET).labels(budget).set(remaining)

    def breaker(self, provider: str, is_open: bool) -> None:
        """The circuit breaker of a provider changed."""
        self._of(BREAKER).labels(provider).set(is_open)

    def exposition(self, counts: Counts, now: float, accept: str) -> tuple[bytes, str]:
        """The text for an Accept header, and its content type."""
        self._of(QUEUE).set(counts.waiting)
        self._of(OLDEST).set(max(now - counts.oldest, 0.0) if counts.oldest else 0.0)
        self._of(OPEN).set(counts.open)
        self._of(VERDICTS).clear()
        for verdict in reversed(counts.verdicts):  # of two with the same labels the newest stays
            labels = (verdict.exchange, verdict.cause, str(verdict.requires_human).lower())
            self._of(VERDICTS).labels(*labels).set(verdict.confidence)
        self._of(DEAD_LETTERS).set(counts.dead_letters)
        self._of(SUPPRESSIONS).set(counts.suppressions)
        try:
            encode, content_type = choose_encoder(accept)
        except TypeError:  # raised for a version that is not a number
            encode, content_type = choose_encoder("")
        return encode(self._registry), content_type


def _create(family: Family, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    if family.kind is Kind.HISTOGRAM:
        return Histogram(
            family.name, family.help, family.labels, registry=registry, buckets=family.buckets
        )
    kind = Counter if family.kind is Kind.COUNTER else Gauge
    return kind(family.name, family.help, family.labels, registry=registry)
