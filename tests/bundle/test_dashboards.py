"""What Grafana would refuse or show badly, without Grafana."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.metrics import FAMILIES
from exporter.receiver.metrics import FAMILIES as RECEIVER
from tests.bundle.dashboards import DATASOURCE, FOLDER, boards, expressions, panels
from tests.bundle.rules import alerts, names_in, recordings

KNOWN = (
    {series for family in (*FAMILIES, *RECEIVER) for series in family.series}
    | {rule.name for rule in recordings()}
    | {
        "up",
        "ALERTS",
        "ALERTS_FOR_STATE",
        "alertmanager_notifications_failed_total",
        "process_resident_memory_bytes",
        "process_cpu_seconds_total",
    }
)
UNITED = {"stat", "timeseries", "bargauge", "heatmap", "table", "state-timeline"}

NAME = re.compile(r"[A-Za-z_:][\w:]*")

every_board = pytest.mark.parametrize("board", boards().values(), ids=lambda board: board["uid"])


def test_the_files_are_what_the_builder_writes() -> None:
    """Change dashboards/builder and run python -m dashboards.build."""
    command = [sys.executable, "-m", "dashboards.build", "--check"]
    assert subprocess.run(command, check=False).returncode == 0


@every_board
def test_a_board_can_be_imported_anywhere(board: dict[str, Any]) -> None:
    """By hand and from a file: a data source variable, no inputs, nothing of one installation."""
    assert board["id"] is None
    assert "__inputs" not in board
    assert board["schemaVersion"] <= 38
    assert board["tags"] == ["exchange-exporter"]
    first, *rest = board["templating"]["list"]
    assert (first["type"], first["name"], first["label"]) == (
        "datasource", "datasource", "Data source",
    )  # fmt: skip
    for variable in rest:
        assert variable["multi"]
        assert variable["includeAll"]
        assert variable["allValue"] in (".+", ".*")
    for thing in [*rest, *panels(board), *board["annotations"]["list"]]:
        assert thing["datasource"] == DATASOURCE


@every_board
def test_every_panel_says_what_it_shows(board: dict[str, Any]) -> None:
    """In a description that says something, and in legends."""
    for panel in panels(board):
        assert len(panel["description"]) > 15
        assert panel["type"] in UNITED
        assert [target["refId"] for target in panel["targets"]] == [
            *itertools.islice("ABCDEF", len(panel["targets"]))
        ]
        for target in panel["targets"]:
            assert target["legendFormat"] or target["format"] == "table"


@every_board
def test_ids_are_unique_and_panels_do_not_overlap(board: dict[str, Any]) -> None:
    """On a grid of 24 columns."""
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells


def test_uids_and_titles_are_unique() -> None:
    """All files are boards of their own."""
    assert len(boards()) == len(list(FOLDER.glob("*.json")))
    assert len({board["title"] for board in boards().values()}) == len(boards())


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert.name)
def test_links_of_alerts_lead_to_a_board(alert: Any) -> None:
    """With variables that it has."""
    match = re.search(r"/d/([\w-]+)(?:\?(.*))?$", alert.annotations["dashboard_url"])
    assert match
    board = boards()[match[1]]
    names = {variable["name"] for variable in board["templating"]["list"]}
    assert set(re.findall(r"var-(\w+)=", match[2] or "")) <= names


@every_board
def test_links_of_panels_lead_to_a_board(board: dict[str, Any]) -> None:
    """And keep the time and the data source; or to a runbook."""
    for panel in panels(board):
        for link in links(panel):
            if "runbooks" in link["url"]:
                assert link["url"] == "${__data.fields.runbooks:raw}/${__value.raw}.md"
                assert "group_left (runbooks) bundle:links" in panel["targets"][0]["expr"]
                continue
            match = re.match(r"/d/([\w-]+)\?", link["url"])
            assert match
            assert match[1] in boards()
            assert "${__url_time_range}" in link["url"]
            assert "${datasource:queryparam}" in link["url"]
            names = {it["name"] for it in boards()[match[1]]["templating"]["list"]}
            assert set(re.findall(r"var-(\w+)=", link["url"])) <= names


def links(panel: dict[str, Any]) -> list[dict[str, Any]]:
    """Of all fields of a panel, and of single ones."""
    config = panel["fieldConfig"]
    found = list(config["defaults"].get("links", ()))
    for override in config["overrides"]:
        found += [
            link for it in override["properties"] if it["id"] == "links" for link in it["value"]
        ]
    return found


@pytest.mark.parametrize("uid", ["exchange-overview", "exchange-alerts"])
def test_a_table_of_alerts_leads_on(uid: str) -> None:
    """To the exchange, and to what is to be done."""
    table = next(
        it for it in panels(boards()[uid]) if "ALERTS_FOR_STATE" in it["targets"][0]["expr"]
    )
    assert len(links(table)) == 2


@every_board
def test_every_panel_says_what_is_normal(board: dict[str, Any]) -> None:
    """A number alone frightens, or does not where it should."""
    missing = [it["title"] for it in panels(board) if "ormal" not in it["description"]]
    assert missing == []


@every_board
def test_marks_are_of_the_chosen_exchange(board: dict[str, Any]) -> None:
    """Or of none: those concern all."""
    chosen = "exchange" in {it["name"] for it in board["templating"]["list"]}
    (marks,) = board["annotations"]["list"]
    assert ('exchange=~"$exchange|"' in marks["expr"]) is chosen


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert.name)
def test_the_board_of_an_alert_shows_its_cause(alert: Any) -> None:
    """What the alert looks at first, or what that is made of."""
    match = re.search(r"/d/([\w-]+)", alert.annotations["dashboard_url"])
    assert match
    shown = {
        made
        for panel in panels(boards()[match[1]])
        for target in panel["targets"]
        for name in names_in(target["expr"])
        for made in sources(name)
    }
    if alert.name == "ExchangeBanned":  # looks at the last answer, where boards count the answers
        assert "exchange_probe_failures_total" in shown
        return
    looked_at = [it for it in NAME.findall(alert.expr) if it in names_in(alert.expr)]
    assert not looked_at or sources(looked_at[0]) & shown


def sources(name: str) -> set[str]:
    """A series and all that it is recorded from."""
    found, new = set[str](), {name}
    while new:
        found |= new
        exprs = [rule.expr for rule in recordings() if rule.name in new]
        new = set().union(*map(names_in, exprs)) - found
    return {it for it in found if not it.startswith("threshold:")}


@every_board
def test_a_board_leads_back_to_all_exchanges(board: dict[str, Any]) -> None:
    """The overview is not filtered by what was looked at."""
    home = board["links"][0]
    assert home["url"] == "/d/exchange-overview?${datasource:queryparam}"
    assert (home["keepTime"], home["includeVars"]) == (True, False)


def test_severities_have_the_same_colours_everywhere() -> None:
    """What pages is not drawn as what can wait."""
    severities = {"emergency", "critical", "warning", "info"}
    found = set[tuple[str, str]]()
    for board in boards().values():
        for text, color in re.findall(r'"text": "(\w+)", "color": "(#\w+)"', json.dumps(board)):
            found |= {(text, color)} if text in severities else set()
    assert len(found) == len(severities)


def test_nothing_evaluated_is_not_no_alert() -> None:
    """Where the rules or the exporter are gone, the numbers do not say that all is well."""
    for uid, title in (("exchange-overview", "Alerts that fire"), ("exchange-alerts", "Firing")):
        (firing,) = (it for it in panels(boards()[uid]) if it["title"] == title)
        assert 'and on () ALERTS{alertname="ExchangeWatchdog"' in firing["targets"][0]["expr"]
        (nothing,) = firing["fieldConfig"]["defaults"]["mappings"]
        assert nothing["options"]["result"]["text"] == "not evaluated"
    for board in boards().values():
        for panel in panels(board):
            if "ALERTS" in panel["targets"][0]["expr"]:
                assert panel["fieldConfig"]["defaults"].get("noValue", "none seen") == "none seen"


def test_every_metric_is_declared_or_recorded() -> None:
    """In panels, variables and annotations."""
    for uid, panel, expr, _ in expressions():
        assert names_in(expr) <= KNOWN, (uid, panel)
    for uid, board in boards().items():
        for variable in board["templating"]["list"][1:]:
            inner = re.fullmatch(r"label_values\((.*), \w+\)", variable["query"]["query"])
            assert inner
            assert names_in(inner[1]) <= KNOWN, uid
        for annotation in board["annotations"]["list"]:
            assert names_in(annotation["expr"]) <= KNOWN


def test_alerts_of_others_are_not_shown() -> None:
    """Somebody who has this has other rules, too."""
    for uid, board in boards().items():
        exprs = [target["expr"] for panel in panels(board) for target in panel["targets"]]
        exprs += [annotation["expr"] for annotation in board["annotations"]["list"]]
        for matchers in re.findall(r"\bALERTS\b(\{[^}]*\})?", " ".join(exprs)):
            assert re.search(r'alertname=~?"Exchange', matchers), uid


def test_the_overview_is_light() -> None:
    """Fewer than 30 queries."""
    assert sum(len(panel["targets"]) for panel in panels(boards()["exchange-overview"])) < 30


def test_provisioning_names_what_is_there() -> None:
    """The data source and the folder of boards."""
    source = yaml.safe_load((FOLDER / "provisioning/datasources/prometheus.yml").read_text())
    assert source["datasources"][0]["type"] == "prometheus"
    provider = yaml.safe_load((FOLDER / "provisioning/dashboards/exchanges.yml").read_text())
    path = Path(provider["providers"][0]["options"]["path"])
    assert path == Path("/var/lib/grafana/dashboards")
