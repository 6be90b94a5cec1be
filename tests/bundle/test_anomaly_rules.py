"""The contract of the anomaly rules: labels of the inputs, and constants of every feature."""

from __future__ import annotations

import re

import pytest

from tests.bundle.rules import Rule, recordings

INPUTS = [rule for rule in recordings() if rule.name == "anomaly:input"]
AREAS = {"availability", "latency", "limits", "data", "stream"}


def features(name: str) -> set[str]:
    """The label ``feature`` of the rules that record ``name``."""
    return {rule.labels["feature"] for rule in recordings() if rule.name == name}


@pytest.mark.parametrize("rule", INPUTS, ids=lambda rule: rule.labels["signal"])
def test_an_input_carries_the_labels_of_the_contract(rule: Rule) -> None:
    """With values that the rules know."""
    assert set(rule.labels) == {"signal", "area", "direction", "season"}
    assert rule.labels["area"] in AREAS
    assert rule.labels["direction"] in {"up", "down", "both"}
    assert rule.labels["season"] in {"daily", "none"}


def test_signals_are_told_apart() -> None:
    """Two inputs of one signal would be one series."""
    signals = [rule.labels["signal"] for rule in INPUTS]
    assert len(signals) == len(set(signals))


def test_every_feature_has_a_tolerance() -> None:
    """Without one it would be recorded and never scored."""
    assert features("anomaly:tolerance") == features("anomaly:feature")


def test_only_features_without_a_tail_are_left_out_of_the_tails() -> None:
    """Wherever the history is filtered."""
    tailless = features("anomaly:feature") - features("anomaly:tail_tolerance")
    excluded = {
        frozenset(match.split("|"))
        for rule in recordings()
        if rule.name.startswith("anomaly:feature:tail")
        for match in re.findall(r'feature!~"([^"]*)"', rule.expr)
    }
    assert excluded == {frozenset(tailless)}
