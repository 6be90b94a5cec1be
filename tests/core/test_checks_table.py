"""The table of checks, and the checks that look at one fact."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from exporter.core.checks import CHECKS, applicable, defaults
from exporter.core.checks.base import Kind
from exporter.core.memory import Memory
from exporter.core.model import Reason
from exporter.core.plan import Fields, Meaning
from exporter.core.result import ApiError
from tests.core import samples
from tests.core.samples import NOW, check, path


def test_every_endpoint_is_judged_on_its_answer_as_such() -> None:
    """A ping carries nothing else."""
    assert applicable(Fields()) == ("json", "envelope", "schema")


@pytest.mark.parametrize(
    ("fields", "checks"),
    [
        pytest.param(samples.DEPTH, ("book", "sequence", "price", "unchanged"), id="depth"),
        pytest.param(
            samples.TICKER, ("symbol", "quote", "price", "freshness", "unchanged"), id="ticker"
        ),
        pytest.param(samples.TRADES, ("trades", "unchanged"), id="trades"),
        pytest.param(samples.KLINES, ("klines", "unchanged"), id="klines"),
        pytest.param(samples.TIME, ("clock_skew",), id="time"),
        pytest.param(samples.STATUS, ("maintenance",), id="status"),
        pytest.param(samples.LAST, ("price", "unchanged"), id="price"),
    ],
)
def test_checks_follow_from_the_fields(fields: Fields, checks: tuple[str, ...]) -> None:
    """In the order of the table, which is the precedence of the reasons."""
    assert applicable(fields)[3:] == checks


def test_still_data_are_judged_where_a_market_should_move() -> None:
    """Elsewhere an unchanged answer is normal."""
    assert defaults("depth")["unchanged"] == {"max_unchanged": 120}
    assert defaults("trades")["unchanged"] == {"max_unchanged": 0}


def test_every_check_explains_itself() -> None:
    """Names are keys; help is shown to users; flags are 0 or 1."""
    for name, entry in CHECKS.items():
        assert (entry.name, entry.help[-1]) == (name, ".")
        for parameter in entry.parameters:
            assert parameter.help
            assert parameter.kind is not Kind.FLAG or parameter.default in (0, 1)


@pytest.mark.parametrize(
    ("meaning", "reason"),
    [
        (Meaning.RATE_LIMITED, Reason.RATE_LIMITED),
        (Meaning.BANNED, Reason.BANNED),
        (Meaning.MAINTENANCE, Reason.MAINTENANCE),
        (Meaning.CLOCK, Reason.AUTH),
        (Meaning.SERVER, Reason.API_ERROR),
        (Meaning.HTTP, Reason.HTTP_ERROR),
    ],
)
def test_an_api_error_fails_with_its_own_reason(meaning: Meaning, reason: Reason) -> None:
    """One check, many reasons."""
    context = samples.context({}, Fields())
    context = replace(context, reading=replace(context.reading, error=ApiError(meaning, "7", "no")))

    failure = CHECKS["envelope"].function(context, {})

    assert failure is not None
    assert (failure.reason, failure.detail) == (reason, "7: no")


@pytest.mark.parametrize("status", [0, 1])
def test_an_announced_maintenance_is_its_own_reason(status: int) -> None:
    """Nobody is to be woken up for it."""
    failure = check("maintenance", {"status": status}, samples.STATUS)

    assert (failure and failure.reason) == (Reason.MAINTENANCE if status else None)


@pytest.mark.parametrize(
    ("said", "right"),
    [("BTCUSDT", True), ("btcusdt", True), ("ETHUSDT", False), ("BTC-USDT", False), ("", False),
     (None, True), (7, False)],
)  # fmt: skip
def test_an_answer_about_another_symbol_is_invalid(said: object, right: bool) -> None:
    """A proxy or a bug may mix up answers; only the case of letters is free."""
    failure = check("symbol", {"s": said}, Fields(symbol=path("s")))

    assert (failure is None) == right


@pytest.mark.parametrize(
    ("body", "right"),
    [
        pytest.param({}, True, id="documented example"),
        pytest.param({"bidPrice": "101"}, False, id="crossed"),
        pytest.param({"bidPrice": "100.5"}, False, id="locked"),
        pytest.param({"bidPrice": "0"}, False, id="zero"),
        pytest.param({"askPrice": "-1"}, False, id="negative"),
        pytest.param({"askPrice": None}, False, id="missing"),
        pytest.param({"askPrice": "x"}, False, id="no number"),
    ],
)
def test_a_quote_is_positive_and_does_not_cross(body: dict[str, Any], right: bool) -> None:
    """Deribit's 0 for an empty side fails as well."""
    assert (check("quote", samples.ticker(**body), samples.TICKER) is None) == right


def test_a_locked_quote_can_be_allowed() -> None:
    """Some derivatives venues lock for moments."""
    body = samples.ticker(bidPrice="100.5")

    assert check("quote", body, samples.TICKER, allow_locked=1) is None


@pytest.mark.parametrize(
    ("last", "new", "right"),
    [
        pytest.param(None, 5, True, id="first"),
        pytest.param(5, 5, True, id="equal"),
        pytest.param(5, 6, True, id="forward"),
        pytest.param(5, 4, False, id="back"),
        pytest.param(5, 1, True, id="documented reset"),
        pytest.param(5, None, True, id="absent"),
        pytest.param(5, "6", True, id="text"),
        pytest.param(5, "six", False, id="no number"),
        pytest.param(5, 6.5, False, id="fraction"),
    ],
)
def test_a_sequence_does_not_run_backwards(last: int | None, new: object, right: bool) -> None:
    """Bybit restarts at 1."""
    fields = Fields(sequence=path("u"), sequence_resets=frozenset({1}))

    assert (check("sequence", {"u": new}, fields, Memory(sequence=last)) is None) == right


def test_the_clock_of_the_exchange_may_be_off_by_measurement_error_and_a_little() -> None:
    """Two seconds, plus half the round trip and half a unit."""
    for offset, right in ((0.0, True), (-1.9, True), (2.0, True), (2.2, False), (-60.0, False)):
        body = {"serverTime": int((NOW + offset) * 1000)}

        assert (check("clock_skew", body, samples.TIME) is None) == right


def test_a_clock_in_whole_seconds_is_given_its_second() -> None:
    """Kraken tells whole seconds."""
    fields = Fields(server_time=samples.time_field("t", "s"))

    assert check("clock_skew", {"t": int(NOW) - 3}, fields) is None
    assert check("clock_skew", {"t": int(NOW) - 4}, fields) is not None


@pytest.mark.parametrize(
    ("elapsed", "advanced", "right"),
    [(10.0, 10.0, True), (10.0, 0.0, False), (10.0, -1.0, False), (0.5, 0.0, True)],
)
def test_a_clock_must_advance(elapsed: float, advanced: float, right: bool) -> None:
    """A cached answer shows a clock that stands still, even when it is nearly right."""
    memory = Memory(server_time=NOW - advanced, server_time_at=NOW - elapsed)
    body = {"serverTime": int(NOW * 1000)}

    assert (check("clock_skew", body, samples.TIME, memory) is None) == right


@pytest.mark.parametrize(
    ("age", "offset", "reason"),
    [
        pytest.param(0.1, 0.0, None, id="fresh"),
        pytest.param(30.0, 0.0, None, id="at the limit"),
        pytest.param(31.0, 0.0, Reason.STALE_DATA, id="old"),
        pytest.param(31.0, -5.0, None, id="our clock is ahead of theirs"),
        pytest.param(28.0, 5.0, Reason.STALE_DATA, id="our clock is behind theirs"),
        pytest.param(-1.9, 0.0, None, id="slightly ahead"),
        pytest.param(-3.0, 0.0, Reason.INVALID_DATA, id="from the future"),
        pytest.param(-3.0, 3.0, None, id="not from their future"),
    ],
)
def test_data_are_fresh_by_the_clock_of_the_exchange(
    age: float, offset: float, reason: Reason | None
) -> None:
    """The known skew is taken out first."""
    failure = check("freshness", samples.ticker(age=age), samples.TICKER, offset=offset)

    assert (failure and failure.reason) == reason


def test_a_time_in_whole_seconds_is_up_to_a_second_old_when_it_is_read() -> None:
    """That second is not held against the data."""
    fields = Fields(time=samples.time_field("t", "s"))

    assert check("freshness", {"t": int(NOW) - 31}, fields) is None
    assert check("freshness", {"t": int(NOW) - 32}, fields) is not None


@pytest.mark.parametrize(
    ("since", "limit", "right"), [(119, 120, True), (121, 120, False), (9999, 0, True)]
)
def test_data_that_stand_still_are_stale(since: float, limit: float, right: bool) -> None:
    """Whatever their time stamp says; a limit of zero switches the check off."""
    first = samples.context(samples.ticker(), samples.TICKER)
    memory = Memory(data=first.reading.data, unchanged_since=NOW - since)

    body = samples.ticker(age=0.0)
    failure = check("unchanged", body, samples.TICKER, memory, max_unchanged=limit)

    assert (failure is None) == right


def test_a_changed_price_is_a_change() -> None:
    """Time starts anew."""
    first = samples.context(samples.ticker(), samples.TICKER)
    memory = Memory(data=first.reading.data, unchanged_since=NOW - 9999)

    assert check("unchanged", samples.ticker("1"), samples.TICKER, memory, max_unchanged=9) is None
