"""The rate accounting: windows, usage headers, refusals, bans."""

from __future__ import annotations

from typing import Any

import pytest

from exporter.simulator.accounting import (
    ABUSE,
    FIRST_BAN,
    HONEST,
    Accounting,
    Spent,
    Terms,
    compile_limits,
)

NOW = 1_800_000_030.0  # half past a minute


def accounting(bans: bool = True, **limit: Any) -> Accounting:
    """One limit of 10 a minute, changed by ``limit``."""
    spec = {"scope": "ip", "capacity": 10, "window": "1m", **limit}
    return Accounting(compile_limits({"weight": spec}), bans)


def spend(
    book: Accounting, units: float = 1, now: float = NOW, endpoint: str = "depth",
    pair: str = "A-B", client: str = "127.0.0.1", terms: Terms = HONEST,
) -> Spent:  # fmt: skip
    """Spend ``units`` of the limit."""
    return book.spend(client, endpoint, pair, {"weight": units}, now, terms)


def test_capacity_can_be_spent_to_the_last_unit() -> None:
    """The limit is inclusive, and the first unit beyond it is refused until the window's end."""
    book = accounting()
    assert spend(book, 10).refusal == ""
    refused = spend(book)
    assert (refused.refusal, refused.until) == ("rate_limited", NOW + 30)


def test_next_window_starts_at_zero() -> None:
    """Windows are aligned to multiples of their length."""
    book = accounting(headers={"used": "x-used"})
    spend(book, 10)
    assert spend(book, 1, NOW + 30).headers == {"x-used": "1"}


def test_clients_count_apart() -> None:
    """Limits are per address."""
    book = accounting()
    spend(book, 10)
    assert spend(book, client="127.0.0.2").refusal == ""


@pytest.mark.parametrize(
    ("limit", "other", "refusal"),
    [
        ({"scope": "ip"}, {"endpoint": "trades"}, "rate_limited"),
        ({"scope": "endpoint"}, {"endpoint": "trades"}, ""),
        ({"scope": "endpoint"}, {"pair": "C-D"}, "rate_limited"),
        ({"scope": "endpoint", "per_pair": True}, {"pair": "C-D"}, ""),
    ],
    ids=["ip", "endpoint", "endpoint-pair", "per_pair"],
)
def test_scope(limit: dict[str, Any], other: dict[str, str], refusal: str) -> None:
    """What counts together follows the scope of the limit."""
    book = accounting(**limit)
    spend(book, 10)
    assert spend(book, **other).refusal == refusal  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("unit", "reset"),
    [("s", "1800000060"), ("ms", "1800000060000"), ("in_s", "30"), ("in_ms", "30000")],
)
def test_usage_headers(unit: str, reset: str) -> None:
    """All four headers tell the truth in the provider's unit."""
    headers = {"used": "u", "remaining": "r", "limit": "l", "reset": "t", "reset_unit": unit}
    told = spend(accounting(headers=headers), 3).headers
    assert told == {"u": "3", "r": "7", "l": "10", "t": reset}


def test_abuse_ends_in_a_ban_that_outlives_the_window() -> None:
    """Whoever goes on after some refusals is banned, and again for longer."""
    book = accounting()
    spend(book, 10)
    refusals = [spend(book).refusal for _ in range(ABUSE + 1)]
    assert refusals == ["rate_limited"] * ABUSE + ["banned"]
    assert spend(book, now=NOW + FIRST_BAN - 1).refusal == "banned"
    later = NOW + FIRST_BAN + 1
    assert spend(book, now=later).refusal == ""
    spend(book, 10, now=later)
    again = [spend(book, now=later) for _ in range(ABUSE)][-1]
    assert (again.refusal, again.until) == ("banned", later + 2 * FIRST_BAN)


def test_exchange_that_never_bans_only_refuses() -> None:
    """No ban where the catalog knows none."""
    book = accounting(bans=False)
    assert {spend(book, 20).refusal for _ in range(10)} == {"rate_limited"}


def test_others_use_the_budget_too() -> None:
    """What other programs spend shows in the headers and leaves less for us."""
    book = accounting(headers={"used": "u"})
    eaten = Terms(eaten=0.9)
    assert spend(book, terms=eaten).headers == {"u": "10"}
    assert spend(book, terms=eaten).refusal == "rate_limited"


def test_limit_can_be_lowered_in_silence() -> None:
    """Less is granted, and the headers still speak of the published limit."""
    book = accounting(headers={"used": "u", "limit": "l"})
    lowered = Terms(granted=0.2)
    assert spend(book, 2, terms=lowered).refusal == ""
    refused = spend(book, 1, terms=lowered)
    assert (refused.refusal, refused.headers) == ("rate_limited", {"u": "3", "l": "10"})


def test_headers_can_lie() -> None:
    """They claim what they are told to; what is granted is the truth."""
    book = accounting(headers={"used": "u", "remaining": "r"})
    told = spend(book, 10, terms=Terms(claimed=0.0))
    assert (told.headers, told.refusal) == ({"u": "0", "r": "10"}, "")
    assert spend(book, terms=Terms(claimed=0.0)).refusal == "rate_limited"


def test_present_use_and_bans_are_told() -> None:
    """By client and limit, as long as the window and the ban last."""
    book = accounting(scope="endpoint")
    spend(book, 7)
    end = NOW + 30
    assert book.uses(NOW) == [("127.0.0.1", "weight", "depth", 7, 10.0, end)]
    assert book.uses(end) == []
    for _ in range(ABUSE + 4):
        spend(book)
    assert book.bans_in_force(NOW) == {"127.0.0.1": NOW + FIRST_BAN}
    assert book.bans_in_force(NOW + FIRST_BAN) == {}


def test_call_that_costs_nothing_has_no_headers() -> None:
    """Limits that a call does not touch are not told."""
    book = accounting(headers={"used": "u"})
    assert book.spend("127.0.0.1", "ping", "", {}, NOW) == Spent({})


def test_counters_are_bounded() -> None:
    """Old windows are forgotten."""
    book = accounting(scope="endpoint", per_pair=True)
    for n in range(10_002):
        spend(book, pair=str(n), now=NOW)
    spend(book, now=NOW + 100)
    assert len(book._used) == 1


def test_account_limits_do_not_apply() -> None:
    """Without a key there is no account to count."""
    assert compile_limits({"a": {"scope": "account", "capacity": 1, "window": 5}}) == ()
