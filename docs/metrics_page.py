"""The text of docs/metrics.md, from the declarations of the metrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from exporter.core.model import Phases, Reason, SkipReason
from exporter.core.stream_totals import End, Opening
from exporter.core.view import Circuit
from exporter.metrics.families import OWN, SECTIONS, TARGET_LABELS
from exporter.metrics.family import Family

REASONS: Mapping[Reason, str] = {
    Reason.DNS: "the host name could not be resolved",
    Reason.CONNECT: "no TCP connection could be made",
    Reason.TLS: "the TLS handshake failed or the certificate is not valid",
    Reason.TIMEOUT: "no complete answer came in time",
    Reason.DISCONNECTED: "the connection broke before the answer was complete",
    Reason.HTTP_ERROR: "an HTTP error status with no further explanation",
    Reason.RATE_LIMITED: "the exchange says that we ask too often",
    Reason.BANNED: "the exchange has shut us out",
    Reason.AUTH: "key, signature, permission or clock were refused",
    Reason.MAINTENANCE: "the exchange says that it is under maintenance",
    Reason.API_ERROR: "the exchange reports an error of another kind",
    Reason.MALFORMED: "the answer cannot be read or lacks its documented shape",
    Reason.INVALID_DATA: "the answer is well formed but cannot be true",
    Reason.STALE_DATA: "the answer is out of date",
    Reason.TOO_LARGE: "the answer exceeds the bound for its size",
    Reason.INTERNAL_ERROR: "a bug of the exporter, not the exchange's fault",
}

SKIPS: Mapping[SkipReason, str] = {
    SkipReason.BUDGET: "our share of a limit is spent, or others have nearly spent all of it",
    SkipReason.BACKOFF: "the exchange told us to stay away until a given time",
    SkipReason.CIRCUIT_OPEN: "the host failed repeatedly; the next trial is not due yet",
    SkipReason.INTERVAL: "asked again before the minimum interval; the last result is repeated",
}

ENDS: Mapping[End, str] = {
    End.LIFETIME: "replaced in time, before the exchange would have cut it; nothing was missed",
    End.NOTICE: "replaced because the exchange announced its end; nothing was missed",
    End.CLOSED: "closed by the exchange with 1000 or 1001",
    End.POLICY: "closed by the exchange with 1008: we broke a rule",
    End.OVERLOAD: "closed by the exchange with 1012 or 1013: it restarts or is overloaded",
    End.ERROR: "closed by the exchange with another code",
    End.DROPPED: "broke off without a close frame (1006)",
    End.SILENCE: "given up because nothing came for too long",
    End.NO_PONG: "given up because a ping was not answered",
    End.NOT_SUBSCRIBED: "given up because no subscription was acknowledged",
    End.TOO_LARGE: "given up because a message exceeded its bound",
    End.PROTOCOL: "given up because the exchange broke the rules of WebSocket",
    End.INTERNAL: "a bug of the exporter",
}

_PHASES = ", ".join(f"`{name}`" for name, _ in Phases(0, 0, 0, 0, 0).items())
_OPENING = ", ".join(f"`{name}`" for name, _ in Opening(0, 0, 0, 0).items())
_STATES = ", ".join(f"`{state}`" for state in Circuit)

_INTRODUCTION = f"""\
# Metrics

<!-- Written by docs/generate.py from exporter/metrics. -->

`/probe` shows the metrics of the targets, `/metrics` those of the exporter itself.

- Every metric of a target carries the labels of the target:
  {", ".join(f"`{label}`" for label in TARGET_LABELS)}. A label that does not apply is absent;
  `connection="cold"` marks targets that open a new connection for every probe.
- Scrape with `honor_labels: true`; without it Prometheus renames a label that it sets itself to
  `exported_…`.
- A value that was not measured is absent. It is never shown as 0.
- Counters and histograms last as long as the process, across scrapes and reloads; gauges tell of
  the newest measurement. A measurement may be repeated: `exchange_probe_age_seconds` tells its age.
- Limits and circuits are shared by the targets of an exchange or a host, yet each target shows
  them, because each is a scrape of its own and two scrapes must not write one series. Take
  `max by (exchange, limit)` of them, never the sum.
- What a stream says of its connection is the same for all streams on it, for the same reason. Take
  `max by (exchange)` of it.
- In OpenMetrics the same series are declared without the `_total` of counters in the family name.
"""


def document() -> str:
    """The text of docs/metrics.md."""
    own = (("The exporter itself", OWN),)
    sections = [section(title, members) for title, members in (*SECTIONS, *own)]
    return "\n".join([_INTRODUCTION, *sections, _label_values()])


def section(title: str, members: Iterable[Family]) -> str:
    """A heading and one entry for each family."""
    return "\n".join([f"## {title}\n", *map(_entry, members)])


def _entry(family: Family) -> str:
    labels = ", ".join(f"`{label}`" for label in family.labels)
    lines = [f"### {family.name}\n", f"{family.kind}{labels and f', by {labels}'}\n", family.help]
    if family.buckets:
        lines.append(f"\nBuckets (s): {', '.join(f'{edge:g}' for edge in family.buckets)}.")
    if family.normal:
        lines.append(f"\n**Normal:** {family.normal}")
    if family.advice:
        lines.append(f"\n**Otherwise:** {family.advice}")
    return "\n".join(lines) + "\n"


def _label_values() -> str:
    return "\n".join(
        [
            "## Label values\n",
            "`reason` of a failure:\n",
            *(f"- `{reason}`: {text}" for reason, text in REASONS.items()),
            "\n`reason` of a reconnect:\n",
            *(f"- `{end}`: {text}" for end, text in ENDS.items()),
            "\n`reason` of a skip:\n",
            *(f"- `{reason}`: {text}" for reason, text in SKIPS.items()),
            f"\nThe others:\n\n- `phase`: {_PHASES}; of a stream {_OPENING}",
            f"- `state` of a circuit: {_STATES}",
            "- `side` of a book: `bid`, `ask`",
            "- `limit`: the name of a published limit in the catalog",
            "- `check`: the name of a check that applies to the endpoint\n",
        ]
    )
