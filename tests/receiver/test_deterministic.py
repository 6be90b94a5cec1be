"""The analyst that needs no model."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.receiver.analysts import ANALYSTS
from exporter.receiver.analysts.deterministic import EXPLAINS, WORDING, Deterministic, analyse
from exporter.receiver.model import Alert, Cause, Evidence, Incident, Sample, Snapshot
from exporter.receiver.signs import SIGNS, findings
from tests.bundle.rules import alerts
from tests.receiver.incidents import NOW, evidence, firing

MAINTENANCE = firing("ExchangeMaintenance", severity="warning")


def other(name: str, exchange: str) -> Incident:
    """Another open incident."""
    return Incident(exchange, exchange, (firing(name, exchange),))


def test_one_exchange_down_is_an_outage() -> None:
    """With what was measured as evidence."""
    found = analyse(evidence())

    assert (found.cause, found.level, found.requires_human) == (Cause.OUTAGE, 3, True)
    assert found.summary == "okx gives no usable answer to most calls"
    assert "The ratio of its endpoints without an answer is 0.83" in found.evidence


def test_many_exchanges_down_is_us() -> None:
    """Three of three known ones; two can share a fate."""
    two = replace(evidence(), others=(other("ExchangeDown", "kraken"),))
    three = replace(two, others=(*two.others, other("ExchangeDown", "bybit")))

    assert analyse(two).cause is Cause.OUTAGE
    assert analyse(three).cause is Cause.OUR_NETWORK
    assert analyse(three).level == 4


def test_a_second_cause_is_named_and_costs_confidence() -> None:
    """And somebody has to look."""
    invalid = firing("ExchangeDataInvalid", area="data", endpoint="depth")
    used = firing("ExchangeRateLimitUsedByOthers", severity="warning", area="limits")
    one = analyse(evidence(invalid, status=[]))
    both = analyse(evidence(invalid, used, status=[]))

    assert both.cause is Cause.BAD_DATA
    assert both.summary.endswith("besides: rate_limit")
    assert both.confidence < one.confidence


def test_in_a_storm_a_cause_is_said_of_those_who_have_it() -> None:
    """Not of everybody who has some trouble."""
    storm = (
        firing("ExchangeBanned", "binance", severity="emergency", area="limits"),
        firing("ExchangeDataInvalid", "bybit", area="data", endpoint="depth"),
        firing("ExchangeLatencyHigh", "coinbase", severity="warning", area="latency"),
    )
    found = analyse(Evidence(Incident("storm", "", storm), NOW))
    assert found.cause is Cause.BAN
    assert found.summary == "binance has shut our address out; besides: bad_data, latency"


def test_announced_maintenance_may_be_muted() -> None:
    """It is the only thing that may."""
    found = analyse(evidence(MAINTENANCE, maintenance=[({"exchange": "okx"}, 1.0)]))
    assert (found.cause, found.suppress, found.requires_human) == (Cause.MAINTENANCE, True, False)


@pytest.mark.parametrize("severity", ["critical", "emergency"])
def test_a_severe_alert_keeps_maintenance_from_being_muted(severity: str) -> None:
    """Whatever the exchange announces."""
    found = analyse(evidence(MAINTENANCE, firing("ExchangeKeyRejected", severity=severity)))

    assert not found.suppress
    assert found.requires_human


def test_an_incident_that_is_not_all_known_is_not_muted() -> None:
    """Something worse may be among the rest."""
    known = evidence(MAINTENANCE)
    partial = replace(known, incident=replace(known.incident, complete=False))
    assert not analyse(partial).suppress


def test_texts_are_no_signs() -> None:
    """An exchange cannot talk the analyst into a cause."""
    calm = analyse(evidence())
    said = "banned, under maintenance, certificate expired, our network, suppress: true"
    assert analyse(evidence(firing(summary=said, description=said))) == calm


def test_nothing_known_is_unknown() -> None:
    """With low confidence, and a person is wanted."""
    found = analyse(evidence(firing("WithdrawalsPaused", severity="warning", area="x"), status=[]))

    assert (found.cause, found.requires_human) == (Cause.UNKNOWN, True)
    assert found.confidence < 0.5


def test_every_shipped_alert_has_a_cause() -> None:
    """Alone, with nothing measured; but for the one that always fires and those on the receiver."""
    areas = {"{{ $labels.area }}": "latency", "{{ $labels.slo }}": "availability"}
    unknown = []
    for rule in alerts():
        area = areas.get(rule.labels["area"], rule.labels["area"])
        if area != "receiver" and rule.name != "ExchangeWatchdog":
            one = firing(rule.name, severity=rule.labels["severity"], area=area)
            if analyse(evidence(one, status=[])).cause is Cause.UNKNOWN:
                unknown.append(rule.name)
    assert unknown == []


def test_every_cause_has_words_and_a_place_in_the_order() -> None:
    """Unknown comes last, by having no sign."""
    assert set(WORDING) == set(Cause)
    assert {cause for cause, _ in SIGNS} == set(Cause) - {Cause.UNKNOWN}
    assert set(EXPLAINS) <= set(Cause)


def test_the_table_has_the_analysts_of_the_configuration() -> None:
    """And the deterministic one answers at once."""
    assert set(ANALYSTS) == {"deterministic", "openai"}
    answer = asyncio.run(Deterministic().analyse(evidence(), NOW))
    assert (answer.analyst, answer.cost, answer.fallback) == ("deterministic", 0.0, "")


NAMES = [rule.name for rule in alerts()] + ["Mine", ""]
ALERT = st.builds(
    lambda name, severity, area, exchange: Alert(
        name + exchange,
        {"alertname": name, "severity": severity, "area": area, "exchange": exchange},
        {},
        NOW,
    ),
    st.sampled_from(NAMES),
    st.sampled_from(["info", "warning", "critical", "emergency", "odd"]),
    st.sampled_from(["availability", "latency", "limits", "data", ""]),
    st.sampled_from(["okx", "kraken", ""]),
)
SNAPSHOT = st.builds(
    lambda name, value: Snapshot(name, "", (Sample({"exchange": "okx"}, value),)),
    st.sampled_from(["maintenance", "offline_ratio", "unanswered_ratio", "our_clock_skew"]),
    st.floats(allow_nan=False, allow_infinity=False),
)


@given(st.lists(ALERT, min_size=1, max_size=5), st.lists(SNAPSHOT, max_size=4))
def test_any_evidence_has_a_safe_analysis(found: list[Alert], taken: list[Snapshot]) -> None:
    """Within all bounds; nothing severe is ever muted or left without a person."""
    known = Evidence(Incident("k", "okx", tuple(found)), NOW, tuple(taken))
    analysis = analyse(known)
    severe = known.incident.severity in ("critical", "emergency")

    assert 1 <= analysis.level <= 5
    assert 0 < analysis.confidence <= 1
    assert analysis.cause in {*findings(known), Cause.UNKNOWN}
    assert analysis.requires_human or not severe
    assert not (analysis.suppress and (severe or analysis.cause is not Cause.MAINTENANCE))
