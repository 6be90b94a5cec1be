"""When alerts may be muted. Each condition alone forbids it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from exporter.receiver.model import Analysis, Answer, Cause, Incident
from exporter.receiver.settings import Suppression
from exporter.receiver.suppress import decide, silence, ttl
from tests.receiver.running import alert

HARMLESS = alert("ExchangeSpreadWide", severity="warning", auto_suppress="allowed", area="data")
OTHER = dataclasses.replace(HARMLESS, labels={**HARMLESS.labels, "area": "latency"})


def said(suppress: bool = True, requires_human: bool = False) -> Answer:
    """An answer with a proposal."""
    analysis = Analysis(Cause.MAINTENANCE, "", "", "", 1, requires_human, 0.9, (), suppress)
    return Answer(analysis, "x")


def judged(**changes: Any) -> str:
    """The reason of a decision."""
    found: dict[str, Any] = {
        "incident": Incident("k", "okx", (HARMLESS,)),
        "answer": said(),
        "second": said(),
        "active": 0,
        "before": False,
        "settings": Suppression("inhibit"),
    }
    decision = decide(**{**found, **changes})
    return decision.reason if decision else "none"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "suppressed"),
        ({"settings": Suppression("off")}, "none"),
        ({"answer": said(suppress=False)}, "none"),
        ({"second": said(suppress=False)}, "not_corroborated"),
        ({"answer": said(requires_human=True)}, "requires_human"),
        ({"second": said(requires_human=True)}, "requires_human"),
        ({"active": 5}, "too_many"),
        ({"before": True}, "once_only"),
        ({"incident": Incident("k", "", (HARMLESS,))}, "no_exchange"),
        ({"incident": Incident("k", "okx", (HARMLESS,), False)}, "incomplete"),
        ({"incident": Incident("k", "okx", (HARMLESS, alert()))}, "severe"),
        ({"incident": Incident("k", "okx", (alert("E", severity="emergency"),))}, "severe"),
        (
            {"incident": Incident("k", "okx", (alert("W", severity="warning"),))},
            "not_allowed_by_rule",
        ),
        ({"incident": Incident("k", "okx", (HARMLESS, OTHER)), "active": 4}, "too_many"),
    ],
    ids=lambda value: value if isinstance(value, str) else ", ".join(value) or "all is well",
)
def test_a_proposal_is_followed_only_if_nothing_speaks_against_it(
    changes: dict[str, Any], reason: str
) -> None:
    """The model decides nothing."""
    assert judged(**changes) == reason


def test_an_unknown_severity_is_never_muted() -> None:
    """It might be a critical one in other words."""
    strange = alert("E", severity="catastrophic", auto_suppress="allowed")
    assert judged(incident=Incident("k", "okx", (strange,))) == "not_allowed_by_rule"


def test_no_configuration_mutes_for_longer_than_half_an_hour() -> None:
    """Whatever it says."""
    assert ttl(Suppression(ttl=1e9)) == 1800.0
    assert ttl(Suppression(ttl=60.0)) == 60.0


def test_a_silence_has_no_matcher_that_matches_more_than_the_alert() -> None:
    """No regular expression, no negation, no empty value."""
    found = silence(HARMLESS, "a", "b", "c")
    matchers: Any = found["matchers"]
    assert {m["name"] for m in matchers} == set(HARMLESS.labels)
    assert all(m["isEqual"] and not m["isRegex"] and m["value"] for m in matchers)
