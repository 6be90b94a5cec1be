"""How often each target is probed: its own interval, stretched until everything fits the budget."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ENDPOINT_INTERVALS = {
    "ping": 30.0,
    "time": 30.0,
    "status": 60.0,
    "ticker": 15.0,
    "price": 15.0,
    "book_ticker": 15.0,
    "depth": 15.0,
    "trades": 30.0,
    "klines": 60.0,
}
CATEGORY_INTERVALS = {
    "spot": 60.0,
    "derivatives": 60.0,
    "market_data": 60.0,
    "explorer": 60.0,
    "news": 300.0,
    "sentiment": 600.0,
    "onchain": 300.0,
}

HEADROOM = 0.9
"""The share of our allowance that the schedule plans for; the rest is for people's own probes."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What one target would like: a probe every ``interval`` seconds, each costing ``costs``."""

    target: str
    interval: float
    costs: Sequence[tuple[str, float]]


def default_interval(category: str, endpoint: str) -> float:
    """The interval in seconds where neither the catalog nor the configuration names one."""
    if category in ("spot", "derivatives"):
        return ENDPOINT_INTERVALS.get(endpoint, CATEGORY_INTERVALS[category])
    return CATEGORY_INTERVALS[category]


def fit(demands: Sequence[Demand], rates: Mapping[str, float]) -> dict[str, float]:
    """Intervals in seconds that keep every limit's spending within its rate.

    ``rates`` are the sustained allowances in units per second by limit key. Targets that share a
    limit are stretched by the same factor, so that what was wanted more often stays more frequent.
    Stretched intervals are rounded up to whole seconds.
    """
    wanted: dict[str, float] = {}
    for demand in demands:
        for key, cost in demand.costs:
            wanted[key] = wanted.get(key, 0.0) + cost / demand.interval
    factors = {key: max(1.0, total / (HEADROOM * rates[key])) for key, total in wanted.items()}
    return {demand.target: _stretched(demand, factors) for demand in demands}


def _stretched(demand: Demand, factors: Mapping[str, float]) -> float:
    factor = max((factors[key] for key, _ in demand.costs), default=1.0)
    if factor == 1.0:
        return demand.interval
    return float(math.ceil(demand.interval * factor))
