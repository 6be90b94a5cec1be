"""The provider's rules of one connection: how long it may live, be silent and go without pongs."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exporter.config.duration import seconds
from exporter.simulator.faults import ActiveFault

_WINDOW = 1.0
_PATIENCE = 2.0


@dataclass(frozen=True, slots=True)
class Close:
    """The end of a connection; 1006 is one without a closing handshake."""

    code: int
    why: str


class Rules:
    """Keeps the times that matter, in unix seconds. ``active`` is when anything was last said,
    ``pinged`` when the oldest ping without a pong was sent."""

    def __init__(self, spec: Mapping[str, Any], now: float) -> None:
        heartbeat = spec.get("heartbeat", {})
        self.pings = _duration(heartbeat, "pings")
        self.beats = _duration(heartbeat, "beats")
        self.opened = self.active = now
        self.asked = False
        self.pinged: float | None = None
        self._lifetime = _duration(spec, "lifetime")
        self._subscribe_within = _duration(spec, "subscribe_within")
        self._idle = _duration(heartbeat, "idle")
        self._pong_within = _duration(heartbeat, "pong_within")
        self._message_interval = _duration(spec, "message_interval")
        self._received: deque[float] = deque()

    def heard(self, now: float) -> Close | None:
        """The client said something; too much of it ends the connection.

        Twice the advised number within a second are borne.
        """
        self.active, self.asked = now, True
        if self._message_interval is None:
            return None
        self._received.append(now)
        while self._received[0] <= now - _WINDOW:
            self._received.popleft()
        many = len(self._received) > _PATIENCE * _WINDOW / self._message_interval
        return Close(1008, "too many messages") if many else None

    def end(self, now: float, faults: Sequence[ActiveFault]) -> Close | None:
        """Why the connection ends now, if it does."""
        for fault in faults:
            if close := self._end_by(fault, now):
                return close
        limits = (
            (self._lifetime, self.opened, 1001, "end of life"),
            (self._subscribe_within, None if self.asked else self.opened, 1008, "no subscription"),
            (self._idle, self.active, 1008, "no data"),
            (self._pong_within, self.pinged, 1008, "no pong"),
        )
        for limit, since, code, why in limits:
            if limit is not None and since is not None and now - since >= limit:
                return Close(code, why)
        return None

    def _end_by(self, fault: ActiveFault, now: float) -> Close | None:
        if fault.name not in ("stream_close", "stream_shutdown"):
            return None
        if now - max(self.opened, fault.since) < fault.number("seconds"):
            return None
        if fault.name == "stream_close":
            return Close(int(fault.values["code"]), "fault")
        return Close(1001, "shutdown") if self.opened < fault.since else None


def _duration(spec: Mapping[str, Any], key: str) -> float | None:
    return seconds(spec[key]) if key in spec else None
