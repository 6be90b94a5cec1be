"""What the headers of an answer say of its provider's limits, and how long to stay away.

Headers are hostile until checked: only plain decimal numbers up to 1e12 are read (times up to
1e14), anything else counts as absent, and no input raises. Header names are lower case throughout.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from exporter.core.backoff import exponential
from exporter.core.plan import Envelope, Limit

ASKED_TO_WAIT = frozenset({418, 429, 503})
"""Statuses with which a Retry-After header is an instruction to stay away (RFC 9110 §10.2.3)."""

_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
_MAX_COUNT = 1e12
_MAX_TIME = 1e14  # the epoch in milliseconds is beyond 1e12 already
_MAX_DATE_LENGTH = 64
_MAX_REPEATED = 10
_MIN_BLOCK = 1.0
_MAX_DEFAULT_BACKOFF = 600.0

_Choice = Callable[[Iterable[float]], float]


@dataclass(frozen=True, slots=True)
class LimitUsage:
    """What one answer said of the bucket ``key``; None for what it did not say.

    All numbers are finite and not negative, ``limit`` is positive. ``reset_in`` is in seconds from
    the answer and may be zero or negative when the provider's clock or ours is off.
    """

    key: str
    used: float | None = None
    remaining: float | None = None
    limit: float | None = None
    reset_in: float | None = None


def limit_usages(
    headers: Mapping[str, str], limits: Iterable[Limit], now_unix: float
) -> tuple[LimitUsage, ...]:
    """The usage of every limit of which ``headers`` say something."""
    usages = (_limit_usage(headers, limit, now_unix) for limit in limits)
    return tuple(usage for usage in usages if usage is not None)


def _limit_usage(headers: Mapping[str, str], limit: Limit, now_unix: float) -> LimitUsage | None:
    names = limit.headers
    used = _number(headers, names.used, max)
    remaining = _number(headers, names.remaining, min)
    advertised = _number(headers, names.limit, min) or None
    if used is None and remaining is None and advertised is None:
        return None
    reset = _number(headers, names.reset, max, _MAX_TIME)
    reset_in = None if reset is None else _reset_in(reset, names.reset_unit, now_unix)
    return LimitUsage(limit.key, used, remaining, advertised, reset_in)


def _number(
    headers: Mapping[str, str], name: str | None, careful: _Choice, largest: float = _MAX_COUNT
) -> float | None:
    """The number in a header; of a repeated one that which makes us more careful."""
    numbers = _numbers(headers.get(name, "")) if name else []
    value = careful(numbers) if numbers else None
    return value if value is not None and value <= largest else None


def _numbers(text: str) -> list[float]:
    """The numbers in a header, which may be repeated; none if one of them is something else."""
    parts = [part.strip() for part in text.split(", ", _MAX_REPEATED)]
    return [float(part) for part in parts] if all(map(_NUMBER.fullmatch, parts)) else []


def _reset_in(reset: float, unit: str, now_unix: float) -> float:
    seconds = reset / 1000.0 if unit in ("ms", "in_ms") else reset
    return seconds if unit in ("in_s", "in_ms") else seconds - now_unix


def retry_after(headers: Mapping[str, str], now_unix: float, unit: str = "s") -> float | None:
    """Seconds from now that ``Retry-After`` asks for; None when absent, past or unreadable.

    Delta-seconds or an HTTP date (RFC 9110 §10.2.3); decimals are accepted too, and of repeated
    delta-seconds the longest. ``unit`` is ``ms`` for the provider that sends milliseconds. Not
    capped: see ``block_seconds``.
    """
    text = headers.get("retry-after", "").strip()
    if numbers := _numbers(text):
        return max(numbers) / 1000.0 if unit == "ms" else max(numbers)
    date = _http_date(text)
    return None if date is None or date < now_unix else date - now_unix


def _http_date(text: str) -> float | None:
    if not 0 < len(text) <= _MAX_DATE_LENGTH:
        return None
    try:
        # A date without a zone, as asctime writes it, is UTC (RFC 9110 §5.6.7), not our local time.
        return float(calendar.timegm(parsedate_to_datetime(text).utctimetuple()))
    except (ValueError, TypeError, IndexError, OverflowError, OSError):
        return None


def block_seconds(
    envelope: Envelope,
    now_unix: float,
    *,
    until: float | None = None,
    retry_after: float | None = None,
    backoff: float | None = None,
    consecutive: int = 0,
) -> float:
    """How long to stay away from a provider that told us to, in [1, ``envelope.max_block``] s.

    The most specific source wins: ``until`` (unix seconds, from the error text), then
    ``retry_after`` (seconds), then ``backoff`` (seconds, the catalog's), then the default, doubled
    for each of the ``consecutive`` blocks before this one. An ``until`` in the past is ignored, and
    so is a ``retry_after`` of nothing: refused is refused.
    """
    if until is not None and until > now_unix:
        seconds = until - now_unix
    elif retry_after:
        seconds = retry_after
    elif backoff is not None:
        seconds = backoff
    else:
        seconds = exponential(consecutive, envelope.default_backoff, _MAX_DEFAULT_BACKOFF)
    return min(max(seconds, _MIN_BLOCK), envelope.max_block)
