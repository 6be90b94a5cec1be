"""What a view of a target comes to in one word: ok, failing, skipped or waiting."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from exporter.core.model import SkipReason
from exporter.core.view import Circuit, View


class State(enum.StrEnum):
    """The state of a target, the most urgent first."""

    FAILING = "failing"
    SKIPPED = "skipped"
    WAITING = "waiting"
    OK = "ok"


_STORIES = {
    SkipReason.BUDGET: "our share of a published limit is spent",
    SkipReason.BACKOFF: "the exchange told us to stay away",
    SkipReason.CIRCUIT_OPEN: "the host failed repeatedly",
    SkipReason.INTERVAL: "asked again before its interval",
}


@dataclass(frozen=True, slots=True)
class Status:
    """A state, its reason (of the closed enums, "" for none) and its story for people."""

    state: State
    reason: str = ""
    detail: str = ""


def status_of(view: View, now: float) -> Status:
    """Judge a view. A known failure outranks a skip, and a skip outranks an old success.

    A skip for the minimum interval is our own pacing: the last result speaks for the target.
    """
    result = view.result
    if result is not None and result.failure is not None:
        return Status(State.FAILING, result.failure.reason, result.failure.detail)
    # A stream that is connected goes on while its exchange has sent the requests away.
    listening = view.stream is not None and result is not None
    hindrance = None if listening else hindrance_of(view, now)
    if hindrance is not None:
        return Status(State.SKIPPED, hindrance, view.skip_detail or _STORIES[hindrance])
    if result is None:
        if view.stream is not None:
            return Status(State.WAITING, detail="connecting and subscribing")
        asked = view.since is not None
        return Status(State.WAITING, detail="not probed of late" if asked else "not probed yet")
    return Status(State.OK)


def hindrance_of(view: View, now: float) -> SkipReason | None:
    """Why the target cannot be asked at present, other than for its minimum interval."""
    if view.skipped not in (None, SkipReason.INTERVAL):
        return view.skipped
    if view.blocked_until is not None and view.blocked_until > now:
        return SkipReason.BACKOFF
    if view.circuit is Circuit.OPEN:
        return SkipReason.CIRCUIT_OPEN
    return None
