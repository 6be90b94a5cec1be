"""What counts when body and status each have a say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exporter.core.envelope import NO_DOCUMENT, judge_answer
from exporter.core.plan import Envelope, Meaning, Scope, StatusRule
from tests.core.samples import BINANCE, NOW, code, path

KRAKEN = Envelope(
    ok=path("type(result) == 'object' && !(error[?starts_with(@, 'E')])"),
    code=path("error[?starts_with(@, 'E')]"),
    message=path("error[?starts_with(@, 'E')] | [0]"),
    codes=(
        code("EService: Throttled*", Meaning.RATE_LIMITED),
        code("EService:Unavailable*", Meaning.MAINTENANCE),
        code("EQuery:Unknown asset pair*", Meaning.BAD_SYMBOL),
    ),
    until=lambda text: float(text.split(": ")[-1]) if "Throttled" in text else None,
)
OKX = Envelope(
    ok=path("code == '0'"),
    code=path("code"),
    message=path("msg"),
    codes=(
        code("50011", Meaning.RATE_LIMITED, scope=Scope.ENDPOINT),
        code("50001", Meaning.MAINTENANCE),
        code("50026", Meaning.SERVER),
    ),
)
DERIBIT = Envelope(
    ok=path("!error"),
    code=path("error.code"),
    message=path("error.message"),
    codes=(code("10028", Meaning.RATE_LIMITED),),
)


def meaning(envelope: Envelope, status: int | None, body: object) -> Meaning | None:
    error = judge_answer(status, body, envelope, NOW)
    return error.meaning if error else None


@pytest.mark.parametrize(
    ("envelope", "status", "body", "expected"),
    [
        pytest.param(BINANCE, 200, {}, None, id="success without a wrapper"),
        pytest.param(BINANCE, 200, [], None, id="success that is a list"),
        pytest.param(OKX, 200, {"code": "0", "data": []}, None, id="code zero"),
        pytest.param(DERIBIT, 200, {"result": 1}, None, id="JSON-RPC result"),
        pytest.param(OKX, None, {"code": "0"}, None, id="a message without HTTP"),
        pytest.param(KRAKEN, 200, {"error": ["WGeneral:Danger"], "result": {"a": 1}}, None,
                     id="a warning beside a result"),
        pytest.param(OKX, 200, {"code": "50011"}, Meaning.RATE_LIMITED, id="error with 200"),
        pytest.param(OKX, 400, {"code": "50001"}, Meaning.MAINTENANCE, id="body beats status"),
        pytest.param(DERIBIT, 400, {"error": {"code": 10028}}, Meaning.RATE_LIMITED,
                     id="numeric code"),
        pytest.param(BINANCE, 403, {"code": -2015, "msg": "key"}, Meaning.AUTH,
                     id="body beats a listed status"),
        pytest.param(BINANCE, 418, {"code": -1003, "msg": "banned"}, Meaning.BANNED,
                     id="a ban outranks a rate limit"),
        pytest.param(BINANCE, 429, {"code": -1008, "msg": "busy"}, Meaning.RATE_LIMITED,
                     id="a vague body does not hide 429"),
        pytest.param(BINANCE, 429, {"code": -1121, "msg": "symbol"}, Meaning.RATE_LIMITED,
                     id="nothing hides 429"),
        pytest.param(BINANCE, 429, {"code": -9, "msg": "?"}, Meaning.RATE_LIMITED,
                     id="an unknown code leaves it to 429"),
        pytest.param(BINANCE, 403, {"code": -9, "msg": "?"}, Meaning.BANNED,
                     id="an unknown code leaves it to a listed status"),
        pytest.param(BINANCE, 400, {"code": -9, "msg": "?"}, Meaning.OTHER,
                     id="an unknown code says more than a plain status"),
        pytest.param(OKX, 200, {"data": []}, Meaning.OTHER, id="neither success nor code"),
        pytest.param(OKX, 200, [1, 2], Meaning.OTHER, id="another shape altogether"),
        pytest.param(BINANCE, 500, {}, Meaning.HTTP, id="a good body with 500"),
        pytest.param(BINANCE, 302, NO_DOCUMENT, Meaning.HTTP, id="redirect"),
        pytest.param(OKX, 503, NO_DOCUMENT, Meaning.HTTP, id="page with 503"),
        pytest.param(OKX, 429, NO_DOCUMENT, Meaning.RATE_LIMITED, id="page with 429"),
        pytest.param(OKX, 418, NO_DOCUMENT, Meaning.BANNED, id="page with 418"),
        pytest.param(OKX, 401, NO_DOCUMENT, Meaning.AUTH, id="page with 401"),
        pytest.param(BINANCE, 403, NO_DOCUMENT, Meaning.BANNED, id="page with a listed status"),
        pytest.param(OKX, 200, NO_DOCUMENT, None, id="a page with 200 is not the envelope's"),
        pytest.param(OKX, 202, NO_DOCUMENT, Meaning.HTTP, id="a challenge with 202"),
        pytest.param(OKX, 204, NO_DOCUMENT, Meaning.HTTP, id="nothing with 204"),
        pytest.param(OKX, 202, {"code": "0", "data": []}, None, id="a success with 202"),
        pytest.param(KRAKEN, 200, {"error": "EService:Unavailable"}, Meaning.OTHER,
                     id="a text where a list is documented"),
        pytest.param(KRAKEN, 200, {"error": ["EOdd:x", "EQuery:Unknown asset pair"]},
                     Meaning.BAD_SYMBOL, id="the first known code of a list"),
        pytest.param(KRAKEN, 200,
                     {"error": ["EService:Unavailable", "EService: Throttled: 1700000050"]},
                     Meaning.RATE_LIMITED, id="a rate limit anywhere in a list"),
    ],
)  # fmt: skip
def test_the_meaning_of_an_answer(
    envelope: Envelope, status: int | None, body: object, expected: Meaning | None
) -> None:
    """The body is the better witness, but never hides that we must slow down."""
    assert meaning(envelope, status, body) is expected


def test_an_error_keeps_what_the_table_and_the_body_say() -> None:
    """Scope and back-off come from the rule that counts, code and message from the body."""
    error = judge_answer(429, {"code": "50011", "msg": "Too\x00many\nrequests"}, OKX, NOW)

    assert error is not None
    assert (error.scope, error.code, error.message) == (
        Scope.ENDPOINT, "50011", "Too many requests",
    )  # fmt: skip


def test_a_listed_status_brings_its_own_backoff() -> None:
    """Binance's firewall says nothing in the body."""
    error = judge_answer(403, NO_DOCUMENT, BINANCE, NOW)

    assert error is not None
    assert (error.backoff, error.message) == (300.0, "HTTP 403")


def test_a_message_is_bounded() -> None:
    """It goes to logs and pages."""
    error = judge_answer(400, {"code": -1, "msg": "\x1b[31m\ud800" + "x" * 10_000}, BINANCE, NOW)

    assert error is not None
    assert len(error.message) == 200
    assert error.message.isprintable()


@pytest.mark.parametrize(
    ("end", "believed"),
    [
        pytest.param(NOW + 120, True, id="soon"),
        pytest.param(NOW - 1, False, id="past"),
        pytest.param(NOW + 4 * 86400, False, id="longer than any ban"),
    ],
)
def test_the_end_of_a_ban_is_believed_within_reason(end: float, believed: bool) -> None:
    """A hostile or garbled text must not silence us for a year."""
    body = {"code": -1003, "msg": f"IP banned until {int(end * 1000)}."}

    error = judge_answer(418, body, BINANCE, NOW)

    assert error is not None
    assert error.until == (end if believed else None)


def test_the_end_of_a_block_may_be_in_a_code() -> None:
    """Kraken has no message apart from its codes."""
    body = {"error": [f"EService: Throttled: {NOW + 5:.0f}"]}

    error = judge_answer(200, body, KRAKEN, NOW)

    assert error is not None
    assert error.until == NOW + 5


def test_without_an_ok_rule_a_code_alone_is_an_error() -> None:
    """And no code is a success."""
    envelope = replace(OKX, ok=None)

    assert meaning(envelope, 200, {"data": 1}) is None
    assert meaning(envelope, 200, {"code": "50026"}) is Meaning.SERVER


@pytest.mark.parametrize("odd", [True, {"a": 1}, [[1]], 10**4000, "", None, ["x"] * 10_000])
def test_a_code_of_any_type_is_no_reason_to_fail(odd: object) -> None:
    """Codes and messages are hostile, too."""
    assert meaning(OKX, 200, {"code": odd, "msg": odd}) is Meaning.OTHER


def test_a_status_can_be_listed_as_maintenance() -> None:
    """Coinbase answers 503 with a message of no known code."""
    envelope = replace(BINANCE, statuses={503: StatusRule(Meaning.MAINTENANCE)})

    assert meaning(envelope, 503, {"code": 5, "msg": "down"}) is Meaning.MAINTENANCE
