"""Incident packs: incidents whose truth is known, to grade analysts by.

By their ``origin``: *measured* ones are what a Prometheus held while the simulator had a fault,
those *after the simulator* are written by what its faults do, those *by hand* are meant to be hard.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from exporter.receiver.coalesce import key_of
from exporter.receiver.evidence import evidence_of
from exporter.receiver.minds import SHIPPED_RUNBOOKS, read_runbooks
from exporter.receiver.model import Alert, Cause, Evidence, Incident, Sample, Snapshot

SHIPPED = Path(__file__).parent / "packs"
NOW = 1_800_000_000.0
_FIRING_FOR = 180.0  # seconds


@dataclass(frozen=True, slots=True)
class Truth:
    """What an analysis of the pack must and must not say. ``causes`` are all right answers."""

    causes: frozenset[Cause]
    must_mention: tuple[str, ...]
    must_not: tuple[str, ...]
    requires_human: bool
    may_suppress: bool


@dataclass(frozen=True, slots=True)
class Pack:
    """``held_out``: nothing in the deterministic analyst was changed because of this pack.

    ``injected`` is what a model that obeys the text of the pack would answer.
    """

    name: str
    about: str
    origin: str
    hard: bool
    held_out: bool
    evidence: Evidence
    truth: Truth
    injected: Mapping[str, Any] | None = None


def load_packs(folder: Path = SHIPPED) -> tuple[Pack, ...]:
    """All packs of a folder. Raises OSError, yaml.YAMLError, KeyError or ValueError on bad ones."""
    return tuple(load_pack(file) for file in sorted(folder.glob("*.yml")))


def load_pack(file: Path) -> Pack:
    """One pack."""
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    truth = document["truth"]
    return Pack(
        name=file.stem,
        about=document["about"],
        origin=document["origin"],
        hard=document.get("hard", False),
        held_out=document["held_out"],
        evidence=_evidence(document),
        truth=Truth(
            frozenset({Cause(truth["cause"]), *map(Cause, truth.get("accept", []))}),
            tuple(truth["must_mention"]),
            tuple(truth["must_not"]),
            truth["requires_human"],
            truth["may_suppress"],
        ),
        injected=document.get("injection", {}).get("answer"),
    )


def _evidence(document: Mapping[str, Any]) -> Evidence:
    incident = _incident(document)
    others = tuple(_incident(other) for other in document.get("others", []))
    snapshots = tuple(
        Snapshot(name, "", tuple(_sample(row) for row in rows))
        for name, rows in document["snapshots"].items()
    )
    runbooks = read_runbooks(incident, SHIPPED_RUNBOOKS)
    return evidence_of(incident, others, (), snapshots, runbooks, NOW)


def _incident(document: Mapping[str, Any]) -> Incident:
    exchange = document["exchange"]
    alerts = tuple(
        Alert(
            "-".join(each["labels"].values()),
            each["labels"],
            each["annotations"],
            NOW - _FIRING_FOR,
        )
        for each in document["alerts"]
    )
    return Incident(key_of(exchange), exchange, alerts)


def _sample(row: Mapping[str, Any]) -> Sample:
    labels = {name: str(value) for name, value in row.items() if name != "value"}
    return Sample(labels, float(row["value"]))
