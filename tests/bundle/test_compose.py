"""docker-compose.yml: what it names exists, agrees with the other files and has good manners."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.config.document import parse_document
from exporter.config.loader import config_from, shipped_catalog
from exporter.config.plan import build_plan
from exporter.receiver.config import load_settings
from tests.bundle.rules import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_keeps_to_good_manners(name: str) -> None:
    """A pinned image, no privileges, a read-only file system, bounded memory."""
    service = SERVICES[name]
    assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+(\.\d+)?", service["image"])
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    built = "build" in service  # the Dockerfile has a user and, for the exporter, a health check
    assert built or service["user"].split(":")[0] not in ("", "0", "root")
    assert name in ("network", "exporter") or "healthcheck" in service


def test_all_ports_are_open_to_this_machine_only() -> None:
    """And there is one network, so that every file is the one that runs without containers."""
    for name, service in SERVICES.items():
        if name != "network":
            assert service["network_mode"] == "service:network"
            assert "ports" not in service
    ports = SERVICES["network"]["ports"]
    assert all(re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port) for port in ports)
    assert len(set(ports)) == len(ports)


def test_ports_agree_across_files() -> None:
    """Those of the sample configuration are those that are open."""
    open_ports = {port.rpartition(":")[2] for port in SERVICES["network"]["ports"]}
    files = (
        "rules/prometheus.yml",
        "dashboards/provisioning/datasources/prometheus.yml",
        "docker-compose.yml",
        "Dockerfile",
    )
    for file in files:
        text = (ROOT / file).read_text(encoding="utf-8")
        assert set(re.findall(r"localhost:(\d+)", text)) <= open_ports, file


def test_everything_that_is_mounted_exists() -> None:
    """Folders of the repository, declared volumes and declared configurations."""
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            exists = (ROOT / source).exists() if source.startswith(".") else False
            assert exists or source in COMPOSE["volumes"], volume
        for config in service.get("configs", ()):
            assert config["source"] in COMPOSE["configs"]
        depends = service.get("depends_on", ())
        assert set(depends) <= set(SERVICES)


@pytest.mark.parametrize("name", ["real", "simulated"])
def test_configurations_of_the_exporter_are_accepted(name: str) -> None:
    """Both probe every exchange that ships; the simulated one at the simulator only."""
    text = COMPOSE["configs"][name]["content"]
    plan = build_plan(config_from(parse_document(text, name), None, {}))
    assert {target.target.exchange for target in plan.targets.values()} == set(shipped_catalog())
    urls = {target.request(0.0).url.split("/")[2] for target in plan.targets.values()}
    assert (urls == {"localhost:9928"}) is (name == "simulated")


def test_the_switch_names_a_configuration_for_each_of_its_values() -> None:
    """EXCHANGES=simulated or real."""
    (argument,) = SERVICES["exporter"]["command"]
    assert argument == "--config.file=/etc/exchange-exporter/${EXCHANGES:-simulated}.yml"
    targets = {Path(it["target"]).stem for it in SERVICES["exporter"]["configs"]}
    assert targets == {"real", "simulated"}


def test_the_configuration_of_the_receiver_is_accepted(tmp_path: Path) -> None:
    """With the keys that it knows."""
    file = tmp_path / "receiver.yml"
    file.write_text(COMPOSE["configs"]["receiver"]["content"], encoding="utf-8")
    settings, _ = load_settings(file)
    assert settings.prometheus == "http://localhost:9090"
