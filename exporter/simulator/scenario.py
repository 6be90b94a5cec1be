"""Scenarios: timelines of faults, read from YAML, and the story of one that is being played.

Playing needs nothing but the time: a scenario becomes faults that begin and end by themselves.
"""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exporter.config.document import Document, parse_document, read_document
from exporter.config.duration import seconds
from exporter.config.errors import ConfigError, Problem
from exporter.config.schema_check import schema_problems
from exporter.simulator.faults import (
    ActiveFault,
    Place,
    faults_at,
    problems_of,
    read_faults,
)

_TIMES = frozenset({"at", "for", "note"})


@dataclass(frozen=True, slots=True)
class Step:
    """One fault of a scenario: from ``at`` until ``end``, in seconds of the story. ``fault`` is the
    request for it; ``note`` tells people what happens."""

    at: float
    end: float
    fault: Mapping[str, Any]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Scenario:
    """``length`` in seconds; ``document`` is where it was read from."""

    name: str
    title: str
    about: str
    length: float
    steps: tuple[Step, ...]
    document: Document

    def problems(self, places: Mapping[str, Place]) -> Iterator[Problem]:
        """Everything that these places do not have or cannot do."""
        for n, step in enumerate(self.steps):
            for key, what in problems_of(dict(step.fault), places):
                yield self.document.problem(("steps", n, *([key] if key else [])), what)


@dataclass(frozen=True, slots=True)
class Story:
    """A scenario that is being played: ``began`` in unix seconds, ``speed`` times as fast."""

    scenario: Scenario
    began: float
    speed: float
    faults: tuple[ActiveFault, ...]

    @classmethod
    def begin(
        cls, scenario: Scenario, places: Mapping[str, Place], now: float, speed: float = 1.0
    ) -> Story:
        """Raises FaultError for what ``places`` do not have."""
        requests = [
            {**step.fault, "after": step.at / speed, "for": (step.end - step.at) / speed}
            for step in scenario.steps
        ]
        return cls(scenario, now, speed, read_faults(requests, places, now))

    def time(self, now: float) -> float:
        """Seconds of the story that have passed at ``now`` (unix seconds)."""
        return min(max((now - self.began) * self.speed, 0.0), self.scenario.length)

    def faults_at(self, time: float) -> tuple[ActiveFault, ...]:
        """The faults in force at ``time`` in seconds of the story."""
        return faults_at(self.faults, self.began + time / self.speed)


def shipped() -> tuple[str, ...]:
    """The names of the scenarios of this package."""
    entries = importlib.resources.files("exporter.simulator").joinpath("scenarios").iterdir()
    return tuple(sorted(e.name.removesuffix(".yml") for e in entries if e.name.endswith(".yml")))


def load_scenario(name: str) -> Scenario:
    """A shipped scenario by its name, or one from a file. Raises ConfigError."""
    if name in shipped():
        file = importlib.resources.files("exporter.simulator").joinpath(f"scenarios/{name}.yml")
        return read_scenario(parse_document(file.read_bytes(), f"scenarios/{name}.yml"), name)
    if not Path(name).is_file():
        what = f"no such file, nor a scenario that ships (known: {', '.join(shipped())})"
        raise ConfigError([Problem(name, 0, "", what)])
    return read_scenario(read_document(Path(name)), Path(name).stem)


def read_scenario(document: Document, name: str) -> Scenario:
    """A parsed scenario. Raises ConfigError where it departs from the schema."""
    problems = list(schema_problems(document, "scenario"))
    if problems:
        raise ConfigError(problems)
    data = document.data
    length = seconds(data["length"])
    steps = tuple(_step(step, length) for step in data.get("steps", ()))
    late = [n for n, step in enumerate(steps) if step.end > length or step.at >= length]
    if late:
        what = f"goes on after the end of the story ({length:g} s)"
        raise ConfigError(document.problem(("steps", n), what) for n in late)
    return Scenario(name, data["title"], " ".join(data["about"].split()), length, steps, document)


def _step(step: Mapping[str, Any], length: float) -> Step:
    at = seconds(step["at"])
    end = at + seconds(step["for"]) if "for" in step else length
    fault = {key: value for key, value in step.items() if key not in _TIMES}
    return Step(at, end, fault, step.get("note", ""))
