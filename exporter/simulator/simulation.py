"""All exchanges of a catalog under the faults in force: everything but the sockets."""

from __future__ import annotations

import random
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from exporter.config.document import Document, format_path
from exporter.config.errors import Problem
from exporter.simulator.distort import Reply
from exporter.simulator.exchange import SimulatedExchange
from exporter.simulator.faults import (
    ActiveFault,
    Place,
    faults_at,
    hitting,
    read_faults,
)
from exporter.simulator.market import ASSETS, QUOTES, Market
from exporter.simulator.provider import Provider
from exporter.simulator.scenario import Scenario, Story
from exporter.simulator.stream_feed import Feeds
from exporter.simulator.template import CatalogError

_NO_CHANCE = random.Random(0)  # noqa: S311 - dice of a game; unused where there is no fault


class Request(NamedTuple):
    """One request that was answered; ``status`` is the one of the answer before wire faults.
    ``until`` is the unix time before which a refusal wants no other, 0 for any other answer."""

    time: float
    exchange: str
    endpoint: str
    status: int
    pair: str = ""
    until: float = 0.0


def sample_problems(document: Document) -> list[Problem]:
    """What keeps a catalog file that is sound otherwise from being simulated, with its line."""
    try:
        Simulation({document.data["name"]: document.data})
    except CatalogError as error:
        keys = {format_path(path): path for path in document.lines}
        return [document.problem(keys.get(p.path, ()), p.what) for p in error.problems]
    return []


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply, the faults that hit it, and the dice for what they leave to chance."""

    reply: Reply
    faults: list[ActiveFault]
    chance: random.Random


class Simulation:
    """``catalog`` maps names to parsed catalog files; ``pairs`` are listed besides the usual ones;
    ``now`` yields unix seconds. Under one seed, the same requests get the same answers.

    Raises:
        CatalogError: a sample has an unknown variable, format or list.
    """

    def __init__(
        self,
        catalog: Mapping[str, Mapping[str, Any]],
        seed: int = 1,
        now: Callable[[], float] = time.time,
        pairs: Iterable[str] = (),
        connections: tuple[str, ...] = (),
    ) -> None:
        """``connections`` names the faults of the connection that somebody will act out."""
        usual = [f"{base}-{quote}" for base in ASSETS for quote in QUOTES if base != quote]
        listed = tuple(dict.fromkeys([*usual, *pairs]))
        market = Market(seed)
        self.exchanges = {
            name: SimulatedExchange(Provider(document, listed), market)
            for name, document in catalog.items()
        }
        self.feeds = {
            name: Feeds(document, listed, market)
            for name, document in catalog.items()
            if document.get("streams", {}).get("channels")
        }
        self.now = now
        self.connections = connections
        self.story: Story | None = None
        self.requests: deque[Request] = deque(maxlen=10_000)
        self._seed = seed
        self._numbers: Counter[tuple[str, str]] = Counter()
        self._faults: tuple[ActiveFault, ...] = ()

    @property
    def places(self) -> dict[str, Place]:
        """Where faults can be put."""
        return {
            name: Place(
                tuple(e.provider.endpoints),
                tuple(e.provider.errors),
                self.connections,
                self.feeds[name].endpoints if name in self.feeds else (),
            )
            for name, e in self.exchanges.items()
        }

    @property
    def faults(self) -> tuple[ActiveFault, ...]:
        """The faults that were asked for and are not over; the story's come on top."""
        now = self.now()
        return tuple(fault for fault in self._faults if now < fault.until)

    @property
    def scheduled(self) -> tuple[ActiveFault, ...]:
        """All faults, the story's too, whether they are in force, to come or over."""
        return self._faults + (self.story.faults if self.story else ())

    @property
    def in_force(self) -> tuple[ActiveFault, ...]:
        """All faults in force at this moment."""
        return faults_at(self.scheduled, self.now())

    def set_faults(self, request: Any) -> None:
        """Replace the faults that were asked for by ``[{exchange, endpoint?, fault, …}]``.

        Raises:
            FaultError: with every problem found; the faults stay as they were.
        """
        self._faults = read_faults(request, self.places, self.now())
        self.switched()

    def add_faults(self, request: Any) -> None:
        """Put more faults in force, and leave those that are. Raises FaultError."""
        self._faults = self.faults + read_faults(request, self.places, self.now())
        self.switched()

    def end_faults(self, exchange: str = "", fault: str = "") -> None:
        """End the faults that were asked for: all, or those of an exchange or a name."""
        self._faults = tuple(
            active
            for active in self.faults
            if exchange not in ("", active.exchange) or fault not in ("", active.name)
        )
        self.switched()

    def play(self, scenario: Scenario, speed: float = 1.0) -> None:
        """Play a scenario from now on, ``speed`` times as fast as it is written.

        Raises:
            FaultError: a fault of it cannot be made here.
        """
        self.story = Story.begin(scenario, self.places, self.now(), speed)
        self.switched()

    def switched(self) -> None:
        """Called when faults were switched; whoever acts out those of the connection listens."""

    async def settle(self) -> None:
        """Wait until the faults of the connection are acted out; here nobody does."""

    def ask(self, exchange: str, path: str, query: Mapping[str, str], client: str) -> Answer | None:
        """What an exchange answers to a client's request; None when it has no such path."""
        simulated = self.exchanges.get(exchange)
        call = simulated.provider.find(path, query) if simulated else None
        if simulated is None or call is None:
            return None
        now, endpoint = self.now(), call.endpoint.name
        faults, chance = self._hitting(exchange, endpoint, now)
        reply = simulated.answer(call, client, now, faults)
        seen = Request(now, exchange, endpoint, reply.status, call.pair or "", reply.until)
        self.requests.append(seen)
        return Answer(reply, faults, chance)

    def _hitting(
        self, exchange: str, endpoint: str, now: float
    ) -> tuple[list[ActiveFault], random.Random]:
        """The faults that hit the next request. Its number, not the time, decides on chance."""
        self._numbers[exchange, endpoint] += 1
        there = [f for f in faults_at(self.scheduled, now) if f.hits(exchange, endpoint)]
        if not there:
            return there, _NO_CHANCE
        number = self._numbers[exchange, endpoint]
        chance = random.Random(f"{self._seed}/{exchange}/{endpoint}/{number}")  # noqa: S311
        return hitting(there, chance), chance
