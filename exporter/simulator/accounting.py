"""The rate accounting of one simulated exchange: windows, usage headers, refusals and bans.

Windows are fixed and begin at whole multiples of their length, as Binance's do. Refused requests
count, too. A client that goes on after ``ABUSE`` refusals is banned, for twice as long each time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from exporter.simulator.variables import UNITS

ABUSE = 3
FIRST_BAN = 120.0
LONGEST_BAN = 3 * 86400.0
_FORGET_AFTER = 60.0
_MAX_COUNTERS = 10_000


@dataclass(frozen=True, slots=True)
class Limit:
    """One published limit: ``capacity`` units in ``window`` seconds per client and, by ``scope``
    and ``per_pair``, per endpoint and pair."""

    name: str
    per_endpoint: bool
    per_pair: bool
    capacity: float
    window: float
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Spent:
    """The outcome of one request: its usage headers, and why it is refused (an error sample's name,
    empty when it is not) until when in unix seconds."""

    headers: Mapping[str, str]
    refusal: str = ""
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class Terms:
    """How requests are counted at present: the part of every limit that others behind the same
    address have used up, the part of it that is granted at all, and the part that the headers
    claim is used (None for the truth). All in [0, 1]."""

    eaten: float = 0.0
    granted: float = 1.0
    claimed: float | None = None


HONEST = Terms()


class Use(NamedTuple):
    """What one client has used of one limit in the window that ends at ``end`` (unix seconds);
    ``place`` is the endpoint and pair where these count apart."""

    client: str
    limit: str
    place: str
    used: float
    capacity: float
    end: float


@dataclass(slots=True)
class _Client:
    refusals: int = 0
    refused_at: float = 0.0
    banned_until: float = 0.0
    bans: int = 0


@dataclass(slots=True)
class Accounting:
    """What every client has spent of every limit. ``bans`` says whether this exchange bans."""

    limits: tuple[Limit, ...]
    bans: bool
    _used: dict[tuple[str, ...], tuple[float, float]] = field(default_factory=dict)
    _clients: dict[str, _Client] = field(default_factory=dict)

    def spend(
        self,
        client: str,
        endpoint: str,
        pair: str,
        cost: Mapping[str, float],
        now: float,
        terms: Terms = HONEST,
    ) -> Spent:
        """Count one request."""
        record = self._clients.setdefault(client, _Client())
        headers: dict[str, str] = {}
        until = 0.0
        for limit in self.limits:
            if units := cost.get(limit.name):
                place = endpoint if limit.per_endpoint else "", pair if limit.per_pair else ""
                key = (client, limit.name, *place)
                used = self._count(key, limit, units, now) + terms.eaten * limit.capacity
                end = _window_end(limit, now)
                told = used if terms.claimed is None else terms.claimed * limit.capacity
                headers |= _usage(limit, told, end, now)
                until = max(until, end if used > limit.capacity * terms.granted else 0.0)
        if now < record.banned_until:
            return Spent(headers, "banned", record.banned_until)
        if until:
            return self._refuse(record, headers, until, now)
        return Spent(headers)

    def uses(self, now: float) -> list[Use]:
        """What the clients have used in the windows of this moment."""
        capacities = {limit.name: limit.capacity for limit in self.limits}
        return [
            Use(client, name, " ".join(filter(None, place)), used, capacities[name], end)
            for (client, name, *place), (end, used) in self._used.items()
            if end > now
        ]

    def bans_in_force(self, now: float) -> dict[str, float]:
        """Banned clients and until when (unix seconds)."""
        return {
            client: record.banned_until
            for client, record in self._clients.items()
            if record.banned_until > now
        }

    def _count(self, key: tuple[str, ...], limit: Limit, units: float, now: float) -> float:
        if len(self._used) > _MAX_COUNTERS:
            self._used = {k: v for k, v in self._used.items() if v[0] > now}
        end, used = self._used.get(key, (0.0, 0.0))
        if end != (current := _window_end(limit, now)):
            end, used = current, 0.0
        self._used[key] = (end, used + units)
        return used + units

    def _refuse(
        self, record: _Client, headers: Mapping[str, str], until: float, now: float
    ) -> Spent:
        if now - record.refused_at > _FORGET_AFTER:
            record.refusals = 0
        record.refusals += 1
        record.refused_at = now
        if not self.bans or record.refusals <= ABUSE:
            return Spent(headers, "rate_limited", until)
        record.banned_until = now + min(FIRST_BAN * 2**record.bans, LONGEST_BAN)
        record.bans = min(record.bans + 1, 12)
        record.refusals = 0
        return Spent(headers, "banned", record.banned_until)


def compile_limits(document: Mapping[str, Mapping[str, Any]]) -> tuple[Limit, ...]:
    """The ``limits`` of a catalog file. Limits per account need a key, which nobody has here."""
    return tuple(
        Limit(
            name=name,
            per_endpoint=spec["scope"] == "endpoint",
            per_pair=spec.get("per_pair", False),
            capacity=float(spec["capacity"]),
            window=_seconds(spec["window"]),
            headers=spec.get("headers", {}),
        )
        for name, spec in document.items()
        if spec["scope"] != "account"
    )


def _seconds(duration: float | str) -> float:
    """``90`` or ``1m`` in seconds."""
    if not isinstance(duration, str):
        return float(duration)
    number = duration.rstrip("mshd")
    return float(number) * UNITS[duration[len(number) :]]


def _window_end(limit: Limit, now: float) -> float:
    return (math.floor(now / limit.window) + 1) * limit.window


def _usage(limit: Limit, used: float, end: float, now: float) -> dict[str, str]:
    """The usage headers as the provider words them: used, remaining, limit, reset."""
    unit = limit.headers.get("reset_unit", "s")
    reset = end - now if unit.startswith("in_") else end
    values = {
        "used": math.ceil(used),
        "remaining": max(0, math.floor(limit.capacity - used)),
        "limit": math.floor(limit.capacity),
        "reset": math.ceil(reset * 1000 if unit.endswith("ms") else reset),
    }
    return {limit.headers[what]: str(n) for what, n in values.items() if what in limit.headers}
