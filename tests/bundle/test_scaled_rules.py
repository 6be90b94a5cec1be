"""Dividing all durations of rules by a factor."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.bundle.rules import RULES
from tests.e2e.scaled_rules import scaled_document, scaled_expression, write_scaled


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("rate(a:b[5m])", "rate(a:b[20000ms])"),
        ("max_over_time(a[1h] offset 5m)", "max_over_time(a[240000ms] offset 20000ms)"),
        ("max_over_time((a > 1)[1d:15s])", "max_over_time((a > 1)[5760000ms:1000ms])"),
        ("a:rate5m > 15 * time()", "a:rate5m > 15 * time()"),
        ('a{window="1h"}', 'a{window="1h"}'),
        ("rate(a[1h30m])", "rate(a[360000ms])"),
    ],
)
def test_only_durations_change(expr: str, expected: str) -> None:
    """Names, labels and numbers stay."""
    assert scaled_expression(expr, 15) == expected


def test_timing_of_groups_and_alerts_is_scaled() -> None:
    """And constants that are ages."""
    rules = [
        {"alert": "A", "expr": "a", "for": "1m", "keep_firing_for": "30s"},
        {"record": "threshold:unchanged_seconds", "expr": "vector(60)"},
    ]
    document = scaled_document({"groups": [{"name": "g", "interval": "1m", "rules": rules}]}, 15)
    (group,) = document["groups"]
    assert group["interval"] == "4000ms"
    assert group["rules"][0] == {
        "alert": "A", "expr": "a", "for": "4000ms", "keep_firing_for": "2000ms",
    }  # fmt: skip
    assert group["rules"][1]["expr"] == "vector(60) / 15"


def test_scaled_rules_are_rules(tmp_path: Path) -> None:
    """All of the shipped ones."""
    write_scaled(RULES, tmp_path, 15)
    files = sorted(tmp_path.rglob("*.yml"))
    assert len(files) == len([*RULES.glob("recording/*.yml"), *RULES.glob("alerts/*.yml")])
    subprocess.run(["promtool", "check", "rules", *map(str, files)], check=True)
