"""The rules of Grafana's dashboard-linter, and where boards do not follow them, and why; and some
of our own, about what Grafana accepts and shows wrongly.

Rules: https://github.com/grafana/dashboard-linter/blob/main/docs/index.md. Those for LogQL are left
out, and those for the job: rules aggregate over jobs, as several may see the same exchange, so that
a variable would act on some panels only. All kinds of panels are looked at, of which the linter
leaves some out.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.bundle.changed import Place, changed
from tests.bundle.dashboards import DATASOURCE, UNITS, boards, filled, panels
from tests.bundle.rules import names_in

Board = dict[str, Any]
Rule = Callable[[Board, Path], Iterator[str]]

OF_EXCHANGES = "exchange-(?!exporter).*"
EXCEPTIONS: dict[str, dict[str, str]] = {
    "template-instance-rule": {
        OF_EXCHANGES: "all exporters see the same exchanges: panels show what they see as one",
    },
    "target-instance-rule": {
        rf"{OF_EXCHANGES} / .* / \w+": "the boards have no instances, see template-instance-rule",
        r".* / \w+:[\w:]+": "recorded series have no instance: rules aggregate over exporters",
    },
}
"""Rule -> pattern of places (board, panel, metric) -> why they are not what it demands."""


def data_source_is_variable(board: Board, _: Path) -> Iterator[str]:
    """There is exactly one, with the usual name and label."""
    found = [it for it in variables(board) if it["type"] == "datasource"]
    if [(it["name"], it["label"]) for it in found] != [("datasource", "Data source")]:
        yield board["uid"]


def has_variable(name: str) -> Rule:
    """It can have several values, all if none is chosen, and is asked of the data source."""
    wanted = {
        "type": "query",
        "label": name.title(),
        "multi": True,
        "allValue": ".+",
        "datasource": DATASOURCE,
    }

    def rule(board: Board, _: Path) -> Iterator[str]:
        found = {it["name"]: it for it in variables(board)}.get(name, {})
        if not wanted.items() <= found.items():
            yield board["uid"]

    return rule


def queries_of_variables_parse(board: Board, folder: Path) -> Iterator[str]:
    """They are a selector in one of the functions that Grafana knows."""
    selectors = {}
    for it in queried(board):
        place = f"{board['uid']} / {it['name']}"
        match = re.fullmatch(r"label_values\((.+), \w+\)", it["query"]["query"])
        if match:
            selectors[place] = match[1]
        else:
            yield place
    yield from unparsed(selectors, folder)


def variables_follow_the_time(board: Board, _: Path) -> Iterator[str]:
    """They are asked for again when the time range changes."""
    yield from (f"{board['uid']} / {it['name']}" for it in queried(board) if it["refresh"] != 2)


def of_panels(holds: Callable[[Board], bool]) -> Rule:
    """A rule of single panels."""

    def rule(board: Board, _: Path) -> Iterator[str]:
        yield from (f"{board['uid']} / {it['title']}" for it in panels(board) if not holds(it))

    return rule


def has_unit(panel: Board) -> bool:
    """One that Grafana knows, unless values have texts."""
    defaults = panel["fieldConfig"]["defaults"]
    texts = any(it["type"] == "value" for it in defaults["mappings"])
    return texts or defaults["unit"] in UNITS


def keeps_its_states(panel: Board) -> bool:
    """Grafana merges the values of a timeline that are in the same threshold, mappings or not."""
    color = panel["fieldConfig"]["defaults"]["color"]
    return bool(panel["type"] != "state-timeline" or color["mode"] == "fixed")


def tells_nothing_from_a_state(panel: Board) -> bool:
    """Without a colour of its own, "No data" has that of the lowest threshold."""
    mappings = panel["fieldConfig"]["defaults"]["mappings"]
    special = [it["options"]["match"] for it in mappings if it["type"] == "special"]
    return panel["type"] not in ("stat", "bargauge") or special == ["null+nan"]


def cells_have_their_own_nothing(panel: Board) -> bool:
    """Grafana writes a table's text for no rows into every cell without a value, too."""
    cells = {
        (it["matcher"]["id"], it["matcher"]["options"], one["id"])
        for it in panel["fieldConfig"]["overrides"]
        for one in it["properties"]
    }
    return panel["type"] != "table" or ("byType", "string", "noValue") in cells


def expressions_parse(board: Board, folder: Path) -> Iterator[str]:
    """As PromQL."""
    queries = {f"{place} / {expr}": expr for place, expr in targets(board)}
    yield from unparsed(queries, folder)


def rates_have_their_interval(board: Board, _: Path) -> Iterator[str]:
    """Which fits to how often is scraped and how far apart points are drawn."""
    for place, expr in targets(board):
        windows = re.findall(r"\bi?rate\([^\[\]]*\[([^\]]+)\]", expr)
        yield from (f"{place} / {window}" for window in windows if window != "$__rate_interval")


def selects(label: str) -> Rule:
    """Every selector has the variable of this name."""

    def rule(board: Board, _: Path) -> Iterator[str]:
        for place, expr in targets(board):
            for name, matchers in selectors_in(expr):
                if f'{label}=~"${label}"' not in matchers:
                    yield f"{place} / {name}"

    return rule


def counters_are_rated(board: Board, _: Path) -> Iterator[str]:
    """Or increased, over a range."""
    rated = r"\b(?:rate|irate|increase)\(\w+_total(?:\{[^{}]*\})?\["
    for place, expr in targets(board):
        names = re.findall(r"\w+_total\b", re.sub(rated, "", expr))
        yield from (f"{place} / {name}" for name in names)


def is_not_editable(board: Board, _: Path) -> Iterator[str]:
    """Changes belong into the builder."""
    if board["editable"]:
        yield board["uid"]


RULES: dict[str, Rule] = {
    "template-datasource-rule": data_source_is_variable,
    "template-instance-rule": has_variable("instance"),
    "template-label-promql-rule": queries_of_variables_parse,
    "template-on-time-change-reload-rule": variables_follow_the_time,
    "panel-datasource-rule": of_panels(lambda panel: bool(panel["datasource"] == DATASOURCE)),
    "panel-title-description-rule": of_panels(lambda it: bool(it["title"] and it["description"])),
    "panel-units-rule": of_panels(has_unit),
    "panel-no-targets-rule": of_panels(lambda panel: bool(panel["targets"])),
    "timelines keep their states": of_panels(keeps_its_states),
    "nothing is no state": of_panels(tells_nothing_from_a_state),
    "an empty cell is no empty table": of_panels(cells_have_their_own_nothing),
    "target-promql-rule": expressions_parse,
    "target-rate-interval-rule": rates_have_their_interval,
    "target-instance-rule": selects("instance"),
    "target-counter-agg-rule": counters_are_rated,
    "uneditable-dashboard": is_not_editable,
}

VARIABLE, PANEL = ("templating", "list"), ("panels", 1)
EXPR = (*PANEL, "targets", 0, "expr")
FAILURES = 'exchange_probe_failures_total{exchange=~"$exchange"}'
WRONG = {
    "title": "wrong",
    "fieldConfig": {"defaults": {"color": {"mode": "thresholds"}, "mappings": []}, "overrides": []},
}
VIOLATIONS: dict[str, tuple[Place, Any]] = {
    "template-datasource-rule": ((*VARIABLE, 0, "label"), "Prometheus"),
    "template-instance-rule": ((*VARIABLE, 1, "multi"), False),
    "template-label-promql-rule": ((*VARIABLE, 1, "query", "query"), "label_values(up{, job)"),
    "template-on-time-change-reload-rule": ((*VARIABLE, 1, "refresh"), 1),
    "panel-datasource-rule": ((*PANEL, "datasource"), {"type": "prometheus", "uid": "mine"}),
    "panel-title-description-rule": ((*PANEL, "description"), ""),
    "panel-units-rule": ((*PANEL, "fieldConfig", "defaults"), {"mappings": [], "unit": "apples"}),
    "panel-no-targets-rule": ((*PANEL, "targets"), []),
    "timelines keep their states": (PANEL, {**WRONG, "type": "state-timeline"}),
    "nothing is no state": (PANEL, {**WRONG, "type": "stat"}),
    "an empty cell is no empty table": (PANEL, {**WRONG, "type": "table"}),
    "target-promql-rule": (EXPR, "sum(up"),
    "target-rate-interval-rule": (EXPR, f"rate({FAILURES}[5m])"),
    "target-instance-rule": (EXPR, "exchange_exporter_targets"),
    "target-counter-agg-rule": (EXPR, f"max({FAILURES})"),
    "uneditable-dashboard": (("editable",), True),
}


@pytest.mark.parametrize("rule", RULES)
def test_boards_keep_the_rule(rule: str, tmp_path: Path) -> None:
    """But for the exceptions, all of which there are."""
    found = [place for board in boards().values() for place in RULES[rule](board, tmp_path)]
    exceptions = EXCEPTIONS.get(rule, {})
    excepted = {place: [it for it in exceptions if re.fullmatch(it, place)] for place in found}
    assert [place for place, why in excepted.items() if not why] == []
    assert set().union(*excepted.values()) == set(exceptions)


@pytest.mark.parametrize("rule", RULES)
def test_a_violation_is_found(rule: str, tmp_path: Path) -> None:
    """Beside those that there may be."""
    board = boards()["exchange-exporter" if "instance" in rule else "exchange-detail"]
    found = [*RULES[rule](changed(board, *VIOLATIONS[rule]), tmp_path)]
    assert set(found) - set(RULES[rule](board, tmp_path))


def variables(board: Board) -> list[dict[str, Any]]:
    """Of a board."""
    found: list[dict[str, Any]] = board["templating"]["list"]
    return found


def queried(board: Board) -> list[dict[str, Any]]:
    """The variables whose values come from the data source."""
    return [it for it in variables(board) if it["type"] == "query"]


def targets(board: Board) -> Iterator[tuple[str, str]]:
    """(place, expression) of all queries."""
    for panel in panels(board):
        for target in panel["targets"]:
            yield f"{board['uid']} / {panel['title']}", target["expr"]


def selectors_in(expr: str) -> Iterator[tuple[str, str]]:
    """(metric, matchers) of all selectors."""
    for name, matchers in re.findall(r"([A-Za-z_:][\w:]*)(\{[^{}]*\})?", expr):
        if name in names_in(expr):
            yield name, matchers


def unparsed(expressions: dict[str, str], folder: Path) -> list[str]:
    """The places whose expressions promtool does not take."""
    groups = [
        {"name": str(number), "rules": [{"record": "parsed", "expr": filled(expr)}]}
        for number, expr in enumerate(expressions.values())
    ]
    file = folder / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": groups}), encoding="utf-8")
    command = ["promtool", "check", "rules", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = [it for n, it in enumerate(expressions) if f'group "{n}", rule 1,' in done.stderr]
    assert bool(found) is bool(done.returncode)
    return found
