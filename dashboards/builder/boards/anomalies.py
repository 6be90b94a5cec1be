"""What is unusual, and why."""

from __future__ import annotations

from dashboards.builder.board import Board
from dashboards.builder.panels import WARN, bars, dashed, lines, timeline
from dashboards.builder.shared import CHOSEN, SCORE

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
                    "The highest score of each exchange. Normal is below 0.5. From there on it is an "
                    "anomaly: click it to see which signal it is.",
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
                    "When which signal was. Normal is no line. Several at once, or before an alert, are "
                    "worth a look.",
                    ("max by (exchange, signal) (anomaly:flag == 1)", "{{exchange}} {{signal}}"),
                    states={1: ("anomalous", WARN)},
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
                    "Of each signal. Normal is below 0.5; above, choose that signal below. Absent for two "
                    "days at first.",
                    (f"anomaly:score{{{CHOSEN}}}", "{{exchange}} {{signal}} {{pair}}"),
                    decimals=2,
                    low=0,
                    high=1,
                    steps=SCORE,
                    empty=NONE_YET,
                    width=24,
                ),
                lines(
                    "Signal and bands",
                    "Of the chosen signal, in its own unit. Normal is within the bands; beyond one the "
                    "score reaches 0.5. Is it the market, the exchange, or us?",
                    (
                        f'anomaly:level{{{CHOSEN},signal=~"$signal"}}',
                        "{{exchange}} {{signal}} {{pair}}",
                    ),
                    (
                        f'anomaly:upper{{{CHOSEN},signal=~"$signal"}}',
                        "{{exchange}} {{signal}} {{pair}} upper",
                    ),
                    (
                        f'anomaly:lower{{{CHOSEN},signal=~"$signal"}}',
                        "{{exchange}} {{signal}} {{pair}} lower",
                    ),
                    overrides=(dashed("/ (upper|lower)$/"),),
                    width=24,
                    height=12,
                ),
            ),
        ),
    ),
    ("exchange", "signal"),
    chosen=(("exchange", "binance"), ("signal", "latency_p99")),
)
