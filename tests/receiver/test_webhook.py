"""The webhook's body: what is taken, and what is refused before it does harm."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.receiver.webhook import WebhookError, is_source, parse_group
from tests.receiver.running import NOW, alert, body, webhook


def test_a_group_is_read_as_alertmanager_sends_it() -> None:
    """Nanoseconds and the year 1 included."""
    firing, over = alert(), alert("ExchangeStale", ends_at=NOW + 60)
    group = parse_group(body(firing, over, truncated=3, exchange="okx"))
    assert (group.receiver, group.labels, group.truncated) == ("triage", {"exchange": "okx"}, 3)
    assert [it.name for it in group.alerts] == ["ExchangeDown", "ExchangeStale"]
    assert [it.ends_at for it in group.alerts] == [None, NOW + 60.123456]
    assert group.alerts[0].starts_at == NOW + 0.123456


def broken(**changes: Any) -> dict[str, Any]:
    """A webhook with a broken alert."""
    found = webhook(alert())
    found["alerts"][0] |= changes
    return found


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        ([], "the body is not an object"),
        ({"version": "3"}, "not a webhook of version 4"),
        ({"version": "4"}, "alerts is not a list"),
        ({**webhook(), "alerts": [{}] * 10_001}, "alerts is not a list of at most"),
        ({**webhook(), "truncatedAlerts": -1}, "truncatedAlerts is not a count"),
        ({**webhook(), "alerts": [7]}, "an alert is not an object"),
        ({**webhook(), "receiver": 7}, "a text is not a string"),
        (broken(labels={"a": 1}), "a text is not a string"),
        (broken(labels={str(n): "" for n in range(65)}), "more than 64 labels"),
        (broken(startsAt="yesterday"), "a time is not RFC 3339"),
        (broken(startsAt=None), "a time is not RFC 3339"),
    ],
    ids=str,
)
def test_other_bodies_are_refused(document: Any, why: str) -> None:
    """With a reason that quotes nothing of them."""
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    with pytest.raises(WebhookError, match=why):
        parse_group(raw)


def test_texts_are_cut_and_half_characters_replaced() -> None:
    """No database takes a lone surrogate."""
    raw = json.dumps(broken(labels={"exchange": "x" * 5000}, annotations={"a": "\ud800"}))
    (found,) = parse_group(raw.encode()).alerts
    assert len(found.labels["exchange"]) == 1024
    assert found.annotations == {"a": "?"}


@pytest.mark.parametrize(
    ("labels", "analysed"),
    [
        ({}, True),
        ({"derived": "triage"}, False),
        ({"derived": "other"}, True),
        ({"area": "receiver"}, False),
        ({"alertname": "ExchangeWatchdog"}, False),
    ],
    ids=str,
)
def test_what_is_analysed(labels: dict[str, str], analysed: bool) -> None:
    """Never what the receiver sent, nor what is about it."""
    assert is_source(alert(**{"name": "ExchangeDown", **labels})) is analysed  # type: ignore[arg-type]


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)


@given(_JSON, st.sampled_from(["labels", "annotations", "startsAt", "endsAt", "status", "alerts"]))
def test_nothing_but_a_webhook_error_comes_of_any_json(value: Any, field: str) -> None:
    """Whatever stands where."""
    document = webhook(alert())
    target = document if field == "alerts" else document["alerts"][0]
    target[field] = value
    with contextlib.suppress(WebhookError):
        parse_group(json.dumps(document).encode())
