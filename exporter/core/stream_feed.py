"""One channel on one connection: its subscription, and what its data messages say."""

from __future__ import annotations

import json
from typing import Any, cast

from exporter.core.expression import evaluate, is_true
from exporter.core.model import Failure, Reason
from exporter.core.numbers import decimal, integer
from exporter.core.sequence import SEQUENCE_RULES, Ids, Order, follow
from exporter.core.stream_plan import Channel, SequenceRule
from exporter.core.stream_totals import ChannelTotals, Price

_MAX_RECORDS = 1000
"""Records of one message that are looked at."""


class Feed:
    """The state of one subscription. ``now`` is monotonic seconds, ``at`` unix seconds.

    ``totals`` are replaced when the connection is promoted from standby. ``heard_at`` is when the
    channel last gave a sign of life: its acknowledgement, data, or a keep-alive of its own.
    ``requests`` says how often it was subscribed to.
    """

    def __init__(self, channel: Channel, number: int) -> None:
        self.channel = channel
        self.number = number
        self.totals = ChannelTotals()
        self.sent_at: float | None = None
        self.acked_at: float | None = None
        self.heard_at: float | None = None
        self.failure: Failure | None = None
        self.requests = 0
        self._topic = _parsed(channel.topic)
        self._seen = False
        self._last_id: int | None = None
        self._rule = SEQUENCE_RULES[channel.sequence.rule] if channel.sequence else None

    def sent(self, now: float) -> None:
        """The subscription went out."""
        self.requests += 1
        self.sent_at = now
        self.failure = None

    def is_called(self, name: Any) -> bool:
        """Whether the provider means this channel: by our request's id or by the topic.

        ``name`` may be a list of them, too.
        """
        names = (name, *name[:_MAX_RECORDS]) if isinstance(name, list) else (name,)
        return any(map(self._answers_to, names))

    def _answers_to(self, name: Any) -> bool:
        by_number = isinstance(name, str | int) and str(name) == str(self.number)
        return by_number or bool(name == self._topic)

    def acknowledged(self, now: float) -> None:
        """The subscription is in force."""
        if self.acked_at is None:
            self.acked_at = self.heard_at = now
            self.totals.rhythm.pause(now)
            if self.sent_at is not None:
                self.totals.subscribe_duration = now - self.sent_at
        self.failure = None

    def refused(self, failure: Failure) -> None:
        """The subscription is not in force."""
        self.totals.refusals += 1
        self.failure = failure

    def cancelled(self, now: float) -> None:
        """The provider ended the subscription; it may be asked for again later."""
        self.sent_at, self.acked_at, self.heard_at = now, None, None
        self.forget_place()
        self.refused(Failure(Reason.DISCONNECTED, "the exchange ended the subscription"))

    @property
    def untold(self) -> bool:
        """Whether this connection has not carried any data of the channel yet."""
        return not self._seen

    def forget_place(self) -> None:
        """Messages were skipped: the next one is compared with nothing."""
        self._last_id = None

    def silence(self, now: float) -> float:
        """Seconds since the last sign of life; 0 before the subscription is in force."""
        return now - self.heard_at if self.heard_at is not None else 0.0

    def allowed_silence(self) -> float:
        return self.totals.rhythm.allowed(self.channel.max_gap)

    def take(self, document: Any, at: float, now: float, clock_offset: float) -> None:
        """Learn from one data message, whatever it holds."""
        if self.acked_at is None:  # data proves the subscription, acknowledged or not
            self.acked_at = now
            self.failure = None
            self.totals.rhythm.pause(now)
        self.heard_at = now
        records = self._records(document)
        if not records:
            return
        try:
            fresh = self._order(records, now)
            if fresh:  # a keep-alive may carry the time of the last change
                self._read(records[-1], at, clock_offset)
                self._quote(records[-1], now)
                self._judge_snapshot(records[-1], now)
        except ValueError as error:
            self.totals.unreadable += 1
            self.totals.trouble(Reason.MALFORMED, str(error), now)
            return
        if fresh:
            self.totals.data_messages += 1
            self.totals.last_data_at = at
            self.totals.rhythm.beat(now)

    def _records(self, document: Any) -> Any:
        if self.channel.items is None:
            return (document,)
        try:
            records = evaluate(self.channel.items, document)
        except ValueError:
            records = None
        return records[-_MAX_RECORDS:] if isinstance(records, list) else ()

    def _order(self, records: Any, now: float) -> bool:
        """Follow the ids. Returns whether there is data beside keep-alives."""
        sequence, rule = self.channel.sequence, self._rule
        if sequence is None or rule is None:
            return True
        fresh = False
        for record in records:
            ids = _ids(sequence, record)
            if ids is None:
                self._miss_id()
                fresh = True
                continue
            before = self._last_id
            self._last_id, order, missing = follow(rule, before, ids)
            if order is not Order.OK:
                self._disorder(order, missing, f"id {ids.first} after {before}", now)
            fresh = fresh or not ids.keepalive
        return fresh

    def _miss_id(self) -> None:
        """Who never told ids need not; who stops telling them hides gaps. Raises ValueError."""
        if self._last_id is not None:
            raise ValueError("a message without its sequence id")

    def _disorder(self, order: Order, missing: int, detail: str, now: float) -> None:
        totals = self.totals
        if order is Order.GAP:
            totals.gaps += 1
            totals.missing += missing
            totals.trouble(Reason.INVALID_DATA, f"sequence gap: {detail}", now)
        elif order is Order.OUT_OF_ORDER:
            totals.out_of_order += 1
            totals.trouble(Reason.INVALID_DATA, f"out of order: {detail}", now)
        elif order is Order.DUPLICATE:
            totals.duplicates += 1
        else:
            totals.resyncs += 1

    def _read(self, record: Any, at: float, clock_offset: float) -> None:
        channel, totals = self.channel, self.totals
        if channel.time is not None:
            event_at = channel.time.convert(evaluate(channel.time.find, record))
            # The first message of a subscription may tell of old events: it is no measure of lag.
            if event_at is not None and self._seen:
                totals.lags.observe(at + clock_offset - event_at)
        self._seen = True

    def _quote(self, record: Any, now: float) -> None:
        """Learn the prices; what cannot be one is told and forgotten, so that it is told again."""
        channel, totals = self.channel, self.totals
        bid, ask = totals.bid, totals.ask
        if channel.bid is not None:
            totals.bid = self._price("bid", evaluate(channel.bid, record), bid, now)
        if channel.ask is not None:
            totals.ask = self._price("ask", evaluate(channel.ask, record), ask, now)
        if channel.last is not None:
            totals.last = self._price("last", evaluate(channel.last, record), totals.last, now)
        unmoved = totals.bid is bid and totals.ask is ask
        if not unmoved and _crossed(totals.bid, totals.ask):
            detail = f"crossed: bid {totals.bid}, ask {totals.ask}"
            totals.trouble(Reason.INVALID_DATA, detail, now)
            totals.bid = totals.ask = None

    def _judge_snapshot(self, record: Any, now: float) -> None:
        """A book that is told whole is not crossed, whichever levels are compared."""
        snapshot = self.channel.snapshot
        if snapshot is None or (bid := decimal(evaluate(snapshot.bid, record))) is None:
            return
        ask = decimal(evaluate(snapshot.ask, record))
        if ask is not None and bid >= ask:
            detail = f"crossed snapshot: bid {bid}, ask {ask}"
            self.totals.trouble(Reason.INVALID_DATA, detail, now)

    def _price(self, name: str, found: Any, before: Price, now: float) -> Price:
        """A price as it was written, None for a side or a trade that there is not.

        A message of changes may leave a price out, and then the one before stands.
        """
        if found == before or found is None or found is False:
            return before
        price = decimal(found)
        if price is not None and price > 0:
            return cast("Price", found)
        if found != "" and (price is None or price < 0 or name == "last"):
            said = "" if price is None else f": {found}"
            self.totals.trouble(Reason.INVALID_DATA, f"{name} is not a positive number{said}", now)
        return None


def _ids(sequence: SequenceRule, record: Any) -> Ids | None:
    """The place of a record, None where it tells none. Raises ValueError for what is no id."""
    found = evaluate(sequence.last, record)
    if found is None:
        return None
    last = _id(found)
    if last is None:
        raise ValueError("a sequence id that is not a whole number")
    first = previous = None
    if sequence.first is not None:
        first = _id(evaluate(sequence.first, record))
    if sequence.previous is not None:
        previous = _id(evaluate(sequence.previous, record))
    afresh = last in sequence.resets or (
        sequence.snapshot is not None and is_true(evaluate(sequence.snapshot, record))
    )
    keepalive = sequence.keepalive is not None and is_true(evaluate(sequence.keepalive, record))
    return Ids(last, last if first is None else first, previous, afresh, keepalive)


def _id(value: Any) -> int | None:
    return value if type(value) is int else integer(value)


def _crossed(bid: object, ask: object) -> bool:
    """Whether both are known and the bid is above the ask."""
    if bid is None or ask is None:
        return False
    high, low = decimal(bid), decimal(ask)
    return high is not None and low is not None and high > low


def _parsed(topic: str) -> Any:
    try:
        return json.loads(topic)
    except ValueError:
        return topic
