"""The values that pass between the stages of the receiver. Frozen; times are Unix seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

SEVERITIES = ("info", "warning", "critical", "emergency")
"""From the least to the most urgent, as the rules state them."""

SOURCE_LABEL, SOURCE = "derived", "triage"
"""The label that marks what the receiver sent itself. It is never analysed again."""


class Cause(StrEnum):
    """What an incident comes from; closed, so that answers can be graded and alerts inhibited."""

    OUTAGE = "outage"  # the exchange, or most of it, gives no usable answer
    ENDPOINT = "endpoint"  # single endpoints fail, the exchange as such works
    MAINTENANCE = "maintenance"  # announced by the exchange itself
    LATENCY = "latency"  # it answers, slowly
    RATE_LIMIT = "rate_limit"  # over or near a published limit
    BAN = "ban"  # our address or key is shut out
    STALE_DATA = "stale_data"  # answers that do not move
    BAD_DATA = "bad_data"  # answers that contradict themselves, the schema or the other exchanges
    STREAM = "stream"  # streams fail while REST works
    CLOCK = "clock"  # the exchange's clock or ours is wrong
    CREDENTIALS = "credentials"  # a key is wrong, expired or lacks rights
    TLS = "tls"  # certificates and handshakes
    OUR_NETWORK = "our_network"  # most exchanges at once: it is us
    EXPORTER = "exporter"  # the exporter itself is down, late or wrong
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert of Alertmanager. ``ends_at`` is None while it fires."""

    fingerprint: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: float
    ends_at: float | None = None
    generator_url: str = ""

    @property
    def name(self) -> str:
        return self.labels.get("alertname", "")

    @property
    def severity(self) -> str:
        found = self.labels.get("severity", "")
        return found if found in SEVERITIES else SEVERITIES[0]

    @property
    def urgency(self) -> int:
        return SEVERITIES.index(self.severity)


@dataclass(frozen=True, slots=True)
class Incident:
    """The alerts that fire for one exchange; ``exchange`` is empty for what concerns none.

    ``alerts`` are firing ones, the most urgent first. ``complete`` is False when Alertmanager cut
    the group off and the rest could not be fetched.
    """

    key: str  # ten hex digits of the labels that make the incident
    exchange: str
    alerts: tuple[Alert, ...]
    complete: bool = True

    @property
    def severity(self) -> str:
        return max(self.alerts, key=lambda alert: alert.urgency).severity

    @property
    def starts_at(self) -> float:
        return min(alert.starts_at for alert in self.alerts)


@dataclass(frozen=True, slots=True)
class Sample:
    """One series of a snapshot at one instant."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What Prometheus answered to one fixed query. ``error`` says why ``samples`` is empty."""

    name: str
    query: str
    samples: tuple[Sample, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class PastIncident:
    """What an earlier incident of the same exchange was found to be."""

    cause: Cause
    alerts: tuple[str, ...]
    started_at: float
    ended_at: float | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that an analyst may know. What is not in here must not be in the answer.

    ``others`` are the incidents open at the same time, for the breadth of the trouble.
    """

    incident: Incident
    asked_at: float
    snapshots: tuple[Snapshot, ...] = ()
    runbooks: Mapping[str, str] = field(default_factory=dict)  # alert name -> text
    recent: tuple[PastIncident, ...] = ()
    others: tuple[Incident, ...] = ()


@dataclass(frozen=True, slots=True)
class Analysis:
    """What an analyst says. Texts are plain: no markup, no URL; bounds in schema/analysis."""

    cause: Cause
    summary: str
    impact: str
    action: str
    level: int  # of escalation: 1 look when convenient … 5 wake everybody
    requires_human: bool
    confidence: float  # 0 to 1
    evidence: tuple[str, ...] = ()  # the facts that it rests on, in its own words
    suppress: bool = False  # a proposal; policy decides (never for critical or emergency)


@dataclass(frozen=True, slots=True)
class Answer:
    """An analysis and where it is from. ``fallback`` says why it is not the provider's."""

    analysis: Analysis
    analyst: str  # a name of the table of analysts
    provider: str = ""
    model: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0  # in US dollars, by the configured prices
    seconds: float = 0.0
    cached: bool = False
    fallback: str = ""


class Analyst(Protocol):
    """Reads evidence and gives an answer, always: what goes wrong inside ends in a fallback."""

    async def analyse(self, evidence: Evidence, now: float) -> Answer:
        """Analyse one incident; ``now`` in Unix seconds. Does not raise on bad answers."""
        ...
