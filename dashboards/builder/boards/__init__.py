"""All boards, in the order in which they are read."""

from __future__ import annotations

from dashboards.builder.boards.alerting import ALERTING
from dashboards.builder.boards.anomalies import ANOMALIES
from dashboards.builder.boards.detail import DETAIL
from dashboards.builder.boards.exporter import EXPORTER
from dashboards.builder.boards.limits import LIMITS
from dashboards.builder.boards.overview import OVERVIEW
from dashboards.builder.boards.slo import SLO
from dashboards.builder.boards.streams import STREAMS
from dashboards.builder.boards.truth import TRUTH

BOARDS = (OVERVIEW, DETAIL, TRUTH, LIMITS, STREAMS, ANOMALIES, ALERTING, EXPORTER, SLO)
