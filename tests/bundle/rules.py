"""The rule files as Python values, and what their expressions name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
RULES = ROOT / "rules"
RUNBOOKS = ROOT / "docs" / "runbooks"
FILES = sorted([*RULES.glob("recording/*.yml"), *RULES.glob("alerts/*.yml")])
TESTS = sorted(RULES.glob("tests/*.test.yml"))

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'')
_BRACES = re.compile(r"\{[^{}]*\}")
_RANGE = re.compile(r"\[[^\]]*\]|\boffset\s+\w+")
_LABELS = re.compile(
    r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^()]*\)", re.IGNORECASE
)
_NAME = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")
_WORDS = frozenset({"and", "or", "unless", "bool", "by", "without", "on", "ignoring"})
_NUMBER = re.compile(r"(?<![\w:.])\d+(?:\.\d+)?(?![\w:.])")
_QUERY = re.compile(r'(?:query|printf) "((?:[^"\\]|\\.)*:(?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Rule:
    """One rule. ``name`` is what it records or the alert that it raises."""

    file: str
    name: str
    expr: str
    alert: bool
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    timing: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.file}: {self.name}"


@cache
def rules() -> tuple[Rule, ...]:
    """Every rule of the bundle."""
    return tuple(rule for file in FILES for rule in _rules_of(file))


def alerts() -> tuple[Rule, ...]:
    """Every alert."""
    return tuple(rule for rule in rules() if rule.alert)


def recordings() -> tuple[Rule, ...]:
    """Every recording rule."""
    return tuple(rule for rule in rules() if not rule.alert)


def _rules_of(file: Path) -> Iterator[Rule]:
    for group in document(file)["groups"]:
        for rule in group["rules"]:
            yield Rule(
                file=str(file.relative_to(RULES)),
                name=rule.get("alert") or rule["record"],
                expr=rule["expr"],
                alert="alert" in rule,
                labels=rule.get("labels", {}),
                annotations=rule.get("annotations", {}),
                timing={key: rule[key] for key in ("for", "keep_firing_for") if key in rule},
            )


@cache
def document(file: Path) -> dict[str, Any]:
    """A YAML file."""
    loaded: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return loaded


def names_in(expr: str) -> set[str]:
    """The metrics that an expression reads."""
    bare = _LABELS.sub(" ", _RANGE.sub(" ", _BRACES.sub(" ", _STRING.sub('""', expr))))
    return {
        match[0]
        for match in _NAME.finditer(bare)
        if match[0] not in _WORDS and not _is_call(bare, match.end())
    }


def _is_call(expr: str, end: int) -> bool:
    return bool(re.match(r"\s*\(|\s+(?:by|without)\b", expr[end:]))


def functions_in(expr: str) -> set[str]:
    """The functions and aggregations that an expression calls."""
    bare = _LABELS.sub(" ", _STRING.sub('""', expr))
    return {m[0] for m in _NAME.finditer(bare) if _is_call(bare, m.end())} - _WORDS


def numbers_in(expr: str) -> list[float]:
    """The numbers that an expression compares or computes with, quantiles aside."""
    bare = _RANGE.sub(" ", _BRACES.sub(" ", _STRING.sub('""', expr)))
    bare = re.sub(r"quantile\w*(?:\s*by\s*\([^()]*\))?\s*\(\s*[\d.]+", "quantile(", bare)
    return [float(number) for number in _NUMBER.findall(bare)]


def queries_in(rule: Rule) -> set[str]:
    """The metrics that the templates of an alert query for its messages."""
    text = " ".join(rule.annotations.values())
    found = (query.replace("%q", '""') for query in _QUERY.findall(text))
    return {name for query in found for name in names_in(query.replace("\\", ""))}
