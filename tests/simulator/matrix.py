"""The verdict matrix: what is in verdicts.yml, and how one line of it is tried."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from exporter.core.plan import Plan

TABLE = Path(__file__).parent / "verdicts.yml"


@dataclass(frozen=True)
class Line:
    """One line of the table: a fault on one endpoint, and the verdict of the last of ``probes``.

    ``but`` names the exchanges whose verdict differs; ``none`` is one that cannot have the fault.
    ``probes`` counts those under the fault, ``pause`` seconds apart.
    """

    fault: str
    ask: str
    verdict: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    but: Mapping[str, str] = field(default_factory=dict)
    probes: int = 1
    pause: float = 60.0

    def __str__(self) -> str:
        shown = ",".join(f"{key}={value}" for key, value in self.parameters.items())
        return f"{self.fault}({shown})-{self.ask}"

    def expected(self, exchange: str) -> str:
        return self.but.get(exchange, self.verdict)

    def request(self, exchange: str) -> dict[str, Any]:
        return {"exchange": exchange, "fault": self.fault, **self.parameters}


@lru_cache(1)
def document() -> Mapping[str, Any]:
    """The parsed table."""
    parsed: Mapping[str, Any] = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return parsed


def lines(section: str) -> list[Line]:
    """All lines of one section."""
    return [_line(fault, row) for fault, rows in document()[section].items() for row in rows]


def _line(fault: str, row: Mapping[str, Any]) -> Line:
    row = dict(row)
    parameters = row.pop("with", {})
    return Line(fault=fault, parameters=parameters, **row)


def targets(plan: Plan, endpoint: str) -> dict[str, str]:
    """Exchange → the target of an endpoint, where it has one."""
    return {
        target.target.exchange: key
        for key, target in plan.targets.items()
        if target.target.endpoint == endpoint
    }


def cases(plan: Plan, section: str) -> Iterator[tuple[Line, str]]:
    """Every line with every exchange that has its endpoint and can have the fault."""
    for line in lines(section):
        for exchange in targets(plan, line.ask):
            if line.expected(exchange) != "none":
                yield line, exchange
