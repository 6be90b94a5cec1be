"""The right alert for the right exchange, in time, over when the trouble is, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.bundle.rules import RULES, alerts
from tests.e2e.processes import until
from tests.e2e.rehearsal import FACTOR, Rehearsal, rehearsal
from tests.e2e.scaled_rules import milliseconds

MATRIX = yaml.safe_load((RULES / "tests" / "alert_matrix.yml").read_text(encoding="utf-8"))
ROUNDS: list[dict[str, Any]] = MATRIX["rounds"]
LATE = 6.0
"""Seconds by which a busy machine, a scrape and an evaluation may delay what is timed."""


def seconds(duration: str) -> float:
    """How long a duration of the matrix takes here."""
    return milliseconds(duration) / 1000 / FACTOR


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    with rehearsal(tmp_path_factory.mktemp("rehearsal")) as running:
        yield running


@pytest.mark.parametrize("scene", ROUNDS, ids=lambda scene: str(scene["about"]))
def test_alerts_tell_what_is_wrong(stage: Rehearsal, scene: dict[str, Any]) -> None:
    """One round of the matrix."""
    until(stage.calm, "it is not calm before the faults", 90)
    began = time.time()
    stage.set_faults(
        [
            {"exchange": exchange, **fault}
            for exchange, row in scene["exchanges"].items()
            for fault in row["faults"]
        ]
    )
    time.sleep(seconds(scene["hold"]))
    during = stage.firing()
    stage.set_faults([])
    end = time.monotonic() + seconds(scene["clear"]) + LATE
    while stage.firing() and time.monotonic() < end:
        time.sleep(0.2)
    assert stage.firing() == set(), "alerts go on when the trouble is over"
    fired = stage.fired_since(began)
    expected = {
        (alert, exchange): seconds(within)
        for exchange, row in scene["exchanges"].items()
        for alert, within in row["alerts"].items()
    }
    late = {
        key: round(fired[key] - began, 1) if key in fired else "never"
        for key, within in expected.items()
        if key not in fired or fired[key] - began > within + LATE
    }
    assert late == {}
    assert expected.keys() <= during, "over before the trouble was"
    assert {key for key in fired if key not in expected and not may(scene, *key)} == set()


def may(scene: dict[str, Any], alert: str, exchange: str) -> bool:
    """Whether the matrix allows an alert that it does not demand."""
    rows = (scene["exchanges"].get(name, {}) for name in (exchange, "*"))
    return any(alert in row.get("may", ()) for row in rows)


def test_the_matrix_names_alerts_that_exist() -> None:
    """And nothing is timed later than its round lasts."""
    known = {alert.name for alert in alerts()}
    for scene in ROUNDS:
        for row in scene["exchanges"].values():
            assert {*row["alerts"], *row.get("may", ())} <= known
            assert all(seconds(it) <= seconds(scene["hold"]) for it in row["alerts"].values())
