"""What holds whenever anybody scrapes: nothing is sent above the allowance or during a block."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.core.bucket import allowance
from exporter.core.plan import Limit

from .virtual import run
from .world import OK, TIMED_OUT, UNREACHABLE, Answer, World, answer, limit, target

COSTS = {"a": 1.0, "b": 1.0, "c": 2.0}
ROUNDING = 1e-3
LIMITED = answer("", 429, retry_after="7")

limits = st.builds(
    limit,
    capacity=st.sampled_from([1.0, 4.0, 60.0]),
    window=st.sampled_from([1.0, 10.0, 60.0]),
    share=st.sampled_from([0.05, 0.5, 1.0]),
)
scrapes = st.lists(
    st.tuples(
        st.floats(0.0, 20.0), st.sampled_from(list(COSTS)), st.sampled_from([0.1, 5.0, 40.0])
    ),
    max_size=40,
)
answers = st.lists(st.sampled_from([OK, OK, OK, TIMED_OUT, UNREACHABLE, LIMITED]), max_size=60)


async def _scrape_at(world: World, plan: list[tuple[float, str, float]]) -> None:
    """Scrape after each gap without waiting for the scrapes before."""
    at, tasks = 0.0, []
    for gap, name, timeout in plan:
        at += gap
        await world.until(at)
        tasks.append(asyncio.create_task(world.scrape(name, timeout)))
    await asyncio.gather(*tasks)
    await world.until(at + 500.0)


def _check_allowance(world: World, ip: Limit) -> None:
    ours = allowance(ip, max(COSTS.values()))
    sent = [ask for ask in world.prober.asks if ask.given is not UNREACHABLE]
    for first in sent:
        end = first.at + ours.window - ROUNDING
        spent = sum(COSTS[ask.target] for ask in sent if first.at <= ask.at < end)
        assert spent <= ours.units * (1.0 + 1e-9)


def _check_blocks(world: World) -> None:
    limited = [ask for ask in world.prober.asks if ask.given is LIMITED]
    for ask in limited:
        told_at = ask.at + world.prober.takes
        begin, end = told_at + ROUNDING, told_at + 7.0 - ROUNDING
        assert not [late.at for late in world.prober.asks if begin < late.at < end]


@settings(max_examples=60)
@given(ip=limits, plan=scrapes, given_answers=answers, takes=st.sampled_from([0.0, 0.3, 4.0]))
def test_nothing_is_sent_above_the_allowance_or_during_a_block(
    ip: Limit, plan: list[tuple[float, str, float]], given_answers: list[Answer], takes: float
) -> None:
    """In any window, under any scrapes and answers."""

    async def scenario() -> None:
        targets = (
            target(name, interval=5.0, costs=(("ip", cost),)) for name, cost in COSTS.items()
        )
        world = World(*targets, ip=ip)
        world.prober.answers = list(given_answers)
        world.prober.takes = takes
        await _scrape_at(world, plan)
        assert world.runner.in_flight == 0
        _check_allowance(world, ip)
        _check_blocks(world)

    run(scenario())
