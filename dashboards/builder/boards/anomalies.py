"""The board anomalies."""

from __future__ import annotations

from builder.board import Board
from builder.panels import BAD, GOOD, bars, lines, timeline
from builder.shared import RECORDED, SCORE

ANOMALIES = Board(
    "exchange-anomalies",
    "Anomalies",
    "What is unusual for this exchange, and since when?",
    (
        (
            "Scores",
            (
                lines(
                    "Score",
                    "Of each signal. From 0.5 on it is an anomaly. Absent for two days at first.",
                    (
                        f'anomaly:score{{{RECORDED},signal=~"$signal"}}',
                        "{{exchange}} {{signal}} {{pair}}",
                    ),
                    low=0,
                    high=1,
                    steps=((None, GOOD), (0.5, BAD)),
                    width=16,
                ),
                bars(
                    "Highest now",
                    "The highest score of each exchange.",
                    (f"exchange:anomaly_score:max{{{RECORDED}}}", "{{exchange}}"),
                    low=0,
                    high=1,
                    steps=SCORE,
                    width=8,
                ),
                timeline(
                    "Anomalous",
                    "When each signal was.",
                    (
                        f'anomaly:flag{{{RECORDED},signal=~"$signal"}} == 1',
                        "{{exchange}} {{signal}} {{pair}}",
                    ),
                    states={1: ("anomalous", BAD)},
                    width=24,
                ),
            ),
        ),
        (
            "Signals and their bands",
            (
                lines(
                    "Signal and bands",
                    "Choose one exchange and one signal. Beyond a band the score reaches 0.5.",
                    (
                        f'anomaly:level{{{RECORDED},signal=~"$signal"}}',
                        "{{exchange}} {{signal}} {{pair}}",
                    ),
                    (
                        f'anomaly:upper{{{RECORDED},signal=~"$signal"}}',
                        "{{exchange}} {{signal}} upper",
                    ),
                    (
                        f'anomaly:lower{{{RECORDED},signal=~"$signal"}}',
                        "{{exchange}} {{signal}} lower",
                    ),
                    width=24,
                    height=12,
                ),
            ),
        ),
    ),
    ("job", "exchange", "signal"),
)
