"""One exchange from top to bottom."""

from __future__ import annotations

from dashboards.builder.board import Board
from dashboards.builder.panels import BAD, GOOD, OFF, STATUS, heatmap, lines, number, timeline
from dashboards.builder.shared import (
    ALL,
    ENDPOINT,
    ENDPOINT_SLOW,
    ON_OFF,
    RATIO_GOOD,
    RECORDED,
    SLOW,
)

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
                    decimals=1,
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
                    "How long the exchange has told us to stay away. No data is the normal state.",
                    (f"exchange:blocked_seconds:max{{{RECORDED}}}", "{{exchange}}"),
                    unit="s",
                    empty="not blocked",
                    empty_color=GOOD,
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
                    height=11,
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
                    low=0,
                    width=8,
                    empty="none seen",
                ),
                lines(
                    "Answers by status code",
                    "Requests on the wire a second. 4xx and 5xx should be rare.",
                    (f"exchange:requests:rate5m{{{RECORDED}}}", "{{exchange}} {{code}}"),
                    unit="reqps",
                    low=0,
                    width=8,
                ),
                lines(
                    "Skipped by reason",
                    "Probes that were not sent, a second: interval and budget are normal pacing.",
                    (f"exchange:skips:rate5m{{{RECORDED}}} > 0", "{{exchange}} {{reason}}"),
                    unit="ops",
                    low=0,
                    width=8,
                    empty="none seen",
                ),
            ),
        ),
        (
            "Latency",
            (
                lines(
                    "Quantiles",
                    "Half of all answers, nine in ten, and all but one in a hundred come within these times.",
                    (
                        f"sum by (exchange, quantile) (exchange:latency_seconds:quantile5m{{{RECORDED}}})",
                        "{{exchange}} {{quantile}}",
                    ),
                    unit="s",
                    low=0,
                    steps=SLOW,
                ),
                lines(
                    "By endpoint",
                    "Half of the answers of each endpoint come within this time.",
                    (
                        f'endpoint:latency_seconds:quantile5m{{{RECORDED},endpoint=~"$endpoint",quantile="0.5"}}',
                        "{{exchange}} {{endpoint}}",
                    ),
                    unit="s",
                    low=0,
                    steps=ENDPOINT_SLOW,
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
                    empty="none seen",
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
                    decimals=2,
                ),
                timeline(
                    "Streams connected",
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
    chosen=(("exchange", "binance"),),
)
