"""The text of the metrics of one stream, from its view."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate

from exporter.core.stream_totals import EVENT_LAG_BUCKETS
from exporter.core.stream_view import StreamView
from exporter.metrics import stream_families as families
from exporter.metrics.family import Family
from exporter.metrics.lines import histogram_template, opened, scalars, vectors
from exporter.metrics.readings import Labelled, Number

_SCALARS: tuple[tuple[Family, Callable[[StreamView], Number | None]], ...] = (
    (families.CONNECTED, lambda stream: int(stream.connected)),
    (families.SUBSCRIBED, lambda stream: int(stream.subscribed)),
    (families.SILENT, lambda stream: int(stream.silent)),
    (families.CONNECTED_SINCE, lambda stream: stream.connected_at),
    (families.LAST_MESSAGE, lambda stream: stream.last_message_at),
    (families.LAST_DATA, lambda stream: stream.last_data_at),
    (families.MAX_GAP, lambda stream: stream.max_gap),
    (families.RATE, lambda stream: stream.message_rate),
    (families.MESSAGES, lambda stream: stream.messages),
    (families.DATA_MESSAGES, lambda stream: stream.data_messages),
    (families.BYTES, lambda stream: stream.bytes),
    (families.GAPS, lambda stream: stream.gaps),
    (families.MISSING, lambda stream: stream.missing),
    (families.DUPLICATES, lambda stream: stream.duplicates),
    (families.OUT_OF_ORDER, lambda stream: stream.out_of_order),
    (families.RESYNCS, lambda stream: stream.resyncs),
    (families.MALFORMED, lambda stream: stream.malformed),
    (families.UNREADABLE, lambda stream: stream.unreadable),
    (families.UNMATCHED, lambda stream: stream.unmatched),
    (families.OVERSIZE, lambda stream: stream.oversize),
    (families.DROPPED, lambda stream: stream.dropped),
    (families.NOTICES, lambda stream: stream.notices),
    (families.CONNECTIONS, lambda stream: stream.connections),
    (families.SUBSCRIBE_DURATION, lambda stream: stream.subscribe_duration),
    (families.SUBSCRIPTION_FAILURES, lambda stream: stream.refusals),
    (families.ROUND_TRIP, lambda stream: stream.heartbeat_round_trip),
)

_VECTORS: tuple[tuple[Family, Callable[[StreamView], Labelled]], ...] = (
    (families.CONNECT_FAILURES, lambda stream: stream.connect_failures.items()),
    (families.RECONNECTS, lambda stream: stream.ends.items()),
    (families.CONNECT_DURATION, lambda stream: stream.opening.items()),
)

ORDER: tuple[Family, ...] = (
    *(family for family, _ in _SCALARS),
    *(family for family, _ in _VECTORS),
    families.EVENT_LAG,
)
"""The families in the order of the blocks of a stream."""

NONE = [""] * len(ORDER)
"""The blocks of a target that is no stream."""


class StreamLines:
    """The prepared strings of one stream; ``labels`` as they stand between braces."""

    def __init__(self, labels: str) -> None:
        self._scalars = [(f"{family.name}{{{labels}}} ", read) for family, read in _SCALARS]
        self._vectors = [(opened(family, labels), read) for family, read in _VECTORS]
        self._lag = histogram_template(families.EVENT_LAG, labels, EVENT_LAG_BUCKETS)

    def blocks(self, stream: StreamView) -> list[str]:
        """The lines of each family in the order of ORDER, "" for a family without a sample."""
        buckets = tuple(accumulate(stream.lag_buckets))
        lag = self._lag % (*buckets, stream.lag_sum, buckets[-1])
        return [*scalars(self._scalars, stream), *vectors(self._vectors, stream), lag]
