"""What to analyse when: incidents out of alerts, and a storm out of many incidents. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from exporter.receiver.model import Alert
from exporter.receiver.settings import Settings

MAX_ATTEMPTS = 5
_LONGEST_RETRY = 60.0  # seconds


def key_of(exchange: str) -> str:
    """The key of the incident of an exchange ("": of what concerns none): ten hex digits."""
    return _key({"exchange": exchange})


def _key(labels: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(labels, sort_keys=True).encode()).hexdigest()[:10]


STORM = _key({"storm": "all"})
"""The key of the one summary over all incidents."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is stored of an alert. A firing one that was resolved is doubted until ``guarded``."""

    starts_at: float
    ended: bool
    guarded: float = 0.0


class News(Enum):
    """What a notification says of an alert beyond what is known."""

    NEW = "new"  # it fires, and did not before
    SAME = "same"  # it still fires: the latest texts win
    ENDED = "ended"
    DOUBTFUL = "doubtful"  # it fires although it ended: late news, or it never did
    NONE = "none"


def news(known: Known | None, alert: Alert, now: float) -> News:
    """Compare an alert with what is known of the same fingerprint.

    Alertmanager may repeat "firing" after "resolved" when peers race; such news carries the old
    start and comes within two peer timeouts (alertmanager#4008).
    """
    if alert.ends_at is not None:
        over = known is None or known.ended or alert.starts_at < known.starts_at
        return News.NONE if over else News.ENDED
    if known is None:
        return News.NEW
    if not known.ended:
        return News.SAME
    fresh = alert.starts_at > known.starts_at or now > known.guarded
    return News.NEW if fresh else News.DOUBTFUL


@dataclass(frozen=True, slots=True)
class Case:
    """An open incident as the plan sees it; times in Unix seconds.

    ``waiting_since`` is None when nothing new came since the last analysis. ``changes`` counts
    alerts that came; an analysis covers those up to its own count.
    """

    id: int
    key: str
    exchange: str
    opened_at: float
    waiting_since: float | None = None
    retry_at: float = 0.0
    attempts: int = 0
    changes: int = 0
    published: bool = False

    def due(self, debounce: float) -> float:
        """When it is to be analysed; only if it waits."""
        return max((self.waiting_since or 0.0) + debounce, self.retry_at)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do now. ``absorbed`` cases are told of by the storm and need no analysis."""

    analyse: tuple[Case, ...] = ()
    absorbed: tuple[Case, ...] = ()
    released: tuple[Case, ...] = ()  # the storm is over and nothing was said of these
    open_storm: bool = False
    close_storm: bool = False
    next_at: float | None = None


def plan(cases: Sequence[Case], now: float, settings: Settings) -> Plan:
    """Decide about all open incidents.

    From ``settings.storm`` of them on there is one summary over all. It ends when fewer than half
    as many are open, so that it does not flap.
    """
    members = tuple(case for case in cases if case.key != STORM)
    storm = next((case for case in cases if case.key == STORM), None)
    waiting = tuple(case for case in members if case.waiting_since is not None)
    due = tuple(case for case in waiting if case.due(settings.debounce) <= now)
    if storm and 2 * len(members) < settings.storm:
        silent = tuple(c for c in members if not c.published and c.waiting_since is None)
        return Plan(released=silent, close_storm=True, next_at=now)
    if storm:
        ready = storm.waiting_since is not None and storm.due(settings.debounce) <= now
        return Plan((storm,) if ready else (), waiting, next_at=_next([storm], now, settings))
    if len(members) >= settings.storm and due:
        return Plan(absorbed=waiting, open_storm=True, next_at=now)
    return Plan(due, next_at=_next(waiting, now, settings))


def _next(cases: Sequence[Case], now: float, settings: Settings) -> float | None:
    times = [c.due(settings.debounce) for c in cases if c.waiting_since is not None]
    return min((at for at in times if at > now), default=None)


def retry_delay(attempts: int) -> float:
    """Seconds until the next attempt after so many failed."""
    return min(float(2**attempts), _LONGEST_RETRY)
