"""The rules as Prometheus reads them, and what binds rules, tests, runbooks and metrics."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest
import yaml

from exporter import cli
from exporter.config.loader import shipped_catalog
from exporter.core.model import Reason
from exporter.metrics import FAMILIES
from exporter.receiver.metrics import FAMILIES as OF_THE_RECEIVER
from tests.bundle.rules import (
    FILES,
    ROOT,
    RULES,
    RUNBOOKS,
    TESTS,
    Rule,
    alerts,
    document,
    functions_in,
    names_in,
    numbers_in,
    queries_in,
    recordings,
    rules,
)

DECLARED = frozenset(series for family in (*FAMILIES, *OF_THE_RECEIVER) for series in family.series)
BUILTIN = frozenset({"up", "ALERTS", "alertmanager_notifications_failed_total"})
"""What Prometheus and Alertmanager say of themselves."""

SCRAPE = frozenset({"scrape_duration_seconds", "process_cpu_seconds_total"})
OVERRIDES = frozenset({"exchange:slo_objective:override", "exchange:slo_latency_bound:override"})
"""What users may record themselves."""

AREAS = frozenset(
    {"availability", "latency", "limits", "data", "stream", "security", "exporter"}
    | {"receiver", "{{ $labels.slo }}", "{{ $labels.area }}"}  # the latter two name one of these
)
SEVERITIES = frozenset({"info", "warning", "critical", "emergency"})
ONLY_IN_ONE_VERSION = frozenset(
    {"mad_over_time", "holt_winters", "double_exponential_smoothing", "limitk", "limit_ratio"}
    | {"info", "sort_by_label", "sort_by_label_desc", "first_over_time", "histogram_avg"}
    | {"histogram_stddev", "histogram_stdvar", "ts_of_max_over_time", "ts_of_min_over_time"}
)
STATES = frozenset({0.0, 1.0, 2.0, 3.0, 4.0})
"""Booleans and the values of exchange:status."""


def promtool(*arguments: str) -> None:
    """Run promtool; it must succeed."""
    result = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_promtool_accepts_all_rules_and_the_configuration() -> None:
    """With the version that is installed."""
    promtool("check", "rules", *map(str, FILES))
    promtool("check", "config", str(RULES / "prometheus.yml"))


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.stem)
def test_the_unit_tests_of_the_rules_pass(file: Path) -> None:
    """Each a story: before, during, after, and who is not concerned."""
    promtool("test", "rules", str(file))


def cases() -> tuple[set[str], set[str]]:
    """The alerts that fire in some case, and those that do not in some."""
    firing: set[str] = set()
    silent: set[str] = set()
    for file in TESTS:
        for test in document(file)["tests"]:
            for case in test.get("alert_rule_test", ()):
                (firing if case.get("exp_alerts") else silent).add(case["alertname"])
    return firing, silent


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_must_not() -> None:
    """But for the watchdog, which always fires."""
    firing, silent = cases()
    names = {alert.name for alert in alerts()}
    assert firing == names
    assert silent >= names - {"ExchangeWatchdog"}
    assert silent <= names


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    """Under the same name."""
    assert {page.stem for page in RUNBOOKS.glob("*.md")} == {alert.name for alert in alerts()}


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda page: page.stem)
def test_a_runbook_answers_the_questions_of_the_night(page: Path) -> None:
    """In the same order everywhere."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    sections = ["Meaning", "Impact", "Diagnosis", "Mitigation", "False positives"]
    assert headings == [page.stem, *sections]


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert.name)
def test_an_alert_carries_its_labels_and_annotations(alert: Rule) -> None:
    """Severity, area, texts, runbook and dashboard."""
    assert alert.name.startswith("Exchange")
    assert alert.labels["severity"] in SEVERITIES
    assert alert.labels["area"] in AREAS
    assert set(alert.labels) == {"severity", "area"}
    assert set(alert.annotations) == {"summary", "description", "runbook_url", "dashboard_url"}
    assert alert.annotations["runbook_url"].endswith(f"/{alert.name}.md")
    assert "$value" not in alert.annotations["summary"]  # it is the headline of a group


def test_names_are_unique() -> None:
    """An alert stands once; a recorded series is told apart by its labels."""
    assert max(Counter(alert.name for alert in alerts()).values()) == 1
    labelled = Counter((it.name, tuple(sorted(it.labels.items()))) for it in recordings())
    assert [rule for rule, times in labelled.items() if times > 1] == []


def test_every_metric_in_the_rules_is_declared_or_recorded() -> None:
    """In expressions and in the templates of messages."""
    known = DECLARED | BUILTIN | OVERRIDES | {rule.name for rule in recordings()}
    unknown = {
        (str(rule), name) for rule in rules() for name in names_in(rule.expr) | queries_in(rule)
    }
    assert {pair for pair in unknown if pair[1] not in known} == set()


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.stem)
def test_every_metric_in_the_tests_of_the_rules_is_declared_or_recorded(file: Path) -> None:
    """Otherwise the tests test nothing."""
    known = DECLARED | BUILTIN | OVERRIDES | {rule.name for rule in recordings()}
    named: set[str] = set()
    for test in document(file)["tests"]:
        for series in test.get("input_series") or ():
            named |= {re.split(r"[{ ]", series["series"])[0]}
        for case in test.get("promql_expr_test", ()):
            named |= names_in(case["expr"])
    assert named <= known


def test_every_recorded_series_is_used_or_documented() -> None:
    """By another rule, a message, a dashboard, or the list of interfaces in rules/README.md."""
    used = {name for rule in rules() for name in names_in(rule.expr) | queries_in(rule)}
    boards = "".join(
        page.read_text(encoding="utf-8") for page in (ROOT / "dashboards").rglob("*.json")
    )
    listed = set(re.findall(r"`([\w:]+)[`{]", (RULES / "README.md").read_text(encoding="utf-8")))
    unused = {rule.name for rule in recordings()} - used - listed
    assert {name for name in unused if name not in boards} == set()


def test_the_list_of_interfaces_names_only_what_is_recorded() -> None:
    """In rules/README.md."""
    text = (RULES / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\w+(?::\w+)+)[`{]", text))
    assert named <= {rule.name for rule in recordings()} | OVERRIDES


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert.name)
def test_alerts_take_their_thresholds_from_recorded_constants(alert: Rule) -> None:
    """So that each number stands once; what is left are booleans and states."""
    assert set(numbers_in(alert.expr)) <= STATES


def test_nothing_is_used_that_only_one_version_of_prometheus_knows() -> None:
    """2.42 and 3.x."""
    assert {name for rule in rules() for name in functions_in(rule.expr)} & ONLY_IN_ONE_VERSION == (
        frozenset()
    )


def test_every_reason_of_a_failure_has_one_kind() -> None:
    """target:probe_failed:max sorts them all."""
    sorted_ = [
        reason
        for rule in recordings()
        if rule.name == "target:probe_failed:max"
        for reason in re.findall(r'reason=~?"([^"]*)"', rule.expr)[0].split("|")
    ]
    assert sorted(sorted_) == sorted(Reason)


def test_what_is_no_error_of_the_exchange_is_said_the_same_everywhere() -> None:
    """Rates of errors leave out the kinds maintenance and ours."""
    excluded = {
        match for rule in recordings() for match in re.findall(r'reason!~"([a-z_|]*)"', rule.expr)
    } - {"lifetime|notice"}
    kinds = {
        rule.labels["kind"]: re.findall(r'reason=~?"([^"]*)"', rule.expr)[0]
        for rule in recordings()
        if rule.name == "target:probe_failed:max"
    }
    assert excluded == {f"{kinds['maintenance']}|{kinds['ours']}"}


def promql_of(page: Path) -> list[str]:
    """The queries of a runbook."""
    return re.findall(r"```promql\n(.*?)\n```", page.read_text(encoding="utf-8"), re.DOTALL)


def test_the_queries_of_the_runbooks_can_be_pasted(tmp_path: Path) -> None:
    """They parse, and name what is declared or recorded."""
    known = DECLARED | BUILTIN | SCRAPE | {rule.name for rule in recordings()}
    queries = [(page.stem, query) for page in RUNBOOKS.glob("*.md") for query in promql_of(page)]
    assert [
        (page, names_in(query) - known) for page, query in queries if names_in(query) - known
    ] == ([])
    lines = [{"record": f"query:{n}", "expr": query} for n, (_, query) in enumerate(queries)]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": lines}]}))
    promtool("check", "rules", str(file))


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda page: page.stem)
def test_the_commands_of_a_runbook_exist(page: Path) -> None:
    """Every exchange-exporter line is parsed by the command itself; targets are in the catalog."""
    text = page.read_text(encoding="utf-8")
    for line in re.findall(r"^exchange-exporter (.*?)(?:#|;|$)", text, re.MULTILINE):
        cli._parser(line.split()[0]).parse_args(line.split())
    for exchange, endpoint in re.findall(r"(?:target=|probe )(\w+)/([\w.]+)", text):
        offered = shipped_catalog()[exchange].data
        assert endpoint in offered["endpoints"] or endpoint.startswith(("stream.", "account"))
