"""What fires, what was said of it, and how the receiver is."""

from __future__ import annotations

from dashboards.builder.board import Board
from dashboards.builder.panels import (
    BAD,
    GOOD,
    OFF,
    WARN,
    bars,
    colored,
    column,
    lines,
    number,
    table,
    timeline,
)
from dashboards.builder.shared import LATE, OURS, SEVERITY, by_urgency

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
                    "By severity. Normal is none but info.",
                    (
                        f'count by (severity) (ALERTS{{alertstate="firing",{OURS}}})',
                        "{{severity}}",
                    ),
                    steps=((None, GOOD), (1, WARN)),
                    overrides=(colored("info", OFF),),
                    empty="none fires",
                    width=16,
                ),
                number(
                    "Watchdog",
                    "Always firing. If it does not, alerting is broken.",
                    ('count(ALERTS{alertname="ExchangeWatchdog"}) or vector(0)', "watchdog"),
                    states={0: ("broken", BAD), 1: ("works", GOOD)},
                    width=8,
                ),
                table(
                    "Firing and pending",
                    "Pending ones fire unless they end first. What to do stands in the runbook of the same name.",
                    by_urgency(
                        "max by (severity, alertstate, alertname, exchange, endpoint, pair) "
                        f"(ALERTS{{{OURS}}} * ignoring (alertstate) group_left () (time() - ALERTS_FOR_STATE))"
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
                    overrides=(SEVERITY, column("State", 90)),
                    unit="s",
                    decimals=0,
                    empty="none fires",
                    width=24,
                ),
            ),
        ),
        (
            "Recently",
            (
                timeline(
                    "History",
                    "When each alert fired.",
                    (
                        f'max by (alertname, exchange) (ALERTS{{alertstate="firing",{OURS}}})',
                        "{{alertname}} {{exchange}}",
                    ),
                    states={1: ("firing", BAD)},
                    empty="none fired",
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
                    "The newest analysis of each: a suggestion. The page of the receiver tells what it rests on.",
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
                    "Analyses by what they took for the cause.",
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
                    "By analyst. A reason beside it tells why a provider's answer was not used; normal is none.",
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
                    "From the webhook to the alert that carries it, and of that the analysis alone. No page waits for it.",
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
                    "That providers charged for.",
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
                    "By the configured prices, over the 24 hours before.",
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
                    "By what became of them. Normal is ok alone.",
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
                    "Up, or alerts come without analyses. Pages do not depend on it.",
                    (
                        "min(up and on (job, instance) last_over_time(exchange_receiver_build_info[6h]))",
                        "receiver",
                    ),
                    states={0: ("down", BAD), 1: ("up", GOOD)},
                    empty="does not run",
                ),
                number(
                    "Alertmanagers",
                    "Whether each answers the receiver. One of a cluster is enough.",
                    (
                        "min by (alertmanager) (exchange_receiver_alertmanager_up)",
                        "{{alertmanager}}",
                    ),
                    states={0: ("silent", BAD), 1: ("answers", GOOD)},
                ),
                number(
                    "Oldest that waits",
                    "Incidents are analysed within seconds.",
                    ("max(exchange_receiver_queue_oldest_age_seconds)", "age"),
                    unit="s",
                    steps=LATE,
                ),
                number(
                    "Given up",
                    "Analyses that failed again and again. The log tells why; `receiver replay` tries once more.",
                    ("sum(exchange_receiver_dead_letters)", "incidents"),
                    steps=((None, GOOD), (1, WARN)),
                ),
                number(
                    "Budgets left",
                    "Of each that is bounded. At 0 the deterministic analyst answers.",
                    ("min by (budget) (exchange_receiver_budget_remaining)", "{{budget}}"),
                    steps=((None, WARN), (1e-9, GOOD)),
                    empty=NO_PROVIDER,
                    width=12,
                ),
                number(
                    "Mutes in force",
                    "Off unless you allowed them; never for what pages.",
                    ("sum(exchange_receiver_suppressions_active)", "mutes"),
                ),
                number(
                    "Circuits of providers",
                    "Open: it failed again and again and is left alone for a while.",
                    ("max by (provider) (exchange_receiver_breaker_open)", "{{provider}}"),
                    states={0: ("closed", GOOD), 1: ("open", WARN)},
                    empty=NO_PROVIDER,
                ),
                lines(
                    "Alerts taken and ignored",
                    "Ignored ones are its own: a route sends them back to it. Normal is none ignored.",
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
                    "By result. Normal is ok alone, a few a minute while something is wrong.",
                    (
                        "sum by (result) (rate(exchange_receiver_reinjections_total[$__rate_interval]))",
                        "{{result}}",
                    ),
                    unit="ops",
                    low=0,
                    height=6,
                ),
            ),
        ),
    ),
)
