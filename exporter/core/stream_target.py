"""Streams as targets and limits, so that everything that knows those treats streams well, too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from exporter.core.plan import NO_ENVELOPE, Fields, Limit, Plan, Request, Scope, TargetPlan
from exporter.core.stream_plan import Channel, StreamPlan

INTERVAL = 15.0
"""Seconds between scrapes of a stream: they cost nothing, its state is at hand."""

_COLD_INTERVAL = 60.0
_COLD_SHARE = 0.25
"""Part of our share of the connection attempts that cold probes of one channel may take, lest none
be left for those who watch.
"""

_TIMEOUT = 5.0
_COLD_TIMEOUT = 10.0

_NO_FIELDS = Fields()


@dataclass(frozen=True, slots=True)
class StreamRequest(Request):
    """One subscription over a connection of its own; ``stream`` has that channel alone."""

    stream: StreamPlan | None = None


def with_cold_streams(plan: Plan) -> Plan:
    """The plan with the cold channels among the targets, and all connections among the limits."""
    limits = {limit.key: limit for limit in stream_limits(plan.streams)}
    cold = (
        _cold(stream, channel, category)
        for stream, channel, category in _channels(plan)
        if channel.cold
    )
    targets = {**plan.targets, **{str(each.target): each for each in cold}}
    return replace(plan, targets=targets, limits={**plan.limits, **limits})


def with_streams(plan: Plan) -> Plan:
    """The plan with its streams among the targets."""
    return replace(plan, targets={**plan.targets, **stream_targets(plan)})


def stream_targets(plan: Plan) -> dict[str, TargetPlan]:
    """The targets that are read from streams that are watched."""
    return {
        str(channel.target): _target(stream, channel, category)
        for stream, channel, category in _channels(plan)
    }


def connects_key(stream: StreamPlan) -> str:
    """The bucket of the connection attempts of an exchange."""
    return f"{stream.exchange}/stream_connects"


def stream_limits(streams: Mapping[str, StreamPlan]) -> Iterator[Limit]:
    """The limits of connection attempts, one for each exchange."""
    for stream in {each.exchange: each for each in streams.values()}.values():
        yield Limit(
            key=connects_key(stream),
            exchange=stream.exchange,
            name="stream_connects",
            scope=Scope.IP,
            capacity=stream.attempts,
            window=stream.window,
            share=stream.share,
        )


def _channels(plan: Plan) -> Iterator[tuple[StreamPlan, Channel, str]]:
    """Every channel with its connection and the category of its exchange."""
    categories = {each.target.exchange: each.category for each in plan.targets.values()}
    for stream in plan.streams.values():
        for channel in stream.channels:
            yield stream, channel, categories.get(stream.exchange, "spot")


def _target(stream: StreamPlan, channel: Channel, category: str) -> TargetPlan:
    request = Request(stream.url)
    return TargetPlan(
        target=channel.target,
        prober="stream",
        request=lambda _now: request,
        route=stream.route,
        host=stream.host,
        symbol="",
        costs=((connects_key(stream), 1.0),),
        interval=INTERVAL,
        timeout=_TIMEOUT,
        envelope=NO_ENVELOPE,
        fields=_NO_FIELDS,
        payload_error=None,
        checks=(),
        parameters={},
        category=category,
    )


def _cold(stream: StreamPlan, channel: Channel, category: str) -> TargetPlan:
    alone = replace(stream, channels=(channel,))
    request = StreamRequest(stream.url, cold=True, max_body=stream.max_frame, stream=alone)
    rate = stream.attempts * stream.share * _COLD_SHARE / stream.window
    return replace(
        _target(stream, channel, category),
        target=replace(channel.target, cold=True),
        prober="websocket",
        request=lambda _now: request,
        interval=max(_COLD_INTERVAL, 1.0 / rate),
        timeout=_COLD_TIMEOUT,
    )
