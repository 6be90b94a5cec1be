"""Write the bundle as Kubernetes resources: ``python docs/kubernetes.py [--namespace NAME]``.

PrometheusRule, ScrapeConfig and ServiceMonitor are those of the Prometheus Operator
(https://prometheus-operator.dev/docs/api-reference/api/); dashboards become ConfigMaps that the
sidecar of Grafana finds by their label.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
PORT = 9927
APP = "exchange-exporter"

Resource = dict[str, Any]


def resources(namespace: str, labels: dict[str, str]) -> Iterator[Resource]:
    """All resources. ``labels`` are added to each, for a Prometheus that selects by them."""
    address = f"{APP}.{namespace}.svc:{PORT}"
    for kind in ("recording", "alerts"):
        for file in sorted((ROOT / "rules" / kind).glob("*.yml")):
            groups = yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
            metadata = _metadata(f"{APP}-{kind}-{file.stem}", namespace, labels)
            yield _resource("monitoring.coreos.com/v1", "PrometheusRule", metadata, groups=groups)
    yield _resource(
        "monitoring.coreos.com/v1alpha1",
        "ScrapeConfig",
        _metadata(f"{APP}-targets", namespace, labels),
        honorLabels=True,
        httpSDConfigs=[{"url": f"http://{address}/sd", "refreshInterval": "15s"}],
    )
    yield _resource(
        "monitoring.coreos.com/v1",
        "ServiceMonitor",
        _metadata(APP, namespace, labels),
        selector={"matchLabels": {"app.kubernetes.io/name": APP}},
        # The same instance as that of its targets: how many of them are scraped is compared by it.
        endpoints=[
            {
                "port": "http",
                "interval": "15s",
                "relabelings": [{"targetLabel": "instance", "replacement": address}],
            }
        ],
    )
    for file in sorted((ROOT / "dashboards").glob("*.json")):
        metadata = _metadata(
            f"{APP}-dashboard-{file.stem}", namespace, {**labels, "grafana_dashboard": "1"}
        )
        data = {file.name: file.read_text(encoding="utf-8")}
        yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def _metadata(name: str, namespace: str, labels: dict[str, str]) -> Resource:
    found = {"app.kubernetes.io/part-of": APP, **labels}
    return {"name": name, "namespace": namespace, "labels": found}


def _resource(version: str, kind: str, metadata: Resource, **spec: Any) -> Resource:
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def _label(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def main() -> None:
    """Print them as one stream of YAML documents."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--namespace", default="monitoring")
    parser.add_argument("--label", action="append", default=[], metavar="NAME=VALUE", type=_label)
    options = parser.parse_args()
    labels = dict(options.label)
    yaml.safe_dump_all(
        resources(options.namespace, labels), sys.stdout, sort_keys=False, allow_unicode=True
    )


if __name__ == "__main__":
    main()
