"""An exchange without sockets, for virtual time."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from exporter.core.limits import Limiter
from exporter.core.plan import Plan
from exporter.core.stream_plan import StreamPlan
from exporter.core.stream_target import connects_key, stream_limits, stream_targets
from exporter.core.stream_totals import End
from exporter.core.stream_view import StreamView
from exporter.probers.attempt import Attempt
from exporter.probers.websocket import Listener
from exporter.streams import Monitor, Tools
from tests.runner.virtual import FakeClock

from .plans import BOOK, message


@dataclass
class Visitor:
    """One connection as the exchange sees it. Implements ``Wire``."""

    listener: Listener
    clock: FakeClock
    number: int
    opened_at: float
    heard: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    answers_pings: bool = True
    gone: bool = False

    def send(self, text: str) -> None:
        self.heard.put_nowait(text)

    def ping(self) -> None:
        if self.answers_pings:
            self.listener.pong(self.clock.unix())

    async def close(self) -> None:
        self.gone = True

    def abort(self) -> None:
        self.gone = True

    def say(self, text: str) -> None:
        """Send a message, unless the client is gone."""
        if not self.gone:
            self.listener.message(text.encode(), self.clock.unix())

    def cut(self, end: End = End.DROPPED) -> None:
        """End the connection."""
        if not self.gone:
            self.gone = True
            self.listener.lost(end, f"cut: {end}")

    async def acknowledge(self) -> None:
        """Acknowledge one subscription after fifty milliseconds."""
        asked = json.loads(await self.heard.get())
        await asyncio.sleep(0.05)
        self.say(json.dumps({"ok": True, "id": asked["id"]}))


Behaviour = Callable[[Visitor], Awaitable[None]]


@dataclass
class Exchange:
    """Implements ``Opener``. ``opened`` are the times at which somebody connected."""

    behaviour: Behaviour
    clock: FakeClock
    down: Exception | None = None
    opened: list[float] = field(default_factory=list)
    visitors: list[Visitor] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    numbers: itertools.count[int] = field(default_factory=itertools.count)
    sequence: int = 0

    async def open(self, plan: StreamPlan, listener: Listener, attempt: Attempt) -> Visitor:
        await asyncio.sleep(0.02)
        self.opened.append(self.clock.elapsed())
        if self.down is not None:
            raise self.down
        visitor = Visitor(listener, self.clock, next(self.numbers), self.clock.elapsed())
        self.visitors.append(visitor)
        task = asyncio.ensure_future(self._serve(visitor))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return visitor

    async def _serve(self, visitor: Visitor) -> None:
        await self.behaviour(visitor)

    def close(self) -> None:
        for task in self.tasks:
            task.cancel()

    @property
    def connected(self) -> int:
        """Connections that nobody has closed."""
        return sum(not visitor.gone for visitor in self.visitors)

    def tell_all(self) -> None:
        """Send the next book message to everybody."""
        self.sequence += 1
        for visitor in self.visitors:
            visitor.say(message(self.sequence, at=self.clock.unix()))


class VirtualWorld:
    """A monitor and an exchange in virtual time."""

    def __init__(self, plan: StreamPlan, behaviour: Behaviour, rand: float = 0.5) -> None:
        self.clock = FakeClock()
        self.exchange = Exchange(behaviour, self.clock)
        plans = {plan.key: plan}
        self.limiter = Limiter(stream_limits(plans), [((connects_key(plan), 1.0),)])
        self.monitor = Monitor(
            Tools(
                opener=self.exchange,
                limiter=self.limiter,
                clock=self.clock,
                rand=lambda: rand,
                clock_offset=lambda _: 0.0,
                spent=lambda: None,
            )
        )
        self.monitor.apply(plans, stream_targets(Plan({}, {}, streams=plans)))

    def stream(self, target: str = BOOK) -> StreamView:
        """What is seen of one stream."""
        view = self.monitor.view(target).stream
        assert view is not None
        return view


@contextlib.asynccontextmanager
async def virtually(
    plan: StreamPlan, behaviour: Behaviour, rand: float = 0.5
) -> AsyncIterator[VirtualWorld]:
    """A monitor that watches an exchange without sockets."""
    world = VirtualWorld(plan, behaviour, rand)
    world.monitor.start()
    try:
        yield world
    finally:
        await world.monitor.close()
        world.exchange.close()
