"""What one probe came to: the facts that were read, the verdicts, and the failure if any."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from exporter.core.model import Failure, Observation, Target, Verdict
from exporter.core.plan import Meaning, Scope


@dataclass(frozen=True, slots=True)
class ApiError:
    """An error the provider reported, in its envelope or by its HTTP status.

    ``until`` is the unix time at which a block ends, if the answer names it; ``backoff`` the wait
    in seconds that the catalog gives for this error, if any.
    """

    meaning: Meaning
    code: str = ""
    message: str = ""
    scope: Scope = Scope.EXCHANGE
    backoff: float | None = None
    until: float | None = None

    @property
    def said(self) -> str:
        """What the provider said, for people: its code and its text, as far as it gave them."""
        return ": ".join(dict.fromkeys(filter(None, (self.code, self.message))))


@dataclass(frozen=True, slots=True)
class Facts:
    """What a payload said, as far as it could be believed; None for what it did not say.

    Ages and skew in seconds. ``clock_skew`` is the provider's clock minus ours. ``last``, ``bid``
    and ``ask`` are prices in the quote asset; ``price`` is the best single one of them.
    """

    price: Decimal | None = None
    last: Decimal | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None
    bid_levels: int | None = None
    ask_levels: int | None = None
    sequence: int | None = None
    payload_age: float | None = None
    unchanged: float | None = None
    clock_skew: float | None = None
    maintenance: bool | None = None

    @property
    def spread_ratio(self) -> Decimal | None:
        """(ask - bid) / mid; None without both sides."""
        if self.bid is None or self.ask is None or self.bid + self.ask <= 0:
            return None
        return (self.ask - self.bid) * 2 / (self.ask + self.bid)


@dataclass(frozen=True, slots=True)
class Result:
    """One measured probe. ``finished_at`` is unix seconds; ``error`` what the provider reported."""

    target: Target
    observation: Observation
    finished_at: float
    facts: Facts = Facts()
    verdicts: tuple[Verdict, ...] = ()
    failure: Failure | None = None
    error: ApiError | None = None

    @property
    def ok(self) -> bool:
        return self.failure is None
