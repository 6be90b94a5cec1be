"""Compiles the ``streams`` section of a catalog file: one StreamPlan for each URL."""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from exporter.config.compile import Compiler
from exporter.config.document import KeyPath
from exporter.config.duration import seconds
from exporter.config.message import answer, compact, fill, message
from exporter.config.model import ExchangeConfig
from exporter.config.symbol import stream_names
from exporter.core.model import Target
from exporter.core.plan import Envelope, Expression
from exporter.core.stream_plan import Channel, Heartbeat, SequenceRule, Snapshot, StreamPlan

_HERE: KeyPath = ("streams",)
_REQUIRED = ("url", "connects", "subscribe", "ack")


def stream_plans(
    exchange: ExchangeConfig, compiler: Compiler, envelope: Envelope
) -> dict[str, StreamPlan]:
    """The connections that the configuration asks for, by key; problems go to the compiler.

    ``envelope`` is that of the exchange's answers, whose codes its streams share.
    """
    if not exchange.streams:
        return {}
    missing = [key for key in _REQUIRED if key not in exchange.facts["streams"]]
    if missing:
        what = f"needs {', '.join(missing)}"
        compiler.problems.append(exchange.catalog.problem(_HERE, what))
        return {}
    return _Building(exchange, compiler, envelope).run()


class _Building:
    """Compiles the streams of one exchange."""

    def __init__(self, exchange: ExchangeConfig, compiler: Compiler, envelope: Envelope) -> None:
        self.exchange = exchange
        self.compiler = compiler
        self.envelope = envelope
        self.spec: Mapping[str, Any] = exchange.facts["streams"]
        self.errors = self._errors()

    def run(self) -> dict[str, StreamPlan]:
        channels: dict[str, list[Channel]] = {}
        for name in self.exchange.streams:
            spec = self.spec["channels"][name]
            found = channels.setdefault(self._url(spec.get("url", self.spec["url"])), [])
            for pair in self.exchange.pairs:
                if channel := self._channel(name, spec, pair):
                    found.append(channel)
        plans = {}
        for number, (url, found) in enumerate(channels.items(), 1):
            key = self.exchange.name if number == 1 else f"{self.exchange.name}#{number}"
            if (is_ack := self._expression("ack")) is not None:
                plans[key] = self._plan(key, url, tuple(found), is_ack)
        return plans

    def _url(self, url: str) -> str:
        """The catalog's URL, or its path at the place that the configuration names."""
        if not self.exchange.stream_url:
            return url
        place = self.exchange.stream_url.rstrip("/")
        scheme, rest = place.split("://", 1)
        secure = scheme in ("https", "wss")
        return f"{'wss' if secure else 'ws'}://{rest}{urllib.parse.urlsplit(url).path}"

    def _plan(
        self, key: str, url: str, channels: tuple[Channel, ...], is_ack: Expression
    ) -> StreamPlan:
        spec, connects = self.spec, self.spec["connects"]
        return StreamPlan(
            key=key,
            exchange=self.exchange.name,
            url=url,
            host=urllib.parse.urlsplit(url).netloc,
            route=self.exchange.route,
            channels=channels,
            attempts=float(connects["capacity"]),
            window=seconds(connects["window"]),
            share=self.exchange.budget,
            is_ack=is_ack,
            ack_of=self._expression("ack_of"),
            is_refusal=self._expression("refusal"),
            errors=self.errors,
            is_cancel=self._expression("cancel"),
            is_notice=self._expression("notice"),
            is_other=self._expression("other"),
            in_maintenance=self._expression("maintenance"),
            heartbeat=self._heartbeat(spec.get("heartbeat", {})),
            lifetime=_optional_seconds(spec, "lifetime"),
            message_interval=_optional_seconds(spec, "message_interval") or 0.0,
            gzip=spec.get("gzip", False),
            max_frame=spec.get("max_frame", 4 * 1024 * 1024),
            source=self._source(url, channels),
        )

    def _source(self, url: str, channels: tuple[Channel, ...]) -> str:
        topics = [f"{channel.target} {channel.topic} {channel.cold}" for channel in channels]
        return repr((url, topics, self.exchange.budget, self.spec, self.exchange.facts["envelope"]))

    def _errors(self) -> Envelope:
        """How to read a refusal: by the envelope's codes, found where the streams have them."""
        spec = self.spec.get("error", {})

        def place(key: str, usual: Expression | None) -> Expression | None:
            if key not in spec:
                return usual
            return self.compiler.expression(spec[key], (*_HERE, "error", key))

        return replace(
            self.envelope,
            ok=None,
            code=place("code", self.envelope.code),
            message=place("message", self.envelope.message),
            statuses={},
        )

    def _heartbeat(self, spec: Mapping[str, Any]) -> Heartbeat:
        def expression(key: str) -> Expression | None:
            return self.compiler.expression(spec.get(key), (*_HERE, "heartbeat", key))

        return Heartbeat(
            send=message(spec["send"]) if "send" in spec else None,
            every=_optional_seconds(spec, "every") or 0.0,
            is_reply=expression("reply"),
            is_ping=expression("ping"),
            answer=answer(spec["answer"]) if "answer" in spec else None,
            setup=message(spec["setup"]) if "setup" in spec else None,
            silence=_optional_seconds(spec, "silence"),
        )

    def _channel(self, name: str, spec: Mapping[str, Any], pair: str) -> Channel | None:
        here: KeyPath = (*_HERE, "channels", name)
        try:
            names = stream_names(self.exchange.facts, pair)
        except ValueError as error:
            what = f"no symbol for {pair}: {error}"
            self.compiler.problems.append(self.exchange.catalog.problem(_HERE, what))
            return None

        def expression(key: str) -> Expression | None:
            return self.compiler.expression(spec.get(key), (*here, key))

        topic = fill(spec["topic"], names)
        matches = self.compiler.expression(fill(spec["match"], names), (*here, "match"))
        if matches is None:
            return None
        return Channel(
            target=Target(self.exchange.name, f"stream.{name}", pair),
            topic=compact(topic),
            subscribe=message(self.spec["subscribe"], topic),
            matches=matches,
            max_gap=seconds(spec["max_gap"]),
            items=expression("items"),
            time=self.compiler.time(spec.get("time"), (*here, "time")),
            sequence=self._sequence(spec.get("sequence"), (*here, "sequence")),
            bid=expression("bid"),
            ask=expression("ask"),
            last=expression("last"),
            snapshot=self._snapshot(spec.get("snapshot"), (*here, "snapshot")),
            cold=f"stream.{name}" in self.exchange.cold,
        )

    def _snapshot(self, spec: Mapping[str, str] | None, here: KeyPath) -> Snapshot | None:
        if spec is None:
            return None
        bid = self.compiler.expression(spec["bid"], (*here, "bid"))
        ask = self.compiler.expression(spec["ask"], (*here, "ask"))
        return None if bid is None or ask is None else Snapshot(bid, ask)

    def _sequence(self, spec: Mapping[str, Any] | None, here: KeyPath) -> SequenceRule | None:
        if spec is None:
            return None

        def expression(key: str) -> Expression | None:
            return self.compiler.expression(spec.get(key), (*here, key))

        if (last := expression("last")) is None:
            return None
        return SequenceRule(
            rule=spec["rule"],
            last=last,
            first=expression("first"),
            previous=expression("previous"),
            snapshot=expression("snapshot"),
            keepalive=expression("keepalive"),
            resets=frozenset(spec.get("resets", ())),
        )

    def _expression(self, key: str) -> Expression | None:
        return self.compiler.expression(self.spec.get(key), (*_HERE, key))


def _optional_seconds(spec: Mapping[str, Any], key: str) -> float | None:
    return seconds(spec[key]) if key in spec else None
