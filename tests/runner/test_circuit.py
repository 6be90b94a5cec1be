"""Leaving a host alone that does not answer."""

from __future__ import annotations

import pytest

from exporter.core.breaker import State
from exporter.core.model import Reason, SkipReason

from .virtual import run
from .world import OK, UNREACHABLE, World, after, answer, limit, reason_of, target

NAMES = "abcdef"
FIRST_WAIT = 3.75  # 5 s, of which our chance waits three quarters


async def opened(world: World) -> None:
    """Five targets of the host cannot be reached, one after the other."""
    world.prober.answers = [UNREACHABLE] * 5
    for name in NAMES[:4]:
        assert (await world.scrape(name)).circuit is State.CLOSED
    assert (await world.scrape(NAMES[4])).circuit is State.OPEN


def host(interval: float = 60.0) -> World:
    """Six targets of one host."""
    return World(*(target(name, interval=interval) for name in NAMES))


def test_a_circuit_opens_after_five_failures_in_a_row() -> None:
    """Of any targets of the host; the budget of what is not sent is given back."""

    async def scenario() -> None:
        world = World(*(target(name) for name in NAMES), ip=limit(6.0, window=60.0))
        await opened(world)
        view = await world.scrape("f")
        assert view.skipped is SkipReason.CIRCUIT_OPEN
        assert view.skip_detail == "api.x.test"
        assert view.retry_at == pytest.approx(after(FIRST_WAIT), abs=0.01)
        assert world.recorder.skips == [("x/f", SkipReason.CIRCUIT_OPEN)]
        assert world.asked == list("abcde")
        assert world.budget_used == 0.0

    run(scenario())


def test_an_answer_between_the_failures_keeps_the_circuit_closed() -> None:
    """Even one that says no: the host is alive."""

    async def scenario() -> None:
        world = host(interval=1.0)
        world.prober.answers = [*[UNREACHABLE] * 4, answer("", 404), *[UNREACHABLE] * 4]
        for at in range(9):
            await world.until(at)
            view = await world.scrape("a")
        assert view.circuit is State.CLOSED

    run(scenario())


def test_another_host_of_the_exchange_has_its_own_circuit() -> None:
    """What it answers is not made less true by its neighbour."""

    async def scenario() -> None:
        elsewhere = target("elsewhere", host="data.x.test")
        world = World(*(target(name) for name in NAMES), elsewhere)
        await opened(world)
        view = await world.scrape("elsewhere")
        assert (view.skipped, view.circuit) == (None, State.CLOSED)

    run(scenario())


def test_an_open_circuit_withdraws_successes_and_lets_failures_stand() -> None:
    """As a block does."""

    async def scenario() -> None:
        world = host(interval=1.0)
        assert reason_of(await world.scrape("f")) is None
        await opened(world)
        await world.until(2.0)
        bad, good = await world.scrape_each("af")
        assert (good.skipped, good.result) == (SkipReason.CIRCUIT_OPEN, None)
        assert (bad.skipped, reason_of(bad)) == (SkipReason.CIRCUIT_OPEN, Reason.CONNECT)

    run(scenario())


def test_exactly_one_probe_tries_whether_the_host_is_back() -> None:
    """Its success lets all others through again."""

    async def scenario() -> None:
        world = host()
        await opened(world)
        await world.until(FIRST_WAIT + 60.0)
        world.prober.takes = 0.5
        views = await world.scrape_each(NAMES)
        assert world.asked[5:] == ["a"]
        assert [view.skipped for view in views] == [None, *[SkipReason.CIRCUIT_OPEN] * 5]
        assert [view.circuit for view in views] == [State.CLOSED, *[State.HALF_OPEN] * 5]
        views = await world.scrape_each(NAMES[1:])
        assert {view.skipped for view in views} == {None}

    run(scenario())


def test_a_failed_trial_prolongs_the_wait() -> None:
    """Twice as long as before."""

    async def scenario() -> None:
        world = host(interval=1.0)
        await opened(world)
        await world.until(4.0)
        world.prober.answers = [UNREACHABLE, OK]
        assert (await world.scrape("a")).circuit is State.OPEN
        await world.until(4.0 + 2 * FIRST_WAIT - 0.1)
        assert (await world.scrape("a")).skipped is SkipReason.CIRCUIT_OPEN
        await world.until(4.0 + 2 * FIRST_WAIT + 0.1)
        view = await world.scrape("a")
        assert (view.skipped, view.circuit, reason_of(view)) == (None, State.CLOSED, None)

    run(scenario())


def test_a_trial_that_is_cancelled_leaves_the_way_free() -> None:
    """The next probe is the trial then."""

    async def scenario() -> None:
        world = host()
        await opened(world)
        await world.until(FIRST_WAIT + 0.1)
        world.prober.hangs = True
        await world.scrape("f", timeout=1.0)
        old, world.runner = world.runner, world.successor()
        await old.close()
        world.prober.hangs = False
        view = await world.scrape("f")
        assert (view.skipped, view.circuit) == (None, State.CLOSED)

    run(scenario())
