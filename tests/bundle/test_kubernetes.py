"""The bundle as Kubernetes resources: the same files, in names and shapes that Kubernetes takes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from tests.bundle.changed import Place, changed
from tests.bundle.node import run, type_errors, write
from tests.bundle.rules import FILES, ROOT, document
from tests.server.fake_service import FakeService, healthy
from tests.server.running import fetch

Resource = dict[str, Any]

UNKNOWN: dict[str, tuple[str, Place]] = {
    "in a rule": ("PrometheusRule", ("spec", "groups", 0, "rules", 0)),
    "in a group": ("PrometheusRule", ("spec", "groups", 0)),
    "in a scrape configuration": ("ScrapeConfig", ("spec",)),
    "in service discovery": ("ScrapeConfig", ("spec", "httpSDConfigs", 0)),
    "in an endpoint": ("ServiceMonitor", ("spec", "endpoints", 0)),
    "in metadata": ("ConfigMap", ("metadata",)),
    "in a configuration map": ("ConfigMap", ()),
}
"""Where a key is that the operator or Kubernetes does not know."""

INVALID: dict[str, tuple[str, Place, Any]] = {
    "duration": ("ServiceMonitor", ("spec", "endpoints", 0, "interval"), "15 seconds"),
    "URL": ("ScrapeConfig", ("spec", "httpSDConfigs", 0, "url"), "exporter/sd"),
    "duration of a rule": ("PrometheusRule", ("spec", "groups", 0, "interval"), "soon"),
}
"""A value of the right type that the operator's own patterns refuse."""


def test_every_rule_file_becomes_a_resource() -> None:
    """Unchanged, with valid names, and with the labels that were asked for."""
    found = resources().values()
    rules = [it["spec"]["groups"] for it in found if it["kind"] == "PrometheusRule"]
    assert len(rules) == len(FILES)
    assert all(document(file)["groups"] in rules for file in FILES)
    names = [it["metadata"]["name"] for it in found]
    assert all(re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", name) for name in names)
    assert all(it["metadata"]["labels"]["release"] == "mine" for it in found)
    assert {it["kind"] for it in found} >= {"PrometheusRule", "ScrapeConfig", "ServiceMonitor"}


def test_every_resource_is_what_the_operator_takes(tmp_path: Path) -> None:
    """No key is unknown (the types see to that), and values have the form they must have."""
    sources = {name: module(resource) for name, resource in resources().items()}
    files = write(tmp_path, {**sources, "all": "".join(f'import "./{n}.mts";' for n in sources)})
    assert not type_errors(*files)
    assert not run(files[-1])


def test_the_exporter_is_the_same_instance_as_its_targets() -> None:
    """ExchangeTargetsNotScraped compares by it how many there are and how many are scraped."""
    (discovery,) = first("ScrapeConfig")["spec"]["httpSDConfigs"]
    host = urlsplit(discovery["url"]).netloc
    found = json.loads(fetch(FakeService([healthy("okx/ping")]), "/sd", Host=host).text)
    (endpoint,) = first("ServiceMonitor")["spec"]["endpoints"]
    (relabeling,) = endpoint["relabelings"]
    assert relabeling == {"targetLabel": "instance", "replacement": found[0]["targets"][0]}


@pytest.mark.parametrize("place", UNKNOWN)
def test_an_unknown_key_is_an_error(place: str, tmp_path: Path) -> None:
    """And the only one."""
    kind, inside = UNKNOWN[place]
    resource = changed(first(kind), (*inside, "kez"), {})
    (error,) = type_errors(*write(tmp_path, {"it": module(resource)}))
    assert "'\"kez\"' does not exist" in error


@pytest.mark.parametrize("value", INVALID)
def test_an_invalid_value_is_an_error(value: str, tmp_path: Path) -> None:
    """Though its type is right."""
    kind, place, invalid = INVALID[value]
    (file,) = write(tmp_path, {"it": module(changed(first(kind), place, invalid))})
    assert not type_errors(file)
    assert "ValidationError" in run(file)


@cache
def resources() -> dict[str, Resource]:
    """Name -> resource. No two have the same, be it of another kind."""
    command = [sys.executable, str(ROOT / "docs" / "kubernetes.py"), "--label", "release=mine"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = list(yaml.safe_load_all(done.stdout))
    names = [it["metadata"]["name"] for it in found]
    assert len(set(names)) == len(names)
    return dict(zip(names, found, strict=True))


def module(resource: Resource) -> str:
    """A module that states the type of a resource and validates it when it is run."""
    version, kind = resource["apiVersion"], resource["kind"]
    models = "@kubernetes-models/prometheus-operator" if "/" in version else "kubernetes-models"
    return (
        f'import {{ {kind}, type I{kind} }} from "{models}/{version}/{kind}";\n'
        f"const resource: I{kind} = {json.dumps(resource, indent=1)};\n"
        f"new {kind}(resource).validate();\n"
    )


def first(kind: str) -> Resource:
    """The first resource of a kind."""
    return next(it for it in resources().values() if it["kind"] == kind)
