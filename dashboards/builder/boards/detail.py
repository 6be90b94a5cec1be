"""The board detail."""

from __future__ import annotations

from builder.board import Board
from builder.panels import BAD, GOOD, OFF, STATUS, heatmap, lines, number, timeline
from builder.shared import ALL, ENDPOINT, ON_OFF, RATIO_GOOD, RECORDED, SLOW

DETAIL = Board(
    "exchange-detail",
    "Exchange",
    "One exchange from top to bottom.",
    (
        (
            "Availability",
            (
                number(
                    "Status",
                    "From all signals together. Unknown means that our own probing is the problem.",
                    (f"exchange:status{{{RECORDED}}}", "{{exchange}}"),
                    states=STATUS,
                ),
                number(
                    "Success",
                    "Share of probes that succeeded in five minutes.",
                    (f"exchange:probe_success:ratio_rate5m{{{RECORDED}}}", "{{exchange}}"),
                    unit="percentunit",
                    steps=RATIO_GOOD,
                ),
                number(
                    "Maintenance",
                    "Whether the exchange says so itself.",
                    (f"max by (exchange) (exchange_maintenance{{{ALL}}})", "{{exchange}}"),
                    states={0: ("no", GOOD), 1: ("yes", OFF)},
                ),
                number(
                    "Blocked for",
                    "How long the exchange has sent us away for. Nothing here is normal.",
                    (f"exchange:blocked_seconds:max{{{RECORDED}}}", "{{exchange}}"),
                    unit="s",
                    steps=((None, BAD),),
                ),
                timeline(
                    "Targets",
                    "Whether each target is healthy. No colour: not measured.",
                    (
                        f"min by (exchange, endpoint, pair) (probe_success{{{ENDPOINT}}})",
                        "{{exchange}} {{endpoint}} {{pair}}",
                    ),
                    states=ON_OFF,
                    width=24,
                    height=12,
                ),
                lines(
                    "Failures by reason",
                    "Failed probes a second. Reasons are explained in docs/metrics.md.",
                    (
                        "sum by (exchange, reason) (rate(exchange_probe_failures_total"
                        f"{{{ENDPOINT}}}[$__rate_interval])) > 0",
                        "{{exchange}} {{reason}}",
                    ),
                    unit="ops",
                ),
                lines(
                    "Skipped by reason",
                    "Probes that were not sent, a second: interval and budget are normal pacing.",
                    (f"exchange:skips:rate5m{{{RECORDED}}}", "{{exchange}} {{reason}}"),
                    unit="ops",
                ),
            ),
        ),
        (
            "Latency",
            (
                lines(
                    "Quantiles",
                    "Half of the answers and all but one in a hundred come within these times.",
                    (
                        f'endpoint:latency_seconds:quantile5m{{{RECORDED},endpoint=~"$endpoint",quantile="0.5"}}',
                        "{{exchange}} {{endpoint}} p50",
                    ),
                    (
                        f'endpoint:latency_seconds:quantile5m{{{RECORDED},endpoint=~"$endpoint",quantile="0.99"}}',
                        "{{exchange}} {{endpoint}} p99",
                    ),
                    unit="s",
                    low=0,
                    steps=SLOW,
                ),
                heatmap(
                    "Distribution",
                    "All answers by latency. Two bands are two kinds of answers.",
                    "sum by (le) (rate(exchange_api_latency_seconds_bucket"
                    f"{{{ENDPOINT}}}[$__rate_interval]))",
                    unit="s",
                ),
                lines(
                    "Phases",
                    "Where the time of the last probe went: resolve, connect, tls, processing, transfer.",
                    (
                        f"avg by (exchange, phase) (probe_http_duration_seconds{{{ENDPOINT}}})",
                        "{{exchange}} {{phase}}",
                    ),
                    unit="s",
                    low=0,
                ),
                lines(
                    "Answers by status code",
                    "Requests on the wire a second. 4xx and 5xx should be rare.",
                    (f"exchange:requests:rate5m{{{RECORDED}}}", "{{exchange}} {{code}}"),
                    unit="reqps",
                ),
            ),
        ),
        (
            "Truth",
            (
                timeline(
                    "Failing checks",
                    "Checks that the last answer failed; no line where all pass.",
                    (
                        f"max by (exchange, endpoint, check) (exchange_check_failed{{{ENDPOINT}}} == 1)",
                        "{{exchange}} {{endpoint}} {{check}}",
                    ),
                    states={1: ("failed", BAD)},
                ),
                lines(
                    "Age of data",
                    "How old what we know is, by the exchange's own time stamps.",
                    (
                        "max by (exchange, endpoint, pair) (exchange_payload_age_seconds"
                        f"{{{ENDPOINT}}})",
                        "{{exchange}} {{endpoint}} {{pair}}",
                    ),
                    unit="s",
                    low=0,
                ),
                lines(
                    "Price against the median",
                    "How far the price is off the median of all exchanges.",
                    (f"exchange:price_divergence:ratio{{{RECORDED}}}", "{{exchange}} {{pair}}"),
                    unit="percentunit",
                ),
                timeline(
                    "Streams",
                    "Whether each stream is connected.",
                    (
                        f"min by (exchange, endpoint, pair) (exchange_stream_connected{{{ALL}}})",
                        "{{exchange}} {{endpoint}} {{pair}}",
                    ),
                    states=ON_OFF,
                ),
            ),
        ),
    ),
    ("job", "exchange", "endpoint", "pair"),
)
