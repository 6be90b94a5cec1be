"""Content negotiation of the exposition format, by RFC 9110 §12.5.1."""

from __future__ import annotations

import functools

_LONGEST = 1024
_TEXT_RANGES = ("text/plain", "text/*", "*/*")  # most specific first


@functools.lru_cache(maxsize=64)
def wants_openmetrics(accept: str) -> bool:
    """Whether an Accept header prefers OpenMetrics 1.0.0 to the text format 0.0.4.

    OpenMetrics must be named, since a wildcard is satisfied by the text format; named with equal
    weight it wins. Anything that cannot be read counts as not there.
    """
    if len(accept) > _LONGEST:
        return False
    ranges = [_media_range(part) for part in accept.lower().split(",")]
    openmetrics = max(
        (q for name, q in ranges if name == "application/openmetrics-text"), default=0
    )
    return openmetrics > 0 and openmetrics >= _text_weight(ranges)


def _text_weight(ranges: list[tuple[str, float]]) -> float:
    for wanted in _TEXT_RANGES:
        weights = [q for name, q in ranges if name == wanted]
        if weights:
            return max(weights)
    return 0.0


def _media_range(part: str) -> tuple[str, float]:
    """``type/subtype;version=…;q=…`` as (type/subtype, weight)."""
    name, *pairs = (piece.strip() for piece in part.split(";"))
    parameters = dict(pair.partition("=")[::2] for pair in pairs)
    if name == "application/openmetrics-text" and parameters.get("version", "1.0.0") != "1.0.0":
        return "", 0.0
    return name, _weight(parameters.get("q", "1"))


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
