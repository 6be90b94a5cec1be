"""The exporter's manners by the books of the exchanges, in every shipped story.

Never more than its share of a limit in any window; not one request while it was told to stay away;
also when it is restarted in the middle of it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from exporter.simulator.accounting import Limit
from exporter.simulator.scenario import load_scenario, shipped
from exporter.state import DiskStore
from tests.runner.virtual import run
from tests.simulator.audit import Book, books, excesses, intrusions
from tests.simulator.inprocess import SimulatedWorld, plan_of

LONGEST = 15 * 60.0
STRETCHES = 4
"""A story is told in so many stretches, with a restart of the exporter between two of them."""


async def told(name: str, budget: float, folder: Path) -> SimulatedWorld:
    """The world after a story, or the first minutes of a long one."""
    world = SimulatedWorld(plan_of(budget))
    scenario = load_scenario(name)
    world.simulation.play(scenario)
    for _ in range(STRETCHES):
        await world.scrape(min(scenario.length, LONGEST) / STRETCHES)
        problem = DiskStore(folder).save(await world.stop())
        assert problem is None
        saved, problem = DiskStore(folder).load()
        assert problem is None
        world.start(saved)
    return world


STORIES = [*((name, 0.05) for name in shipped()), ("rate-limit-storm", 1.0)]


@pytest.mark.parametrize(("name", "budget"), STORIES, ids=[f"{n}-{b}" for n, b in STORIES])
def test_manners(name: str, budget: float, tmp_path: Path) -> None:
    """By the count of the exchanges, the exporter is a good guest."""
    world = run(told(name, budget, tmp_path))
    requests, exchanges = tuple(world.simulation.requests), world.simulation.exchanges
    assert {request.exchange for request in requests} == set(exchanges)
    assert list(excesses(books(requests, exchanges), budget)) == []
    assert list(intrusions(requests, world.simulated.delivered, exchanges)) == []


def test_the_storm_is_one(tmp_path: Path) -> None:
    """There are refusals and a ban to obey, and the exporter is back when they are over."""
    world = run(told("rate-limit-storm", 0.05, tmp_path))
    binance = [r for r in world.simulation.requests if r.exchange == "binance"]
    assert {200, 418, 429} <= {request.status for request in binance}
    assert binance[-1].status == 200
    refused = {r.exchange for r in world.simulation.requests if r.until}
    assert refused == {"binance", "bybit", "kraken", "okx"}


def test_the_books_notice_bad_manners() -> None:
    """A client that spends too much, or does not stay away, is found out."""

    async def rude() -> SimulatedWorld:
        world = SimulatedWorld(plan_of(0.05))
        world.simulation.set_faults([{"exchange": "binance", "fault": "banned", "after": 30}])
        for _ in range(60):
            await world.prober.ask(
                world.plan.targets["binance/depth/BTC-USDT"].request(0.0),
                world.plan.targets["binance/depth/BTC-USDT"].route,
                5.0,
            )
            await world.clock.sleep(0.9)
        return world

    world = run(rude())
    requests, exchanges = tuple(world.simulation.requests), world.simulation.exchanges
    assert list(excesses(books(requests, exchanges), 0.03)) == ["binance/weight_1m: 300 of 180"]
    assert list(excesses(books(requests, exchanges), 0.05)) == []
    assert len(list(intrusions(requests, world.simulated.delivered, exchanges))) > 20


def test_a_share_of_less_than_one_request_is_a_longer_window() -> None:
    """One in a second at 5 % is one in 20 s."""
    limit = Limit("l", per_endpoint=False, per_pair=False, capacity=1, window=1, headers={})
    assert list(excesses([Book("x", limit, [(0.0, 1), (20.0, 1), (40.0, 1)])], 0.05)) == []
    assert list(excesses([Book("x", limit, [(0.0, 1), (19.9, 1)])], 0.05)) == ["x: 2 of 1"]
