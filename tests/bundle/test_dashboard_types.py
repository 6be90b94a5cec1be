"""The dashboards against the types of Grafana: every option is known and has a value it takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.bundle.changed import Place, changed
from tests.bundle.dashboards import boards
from tests.bundle.node import PACKAGES, type_errors, write
from tests.bundle.rules import ROOT, document

TYPES = Path(__file__).with_name("dashboard.mts").read_text(encoding="utf-8")

FIELD = ("fieldConfig", "defaults")
WRONG: dict[str, tuple[str, Place, Any]] = {
    "type of a unit": ("stat", (*FIELD, "unit"), 5),
    "value of an enum": ("bargauge", ("options", "orientation"), "diagonal"),
    "option": ("timeseries", ("options", "legends"), {}),
    "option of another panel": ("stat", ("options", "cellHeight"), "sm"),
    "option inside of one": ("heatmap", ("options", "tooltip", "show"), True),
    "field option": ("timeseries", (*FIELD, "custom", "lineWidht"), 1),
    "field option where there are none": ("stat", (*FIELD, "custom", "lineWidth"), 1),
    "colour mode": ("timeseries", (*FIELD, "color", "mode"), "rainbow"),
    "kind of mapping": ("stat", (*FIELD, "mappings"), [{"type": "values", "options": {}}]),
    "threshold": ("stat", (*FIELD, "thresholds", "steps", 0, "value"), "high"),
    "override": (
        "table",
        ("fieldConfig", "overrides"),
        [
            {
                "matcher": {"id": "byName", "options": "exchange"},
                "properties": [{"id": "custom.widht", "value": 100}],
            }
        ],
    ),
    "format of a query": ("table", ("targets", 0, "format"), "csv"),
    "panel": ("timeseries", ("type",), "graph"),
}
"""What is wrong -> the panel's type, where in the panel, and the wrong value."""


def test_every_board_has_the_type_of_a_dashboard(tmp_path: Path) -> None:
    """With panels of the types that the panels of Grafana have."""
    sources = {uid: typed(board) for uid, board in boards().items()}
    assert not type_errors(*write(tmp_path, {"dashboard": TYPES, **sources}))


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_value_is_an_error(wrong: str, tmp_path: Path) -> None:
    """And the only one."""
    kind, place, value = WRONG[wrong]
    board, number = board_with(kind)
    source = typed(changed(board, ("panels", number, *place), value))
    assert len(type_errors(*write(tmp_path, {"dashboard": TYPES, "board": source}))) == 1


def test_the_types_are_those_of_the_grafana_that_compose_runs() -> None:
    """Of the same version."""
    package = json.loads((PACKAGES / "@grafana" / "schema" / "package.json").read_text())
    grafana = document(ROOT / "docker-compose.yml")["services"]["grafana"]
    assert grafana["image"] == f"grafana/grafana:{package['version']}"


def typed(board: dict[str, Any]) -> str:
    """A module that says that ``board`` is one."""
    imported = 'import type { Board } from "./dashboard.mts";\n'
    return f"{imported}export const board: Board = {json.dumps(board, indent=1)};\n"


def board_with(kind: str) -> tuple[dict[str, Any], int]:
    """A board that has a panel of that type, and the panel's number."""
    return next(
        (board, number)
        for board in boards().values()
        for number, panel in enumerate(board["panels"])
        if panel["type"] == kind
    )
