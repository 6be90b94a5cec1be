"""The simulated exchanges as the monitor meets them, in virtual time and without sockets."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from exporter.core.limits import Limiter
from exporter.core.plan import Plan
from exporter.core.stream_plan import StreamPlan
from exporter.core.stream_target import connects_key, stream_limits, stream_targets
from exporter.core.stream_totals import End
from exporter.core.stream_view import StreamView
from exporter.probers.attempt import Attempt
from exporter.probers.websocket import Listener, UpgradeError
from exporter.simulator.faults import ActiveFault, Place, read_faults
from exporter.simulator.stream_rules import Close
from exporter.simulator.stream_session import Frame, Ping, Session
from exporter.streams import Monitor, Tools
from tests.runner.virtual import FakeClock
from tests.simulator.streaming import feeds, plan

_ENDS = {1001: End.CLOSED, 1006: End.DROPPED, 1008: End.POLICY, 1013: End.OVERLOAD}

_LOOK_EVERY = 0.25


@dataclass
class _Wire:
    """One connection. Implements ``Wire``."""

    exchange: SimulatedExchange
    session: Session
    listener: Listener
    max_frame: int
    gone: bool = False

    def send(self, text: str) -> None:
        now, faults = self.exchange.clock.unix(), self.exchange.faults
        self.say(self.session.receive(text, now, faults))

    def ping(self) -> None:
        if not any(fault.name == "stream_no_pong" for fault in self.exchange.faults):
            at = self.exchange.clock.unix() + 0.02
            asyncio.get_running_loop().call_later(0.02, self.listener.pong, at)

    async def close(self) -> None:
        self.gone = True

    def abort(self) -> None:
        self.gone = True

    def say(self, frames: Iterable[Frame]) -> None:
        """Let frames travel for a while, all for as long, so that they stay in order."""
        asyncio.get_running_loop().call_later(0.02, self._arrive, list(frames))

    def _arrive(self, frames: list[Frame]) -> None:
        for frame in frames:
            if self.gone:
                return
            if isinstance(frame, Ping):
                self.session.pong(self.exchange.clock.unix())
            elif isinstance(frame, Close):
                self._lost(_ENDS.get(frame.code, End.ERROR), frame.why)
            elif len(frame) > self.max_frame:
                self._lost(End.TOO_LARGE, "too large")
            else:
                data = frame.encode() if isinstance(frame, str) else frame
                self.listener.message(data, self.exchange.clock.unix())

    def _lost(self, end: End, detail: str) -> None:
        self.gone = True
        self.listener.lost(end, detail)


@dataclass
class SimulatedExchange:
    """Implements ``Opener``. ``faults`` may be changed at any time."""

    name: str
    clock: FakeClock
    faults: tuple[ActiveFault, ...] = ()
    attempts: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def set_fault(self, name: str, **parameters: Any) -> None:
        """Put one fault in force from now on, instead of those before."""
        request = [{"exchange": self.name, "fault": name, **parameters}] if name else []
        place = Place((), streams=feeds(self.name).endpoints)
        self.faults = tuple(read_faults(request, {self.name: place}, self.clock.unix()))

    async def open(self, plan: StreamPlan, listener: Listener, attempt: Attempt) -> _Wire:
        await asyncio.sleep(0.05)
        self.attempts += 1
        for fault in self.faults:
            if fault.name == "stream_refused":
                raise UpgradeError(int(fault.number("status")), "")
        path = plan.url.removeprefix(f"ws://simulator/{self.name}")
        session = Session(feeds(self.name), path, next(self.numbers), self.clock.unix())
        wire = _Wire(self, session, listener, plan.max_frame)
        task = asyncio.create_task(self._speak(wire))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return wire

    async def _speak(self, wire: _Wire) -> None:
        wire.say(wire.session.open(self.clock.unix(), self.faults))
        while not wire.gone:
            now = self.clock.unix()
            wire.say(wire.session.due(now, self.faults))
            await asyncio.sleep(max(wire.session.wake_at(now, self.faults) - now, 0.001))

    def close(self) -> None:
        for task in self.tasks:
            task.cancel()


class SimulatedWorld:
    """A monitor of one channel of one simulated exchange. Use as a context manager."""

    def __init__(self, exchange: str, channel: str, **changes: Any) -> None:
        self.clock = FakeClock()
        self.exchange = SimulatedExchange(exchange, self.clock)
        made = replace(plan(exchange, channel), share=1.0, **changes)
        plans = {made.key: made}
        self.target = str(made.channels[0].target)
        self.monitor = Monitor(
            Tools(
                opener=self.exchange,
                limiter=Limiter(stream_limits(plans), [((connects_key(made), 1.0),)]),
                clock=self.clock,
                rand=lambda: 0.5,
                clock_offset=lambda _: 0.0,
                spent=lambda: None,
            )
        )
        self.monitor.apply(plans, stream_targets(Plan({}, {}, streams=plans)))

    async def __aenter__(self) -> SimulatedWorld:
        self.monitor.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.monitor.close()
        self.exchange.close()

    def stream(self) -> StreamView:
        """What is seen of the stream."""
        view = self.monitor.view(self.target).stream
        assert view is not None
        return view

    async def reasons(self, seconds: float, until: str | None = None) -> set[str]:
        """Why it counted as failing at any look during so many seconds, "" where it did not; no
        longer than ``until`` is among it.
        """
        seen = set[str]()
        for _ in range(round(seconds / _LOOK_EVERY)):
            await asyncio.sleep(_LOOK_EVERY)
            failure = self.stream().failure
            seen.add(str(failure.reason) if failure else "")
            if until in seen:
                break
        return seen
