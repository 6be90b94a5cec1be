"""The board overview: one screen, the worst at the top of every list."""

from __future__ import annotations

from dashboards.builder.board import Board
from dashboards.builder.panels import (
    BAD,
    GOOD,
    STATUS,
    UNKNOWN,
    WARN,
    bars,
    colored,
    column,
    matrix,
    number,
    table,
    timeline,
)
from dashboards.builder.shared import (
    ALERT,
    BUDGET,
    CHOSEN,
    ERRORS,
    EXCHANGE,
    FIRING,
    OFF_PRICE,
    RUNBOOKS,
    SCORE,
    SEVERITIES,
    SEVERITY,
    SLOW,
    URGENT,
    USED,
    WATCHDOG,
    by_urgency,
    ranked,
    with_runbook,
)

AREAS = ("availability", "latency", "limits", "data", "stream", "security", "exporter")

# Without an alert an area is fine, and not known where the status is not.
NO_ALERT = " or ".join(
    f'label_replace(0 - (exchange:status{{{CHOSEN}}} == bool 4), "area", "{area}", "", "")'
    for area in ("worst", *AREAS)
)
URGENCY = f'label_replace({ranked(1)}, "exchange", "ourselves", "exchange", "")'
GRID = (
    f'max by (exchange, area) ({URGENCY} or label_replace({URGENCY}, "area", "worst", "", "") '
    f"or {NO_ALERT})"
)
NOTHING = {-1: ("unknown", UNKNOWN), 0: ("–", "transparent")}
URGENT_STATES = {rank: state for rank, state in SEVERITIES.items() if rank}

BEGAN = (
    "time() - max by (alertname, exchange) "
    f"(ALERTS_FOR_STATE{{{URGENT}}} and ignoring (alertstate) {FIRING}) < 3600"
)
ENDED = (
    f"time() - max by (alertname, exchange) (max_over_time(timestamp({FIRING})[1h:1m])) "
    f"unless on (alertname, exchange) {FIRING}"
)
CHANGED = (
    f'label_replace({BEGAN}, "change", "began", "", "") '
    f'or label_replace({ENDED}, "change", "ended", "", "")'
)

OVERVIEW = Board(
    "exchange-overview",
    "Overview",
    "Can we trade, and where not?",
    (
        (
            "",
            (
                number(
                    "Status",
                    "One field an exchange, the worst first. Normal is up. It tells whether an "
                    "exchange can be used at all; the grid below tells in what respect it cannot. "
                    "Click to see why.",
                    (f"sort_desc(exchange:status{{{CHOSEN}}})", "{{exchange}}"),
                    states=STATUS,
                    link="exchange-detail",
                    width=13,
                ),
                number(
                    "Alerts that fire",
                    "By severity, hints aside. Normal is 0. No number at all: the rules are not "
                    "evaluated, so that no alert can fire.",
                    (
                        f"count by (severity) ({FIRING}) or (label_replace(vector(0), "
                        f'"severity", "firing", "", "") and on () {WATCHDOG} unless on () {FIRING})',
                        "{{severity}}",
                    ),
                    steps=((None, GOOD),),
                    overrides=tuple(colored(*state) for state in URGENT_STATES.values()),
                    empty="not evaluated",
                    width=5,
                ),
                number(
                    "Measuring",
                    "Whether exporters are scraped and the rules evaluated. Normal is yes. "
                    "Otherwise believe nothing else here: see the board Exporter.",
                    (
                        f"2 * absent({WATCHDOG}) or on () "
                        "min(up and on (job, instance) last_over_time(exchange_exporter_build_info[6h])) "
                        "or on () vector(0)",
                        "measuring",
                    ),
                    states={0: ("exporter down", BAD), 1: ("yes", GOOD), 2: ("no rules", BAD)},
                    width=3,
                ),
                number(
                    "Our network",
                    "Exchanges that give no answer at once. Normal is 0. From 60 % on it is us: "
                    "network, DNS or proxy, and every status is unknown.",
                    ("prober:unreached_exchanges:ratio", "exchanges failing"),
                    unit="percentunit",
                    decimals=0,
                    low=0,
                    high=1,
                    width=3,
                    steps=((None, GOOD), (0.6, BAD)),
                ),
                matrix(
                    "Where not",
                    "The most urgent alert of each exchange and area; below ourselves, what "
                    "concerns no exchange. Normal is ok and –. Click an exchange to see why.",
                    GRID,
                    rows="exchange",
                    columns="area",
                    order=(("worst", "Worst"), *((area, area.title()) for area in AREAS)),
                    sort="Worst",
                    states={**NOTHING, **URGENT_STATES},
                    overrides=(
                        EXCHANGE,
                        column("Exchange", cells="auto"),
                        column(
                            "Worst",
                            90,
                            {
                                str(value): state
                                for value, state in {
                                    **NOTHING,
                                    0: ("ok", GOOD),
                                    **URGENT_STATES,
                                }.items()
                            },
                            cells="color-background",
                        ),
                    ),
                    width=13,
                    height=8,
                ),
                table(
                    "Alerts",
                    "The most urgent first. Normal is none. Click an alert for what to do, an "
                    "exchange for its board.",
                    with_runbook(
                        by_urgency(
                            "max by (alertname, exchange, severity) "
                            f"(time() - ALERTS_FOR_STATE and ignoring (alertstate) {FIRING})"
                        )
                    ),
                    columns=(
                        ("severity", "Severity"),
                        ("alertname", "Alert"),
                        ("exchange", "Exchange"),
                        ("Value", "For"),
                    ),
                    sort="Severity",
                    overrides=(SEVERITY, ALERT, EXCHANGE, column("For", 90), RUNBOOKS),
                    unit="s",
                    decimals=0,
                    empty="none seen",
                    width=11,
                    height=8,
                ),
                timeline(
                    "Status over time",
                    "How the status of each exchange went. Normal is up throughout. Gaps are times "
                    "at which nothing was known.",
                    (f"exchange:status{{{CHOSEN}}}", "{{exchange}}"),
                    states=STATUS,
                    link="exchange-detail",
                    width=8,
                    height=6,
                ),
                timeline(
                    "What speaks against them",
                    "The signals that make a status. Normal is none. What each means stands in "
                    "rules/README.md.",
                    (f"exchange:signal{{{CHOSEN}}}", "{{exchange}} {{signal}}"),
                    states={1: ("on", WARN)},
                    link="exchange-detail",
                    empty="none seen",
                    width=8,
                    height=6,
                ),
                table(
                    "What changed in the last hour",
                    "Alerts that began or ended, the newest first. Normal is none. What began "
                    "together often has one cause. Click an alert for what to do.",
                    with_runbook(f"({CHANGED})"),
                    columns=(
                        ("change", "Change"),
                        ("alertname", "Alert"),
                        ("exchange", "Exchange"),
                        ("Value", "Ago"),
                    ),
                    sort="Ago",
                    overrides=(
                        column("Change", 80, {"began": ("began", WARN), "ended": ("ended", GOOD)}),
                        ALERT,
                        EXCHANGE,
                        column("Ago", 80),
                        RUNBOOKS,
                    ),
                    unit="s",
                    decimals=0,
                    empty="none seen",
                    width=8,
                    height=6,
                ),
                bars(
                    "Errors",
                    "Probes of 15 minutes that failed by the exchange's fault. Normal is below 1 %; "
                    "above 10 % the alert fires.",
                    (
                        f"topk(6, exchange:probe_errors:ratio_rate15m{{{CHOSEN}}})",
                        "{{exchange}}",
                    ),
                    unit="percentunit",
                    decimals=0,
                    low=0,
                    high=1,
                    steps=ERRORS,
                    link="exchange-detail",
                    width=4,
                    height=5,
                ),
                bars(
                    "Latency",
                    "Nine in ten answers come within this time. Normal is well below 1 s; above "
                    "1.5 s an exchange counts as slow.",
                    (
                        f'topk(6, exchange:latency_seconds:quantile5m{{{CHOSEN},quantile="0.9"}} > 0)',
                        "{{exchange}}",
                    ),
                    unit="s",
                    low=0,
                    high=2,
                    steps=SLOW,
                    link="exchange-detail",
                    width=4,
                    height=5,
                ),
                bars(
                    "Price off",
                    "How far the worst price of each is off the median of all exchanges, either "
                    "way. Normal is below 0.1 %; beyond 1 % do not trade on it.",
                    (
                        "topk(6, max by (exchange, pair) "
                        f"(abs(target:price_divergence:ratio{{{CHOSEN}}})))",
                        "{{exchange}} {{pair}}",
                    ),
                    unit="percentunit",
                    decimals=2,
                    low=0,
                    high=0.02,
                    steps=OFF_PRICE,
                    link="exchange-truth",
                    width=4,
                    height=5,
                ),
                bars(
                    "Limits used",
                    "Of published limits, by everybody on our address. Normal is below 40 %. Above "
                    "80 % slow down some client before the exchange refuses all.",
                    (f"topk(6, limit:used:max{{{CHOSEN}}})", "{{exchange}} {{limit}}"),
                    unit="percentunit",
                    decimals=0,
                    low=0,
                    high=1,
                    steps=USED,
                    link="exchange-limits",
                    width=4,
                    height=5,
                ),
                bars(
                    "Error budget left",
                    "Of 30 days, of the objective that has the least. Normal is above 25 %. At 0 it "
                    "is missed for this month.",
                    (
                        "bottomk(6, min by (exchange) "
                        f"(exchange:slo_budget_remaining:ratio{{{CHOSEN}}}))",
                        "{{exchange}}",
                    ),
                    unit="percentunit",
                    decimals=0,
                    low=0,
                    high=1,
                    link="exchange-slo",
                    steps=BUDGET,
                    width=4,
                    height=5,
                ),
                bars(
                    "Anomaly",
                    "Highest score of an exchange's signals. Normal is below 0.5. From there on "
                    "something is unusual: look which signal it is.",
                    (f"topk(6, exchange:anomaly_score:max{{{CHOSEN}}})", "{{exchange}}"),
                    decimals=2,
                    low=0,
                    high=1,
                    steps=SCORE,
                    link="exchange-anomalies",
                    empty="needs two days of history",
                    width=4,
                    height=5,
                ),
            ),
        ),
    ),
)
