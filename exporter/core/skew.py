"""The difference between an exchange's clock and ours, from its answers about the time.

One sample is Cristian's: the server's time against the middle of our request, wrong by at most half
a round trip. The best of the last ten minutes is used, as NTP's clock filter does (RFC 5905 §10).

A cached answer shows a clock that stands still, and believing it would make stale data look fresh.
So a sample counts only if the clock ran between two of them as ours did.
"""

from __future__ import annotations

from dataclasses import dataclass

WINDOW = 600.0
"""Seconds for which a sample is good."""

_TOLERANCE = 1.0
_SMALL = 2.0
_MAX_SAMPLES = 60


@dataclass(frozen=True, slots=True)
class Sample:
    """One reading of the exchange's clock.

    ``taken_at`` is our unix time in the middle of the request, ``offset`` their clock minus ours,
    and ``uncertainty`` how far the offset may be from the truth; all in seconds.
    """

    taken_at: float
    offset: float
    uncertainty: float

    def agrees(self, other: Sample) -> bool:
        """Whether the exchange's clock advanced between the two as ours did."""
        return abs(self.offset - other.offset) <= self.tolerance(other)

    def tolerance(self, other: Sample) -> float:
        """Seconds by which two samples of two good clocks may differ."""
        return self.uncertainty + other.uncertainty + _TOLERANCE


def sample(
    server_time: float, resolution: float, sent_at: float | None, received_at: float | None
) -> Sample | None:
    """A sample from one answer; None if the request was not timed. All in (unix) seconds.

    A server that tells the time in units of ``resolution`` is half a unit further on average.
    """
    if sent_at is None or received_at is None or received_at < sent_at:
        return None
    middle = (sent_at + received_at) / 2
    uncertainty = (received_at - sent_at) / 2 + resolution / 2
    return Sample(middle, server_time + resolution / 2 - middle, uncertainty)


@dataclass(frozen=True, slots=True)
class Skew:
    """What is known of one exchange's clock; the next sample is compared with ``reference``."""

    reference: Sample | None = None
    believed: tuple[Sample, ...] = ()

    def learn(self, new: Sample) -> Skew:
        """Take in a sample, given in the order of time."""
        if self.reference is None:
            small = abs(new.offset) <= _SMALL + new.uncertainty
            return Skew(new, (new,) if small else ())
        elapsed = new.taken_at - self.reference.taken_at
        if 0 <= elapsed <= new.tolerance(self.reference):
            return self  # too soon to tell a clock that runs from one that stands still
        if elapsed < 0 or not new.agrees(self.reference):
            return Skew(new, self.believed)
        kept = (old for old in self.believed if new.agrees(old) and _fresh(old, new.taken_at))
        return Skew(new, (*kept, new)[-_MAX_SAMPLES:])

    def offset(self, now: float) -> float | None:
        """The exchange's clock minus ours in seconds; None if nothing recent is believed."""
        fresh = [old for old in self.believed if _fresh(old, now)]
        return min(fresh, key=lambda old: old.uncertainty).offset if fresh else None


def _fresh(old: Sample, now: float) -> bool:
    return abs(now - old.taken_at) <= WINDOW
