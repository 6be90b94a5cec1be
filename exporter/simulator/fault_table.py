"""The closed table of faults that an exchange can be given over HTTP.

``distort``, ``wire``, ``exchange`` and ``listener`` do them, each kind in one place.
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

    CONNECTION = "connection"  # whether there is a connection at all
    QUESTION = "question"  # what is asked of the market
    LIMITS = "limits"  # the rate accounting
    REFUSAL = "refusal"  # the exchange's own error instead of an answer
    FACTS = "facts"  # what the market says
    DOCUMENT = "document"  # the JSON document
    REPLY = "reply"  # status, headers, bytes of the body
    WIRE = "wire"  # how the bytes travel, if they do
    STREAM = "stream"  # a WebSocket instead of answers


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
    """``needs`` names the option without which a fault of the connection cannot be made."""

    kind: Kind
    summary: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    needs: str = ""


_HANG = {"seconds": Parameter(3600.0)}
_SIZE = {"megabytes": Parameter(50.0, low=1, high=1000)}
_FIELD = {"field": Parameter("", pattern=r"[A-Za-z0-9_]{0,64}")}
_MS = 600_000.0
MEANINGS = ("auth", "clock", "bad_symbol", "server", "maintenance", "rate_limited", "banned")

_CONNECTION = {
    "refused": Fault(Kind.CONNECTION, "nobody listens on the port", needs="--simulator.own-ports"),
    "tls_failure": Fault(
        Kind.CONNECTION, "the connection breaks in the TLS handshake", needs="--simulator.tls"
    ),
    "expired_certificate": Fault(
        Kind.CONNECTION, "the certificate has expired", needs="--simulator.tls"
    ),
}

_WIRE = {
    "latency": Fault(
        Kind.WIRE,
        "answers late: `ms`, plus up to `jitter_ms`, plus a heavy tail "
        "(Pareto, exponent 1.5: the median is 0.6 × `tail_ms`, one in a hundred beyond 20 ×)",
        {
            "ms": Parameter(1000.0, high=_MS),
            "jitter_ms": Parameter(0.0, high=_MS),
            "tail_ms": Parameter(0.0, high=_MS),
        },
    ),
    "hang": Fault(Kind.WIRE, "accepts the request and never answers", _HANG),
    "hang_body": Fault(Kind.WIRE, "stops in the middle of the body", _HANG),
    "drip": Fault(
        Kind.WIRE, "the body comes in drops", {"bytes_per_second": Parameter(100, 1, 1e6)}
    ),
    "drop": Fault(Kind.WIRE, "closes the connection without an answer"),
    "reset": Fault(Kind.WIRE, "resets the connection (TCP RST) without an answer"),
    "reset_body": Fault(Kind.WIRE, "resets the connection in the middle of the body"),
    "truncated": Fault(Kind.WIRE, "closes in the middle of the body"),
    "wrong_length": Fault(
        Kind.WIRE,
        "Content-Length differs from the body by so many bytes",
        {"by": Parameter(-10.0, low=-100_000, high=100_000)},
    ),
    "huge": Fault(Kind.WIRE, "a body of so many megabytes", _SIZE),
    "gzip_bomb": Fault(Kind.WIRE, "a small gzip body that unpacks to so many megabytes", _SIZE),
}

_REPLY = {
    "status_500": Fault(Kind.REPLY, "500 with a page instead of JSON"),
    "status_503": Fault(Kind.REPLY, "503 with a page instead of JSON"),
    "waf": Fault(Kind.REPLY, "403 with the page of a web application firewall"),
    "html": Fault(Kind.REPLY, "200 with an HTML page about a maintenance"),
    "redirect": Fault(
        Kind.REPLY,
        "302 to another host",
        {"to": Parameter("http://redirected.invalid/", pattern=r"https?://[!-~]{1,200}")},
    ),
    "empty": Fault(Kind.REPLY, "200 with no body"),
    "cut": Fault(Kind.REPLY, "200 with half of the JSON, well delivered"),
    "invalid_utf8": Fault(Kind.REPLY, "bytes in the body that are not UTF-8"),
    "deep_json": Fault(
        Kind.REPLY, "lists within lists within lists", {"depth": Parameter(100_000, 1, 1_000_000)}
    ),
    "duplicate_keys": Fault(Kind.REPLY, "the first key of the body appears twice"),
    "frozen": Fault(Kind.REPLY, "the same bytes again and again, as from a stuck cache"),
}

_REFUSAL = {
    "rate_limited": Fault(
        Kind.REFUSAL,
        "the exchange's answer to too many requests",
        {
            "retry_after": Parameter(30.0),
            "form": Parameter("provider", choices=("provider", "seconds", "date", "none")),
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
    "error": Fault(
        Kind.REFUSAL,
        "the exchange's own error envelope of this meaning",
        {"meaning": Parameter("server", choices=MEANINGS)},
    ),
}

_LIMITS = {
    "budget_eaten": Fault(
        Kind.LIMITS,
        "another program on the same address uses this part of every limit",
        {"ratio": Parameter(0.95, high=1)},
    ),
    "limits_lowered": Fault(
        Kind.LIMITS,
        "only this part of every limit is granted; the headers do not tell",
        {"ratio": Parameter(0.02, high=1)},
    ),
    "headers_missing": Fault(Kind.LIMITS, "no usage headers"),
    "headers_lying": Fault(
        Kind.LIMITS,
        "the usage headers claim that this part of every limit is used",
        {"ratio": Parameter(0.0, high=1)},
    ),
}

_DATA = {
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
    "zero_price": Fault(Kind.FACTS, "all prices are zero"),
    "negative_size": Fault(Kind.FACTS, "all sizes are negative"),
    "zero_size": Fault(Kind.FACTS, "all sizes are zero"),
    "empty_side": Fault(
        Kind.FACTS,
        "a side of the book is empty",
        {"side": Parameter("bids", choices=("bids", "asks"))},
    ),
    "few_levels": Fault(
        Kind.FACTS, "only so many levels on each side", {"levels": Parameter(1, 1, 1000)}
    ),
    "nan": Fault(
        Kind.FACTS,
        "all prices are not a number, or infinite",
        {"value": Parameter("nan", choices=("nan", "inf"))},
    ),
    "price_jump": Fault(
        Kind.FACTS,
        "all prices are off by so many percent from all other exchanges",
        {"percent": Parameter(5.0, low=-99, high=10_000)},
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
    "bare_nan": Fault(
        Kind.DOCUMENT,
        "a required field is the bare word NaN or Infinity, which is not JSON",
        {**_FIELD, "value": Parameter("nan", choices=("nan", "inf"))},
    ),
}

FAULTS: Mapping[str, Fault] = {**_CONNECTION, **_WIRE, **_REPLY, **_REFUSAL, **_LIMITS, **_DATA}
