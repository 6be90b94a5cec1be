"""One connection of a client to an exchange's feeds, without the socket.

    session = Session(feeds, path, number, now)
    send(session.open(now, faults))
    send(session.receive(text, now, faults))   # when the client said something
    send(session.due(now, faults))             # at session.wake_at(now, faults), again and again

Times are unix seconds and never run backwards. A Close is the last frame.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exporter.simulator import stream_protocol as protocol
from exporter.simulator.faults import ActiveFault
from exporter.simulator.stream_feed import Feeds
from exporter.simulator.stream_rules import Close, Rules
from exporter.simulator.stream_subscription import Subscription, hitting_feed, named
from exporter.simulator.template import Template

_LATE = 60.0
_POLL = 0.25
_BURST_POLL = 0.005
_REPLIES = {"setup": "setup_sample", "send": "reply_sample", "answer": "answer_sample"}
_NOTICES = {"stream_shutdown": "notice_sample", "stream_maintenance": "maintenance_sample"}


@dataclass(frozen=True, slots=True)
class Ping:
    """A ping of the protocol."""


Frame = str | bytes | Ping | Close
Faults = Sequence[ActiveFault]


class Session:
    """``number`` tells the connection from all others; ``path`` is that of its URL."""

    def __init__(self, feeds: Feeds, path: str, number: int, now: float) -> None:
        self._feeds = feeds
        self._path = path
        self._number = number
        self._rules = Rules(feeds.spec, now)
        self._heartbeat: Mapping[str, Any] = feeds.spec.get("heartbeat", {})
        self._subscriptions: dict[str, Subscription] = {}
        self._topics: list[Any] = []
        self._told: set[float] = set()
        self._ping_at = now + (self._rules.pings or 0.0)
        self._beat_at: float | None = None
        self._beats_asked = False
        self._beat_unanswered = False

    def open(self, now: float, faults: Faults) -> Iterator[Frame]:
        """The greetings."""
        down = self._feeds.samples.get("maintenance_sample")
        if down and named(faults, "stream_maintenance"):
            yield self._say(down, now)
            return
        for greeting in self._feeds.greetings:
            yield self._say(greeting, now)

    def receive(self, text: str, now: float, faults: Faults) -> Iterator[Frame]:
        """What is answered to a message of the client. One that nobody understands is ignored."""
        if close := self._rules.heard(now):
            yield close
            return
        document = protocol.read(text)
        for name in _REPLIES.keys() & self._heartbeat.keys():
            marks = protocol.found(self._heartbeat[name], document)
            if marks is not None:
                yield from self._reply(name, protocol.request_id(marks), now, faults)
                return
        marks = protocol.found(self._feeds.spec["subscribe"], document)
        if marks is not None:
            for topic in protocol.topics(marks):
                yield from self._subscribe(topic, protocol.request_id(marks), now, faults)

    def pong(self, now: float) -> None:
        """The client answered a ping of the protocol."""
        self._rules.active, self._rules.pinged = now, None

    def due(self, now: float, faults: Faults) -> Iterator[Frame]:
        """Everything that it is time to say."""
        yield from self._notices(now, faults)
        if end := self._rules.end(now, faults) or self._fallen_behind(now, faults):
            yield end
            return
        for subscription in self._subscriptions.values():
            for message in subscription.due(now, faults):
                self._rules.active = now
                yield message
        yield from self._pings(now, faults)
        yield from self._beats(now, faults)

    def wake_at(self, now: float, faults: Faults) -> float:
        """When ``due`` wants to be asked again; soon, for faults may be switched at any time."""
        if named(faults, "stream_burst"):
            return now + _BURST_POLL
        return min([now + _POLL, *(s.next_at(faults) for s in self._subscriptions.values())])

    def _reply(self, name: str, request: int, now: float, faults: Faults) -> Iterator[Frame]:
        """The answer to the setup of heartbeats, to a ping of the client or to its test answer."""
        if name == "setup":
            self._beats_asked = True
            self._beat_at = now + (self._rules.beats or 0.0)
        elif name == "answer":
            self._beat_unanswered = False
        template = self._feeds.samples.get(_REPLIES[name])
        if template and not named(faults, "stream_no_pong"):
            yield self._say(template, now, request=request)

    def _subscribe(self, topic: Any, request: int, now: float, faults: Faults) -> Iterator[Frame]:
        known = self._feeds.find(self._path, topic)
        if named(hitting_feed(faults, known[0]) if known else faults, "stream_no_ack"):
            return
        refusal = self._feeds.samples.get("refusal_sample")
        if known is None and refusal:
            yield self._say(refusal, now, request=request, topic=topic)
            return
        if topic not in self._topics:
            self._topics.append(topic)
        about = {"request": request, "topic": topic, "topics": tuple(self._topics)}
        if ack := self._feeds.samples.get("ack_sample"):
            yield self._say(ack, now, **about)
        if known:
            subscription = Subscription(self._feeds, *known, now)
            self._subscriptions[json.dumps(topic, sort_keys=True)] = subscription
            if not self._beats_asked:
                self._beat_at = now + (self._rules.beats or 0.0)
            yield from subscription.begin(now, faults)

    def _fallen_behind(self, now: float, faults: Faults) -> Close | None:
        late = max((s.late(now, faults) for s in self._subscriptions.values()), default=0.0)
        return Close(1008, "slow consumer") if late > _LATE else None

    def _notices(self, now: float, faults: Faults) -> Iterator[Frame]:
        for fault in faults:
            sample = self._feeds.samples.get(_NOTICES.get(fault.name, ""))
            is_new = fault.since not in self._told and self._rules.opened < fault.since
            if sample and is_new:
                self._told.add(fault.since)
                yield self._say(sample, now)

    def _pings(self, now: float, faults: Faults) -> Iterator[Frame]:
        if self._rules.pings is None or now < self._ping_at:
            return
        self._ping_at = max(self._ping_at + self._rules.pings, now)
        if not named(faults, "stream_no_pong"):
            if self._rules.pinged is None:
                self._rules.pinged = now
            yield Ping()

    def _beats(self, now: float, faults: Faults) -> Iterator[Frame]:
        """Heartbeats that were asked for always come, others in the absence of messages."""
        beats, template = self._rules.beats, self._feeds.samples.get("heartbeat_sample")
        if self._beat_at is None or beats is None or template is None:
            return
        if not self._beats_asked:
            self._beat_at = max(self._beat_at, self._rules.active + beats)
        if now < self._beat_at or named(faults, "stream_no_pong"):
            return
        if self._beat_unanswered:
            yield Close(1008, "heartbeat not answered")
            return
        self._beat_unanswered = "answer" in self._heartbeat
        self._beat_at = max(self._beat_at + beats, now)
        yield self._say(template, now)

    def _say(self, template: Template, now: float, **about: Any) -> str:
        return self._feeds.say(template, now, connection=self._number, **about)
