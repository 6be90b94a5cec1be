"""``GET /sd``: Prometheus HTTP service discovery of all configured targets.

https://prometheus.io/docs/prometheus/latest/http_sd/
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from exporter.core.plan import Plan, TargetPlan

_LONGEST_INTERVAL = 120  # Prometheus forgets a series after 5 minutes; leave room for a lost scrape


def target_groups(plan: Plan, address: str, path: str, scheme: str = "") -> list[dict[str, Any]]:
    """One target group per target of the plan.

    ``address`` (host:port) and ``path`` are where Prometheus finds /probe; an empty ``scheme``
    leaves the choice to the scrape configuration.
    """
    common = {"__metrics_path__": path}
    if scheme:
        common["__scheme__"] = scheme
    return [
        {"targets": [address], "labels": {**common, **_labels(name, target)}}
        for name, target in plan.targets.items()
    ]


def _labels(name: str, plan: TargetPlan) -> Mapping[str, str]:
    interval = min(max(math.ceil(plan.interval), 1), _LONGEST_INTERVAL)
    timeout = min(max(math.ceil(plan.timeout + 1), 1), interval)
    return {
        "__param_target": name,
        "__scrape_interval__": f"{interval}s",
        "__scrape_timeout__": f"{timeout}s",
        "category": plan.category,
        **plan.target.labels,
    }
