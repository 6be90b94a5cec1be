"""All boards, in the order in which they are read."""

from __future__ import annotations

from builder.boards.alerting import ALERTING
from builder.boards.anomalies import ANOMALIES
from builder.boards.detail import DETAIL
from builder.boards.exporter import EXPORTER
from builder.boards.limits import LIMITS
from builder.boards.overview import OVERVIEW
from builder.boards.slo import SLO
from builder.boards.streams import STREAMS
from builder.boards.truth import TRUTH

BOARDS = (OVERVIEW, DETAIL, TRUTH, LIMITS, STREAMS, ANOMALIES, ALERTING, EXPORTER, SLO)
