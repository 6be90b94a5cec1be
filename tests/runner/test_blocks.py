"""Staying away when an exchange says so."""

from __future__ import annotations

import asyncio
from email.utils import formatdate

import pytest

from exporter.core.model import Observation, Reason, SkipReason

from .virtual import run
from .world import OK, ONE_IN_20_S, World, after, answer, failed, reason_of, target

ANSWERS = [
    pytest.param(answer("", 429), 30.0, Reason.RATE_LIMITED, id="429"),
    pytest.param(answer("", 429, retry_after="7"), 7.0, Reason.RATE_LIMITED, id="429 seconds"),
    pytest.param(
        answer("", 429, retry_after=formatdate(after(90.0), usegmt=True)),
        90.0,
        Reason.RATE_LIMITED,
        id="429 date",
    ),
    pytest.param(answer("", 418, retry_after="120"), 120.0, Reason.BANNED, id="418"),
    pytest.param(answer("", 503, retry_after="50"), 50.0, Reason.HTTP_ERROR, id="503"),
    pytest.param(answer('{"code": "BAN"}'), 30.0, Reason.BANNED, id="in the body"),
    pytest.param(
        answer('{"code": "BAN", "message": "until 300"}'), 300.0, Reason.BANNED, id="with its end"
    ),
    pytest.param(failed(Reason.TIMEOUT, 429), 30.0, Reason.TIMEOUT, id="429 cut short"),
    pytest.param(failed(Reason.TOO_LARGE, 418), 30.0, Reason.TOO_LARGE, id="418 too large"),
    pytest.param(
        failed(Reason.DISCONNECTED, 429, retry_after="7"),
        7.0,
        Reason.DISCONNECTED,
        id="429 cut short, with seconds",
    ),
]


@pytest.mark.parametrize(("told", "seconds", "reason"), ANSWERS)
def test_nothing_is_sent_before_the_time_that_was_named(
    told: Observation, seconds: float, reason: Reason
) -> None:
    """By any target of the exchange; it is on record before anything else could be sent."""

    async def scenario() -> None:
        world = World(target("a", interval=2.0), target("b", interval=2.0))
        world.prober.answers = [told]
        first = await world.scrape("a")
        assert (reason_of(first), first.skipped) == (reason, None)
        assert first.blocked_until == pytest.approx(after(seconds), abs=0.01)
        assert world.blocks == [1]
        for at in (0.1, seconds / 2, seconds - 0.1):
            await world.until(at)
            view = await world.scrape("b")
            assert view.skipped is SkipReason.BACKOFF
            assert view.retry_at == pytest.approx(after(seconds), abs=0.01)
        assert world.recorder.skips == [("x/b", SkipReason.BACKOFF)] * 3
        assert world.asked == ["a"]
        await world.until(seconds + 0.1)
        assert [view.skipped for view in await world.scrape_each("ab")] == [None, None]
        assert world.asked == ["a", "a", "b"]

    run(scenario())


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(answer("", 503), id="503 without a time"),
        pytest.param(answer(retry_after="50"), id="success with a time"),
        pytest.param(answer("", 500, retry_after="50"), id="500 with a time"),
        pytest.param(answer("", 401), id="refused"),
        pytest.param(failed(Reason.TIMEOUT), id="no answer"),
        pytest.param(failed(Reason.DISCONNECTED, 200), id="answer cut short"),
    ],
)
def test_other_trouble_keeps_nobody_away(told: Observation) -> None:
    """Only an answer that tells us to wait does."""

    async def scenario() -> None:
        world = World(target("a"), target("b"))
        world.prober.answers = [told]
        assert (await world.scrape("a")).blocked_until is None
        assert (await world.scrape("b")).skipped is None
        assert world.blocks == []

    run(scenario())


def test_a_block_withdraws_successes_and_lets_failures_stand() -> None:
    """Nobody knows whether the former are still true; an alert on the latter must not resolve."""

    async def scenario() -> None:
        world = World(target("good", interval=10.0), target("bad", interval=10.0))
        world.prober.answers = [OK, answer("", 429, retry_after="60")]
        good = await world.scrape("good")
        bad = await world.scrape("bad")
        await world.until(20.0)
        views = await world.scrape_each(["good", "bad"])
        assert [view.skipped for view in views] == [SkipReason.BACKOFF] * 2
        assert [view.result for view in views] == [None, bad.result]
        assert views[0].age is None
        assert views[1].age == pytest.approx(20.0, abs=0.01)
        assert [view.last_success_at for view in views] == [good.since, None]

    run(scenario())


@pytest.mark.parametrize(
    ("told", "detail"),
    [
        pytest.param(answer("", 418), "exchange banned", id="ban"),
        pytest.param(failed(Reason.TIMEOUT, 418), "exchange banned", id="ban cut short"),
        pytest.param(answer("", 429), "exchange rate_limited", id="limit"),
        pytest.param(answer("", 503, retry_after="9"), "exchange rate_limited", id="503"),
    ],
)
def test_a_skip_says_whether_it_is_a_ban(told: Observation, detail: str) -> None:
    """To people: it makes a difference to what they do next."""

    async def scenario() -> None:
        world = World(target("a"), target("b"))
        world.prober.answers = [told]
        await world.scrape("a")
        assert (await world.scrape("b")).skip_detail == detail

    run(scenario())


def test_a_block_calls_off_a_probe_that_waits_for_its_turn() -> None:
    """Its scrape is told the reason that counts now."""

    async def scenario() -> None:
        world = World(target("a"), target("b"), ip=ONE_IN_20_S)
        world.prober.answers = [answer("", 429, retry_after="50")]
        world.prober.takes = 1.0
        _, view = await world.scrape_each("ab", timeout=30.0)
        assert view.skipped is SkipReason.BACKOFF
        assert view.retry_at == pytest.approx(after(51.0), abs=0.01)
        await world.until(49.0)
        assert world.asked == ["a"]
        assert world.runner.in_flight == 0

    run(scenario())


def test_a_block_of_one_endpoint_leaves_the_others_alone() -> None:
    """The catalog says what a code applies to, and how long it lasts."""

    async def scenario() -> None:
        world = World(target("a", interval=1.0), target("b"))
        world.prober.answers = [answer('{"code": "SLOW"}')]
        await world.scrape("a")
        await world.until(2.0)
        limited, other = await world.scrape_each("ab")
        assert limited.retry_at == pytest.approx(after(9.0), abs=0.01)
        assert (other.skipped, other.blocked_until) == (None, None)

    run(scenario())


def test_blocks_in_a_row_last_longer() -> None:
    """Where the exchange names no time; answers of one moment count as one block."""

    async def scenario() -> None:
        world = World(target("a", interval=1.0), target("b", interval=1.0))
        world.prober.always = answer("", 429)
        ends = []
        for at in (0.0, 31.0, 92.0):
            await world.until(at)
            views = await world.scrape_each("ab")
            ends.append(views[1].blocked_until)
        assert ends == [pytest.approx(after(end), abs=0.1) for end in (30.0, 91.0, 212.0)]

    run(scenario())


def test_probes_in_flight_when_the_block_comes_are_measured() -> None:
    """What was sent was sent."""

    async def scenario() -> None:
        world = World(target("a"), target("b"))
        world.prober.answers = [answer("", 429)]
        world.prober.takes = 2.0
        first = asyncio.create_task(world.scrape("a"))
        await world.until(1.0)
        second = await world.scrape("b")
        assert reason_of(await first) is Reason.RATE_LIMITED
        assert (reason_of(second), second.skipped) == (None, None)
        assert second.blocked_until is not None

    run(scenario())
