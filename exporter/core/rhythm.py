"""How often a channel usually speaks, and how long a silence of it is nothing unusual."""

from __future__ import annotations

import math

_TAU = 60.0
"""Seconds over which the rate is averaged."""

_MEMORY = 3600.0
"""Seconds after which half of a long gap is forgotten."""

_TRUSTED_AFTER = 100
"""Messages after which the habit counts."""

_FACTOR = 4.0
"""A silence of so many times the longest usual gap is unusual."""

_LEAST = 5.0
"""Seconds of silence that nobody calls one."""


class Rhythm:
    """Learns from the times of messages. All times are monotonic seconds.

    The longest gap of the last hours is the habit: it keeps apart a pair that trades in bursts and
    one that always trades, which a mean rate cannot. One long outage at most doubles it.
    """

    __slots__ = ("_began", "_count", "_last", "_longest", "_rate")

    def __init__(self) -> None:
        self._count = 0
        self._began = self._last = 0.0
        self._longest = self._rate = 0.0

    def beat(self, now: float) -> None:
        """A message came."""
        if self._count == 0:
            self._began = self._last = now
        gap = max(now - self._last, 0.0)
        self._last = now
        self._count += 1
        self._rate = self._rate * math.exp(-gap / _TAU) + 1.0 / _TAU
        if gap > self._longest:
            self._longest = min(gap, 2.0 * self._longest + 1.0)
        else:
            self._longest *= 0.5 ** (gap / _MEMORY)

    def pause(self, now: float) -> None:
        """Start anew after a time without a subscription, which is not the channel's silence."""
        self._last = max(self._last, now)

    def rate(self, now: float) -> float:
        """Messages per second of late."""
        if self._count == 0:
            return 0.0
        settled = 1.0 - math.exp(-max(now - self._began, 1.0) / _TAU)
        return self._rate * math.exp(-max(now - self._last, 0.0) / _TAU) / settled

    def allowed(self, max_gap: float) -> float:
        """The longest silence in seconds that is no reason to worry, at most ``max_gap``."""
        if self._count < _TRUSTED_AFTER:
            return max_gap
        return min(max_gap, max(_LEAST, _FACTOR * self._longest))
