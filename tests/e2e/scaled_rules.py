"""The shipped rules with every duration divided by one factor, so that minutes pass in seconds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

AGES = frozenset({"threshold:unchanged_seconds", "threshold:price_age_seconds"})
"""Recorded thresholds that are spans of time which pass. Latencies and lags are measured by the
clock on the wall in a rehearsal, too; all other spans are counted in probe intervals.
"""

_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_DURATION = r"(?:\d+(?:ms|[smhdw]))+"
_IN_EXPRESSION = re.compile(rf"(\[|:|\boffset\s+)({_DURATION})(?=\]|:|\s|$|\))")
_TIMING = ("for", "keep_firing_for", "interval")


def milliseconds(duration: str) -> int:
    """The length of a duration as Prometheus writes it."""
    parts = re.findall(r"(\d+)(ms|[smhdw])", duration)
    return sum(int(number) * _UNITS[unit] for number, unit in parts)


def scaled(duration: str, factor: float) -> str:
    """A duration of Prometheus, divided by the factor; whole milliseconds, at least one."""
    return f"{max(1, round(milliseconds(duration) / factor))}ms"


def scaled_expression(expr: str, factor: float) -> str:
    """Ranges, subqueries and offsets of an expression, divided by the factor."""
    return _IN_EXPRESSION.sub(lambda match: match[1] + scaled(match[2], factor), expr)


def scaled_document(document: dict[str, Any], factor: float) -> dict[str, Any]:
    """A rule file as a value, in which time passes so many times as fast."""
    return {"groups": [_group(group, factor) for group in document["groups"]]}


def _group(group: dict[str, Any], factor: float) -> dict[str, Any]:
    return {
        **_timed(group, factor),
        "rules": [_rule(_timed(rule, factor), factor) for rule in group["rules"]],
    }


def _timed(entry: dict[str, Any], factor: float) -> dict[str, Any]:
    return {
        key: scaled(str(value), factor) if key in _TIMING else value for key, value in entry.items()
    }


def _rule(rule: dict[str, Any], factor: float) -> dict[str, Any]:
    if rule.get("record") in AGES:
        return {**rule, "expr": f"{rule['expr']} / {factor}"}
    return {**rule, "expr": scaled_expression(rule["expr"], factor)}


def write_scaled(source: Path, target: Path, factor: float) -> None:
    """Scaled copies of all rule files of a folder, in the same subfolders."""
    for file in sorted([*source.glob("recording/*.yml"), *source.glob("alerts/*.yml")]):
        copy = target / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        text = yaml.safe_dump(scaled_document(document, factor), sort_keys=False, width=10_000)
        copy.write_text(text, encoding="utf-8")
