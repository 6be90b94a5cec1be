"""What a scrape, a page or a terminal shows of one target at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from exporter.core.breaker import State as Circuit
from exporter.core.limits import LimitView
from exporter.core.model import SkipReason
from exporter.core.plan import TargetPlan
from exporter.core.result import Result
from exporter.core.stream_view import StreamView

__all__ = ["Circuit", "LimitView", "View"]


@dataclass(frozen=True, slots=True)
class View:
    """The newest measurement of a target, and what became of the present request for one.

    ``result`` is the last measurement as far as it may still be repeated: a skip for our own
    pacing repeats it for a while, a skip because of trouble at the exchange repeats failures only.
    ``age`` is its age in seconds (0 when it was just measured). ``skipped`` tells why no probe was
    sent now; ``skip_detail`` says it to people; ``retry_at`` is the unix time of the next chance.
    ``blocked_until`` is the unix time until which the exchange told us to stay away. ``since`` is
    the unix time at which the newest measurement's state (ok, or failing for one reason) began.
    ``stream`` is set for a target that is read from a stream; nothing is asked for it.
    """

    plan: TargetPlan
    result: Result | None = None
    age: float | None = None
    skipped: SkipReason | None = None
    skip_detail: str = ""
    retry_at: float | None = None
    blocked_until: float | None = None
    circuit: Circuit = Circuit.CLOSED
    limits: tuple[LimitView, ...] = ()
    last_success_at: float | None = None
    since: float | None = None
    stream: StreamView | None = None
