"""Times, durations and the words of strangers, as text for people."""

from __future__ import annotations

import datetime


def printable(text: str, limit: int) -> str:
    """At most ``limit`` characters of ``text`` on one line, all others escaped as in Python.

    That covers control characters, bidirectional overrides and lone surrogates, so the outcome can
    be encoded and cannot rewrite the terminal or the line it is shown on.
    """
    cut = text[:limit]
    if not cut.isprintable():
        cut = "".join(map(_escape, cut))
    return cut if len(text) <= limit else cut + "…"


def _escape(char: str) -> str:
    return char if char.isprintable() else char.encode("unicode_escape").decode("ascii")


def moment(when: float, form: str = "%Y-%m-%d %H:%M:%S UTC") -> str:
    """Unix seconds as a time in UTC."""
    try:
        return datetime.datetime.fromtimestamp(when, datetime.UTC).strftime(form)
    except (ValueError, OverflowError, OSError):
        return f"{when:.6g}"  # beyond any calendar


def span(seconds: float) -> str:
    """A duration in its largest sensible unit, rounded down: ``12 s``, ``90 min``, ``5 h``."""
    for size, unit, upto in ((1, "s", 90), (60, "min", 120), (3600, "h", 48)):
        if seconds < upto * size:
            return f"{max(seconds, 0) // size:.0f} {unit}"
    return f"{seconds // 86400:.0f} d" if seconds < 1e10 else "ages"


def latency(seconds: float) -> str:
    """A measured time: ``1.2 ms``, ``143 ms``, ``2.05 s``."""
    if seconds < 0.00995:
        return f"{seconds * 1000:.2g} ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.3g} s"


def percent(ratio: float) -> str:
    """A ratio as a whole percentage; what is above zero never reads as zero."""
    return "<1 %" if 0 < ratio < 0.01 else f"{min(ratio, 99.99) * 100:.0f} %"
