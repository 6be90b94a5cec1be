"""Plans of a made-up exchange whose book messages are ``{"topic", "u", "U", "t"}``."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from exporter.core.model import Target
from exporter.core.plan import Expression, Route, Time
from exporter.core.stream_plan import Channel, Heartbeat, SequenceRule, StreamPlan
from exporter.core.times import converter

BOOK = "x/stream.book/BTC-USDT"
TRADES = "x/stream.trades/BTC-USDT"


def member(name: str) -> Expression:
    """The value of a member of an object."""
    return lambda document: document.get(name) if isinstance(document, dict) else None


def having(**members: Any) -> Expression:
    """Whether a message is an object with these members."""
    return lambda document: (
        isinstance(document, dict)
        and all(name in document and document[name] == value for name, value in members.items())
    )


def channel(name: str = "book", **changes: Any) -> Channel:
    """A channel ``x/stream.<name>/BTC-USDT`` with ranges of ids and a time."""
    made = Channel(
        target=Target("x", f"stream.{name}", "BTC-USDT"),
        topic=json.dumps(name),
        subscribe=lambda number, _: json.dumps({"subscribe": name, "id": number}),
        matches=having(topic=name),
        max_gap=30.0,
        time=Time(member("t"), converter("ms"), 0.001),
        sequence=SequenceRule("contiguous", last=member("u"), first=member("U")),
        bid=member("b"),
        ask=member("a"),
    )
    return replace(made, **changes)


def plan(url: str = "ws://127.0.0.1:9/x", *channels: Channel, **changes: Any) -> StreamPlan:
    """A plan with one book channel unless others are given."""
    made = StreamPlan(
        key="x",
        exchange="x",
        url=url,
        host="x.test",
        route=Route(),
        channels=channels or (channel(),),
        attempts=1000.0,
        window=1.0,
        share=1.0,
        is_ack=having(ok=True),
        ack_of=member("id"),
        is_refusal=having(ok=False),
        is_notice=having(notice=True),
        is_other=lambda document: isinstance(document, dict) and document.get("status") == "up",
        in_maintenance=having(status="maintenance"),
        heartbeat=Heartbeat(),
        source=url,
    )
    return replace(made, **changes)


def message(number: int, name: str = "book", at: float = 0.0, **more: Any) -> str:
    """A data message that covers one id."""
    body = {"topic": name, "U": number, "u": number, "t": int(at * 1000), "b": "1.5", "a": "1.6"}
    return json.dumps(body | more)
