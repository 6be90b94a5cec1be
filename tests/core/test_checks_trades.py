"""Lists of trades."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.model import Failure, Reason
from exporter.core.plan import Fields
from tests.core import samples
from tests.core.samples import NOW, check, rows, trade_list


def trades(body: object, offset: float = 0.0, **parameters: Any) -> Failure | None:
    return check("trades", body, samples.TRADES, offset=offset, **parameters)


@given(
    gaps=st.lists(st.integers(-900, 5000), max_size=60),
    newest=st.floats(-1.5, 200),
    prices=st.lists(st.decimals("0.00000001", "100000", places=8), min_size=1),
)
def test_every_possible_list_passes(gaps: list[int], newest: float, prices: list[object]) -> None:
    """Times may waver by less than a second; ids may repeat."""
    times = [0]
    for gap in gaps:
        times.append(max(max(times) - 999, times[-1] + gap))
    end = (NOW - newest) * 1000 - max(times)
    body = [
        {"id": n // 2, "price": str(prices[n % len(prices)]), "qty": "1", "time": int(end + time)}
        for n, time in enumerate(times)
    ]

    assert trades(body) is None


@given(st.integers(2, 50).flatmap(lambda count: st.permutations(range(count))))
def test_a_list_out_of_order_fails(order: list[int]) -> None:
    """By ids alone, even if the times say nothing."""
    body = [trade_list(len(order), step=0)[n] for n in order]

    assert (trades(body) is None) == (order == sorted(order))


def test_times_out_of_order_fail_without_ids() -> None:
    """Even if each is within the tolerance of the one before it."""
    body = [{**trade, "id": "x"} for trade in reversed(trade_list(5, step=0.4))]

    failure = trades(body)

    assert failure is not None
    assert failure.detail == "the times are not in the documented order"


def test_the_order_is_the_documented_one() -> None:
    """Newest first for some."""
    fields = Fields(
        trades=rows("@", id="id", price="price", size="qty", time="time", newest_first=True)
    )

    assert check("trades", trade_list()[::-1], fields) is None
    assert check("trades", trade_list(), fields) is not None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({"price": "0"}, Reason.INVALID_DATA, id="price of zero"),
        pytest.param({"qty": "-1"}, Reason.INVALID_DATA, id="negative size"),
        pytest.param({"qty": "0"}, Reason.INVALID_DATA, id="no size"),
        pytest.param({"time": None}, Reason.INVALID_DATA, id="no time"),
        pytest.param({"time": int(NOW)}, Reason.INVALID_DATA, id="seconds for milliseconds"),
        pytest.param({"price": "NaN"}, Reason.INVALID_DATA, id="NaN"),
        pytest.param({"time": int(NOW + 3) * 1000}, Reason.INVALID_DATA, id="from the future"),
        pytest.param({"time": int(NOW - 301) * 1000}, Reason.STALE_DATA, id="old"),
        pytest.param({"time": int(NOW - 299) * 1000}, None, id="not so old"),
    ],
)
def test_a_single_trade_is_judged(change: dict[str, object], reason: Reason | None) -> None:
    """Values first, then the age of the newest."""
    failure = trades([trade_list(1)[0] | change])

    assert (failure and failure.reason) == reason


def test_the_age_is_by_the_clock_of_the_exchange() -> None:
    """The known skew is taken out."""
    assert trades(trade_list(newest=NOW - 310), offset=-20) is None


@pytest.mark.parametrize("body", [[], {}, None, "x", [[]], [1]], ids=repr)
def test_no_trades_are_invalid(body: object) -> None:
    """A market without a single trade is no market."""
    failure = trades(body)

    assert failure is not None
    assert failure.reason is Reason.INVALID_DATA
