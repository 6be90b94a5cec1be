"""Panels that need hours of history show something when they have it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.bundle.dashboards import SHOWS_LATER, boards, expressions, filled, shows_later
from tests.bundle.rules import RULES

DAYS = "10+1x11 21-1x11 " * 3 + "10+1x3 200 15+1x7"
"""Three days, hour by hour, and a spike on the fourth."""


def promtool(folder: Path, rules: list[str], step: str, test: dict[str, Any]) -> str:
    """What promtool says of a test with these files of recording rules; empty if it passes."""
    document = {
        "rule_files": [str(RULES / "recording" / name) for name in rules],
        "evaluation_interval": step,
        "tests": [{"interval": step, **test}],
    }
    file = folder / "later.test.yml"
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    command = ["promtool", "test", "rules", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def asked(anomalies: bool) -> list[tuple[str, tuple[str, ...]]]:
    """Expressions and the labels that their legends name, of panels and variables."""
    found = {
        (expr, tuple(re.findall(r"\{\{(\w+)\}\}", legend))) for _, _, expr, legend in expressions()
    }
    for board in boards().values():
        for variable in board["templating"]["list"][1:]:
            match = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"])
            assert match
            found.add((filled(match[1]), (match[2],)))
    return sorted(
        row for row in found if shows_later(row[0]) and ("anomaly" in row[0]) is anomalies
    )


def case(expr: str, labels: tuple[str, ...], at: str) -> dict[str, Any]:
    """There is a series, and one that has every label."""
    for label in labels:
        expr = f'label_replace({expr}, "{label}", "yes", "{label}", ".+")'
    by = f"max by ({', '.join(labels)}) (group without (le) ({expr}))"
    found = ",".join(f'{label}="yes"' for label in labels)
    return {"expr": by, "eval_time": at, "exp_samples": [{"labels": f"{{{found}}}", "value": 1}]}


def test_anomalies_show_after_days(tmp_path: Path) -> None:
    """During a spike on the fourth day."""
    labels = 'signal="price_divergence",area="data",direction="both",season="none"'
    series = f'anomaly:input{{{labels},exchange="okx",pair="BTC-USDT"}}'
    rows = asked(anomalies=True)
    assert len(rows) >= 6
    test = {
        "input_series": [{"series": series, "values": DAYS}],
        "promql_expr_test": [case(*row, "76h") for row in rows],
    }
    assert promtool(tmp_path, ["thresholds.yml", "anomaly.yml"], "1h", test) == ""


def test_budgets_and_predictions_show_after_an_hour(tmp_path: Path) -> None:
    """While one of four probes fails and a limit fills."""
    target = 'exchange="okx",endpoint="depth",pair="BTC-USDT"'
    series = {
        f"exchange_probe_interval_seconds{{{target}}}": "15x90",
        f"probe_success{{{target}}}": "1x90",
        f"probe_ssl_earliest_cert_expiry{{{target}}}": "1000000x90",
        f"exchange_probes_total{{{target}}}": "0+4x90",
        f'exchange_probe_failures_total{{{target},reason="timeout"}}': "0+1x90",
        f'exchange_api_latency_seconds_bucket{{{target},le="0.5"}}': "0+2x90",
        f'exchange_api_latency_seconds_bucket{{{target},le="+Inf"}}': "0+3x90",
        'exchange_rate_limit_used_ratio{exchange="okx",limit="weight_1m"}': "0.1+0.005x90",
    }
    rows = asked(anomalies=False)
    assert len(rows) >= 3
    test = {
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [case(*row, "85m") for row in rows],
    }
    files = ["thresholds.yml", "base.yml", "status.yml", "limits.yml", "slo.yml"]
    assert promtool(tmp_path, files, "1m", test) == ""


@pytest.mark.parametrize("part", SHOWS_LATER)
def test_only_what_is_asked_is_excused(part: str) -> None:
    """An entry that excuses nothing is old."""
    assert any(part in expr for _, _, expr, _ in expressions())
