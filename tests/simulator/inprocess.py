"""The exporter's runner against the simulation in virtual time, without any socket."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from exporter.clock import Clock
from exporter.config.document import parse_document
from exporter.config.loader import config_from, shipped_catalog
from exporter.config.plan import build_plan
from exporter.core.breaker import Breakers
from exporter.core.limits import Limiter
from exporter.core.model import Failure, Observation, Reason, SkipReason
from exporter.core.plan import Plan, Request, Route
from exporter.core.result import Result
from exporter.core.view import View
from exporter.probers import Prober
from exporter.runner import Runner
from exporter.simulator.distort import delay
from exporter.simulator.faults import Kind
from exporter.simulator.simulation import Answer, Simulation
from exporter.state import Snapshot
from tests.runner.virtual import FakeClock

ROUND_TRIP = 0.02
ALL_CONNECTIONS = ("refused", "tls_failure", "expired_certificate")

ENDS = {
    "refused": Reason.CONNECT,
    "tls_failure": Reason.TLS,
    "expired_certificate": Reason.TLS,
    "drop": Reason.DISCONNECTED,
    "reset": Reason.DISCONNECTED,
    "reset_body": Reason.DISCONNECTED,
    "truncated": Reason.DISCONNECTED,
    "hang": Reason.TIMEOUT,
    "hang_body": Reason.TIMEOUT,
}
"""What these faults of the wire come to; the tests with sockets prove it."""


@lru_cache(16)
def plan_of(budget: float = 0.05, exchanges: tuple[str, ...] = ()) -> Plan:
    """The plan of all exchanges, or some, for BTC-USDT; their URLs are ``http://<name>/…``."""
    names = exchanges or tuple(shipped_catalog())
    lines = "".join(f"  {name}: {{base_url: 'http://{name}'}}\n" for name in names)
    text = f"budget: {budget}\npairs: [BTC-USDT]\nexchanges:\n{lines}"
    return build_plan(config_from(parse_document(text, "test"), None, {}))


@dataclass
class SimulatedProber:
    """Asks the simulation directly; an answer takes a round trip of virtual time.

    ``delivered`` notes when the client had each answer, by the place in the simulation's log.
    """

    simulation: Simulation
    clock: FakeClock
    delivered: list[float] = field(default_factory=list)

    async def ask(self, request: Request, route: Route, timeout: float) -> Observation:
        url = urlsplit(request.url)
        sent_at = self.clock.unix()
        answer = self.simulation.ask(
            str(url.hostname), url.path, dict(parse_qsl(url.query)), "127.0.0.1"
        )
        assert answer, request.url
        place = len(self.delivered)
        self.delivered.append(float("inf"))
        takes, reason = _fate(answer)
        await self.clock.sleep(min(takes, timeout))
        if takes >= timeout:
            reason = Reason.TIMEOUT
        if reason:
            return _failed(reason, min(takes, timeout), sent_at)
        self.delivered[place] = received_at = self.clock.unix()
        return Observation(
            elapsed=takes,
            sent_at=sent_at,
            received_at=received_at,
            latency=takes,
            status=answer.reply.status,
            headers={name.lower(): value for name, value in answer.reply.headers.items()},
            body=answer.reply.body,
            requests_sent=1,
        )

    async def close(self) -> None:
        """There is nothing to close."""


def _fate(answer: Answer) -> tuple[float, Reason | None]:
    """Seconds that an answer takes on its way, and why it never arrives."""
    on_wire = [f for f in answer.faults if f.kind in (Kind.WIRE, Kind.CONNECTION)]
    takes = ROUND_TRIP
    for fault in on_wire:
        if fault.name == "latency":
            takes += delay(fault, answer.chance)
    end = next((fault for fault in on_wire if fault.name != "latency"), None)
    if end is None:
        return takes, None
    return (float("inf") if ENDS[end.name] is Reason.TIMEOUT else takes), ENDS[end.name]


def _failed(reason: Reason, elapsed: float, sent_at: float) -> Observation:
    sent = 0 if reason in (Reason.CONNECT, Reason.TLS) else 1
    failure = Failure(reason, "simulated")
    return Observation(elapsed, failure=failure, sent_at=sent_at, requests_sent=sent)


@dataclass
class Recorder:
    """Remembers what it was told."""

    results: list[Result] = field(default_factory=list)
    skips: list[tuple[str, SkipReason]] = field(default_factory=list)

    def record(self, result: Result) -> None:
        self.results.append(result)

    def record_skip(self, target: str, reason: SkipReason) -> None:
        self.skips.append((target, reason))


@lru_cache(1)
def _catalog() -> Mapping[str, Any]:
    return {name: document.data for name, document in shipped_catalog().items()}


class World:
    """A plan and the runner that carries it out."""

    def __init__(self, plan: Plan, prober: Prober, clock: Clock) -> None:
        self.plan = plan
        self.clock = clock
        self.prober = prober
        self.recorder = Recorder()
        self.start(Snapshot())

    def start(self, saved: Snapshot) -> None:
        """Begin with what an earlier process left on disk."""
        now, unix = self.clock.monotonic(), self.clock.unix()
        plans = self.plan.targets.values()
        self.limiter = Limiter(self.plan.limits.values(), [plan.costs for plan in plans])
        self.breakers = Breakers(lambda: 0.5)
        self.limiter.restore(saved.limiter, now, unix)
        self.breakers.restore(saved.circuits, now, unix)
        self.runner = Runner(
            self.plan,
            limiter=self.limiter,
            breakers=self.breakers,
            probers={"http": self.prober},
            recorder=self.recorder,
            clock=self.clock,
            blocked=lambda: None,
        )

    async def stop(self) -> Snapshot:
        """End the process; returns what it leaves on disk."""
        await self.runner.close()
        now, unix = self.clock.monotonic(), self.clock.unix()
        return Snapshot(self.limiter.snapshot(now, unix), self.breakers.snapshot(now, unix))

    async def scrape(self, seconds: float) -> None:
        """Scrape every target at its interval, as Prometheus does."""

        async def one(target: str, interval: float, offset: float) -> None:
            await self.clock.sleep(offset)
            while True:
                await self.runner.probe(target, min(interval, 10.0))
                await self.clock.sleep(interval)

        targets = self.plan.targets.items()
        tasks = [
            asyncio.create_task(one(target, plan.interval, n * plan.interval / len(targets)))
            for n, (target, plan) in enumerate(targets)
        ]
        await self.clock.sleep(seconds)
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ends), ends

    async def probe(self, targets: Iterable[str], timeout: float = 10.0) -> Mapping[str, View]:
        """Probe some targets at the same moment."""
        names = tuple(targets)
        views: Sequence[View] = await asyncio.gather(
            *(self.runner.probe(name, timeout) for name in names)
        )
        return dict(zip(names, views, strict=True))


class SimulatedWorld(World):
    """A plan, its runner and the simulation, under one virtual clock."""

    def __init__(self, plan: Plan, seed: int = 1) -> None:
        clock = FakeClock()
        self.simulation = Simulation(
            _catalog(), seed=seed, now=clock.unix, connections=ALL_CONNECTIONS
        )
        self.simulated = SimulatedProber(self.simulation, clock)
        super().__init__(plan, self.simulated, clock)


def verdict_of(view: View) -> str:
    """``ok``, ``reason`` or ``reason check``, or ``skipped reason``. A skip for the interval says
    again what was said."""
    if view.skipped not in (None, SkipReason.INTERVAL):
        return f"skipped {view.skipped}"
    assert view.result is not None
    if view.result.failure is None:
        return "ok"
    checks = [verdict.check for verdict in view.result.verdicts if not verdict.ok]
    return " ".join([view.result.failure.reason, *checks[:1]])
