"""The declarations of the metrics of requests and of the exporter itself.

The metrics named ``probe_*`` keep the names and meanings of blackbox_exporter, so that rules and
dashboards written for it go on working.
"""

from __future__ import annotations

from exporter.metrics.family import Family, Kind
from exporter.metrics.family import counter as _counter
from exporter.metrics.family import gauge as _gauge
from exporter.metrics.stream_families import STREAMS

TARGET_LABELS = ("exchange", "endpoint", "pair", "account", "connection")
"""The labels of a target, in order; one that does not apply to a target is absent."""

LATENCY_BUCKETS = (
    *(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25),
    *(0.4, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0),
)
"""Seconds. An edge at each latency objective and one at the default timeout of 10 s."""

LAG_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Seconds an event loop may be late, from unnoticeable to broken."""


PROBE_SUCCESS = _gauge(
    "probe_success",
    "Whether the newest measurement succeeded: the API answered in time and every check held. "
    "Absent while there is no measurement to show.",
    normal="1.",
    advice="`exchange_probe_failed` names the reason and `exchange_check_failed` the check. "
    "If it is absent, see `exchange_probe_skipped_total`.",
)
PROBE_DURATION = _gauge(
    "probe_duration_seconds",
    "Duration of the newest measurement including connection set-up, without any wait of the "
    "exporter's own.",
    normal="Near the latency; higher whenever a new connection was made.",
    advice="`probe_http_duration_seconds` tells which phase takes the time.",
)
PROBE_PHASE = _gauge(
    "probe_http_duration_seconds",
    "Duration of each phase of the newest measurement. A phase that was not reached is absent; "
    "a warm connection has no resolve, connect and tls.",
    "phase",
    normal="Most of it in `processing`.",
    advice="Slow `resolve` points at DNS, `connect` at the network, `tls` and `processing` at the "
    "exchange, `transfer` at bandwidth or a large answer.",
)
PROBE_STATUS = _gauge(
    "probe_http_status_code",
    "HTTP status code of the newest measurement's answer. Absent when no answer came.",
    normal="200.",
)
PROBE_CERTIFICATE = _gauge(
    "probe_ssl_earliest_cert_expiry",
    "Unix time in seconds at which the server's certificate expires. Absent when the newest "
    "measurement had no TLS connection.",
    normal="More than two weeks ahead.",
    advice="Only the exchange can renew it; be ready for `tls` failures.",
)

LATENCY = Family(
    "exchange_api_latency_seconds",
    Kind.HISTOGRAM,
    "Time from the send of the request to the arrival of the last byte of a complete answer. "
    "Kept since the start of the exporter, across scrapes and reloads.",
    normal="Steady for an exchange; the quantile that matters is your own objective.",
    advice="Answers that never came are not in here: watch `exchange_probe_failures_total` with "
    'reason="timeout" beside it.',
    buckets=LATENCY_BUCKETS,
)
REQUESTS = _counter(
    "exchange_api_requests_total",
    "HTTP requests put on the wire, by the status code of the answer; 3xx for redirects that were "
    "followed, none when no answer came, other for a code outside 100 to 599.",
    "code",
    normal='Only code="200" grows, by one per probe.',
    advice="Compare its rate with `exchange_budget_used_ratio`.",
)
PROBES = _counter(
    "exchange_probes_total",
    "Probes that were carried out, successful or not. Repeated results and skips do not count.",
    normal="Grows by one per `exchange_probe_interval_seconds`, however many servers scrape.",
)
FAILURES = _counter(
    "exchange_probe_failures_total",
    "Probes that failed, by reason.",
    "reason",
    normal="Flat.",
    advice="`/probe?target=…&debug=true` shows what the exchange said.",
)
SKIPPED = _counter(
    "exchange_probe_skipped_total",
    "Requests for a probe that were answered without probing, by reason. Neither success nor "
    "failure of the exchange.",
    "reason",
    normal='Flat but for reason="interval", which grows with a second Prometheus server.',
    advice="`budget`: fewer targets or a larger budget. `backoff`: wait until the exchange's time "
    "is over. `circuit_open`: see the failures that came before.",
)
LAST_SUCCESS = _gauge(
    "exchange_probe_last_success_timestamp_seconds",
    "Unix time of the newest successful probe. Absent before the first one.",
    normal="At most a few intervals ago.",
)
AGE = _gauge(
    "exchange_probe_age_seconds",
    "Age of the measurement shown: 0 when it was made for this scrape, more when it is repeated.",
    normal="0, or below `exchange_probe_interval_seconds` with a second Prometheus server.",
)
INTERVAL = _gauge(
    "exchange_probe_interval_seconds",
    "Planned time between two probes of this target, after stretching it to the budget.",
    normal="The scrape interval that service discovery announces.",
    advice="Larger than configured: the targets of this exchange do not all fit its budget.",
)
FAILED = _gauge(
    "exchange_probe_failed",
    "1 for the reason for which the newest measurement failed. Absent when it succeeded.",
    "reason",
    normal="Absent.",
)

CHECK_FAILED = _gauge(
    "exchange_check_failed",
    "Whether this check failed on the newest measurement. Absent when it was not judged.",
    "check",
    normal="0.",
    advice="What the exchange says is not true or not fresh: do not trade on it.",
)
PAYLOAD_AGE = _gauge(
    "exchange_payload_age_seconds",
    "Age of the data in the newest answer by the time stamp inside it.",
    normal="Seconds on a liquid pair.",
    advice="Growing: the exchange serves old data with a fresh answer.",
)
PAYLOAD_UNCHANGED = _gauge(
    "exchange_payload_unchanged_seconds",
    "Time for which the answers have carried the same data.",
    normal="Near 0 on a liquid pair.",
    advice="Growing: a frozen feed, or nobody trades.",
)
CLOCK_SKEW = _gauge(
    "exchange_clock_skew_seconds",
    "The exchange's clock minus ours, corrected for half of the round trip.",
    normal="Within a tenth of a second.",
    advice="The same at every exchange: the clock of this machine is wrong.",
)
MAINTENANCE = _gauge(
    "exchange_maintenance",
    "Whether the exchange says that it is under maintenance.",
    normal="0.",
)
PRICE = _gauge("exchange_price", "Price of the pair in the quote asset: the best single one.")
BOOK_BID = _gauge("exchange_book_bid", "Best bid in the quote asset.")
BOOK_ASK = _gauge("exchange_book_ask", "Best ask in the quote asset.")
BOOK_SPREAD = _gauge(
    "exchange_book_spread_ratio",
    "Best ask minus best bid, over their mean.",
    normal="Below 0.001 on a liquid pair.",
    advice="Negative: a crossed book. Wide: liquidity is leaving.",
)
BOOK_LEVELS = _gauge(
    "exchange_book_levels",
    "Price levels in the answer, by side.",
    "side",
    normal="The depth that was asked for.",
)
BOOK_SEQUENCE = _gauge(
    "exchange_book_sequence",
    "Sequence number of the order book. Exact up to 2^53.",
    normal="Grows with every change of the book.",
)

LIMIT_USED = _gauge(
    "exchange_rate_limit_used_ratio",
    "Share of a published limit that is used, other clients included, as the exchange reports it. "
    "Absent if it does not.",
    "limit",
    normal="Below 0.8.",
    advice="Near 1 while `exchange_budget_used_ratio` is low: other clients on this IP spend it.",
)
LIMIT_REMAINING = _gauge(
    "exchange_rate_limit_remaining",
    "Units of a published limit that remain, as the exchange reports it. Absent if it does not.",
    "limit",
)
BLOCKED_UNTIL = _gauge(
    "exchange_rate_limit_blocked_until_timestamp_seconds",
    "Unix time until which the exchange told us to stay away. Absent when it did not.",
    normal="Absent.",
    advice="Stop other clients on this IP as well; more requests prolong a ban.",
)
BUDGET = _gauge(
    "exchange_budget_ratio",
    "Share of a published limit that the exporter's own allowance comes to when spent at once.",
    "limit",
    normal="The configured `budget`, or what one request costs where that is more.",
)
BUDGET_USED = _gauge(
    "exchange_budget_used_ratio",
    "Share of the exporter's own allowance of a published limit that is spent.",
    "limit",
    normal="Below 1.",
    advice="At 1 probes are skipped for `budget`: fewer targets or a larger budget.",
)
CIRCUIT_STATE = _gauge(
    "exchange_circuit_state",
    "1 for the current state of the host's circuit breaker, 0 for the others.",
    "state",
    normal='state="closed" is 1.',
    advice="Open: the host failed repeatedly and is left alone until the next trial.",
)

BUILD_INFO = _gauge(
    "exchange_exporter_build_info",
    "Always 1; the labels tell the version of the exporter and of Python.",
    "version",
    "pythonversion",
)
RELOAD_OK = _gauge(
    "exchange_exporter_config_last_reload_successful",
    "Whether the last attempt to load the configuration succeeded.",
    normal="1.",
    advice="The last good configuration stays in force; `check-config` tells what is wrong.",
)
RELOAD_AT = _gauge(
    "exchange_exporter_config_last_reload_success_timestamp_seconds",
    "Unix time at which a configuration was last loaded successfully.",
)
LOOP_LAG = Family(
    "exchange_exporter_event_loop_lag_seconds",
    Kind.HISTOGRAM,
    "How late the event loop ran a timer.",
    normal="Below 0.01.",
    advice="Too many targets for this machine, or too little of its CPU.",
    buckets=LAG_BUCKETS,
)
IN_FLIGHT = _gauge(
    "exchange_exporter_probes_in_flight", "Probes that are being sent or wait for the limiter."
)
RENDER_DURATION = _gauge(
    "exchange_exporter_last_render_duration_seconds",
    "Time it took to write the text of the last answer to /probe.",
    normal="Below 0.001 for one target, 0.05 for 500.",
)
STATE_ERRORS = _counter(
    "exchange_exporter_state_errors_total",
    "Failures to read or to store the state that survives a restart.",
    normal="Flat.",
    advice="Limits and bans would be forgotten at a restart: look at the disk.",
)
CHECK_ERRORS = _counter(
    "exchange_exporter_check_errors_total",
    "Checks that raised an exception: bugs of the exporter, never the exchange's fault.",
    "check",
    normal="Flat.",
    advice="Please report it; the log has the traceback.",
)
UNKNOWN_TARGETS = _counter(
    "exchange_exporter_unknown_targets_total",
    "Requests to /probe for a target that is not configured.",
    normal="Flat.",
    advice="The scrape configuration and the exporter's disagree.",
)
TARGETS = _gauge("exchange_exporter_targets", "Targets in the configuration in force.")
TIMESTAMP_FALLBACKS = _counter(
    "exchange_exporter_timestamp_fallbacks_total",
    "Answers whose arrival was read from the monotonic clock for want of a kernel time stamp.",
    normal="Flat.",
    advice="Latency then includes the exporter's own delay.",
)


SECTIONS: tuple[tuple[str, tuple[Family, ...]], ...] = (
    (
        "Outcome",
        (PROBE_SUCCESS, FAILED, PROBES, FAILURES, SKIPPED, LAST_SUCCESS, AGE, INTERVAL),
    ),
    (
        "Time and transport",
        (PROBE_DURATION, PROBE_PHASE, LATENCY, REQUESTS, PROBE_STATUS, PROBE_CERTIFICATE),
    ),
    (
        "Truth and freshness",
        (CHECK_FAILED, PAYLOAD_AGE, PAYLOAD_UNCHANGED, CLOCK_SKEW, MAINTENANCE),
    ),
    (
        "Market",
        (PRICE, BOOK_BID, BOOK_ASK, BOOK_SPREAD, BOOK_LEVELS, BOOK_SEQUENCE),
    ),
    (
        "Limits and circuit",
        (LIMIT_USED, LIMIT_REMAINING, BLOCKED_UNTIL, BUDGET, BUDGET_USED, CIRCUIT_STATE),
    ),
    *STREAMS,
)
"""The families of the targets by subject; they carry the target's labels beside their own."""

PROBE = tuple(family for _, section in SECTIONS for family in section)

OWN = (
    *(BUILD_INFO, TARGETS, RELOAD_OK, RELOAD_AT, IN_FLIGHT, RENDER_DURATION, LOOP_LAG),
    *(TIMESTAMP_FALLBACKS, STATE_ERRORS, CHECK_ERRORS, UNKNOWN_TARGETS),
)
"""The families of the exporter itself, on /metrics."""

FAMILIES = PROBE + OWN
