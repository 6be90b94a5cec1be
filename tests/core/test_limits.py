"""The rate limiter, example by example; see test_limits_properties.py for what always holds."""

from __future__ import annotations

import pytest

from exporter.core.bucket import Allowance, allowance
from exporter.core.limits import Claim, Costs, Denial, Limiter, LimitView
from exporter.core.model import Reason, SkipReason
from exporter.core.plan import Limit, Scope, UsageHeaders
from exporter.core.usage import LimitUsage, limit_usages

WALL = 1_700_000_000.0
NAMES = UsageHeaders("x-used", "x-left", "x-limit", "x-reset", "in_s")
IP: Costs = (("ip", 1.0),)


def limit(key: str = "ip", capacity: float = 100.0, share: float = 0.05) -> Limit:
    """``capacity`` per minute, of which ``share`` is ours."""
    return Limit(key, "binance", f"{key}_1m", Scope.IP, capacity, 60.0, share, NAMES)


def one(cost: float = 1.0, capacity: float = 100.0) -> tuple[Limiter, Claim]:
    """A limiter with one bucket, and a claim on it."""
    costs = (("ip", cost),)
    limiter = Limiter([limit(capacity=capacity)], [costs])
    return limiter, limiter.claim("binance", "depth", "", costs)


def granted(limiter: Limiter, claim: Claim, now: float, tries: int = 1000) -> int:
    """How many probes may be sent now."""
    return next(n for n in range(tries) if limiter.reserve(claim, now) is not None)


def shown(limiter: Limiter, claim: Claim, now: float) -> LimitView:
    """The only limit of a claim."""
    (only,) = limiter.views(claim, now)
    return only


def denial(limiter: Limiter, claim: Claim, now: float) -> Denial:
    """Why a probe may not be sent now."""
    found = limiter.reserve(claim, now)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("capacity", "window", "share", "largest", "expected"),
    [
        pytest.param(6000, 60, 0.05, 20, Allowance(300, 60), id="Binance weight"),
        pytest.param(1, 1, 0.05, 1, Allowance(1, 20), id="Kraken: 1 per 20 s"),
        pytest.param(100, 10, 0.05, 20, Allowance(20, 40), id="one costly request"),
        pytest.param(100, 10, 1, 0, Allowance(100, 10), id="nobody spends"),
    ],
)
def test_our_share_is_stretched_to_one_request(
    capacity: float, window: float, share: float, largest: float, expected: Allowance
) -> None:
    """A share too small for one request keeps its rate over a longer window."""
    found = allowance(Limit("k", "x", "n", Scope.IP, capacity, window, share), largest)
    assert found == expected
    assert found.sustained_rate == pytest.approx(capacity * share / window)


def test_a_window_is_spent_once() -> None:
    """No burst plus refill: the next grant comes a window after the first spend."""
    limiter, claim = one()
    assert granted(limiter, claim, 0.0) == 5
    assert denial(limiter, claim, 59.999) == Denial(SkipReason.BUDGET, 60.0, "ip_1m")
    assert granted(limiter, claim, 60.0) == 5


def test_a_denial_tells_when_enough_has_run_out() -> None:
    """Two small spends must run out before a large one fits."""
    small, large = (("ip", 2.0),), (("ip", 4.0),)
    limiter = Limiter([limit()], [small, large])
    for now in (0.0, 10.0):
        assert limiter.reserve(limiter.claim("binance", "ping", "", small), now) is None
    claim = limiter.claim("binance", "depth", "", large)
    assert denial(limiter, claim, 20.0).retry_at == 70.0
    assert limiter.reserve(claim, 70.0) is None


def test_all_buckets_or_none() -> None:
    """The second bucket refuses: the first is not charged."""
    costs = (("ip", 1.0), ("account", 5.0))
    limiter = Limiter([limit(), limit("account")], [costs])
    claim = limiter.claim("binance", "account", "main", costs)
    assert limiter.reserve(claim, 0.0) is None
    assert denial(limiter, claim, 1.0).what == "account_1m"
    assert [each.budget_used for each in limiter.views(claim, 1.0)] == pytest.approx([0.2, 1.0])


def test_a_cost_named_twice_is_added_up() -> None:
    """3 + 2 of 5 leaves nothing."""
    costs = (("ip", 3.0), ("ip", 2.0))
    limiter = Limiter([limit()], [costs])
    claim = limiter.claim("binance", "depth", "", costs)
    assert granted(limiter, claim, 0.0) == 1


def test_a_refund_is_spendable_again() -> None:
    """A probe that was never sent costs nothing; one that has run out gives nothing back."""
    limiter, claim = one(5.0)
    assert limiter.reserve(claim, 0.0) is None
    limiter.refund(claim, 0.0)
    assert limiter.reserve(claim, 1.0) is None
    assert limiter.reserve(claim, 61.0) is None
    limiter.refund(claim, 1.0)
    assert limiter.reserve(claim, 62.0) is not None


def test_the_log_stays_small() -> None:
    """Spends within a thousandth of the window share an entry, dated at the later one."""
    limiter, claim = one(capacity=1e9)
    for tick in range(10_000):
        assert limiter.reserve(claim, tick / 100) is None
    (state,) = limiter.snapshot(99.99, WALL).buckets
    assert len(state.spent) <= 1001
    assert sum(units for _, units in state.spent) >= 6000


def test_a_time_read_too_early_is_not_dated_back() -> None:
    """Two probes read the clock in one order and reserve in the other."""
    limiter, claim = one(5.0)
    other = limiter.claim("binance", "ping", "", ())
    assert limiter.reserve(other, 10.0) is None
    assert limiter.reserve(claim, 0.0) is None
    assert denial(limiter, claim, 60.0).retry_at == 70.0


def test_unknown_limits_are_a_bug() -> None:
    """A cost must name a limit of the plan."""
    limiter, _ = one()
    with pytest.raises(ValueError, match="unknown limits: nope"):
        limiter.reconfigure([limit()], [(("nope", 1.0),)])
    with pytest.raises(KeyError):
        limiter.claim("binance", "depth", "", (("nope", 1.0),))


# What the provider's headers say


def test_others_on_our_address_count() -> None:
    """From 80 % on the rest is left to the others, until the window resets."""
    limiter, claim = one()
    limiter.sync(claim, [LimitUsage("ip", used=79.0)], 0.0)
    assert limiter.reserve(claim, 0.0) is None
    limiter.sync(claim, [LimitUsage("ip", used=80.0, reset_in=12.5)], 1.0)
    assert denial(limiter, claim, 2.0) == Denial(SkipReason.BUDGET, 13.5, "ip_1m")
    found = shown(limiter, claim, 2.0)
    assert (found.used, found.remaining) == (0.8, 20.0)
    assert limiter.reserve(claim, 13.5) is None
    found = shown(limiter, claim, 13.5)
    assert (found.used, found.remaining) == (None, None)


@pytest.mark.parametrize("reset_in", [None, -1.0, 0.0, 61.0, 1e12])
def test_an_implausible_reset_is_one_window(reset_in: float | None) -> None:
    """A window cannot end later than it is long."""
    limiter, claim = one()
    limiter.sync(claim, [LimitUsage("ip", used=100.0, reset_in=reset_in)], 5.0)
    assert denial(limiter, claim, 6.0).retry_at == 65.0


@pytest.mark.parametrize(
    ("usage", "ratio", "remaining"),
    [
        pytest.param(LimitUsage("ip", remaining=30.0), 0.7, 30.0, id="of the published limit"),
        pytest.param(LimitUsage("ip", remaining=30.0, limit=50.0), 0.4, 30.0, id="of its own"),
        pytest.param(LimitUsage("ip", remaining=300.0), 0.0, 100.0, id="more than there is"),
        pytest.param(LimitUsage("ip", used=10.0, remaining=30.0), 0.7, 30.0, id="the worse"),
        pytest.param(LimitUsage("ip", used=120.0), 1.2, 0.0, id="overdrawn"),
        pytest.param(LimitUsage("ip", limit=50.0), None, None, id="no usage"),
        pytest.param(LimitUsage("other", used=120.0), None, None, id="not in the claim"),
    ],
)
def test_usage_is_read_carefully(
    usage: LimitUsage, ratio: float | None, remaining: float | None
) -> None:
    """Used, remaining and limit complete each other."""
    limiter, claim = one()
    limiter.sync(claim, [usage], 0.0)
    found = shown(limiter, claim, 0.0)
    assert found.used == (None if ratio is None else pytest.approx(ratio))
    assert found.remaining == remaining


@pytest.mark.parametrize(
    ("advertised", "grants"),
    [
        pytest.param(60.0, 3, id="silently lowered"),
        pytest.param(200.0, 5, id="raised"),
        pytest.param(0.01, 5, id="nonsense"),
    ],
)
def test_a_lowered_limit_shrinks_our_allowance(advertised: float, grants: int) -> None:
    """5 % of the advertised limit if that is less than the published one; never more."""
    limiter, claim = one()
    limiter.sync(claim, [LimitUsage("ip", limit=advertised)], 0.0)
    assert granted(limiter, claim, 0.0) == grants


def test_a_lowered_limit_holds_until_another_is_advertised() -> None:
    """It is a fact of the provider, not of one window."""
    limiter, claim = one()
    limiter.sync(claim, [LimitUsage("ip", used=1.0, limit=60.0)], 0.0)
    assert granted(limiter, claim, 100.0) == 3
    limiter.sync(claim, [LimitUsage("ip", limit=100.0)], 101.0)
    assert granted(limiter, claim, 102.0) == 2


def test_headers_never_give_back_what_we_spent() -> None:
    """A provider that reports less than our own log changes nothing."""
    limiter, claim = one()
    assert granted(limiter, claim, 0.0) == 5
    limiter.sync(claim, [LimitUsage("ip", used=0.0, remaining=100.0, limit=1e12)], 1.0)
    assert limiter.reserve(claim, 1.0) is not None


@pytest.mark.parametrize("text", ["nan", "-1", "inf", "", "1e99", "9" * 99, "many", "\x00"])
def test_nonsense_headers_change_nothing(text: str) -> None:
    """From the header to the bucket."""
    limiter, claim = one()
    headers = dict.fromkeys(("x-used", "x-left", "x-limit", "x-reset"), text)
    limiter.sync(claim, limit_usages(headers, [limit()], WALL), 0.0)
    assert granted(limiter, claim, 0.0) == 5


# Blocks


@pytest.mark.parametrize(
    ("scope", "blocked"),
    [
        (Scope.IP, {"depth", "time", "other account", "another account"}),
        (Scope.EXCHANGE, {"depth", "time", "other account", "another account"}),
        (Scope.ENDPOINT, {"depth", "other account"}),
        (Scope.ACCOUNT, {"depth", "time"}),
    ],
)
def test_a_block_stops_its_scope_only(scope: Scope, blocked: set[str]) -> None:
    """Another exchange is never concerned."""
    limiter = Limiter([limit()], [IP])
    claims = {
        "depth": limiter.claim("binance", "depth", "main", IP),
        "time": limiter.claim("binance", "time", "main", IP),
        "other account": limiter.claim("binance", "depth", "second", IP),
        "another account": limiter.claim("binance", "time", "second", IP),
        "exchange": limiter.claim("okx", "depth", "main", IP),
    }
    limiter.block(claims["depth"], scope, 60.0, Reason.BANNED, now=0.0)
    denials = {name: limiter.reserve(claim, 59.0) for name, claim in claims.items()}
    assert {name for name, found in denials.items() if found is not None} == blocked
    found = denials["depth"]
    assert found is not None
    assert (found.reason, found.retry_at) == (SkipReason.BACKOFF, 60.0)
    assert limiter.reserve(claims["depth"], 60.0) is None


def test_the_later_block_wins() -> None:
    """A block is never shortened, and the denial names the last to end."""
    limiter, claim = one()
    limiter.block(claim, Scope.EXCHANGE, 60.0, Reason.BANNED, now=0.0)
    limiter.block(claim, Scope.EXCHANGE, 30.0, Reason.RATE_LIMITED, now=1.0)
    limiter.block(claim, Scope.ENDPOINT, 50.0, Reason.RATE_LIMITED, now=1.0)
    assert denial(limiter, claim, 2.0) == Denial(SkipReason.BACKOFF, 60.0, "exchange banned")
    assert denial(limiter, claim, 55.0) == Denial(SkipReason.BACKOFF, 60.0, "exchange banned")


def test_blocks_in_a_row_are_counted() -> None:
    """Answers that arrive together are one block; ten quiet minutes end the row."""
    limiter, claim = one()
    counts = []
    for now, until in ((0.0, 30.0), (1.0, 31.0), (40.0, 100.0), (699.0, 800.0), (1401.0, 1500.0)):
        counts.append(limiter.consecutive(claim, Scope.IP, now))
        limiter.block(claim, Scope.IP, until, Reason.RATE_LIMITED, now)
    assert counts == [0, 0, 1, 2, 0]


# Restart and reload


def test_a_restart_forgets_nothing() -> None:
    """Spending, usage, the lowered limit, the block and its count, on a new monotonic clock."""
    limiter, claim = one()
    assert limiter.reserve(claim, 10.0) is None
    limiter.sync(claim, [LimitUsage("ip", used=50.0, limit=60.0)], 11.0)
    limiter.block(claim, Scope.EXCHANGE, 20.0, Reason.BANNED, now=11.0)
    again, claim = one()
    again.restore(limiter.snapshot(12.0, WALL), 500.0, WALL + 1)
    assert denial(again, claim, 506.9).retry_at == pytest.approx(507.0, abs=0.002)
    assert again.consecutive(claim, Scope.EXCHANGE, 600.0) == 1
    found = shown(again, claim, 507.1)
    assert found.used == pytest.approx(5 / 6)
    assert found.remaining == 10.0
    assert found.budget_used == pytest.approx(1 / 3)
    assert shown(again, claim, 559.1).budget_used == 0.0


@pytest.mark.parametrize("at", [0.0, 0.0004, 1 / 3, 12.3456789])
def test_saving_moves_no_spend_into_the_past(at: float) -> None:
    """What is saved is at most a millisecond later than what happened."""
    limiter, claim = one()
    assert limiter.reserve(claim, at) is None
    ((saved, _),) = limiter.snapshot(20.0, WALL + 20.0).buckets[0].spent
    assert 0 < saved - WALL - at <= 0.001001


def test_a_clock_set_back_is_survived() -> None:
    """Spends from the future were made now at the latest; blocks last a week at most."""
    limiter, claim = one(5.0)
    assert limiter.reserve(claim, 0.0) is None
    limiter.sync(claim, [LimitUsage("ip", used=100.0)], 0.0)
    limiter.block(claim, Scope.EXCHANGE, 10.0, Reason.BANNED, now=0.0)
    again, claim = one(5.0)
    again.restore(limiter.snapshot(0.0, WALL), 0.0, 0.0)
    week = 7 * 24 * 3600.0
    assert denial(again, claim, 1.0) == Denial(SkipReason.BACKOFF, week, "exchange banned")
    assert shown(again, claim, 59.9).budget_used == 1.0
    assert again.reserve(claim, week) is None


def test_a_snapshot_of_another_plan_is_ignored() -> None:
    """Except for blocks: the exchange may come back with the next reload."""
    limiter, claim = one(5.0)
    assert limiter.reserve(claim, 0.0) is None
    limiter.block(claim, Scope.EXCHANGE, 10.0, Reason.BANNED, now=0.0)
    again = Limiter([limit("other")], [])
    again.restore(limiter.snapshot(0.0, WALL), 0.0, WALL)
    claim = again.claim("binance", "depth", "", (("other", 1.0),))
    assert shown(again, claim, 0.0).budget_used == 0.0
    assert denial(again, claim, 0.0).what == "exchange banned"


def test_a_reload_refills_nothing() -> None:
    """The log stays under its key with a larger share, a smaller one, and without the limit."""
    limiter, claim = one()
    assert granted(limiter, claim, 0.0) == 5
    limiter.reconfigure([limit(share=0.07)], [IP])
    assert granted(limiter, claim, 1.0) == 2
    limiter.reconfigure([limit(share=0.01)], [IP])
    assert denial(limiter, claim, 2.0).retry_at == 61.0
    limiter.reconfigure([], [])
    assert limiter.sustained_rates() == {}
    limiter.reconfigure([limit()], [IP])
    assert limiter.reserve(limiter.claim("binance", "time", "", IP), 4.0) is not None


def test_a_probe_in_flight_through_a_reload_is_refunded() -> None:
    """A claim of the old plan still reaches its buckets and blocks."""
    limiter, old = one(5.0)
    assert limiter.reserve(old, 0.0) is None
    limiter.reconfigure([limit()], [IP])
    limiter.refund(old, 0.0)
    limiter.block(old, Scope.EXCHANGE, 2.0, Reason.BANNED, now=1.0)
    new = limiter.claim("binance", "depth", "", IP)
    assert denial(limiter, new, 1.0).reason is SkipReason.BACKOFF
    assert granted(limiter, new, 2.0) == 5


def test_a_shorter_window_after_a_reload_starts_a_new_entry() -> None:
    """What is spent after it is charged although the old grain was longer than the new window."""
    slow = Limit("ip", "binance", "ip", Scope.IP, 1.0, 86_400.0, 1.0)
    fast = Limit("ip", "binance", "ip", Scope.IP, 1.0, 1.0, 1.0)
    limiter = Limiter([slow], [IP])
    claim = limiter.claim("binance", "ping", "", IP)
    assert limiter.reserve(claim, 0.0) is None
    limiter.reconfigure([fast], [IP])
    assert limiter.reserve(claim, 1.0) is None
    assert limiter.reserve(claim, 1.5) is not None
