"""Probers that hang or crash, scrapes in a hurry, and the end."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from exporter.core.breaker import State
from exporter.core.model import Reason, SkipReason
from exporter.core.plan import Request
from exporter.runner import JOIN_GRACE

from .virtual import run
from .world import ONE_IN_20_S, UNREACHABLE, World, reason_of, target


@pytest.mark.parametrize(
    ("scrape", "ask"),
    [
        pytest.param(30.0, 5.0, id="time enough"),
        pytest.param(2.0, 2.0, id="less than the plan's"),
        pytest.param(0.1, 5.0, id="too little to be worth it"),
    ],
)
def test_a_probe_gets_no_more_time_than_its_scrape(scrape: float, ask: float) -> None:
    """Unless the scrape cannot wait anyway."""

    async def scenario() -> None:
        world = World(target("ticker", timeout=5.0))
        await world.scrape("ticker", timeout=scrape)
        assert [each.timeout for each in world.prober.asks] == [ask]

    run(scenario())


def test_a_probe_that_times_out_with_its_scrape_is_still_shown() -> None:
    """The failure is known a moment after the deadline."""

    async def scenario() -> None:
        world = World(target("ticker"))
        world.prober.takes = 60.0
        view = await world.scrape("ticker", timeout=2.0)
        assert world.clock.elapsed() == pytest.approx(2.0)
        assert reason_of(view) is Reason.TIMEOUT
        assert view.skipped is None

    run(scenario())


def test_a_hurried_scrape_leaves_and_the_next_one_shows_the_measurement() -> None:
    """What is too slow for one scrape is not lost."""

    async def scenario() -> None:
        world = World(target("ticker"))
        world.prober.takes = 3.0
        view = await world.scrape("ticker", timeout=0.1)
        assert world.clock.elapsed() == pytest.approx(0.1 + JOIN_GRACE)
        assert (view.result, view.skipped) == (None, SkipReason.INTERVAL)
        await world.until(4.0)
        view = await world.scrape("ticker", timeout=0.1)
        assert reason_of(view) is None
        assert view.age == pytest.approx(1.0, abs=0.01)

    run(scenario())


def test_no_scrape_waits_for_a_prober_that_hangs() -> None:
    """Every view is there by its deadline and a grace."""

    async def scenario() -> None:
        world = World(target("ticker"))
        world.prober.hangs = True
        view = await world.scrape("ticker", timeout=3.0)
        assert world.clock.elapsed() == pytest.approx(3.0 + JOIN_GRACE)
        assert (view.result, view.skipped) == (None, SkipReason.INTERVAL)
        assert world.runner.in_flight == 1
        await world.runner.close()
        assert world.runner.in_flight == 0

    run(scenario())


def test_a_crash_is_our_failure_and_passes() -> None:
    """It says nothing of the host, tells no secret, and the next probe is sent as usual."""

    async def scenario() -> None:
        world = World(target("ticker", interval=10.0), target("depth"))
        world.prober.answers = [RuntimeError("secret")] * 10
        for number in range(10):
            await world.until(number * 10.0)
            view = await world.scrape("ticker")
            assert reason_of(view) is Reason.INTERNAL_ERROR
            assert "secret" not in str(view.result)
            assert (view.circuit, view.skipped) == (State.CLOSED, None)
        assert world.runner.in_flight == 0
        assert len(world.recorder.results) == 10
        await world.until(100.0)
        views = await world.scrape_each(["ticker", "depth"])
        assert [reason_of(view) for view in views] == [None, None]

    run(scenario())


def test_a_crash_counts_as_sent_and_says_nothing_of_the_host() -> None:
    """Nobody knows how far it got: its budget is spent, also when it had waited for it, and the
    failures in a row before it are neither forgotten nor one more.
    """

    async def scenario() -> None:
        names = "abcdef"
        world = World(*(target(name) for name in names), ip=ONE_IN_20_S)
        world.prober.answers = [*[UNREACHABLE] * 4, RuntimeError(), RuntimeError(), UNREACHABLE]
        views = [await world.scrape(name, timeout=60.0) for name in names]
        assert world.ask_times == [0.0] * 5 + [20.0]
        assert [reason_of(view) for view in views[4:]] == [Reason.INTERNAL_ERROR] * 2
        assert {view.skipped for view in views} == {None}
        assert (views[5].circuit, world.budget_used) == (State.CLOSED, 1.0)
        await world.until(60.0)
        assert (await world.scrape("e")).circuit is State.OPEN

    run(scenario())


def test_a_request_that_cannot_be_built_is_our_failure() -> None:
    """Nothing is sent."""

    def unbuildable(now: float) -> Request:
        raise ValueError("no key")

    async def scenario() -> None:
        world = World(replace(target("account"), request=unbuildable))
        assert reason_of(await world.scrape("account")) is Reason.INTERNAL_ERROR
        assert (world.asked, world.runner.in_flight) == ([], 0)

    run(scenario())


def test_closing_ends_what_is_in_flight_and_what_waits() -> None:
    """Their scrapes are answered, and nothing is sent afterwards."""

    async def scenario() -> None:
        world = World(target("flying"), target("waiting"), ip=ONE_IN_20_S)
        world.prober.hangs = True
        scrapes = [
            asyncio.create_task(world.scrape(name, timeout=30.0)) for name in ("flying", "waiting")
        ]
        await world.until(1.0)
        assert world.runner.in_flight == 2
        await world.runner.close()
        assert world.runner.in_flight == 0
        views = await asyncio.gather(*scrapes)
        assert [view.result for view in views] == [None, None]
        await world.until(100.0)
        assert world.asked == ["flying"]
        assert world.recorder.results == []

    run(scenario())


def test_closing_ends_what_has_hardly_begun() -> None:
    """A probe that is due to start in this very moment leaves nothing behind either."""

    async def scenario() -> None:
        world = World(target("ticker"))
        scrape = asyncio.create_task(world.scrape("ticker"))
        await asyncio.sleep(0)
        assert world.runner.in_flight == 1
        await world.runner.close()
        assert world.runner.in_flight == 0
        assert (await scrape).result is None
        assert world.asked == []

    run(scenario())
