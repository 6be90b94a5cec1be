"""One published limit as a bucket: what we spent of it, and what its provider says of it.

A token bucket of size A that refills at A/W lets 2A pass in some windows of length W. This one is
an exact sliding-window log instead: what was spent in *any* window of length W never exceeds A.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, replace

from exporter.core.plan import Limit
from exporter.core.usage import LimitUsage

NEVER = -math.inf

_GRAINS = 1000.0
"""Spends closer together than window / _GRAINS share one entry, which bounds the log."""

_MIN_ADVERTISED = 0.001
"""An advertised limit below this part of the published one is taken for nonsense: it would stop
the probes that could hear the next, true one.
"""


def ceil_ms(unix: float) -> float:
    """The next whole millisecond: what is saved must not move into the past by rounding."""
    return (math.floor(unix * 1000.0) + 1) / 1000.0


@dataclass(frozen=True, slots=True)
class Allowance:
    """At most ``units`` in any ``window`` seconds."""

    units: float
    window: float

    @property
    def sustained_rate(self) -> float:
        """Units per second in the long run."""
        return self.units / self.window


def allowance(limit: Limit, largest: float, advertised: float | None = None) -> Allowance:
    """Our share of ``limit``, or of what the provider advertises if that is less.

    A share smaller than ``largest``, the largest single cost, could never be spent; it is stretched
    to that cost in a window longer in proportion (1 request/s at 5 % is 1 request per 20 s).
    """
    capacity = limit.capacity if advertised is None else min(limit.capacity, advertised)
    units = capacity * limit.share
    if units >= largest:
        return Allowance(units, limit.window)
    return Allowance(largest, limit.window * largest / units)


@dataclass(frozen=True, slots=True)
class Observed:
    """The provider's own account of a limit; it counts what others on our IP spent, too.

    Forgotten at ``until``: monotonic seconds in a Bucket, unix seconds in a BucketState.
    """

    used: float
    limit: float
    until: float

    @property
    def used_ratio(self) -> float:
        return self.used / self.limit

    @property
    def remaining(self) -> float:
        return max(self.limit - self.used, 0.0)


@dataclass(frozen=True, slots=True)
class BucketState:
    """What outlives a restart. ``spent`` holds (unix seconds, units), in order of time."""

    key: str
    spent: tuple[tuple[float, float], ...] = ()
    advertised: float | None = None
    observed: Observed | None = None


class Bucket:
    """The mutable account of one limit. ``now`` is monotonic seconds everywhere.

    ``entries`` are [first, last, units]: spends in the span first..last, which all run out one
    window after the last of them; ``left`` is what they leave of ``units``. Spends before ``edge``
    still join the ``newest`` entry; nothing runs out before ``runs_out``. The attributes are public
    for ``Limiter.reserve``, which inlines what is done to them on every probe.
    """

    __slots__ = (
        "advertised",
        "edge",
        "entries",
        "grain",
        "largest",
        "left",
        "limit",
        "newest",
        "observed",
        "runs_out",
        "units",
        "window",
        "yield_at",
        "yield_until",
    )

    def __init__(self, limit: Limit, largest: float, yield_at: float) -> None:
        self.entries: deque[list[float]] = deque()
        self.newest = [NEVER, NEVER, 0.0]
        self.units = self.left = 0.0
        self.advertised: float | None = None
        self.observed: Observed | None = None
        self.yield_at = yield_at
        self.yield_until = NEVER
        self.configure(limit, largest)

    def configure(self, limit: Limit, largest: float) -> None:
        """Take on a (changed) limit; the log and what was observed stay."""
        self.limit = limit
        self.largest = largest
        self._apply()

    def _apply(self) -> None:
        ours = allowance(self.limit, self.largest, self.advertised)
        self.left += ours.units - self.units
        self.units = ours.units
        self.window = ours.window
        self.grain = ours.window / _GRAINS
        self.edge = NEVER
        self.runs_out = NEVER

    def expire(self, now: float) -> None:
        """Drop what was spent a window ago or earlier."""
        entries = self.entries
        while entries:
            _, last, units = entries[0]
            runs_out = last + self.window
            if runs_out > now:
                self.runs_out = runs_out
                return
            self.left += units
            entries.popleft()
        self.runs_out = NEVER
        self.left = self.units  # rounding errors end here

    def refund(self, cost: float, at: float) -> None:
        """Undo a spend of ``cost`` at ``at``; nothing to do when it has run out already."""
        for entry in self.entries:
            if entry[0] <= at <= entry[1]:
                undone = min(cost, entry[2])
                entry[2] -= undone
                self.left += undone
                return

    def free_at(self, cost: float, now: float) -> float:
        """The earliest time at which ``cost`` can be spent if nothing else is."""
        excess = cost - self.left
        free = now
        for _, last, units in self.entries:
            if excess <= 0.0:
                break
            excess -= units
            free = last + self.window
        return max(free, self.yield_until)

    def observe(self, usage: LimitUsage, now: float) -> None:
        """Believe what an answer said, as far as it makes us more careful."""
        if usage.limit is not None and usage.limit >= _MIN_ADVERTISED * self.limit.capacity:
            self._advertise(usage.limit)
        limit = self.limit.capacity if self.advertised is None else self.advertised
        if usage.used is None and usage.remaining is None:
            return
        used = max(usage.used or 0.0, 0.0 if usage.remaining is None else limit - usage.remaining)
        self._observe(Observed(used, limit, now + self._lifetime(usage.reset_in)))

    def _advertise(self, limit: float) -> None:
        if limit != self.advertised:
            self.advertised = limit
            self._apply()

    def _observe(self, observed: Observed) -> None:
        self.observed = observed
        self.yield_until = observed.until if observed.used_ratio >= self.yield_at else NEVER

    def _lifetime(self, reset_in: float | None) -> float:
        window = self.limit.window
        return reset_in if reset_in is not None and 0.0 < reset_in <= window else window

    def snapshot(self, now: float, wall: float) -> BucketState:
        """The state in unix seconds."""
        self.expire(now)
        offset = wall - now
        spent = tuple(
            (ceil_ms(last + offset), units) for _, last, units in self.entries if units > 0.0
        )
        observed = self.observation(now)
        if observed is not None:
            observed = replace(observed, until=observed.until + offset)
        return BucketState(self.limit.key, spent, self.advertised, observed)

    def restore(self, state: BucketState, now: float, wall: float) -> None:
        """Add a snapshot to the log; what it dates in the future was spent now at the latest."""
        for at, units in state.spent:
            when = min(at - wall + now, now)
            self.entries.append([when, when, units])
            self.left -= units
        self.entries = deque(sorted(self.entries))
        self.advertised = state.advertised if self.advertised is None else self.advertised
        self._apply()
        if state.observed is not None:
            until = min(state.observed.until - wall, self.limit.window) + now
            self._observe(replace(state.observed, until=until))

    def observation(self, now: float) -> Observed | None:
        """What the provider said, unless its window has ended since."""
        return self.observed if self.observed is not None and now < self.observed.until else None
