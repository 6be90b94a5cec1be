"""What takes time: deadlines, silence, backoff, rotation, a whole day."""

from __future__ import annotations

import asyncio
import itertools
import json

import pytest

from exporter.core.model import Reason
from exporter.core.stream import Session
from exporter.core.stream_plan import Heartbeat, SequenceRule
from exporter.core.stream_totals import End
from exporter.core.stream_view import StreamView
from tests.runner.virtual import run

from .plans import channel, member, message, plan
from .virtual_exchange import Behaviour, Visitor, virtually


async def acknowledge_and_stay(visitor: Visitor) -> None:
    await visitor.acknowledge()
    await asyncio.Event().wait()


def ticking(every: float, count: int = 10**9) -> Behaviour:
    """Acknowledge, then send so many messages at this pace, then only stay."""

    async def behave(visitor: Visitor) -> None:
        await visitor.acknowledge()
        for number in range(1, count + 1):
            await asyncio.sleep(every)
            visitor.say(message(number, at=visitor.clock.unix()))
        await asyncio.Event().wait()

    return behave


def ends(view: StreamView) -> dict[End, int]:
    """The reasons for which connections ended."""
    return {end: count for end, count in view.ends.items() if count}


def test_nobody_knows_anything_before_the_first_acknowledgement() -> None:
    """Neither success nor failure while the first subscription is under way."""

    async def test() -> None:
        async with virtually(plan(), acknowledge_and_stay) as world:
            await asyncio.sleep(0.03)
            assert world.monitor.view("x/stream.book/BTC-USDT").result is None
            await asyncio.sleep(0.1)
            result = world.monitor.view("x/stream.book/BTC-USDT").result
            assert result is not None
            assert result.ok

    run(test())


def test_a_subscription_that_is_never_acknowledged_times_out() -> None:
    """The connection is given up, and the next ones come ever more slowly."""

    async def mute(visitor: Visitor) -> None:
        await asyncio.Event().wait()

    async def test() -> None:
        async with virtually(plan(), mute) as world:
            await asyncio.sleep(600.0)
            view = world.stream()
            assert view.failure is not None
            assert view.failure.reason is Reason.TIMEOUT
            assert view.ends[End.NOT_SUBSCRIBED] > 3
            waits = [b - a for a, b in itertools.pairwise(world.exchange.opened)]
            assert waits[-1] > 25.0 > waits[0]

    run(test())


def test_acknowledged_but_never_a_message_is_silence() -> None:
    """After max_gap the stream is stale; after minutes the connection is replaced, still stale."""

    async def test() -> None:
        async with virtually(plan(), acknowledge_and_stay) as world:
            await asyncio.sleep(29.0)
            assert world.stream().failure is None
            await asyncio.sleep(2.0)
            view = world.stream()
            assert view.silent
            assert view.failure is not None
            assert view.failure.reason is Reason.STALE_DATA
            for _ in range(100):
                await asyncio.sleep(7.0)
                failure = world.stream().failure
                assert failure is not None
                assert failure.reason is Reason.STALE_DATA
            assert world.stream().ends[End.SILENCE] >= 1

    run(test())


def test_silence_is_judged_by_the_habit_of_the_channel() -> None:
    """Ten seconds of a busy channel are silence though its bound is ten minutes."""
    busy = plan("", channel(max_gap=600.0))

    async def test() -> None:
        async with virtually(busy, ticking(0.1, 600)) as world:
            await asyncio.sleep(59.0)
            assert not world.stream().silent
            await asyncio.sleep(10.0)
            assert world.stream().silent
            assert world.stream().max_gap == 5.0

    run(test())


def test_a_quiet_channel_is_not_silent() -> None:
    """One message a minute under a bound of five minutes is fine for hours."""
    quiet = plan("", channel(max_gap=300.0))

    async def test() -> None:
        async with virtually(quiet, ticking(60.0)) as world:
            for _ in range(240):
                await asyncio.sleep(60.0)
                assert world.stream().failure is None

    run(test())


def test_a_ping_without_an_answer_ends_the_connection() -> None:
    """Also while data flows: half a connection is none."""

    async def behave(visitor: Visitor) -> None:
        visitor.answers_pings = False
        await ticking(1.0)(visitor)

    async def test() -> None:
        async with virtually(plan(), behave) as world:
            await asyncio.sleep(50.0)
            assert ends(world.stream()) == {End.NO_PONG: 1}

    run(test())


def test_pings_are_timed() -> None:
    """Every twenty seconds where the provider has no rule."""

    async def test() -> None:
        async with virtually(plan(), ticking(1.0)) as world:
            await asyncio.sleep(15.0)
            assert world.stream().heartbeat_round_trip is None
            await asyncio.sleep(10.0)
            assert world.stream().heartbeat_round_trip == pytest.approx(0.0, abs=0.001)

    run(test())


def test_nothing_at_all_for_the_advised_time_ends_the_connection() -> None:
    """Kraken: no message of any kind for five seconds means reconnect."""
    strict = plan(heartbeat=Heartbeat(silence=5.0))

    async def test() -> None:
        async with virtually(strict, ticking(1.0, 20)) as world:
            await asyncio.sleep(24.0)
            assert world.stream().connections == 1
            await asyncio.sleep(7.0)
            assert world.stream().ends[End.SILENCE] == 1

    run(test())


def test_waiting_for_ones_turn_to_speak_keeps_nobody_busy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Twenty subscriptions, one each quarter of a second, are a few wake-ups and no more."""
    ticks = []
    tick = Session.tick

    def counted(session: Session, now: float, at: float) -> None:
        ticks.append(now)
        tick(session, now, at)

    monkeypatch.setattr(Session, "tick", counted)
    slow = plan("", *(channel(f"c{n}") for n in range(20)), message_interval=0.25)

    async def behave(visitor: Visitor) -> None:
        for _ in range(20):
            await visitor.acknowledge()
        await asyncio.Event().wait()

    async def test() -> None:
        async with virtually(slow, behave) as world:
            await asyncio.sleep(10.0)
            assert world.stream("x/stream.c19/BTC-USDT").subscribed

    run(test())

    assert len(ticks) < 100


def test_attempts_stay_within_our_share_of_the_limit() -> None:
    """A server that always drops us sees three connections in any minute and no more."""
    tight = plan(attempts=60.0, window=60.0, share=0.05)

    async def drop(visitor: Visitor) -> None:
        await visitor.acknowledge()
        visitor.cut()

    async def test() -> list[float]:
        async with virtually(tight, drop, rand=0.0) as world:
            await asyncio.sleep(0.5)
            whole = world.monitor.view("x/stream.book/BTC-USDT")
            assert whole.skipped == "budget"
            assert whole.limits[0].name == "stream_connects"
            await asyncio.sleep(600.0)
            return world.exchange.opened

    opened = run(test())

    assert len(opened) == 33
    assert all(opened[i + 3] - opened[i] > 59.9 for i in range(len(opened) - 3))


def test_failures_in_a_row_back_off_and_success_forgives() -> None:
    """Full jitter under a doubling ceiling of at most a minute."""

    async def test() -> None:
        async with virtually(plan(), ticking(1.0)) as world:
            world.exchange.down = ConnectionRefusedError(111, "refused")
            await asyncio.sleep(600.0)
            failed = list(world.exchange.opened)
            world.exchange.down = None
            await asyncio.sleep(120.0)
            assert world.stream().failure is None
            world.exchange.visitors[-1].cut()
            cut_at = world.clock.elapsed()
            await asyncio.sleep(2.0)
            assert world.exchange.opened[-1] - cut_at == pytest.approx(0.5, abs=0.05)
            waits = [b - a for a, b in itertools.pairwise(failed)]
            assert [round(wait, 1) for wait in waits[:5]] == [0.5, 1.0, 2.0, 4.0, 8.0]
            assert max(waits) < 31.0

    run(test())


def test_shutdown_closes_everything_within_a_second() -> None:
    """Whatever the watch is doing: connecting, waiting, watching."""

    async def test() -> None:
        async with virtually(plan(), ticking(0.1)) as world:
            await asyncio.sleep(5.0)
            began = world.clock.elapsed()
            await world.monitor.close()
            assert world.clock.elapsed() - began < 1.0
            assert world.exchange.connected == 0

    run(test())


def test_a_day_of_cuts_a_notice_and_a_reset_raises_no_false_alarm() -> None:
    """24 hours: the provider cuts every connection after four hours, announces one shutdown and
    resets its sequence once. No gap, no silence, no failure at any minute.
    """
    linked = SequenceRule("linked", last=member("u"), previous=member("p"))
    day = plan("", channel(sequence=linked, max_gap=60.0), lifetime=4 * 3600.0)

    async def behave(visitor: Visitor) -> None:
        await visitor.acknowledge()
        await asyncio.sleep(4 * 3600.0)
        visitor.cut(End.CLOSED)

    async def test() -> None:
        async with virtually(day, behave) as world:
            previous = -1
            number = 10**6
            failures = []
            for minute in range(24 * 60):
                for _ in range(6):
                    await asyncio.sleep(10.0)
                    for visitor in world.exchange.visitors:
                        body = message(number, at=world.clock.unix(), p=previous)
                        visitor.say(body)
                    previous, number = number, number + 3
                if minute == 600:
                    number = 5
                if minute == 900:
                    world.exchange.visitors[-1].say(json.dumps({"notice": True}))
                failures.append(world.stream().failure)
            view = world.stream()
            assert failures == [None] * (24 * 60)
            assert (view.gaps, view.out_of_order, view.duplicates) == (0, 0, 0)
            assert view.resyncs == 1
            assert ends(view) == {End.LIFETIME: 6, End.NOTICE: 1}
            assert world.exchange.connected == 1
            assert view.data_messages == 24 * 60 * 6

    run(test())
