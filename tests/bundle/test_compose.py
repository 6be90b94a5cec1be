"""docker-compose.yml: what it names exists, agrees with the other files and has good manners."""

from __future__ import annotations

import re
import subprocess
import sys
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
BUILDERS = {it["image"]: name for name, it in SERVICES.items() if "build" in it}
"""Image -> the service that builds it."""

CONFIGS = ROOT / "docs" / "compose"


def test_it_is_what_the_compose_specification_says() -> None:
    """By its schema, in which unknown keys are errors."""
    assert schema_errors(ROOT / "docker-compose.yml") == ""


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("cap_drop:", "drop_caps:"), ("cpus: 1", "cpus: [1]"), ("max-size: 10m", "max-size: [10]")],
)
def test_what_the_specification_does_not_know_is_an_error(
    right: str, wrong: str, tmp_path: Path
) -> None:
    """A key or a value."""
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    assert right in text
    file = tmp_path / "docker-compose.yml"
    file.write_text(text.replace(right, wrong), encoding="utf-8")
    assert "Schema validation errors were encountered" in schema_errors(file)


def schema_errors(file: Path) -> str:
    """What check-jsonschema has against a compose file."""
    schema = "--builtin-schema=vendor.compose-spec"
    command = [sys.executable, "-m", "check_jsonschema", schema, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""


def test_nothing_is_written_into_a_container_that_cannot_be_written_to() -> None:
    """Compose refuses inline configs and secrets of read-only services (docker/compose#12031)."""
    assert inline(COMPOSE) == []
    assert inline({"configs": {"here": {"content": "x"}, "there": {"file": "x"}}}) == ["here"]


def inline(document: dict[str, Any]) -> list[str]:
    """Names of the configs and secrets that are no files."""
    found = {**document.get("configs", {}), **document.get("secrets", {})}
    return [name for name, it in found.items() if "file" not in it]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_keeps_to_good_manners(name: str) -> None:
    """A pinned image, no privileges, a read-only file system, bounded memory."""
    service = SERVICES[name]
    assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+(\.\d+)?", service["image"])
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    # The Dockerfile has a user and, for the exporter, a health check.
    built = service["image"] in BUILDERS
    assert built or service["user"].split(":")[0] not in ("", "0", "root")
    assert name in ("network", "exporter") or "healthcheck" in service


def test_an_image_is_built_once_and_there_before_it_is_needed() -> None:
    """Builds at the same time collide; who does not build pulls nothing and waits for who does."""
    assert sum("build" in it for it in SERVICES.values()) == len(BUILDERS) == 1
    for name, service in SERVICES.items():
        if "build" not in service and service["image"] in BUILDERS:
            assert service["pull_policy"] == "never"
            assert BUILDERS[service["image"]] in needed_by(name)


def needed_by(name: str) -> set[str]:
    """What starts before a service."""
    direct = set(SERVICES[name].get("depends_on", ()))
    return direct.union(*(needed_by(other) for other in direct))


def test_real_and_simulated_exchanges_share_no_history() -> None:
    """Neither in the exporter's state nor in Prometheus."""
    (path,) = (it for it in SERVICES["prometheus"]["command"] if "tsdb.path" in it)
    assert path == "--storage.tsdb.path=/prometheus/${EXCHANGES:-simulated}"
    states = [
        parse_document((CONFIGS / f"{name}.yml").read_text(encoding="utf-8"), name).data["state"]
        for name in ("real", "simulated")
    ]
    assert states[0] != states[1]


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
        *(f"docs/compose/{file.name}" for file in CONFIGS.glob("*.yml")),
    )
    for file in files:
        text = (ROOT / file).read_text(encoding="utf-8")
        assert set(re.findall(r"(?:localhost|127\.0\.0\.1):(\d+)\b(?!:)", text)) <= open_ports, file


def test_everything_that_is_mounted_exists() -> None:
    """Folders of the repository and declared volumes."""
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            exists = (ROOT / source).exists() if source.startswith(".") else False
            assert exists or source in COMPOSE["volumes"], volume
        assert set(service.get("depends_on", ())) <= set(SERVICES)


def test_every_configuration_that_a_command_names_is_mounted() -> None:
    """Where the container finds it, for each value of the switch EXCHANGES."""
    for service in SERVICES.values():
        mounts = [volume.split(":")[:2] for volume in service.get("volumes", ())]
        for argument in service.get("command", ()):
            if not argument.startswith("--config.file="):
                continue
            for switch in ("simulated", "real"):
                path = Path(argument.partition("=")[2].replace("${EXCHANGES:-simulated}", switch))
                (folder,) = [host for host, inside in mounts if inside == str(path.parent)]
                assert (ROOT / folder / path.name).is_file()


def test_no_server_listens_where_forwarded_ports_do_not_arrive() -> None:
    """On loopback, which is what the simulator does unless it is told."""
    command = SERVICES["simulator"]["command"]
    assert command == ["simulate", "--web.listen-address=:9928"]
    assert not [
        it for service in SERVICES.values() for it in service.get("command", ()) if "127." in it
    ]


@pytest.mark.parametrize("name", ["real", "simulated"])
def test_configurations_of_the_exporter_are_accepted(name: str) -> None:
    """Both probe every exchange that ships; the simulated one at the simulator only."""
    text = (CONFIGS / f"{name}.yml").read_text(encoding="utf-8")
    plan = build_plan(config_from(parse_document(text, name), None, {}))
    assert {target.target.exchange for target in plan.targets.values()} == set(shipped_catalog())
    urls = {target.request(0.0).url.split("/")[2] for target in plan.targets.values()}
    assert (urls == {"localhost:9928"}) is (name == "simulated")


@pytest.mark.parametrize("enabled", [False, True])
def test_the_configuration_of_the_receiver_is_accepted(tmp_path: Path, enabled: bool) -> None:
    """With the keys that it knows; with the token of its channel once that is enabled."""
    secrets = "/etc/alertmanager/secrets"
    text = (CONFIGS / "receiver.yml").read_text(encoding="utf-8")
    assert f"./alertmanager/secrets:{secrets}:ro" in SERVICES["receiver"]["volumes"]
    if enabled:
        text = text.replace("#triage ", "").replace(secrets, str(tmp_path))
        (tmp_path / "triage_token").write_text("secret", encoding="utf-8")
    file = tmp_path / "receiver.yml"
    file.write_text(text, encoding="utf-8")
    settings, secret = load_settings(file)
    assert settings.prometheus == "http://localhost:9090"
    assert [it.value for it in secret] == ["secret"] * enabled
