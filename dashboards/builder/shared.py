"""Selectors, scales and states that several boards share. Thresholds are those of the rules."""

from __future__ import annotations

from builder.panels import BAD, GOOD, WARN

ALL = 'job=~"$job",exchange=~"$exchange"'
RECORDED = 'exchange=~"$exchange"'
ENDPOINT = f'{ALL},endpoint=~"$endpoint",pair=~"$pair"'
ON_OFF = {0: ("no", BAD), 1: ("yes", GOOD)}

RATIO_GOOD = ((None, BAD), (0.9, WARN), (0.99, GOOD))
BURN = ((None, GOOD), (1.0, WARN), (14.4, BAD))
SCORE = ((None, GOOD), (0.5, WARN))
USED = ((None, GOOD), (0.4, WARN), (0.8, BAD))
SLOW = ((None, GOOD), (1.0, WARN), (1.5, BAD))
ENDPOINT_SLOW = ((None, GOOD), (1.0, WARN))
LATE = ((None, GOOD), (120.0, WARN))

ALERTS = 'ALERTS{alertstate="firing",severity=~"warning|critical|emergency"}'
