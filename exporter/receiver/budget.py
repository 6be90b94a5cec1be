"""What may be spent on providers: calls, tokens and money in windows that slide. Pure.

A call is charged its estimate before it is made and the truth afterwards, so that calls at the
same time cannot overspend together. ``now`` is Unix seconds everywhere.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from exporter.receiver.settings import Budget

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
_INCIDENT = 6 * HOUR  # for which calls for one incident add up


@dataclass(slots=True)
class Charge:
    """One call. What it cost stands at its estimate until it is known."""

    at: float
    incident: str
    tokens: int
    dollars: float


class Ledger:
    """The calls of a day. Not thread-safe; one event loop owns it.

    ``charges`` are those of before, the oldest first.
    """

    def __init__(self, budget: Budget, charges: Iterable[Charge] = ()) -> None:
        self._budget = budget
        self._charges = deque(charges)

    def charge(self, now: float, incident: str, tokens: int, dollars: float) -> Charge | str:
        """Charge a call its estimate, or name the budget that it would exceed."""
        left = self.remaining(now)
        needs = {
            "calls_per_minute": 1.0,
            "calls_per_hour": 1.0,
            "tokens_per_day": float(tokens),
            "dollars_per_day": dollars,
        }
        for name, need in needs.items():
            if name in left and left[name] < need:
                return name
        most = self._budget.calls_per_incident
        if most and self._calls_for(incident, now) >= most:
            return "calls_per_incident"
        charge = Charge(now, incident, tokens, dollars)
        self._charges.append(charge)
        return charge

    def remaining(self, now: float) -> dict[str, float]:
        """What is left of each budget that is bounded, never below 0."""
        while self._charges and self._charges[0].at <= now - DAY:
            self._charges.popleft()
        budget = self._budget
        pairs = (
            ("calls_per_minute", budget.calls_per_minute, self._calls(now - MINUTE)),
            ("calls_per_hour", budget.calls_per_hour, self._calls(now - HOUR)),
            ("tokens_per_day", budget.tokens_per_day, sum(c.tokens for c in self._charges)),
            ("dollars_per_day", budget.dollars_per_day, sum(c.dollars for c in self._charges)),
        )
        return {name: max(float(most - used), 0.0) for name, most, used in pairs if most}

    @property
    def is_used(self) -> bool:
        """Whether anything was charged that has not been forgotten."""
        return bool(self._charges)

    def _calls(self, since: float) -> int:
        return sum(charge.at > since for charge in self._charges)

    def _calls_for(self, incident: str, now: float) -> int:
        return sum(c.incident == incident and c.at > now - _INCIDENT for c in self._charges)
