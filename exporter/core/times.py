"""Times as exchanges send them, converted to unix seconds."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from exporter.core.numbers import decimal

RESOLUTIONS: Final[Mapping[str, float]] = {
    "s": 1.0,
    "ms": 1e-3,
    "us": 1e-6,
    "ns": 1e-9,
    "iso": 1e-3,  # the text may say more or less; providers write milliseconds or better
}
"""The units of the catalog, and the size in seconds of one unit."""

_EXPONENTS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
_YEAR_2000 = 946_684_800
_YEAR_2100 = 4_102_444_800
_ISO = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[T ]([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(\.[0-9]{1,9})?(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?"
).fullmatch


def converter(unit: str) -> Callable[[Any], float | None]:
    """How to read a time in ``unit`` (a key of RESOLUTIONS).

    The converter takes whatever the payload held and returns unix seconds, or None for what is not
    a time between 2000 and 2100. Numbers may come as strings; an ISO 8601 text without an offset
    is UTC.

    Raises:
        KeyError: the unit does not exist.
    """
    return _iso if unit == "iso" else partial(_epoch, _EXPONENTS[unit])


def _epoch(exponent: int, value: object) -> float | None:
    scale = 10**exponent
    if type(value) is int:  # the common case, kept fast; division of integers rounds correctly
        return value / scale if _YEAR_2000 * scale <= value < _YEAR_2100 * scale else None
    number = decimal(value)
    if number is None or not _YEAR_2000 * scale <= number < _YEAR_2100 * scale:
        return None
    return float(number.scaleb(-exponent))


def _iso(value: object) -> float | None:
    match = _ISO(value) if isinstance(value, str) else None
    if match is None:
        return None
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    if not (
        2000 <= year < 2100 and 1 <= month <= 12 and hour < 24 and minute < 60 and second <= 60
    ):
        return None
    if not 1 <= day <= calendar.monthrange(year, month)[1]:
        return None
    whole = calendar.timegm((year, month, day, hour, minute, second))
    return whole + float(match[7] or 0) - _offset(match[8])


def _offset(zone: str | None) -> float:
    """Seconds by which a zone such as ``+02:00``, ``+0200`` or ``+02`` is ahead of UTC."""
    if zone is None or zone == "Z":
        return 0.0
    seconds = int(zone[1:3]) * 3600 + int(zone[3:].lstrip(":") or 0) * 60
    return -seconds if zone[0] == "-" else seconds
