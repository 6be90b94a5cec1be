"""What Grafana would refuse or show badly, without Grafana."""

from __future__ import annotations

import itertools
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
        "process_resident_memory_bytes",
        "process_cpu_seconds_total",
    }
)
UNITED = {"stat", "timeseries", "bargauge", "heatmap", "table", "state-timeline"}

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
    """And keep the time, the data source and the job."""
    for panel in panels(board):
        for link in panel["fieldConfig"]["defaults"].get("links", ()):
            match = re.match(r"/d/([\w-]+)\?", link["url"])
            assert match
            assert match[1] in boards()
            assert "${__url_time_range}" in link["url"]
            assert "${datasource:queryparam}" in link["url"]
            assert "${job:queryparam}" in link["url"]
            assert "job" in {it["name"] for it in boards()[match[1]]["templating"]["list"]}


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
