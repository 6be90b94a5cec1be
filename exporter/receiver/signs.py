"""What speaks for which cause: one function for each, from evidence to facts. Pure.

A cause without a fact has no sign in the evidence, and nobody may claim it. Only names, labels and
measured values count as signs, never what a text says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from exporter.receiver.model import Alert, Cause, Evidence, Incident, Sample
from exporter.receiver.prompt import number

MOST = 0.6
"""Part of the exchanges, or of the endpoints of one, from which on it is about all of them."""

_STREAMS = "stream."  # of the names of endpoints
_MANY = 3  # exchanges; two can share a fate, as customers of one cloud do
_SLOW = 1.5  # seconds, as the rules have it
_SKEWED = 1.0  # seconds
_SKEW = ("ExchangeClockSkew", "ExchangeProberClockWrong")


@dataclass(frozen=True, slots=True)
class Case:
    """Evidence, made easy to ask. All samples are of the incident's exchange unless told."""

    evidence: Evidence

    @property
    def incident(self) -> Incident:
        return self.evidence.incident

    def alerts(self, *names: str) -> Iterator[Alert]:
        """The alerts of the incident with one of these names, which may be prefixes."""
        return (alert for alert in self.incident.alerts if alert.name.startswith(names))

    def elsewhere(self, *names: str) -> set[str]:
        """The exchanges of other open incidents that have one of these alerts."""
        return {
            other.exchange
            for other in self.evidence.others
            if any(alert.name.startswith(names) for alert in other.alerts)
        }

    def samples(self, name: str) -> tuple[Sample, ...]:
        """The samples of a snapshot; none if it was not taken."""
        return next((each.samples for each in self.evidence.snapshots if each.name == name), ())

    def value(self, name: str) -> float | None:
        """The first value of a snapshot."""
        samples = self.samples(name)
        return samples[0].value if samples else None

    def failing(self, *reasons: str) -> list[str]:
        """The calls that fail for one of these reasons, or for any."""
        return sorted(
            {
                sample.labels.get("endpoint", "")
                for sample in self.samples("failures")
                if not sample.labels.get("endpoint", "").startswith(_STREAMS)
                and (not reasons or sample.labels.get("reason") in reasons)
            }
        )

    def is_most(self, endpoints: list[str]) -> bool:
        """Whether these are most of the endpoints that fail."""
        return len(endpoints) > len(self.failing()) / 2

    def is_widespread(self, name: str) -> bool:
        """Whether an alert fires for most of the exchanges, and for more than two."""
        own = {alert.labels.get("exchange", "") for alert in self.alerts(name)}
        having = (own | self.elsewhere(name)) - {""}
        known = {sample.labels.get("exchange", "") for sample in self.samples("statuses")}
        known |= {other.exchange for other in self.evidence.others} | having
        return len(having) >= _MANY and len(having) >= MOST * len(known - {""})

    @property
    def down(self) -> bool:
        """Whether the exchange gives no usable answer as a whole."""
        unanswered = self.value("unanswered_ratio") or 0.0
        return any(self.alerts("ExchangeDown")) or unanswered >= MOST


Facts = Iterator[str]


def exporter(case: Case) -> Facts:
    """The exporter is down or so late that its measurements say nothing."""
    yield from _fired(
        case, "ExchangeExporterDown", "ExchangeExporterLoopLag", "ExchangeExporterBug"
    )
    if case.elsewhere("ExchangeExporterDown"):
        yield "The exporter itself is down"
    if any(sample.labels.get("signal") == "unscraped" for sample in case.samples("signals")):
        yield "Its targets are not scraped any more"


def unwatched(case: Case) -> Facts:
    """The exporter, its scrapes or our messages have a trouble that explains nothing else."""
    yield from _fired(case, "ExchangeExporter", "ExchangeScrapeFailing", "ExchangeTargets")
    yield from _fired(case, "ExchangeTargetUnmeasured", "ExchangeScheduleBehind")
    yield from _fired(case, "ExchangeUnwatched", "ExchangeNotificationsFailing")


def our_network(case: Case) -> Facts:
    """Most exchanges have the same trouble at once."""
    yield from _fired(case, "ExchangeProberOffline")
    if case.elsewhere("ExchangeProberOffline"):
        yield "The exporter cannot reach most exchanges"
    ratio = case.value("offline_ratio") or 0.0
    if ratio >= MOST:
        yield f"The ratio of exchanges that give no answer is {number(ratio)}"
    for name in ("ExchangeDown", "ExchangeTlsFailing", "ExchangeLatencyHigh"):
        if case.is_widespread(name):
            yield f"{name} fires for most exchanges"
    latencies = case.samples("latency_p90")
    slow = [sample for sample in latencies if sample.value > _SLOW]
    if len(latencies) >= _MANY and len(slow) >= MOST * len(latencies):
        yield "Most exchanges are slow at once"


def ban(case: Case) -> Facts:
    """Our address is shut out."""
    yield from _fired(case, "ExchangeBanned")
    if case.failing("banned"):
        yield "Probes fail for the reason banned"


def maintenance(case: Case) -> Facts:
    """The exchange says so, in its status call or its error codes."""
    yield from _fired(case, "ExchangeMaintenance")
    if case.value("maintenance") == 1:
        yield "Its status call announces maintenance"
    if case.is_most(case.failing("maintenance")):
        yield "Most of what fails, fails for the reason maintenance"


def clock(case: Case) -> Facts:
    """Ours or theirs is wrong."""
    yield from _fired(case, *_SKEW)
    if abs(ours := case.value("our_clock_skew") or 0.0) > _SKEWED:
        yield f"All clocks differ from ours by {number(ours)} seconds"
    elif abs(theirs := case.value("clock_skew") or 0.0) > _SKEWED:
        yield f"Its clock differs from ours by {number(theirs)} seconds"


def tls(case: Case) -> Facts:
    """Handshakes and certificates."""
    yield from _fired(case, "ExchangeTlsFailing", "ExchangeCertificateExpiresNow")
    if case.is_most(case.failing("tls")):
        yield "Most of what fails, fails for the reason tls"


def certificate(case: Case) -> Facts:
    """It will expire, and does no harm yet."""
    yield from _fired(case, "ExchangeCertificateExpires")


def credentials(case: Case) -> Facts:
    """A key, or a call that wants one."""
    yield from _fired(case, "ExchangeKeyRejected", "ExchangeAuthRefused")
    if case.failing("auth"):
        yield "Probes fail for the reason auth"


def outage(case: Case) -> Facts:
    """Most of it gives no usable answer."""
    yield from _fired(case, "ExchangeDown")
    unanswered = case.value("unanswered_ratio") or 0.0
    if unanswered >= MOST:
        yield f"The ratio of its endpoints without an answer is {number(unanswered)}"


def rate_limit(case: Case) -> Facts:
    """Over or near a published limit."""
    yield from _fired(case, "ExchangeRateLimit", "ExchangeProbesStarved")
    if case.failing("rate_limited"):
        yield "Probes fail for the reason rate_limited"
    for sample in case.samples("limits_used"):
        if sample.value >= 0.8:
            yield f"{number(sample.value)} of the limit {sample.labels.get('limit', '')} is used"


def stale_data(case: Case) -> Facts:
    """Answers of the past."""
    yield from _fired(case, "ExchangeDataStale", "ExchangeStaleCache")
    if endpoints := case.failing("stale_data"):
        yield f"Stale: {', '.join(endpoints)}"


def bad_data(case: Case) -> Facts:
    """Answers that cannot be true."""
    yield from _fired(case, "ExchangeDataInvalid", "ExchangePriceDiverges")
    yield from _fired(case, "ExchangeSpreadWide", "ExchangeBookThin")
    if endpoints := case.failing("invalid_data"):
        yield f"Invalid: {', '.join(endpoints)}"


def stream(case: Case) -> Facts:
    """Streams, while REST answers."""
    yield from _fired(case, "ExchangeStream")


def latency(case: Case) -> Facts:
    """It answers, slowly."""
    yield from _fired(case, "ExchangeLatencyHigh", "ExchangeEndpointLatencyHigh")
    yield from _of_area(case, "latency")


def endpoint(case: Case) -> Facts:
    """Single endpoints, or errors now and then."""
    yield from _fired(case, "ExchangeEndpointFailing", "ExchangeErrorsHigh")
    yield from _of_area(case, "availability")
    transport = ("dns", "connect", "timeout", "disconnected")
    failing = case.failing(*transport, "http_error", "api_error", "malformed", "too_large")
    if failing and not case.down:
        yield f"Failing: {', '.join(failing)}"


def _fired(case: Case, *names: str) -> Facts:
    for alert in case.alerts(*names):
        yield fact_of(alert)


def _of_area(case: Case, area: str) -> Facts:
    """Alerts whose area their labels tell: burnt budgets and anomalies."""
    for alert in case.alerts("ExchangeErrorBudget", "ExchangeAnomaly"):
        if alert.labels.get("area") == area:
            yield fact_of(alert)


def fact_of(alert: Alert) -> str:
    """An alert by its name and where it is: from labels, for a text may say anything."""
    where = "/".join(
        alert.labels[name] for name in ("exchange", "endpoint", "pair") if alert.labels.get(name)
    )
    return f"{alert.name} fires{f' for {where}' if where else ''}"


SIGNS: tuple[tuple[Cause, Callable[[Case], Facts]], ...] = (
    (Cause.EXPORTER, exporter),
    (Cause.OUR_NETWORK, our_network),
    (Cause.BAN, ban),
    (Cause.MAINTENANCE, maintenance),
    (Cause.TLS, tls),
    (Cause.OUTAGE, outage),
    (Cause.CLOCK, clock),
    (Cause.CREDENTIALS, credentials),
    (Cause.STALE_DATA, stale_data),
    (Cause.BAD_DATA, bad_data),
    (Cause.RATE_LIMIT, rate_limit),
    (Cause.STREAM, stream),
    (Cause.LATENCY, latency),
    (Cause.ENDPOINT, endpoint),
    (Cause.TLS, certificate),
    (Cause.EXPORTER, unwatched),
)
"""In the order in which a cause explains others: what stands above makes what stands below."""


def findings(evidence: Evidence) -> dict[Cause, tuple[str, ...]]:
    """The causes of which the evidence shows a sign, each with its facts, in the order of SIGNS."""
    case = Case(evidence)
    found: dict[Cause, tuple[str, ...]] = {}
    for cause, read in SIGNS:
        facts = tuple(dict.fromkeys(read(case)))
        if facts:
            found.setdefault(cause, facts)
    return found
