"""What fires, what was said of it, and how the receiver is."""

from __future__ import annotations

from dashboards.builder.board import Board
from dashboards.builder.panels import (
    BAD,
    GOOD,
    WARN,
    bars,
    colored,
    column,
    lines,
    number,
    table,
    timeline,
)
from dashboards.builder.shared import (
    ALERT,
    EXCHANGE,
    LATE,
    OURS,
    RUNBOOKS,
    SEVERITIES,
    SEVERITY,
    SOME,
    WATCHDOG,
    by_urgency,
    ranked,
    with_runbook,
)

FIRING = f'ALERTS{{alertstate="firing",{OURS}}}'
NO_PROVIDER = "no provider configured"

ALERTING = Board(
    "exchange-alerts",
    "Alerts",
    "What fires, what fired, for how long, and what the receiver thinks of it.",
    (
        (
            "Now",
            (
                number(
                    "Firing",
                    "By severity. Normal is 0, or info alone, which nobody is notified of. No "
                    "number at all: the rules are not evaluated.",
                    (
                        f"count by (severity) ({FIRING}) or (label_replace(vector(0), "
                        f'"severity", "firing", "", "") and on () {WATCHDOG} unless on () {FIRING})',
                        "{{severity}}",
                    ),
                    steps=((None, GOOD),),
                    overrides=tuple(colored(*state) for state in SEVERITIES.values()),
                    empty="not evaluated",
                    width=14,
                ),
                number(
                    "Watchdog",
                    "An alert that always fires. Normal is evaluated. Otherwise no alert can fire: are "
                    "the rule files loaded? Whether alerts reach people, only Alertmanager can tell.",
                    (f"group({WATCHDOG}) or vector(0)", "watchdog"),
                    states={0: ("not evaluated", BAD), 1: ("evaluated", GOOD)},
                    width=5,
                ),
                number(
                    "Not delivered",
                    "Messages that Alertmanager could not deliver in 15 minutes. Normal is 0. Otherwise "
                    "nobody gets them: look at its log, and at the channel's secret.",
                    (
                        "round(sum(increase(alertmanager_notifications_failed_total"
                        '{reason!="contextCanceled"}[15m])))',
                        "messages",
                    ),
                    steps=((None, GOOD), (1, BAD)),
                    decimals=0,
                    empty="not scraped",
                    width=5,
                ),
                table(
                    "Firing and pending",
                    "Pending ones fire unless they end first. Normal is none but info. Click an alert for what "
                    "to do, an exchange for its board.",
                    with_runbook(
                        by_urgency(
                            "max by (severity, alertstate, alertname, exchange, endpoint, pair) "
                            f"(ALERTS{{{OURS}}} * ignoring (alertstate) group_left () (time() - ALERTS_FOR_STATE))"
                        )
                    ),
                    columns=(
                        ("severity", "Severity"),
                        ("alertstate", "State"),
                        ("alertname", "Alert"),
                        ("exchange", "Exchange"),
                        ("endpoint", "Endpoint"),
                        ("pair", "Pair"),
                        ("Value", "For"),
                    ),
                    sort="Severity",
                    overrides=(SEVERITY, column("State", 90), ALERT, EXCHANGE, RUNBOOKS),
                    unit="s",
                    decimals=0,
                    empty="none seen",
                    width=24,
                ),
            ),
        ),
        (
            "Recently",
            (
                timeline(
                    "History",
                    "When each alert fired, by severity. Normal is no line but info. What fired together "
                    "often has one cause; what comes and goes is near its threshold.",
                    (f"max by (alertname, exchange) ({ranked()})", "{{alertname}} {{exchange}}"),
                    states=SEVERITIES,
                    empty="none seen",
                    width=24,
                    height=12,
                ),
            ),
        ),
        (
            "Analyses, if the receiver runs",
            (
                table(
                    "What open incidents are taken for",
                    "The newest analysis of each: a suggestion. Normal is no incident. The page of the "
                    "receiver tells what it rests on.",
                    'max by (exchange, cause, requires_human) (exchange_receiver_analysis_confidence{exchange=~"$exchange|"})',
                    columns=(
                        ("exchange", "Exchange"),
                        ("cause", "Cause"),
                        ("requires_human", "Needs a human"),
                        ("Value", "Confidence"),
                    ),
                    sort="Exchange",
                    unit="percentunit",
                    decimals=0,
                    empty="no incident is open",
                    height=6,
                ),
                bars(
                    "Causes of a week",
                    "Analyses by what they took for the cause. Normal is few. The most frequent is worth an end.",
                    (
                        "sort_desc(sum by (cause) (increase(exchange_receiver_analyses_total[7d])) > 0.5)",
                        "{{cause}}",
                    ),
                    decimals=0,
                    low=0,
                    empty="none",
                    width=6,
                    height=6,
                ),
                bars(
                    "Who analysed, in a week",
                    "By analyst. A reason beside it tells why a provider's answer was not used; normal is none, "
                    "or no provider. Many: see the requests to providers.",
                    (
                        "sort_desc(sum by (analyst, fallback) (increase(exchange_receiver_analyses_total[7d])) > 0.5)",
                        "{{analyst}} {{fallback}}",
                    ),
                    decimals=0,
                    low=0,
                    empty="nobody",
                    width=6,
                    height=6,
                ),
                lines(
                    "Time to an analysis",
                    "From the webhook to the alert that carries it, and of that the analysis alone. Normal is "
                    "half a minute, and no page waits for it. Longer: the provider is slow.",
                    (
                        "histogram_quantile(0.9, sum by (le) (increase(exchange_receiver_delivery_duration_seconds_bucket[1h])))",
                        "webhook to alert, 90 %",
                    ),
                    (
                        "histogram_quantile(0.9, sum by (analyst, le) (increase(exchange_receiver_analysis_duration_seconds_bucket[1h])))",
                        "analysis by {{analyst}}, 90 %",
                    ),
                    unit="s",
                    low=0,
                    width=24,
                    height=6,
                ),
                lines(
                    "Tokens in an hour",
                    "That providers charged for. Normal is none while nothing fires. The budget bounds them.",
                    (
                        "sum by (provider, kind) (increase(exchange_receiver_tokens_total[1h]))",
                        "{{provider}} {{kind}}",
                    ),
                    decimals=0,
                    low=0,
                    empty=NO_PROVIDER,
                    width=8,
                    height=6,
                ),
                lines(
                    "Cost of a day",
                    "By the configured prices, over the 24 hours before. Normal is below the budget of a day; "
                    "at it the deterministic analyst answers.",
                    (
                        "sum by (provider) (increase(exchange_receiver_cost_dollars_total[1d]))",
                        "{{provider}}",
                    ),
                    unit="currencyUSD",
                    low=0,
                    empty=NO_PROVIDER,
                    width=8,
                    height=6,
                ),
                lines(
                    "Requests to providers in an hour",
                    "By what became of them. Normal is ok alone. `docs/receiver.md` tells what others mean.",
                    (
                        "sum by (provider, result) (increase(exchange_receiver_provider_calls_total[1h])) > 0.5",
                        "{{provider}} {{result}}",
                    ),
                    decimals=0,
                    low=0,
                    empty="none",
                    width=8,
                    height=6,
                ),
            ),
        ),
        (
            "Health of the receiver",
            (
                number(
                    "Receiver",
                    "Whether it answers Prometheus. Normal is up. Down: alerts come without analyses; pages do not "
                    "depend on it.",
                    (
                        "min(up and on (job, instance) last_over_time(exchange_receiver_build_info[6h]))",
                        "receiver",
                    ),
                    states={0: ("down", BAD), 1: ("up", GOOD)},
                    empty="does not run",
                ),
                number(
                    "Alertmanagers",
                    "Whether each answers the receiver. Normal is all, and one of a cluster is enough. Silent: is "
                    "its address right?",
                    (
                        "min by (alertmanager) (exchange_receiver_alertmanager_up)",
                        "{{alertmanager}}",
                    ),
                    states={0: ("silent", BAD), 1: ("answers", GOOD)},
                ),
                number(
                    "Oldest that waits",
                    "How long the oldest incident waits for its analysis. Normal is seconds. Above 2 minutes the "
                    "alert fires: the provider is slow, or analyses fail.",
                    ("max(exchange_receiver_queue_oldest_age_seconds)", "age"),
                    unit="s",
                    steps=LATE,
                ),
                number(
                    "Given up",
                    "Analyses that failed again and again. Normal is 0. The log tells why; `receiver replay` tries "
                    "once more.",
                    ("sum(exchange_receiver_dead_letters)", "incidents"),
                    steps=SOME,
                ),
                number(
                    "Budgets left",
                    "Of each that is bounded. Normal is above 0. At 0 the deterministic analyst answers: raise it, "
                    "or wait for tomorrow.",
                    ("min by (budget) (exchange_receiver_budget_remaining)", "{{budget}}"),
                    steps=((None, WARN), (1e-9, GOOD)),
                    empty=NO_PROVIDER,
                    width=12,
                ),
                number(
                    "Mutes in force",
                    "Normal is 0: off unless you allowed them, and never for what pages. The page of the receiver "
                    "tells which.",
                    ("sum(exchange_receiver_suppressions_active)", "mutes"),
                ),
                number(
                    "Circuits of providers",
                    "Normal is closed. Open: it failed again and again and is left alone for a while.",
                    ("max by (provider) (exchange_receiver_breaker_open)", "{{provider}}"),
                    states={0: ("closed", GOOD), 1: ("open", WARN)},
                    empty=NO_PROVIDER,
                ),
                lines(
                    "Alerts taken and ignored",
                    "Normal is none ignored. Ignored ones are its own: a route sends them back to it, see "
                    "alertmanager.yml.",
                    (
                        "sum by (result) (rate(exchange_receiver_alerts_total[$__rate_interval]))",
                        "{{result}}",
                    ),
                    unit="ops",
                    low=0,
                    height=6,
                ),
                lines(
                    "Posts to Alertmanager",
                    "By Alertmanager and result, in five minutes. Normal is ok alone. Above 3 others the alert "
                    "fires: analyses do not reach people through it.",
                    (
                        "round(sum by (alertmanager, result) "
                        "(increase(exchange_receiver_reinjections_total[5m])))",
                        "{{alertmanager}} {{result}}",
                    ),
                    low=0,
                    height=6,
                ),
                lines(
                    "Webhooks by answer",
                    "In 15 minutes. Normal is 202 alone. 401: the tokens differ. 400 and 413: see "
                    "docs/metrics.md. 503: its disk, or it starts. The alerts of the others are not "
                    "analysed.",
                    (
                        "round(sum by (code) (increase(exchange_receiver_requests_total[15m])))",
                        "{{code}}",
                    ),
                    low=0,
                    height=6,
                ),
                lines(
                    "Failures",
                    "Attempts at an analysis that raised an exception, in 15 minutes. Normal is 0. "
                    "They are bugs: report them with the traceback of the log.",
                    (
                        "round(sum by (instance) (increase(exchange_receiver_failures_total[15m])))",
                        "{{instance}}",
                    ),
                    low=0,
                    steps=SOME,
                    height=6,
                ),
            ),
        ),
    ),
)
