"""What is unusual, and why."""

from __future__ import annotations

from dashboards.builder.board import Board
from dashboards.builder.panels import BAD, bars, dashed, lines, timeline
from dashboards.builder.shared import RECORDED, SCORE

NONE_YET = "needs two days of history"

ANOMALIES = Board(
    "exchange-anomalies",
    "Anomalies",
    "What is unusual for this exchange, and since when?",
    (
        (
            "All exchanges",
            (
                bars(
                    "Highest now",
                    "The highest score of each exchange. From 0.5 on it is an anomaly.",
                    ("sort_desc(exchange:anomaly_score:max)", "{{exchange}}"),
                    decimals=2,
                    low=0,
                    high=1,
                    steps=SCORE,
                    link="exchange-anomalies",
                    empty=NONE_YET,
                    width=8,
                    height=10,
                ),
                timeline(
                    "Anomalous",
                    "When which signal was; no line where none was.",
                    ("max by (exchange, signal) (anomaly:flag == 1)", "{{exchange}} {{signal}}"),
                    states={1: ("anomalous", BAD)},
                    empty="none seen",
                    width=16,
                    height=10,
                ),
            ),
        ),
        (
            "The chosen exchange",
            (
                lines(
                    "Scores",
                    "Of each signal. From 0.5 on it is an anomaly. Absent for two days at first.",
                    (f"anomaly:score{{{RECORDED}}}", "{{exchange}} {{signal}} {{pair}}"),
                    decimals=2,
                    low=0,
                    high=1,
                    steps=SCORE,
                    empty=NONE_YET,
                    width=24,
                ),
                lines(
                    "Signal and bands",
                    "Of the chosen signal, in its own unit. Beyond a band the score reaches 0.5.",
                    (
                        f'anomaly:level{{{RECORDED},signal=~"$signal"}}',
                        "{{exchange}} {{signal}} {{pair}}",
                    ),
                    (
                        f'anomaly:upper{{{RECORDED},signal=~"$signal"}}',
                        "{{exchange}} {{signal}} {{pair}} upper",
                    ),
                    (
                        f'anomaly:lower{{{RECORDED},signal=~"$signal"}}',
                        "{{exchange}} {{signal}} {{pair}} lower",
                    ),
                    overrides=(dashed("/ (upper|lower)$/"),),
                    width=24,
                    height=12,
                ),
            ),
        ),
    ),
    ("job", "exchange", "signal"),
    chosen=(("exchange", "binance"), ("signal", "latency_p99")),
)
