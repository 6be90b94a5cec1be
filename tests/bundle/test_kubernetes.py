"""The bundle as Kubernetes resources: the same files, in names that Kubernetes takes."""

from __future__ import annotations

import re
import subprocess
import sys

import yaml

from tests.bundle.rules import FILES, ROOT, document


def test_every_rule_file_becomes_a_resource() -> None:
    """Unchanged, with valid names, and with the labels that were asked for."""
    command = [sys.executable, str(ROOT / "docs" / "kubernetes.py"), "--label", "release=mine"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = list(yaml.safe_load_all(done.stdout))
    rules = [it["spec"]["groups"] for it in found if it["kind"] == "PrometheusRule"]
    assert len(rules) == len(FILES)
    assert all(document(file)["groups"] in rules for file in FILES)
    names = [it["metadata"]["name"] for it in found]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", name) for name in names)
    assert all(it["metadata"]["labels"]["release"] == "mine" for it in found)
    assert {it["kind"] for it in found} >= {"PrometheusRule", "ScrapeConfig", "ServiceMonitor"}
