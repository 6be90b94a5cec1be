"""The verdict matrix: every fault × every exchange it applies to gives exactly what is tabled."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from exporter.clock import SystemClock
from exporter.config.document import parse_document
from exporter.config.loader import config_from
from exporter.config.plan import build_plan
from exporter.core.plan import Plan
from exporter.probers.http import HttpProber
from exporter.simulator import FAULTS, Simulator
from exporter.simulator.faults import Kind
from exporter.state import Snapshot
from tests.runner.virtual import VirtualLoop
from tests.simulator.inprocess import SimulatedWorld, World, plan_of, verdict_of
from tests.simulator.matrix import Line, cases, document, lines, targets
from tests.simulator.support import catalog_without_limits

BUDGET = 1.0
"""Waiting for our share of a limit is not what is tested here."""

PATIENCE = 0.4
"""Seconds for an answer that may never come."""

LONG_AFTER = 7200.0
"""Seconds after which nothing of an earlier trial counts any more."""

ANSWERS = list(cases(plan_of(BUDGET), "answers"))
WIRE = lines("wire")


def test_every_fault_has_a_row_and_every_row_a_fault() -> None:
    """A new fault needs a verdict."""
    of_calls = {name: fault.kind for name, fault in FAULTS.items() if fault.kind is not Kind.STREAM}
    on_wire = {name for name, kind in of_calls.items() if kind in (Kind.WIRE, Kind.CONNECTION)}
    assert document()["answers"].keys() == of_calls.keys() - on_wire
    assert document()["wire"].keys() == on_wire


def test_every_fault_meets_every_exchange() -> None:
    """No exchange is left out of a fault."""
    for section in ("answers", "wire"):
        met = {(line.fault, exchange) for line, exchange in cases(plan_of(BUDGET), section)}
        assert met == {(fault, e) for fault in document()[section] for e in plan_of().exchanges}


@pytest.fixture(scope="module")
def virtual() -> Iterator[asyncio.Runner]:
    """Virtual time that goes on from test to test."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        yield runner


@pytest.fixture(scope="module")
def world(virtual: asyncio.Runner) -> SimulatedWorld:
    """The simulation with every exchange."""

    async def new() -> SimulatedWorld:
        return SimulatedWorld(plan_of(BUDGET))

    return virtual.run(new())


async def trial(world: SimulatedWorld, line: Line, exchange: str) -> dict[str, str]:
    """The verdicts on all exchanges while one has the fault, long after all others."""
    world.simulation.end_faults()
    await world.clock.sleep(LONG_AFTER)
    world.start(Snapshot())
    there = targets(world.plan, line.ask)
    before = await world.probe(there.values())
    assert {verdict_of(view) for view in before.values()} == {"ok"}
    await world.clock.sleep(max(world.plan.targets[key].interval for key in there.values()))
    world.simulation.set_faults([line.request(exchange)])
    after = await world.probe(there.values())
    for _ in range(line.probes - 1):
        await world.clock.sleep(line.pause)
        after = await world.probe(there.values())
    return {name: verdict_of(after[key]) for name, key in there.items()}


@pytest.mark.parametrize(
    ("line", "exchange"), ANSWERS, ids=[f"{line}-{exchange}" for line, exchange in ANSWERS]
)
def test_verdict_on_an_answer(
    virtual: asyncio.Runner, world: SimulatedWorld, line: Line, exchange: str
) -> None:
    """As tabled, and nobody else is blamed."""
    expected = dict.fromkeys(targets(world.plan, line.ask), "ok")
    expected[exchange] = line.expected(exchange)
    assert virtual.run(trial(world, line, exchange)) == expected


@pytest.fixture(scope="module")
def real() -> Iterator[asyncio.Runner]:
    """One event loop for the simulator and all who ask it."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def simulator(real: asyncio.Runner) -> Iterator[Simulator]:
    """All exchanges, each on a port of its own, with TLS and without limits."""

    async def start() -> Simulator:
        simulator = Simulator(catalog_without_limits())
        await simulator.start(tls=True)
        return simulator

    running = real.run(start())
    yield running
    real.run(running.close())


@pytest.fixture(scope="module")
def plan(simulator: Simulator) -> Plan:
    """The plan for the simulator."""
    return plan_at(simulator.base_urls, simulator.ca_file)


def plan_at(base_urls: Mapping[str, str], ca_file: Path | None = None) -> Plan:
    """The plan of exchanges at these places."""
    places = "".join(f"  {name}: {{base_url: '{url}'}}\n" for name, url in base_urls.items())
    network = f"network: {{ca_file: '{ca_file}'}}\n" if ca_file else ""
    text = f"budget: {BUDGET}\n{network}exchanges:\n{places}"
    return build_plan(config_from(parse_document(text, "test"), None, {}))


def impatient(plan: Plan, target: str) -> Plan:
    """The plan with a short timeout for one target."""
    hurried = replace(plan.targets[target], timeout=PATIENCE)
    return replace(plan, targets={**plan.targets, target: hurried})


async def over_sockets(
    simulator: Simulator, plan: Plan, line: Line, exchange: str
) -> dict[str, str]:
    """The verdicts on all exchanges while one has the fault; connections are warm before it."""
    there = targets(plan, line.ask)
    prober = HttpProber("test")
    try:
        before = await World(plan, prober, SystemClock()).probe(there.values())
        assert {verdict_of(view) for view in before.values()} == {"ok"}
        simulator.set_faults([line.request(exchange)])
        await simulator.settle()
        world = World(impatient(plan, there[exchange]), prober, SystemClock())
        after = await world.probe(there.values())
        return {name: verdict_of(after[key]) for name, key in there.items()}
    finally:
        simulator.end_faults()
        await simulator.settle()
        await prober.close()


@pytest.mark.parametrize("line", WIRE, ids=str)
def test_verdict_on_the_wire(
    real: asyncio.Runner, simulator: Simulator, plan: Plan, line: Line
) -> None:
    """As tabled on every exchange, and nobody else is blamed."""
    for exchange in plan.exchanges:
        seen = real.run(over_sockets(simulator, plan, line, exchange))
        assert seen == {**dict.fromkeys(plan.exchanges, "ok"), exchange: line.expected(exchange)}


@pytest.mark.parametrize(("url", "verdict"), document()["base_url"].items())
def test_verdict_on_a_name(real: asyncio.Runner, url: str, verdict: str) -> None:
    """A name that does not resolve is made by configuration."""
    plan = plan_at({name: url.format(exchange=name) for name in plan_of().exchanges})

    async def ask() -> set[str]:
        world = World(plan, HttpProber("test"), SystemClock())
        views = await world.probe(targets(plan, "depth").values())
        await world.prober.close()
        return {verdict_of(view) for view in views.values()}

    assert real.run(ask()) == {verdict}
