"""Faults in force, and how a request for them is read.

Every fault is asked for as ``{exchange, endpoint?, fault, …parameters, after?, for?, share?}``:
it begins ``after`` seconds from now, ends by itself ``for`` seconds later, and hits that ``share``
of the requests. The exchange ``*`` is all of them.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from exporter.simulator.fault_table import FAULTS as HTTP_FAULTS
from exporter.simulator.fault_table import Fault, Kind, Parameter
from exporter.simulator.stream_faults import STREAM_FAULTS

__all__ = [
    "COMMON",
    "EVERYWHERE",
    "FAULTS",
    "ActiveFault",
    "Fault",
    "FaultError",
    "Kind",
    "Parameter",
    "Place",
    "faults_at",
    "hitting",
    "problems_of",
    "read_faults",
]

FAULTS: Mapping[str, Fault] = {**HTTP_FAULTS, **STREAM_FAULTS}
"""All faults, of calls and of streams."""

EVERYWHERE = "*"
_MAX_FAULTS = 500
_YEAR = 366 * 86400.0
_NO_END = math.inf

COMMON: Mapping[str, Parameter] = {
    "after": Parameter(0.0, high=_YEAR),
    "for": Parameter(_YEAR, low=0.001, high=_YEAR),
    "share": Parameter(1.0, low=0.0, high=1.0),
}
"""Parameters that every fault takes; a connection takes no ``share``."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where faults can be put: the endpoints, streams and error samples of one exchange, and the
    faults of the connection that can be made there."""

    endpoints: tuple[str, ...]
    errors: tuple[str, ...] = ()
    connections: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ActiveFault:
    """A fault in force from ``since`` until ``until`` (unix seconds) on an exchange, or on one
    endpoint of it. ``memory`` keeps what it must remember from one answer to the next."""

    exchange: str
    endpoint: str
    name: str
    since: float
    values: Mapping[str, float | str]
    until: float = _NO_END
    share: float = 1.0
    memory: dict[Any, bytes] = field(default_factory=dict, compare=False, repr=False)

    @property
    def kind(self) -> Kind:
        return FAULTS[self.name].kind

    def number(self, name: str) -> float:
        return float(self.values[name])

    def in_force(self, now: float) -> bool:
        return self.since <= now < self.until

    def hits(self, exchange: str, endpoint: str) -> bool:
        """Whether it is meant for this endpoint; ``""`` asks for faults of all endpoints only."""
        return self.exchange in (exchange, EVERYWHERE) and self.endpoint in ("", endpoint)

    def document(self, now: float) -> dict[str, Any]:
        """The fault as it can be sent back to put it in force again, for the time that is left."""
        shown: dict[str, Any] = {"exchange": self.exchange}
        if self.endpoint:
            shown["endpoint"] = self.endpoint
        shown |= {"fault": self.name, **self.values}
        if self.since > now:
            shown["after"] = round(self.since - now, 3)
        if self.until < _NO_END:
            shown["for"] = round(self.until - max(now, self.since), 3)
        if self.share < 1.0:
            shown["share"] = self.share
        return shown


class FaultError(ValueError):
    """A request for faults makes no sense; ``problems`` lists everything wrong with it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def faults_at(faults: Iterable[ActiveFault], now: float) -> tuple[ActiveFault, ...]:
    """Those in force at ``now`` (unix seconds)."""
    return tuple(fault for fault in faults if fault.in_force(now))


def hitting(faults: Iterable[ActiveFault], chance: random.Random) -> list[ActiveFault]:
    """Those that hit one request: all but the ones that spare it by their ``share``."""
    return [fault for fault in faults if fault.share >= 1.0 or chance.random() < fault.share]


def read_faults(request: Any, places: Mapping[str, Place], now: float) -> tuple[ActiveFault, ...]:
    """Read a list of faults; ``now`` is unix seconds.

    Raises:
        FaultError: with every problem found.
    """
    if not isinstance(request, list):
        raise FaultError(["$: must be a list of objects like {exchange, fault}"])
    if len(request) > _MAX_FAULTS:
        raise FaultError([f"$: more than {_MAX_FAULTS} faults"])
    problems = [
        f"$[{n}]{'.' * bool(key)}{key}: {problem}"
        for n, item in enumerate(request)
        for key, problem in problems_of(item, places)
    ]
    if problems:
        raise FaultError(problems)
    return tuple(_read(item, now) for item in request)


def problems_of(item: Any, places: Mapping[str, Place]) -> Iterator[tuple[str, str]]:
    """Everything that is wrong with one fault as (key, problem)."""
    if not isinstance(item, dict):
        yield "", "must be an object"
        return
    names = _places(item.get("exchange"), places)
    yield from _place_problems(item, names, places)
    name = item.get("fault")
    if name not in tuple(FAULTS):
        yield "fault", f"must be one of {', '.join(FAULTS)}"
        return
    fault = FAULTS[str(name)]
    yield from _parameter_problems(item, str(name), fault)
    if names and fault.kind is Kind.CONNECTION:
        yield from _connection_problems(item, str(name), [places[name] for name in names])
    if names and "meaning" in fault.parameters:
        meaning = item.get("meaning", fault.parameters["meaning"].default)
        if not any(meaning in places[name].errors for name in names):
            yield "meaning", f"{' and '.join(names)} has no error sample {str(meaning)[:40]}"


def _places(exchange: Any, places: Mapping[str, Place]) -> tuple[str, ...]:
    if exchange == EVERYWHERE:
        return tuple(places)
    return (exchange,) if exchange in tuple(places) else ()


def _place_problems(
    item: Mapping[str, Any], names: tuple[str, ...], places: Mapping[str, Place]
) -> Iterator[tuple[str, str]]:
    if not names:
        yield "exchange", f"must be one of {', '.join(places)} or {EVERYWHERE}"
        return
    endpoint = item.get("endpoint", "")
    fault = FAULTS.get(str(item.get("fault")))
    of_streams = fault is not None and fault.kind is Kind.STREAM
    there = (places[n].streams if of_streams else places[n].endpoints for n in names)
    known = tuple(dict.fromkeys(endpoint for endpoints in there for endpoint in endpoints))
    if endpoint != "" and endpoint not in known:
        yield "endpoint", f"must be one of {', '.join(known)}"


def _parameter_problems(
    item: Mapping[str, Any], name: str, fault: Fault
) -> Iterator[tuple[str, str]]:
    parameters = {**fault.parameters, **COMMON}
    for key in sorted(item.keys() - {"exchange", "endpoint", "fault"}):
        if key not in parameters:
            known = ", ".join(fault.parameters) or "none"
            yield key[:40], f"{name} has no such parameter (it has {known})"
        elif problem := parameters[key].problem(item[key]):
            yield key, problem


def _connection_problems(
    item: Mapping[str, Any], name: str, places: Iterable[Place]
) -> Iterator[tuple[str, str]]:
    if not all(name in place.connections for place in places):
        yield "fault", f"{name} needs the option {FAULTS[name].needs}"
    for key in ("endpoint", "share"):
        if key in item:
            yield key, f"{name} hits the whole exchange: a connection is for all its calls"


def _read(item: Mapping[str, Any], now: float) -> ActiveFault:
    name, since = item["fault"], now + item.get("after", 0.0)
    return ActiveFault(
        exchange=item["exchange"],
        endpoint=item.get("endpoint", ""),
        name=name,
        since=since,
        values={key: item.get(key, p.default) for key, p in FAULTS[name].parameters.items()},
        until=since + item["for"] if "for" in item else _NO_END,
        share=item.get("share", 1.0),
    )
