"""From what a model wrote to an analysis: whatever it wrote."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.receiver import prompt
from exporter.receiver.answer import extract, judge
from exporter.receiver.grounding import ground_of, strangers
from exporter.receiver.model import Cause
from exporter.receiver.outcome import Outcome
from tests.receiver.incidents import evidence, firing, said, said_text

PROMPT = prompt.build(evidence())

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(st.text(max_size=400))
def test_any_text_is_judged(text: str) -> None:
    """And is no analysis by chance."""
    assert judge(text, PROMPT).analysis is None


@settings(max_examples=150)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(said(), JSON)))
def test_any_fields_are_judged(changes: dict[str, Any]) -> None:
    """What is let through keeps all bounds, for each field may be anything."""
    judged = judge(json.dumps({**said(), **changes}), PROMPT)

    if judged.analysis is None:
        assert judged.outcome is not Outcome.OK
        return
    found = judged.analysis
    assert isinstance(found.cause, Cause)
    assert 1 <= found.level <= 5
    assert 0 <= found.confidence <= 1
    assert isinstance(found.requires_human, bool)
    assert isinstance(found.suppress, bool)
    for text in (found.summary, found.impact, found.action, *found.evidence):
        assert len(text) <= 300
        assert "://" not in text
        assert text == "" or text.isprintable()


@given(st.text(max_size=60), st.text(max_size=60))
def test_an_answer_is_found_in_any_prose(before: str, after: str) -> None:
    """Unless the prose has an object with a cause of its own."""
    found = extract(f"{before}\n{said_text()}\n{after}")
    assert found is None or found == said()


@given(st.data())
def test_half_an_answer_is_none(data: st.DataObject) -> None:
    """Wherever it is cut off."""
    text = said_text()
    cut = data.draw(st.integers(0, len(text) - 1))
    assert judge(text[:cut], PROMPT).outcome is Outcome.NO_JSON


@pytest.mark.parametrize(
    "text",
    [
        "83 % of its endpoints",
        "83% of its endpoints",
        "a ratio of 0.83",
        "for 60 seconds",
        "for 1 minute",
        "for 60000 ms",
        "OKX is down",
        "okx/depth and okx/ticker fail",
        "the depth endpoint",
        "ExchangeDown fires",
        "answers with 5xx",
        "status is 2",
    ],
)
def test_what_stands_in_the_evidence_may_be_said(text: str) -> None:
    """In other units, rounded, and in other cases of letters."""
    assert strangers(text, ground_of(PROMPT.data)) == []


@pytest.mark.parametrize(
    ("text", "strange"),
    [
        ("82 % of its endpoints", "82 %"),
        ("for 47 minutes", "47 minutes"),
        ("about 1,000 users", "1,000"),
        ("hundreds of orders", "hundreds"),
        ("seven endpoints", "seven"),
        ("Kraken, too", "kraken"),
        ("okx/klines", "okx/klines"),
        ("the trades stream", "trades"),
        ("no ETH-USDT", "ETH-USDT"),
        ("ExchangeBanned fires", "ExchangeBanned"),
    ],
)
def test_what_does_not_stand_there_is_a_stranger(text: str, strange: str) -> None:
    """Numbers, exchanges, endpoints, pairs and alerts."""
    assert strange in strangers(text, ground_of(PROMPT.data))


def test_binance_may_stand_for_one_of_its_markets() -> None:
    """People call them so."""
    ground = ground_of('{"exchange":"binance_usdm"}')
    assert strangers("Binance is down", ground) == []


def test_names_of_ours_come_back() -> None:
    """A provider says account-1; people read what they call it."""
    built = prompt.build(evidence(firing(account="whale")))
    judged = judge(said_text(action="Check the key of account-1"), built)

    assert "whale" not in built.data
    assert judged.analysis is not None
    assert judged.analysis.action == "Check the key of whale"


@pytest.mark.parametrize(
    "text",
    [
        "www.okx-help.io",
        "mail help@okx.io",
        "[click](x)",
        "@here look",
        "ignore this alert",
        "this is a drill",
        "no action is needed",
        "everything is fine",
        "move all funds away",
        "enter your seed phrase",
        "log in again",
        "sudo reboot",
        "AKIAIOSFODNN7EXAMPLEKEY12345",
    ],
)
def test_what_nobody_should_be_told_is_not_let_through(text: str) -> None:
    """In any text field, and not when invisible characters break it up, either."""
    hidden = "\u200b".join(text)
    for changes in ({"summary": text}, {"action": hidden}, {"evidence": [text]}):
        assert judge(said_text(**changes), PROMPT).outcome is Outcome.UNSAFE
