"""The faults that an exchange can be given: the closed table, and how a request for them is read.

``FAULTS`` names each fault, its parameters and what it does. ``distort`` and ``wire`` do it.
"""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class Kind(enum.Enum):
    """Where in the making of an answer a fault takes hold, from first to last."""

    QUESTION = "question"  # what is asked of the market
    LIMITS = "limits"  # the rate accounting
    REFUSAL = "refusal"  # the exchange's own error instead of an answer
    FACTS = "facts"  # what the market says
    DOCUMENT = "document"  # the JSON document
    REPLY = "reply"  # status, headers, bytes of the body
    WIRE = "wire"  # how the bytes travel, if they do


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number within [low, high], or a text out of ``choices`` or matching ``pattern``."""

    default: float | str
    low: float = 0.0
    high: float = 86400.0
    choices: tuple[str, ...] = ()
    pattern: str = ""

    def problem(self, value: Any) -> str | None:
        """What is wrong with a value, or None."""
        if isinstance(self.default, str):
            if self.choices and value not in self.choices:
                return f"must be one of {', '.join(self.choices)}"
            if not isinstance(value, str) or not re.fullmatch(self.pattern or ".*", value):
                return f"must be a text like {self.default!r}"
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return "must be a number"
        if not math.isfinite(value) or not self.low <= value <= self.high:
            return f"must be between {self.low:g} and {self.high:g}"
        return None


@dataclass(frozen=True, slots=True)
class Fault:
    kind: Kind
    summary: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ActiveFault:
    """A fault in force since ``since`` (unix seconds) on an exchange, or on one endpoint of it.
    ``memory`` keeps what a fault must remember from one answer to the next."""

    exchange: str
    endpoint: str
    name: str
    since: float
    values: Mapping[str, float | str]
    memory: dict[Any, bytes] = field(default_factory=dict, compare=False, repr=False)

    @property
    def kind(self) -> Kind:
        return FAULTS[self.name].kind

    def number(self, name: str) -> float:
        return float(self.values[name])

    def document(self) -> dict[str, Any]:
        """The fault as it can be sent back to put it in force again."""
        place = {"exchange": self.exchange} | ({"endpoint": self.endpoint} if self.endpoint else {})
        return {**place, "fault": self.name, **self.values}


class FaultError(ValueError):
    """A request for faults makes no sense; ``problems`` lists everything wrong with it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


_MAX_FAULTS = 500

_HANG = {"seconds": Parameter(3600.0)}
_SIZE = {"megabytes": Parameter(50.0, low=1, high=1000)}
_FIELD = {"field": Parameter("", pattern=r"[A-Za-z0-9_]{0,64}")}

FAULTS: Mapping[str, Fault] = {
    "latency": Fault(Kind.WIRE, "answers late", {"ms": Parameter(1000.0, high=600_000)}),
    "hang": Fault(Kind.WIRE, "accepts the request and never answers", _HANG),
    "hang_body": Fault(Kind.WIRE, "stops in the middle of the body", _HANG),
    "drop": Fault(Kind.WIRE, "closes the connection without an answer"),
    "reset": Fault(Kind.WIRE, "resets the connection (TCP RST)"),
    "truncated": Fault(Kind.WIRE, "closes in the middle of the body"),
    "wrong_length": Fault(
        Kind.WIRE,
        "Content-Length differs from the body by so many bytes",
        {"by": Parameter(-10.0, low=-100_000, high=100_000)},
    ),
    "huge": Fault(Kind.WIRE, "a body of so many megabytes", _SIZE),
    "gzip_bomb": Fault(Kind.WIRE, "a small gzip body that unpacks to so many megabytes", _SIZE),
    "status_500": Fault(Kind.REPLY, "500 with a page instead of JSON"),
    "status_503": Fault(Kind.REPLY, "503 with a page instead of JSON"),
    "html": Fault(Kind.REPLY, "200 with an HTML page, as from a proxy or a WAF"),
    "empty": Fault(Kind.REPLY, "200 with no body"),
    "invalid_utf8": Fault(Kind.REPLY, "bytes in the body that are not UTF-8"),
    "duplicate_keys": Fault(Kind.REPLY, "the first key of the body appears twice"),
    "frozen": Fault(Kind.REPLY, "the same bytes again and again, as from a stuck cache"),
    "redirect": Fault(
        Kind.REPLY,
        "302 to another host",
        {"to": Parameter("http://redirected.invalid/", pattern=r"https?://[!-~]{1,200}")},
    ),
    "rate_limited": Fault(
        Kind.REFUSAL,
        "the exchange's answer to too many requests",
        {
            "retry_after": Parameter(30.0),
            "form": Parameter("provider", choices=("provider", "seconds", "date")),
        },
    ),
    "banned": Fault(
        Kind.REFUSAL,
        "the exchange's answer to a banned address",
        {"seconds": Parameter(120.0, high=3 * 86400)},
    ),
    "maintenance": Fault(
        Kind.REFUSAL, "maintenance: announced by the status call, an error elsewhere"
    ),
    "budget_eaten": Fault(
        Kind.LIMITS,
        "another program on the same address uses this part of every limit",
        {"ratio": Parameter(0.95, high=1)},
    ),
    "clock_skew": Fault(
        Kind.QUESTION,
        "the exchange's clock is ahead by so much (or behind)",
        {"seconds": Parameter(5.0, low=-86400)},
    ),
    "symbol_swap": Fault(Kind.QUESTION, "the answer is about another pair"),
    "stale": Fault(
        Kind.FACTS,
        "all times stand still, so long before now; prices move",
        {"seconds": Parameter(120.0)},
    ),
    "future": Fault(Kind.FACTS, "all times lie ahead", {"seconds": Parameter(120.0)}),
    "crossed": Fault(Kind.FACTS, "best bid above best ask"),
    "locked": Fault(Kind.FACTS, "best bid equals best ask"),
    "unsorted": Fault(Kind.FACTS, "book levels, trades and candles in the wrong order"),
    "negative_price": Fault(Kind.FACTS, "all prices are negative"),
    "zero_size": Fault(Kind.FACTS, "all sizes are zero"),
    "empty_side": Fault(
        Kind.FACTS,
        "a side of the book is empty",
        {"side": Parameter("bids", choices=("bids", "asks"))},
    ),
    "nan": Fault(Kind.FACTS, "all prices are NaN"),
    "price_jump": Fault(
        Kind.FACTS, "all prices are off", {"percent": Parameter(30.0, low=-99, high=10_000)}
    ),
    "sequence_back": Fault(Kind.FACTS, "sequence numbers run backwards"),
    "missing_field": Fault(
        Kind.DOCUMENT, "a required field is missing (default: the innermost)", _FIELD
    ),
    "wrong_type": Fault(
        Kind.DOCUMENT,
        "a required field is [null] instead of a value (default: the innermost)",
        _FIELD,
    ),
}


def read_faults(
    request: Any, endpoints: Mapping[str, Mapping[str, Any]], now: float
) -> tuple[ActiveFault, ...]:
    """Read a list of ``{exchange, endpoint?, fault, …parameters}``.

    Raises:
        FaultError: with every problem found.
    """
    if not isinstance(request, list):
        raise FaultError(["$: must be a list of objects like {exchange, fault}"])
    if len(request) > _MAX_FAULTS:
        raise FaultError([f"$: more than {_MAX_FAULTS} faults"])
    problems: list[str] = []
    found = []
    for n, item in enumerate(request):
        wrong = [f"$[{n}]{problem}" for problem in _problems(item, endpoints)]
        problems += wrong
        if not wrong:
            found.append(_read(item, now))
    if problems:
        raise FaultError(problems)
    return tuple(found)


def _problems(item: Any, endpoints: Mapping[str, Mapping[str, Any]]) -> list[str]:
    if not isinstance(item, dict):
        return [": must be an object"]
    exchange, endpoint, name = item.get("exchange"), item.get("endpoint", ""), item.get("fault")
    problems = []
    if exchange not in tuple(endpoints):
        problems.append(f".exchange: must be one of {', '.join(endpoints)}")
    elif endpoint != "" and endpoint not in tuple(endpoints[str(exchange)]):
        problems.append(f".endpoint: must be one of {', '.join(endpoints[str(exchange)])}")
    if name not in tuple(FAULTS):
        return [*problems, f".fault: must be one of {', '.join(FAULTS)}"]
    parameters = FAULTS[str(name)].parameters
    for key in item.keys() - {"exchange", "endpoint", "fault"}:
        if key not in parameters:
            known = ", ".join(parameters) or "none"
            problems.append(f".{key[:40]}: {name} has no such parameter (it has {known})")
        elif problem := parameters[key].problem(item[key]):
            problems.append(f".{key}: {problem}")
    return problems


def _read(item: Mapping[str, Any], now: float) -> ActiveFault:
    name = item["fault"]
    values = {key: item.get(key, p.default) for key, p in FAULTS[name].parameters.items()}
    return ActiveFault(item["exchange"], item.get("endpoint", ""), name, now, values)
