"""Where a board draws a line, a rule does; or there is a reason for the line."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import cache

import pytest

from tests.bundle.dashboards import boards, panels
from tests.bundle.rules import Rule, names_in, numbers_in, recordings, rules

REASONS = {
    (
        "exchange:clock_skew_seconds:avg prober:clock_skew_seconds:median",
        -1,
    ): "the alert compares what is without its sign",
    ("exchange_receiver_failures_total", 1): "no rule: the first of what should not be",
    (
        "alertmanager_notifications_failed_total",
        1,
    ): "the alert fires above 0, and these are counted",
    ("exchange_receiver_dead_letters", 1): "the alert fires above 0, and these are counted",
    ("exchange_receiver_budget_remaining", 1e-9): "the alert fires at 0 and below",
    ("exchange:probe_success:ratio_rate5m", 0.9): "what threshold:probe_errors:ratio leaves of 1",
    ("exchange:probe_success:ratio_rate5m", 0.99): "the objective of availability",
    ("exchange:latency_seconds:quantile5m", 1): "the bound of the objective of latency",
    (
        "exchange_stream_last_data_message_timestamp_seconds exchange_stream_max_gap_seconds",
        1,
    ): "the second is the bound of the time since the first",
    ("exchange:slo_budget_remaining:ratio", 0): "what a budget is",
    ("exchange:slo_budget_remaining:ratio", 0.25): "no rule: to look at before it is spent",
}
"""(metrics, step of a panel that shows them) -> why it is there though no rule compares with it."""

_COMPARISON = re.compile(
    r"([A-Za-z_:][\w:]*)(?:\{[^{}]*\})?(?:\[[^\]]*\])?[\s)]*"  # metric{...}[5m]))
    r"(?:- time\(\)\s*)?"
    r"[<>=!]=?\s*(?:bool\s+)?(?:on \(\) group_left \(\)\s+)?"
    r"(?:scalar\(max\()?([\w:.]+)"  # threshold:... or a number
)


def test_every_step_is_a_bound_of_the_rules() -> None:
    """Of a metric that the panel shows."""
    unbound = {
        (" ".join(sorted(names)), step)
        for names, step in steps()
        if not any(step in bounds(name) for name in names)
    }
    assert unbound == set(REASONS)


@pytest.mark.parametrize(
    ("metric", "bound"),
    [
        ("exchange_exporter_event_loop_lag_seconds_bucket", {0.1}),
        ("endpoint:latency_seconds:quantile5m", {1}),
        ("exchange:anomaly_score:max", {0, 0.5}),
        ("limit:used:predict15m", {1}),
        ("probe_ssl_earliest_cert_expiry", {2 * 86400, 14 * 86400}),
        ("limit:used:max", {0.4, 0.8}),
        ("exchange:slo_burn_rate", {1, 3, 6, 14.4}),
        ("exchange:slo_budget_remaining:ratio", set()),
    ],
)
def test_bounds_are_found_in_rules_of_every_form(metric: str, bound: set[float]) -> None:
    """Numbers and recorded thresholds, behind functions, and of what a metric is the maximum of."""
    assert bounds(metric) == bound


def steps() -> Iterator[tuple[set[str], float]]:
    """(metrics, step) of all panels."""
    for board in boards().values():
        for panel in panels(board):
            names = set().union(*(names_in(target["expr"]) for target in panel["targets"]))
            for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]:
                if step["value"] is not None:
                    yield names, step["value"]


@cache
def bounds(metric: str) -> set[float]:
    """What rules compare a metric with, or what it is the extreme of, or an extreme of it."""
    related = {metric}
    for rule in recordings():
        ends = {rule.name, *names_in(rule.expr)}
        if metric in ends and len(ends) == 2 and rule.expr.startswith(("max", "min")):
            related |= ends
    return {
        number
        for rule in rules()
        for name, bound in _COMPARISON.findall(rule.expr)
        if name in related
        for number in _numbers(bound)
    }


def _numbers(bound: str) -> set[float]:
    """Of a number, itself; of a threshold, all that it has for different labels."""
    if bound.startswith("threshold:"):
        return {_constant(rule) for rule in recordings() if rule.name == bound}
    return set(numbers_in(bound))


def _constant(rule: Rule) -> float:
    return math.prod(numbers_in(rule.expr))
