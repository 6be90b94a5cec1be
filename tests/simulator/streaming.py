"""What the tests of simulated streams share: compiled plans, and a client in virtual time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from exporter.config.document import parse_document
from exporter.config.loader import config_from
from exporter.config.plan import build_plan
from exporter.core.expression import is_true
from exporter.core.plan import Expression
from exporter.core.sequence import SEQUENCE_RULES, Ids, Order, follow
from exporter.core.stream_plan import Channel, StreamPlan
from exporter.simulator.faults import ActiveFault, Place, read_faults
from exporter.simulator.market import Market
from exporter.simulator.stream_feed import Feeds
from exporter.simulator.stream_protocol import read
from exporter.simulator.stream_session import Frame, Session
from tests.simulator.support import NOW, catalog

PAIR = "BTC-USDT"
PAIRS = (PAIR, "ETH-USDT")
CHANNELS = ("ticker", "trades", "book")
MARKET = Market(1)
EXCHANGES = tuple(catalog())
EVERYTHING = [(exchange, channel) for exchange in EXCHANGES for channel in CHANNELS]


@lru_cache
def plan(exchange: str, channel: str, url: str = "http://simulator") -> StreamPlan:
    """The connection for one channel of one exchange."""
    text = f"exchanges: {{{exchange}: {{streams: [{channel}], stream_url: '{url}/{exchange}'}}}}"
    plans = build_plan(config_from(parse_document(text, "test"), None, {})).streams
    return plans[exchange]


@lru_cache
def feeds(exchange: str) -> Feeds:
    """All feeds of one exchange for two pairs."""
    return Feeds(catalog()[exchange], PAIRS, MARKET)


def fault(exchange: str, name: str, **parameters: Any) -> ActiveFault:
    """A fault in force since long ago, or since ``at``."""
    at = parameters.pop("at", NOW - 1000)
    request = [{"exchange": exchange, "fault": name, **parameters}]
    return read_faults(request, {exchange: Place((), streams=feeds(exchange).endpoints)}, at)[0]


def holds(expression: Expression | None, document: Any) -> bool:
    """Whether an expression of a plan is true of a message."""
    return expression is not None and is_true(expression(document))


class Client:
    """A session and its client in virtual time.

    ``said`` is everything that the server said, ``data`` the messages of the channel, ``answers``
    all others: JSON documents, or text where they are none.
    """

    def __init__(self, exchange: str, channel: str, *faults: ActiveFault, now: float = NOW) -> None:
        self.plan = plan(exchange, channel)
        self.channel: Channel = self.plan.channels[0]
        self.faults = faults
        self.now = now
        path = self.plan.url.removeprefix(f"ws://simulator/{exchange}")
        self.session = Session(feeds(exchange), path, 1, now)
        self.said: list[Frame] = []
        self.data: list[Any] = []
        self.answers: list[Any] = []
        self._hear(self.session.open(now, faults))

    def subscribe(self) -> Client:
        """Ask for the channel, with the setup of heartbeats before it."""
        if setup := self.plan.heartbeat.setup:
            self.say(setup(2, self.now))
        self.say(self.channel.subscribe(1, self.now))
        return self

    def say(self, text: str) -> list[Frame]:
        """Say something; returns what is answered."""
        return self._hear(self.session.receive(text, self.now, self.faults))

    def wait(self, seconds: float, tick: float = 0.1) -> list[Frame]:
        """Let time pass; returns what is said meanwhile."""
        heard: list[Frame] = []
        end = self.now + seconds
        while self.now < end - 1e-9:
            self.now += tick
            heard += self._hear(self.session.due(self.now, self.faults))
        return heard

    def _hear(self, frames: Iterable[Frame]) -> list[Frame]:
        heard = list(frames)
        self.said += heard
        for frame in heard:
            if isinstance(frame, str):
                document = read(frame)
                is_data = holds(self.channel.matches, document)
                (self.data if is_data else self.answers).append(document)
        return heard


def orders(channel: Channel, messages: Iterable[Any]) -> list[Order]:
    """How each message stands to the one before, by the channel's rule."""
    sequence = channel.sequence
    assert sequence is not None
    found, last = [], None
    for message in messages:
        last, order, _ = follow(SEQUENCE_RULES[sequence.rule], last, _ids(channel, message))
        found.append(order)
    return found


def _ids(channel: Channel, message: Any) -> Ids:
    sequence = channel.sequence
    assert sequence is not None
    last = int(sequence.last(message))
    return Ids(
        last=last,
        first=int(sequence.first(message)) if sequence.first else last,
        previous=sequence.previous(message) if sequence.previous else None,
        afresh=last in sequence.resets or holds(sequence.snapshot, message),
        keepalive=holds(sequence.keepalive, message),
    )


Book = dict[float, float]


def apply(book: tuple[Book, Book], bids: Iterable[Any], asks: Iterable[Any]) -> None:
    """Apply changed levels, as (price, size), to (bids, asks)."""
    for side, changes in zip(book, (bids, asks), strict=True):
        for price, size in changes:
            if float(size):
                side[float(price)] = float(size)
            else:
                side.pop(float(price), None)


def levels(exchange: str, message: Mapping[str, Any]) -> tuple[list[Any], list[Any]]:
    """The (price, size) of the bids and asks of a book message, whatever its form."""
    if exchange == "coinbase" and "changes" in message:
        sides = {"buy": [], "sell": []}  # type: dict[str, list[Any]]
        for side, price, size in message["changes"]:
            sides[side].append((price, size))
        return sides["buy"], sides["sell"]
    body: Any = message
    for key in ("params", "data"):
        body = body.get(key, body)
    body = body[0] if isinstance(body, list) else body
    found = [body.get(short, body.get(long)) for short, long in (("b", "bids"), ("a", "asks"))]
    return [_level(each) for each in found[0]], [_level(each) for each in found[1]]


def _level(level: Any) -> tuple[Any, Any]:
    if isinstance(level, dict):
        return level["price"], level["qty"]
    plain = level[1:] if level[0] in ("new", "change", "delete") else level
    return plain[0], plain[1]
