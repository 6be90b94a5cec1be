"""Exponential backoff with jitter; the randomness is the caller's.

Source: Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
``rand`` is any callable that yields a number in [0, 1), ``random.random`` in production.
"""

from __future__ import annotations

from collections.abc import Callable

Rand = Callable[[], float]

_MAX_DOUBLINGS = 64  # keeps the power finite; every cap in use is reached long before


def exponential(attempt: int, base: float, cap: float) -> float:
    """Seconds to wait after ``attempt`` earlier failures: ``base`` doubled each time, at most
    ``cap``.
    """
    return min(cap, base * 2.0 ** min(attempt, _MAX_DOUBLINGS))


def full_jitter(ceiling: float, rand: Rand) -> float:
    """Anything in [0, ceiling): spreads clients best, but may hardly wait at all."""
    return rand() * ceiling


def equal_jitter(ceiling: float, rand: Rand) -> float:
    """Anything in [ceiling / 2, ceiling): spreads clients and always waits."""
    return (1.0 + rand()) * ceiling / 2.0
