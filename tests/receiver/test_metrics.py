"""The receiver's own metrics: all declared, all served, none else."""

from __future__ import annotations

import subprocess

from prometheus_client import CollectorRegistry

from exporter.receiver.alertmanager import Result
from exporter.receiver.history import Counts, Verdict
from exporter.receiver.metrics import FAMILIES, ReceiverMetrics
from exporter.receiver.model import Analysis, Answer, Cause


def exposition(metrics: ReceiverMetrics) -> str:
    """The text for Prometheus."""
    verdicts = tuple(Verdict("okx", "ban", True, it) for it in (0.75, 0.25))  # the newest first
    return metrics.exposition(Counts(3, 2, 100.0, 1, 1, verdicts), 160.0, "")[0].decode()


def used() -> ReceiverMetrics:
    """Metrics after a bit of everything."""
    metrics = ReceiverMetrics(CollectorRegistry(), "1", "deterministic")
    answer = Answer(Analysis(Cause.BAN, "", "", "", 1, True, 0.5), "openai", cached=True)
    metrics.starts(["http://a"])
    metrics.request(202)
    metrics.alerts(3, 1)
    metrics.analysed(answer, 0.2)
    metrics.delivered(0.3)
    metrics.failed()
    metrics.posted("http://a", Result.OK)
    metrics.looked("http://a", True)
    metrics.decided("severe")
    metrics.voted(True)
    metrics.provider("p")
    metrics.provider_call("p", "ok")
    metrics.tokens("p", 10, 5)
    metrics.cost("p", 0.5)
    metrics.budget("calls_per_hour", 3)
    metrics.breaker("p", False)
    return metrics


def test_every_declared_family_is_served_and_no_other_of_ours() -> None:
    """With the names that rules and docs use."""
    text = exposition(used())
    served = {line.split("{")[0].split(" ")[0] for line in text.splitlines() if line[0] != "#"}
    ours = {name for name in served if name.startswith("exchange_receiver_")}
    assert ours == {series for family in FAMILIES for series in family.series}


def test_promtool_has_no_complaint() -> None:
    """About names and types."""
    text = exposition(used())
    ours = "\n".join(line for line in text.splitlines() if "exchange_receiver_" in line) + "\n"
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=ours, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_known_series_start_at_nothing() -> None:
    """So that the first failure is an increase."""
    metrics = ReceiverMetrics(CollectorRegistry(), "1", "deterministic")
    metrics.starts(["http://a"])
    metrics.provider("p")
    text = exposition(metrics)
    assert 'exchange_receiver_provider_calls_total{provider="p",result="timeout"} 0.0' in text
    cause = '{analyst="deterministic",cause="ban",fallback=""} 0.0'
    assert f"exchange_receiver_analyses_total{cause}" in text
    assert 'exchange_receiver_requests_total{code="401"} 0.0' in text
    unreachable = '{alertmanager="http://a",result="unreachable"} 0.0'
    assert f"exchange_receiver_reinjections_total{unreachable}" in text


def test_ages_are_those_of_the_moment() -> None:
    """Of the oldest incident that waits."""
    text = exposition(used())
    assert "exchange_receiver_queue_oldest_age_seconds 60.0" in text
    assert "exchange_receiver_queue_depth 2.0" in text


def test_what_open_incidents_are_taken_for_is_told_while_they_are_open() -> None:
    """And not for longer."""
    metrics = used()
    series = "exchange_receiver_analysis_confidence"
    labels = '{cause="ban",exchange="okx",requires_human="true"}'
    assert f"{series}{labels} 0.75" in exposition(metrics)
    assert f"{series}{{" not in metrics.exposition(Counts(0, 0, None, 0, 0), 160.0, "")[0].decode()
