"""The compiled description of the streams of one exchange; built by ``exporter.config``.

StreamPlan ── one connection: where, how often, how to subscribe, keep alive and take leave
  └─ Channel* ── one subscription on it: which messages are its, what they say, in what order
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from exporter.core.model import Target
from exporter.core.plan import NO_ENVELOPE, Envelope, Expression, Route, Time

Message = Callable[[int, float], str]
"""The text of a message to send, by a request id and the unix time."""


@dataclass(frozen=True, slots=True)
class SequenceRule:
    """How the messages of a channel count. ``rule`` names a function of ``core.sequence``.

    ``first`` and ``last`` find the first and last id of a message (the same where there is only
    one), ``previous`` the id of the message before. ``snapshot`` is true of a message that starts
    afresh, ``keepalive`` of one that repeats an id legally; ``resets`` are ids to which the
    provider may legally fall back.
    """

    rule: str
    last: Expression
    first: Expression | None = None
    previous: Expression | None = None
    snapshot: Expression | None = None
    keepalive: Expression | None = None
    resets: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Finds a bid and an ask of a book that is told whole; nothing in all other messages."""

    bid: Expression
    ask: Expression


@dataclass(frozen=True, slots=True)
class Channel:
    """One subscription. ``target`` is ``exchange/stream.ticker|trades|book/pair``.

    ``topic`` is what the provider calls it, as JSON text; ``subscribe`` the message that asks for
    it. ``matches`` is true of its data messages. ``items`` finds the records of a message where it
    carries several; time and sequence are then read in each. ``max_gap`` is the longest silence in
    seconds that is no reason to worry. ``cold`` channels are subscribed a second time at every
    scrape, over a connection of their own, as a separate series.
    """

    target: Target
    topic: str
    subscribe: Message
    matches: Expression
    max_gap: float
    items: Expression | None = None
    time: Time | None = None
    sequence: SequenceRule | None = None
    bid: Expression | None = None
    ask: Expression | None = None
    last: Expression | None = None
    snapshot: Snapshot | None = None
    cold: bool = False


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """How a connection is kept alive beyond the protocol's own pings, which are always answered.

    ``send`` goes out every ``every`` seconds and ``is_reply`` is true of its answer. ``is_ping`` is
    true of a message to which ``answer`` must be sent. ``setup`` is sent once after connecting.
    ``silence`` is the time in seconds without any message at all after which the provider itself
    advises to reconnect.
    """

    send: Message | None = None
    every: float = 0.0
    is_reply: Expression | None = None
    is_ping: Expression | None = None
    answer: Callable[[Any], str] | None = None
    setup: Message | None = None
    silence: float | None = None


@dataclass(frozen=True, slots=True)
class StreamPlan:
    """One connection with its subscriptions.

    ``key`` names it: ``exchange`` or ``exchange#n`` where channels need several URLs. ``attempts``
    connections are allowed in any ``window`` seconds from one IP address, of which we take our
    share. ``lifetime`` is after how many seconds the provider cuts every connection. ``is_ack`` and
    ``is_refusal`` judge the answers to a subscription; ``ack_of`` finds the id or topic that is
    acknowledged (None: the oldest one not yet acknowledged). ``errors`` reads what a refusal says.
    ``is_cancel`` is true of the end of a subscription that was in force, ``is_notice`` of an
    announced shutdown, ``is_other`` of greetings and the like. ``in_maintenance`` is true of a
    message that tells of maintenance, false of one that tells of its end, and None of all others.
    ``max_frame`` bounds a message in bytes, compressed and not. ``source`` is the text of all that
    the plan was compiled from but the route: plans of the same text do the same.
    """

    key: str
    exchange: str
    url: str
    host: str
    route: Route
    channels: tuple[Channel, ...]
    attempts: float
    window: float
    share: float
    is_ack: Expression
    ack_of: Expression | None = None
    is_refusal: Expression | None = None
    errors: Envelope = NO_ENVELOPE
    is_cancel: Expression | None = None
    is_notice: Expression | None = None
    is_other: Expression | None = None
    in_maintenance: Expression | None = None
    heartbeat: Heartbeat = Heartbeat()
    lifetime: float | None = None
    message_interval: float = 0.0
    gzip: bool = False
    max_frame: int = 4 * 1024 * 1024
    source: str = ""
