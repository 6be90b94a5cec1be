"""The market: what must be true of it at any time, on any exchange, under any seed."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.simulator.market import BASIS, Market, Snapshot

MARKET = Market(1)
EXCHANGES = ("binance", "okx", "kraken")

times = st.floats(1e5, 4e9, allow_nan=False)
pairs = st.sampled_from(["BTC-USDT", "ETH-USD", "DOGE-USDT", "ETH-BTC", "XLM-BTC", "QQQ-EUR"])
exchanges = st.sampled_from(EXCHANGES)
few = settings(max_examples=40)


def snapshot(pair: str, now: float, exchange: str = "okx", market: Market = MARKET) -> Snapshot:
    """A snapshot with rows of every kind."""
    return market.snapshot(exchange, pair, now, depth=400, trades=50, klines=30)


@few
@given(pairs, times, exchanges)
def test_book_is_sorted_and_uncrossed(pair: str, now: float, exchange: str) -> None:
    """Bids fall, asks rise, the last price lies between the best of both, all are positive."""
    facts = snapshot(pair, now, exchange)
    bids, asks = [price for price, _ in facts.bids], [price for price, _ in facts.asks]
    assert len(bids) == len(asks) == 400
    assert all(a > b for a, b in pairwise(bids))
    assert all(a < b for a, b in pairwise(asks))
    assert 0 < bids[-1] < bids[0] == facts.bid[0] < facts.last < facts.ask[0] == asks[0]
    assert asks[0] - bids[0] < facts.last * 1e-3


@few
@given(pairs, times)
def test_numbers_survive_rendering(pair: str, now: float) -> None:
    """With the decimals of the pair, prices stay apart and no size becomes zero."""
    facts = snapshot(pair, now)
    prices = [f"{price:.{facts.price_decimals}f}" for price, _ in facts.bids]
    assert len(set(prices)) == len(prices)
    sizes = [size for _, size in facts.bids] + [trade.size for trade in facts.trades]
    assert all(round(size, facts.size_decimals) > 0 for size in sizes)


@few
@given(pairs, times)
def test_price_and_sequence_move_every_second(pair: str, now: float) -> None:
    """A healthy market never looks frozen."""
    before, after = snapshot(pair, now), snapshot(pair, now + 1.0)
    assert before.last != after.last
    assert before.sequence < after.sequence
    assert before.update_id < after.update_id
    assert before.trade_id < after.trade_id


@few
@given(pairs, times)
def test_trades_are_recent_and_in_order(pair: str, now: float) -> None:
    """Ids are successive, times rise and the newest is no older than a second."""
    facts = snapshot(pair, now)
    ids, moments = [t.id for t in facts.trades], [t.time for t in facts.trades]
    assert ids == list(range(ids[0], ids[0] + 50))
    assert ids[-1] == facts.trade_id
    assert moments == sorted(moments)
    assert now - 1 < moments[-1] <= now


@few
@given(pairs, times)
def test_candles_are_contiguous(pair: str, now: float) -> None:
    """One candle a minute, aligned; each opens where the last one closed; the last is open."""
    candles = snapshot(pair, now).klines
    assert [c.time for c in candles] == [now // 60 * 60 - 60 * n for n in range(29, -1, -1)]
    assert all(a.close == b.open for a, b in pairwise(candles))
    assert all(c.low <= min(c.open, c.close) <= max(c.open, c.close) <= c.high for c in candles)
    assert all(c.volume > 0 for c in candles)
    assert [c.closed for c in candles] == [True] * 29 + [False]
    assert candles[-1].close == snapshot(pair, now).last


@few
@given(pairs, times)
def test_day_encloses_the_last_price(pair: str, now: float) -> None:
    """The 24 hour statistics agree with each other."""
    facts = snapshot(pair, now)
    assert 0 < facts.low <= min(facts.open, facts.last)
    assert max(facts.open, facts.last) <= facts.high
    assert facts.volume > 0


@few
@given(pairs, times)
def test_exchanges_agree_on_the_price(pair: str, now: float) -> None:
    """All exchanges stay within twice the basis of each other."""
    prices = [MARKET.snapshot(exchange, pair, now).last for exchange in EXCHANGES]
    assert max(prices) / min(prices) - 1 < 2 * BASIS + 1e-5


@few
@given(pairs, times)
def test_same_seed_same_market(pair: str, now: float) -> None:
    """Nothing but seed, exchange, pair and time decides, not even what was asked before."""
    assert snapshot(pair, now) == snapshot(pair, now, market=Market(1))


def test_another_seed_is_another_market() -> None:
    """The seed matters."""
    assert snapshot("BTC-USDT", 1.8e9) != snapshot("BTC-USDT", 1.8e9, market=Market(2))


@pytest.mark.parametrize(("pair", "about"), [("BTC-USDT", 60000), ("ETH-USD", 3000)])
def test_prices_are_plausible(pair: str, about: float) -> None:
    """The big assets cost about what people expect."""
    assert snapshot(pair, 1.8e9).last == pytest.approx(about, rel=0.25)


def test_most_levels_stay_from_one_step_to_the_next() -> None:
    """Like a real book, and as a stream of changes needs it: no snapshot is all new."""
    before, after = snapshot("BTC-USDT", 1.8e9).bids, snapshot("BTC-USDT", 1.8e9 + 0.1).bids
    assert len(set(before) & set(after)) > 300
