"""Every metric of the exporter: declared in one table, kept and rendered here.

``families`` declares them, ``probe`` keeps and renders those of the targets, ``own`` those of the
exporter itself. docs/metrics.md is written from the declarations.
"""

from exporter.metrics.exposition import OPENMETRICS, TEXT
from exporter.metrics.families import FAMILIES, TARGET_LABELS
from exporter.metrics.family import Family, Kind
from exporter.metrics.own import OwnMetrics
from exporter.metrics.probe import ProbeMetrics

__all__ = [
    "FAMILIES",
    "OPENMETRICS",
    "TARGET_LABELS",
    "TEXT",
    "Family",
    "Kind",
    "OwnMetrics",
    "ProbeMetrics",
]
