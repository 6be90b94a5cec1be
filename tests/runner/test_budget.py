"""What the runner does when the limiter says not now."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from exporter.core.model import SkipReason
from exporter.runner import JOIN_GRACE

from .virtual import run
from .world import (
    ONE_IN_20_S,
    UNREACHABLE,
    World,
    after,
    answer,
    limit,
    reason_of,
    target,
)


def test_targets_share_their_limit() -> None:
    """What one of them spends is gone for the other."""

    async def scenario() -> None:
        world = World(target("a"), target("b"), target("c"), ip=limit(2.0, window=60.0))
        views = await world.scrape_each("abc")
        assert [view.skipped for view in views] == [None, None, SkipReason.BUDGET]
        assert [view.limits[0].budget_used for view in views] == [1.0, 1.0, 1.0]
        assert world.recorder.skips == [("x/c", SkipReason.BUDGET)]

    run(scenario())


def test_a_scrape_waits_for_its_turn_when_there_is_time() -> None:
    """The wait is no part of what is measured."""

    async def scenario() -> None:
        world = World(target("a"), target("b"), ip=ONE_IN_20_S)
        world.prober.takes = 0.5
        _, view = await world.scrape_each("ab", timeout=30.0)
        assert world.ask_times == [0.0, 20.0]
        assert world.clock.elapsed() == pytest.approx(20.5)
        assert view.result is not None
        assert view.result.observation.elapsed == 0.5
        assert view.skipped is None
        assert world.recorder.skips == []

    run(scenario())


def test_a_scrape_without_the_time_is_told_when_and_the_next_one_shows_the_measurement() -> None:
    """The probe takes its turn in the background."""

    async def scenario() -> None:
        world = World(target("a"), target("b"), ip=ONE_IN_20_S)
        _, view = await world.scrape_each("ab", timeout=10.0)
        assert world.clock.elapsed() == 0.0
        assert (view.result, view.skipped) == (None, SkipReason.BUDGET)
        assert view.retry_at == pytest.approx(after(20.0), abs=0.01)
        assert view.skip_detail == "requests"
        assert world.recorder.skips == [("x/b", SkipReason.BUDGET)]
        await world.until(25.0)
        view = await world.scrape("b")
        assert reason_of(view) is None
        assert view.age == pytest.approx(5.0, abs=0.01)
        assert world.ask_times == [0.0, 20.0]

    run(scenario())


def test_scrapes_of_a_target_that_waits_join_its_wait() -> None:
    """Those with the time get the measurement, the others the reason; there is one probe."""

    async def scenario() -> None:
        world = World(target("a"), target("b"), ip=ONE_IN_20_S)
        await world.scrape("a")
        hurried, patient = await asyncio.gather(
            world.scrape("b", timeout=10.0), world.scrape("b", timeout=30.0)
        )
        assert (hurried.result, hurried.skipped) == (None, SkipReason.BUDGET)
        assert (reason_of(patient), patient.skipped) == (None, None)
        assert world.asked == ["a", "b"]

    run(scenario())


def test_a_scrape_that_loses_its_turn_to_another_is_told_the_next() -> None:
    """It leaves at its deadline; the probe goes on waiting."""

    async def scenario() -> None:
        world = World(target("a"), target("b"), target("c"), ip=ONE_IN_20_S)
        views = await world.scrape_each("abc", timeout=30.0)
        assert world.clock.elapsed() == pytest.approx(30.0 + JOIN_GRACE)
        (loser,) = (view for view in views if view.skipped)
        assert loser.skipped is SkipReason.BUDGET
        assert loser.retry_at == pytest.approx(after(40.0), abs=0.01)
        await world.until(41.0)
        assert world.ask_times == [0.0, 20.0, 40.0]

    run(scenario())


def test_a_wait_does_not_shorten_the_probe() -> None:
    """An exchange is never blamed for a timeout because our turn came late in the scrape."""

    async def scenario() -> None:
        world = World(target("a"), target("b", timeout=5.0), ip=ONE_IN_20_S)
        world.prober.answers = [answer()]
        await world.scrape("a")
        world.prober.takes = 3.0
        view = await world.scrape("b", timeout=21.0)
        assert world.clock.elapsed() == pytest.approx(21.0 + JOIN_GRACE)
        assert view.skipped is SkipReason.INTERVAL
        assert world.prober.asks[-1].timeout == 5.0
        await world.until(24.0)
        assert reason_of(await world.scrape("b")) is None

    run(scenario())


def test_a_probe_that_waited_an_interval_is_given_up() -> None:
    """So the queue of a limit that is too small for its targets stays short."""

    async def scenario() -> None:
        world = World(*(target(name, interval=30.0) for name in "abcd"), ip=ONE_IN_20_S)
        views = await world.scrape_each("abcd", timeout=60.0)
        assert world.ask_times == [0.0, 20.0]
        assert world.clock.elapsed() == 20.0
        assert world.runner.in_flight == 0
        denied = [view for view in views if view.skipped]
        assert [view.skipped for view in denied] == [SkipReason.BUDGET] * 2
        assert denied[0].retry_at == pytest.approx(after(40.0), abs=0.01)

    run(scenario())


def test_a_turn_more_than_an_interval_away_is_not_waited_for() -> None:
    """The next scrape comes sooner."""

    async def scenario() -> None:
        world = World(target("a"), target("b", interval=15.0), ip=ONE_IN_20_S)
        _, view = await world.scrape_each("ab", timeout=60.0)
        assert world.clock.elapsed() == 0.0
        assert world.runner.in_flight == 0
        assert view.skipped is SkipReason.BUDGET

    run(scenario())


@pytest.mark.parametrize("apart", [0.0, 1.0, 3.0, 19.0])
def test_no_target_starves_on_a_small_limit(apart: float) -> None:
    """Seven targets on one request in 20 s, each scraped at its own fixed time of the interval
    that the budget allows them, are measured in every round although most must wait.
    """
    names, interval, rounds = "abcdefg", 156.0, 4

    async def scraper(world: World, place: int) -> None:
        for number in range(rounds):
            await world.until(number * interval + place * apart)
            await world.scrape(names[place])

    async def scenario() -> None:
        world = World(*(target(name, interval=interval) for name in names), ip=ONE_IN_20_S)
        world.prober.takes = 0.5
        await asyncio.gather(*(scraper(world, place) for place in range(len(names))))
        await world.until(rounds * interval)
        assert sorted(world.asked) == sorted(names * rounds)

    run(scenario())


def test_a_probe_that_sent_nothing_costs_nothing() -> None:
    """The budget is there for the next target at once, also when the probe had waited for it."""

    async def scenario() -> None:
        world = World(target("a"), target("b"), target("c"), ip=ONE_IN_20_S)
        world.prober.answers = [UNREACHABLE, answer(), UNREACHABLE]
        await world.scrape("a")
        await world.scrape("b")
        await world.scrape("c", timeout=30.0)
        assert world.ask_times == [0.0, 0.0, 20.0]
        assert world.budget_used == 0.0

    run(scenario())


def test_headers_tell_what_others_spent() -> None:
    """When the exchange says that its limit is nearly used up, the rest is left to the others."""

    async def scenario() -> None:
        world = World(target("a"), target("b"), ip=limit(100.0, window=60.0, share=0.05))
        world.prober.answers = [answer(x_used="85")]
        first, second = await world.scrape_each("a"), await world.scrape_each("b")
        assert [view.skipped for view in first + second] == [None, SkipReason.BUDGET]
        assert first[0].limits[0].used == 0.85
        assert second[0].retry_at == pytest.approx(after(60.0), abs=0.01)

    run(scenario())


def test_headers_are_not_read_where_they_mean_nothing() -> None:
    """A target may say that its answers' headers are those of another limit."""

    async def scenario() -> None:
        silent = replace(target("a"), usage_headers=False)
        world = World(silent, target("b"), ip=limit(100.0, window=60.0, share=0.05))
        world.prober.answers = [answer(x_used="85")]
        await world.scrape("a")
        assert (await world.scrape("b")).skipped is None

    run(scenario())
