"""One probe in flight and one per interval, whoever asks how often."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from exporter.core.model import Reason, SkipReason
from exporter.core.plan import Fields, Time
from exporter.runner import TOLERANCE

from .virtual import run
from .world import (
    OK,
    UNREACHABLE,
    World,
    after,
    answer,
    failed,
    price_of,
    reason_of,
    target,
)


def test_scrapes_at_once_share_one_probe() -> None:
    """All of them get the same measurement, and none of them counts as skipped."""

    async def scenario() -> None:
        world = World(target("ticker"))
        world.prober.takes = 1.0
        views = await world.scrape_each(["ticker"] * 10)
        assert world.asked == ["ticker"]
        assert len({id(view.result) for view in views}) == 1
        assert {view.skipped for view in views} == {None}
        assert world.recorder.results == [views[0].result]
        assert world.recorder.skips == []

    run(scenario())


def test_a_scrape_within_the_interval_repeats_the_measurement_with_its_age() -> None:
    """It is counted as skipped; 5 % before the interval is over, the target is due again."""

    async def scenario() -> None:
        world = World(target("ticker", interval=10.0))
        first = await world.scrape("ticker")
        await world.until(9.4)
        second = await world.scrape("ticker")
        assert second.result is first.result
        assert second.age == pytest.approx(9.4, abs=0.01)
        assert (second.skipped, second.retry_at) == (SkipReason.INTERVAL, None)
        assert world.recorder.skips == [("x/ticker", SkipReason.INTERVAL)]
        await world.until(9.6)
        assert (await world.scrape("ticker")).skipped is None
        assert world.ask_times == [0.0, 9.6]

    run(scenario())


@pytest.mark.parametrize("offset", [0.0, 0.3, 5.0, 9.4, 9.6])
def test_two_scrapers_cost_one_probe_per_interval(offset: float) -> None:
    """Wherever the second of a pair of Prometheus servers stands in the interval."""
    rounds, interval = 100, 10.0

    async def scraper(world: World, begin: float) -> None:
        for number in range(rounds):
            await world.until(begin + number * interval)
            await world.scrape("ticker")

    async def scenario() -> None:
        world = World(target("ticker", interval=interval))
        await asyncio.gather(scraper(world, 0.0), scraper(world, offset))
        assert rounds <= len(world.asked) <= rounds / TOLERANCE + 1

    run(scenario())


@pytest.mark.parametrize("takes", [1.0, 4.9, 6.0], ids=["slow", "very slow", "times out"])
def test_a_slow_exchange_is_still_asked_at_every_scrape(takes: float) -> None:
    """The interval runs from question to question, not from answer to question."""

    async def scenario() -> None:
        world = World(target("ticker", interval=10.0))
        world.prober.takes = takes
        for number in range(5):
            await world.until(number * 10.0)
            assert (await world.scrape("ticker")).skipped is None
        assert world.ask_times == [0.0, 10.0, 20.0, 30.0, 40.0]

    run(scenario())


def test_a_probe_goes_on_when_its_scraper_hangs_up() -> None:
    """The next scrape shows what it found."""

    async def scenario() -> None:
        world = World(target("ticker"))
        world.prober.takes = 2.0
        scrape = asyncio.create_task(world.scrape("ticker"))
        await world.until(1.0)
        scrape.cancel()
        await asyncio.wait({scrape})
        await world.until(3.0)
        view = await world.scrape("ticker")
        assert reason_of(view) is None
        assert view.age == pytest.approx(1.0, abs=0.01)
        assert world.asked == ["ticker"]

    run(scenario())


def test_a_success_is_not_repeated_for_ever() -> None:
    """Nobody knows the state of a target that was last asked some intervals ago; a failure stays
    until something better is known.
    """

    async def scenario() -> None:
        world = World(target("good", interval=10.0), target("bad", interval=10.0))
        world.prober.answers = [OK, UNREACHABLE]
        await world.scrape_each(["good", "bad"])
        await world.until(34.9)
        assert [view.result is None for view in world.runner.views()] == [False, False]
        await world.until(35.1)
        assert [view.result is None for view in world.runner.views()] == [True, False]

    run(scenario())


def test_all_targets_are_asked_the_longest_unmeasured_first() -> None:
    """The views come in the order of the plan nevertheless."""

    async def scenario() -> None:
        world = World(*(target(name, interval=10.0) for name in "abcd"))
        for at, name in enumerate("cad"):
            await world.until(at)
            await world.scrape(name)
        await world.until(20.0)
        views = await world.runner.probe_all(10.0)
        assert world.asked == [*"cad", *"bcad"]
        assert [str(view.plan.target) for view in views] == ["x/a", "x/b", "x/c", "x/d"]
        assert {view.skipped for view in views} == {None}

    run(scenario())


def test_a_target_outside_the_plan_is_refused() -> None:
    """Nothing but what is configured can be asked."""
    with pytest.raises(KeyError, match="x/nonsense"):
        run(World(target("ticker")).scrape("nonsense"))


def test_a_state_began_when_the_reason_last_changed() -> None:
    """Being measured again in the same state changes nothing."""
    answers = [
        (OK, 0.0),
        (OK, 0.0),
        (UNREACHABLE, 20.0),
        (UNREACHABLE, 20.0),
        (failed(Reason.DNS), 40.0),
        (OK, 50.0),
    ]

    async def scenario() -> None:
        world = World(target("ticker", interval=10.0))
        world.prober.answers = [given for given, _ in answers]
        began = []
        for number in range(len(answers)):
            await world.until(number * 10.0)
            view = await world.scrape("ticker")
            assert view.since is not None
            began.append(round(view.since - world.clock.unix() + world.clock.elapsed(), 2))
        assert began == [since for _, since in answers]

    run(scenario())


def test_a_successor_knows_what_its_predecessor_learnt() -> None:
    """A reload loses neither measurement nor baselines, and probes nothing twice."""

    async def scenario() -> None:
        world = World(target("ticker", interval=10.0))
        before = await world.scrape("ticker")
        old, world.runner = world.runner, world.successor()
        world.runner.carry_over(old)
        await world.until(5.0)
        view = await world.scrape("ticker")
        assert view.skipped is SkipReason.INTERVAL
        assert view.result is before.result
        assert view.age == pytest.approx(5.0, abs=0.01)
        assert (view.since, view.last_success_at) == (before.since, before.last_success_at)
        await world.until(10.0)
        world.prober.always = answer('{"price": "100"}')
        view = await world.scrape("ticker")
        assert reason_of(view) is Reason.INVALID_DATA  # compared with the price from before
        assert price_of(view) == 100

    run(scenario())


def test_the_clock_of_an_exchange_is_known_to_all_its_targets() -> None:
    """Across a reload, too: ages are told by the exchange's clock, here 1.5 s ahead."""

    def seconds(name: str) -> Time:
        return Time(lambda document: document[name], float, 0.0)

    async def scenario() -> None:
        clock = target("time", fields=Fields(server_time=seconds("now")), checks=("json",))
        world = World(clock, target("depth", fields=Fields(time=seconds("at")), checks=("json",)))
        world.prober.answers = [
            replace(answer(body), sent_at=after(0.0), received_at=after(0.0))
            for body in (f'{{"now": {after(1.5)}}}', f'{{"at": {after(-1.0)}}}')
        ]
        await world.scrape("time")
        old, world.runner = world.runner, world.successor()
        world.runner.carry_over(old)
        view = await world.scrape("depth")
        assert view.result is not None
        assert view.result.facts.payload_age == pytest.approx(2.5)

    run(scenario())


def test_a_successor_ignores_targets_it_does_not_have() -> None:
    """And starts afresh with those that its predecessor did not have."""

    async def scenario() -> None:
        world = World(target("ticker"))
        await world.scrape("ticker")
        other = World(target("depth"))
        other.runner.carry_over(world.runner)
        assert [view.result for view in other.runner.views()] == [None]

    run(scenario())
