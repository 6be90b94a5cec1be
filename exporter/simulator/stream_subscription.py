"""One subscription of one connection: its place in the feed, and the faults of its messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from exporter.simulator.faults import ActiveFault
from exporter.simulator.stream_faults import GARBAGE, MEGABYTE
from exporter.simulator.stream_feed import Feed, Feeds, Turn, step_at, time_of

_MAX_EXTRA = 2000
_SILENT = ("stream_no_data", "stream_maintenance")

Message = str | bytes


class Subscription:
    """``step`` is the last one that was told. The ids of a connection that got extra messages, or
    whose sequence was reset, are ``shift`` away from everybody's."""

    def __init__(self, feeds: Feeds, feed: Feed, pair: str, now: float) -> None:
        self._feeds = feeds
        self._feed = feed
        self._pair = pair
        self._step = _grid(now, feed)
        self._shift = 0
        self._previous = 0
        self._told = 0
        self._held: str | None = None
        self._credit = 0.0
        self._asked = now
        self._resets: set[float] = set()

    def begin(self, now: float, faults: Sequence[ActiveFault]) -> Iterator[Message]:
        """The snapshot, where there is one."""
        mine = self._mine(faults)
        self._step = _grid(now - _lag(mine), self._feed)
        self._previous = self._feeds.sequence(self._pair, self._step)
        if not _silent(mine):
            first = self._feeds.first(self._feed, self._pair, self._step, _skew(mine))
            if first is not None:
                yield first

    def due(self, now: float, faults: Sequence[ActiveFault]) -> Iterator[Message]:
        """All messages whose time has come."""
        mine = self._mine(faults)
        while self._next_time() + _lag(mine) <= now:
            self._step += self._feed.steps
            yield from self._tell(mine)
        yield from self._burst(now, mine)

    def next_at(self, faults: Sequence[ActiveFault]) -> float:
        """When the next message is due, in unix seconds."""
        return self._next_time() + _lag(self._mine(faults))

    def late(self, now: float, faults: Sequence[ActiveFault]) -> float:
        """By how many seconds the next message is late, because nobody asked for it."""
        return now - self.next_at(faults)

    def _next_time(self) -> float:
        return time_of(self._step + self._feed.steps)

    def _mine(self, faults: Sequence[ActiveFault]) -> Sequence[ActiveFault]:
        return hitting_feed(faults, self._feed) if faults else faults

    def _tell(self, faults: Sequence[ActiveFault]) -> Iterator[Message]:
        message = self._reset(faults) or self._message(_skew(faults))
        self._previous = self._feeds.sequence(self._pair, self._step) + self._shift
        if message is None:
            return
        self._told += 1
        if not faults:
            yield message
        elif not _silent(faults) and not self._has_fallen_silent(faults):
            yield from self._through(message, faults)

    def _message(self, skew: float) -> str | None:
        feed, pair, step = self._feed, self._pair, self._step
        if not self._shift and not skew:
            return self._feeds.update(feed, pair, step)
        return self._feeds.turn(feed, pair, step, Turn(self._previous, self._shift, skew))

    def _reset(self, faults: Sequence[ActiveFault]) -> str | None:
        fault = named(faults, "stream_reset")
        if fault is None or fault.since in self._resets:
            return None
        self._resets.add(fault.since)
        message = self._feeds.reset(self._feed, self._pair, self._step, self._previous)
        if message is not None:
            self._shift = 1 - self._feeds.sequence(self._pair, self._step)
        return message

    def _has_fallen_silent(self, faults: Sequence[ActiveFault]) -> bool:
        fault = named(faults, "stream_silent")
        return fault is not None and self._told > fault.number("messages")

    def _through(self, message: str, faults: Sequence[ActiveFault]) -> Iterator[Message]:
        """A message, and what the faults make of it."""
        hit = {f.name for f in faults if "every" in f.values and self._told % f.number("every") < 1}
        if "stream_out_of_order" in hit and self._held is None:
            self._held = message
        elif "stream_gap" not in hit:
            yield message
            if "stream_duplicate" in hit:
                yield message
            if self._held is not None:
                yield self._held
                self._held = None
        for fault in faults:
            if fault.name in hit:
                yield from self._between(fault, message)

    def _between(self, fault: ActiveFault, message: str) -> Iterator[Message]:
        """What comes between the messages."""
        if fault.name == "stream_garbage":
            yield GARBAGE[str(fault.values["form"])](message)
        elif fault.name == "stream_oversize":
            yield '"' + "x" * int(fault.number("megabytes") * MEGABYTE) + '"'
        elif fault.name == "stream_keepalive":
            alive = self._feeds.keepalive(self._feed, self._pair, self._step, self._previous)
            if alive is not None:
                yield alive

    def _burst(self, now: float, faults: Sequence[ActiveFault]) -> Iterator[Message]:
        fault, since = named(faults, "stream_burst"), self._asked
        self._asked = now
        if fault is None or _silent(faults):
            self._credit = 0.0
            return
        self._credit = min(self._credit + fault.number("rate") * (now - since), _MAX_EXTRA)
        for _ in range(int(self._credit)):
            self._shift += 1
            turn = Turn(self._previous, self._shift, _skew(faults))
            yield self._feeds.one_more(self._feed, self._pair, self._step, turn)
            self._previous += 1
        self._credit %= 1.0


def hitting_feed(faults: Sequence[ActiveFault], feed: Feed) -> list[ActiveFault]:
    """Those that are put on the feed, on all streams or on the whole exchange."""
    places = ("", "stream", feed.endpoint)
    return [fault for fault in faults if fault.endpoint in places]


def named(faults: Sequence[ActiveFault], name: str) -> ActiveFault | None:
    """The first fault of this name."""
    return next((fault for fault in faults if fault.name == name), None)


def _grid(now: float, feed: Feed) -> int:
    """The last step at or before ``now`` at which the feed spoke."""
    step = step_at(now) if time_of(step_at(now)) <= now else step_at(now) - 1
    return step // feed.steps * feed.steps


def _silent(faults: Sequence[ActiveFault]) -> bool:
    return any(fault.name in _SILENT for fault in faults)


def _lag(faults: Sequence[ActiveFault]) -> float:
    return sum(fault.number("seconds") for fault in faults if fault.name == "stream_lag")


def _skew(faults: Sequence[ActiveFault]) -> float:
    return sum(fault.number("seconds") for fault in faults if fault.name == "clock_skew")
