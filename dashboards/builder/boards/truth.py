"""Is what the exchanges say true and fresh?"""

from __future__ import annotations

from dashboards.builder.board import Board
from dashboards.builder.panels import BAD, GOOD, WARN, bars, dashed, lines, timeline
from dashboards.builder.shared import AGE, CHOSEN, ENDPOINT, OFF_PRICE

# Links bring the exchange that is in question: what it has to be compared with is drawn beside it.
MEDIANS = (dashed("/median/"),)

TRUTH = Board(
    "exchange-truth",
    "Data quality",
    "Is what they say true and fresh?",
    (
        (
            "True",
            (
                lines(
                    "Price off the median",
                    "How far the worst price of each exchange is off the median of all, either way. "
                    "Normal is below 0.1 %. Beyond 1 % the alert fires: do not trade on it.",
                    (
                        "max by (exchange, pair) "
                        f"(abs(target:price_divergence:ratio{{{ENDPOINT}}}))",
                        "{{exchange}} {{pair}}",
                    ),
                    unit="percentunit",
                    decimals=2,
                    low=0,
                    steps=OFF_PRICE,
                ),
                timeline(
                    "Failing checks",
                    "By check. Normal is no line. While one fails, do not trade on that endpoint's "
                    "data.",
                    (
                        f"max by (exchange, endpoint, check) (exchange_check_failed{{{ENDPOINT}}} == 1)",
                        "{{exchange}} {{endpoint}} {{check}}",
                    ),
                    states={1: ("failed", BAD)},
                    empty="none seen",
                ),
                lines(
                    "Spread",
                    "From the best bid to the best ask, as part of the price; the mean of five "
                    "minutes. Normal is a few hundredths of a percent, near the median of its pair. "
                    "Above 0.2 % and ten medians the market is thin: trade less. Below 0 the book "
                    "is crossed.",
                    (
                        f"avg_over_time(exchange:spread_ratio:min{{{CHOSEN}}}[5m])",
                        "{{exchange}} {{pair}}",
                    ),
                    ('pair:spread_ratio:median{pair=~"$pair"}', "median of all {{pair}}"),
                    unit="percentunit",
                    steps=((None, GOOD), (0.002, WARN)),
                    overrides=MEDIANS,
                ),
                lines(
                    "Book levels",
                    "Of what is usual in six hours, on the thinner side. Normal is near 100 %. "
                    "Below 50 % the alert fires: large orders will move the price.",
                    (
                        f"min by (exchange) (target:book_levels:min{{{CHOSEN}}} "
                        f"/ target:book_levels:median6h{{{CHOSEN}}})",
                        "{{exchange}}",
                    ),
                    unit="percentunit",
                    decimals=0,
                    low=0,
                    worst="min",
                    steps=((None, BAD), (0.5, GOOD)),
                ),
                lines(
                    "Failures of data",
                    "Probes a second that were refused as untrue, stale or malformed. Normal is "
                    "none. The failing checks tell what was wrong.",
                    (
                        "sum by (exchange, reason) (rate(exchange_probe_failures_total{"
                        f'{ENDPOINT},reason=~"invalid_data|stale_data|malformed"}}[$__rate_interval])) > 0',
                        "{{exchange}} {{reason}}",
                    ),
                    unit="ops",
                    low=0,
                    empty="none seen",
                    interval="2m",
                    width=24,
                    height=6,
                ),
            ),
        ),
        (
            "Fresh",
            (
                lines(
                    "Age of data",
                    "How old answers were when they came, the oldest of each exchange. Normal is "
                    "below a few seconds; more where little is traded. One that only grows is "
                    "stale.",
                    (
                        f"max by (exchange) ({AGE})",
                        "{{exchange}}",
                    ),
                    (
                        "quantile(0.5, max by (exchange) (exchange_payload_age_seconds))",
                        "median of all",
                    ),
                    unit="s",
                    low=0,
                    height=7,
                    overrides=MEDIANS,
                ),
                bars(
                    "Oldest now",
                    "By the time stamps of the exchange itself. Normal is below a few seconds; more "
                    "where little is traded. Ask another endpoint of the same exchange.",
                    (
                        f"topk(8, max by (exchange, endpoint, pair) ({AGE}))",
                        "{{exchange}} {{endpoint}} {{pair}}",
                    ),
                    unit="s",
                    low=0,
                    height=7,
                ),
                lines(
                    "Unchanged for",
                    "How long an exchange has answered the same. Normal is seconds, near the "
                    "median. Minutes, while the others move, are a stale cache: use the stream.",
                    (
                        f"max by (exchange) (target:unchanged_seconds:min{{{ENDPOINT}}})",
                        "{{exchange}}",
                    ),
                    (
                        "quantile(0.5, max by (exchange) (target:unchanged_seconds:min))",
                        "median of all",
                    ),
                    unit="s",
                    low=0,
                    height=7,
                    overrides=MEDIANS,
                ),
                bars(
                    "Longest unchanged now",
                    "Endpoints whose answers are the same again and again. Normal is seconds, more "
                    "where little is traded. Do books and tickers stand still? Then it is a cache.",
                    (
                        f"topk(8, max by (exchange, endpoint, pair) (target:unchanged_seconds:min{{{ENDPOINT}}}))",
                        "{{exchange}} {{endpoint}} {{pair}}",
                    ),
                    unit="s",
                    low=0,
                    height=7,
                ),
                lines(
                    "Clock skew",
                    "The exchange's clock minus ours. Normal is within 0.1 s. If the median is off "
                    "by 1 s, ours is wrong: see to its time service.",
                    (f"exchange:clock_skew_seconds:avg{{{CHOSEN}}}", "{{exchange}}"),
                    ("prober:clock_skew_seconds:median", "median of all"),
                    unit="s",
                    height=7,
                    steps=((None, WARN), (-1, GOOD), (1, WARN)),
                    overrides=MEDIANS,
                ),
                bars(
                    "Furthest off now",
                    "Clocks of exchanges against ours, either way. Normal is within 0.1 s. One "
                    "alone refuses signed requests for their time; all alike: ours is wrong.",
                    (
                        f"topk(8, abs(exchange:clock_skew_seconds:avg{{{CHOSEN}}}))",
                        "{{exchange}}",
                    ),
                    unit="s",
                    low=0,
                    height=7,
                ),
            ),
        ),
    ),
    ("exchange", "endpoint", "pair"),
)
