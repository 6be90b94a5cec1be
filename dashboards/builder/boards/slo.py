"""Are the objectives met, and how fast are the error budgets spent?"""

from __future__ import annotations

from dashboards.builder.board import Board
from dashboards.builder.panels import GOOD, WARN, bars, lines, table
from dashboards.builder.shared import BUDGET, BURN, CHOSEN, EXCHANGE

SLO = Board(
    "exchange-slo",
    "Objectives",
    "Will they keep what we need of them?",
    (
        (
            "Objectives",
            (
                bars(
                    "Error budget left",
                    "Of 30 days. Normal is above 25 %. At 0 the objective is missed: rely less on that "
                    "exchange, or promise less.",
                    (
                        f"sort(exchange:slo_budget_remaining:ratio{{{CHOSEN}}})",
                        "{{exchange}} {{slo}}",
                    ),
                    unit="percentunit",
                    decimals=0,
                    low=0,
                    high=1,
                    height=10,
                    steps=BUDGET,
                ),
                table(
                    "Objectives in force",
                    "What each exchange is measured against. Normal is 99 % of availability and 95 % of "
                    "latency; override them for one exchange in a rule file of your own.",
                    f"max by (exchange, slo) (exchange:slo_objective{{{CHOSEN}}})",
                    columns=(("exchange", "Exchange"), ("slo", "Objective"), ("Value", "Wanted")),
                    sort="Exchange",
                    overrides=(EXCHANGE,),
                    unit="percentunit",
                    height=10,
                ),
                lines(
                    "Burn rate, one hour",
                    "1 spends the budget in exactly 30 days. Normal is below it. From 14.4 on it is gone in "
                    "two: see the board Exchange for what fails.",
                    (f'exchange:slo_burn_rate{{{CHOSEN},window="1h"}}', "{{exchange}} {{slo}}"),
                    low=0,
                    steps=BURN,
                ),
                lines(
                    "Burn rate, one day",
                    "The same over a day. Normal is below 1. Above 3 for long the alert fires.",
                    (f'exchange:slo_burn_rate{{{CHOSEN},window="1d"}}', "{{exchange}} {{slo}}"),
                    low=0,
                    steps=((None, GOOD), (3.0, WARN)),
                ),
                lines(
                    "Fast answers",
                    "Share of all probes that was answered, and within the bound. Normal is above 95 %. Below, "
                    "see whether answers are slow or missing.",
                    (f"exchange:fast_answers:ratio_rate5m{{{CHOSEN}}}", "{{exchange}}"),
                    unit="percentunit",
                    decimals=1,
                    low=0,
                    high=1,
                    worst="min",
                    width=24,
                ),
            ),
        ),
    ),
)
