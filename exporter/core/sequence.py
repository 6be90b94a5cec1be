"""Whether the messages of a channel follow each other: one pure rule per way of counting.

    rule        follows on                 example
    linked      previous == last           Binance USD-M pu/u, OKX prevSeqId/seqId, Deribit
    contiguous  first == last + 1          Binance spot U/u
    plus_one    id == last + 1             feeds that number their messages
    monotone    id > last                  Bybit u, Coinbase sequence: gaps cannot be seen

A snapshot starts afresh, and so does the message that showed a gap: each gap counts once.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import NamedTuple


class Order(enum.StrEnum):
    """How a message stands to the ones before it."""

    OK = "ok"
    GAP = "gap"  # messages in between are missing
    DUPLICATE = "duplicate"  # seen already, wholly or in part
    OUT_OF_ORDER = "out_of_order"  # older than what was seen already
    RESYNC = "resync"  # the provider legally started afresh


class Ids(NamedTuple):
    """What one message says of its place. ``first`` is ``last`` where there is only one id.

    ``afresh`` is true of a snapshot and of an id that is a documented reset.
    """

    last: int
    first: int
    previous: int | None = None
    afresh: bool = False
    keepalive: bool = False


class Step(NamedTuple):
    """The verdict on one message, and the id that the next one is compared with.

    ``missing`` is the size of a gap in ids; for linked ids it is their distance, at least 1.
    """

    last: int
    order: Order
    missing: int = 0


Rule = Callable[[int, Ids], Step]
"""From the last id seen and the ids of the next message to the verdict."""


def follow(rule: Rule, last: int | None, ids: Ids) -> Step:
    """Judge one message by ``rule``; ``last`` is None before the first one."""
    if last is None:
        return Step(ids.last, Order.OK)
    if ids.afresh:
        return Step(ids.last, Order.RESYNC)
    if ids.keepalive and ids.last == last:
        return Step(last, Order.OK)
    return rule(last, ids)


def linked(last: int, ids: Ids) -> Step:
    """Each message names the id of the one before it.

    Binance USD-M: "each new event's pu should be equal to the previous event's u, otherwise
    initialize the process" (developers.binance.com, How to manage a local order book correctly).
    OKX: prevSeqId equals the last seqId; it is -1 on a snapshot, equals seqId where nothing
    changed, and a seqId below its prevSeqId is a reset after maintenance (okx.com/docs-v5, Order
    book channel). Deribit: prev_change_id equals the last change_id, and the first message has
    none (docs.deribit.com, book.{instrument_name}.{interval}).
    """
    if ids.previous is None or ids.previous < 0:
        return Step(ids.last, Order.RESYNC)
    if ids.previous == last:
        return Step(ids.last, Order.RESYNC if ids.last < last else Order.OK)
    if ids.last == last:
        return Step(last, Order.DUPLICATE)
    if ids.last < last:
        return Step(last, Order.OUT_OF_ORDER)
    return Step(ids.last, Order.GAP, max(ids.previous - last, 1))


def contiguous(last: int, ids: Ids) -> Step:
    """Each message covers a range of ids that begins where the one before it ended.

    Binance spot: "the first update ID U of an event is the last update ID u of the previous event
    plus 1"; an event with u <= the last one is old and ignored (developers.binance.com, Web Socket
    Streams, How to manage a local order book correctly).
    """
    if ids.last < last or ids.first > ids.last:
        return Step(last, Order.OUT_OF_ORDER)
    if ids.first > last + 1:
        return Step(ids.last, Order.GAP, ids.first - last - 1)
    return Step(ids.last, Order.OK if ids.first == last + 1 else Order.DUPLICATE)


def plus_one(last: int, ids: Ids) -> Step:
    """Messages are numbered without a hole.

    Coinbase: "sequence numbers are increasing integer values for each product, with each new
    message being exactly one sequence number greater than the one before it" on the full channel;
    lower ones can be ignored (docs.cdp.coinbase.com, WebSocket Overview, Sequence Numbers).
    """
    if ids.last > last + 1:
        return Step(ids.last, Order.GAP, ids.last - last - 1)
    return _rising(last, ids)


def monotone(last: int, ids: Ids) -> Step:
    """Ids only ever rise, by any step.

    Bybit: u is the update id of the book; u == 1 is a snapshot after a restart of the service
    (bybit-exchange.github.io, Websocket Orderbook). Coinbase: on channels that carry a part of the
    full feed the sequence has holes by design (docs.cdp.coinbase.com, WebSocket Overview). Kraken:
    its feed skips ids of trades that share a time stamp (github.com/krakenfx/api-go, issue 36).
    """
    return _rising(last, ids)


def _rising(last: int, ids: Ids) -> Step:
    if ids.last > last:
        return Step(ids.last, Order.OK)
    return Step(last, Order.DUPLICATE if ids.last == last else Order.OUT_OF_ORDER)


SEQUENCE_RULES: Mapping[str, Rule] = {
    "linked": linked,
    "contiguous": contiguous,
    "plus_one": plus_one,
    "monotone": monotone,
}
"""The rules by the names that the catalog uses."""
