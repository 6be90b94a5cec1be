"""The two exposition formats: the Prometheus text format 0.0.4 and OpenMetrics 1.0.

Sample lines are the same in both; only the names in the headers of counters and the end differ.
Values are written by ``repr``, whose forms (``1e-07``, ``inf``, ``nan``) both formats accept.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from exporter.metrics.family import Family, Kind

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
"""The content types of the formats."""

END = "# EOF\n"
"""The last line of an OpenMetrics exposition."""


@lru_cache(maxsize=1024)
def escape(text: str) -> str:
    """A label value, or an OpenMetrics help text, as it stands between quotes.

    Cached, because all of them come from the configuration or from closed sets.
    """
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def labelled(labels: Mapping[str, str]) -> str:
    """Labels as they stand between braces."""
    return ",".join(f'{name}="{escape(value)}"' for name, value in labels.items())


def header(family: Family, openmetrics: bool) -> str:
    """The HELP and TYPE lines of a family."""
    name, text = family.name, family.help
    if openmetrics:
        name = name.removesuffix("_total") if family.kind is Kind.COUNTER else name
        text = escape(text)
    else:
        text = text.replace("\\", r"\\").replace("\n", r"\n")
    return f"# HELP {name} {text}\n# TYPE {name} {family.kind}\n"
