"""Are the objectives met, and how fast are the error budgets spent?"""

from __future__ import annotations

from dashboards.builder.board import Board
from dashboards.builder.panels import BAD, GOOD, WARN, bars, lines, table
from dashboards.builder.shared import BURN, RECORDED

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
                    "Of 30 days. Below 0 the objective is missed.",
                    (
                        f"sort(exchange:slo_budget_remaining:ratio{{{RECORDED}}})",
                        "{{exchange}} {{slo}}",
                    ),
                    unit="percentunit",
                    decimals=0,
                    low=-1,
                    high=1,
                    height=10,
                    steps=((None, BAD), (0, WARN), (0.25, GOOD)),
                ),
                table(
                    "Objectives in force",
                    "Override them for one exchange in a rule file of your own.",
                    f"max by (exchange, slo) (exchange:slo_objective{{{RECORDED}}})",
                    columns=(("exchange", "Exchange"), ("slo", "Objective"), ("Value", "Wanted")),
                    sort="Exchange",
                    unit="percentunit",
                    height=10,
                ),
                lines(
                    "Burn rate, one hour",
                    "1 spends the budget in exactly 30 days; from 14.4 on it is gone in two.",
                    (f'exchange:slo_burn_rate{{{RECORDED},window="1h"}}', "{{exchange}} {{slo}}"),
                    low=0,
                    steps=BURN,
                ),
                lines(
                    "Burn rate, one day",
                    "The same over a day. Above 3 for long the alert fires.",
                    (f'exchange:slo_burn_rate{{{RECORDED},window="1d"}}', "{{exchange}} {{slo}}"),
                    low=0,
                    steps=((None, GOOD), (3.0, WARN)),
                ),
                lines(
                    "Fast answers",
                    "Share of all probes that was answered, and within the bound.",
                    (f"exchange:fast_answers:ratio_rate5m{{{RECORDED}}}", "{{exchange}}"),
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
