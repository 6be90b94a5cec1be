"""What leaves the house: only what is on the lists, without names of ours and without secrets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.receiver.redact import Aliases, Redaction, clean, mask

SECRETS = {
    "JSON Web Token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N",
    "bearer": "Bearer abcdef123456",
    "OpenAI key": "sk-proj-abcdefghijklmnop1234",
    "API key": "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A",
    "assignment": "secret=hunter2&x",
    "signature": 'signature: "c8db56825ae71d6d"',
    "PEM": "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
    "e-mail": "ops.team+x@desk.example.com",
    "IPv4": "10.1.2.3:8443",
    "IPv6": "2001:db8::1:2f",
    "URL": "https://user:pw@internal.example/x?y=z",
}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_secrets_are_masked(secret: str) -> None:
    """Whatever text they stand in."""
    text = Redaction(Aliases([])).text(f"it said {secret} and stopped")

    assert text.startswith("it said")
    assert "[" in text
    parts = [part for part in secret.replace("\n", " ").split() if len(part) > 9]
    assert not any(part in text for part in parts)


@pytest.mark.parametrize(
    "text",
    [
        "binance_usdm/stream.book/BTC-USDT has been failing for 4.2 probe intervals",
        "One in ten answers of deribit took longer than 2.6s",
        "exchange:slo_burn_rate of 14.4 in 1h",
    ],
)
def test_plain_facts_are_kept(text: str) -> None:
    """What the net is not for."""
    assert mask(text) == text


def test_an_invisible_character_hides_no_secret() -> None:
    """It is taken out before anything is looked for."""
    assert "hunter2" not in Redaction(Aliases([])).text("pass\u200bword=hun\u200bter2")


def test_labels_leave_by_an_allow_list() -> None:
    """What is not on it stays, whatever it is called."""
    labels = {"exchange": "okx", "team": "alpha", "pod": "x-1", "__meta": "y", "account": "main"}
    redaction = Redaction(Aliases([labels]))

    assert redaction.labels(labels) == {"exchange": "okx", "account": "account-1"}


def test_names_of_ours_are_aliases_both_ways() -> None:
    """In labels and in texts, and in what comes back."""
    rows = [{"account": "whale"}, {"instance": "host-7:9927"}, {"account": "desk"}]
    redaction = Redaction(Aliases(rows))

    hidden = redaction.text("key of account whale, seen by host-7:9927; not of whales")
    assert hidden == "key of account account-2, seen by instance-1; not of whales"
    assert redaction.show("check account-2 and account-1") == "check whale and desk"


def test_the_same_evidence_has_the_same_aliases() -> None:
    """In whatever order it comes."""
    rows = [{"account": "b"}, {"account": "a"}]
    assert Aliases(rows).hide("a b") == Aliases(rows[::-1]).hide("a b") == "account-1 account-2"


@given(st.text(max_size=300))
def test_a_clean_text_is_one_printable_line(text: str) -> None:
    """Of bounded length, whatever came."""
    line = clean(text, 100)

    assert len(line) <= 100
    assert line.isprintable()
    assert "\n" not in line


@given(st.text(max_size=200))
def test_any_text_can_be_redacted(text: str) -> None:
    """And stays within its bound."""
    assert len(Redaction(Aliases([{"account": text}])).text(text, 50)) <= 50
