"""The story of one probe, told from a view."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.model import Failure, Observation, Reason, SkipReason
from exporter.core.result import Facts, Result
from exporter.core.view import LimitView, View
from exporter.server.report import describe, without_credentials
from tests.server.fake_service import NOW, SECRET, failing, healthy, result, target_plan

NAME = "okx/ticker/BTC-USDT"


def redact(text: str) -> str:
    return text.replace(SECRET, "<secret>")


def observed(**changes: object) -> View:
    """A healthy view with other observed facts."""
    seen = replace(result(NAME).observation, **changes)  # type: ignore[arg-type]
    return healthy(NAME, result=result(NAME, observation=seen))


@pytest.mark.parametrize(
    ("view", "headline"),
    [
        pytest.param(healthy(NAME), f"{NAME}: OK", id="ok"),
        pytest.param(
            failing(NAME, Reason.TLS, "expired"), f"{NAME}: FAILED tls: expired", id="failed"
        ),
        pytest.param(View(target_plan(NAME)), f"{NAME}: NO RESULT YET", id="waiting"),
        pytest.param(healthy(NAME, skipped=SkipReason.INTERVAL), f"{NAME}: OK", id="repeated"),
        pytest.param(
            healthy(NAME, skipped=SkipReason.BUDGET), f"{NAME}: SKIPPED budget", id="skipped"
        ),
        pytest.param(
            failing(NAME, Reason.TLS, "expired", skipped=SkipReason.CIRCUIT_OPEN),
            f"{NAME}: FAILED tls: expired",
            id="failed and skipped",
        ),
    ],
)
def test_headline_is_the_verdict(view: View, headline: str) -> None:
    """The first line says it all."""
    assert describe(view, redact, None).split("\n")[0] == headline


def test_every_stage_has_its_section() -> None:
    """A healthy probe told from phases to limits."""
    text = describe(healthy(NAME), redact, None)

    for line in (
        "  latency 143 ms (kernel clock)",
        "  processing    100 ms  ██████████████████████████████",
        "  HTTP/1.1 200, 16 bytes",
        "  ok      freshness",
        "  payload_age   0.4",
        '  {"price": "1.5"}',
        "  weight_1m: 34 % of our allowance spent",
        "    the exchange says: 12 % of the whole limit used by everybody, 5280 left",
    ):
        assert line in text.split("\n")


def test_what_was_not_reached_is_not_told() -> None:
    """No answer means no response, no body and no checks."""
    failure = Failure(Reason.DNS, "no such host")
    lost = Result(target_plan(NAME).target, Observation(0.1, failure=failure), NOW, failure=failure)
    text = describe(View(target_plan(NAME), lost), redact, None)

    for section in ("Response", "Body", "Checks", "Phases", "Payload", "Limits", "Metrics"):
        assert section not in text.split("\n")


def test_skip_block_and_circuit_are_told() -> None:
    """Why nothing was asked, and when there is another chance."""
    view = View(
        target_plan(NAME),
        skipped=SkipReason.BACKOFF,
        skip_detail="told to wait",
        retry_at=0.0,
        blocked_until=60.0,
    )
    text = describe(view, redact, None)

    assert "  not asked now: backoff: told to wait\n" in text
    assert "  next chance: 1970-01-01 00:00:00 UTC\n" in text
    assert "  the exchange told us to stay away until 1970-01-01 00:01:00 UTC\n" in text


def test_body_is_an_excerpt_without_control_characters() -> None:
    """At most 2 KB, one line per line, terminals safe."""
    text = describe(observed(body=b"one\r\n\x1b[2Jtwo\xff" + b"z" * 5000), redact, None)

    assert "  one\\r\n  \\x1b[2Jtwo\ufffdzzz" in text
    assert "… (5013 bytes in all)" in text
    assert "z" * 2048 not in text


@pytest.mark.parametrize("padding", range(2030, 2050))
def test_secret_is_masked_wherever_the_excerpt_ends(padding: int) -> None:
    """A cut through an echoed secret must not leave a recognisable half of it."""
    body = b"z" * padding + SECRET.encode()

    assert "hunter" not in describe(observed(body=body), redact, None)


@pytest.mark.parametrize(
    "name",
    ["set-cookie", "authorization", "x-mbx-apikey", "x-api-key", "ok-access-sign", "x-auth-token"],
)
def test_credential_like_headers_are_masked(name: str) -> None:
    """By name, since their values are nobody's known secret."""
    text = describe(observed(headers={name: "abc123"}), redact, None)

    assert f"  {name}: <secret>\n" in text


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h/p?symbol=BTC&limit=5", "https://h/p?symbol=BTC&limit=5"),
        ("https://h/p?timestamp=1&signature=ab%20", "https://h/p?timestamp=1&signature=<secret>"),
        (
            "https://h/p?apiKey=1&api-key=2&key=3",
            "https://h/p?apiKey=<secret>&api-key=<secret>&key=<secret>",
        ),
        ("https://user:pw@h:8443/p", "https://h:8443/p"),
    ],
    ids=["harmless", "signature", "keys", "userinfo"],
)
def test_url_is_shown_without_credentials(url: str, shown: str) -> None:
    """Everything needed to ask again by hand, except what must not be known."""
    assert without_credentials(url) == shown


@given(
    st.text(max_size=60),
    st.binary(max_size=80),
    st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3),
    st.floats(),
    st.decimals() | st.none(),
)
def test_no_answer_of_an_exchange_breaks_the_report(
    detail: str, body: bytes, headers: dict[str, str], number: float, price: Decimal | None
) -> None:
    """Whatever was observed, the report is text that can be encoded and rewrites no terminal."""
    failure = Failure(Reason.MALFORMED, detail)
    seen = replace(result(NAME).observation, body=body, headers=headers, latency=number)
    facts = Facts(price=price, payload_age=number)
    measured = result(NAME, failure, observation=seen, facts=facts)
    limit = LimitView("w", number, number, number, number)
    view = healthy(NAME, result=measured, limits=(limit,), age=number, since=number)

    text = describe(view, redact, None)

    text.encode()
    assert all(char.isprintable() or char == "\n" for char in text)
