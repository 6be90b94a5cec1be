"""One exchange from top to bottom."""

from __future__ import annotations

from dashboards.builder.board import Board
from dashboards.builder.panels import BAD, GOOD, OFF, STATUS, WARN, heatmap, lines, number, timeline
from dashboards.builder.shared import (
    AGE,
    CHOSEN,
    ENDPOINT,
    ENDPOINT_SLOW,
    OFF_PRICE,
    ON_OFF,
    RATIO_GOOD,
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
                    "From all signals together. Normal is up. Unknown means that our own probing is "
                    "the problem: see the board Exporter.",
                    (f"sort_desc(exchange:status{{{CHOSEN}}})", "{{exchange}}"),
                    states=STATUS,
                    width=5,
                ),
                number(
                    "Success",
                    "Share of probes that succeeded in five minutes. Normal is above 99 %. Below: "
                    "look which targets fail, and why.",
                    (f"exchange:probe_success:ratio_rate5m{{{CHOSEN}}}", "{{exchange}}"),
                    unit="percentunit",
                    decimals=1,
                    steps=RATIO_GOOD,
                    width=5,
                ),
                number(
                    "Maintenance",
                    "Whether the exchange says so itself. Normal is no. If it does, wait: its page "
                    "tells until when.",
                    (f"max by (exchange) (exchange_maintenance{{{CHOSEN}}})", "{{exchange}}"),
                    states={0: ("no", GOOD), 1: ("yes", OFF)},
                    width=4,
                ),
                number(
                    "Blocked for",
                    "How long the exchange has told us to stay away. Normal is not blocked. "
                    "Otherwise stop all clients behind this address until it is over.",
                    (f"exchange:blocked_seconds:max{{{CHOSEN}}}", "{{exchange}}"),
                    unit="s",
                    empty="not blocked",
                    empty_color=GOOD,
                    steps=((None, BAD),),
                    width=5,
                ),
                number(
                    "Certificate",
                    "Time until the first certificate of the exchange expires. Normal is weeks; "
                    "below 14 days the alert fires. Only the exchange can renew it.",
                    (
                        "min by (exchange) "
                        f"(last_over_time(probe_ssl_earliest_cert_expiry{{{CHOSEN}}}[1h])) - time()",
                        "{{exchange}}",
                    ),
                    unit="s",
                    decimals=0,
                    steps=((None, BAD), (2 * 86400, WARN), (14 * 86400, GOOD)),
                    empty="no TLS seen",
                    width=5,
                ),
                timeline(
                    "Targets",
                    "Whether each target is healthy, by account where there is a key. Normal is "
                    "yes. No colour: not measured. All at once is an outage, one is a fault of "
                    "that endpoint, those of one account are the key's.",
                    (
                        "min by (exchange, endpoint, pair, account) "
                        f"(target:probe_success:max{{{ENDPOINT}}})",
                        "{{exchange}} {{endpoint}} {{pair}} {{account}}",
                    ),
                    states=ON_OFF,
                    width=16,
                    height=11,
                ),
                timeline(
                    "Circuits",
                    "Whether an endpoint is left alone because it failed again and again. Normal is "
                    "closed. It closes by itself when a trial succeeds.",
                    (
                        "max by (exchange, endpoint) "
                        f'(exchange_circuit_state{{{ENDPOINT},state="open"}})',
                        "{{exchange}} {{endpoint}}",
                    ),
                    states={0: ("closed", GOOD), 1: ("open", WARN)},
                    width=8,
                    height=11,
                ),
                lines(
                    "Failures by reason",
                    "Failed probes a second. Normal is none, or one now and then. What each reason "
                    "means, and what to do, stands in docs/metrics.md.",
                    (
                        "sum by (exchange, reason) (rate(exchange_probe_failures_total"
                        f"{{{ENDPOINT}}}[$__rate_interval])) > 0",
                        "{{exchange}} {{reason}}",
                    ),
                    unit="ops",
                    low=0,
                    width=8,
                    empty="none seen",
                    interval="2m",
                ),
                lines(
                    "Answers by status code",
                    "Requests on the wire a second. Normal is 200 alone. 4xx is between us and "
                    "the exchange, 5xx is its own trouble.",
                    (f"exchange:requests:rate5m{{{CHOSEN}}}", "{{exchange}} {{code}}"),
                    unit="reqps",
                    low=0,
                    width=8,
                ),
                lines(
                    "Skipped by reason",
                    "Probes that were not sent, a second. Normal is `interval`, which paces. "
                    "`budget`, `backoff` and `circuit_open` leave targets unmeasured: see Limits.",
                    (f"exchange:skips:rate5m{{{CHOSEN}}} > 0", "{{exchange}} {{reason}}"),
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
                    "Half of all answers, nine in ten, and all but one in a hundred come within "
                    "these times. Normal is what it was yesterday, well below 1 s. If all exchanges "
                    "rise at once it is our network.",
                    (
                        f"sum by (exchange, quantile) (exchange:latency_seconds:quantile5m{{{CHOSEN}}})",
                        "{{exchange}} {{quantile}}",
                    ),
                    unit="s",
                    low=0,
                    steps=SLOW,
                ),
                lines(
                    "By endpoint",
                    "Half of the answers of each endpoint come within this time. Normal is below "
                    "1 s; above it the alert fires. A slow one among fast ones: use another.",
                    (
                        f'endpoint:latency_seconds:quantile5m{{{CHOSEN},endpoint=~"$endpoint",quantile="0.5"}}',
                        "{{exchange}} {{endpoint}}",
                    ),
                    unit="s",
                    low=0,
                    steps=ENDPOINT_SLOW,
                ),
                heatmap(
                    "Distribution",
                    "All answers by latency, over five minutes. Normal is one narrow band. Two "
                    "bands are two kinds of answers, such as cached and not.",
                    "sum by (le) (endpoint:exchange_api_latency_seconds_bucket:rate5m"
                    f'{{{CHOSEN},endpoint=~"$endpoint"}})',
                    unit="s",
                ),
                lines(
                    "Phases",
                    "Where the time of the last probe went: resolve, connect, tls, processing, "
                    "transfer. Normal is processing above all; connections are reused. The first "
                    "three are the network's, processing is the exchange's.",
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
                    "Checks that the last answer failed. Normal is no line. While one fails, do "
                    "not trade on that endpoint's data.",
                    (
                        f"max by (exchange, endpoint, check) (exchange_check_failed{{{ENDPOINT}}} == 1)",
                        "{{exchange}} {{endpoint}} {{check}}",
                    ),
                    states={1: ("failed", BAD)},
                    empty="none seen",
                ),
                lines(
                    "Age of data",
                    "How old an answer was when it came, by the exchange's own time stamps. Normal "
                    "is below a few seconds; more where little is traded. One that only grows is "
                    "stale.",
                    (
                        f"max by (exchange, endpoint, pair) ({AGE})",
                        "{{exchange}} {{endpoint}} {{pair}}",
                    ),
                    unit="s",
                    low=0,
                ),
                lines(
                    "Price off the median",
                    "How far each endpoint's price is off the median of all exchanges, either way. "
                    "Normal is below 0.1 %. Beyond 1 % the alert fires: do not trade on it.",
                    (
                        "max by (exchange, endpoint, pair) "
                        f"(abs(target:price_divergence:ratio{{{ENDPOINT}}}))",
                        "{{exchange}} {{endpoint}} {{pair}}",
                    ),
                    unit="percentunit",
                    decimals=2,
                    low=0,
                    steps=OFF_PRICE,
                ),
                timeline(
                    "Streams connected",
                    "Whether each stream is connected, to one exporter at least. Normal is yes; "
                    "seconds of no are a reconnect. See Streams for more.",
                    (
                        f"max by (exchange, endpoint, pair) (stream:connected:max{{{CHOSEN}}})",
                        "{{exchange}} {{endpoint}} {{pair}}",
                    ),
                    states={0: ("no", WARN), 1: ("yes", GOOD)},
                ),
            ),
        ),
    ),
    ("exchange", "endpoint", "pair"),
    chosen=(("exchange", "binance"),),
)
