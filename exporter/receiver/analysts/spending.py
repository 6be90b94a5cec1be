"""Charges calls to the budgets, and tells the metrics what they cost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from exporter.clock import Clock
from exporter.receiver.budget import Charge, Ledger
from exporter.receiver.recorder import Recorder
from exporter.receiver.settings import Budget, Provider

TELL_EVERY = 30.0  # seconds


class OverBudgetError(Exception):
    """A budget is spent: nobody else is asked. ``budget`` names it."""

    def __init__(self, budget: str) -> None:
        super().__init__(budget)
        self.budget = budget


@dataclass(slots=True)
class Spent:
    """What one analysis has cost so far."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    dollars: float = 0.0


class Spending:
    """All calls of an analyst, also of before it started."""

    def __init__(
        self, budget: Budget, recorder: Recorder, clock: Clock, charges: Iterable[Charge] = ()
    ) -> None:
        self._ledger = Ledger(budget, charges)
        self._recorder = recorder
        self._clock = clock
        self._again: asyncio.TimerHandle | None = None
        self._tell()

    def charge(self, provider: Provider, incident: str, prompt_tokens: int) -> Charge:
        """Charge a call what it may cost at most. Raises OverBudgetError."""
        dollars = price_of(provider, prompt_tokens, provider.max_tokens)
        tokens = prompt_tokens + provider.max_tokens
        charge = self._ledger.charge(self._clock.unix(), incident, tokens, dollars)
        self._tell()
        if isinstance(charge, str):
            raise OverBudgetError(charge)
        return charge

    def settle(
        self, provider: Provider, charge: Charge, spent: Spent, prompt: int, completion: int
    ) -> None:
        """The call is over, and cost so many tokens."""
        dollars = price_of(provider, prompt, completion)
        charge.tokens, charge.dollars = prompt + completion, dollars
        spent.prompt_tokens += prompt
        spent.completion_tokens += completion
        spent.dollars += dollars
        self._recorder.tokens(provider.name, prompt, completion)
        self._recorder.cost(provider.name, dollars)
        self._tell()

    def _tell(self) -> None:
        """Tell what is left; and again while time alone changes it, for nobody may ask for long."""
        if self._again is not None:
            self._again.cancel()
            self._again = None
        for name, left in self._ledger.remaining(self._clock.unix()).items():
            self._recorder.budget(name, left)
        if self._ledger.is_used:
            self._again = asyncio.get_running_loop().call_later(TELL_EVERY, self._tell)


def price_of(provider: Provider, prompt_tokens: int, completion_tokens: int) -> float:
    """US dollars for so many tokens."""
    price = provider.price
    return (prompt_tokens * price.prompt + completion_tokens * price.completion) / 1e6
