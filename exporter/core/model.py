"""The values that travel between the stages: target, observation, verdict, result.

    target ──probe──▶ Observation ──read──▶ Reading ──check──▶ Verdict* ──▶ Result ──▶ metrics

Everything here is frozen. A target's failures are members of a closed enum, never exceptions;
an exception means a bug of ours or a bad configuration.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field


class Reason(enum.StrEnum):
    """Why a probe failed. The closed set of values of the label ``reason``."""

    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    DISCONNECTED = "disconnected"
    HTTP_ERROR = "http_error"
    RATE_LIMITED = "rate_limited"
    BANNED = "banned"
    AUTH = "auth"
    MAINTENANCE = "maintenance"
    API_ERROR = "api_error"
    MALFORMED = "malformed"
    INVALID_DATA = "invalid_data"
    STALE_DATA = "stale_data"
    TOO_LARGE = "too_large"
    INTERNAL_ERROR = "internal_error"


class SkipReason(enum.StrEnum):
    """Why a probe was not sent. Skipped is neither success nor failure of the exchange."""

    BUDGET = "budget"  # our share of a published limit is spent, or others nearly spent it all
    BACKOFF = "backoff"  # the exchange told us to stay away until a given time
    CIRCUIT_OPEN = "circuit_open"  # the host failed repeatedly; we wait before the next trial
    INTERVAL = "interval"  # asked again before the target's minimum interval; last result repeated


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """What one probe asks: ``exchange/endpoint[/pair][@account][+cold]``.

    ``cold`` targets open a new connection for every probe and are a separate labelled series.
    """

    exchange: str
    endpoint: str
    pair: str = ""
    account: str = ""
    cold: bool = False

    def __str__(self) -> str:
        text = f"{self.exchange}/{self.endpoint}"
        if self.pair:
            text += f"/{self.pair}"
        if self.account:
            text += f"@{self.account}"
        return text + "+cold" if self.cold else text

    @property
    def labels(self) -> dict[str, str]:
        """The metric labels of this target; a label that does not apply is absent."""
        labels = {"exchange": self.exchange, "endpoint": self.endpoint}
        if self.pair:
            labels["pair"] = self.pair
        if self.account:
            labels["account"] = self.account
        if self.cold:
            labels["connection"] = "cold"
        return labels


@dataclass(frozen=True, slots=True)
class Phases:
    """Seconds spent in each phase of one attempt; None for a phase that was not reached.

    ``resolve``, ``connect`` and ``tls`` are absent on a warm connection. ``processing`` runs from
    the send of the request to the arrival of the first byte of the answer, ``transfer`` from there
    to the arrival of the last one.
    """

    resolve: float | None = None
    connect: float | None = None
    tls: float | None = None
    processing: float | None = None
    transfer: float | None = None

    def items(self) -> tuple[tuple[str, float], ...]:
        """The phases that were reached, in order, as (name, seconds)."""
        pairs = (
            ("resolve", self.resolve),
            ("connect", self.connect),
            ("tls", self.tls),
            ("processing", self.processing),
            ("transfer", self.transfer),
        )
        return tuple((name, value) for name, value in pairs if value is not None)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt or a check failed; ``detail`` is for people and never becomes a label."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Observation:
    """The facts one attempt saw, before anybody judges them.

    Times are unix seconds, durations seconds. ``latency`` runs from the send of the request to the
    arrival of the last byte of the answer and exists only when the answer is complete. ``elapsed``
    is the whole attempt including connection set-up, without any waiting of our own before it.
    ``clock`` names what stamped the arrival: ``kernel`` or, as a fallback, ``monotonic``.
    Header names are lower case; repeated headers are joined by ", ". ``body`` is decompressed.
    """

    elapsed: float
    phases: Phases = Phases()
    failure: Failure | None = None
    sent_at: float | None = None
    received_at: float | None = None
    latency: float | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    reused: bool = False
    clock: str = "monotonic"
    address: str = ""
    http_version: str = ""
    requests_sent: int = 0
    certificate_not_after: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """One check's judgement of one observation."""

    check: str
    failure: Failure | None = None

    @property
    def ok(self) -> bool:
        return self.failure is None
