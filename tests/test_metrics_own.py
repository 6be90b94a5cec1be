"""The exporter's own metrics on /metrics."""

from __future__ import annotations

import subprocess

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.core.plan import Plan
from exporter.metrics import OwnMetrics
from exporter.metrics.exposition import OPENMETRICS, TEXT
from exporter.metrics.families import OWN

PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)


def used() -> tuple[CollectorRegistry, OwnMetrics]:
    """Metrics of an exporter in which everything has happened once."""
    registry = CollectorRegistry()
    own = OwnMetrics(registry, "1.2.3")
    own.planned(Plan({}, {}))
    own.reloaded(ok=True, at=1_800_000_000.5)
    own.in_flight(3)
    own.rendered(0.00004)
    own.loop_lag(0.002)
    own.timestamp_fallback()
    own.state_error()
    own.check_error("book")
    own.unknown_target()
    return registry, own


def test_exactly_the_declared_families_are_registered() -> None:
    """What is declared is there, with its type and help, and nothing else of ours is."""
    _, own = used()
    text, _ = own.exposition("")
    families = {
        family.name: (family.type, family.documentation)
        for family in parse_text(text.decode())
        if family.name.startswith("exchange_")
    }

    assert families == {
        family.name.removesuffix("_total"): (family.kind, family.help) for family in OWN
    }


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("exchange_exporter_targets", {}, 0),
        ("exchange_exporter_config_last_reload_successful", {}, 1),
        ("exchange_exporter_config_last_reload_success_timestamp_seconds", {}, 1_800_000_000.5),
        ("exchange_exporter_probes_in_flight", {}, 3),
        ("exchange_exporter_last_render_duration_seconds", {}, 0.00004),
        ("exchange_exporter_event_loop_lag_seconds_bucket", {"le": "0.001"}, 0),
        ("exchange_exporter_event_loop_lag_seconds_bucket", {"le": "0.0025"}, 1),
        ("exchange_exporter_timestamp_fallbacks_total", {}, 1),
        ("exchange_exporter_state_errors_total", {}, 1),
        ("exchange_exporter_check_errors_total", {"check": "book"}, 1),
        ("exchange_exporter_unknown_targets_total", {}, 1),
    ],
)
def test_what_happened_is_shown(name: str, labels: dict[str, str], expected: float) -> None:
    """Each method moves its own metric."""
    registry, _ = used()

    assert registry.get_sample_value(name, labels) == expected


def test_a_failed_reload_keeps_the_time_of_the_last_good_one() -> None:
    """The gauge falls to 0 while the time stamp stays."""
    registry, own = used()
    own.reloaded(ok=False, at=1_900_000_000.0)
    prefix = "exchange_exporter_config_last_reload_success"

    assert registry.get_sample_value(f"{prefix}ful") == 0
    assert registry.get_sample_value(f"{prefix}_timestamp_seconds") == 1_800_000_000.5


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        pytest.param("", TEXT, id="none"),
        pytest.param("*/*", TEXT, id="anything"),
        pytest.param("application/openmetrics-text", OPENMETRICS, id="openmetrics"),
        pytest.param("text/plain; version=abc", TEXT, id="no number"),
        pytest.param("application/openmetrics-text; version=1.x", TEXT, id="half a number"),
        pytest.param("\x00;;;=,=;version=", TEXT, id="garbage"),
    ],
)
def test_any_accept_header_is_answered(accept: str, content_type: str) -> None:
    """A header that makes no sense gets the text format."""
    _, own = used()

    assert own.exposition(accept)[1] == content_type


def test_prometheus_gets_openmetrics_without_created_series() -> None:
    """The header of Prometheus 2 leads to a format that parses and has no _created series."""
    _, own = used()
    text, content_type = own.exposition(PROMETHEUS_2)
    families = openmetrics_parser.text_string_to_metric_families(text.decode())  # type: ignore[no-untyped-call]
    names = {sample.name for family in families for sample in family.samples}

    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert {"exchange_exporter_build_info", "process_cpu_seconds_total", "python_info"} < names
    assert not [name for name in names if name.endswith("_created")]


def test_promtool_finds_nothing_to_say() -> None:
    """Prometheus' own parser and linter accept /metrics."""
    _, own = used()
    command = ["promtool", "check", "metrics"]
    check = subprocess.run(command, input=own.exposition("")[0], capture_output=True, check=False)

    assert (check.returncode, check.stdout + check.stderr) == (0, b"")
