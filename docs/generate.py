"""Writes the reference pages that are bound to the code: run ``python -m docs.generate``.

A test compares the pages with what this would write, so they cannot drift apart.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from docs.metrics_page import document, section
from exporter.config import schedule
from exporter.config.schema_check import load_schema
from exporter.core.checks import CHECKS
from exporter.receiver.metrics import SECTION as RECEIVER
from exporter.simulator.faults import FAULTS, Parameter
from exporter.simulator.scenario import load_scenario, shipped

HERE = Path(__file__).parent


def pages() -> dict[str, str]:
    """File name → content of every generated page."""
    return {
        "metrics.md": document(),
        "receiver.metrics.md": receiver_metrics_page(),
        "checks.md": checks_page(),
        "configuration.md": configuration_page(),
        "simulator.md": simulator_page(),
    }


def receiver_metrics_page() -> str:
    """What the receiver says of itself at /metrics."""
    head = "# Metrics of the receiver\n\n<!-- Written by docs/generate.py. -->\n"
    return f"{head}\n{section(*RECEIVER)}"


def checks_page() -> str:
    """Every check with its parameters, from the table of checks."""
    return "\n".join(_checks_lines()) + "\n"


def _checks_lines() -> Iterator[str]:
    yield "# Checks"
    yield ""
    yield "<!-- Written by docs/generate.py from exporter/core/checks. -->"
    yield ""
    yield (HERE / "checks.intro.md").read_text(encoding="utf-8").strip()
    yield ""
    yield "| check | reason of a failure | gate |"
    yield "|---|---|---|"
    for check in CHECKS.values():
        gate = "yes" if check.gate else ""
        yield f"| [{check.name}](#{check.name}) | `{check.reason}` | {gate} |"
    for check in CHECKS.values():
        yield ""
        yield f"## {check.name}"
        yield ""
        yield check.help
        if check.parameters:
            yield ""
            yield "| parameter | kind | default | meaning |"
            yield "|---|---|---|---|"
        for parameter in check.parameters:
            default = f"{parameter.default:g}" + (" s" if parameter.kind == "duration" else "")
            yield f"| `{parameter.name}` | {parameter.kind} | {default} | {parameter.help} |"


def configuration_page() -> str:
    """Every key of exporter.yml, from its JSON Schema."""
    return "\n".join(_configuration_lines()) + "\n"


def _configuration_lines() -> Iterator[str]:
    schema = load_schema("exporter")
    yield "# Configuration"
    yield ""
    yield "<!-- Written by docs/generate.py from exporter/config/schema/exporter.schema.json. -->"
    yield ""
    yield (HERE / "configuration.intro.md").read_text(encoding="utf-8").strip()
    yield ""
    yield "## Keys"
    yield ""
    yield "| key | value | default | meaning |"
    yield "|---|---|---|---|"
    yield from _key_lines(schema, schema["properties"], "")
    yield ""
    yield "Checks and their parameters: [checks.md](checks.md)."
    yield ""
    yield "## How often a target is probed by default"
    yield ""
    yield "Exchanges (`spot`, `derivatives`), by endpoint:"
    yield ""
    yield "| endpoint | interval |"
    yield "|---|---|"
    for name, seconds in schedule.ENDPOINT_INTERVALS.items():
        yield f"| {name} | {seconds:g} s |"
    yield ""
    yield "Everything else, by category:"
    yield ""
    yield "| category | interval |"
    yield "|---|---|"
    for name, seconds in schedule.CATEGORY_INTERVALS.items():
        yield f"| {name} | {seconds:g} s |"


def _key_lines(
    schema: Mapping[str, Any], properties: Mapping[str, Any], prefix: str
) -> Iterator[str]:
    for name, given in properties.items():
        spec = _resolved(schema, given)
        key = f"{prefix}{name}"
        default = f"`{_shown(spec['default'])}`" if "default" in spec else ""
        yield f"| `{key}` | {_value(spec)} | {default} | {spec.get('description', '')} |"
        if spec.get("description", "").startswith("check →") or "checks" in name:
            continue
        yield from _key_lines(schema, spec.get("properties", {}), f"{key}.")
        if isinstance(more := spec.get("additionalProperties"), dict):
            more = _resolved(schema, more)
            entry = "ENDPOINT" if name == "options" else "NAME"
            yield from _key_lines(schema, more.get("properties", {}), f"{key}.{entry}.")


def _shown(default: object) -> str:
    """As YAML has it."""
    return default if isinstance(default, str) else json.dumps(default)


def _resolved(schema: Mapping[str, Any], spec: Mapping[str, Any]) -> dict[str, Any]:
    if "$ref" not in spec:
        return dict(spec)
    target = schema["$defs"][spec["$ref"].rpartition("/")[2]]
    return {**target, **{key: value for key, value in spec.items() if key != "$ref"}}


def _value(spec: Mapping[str, Any]) -> str:
    if "enum" in spec:
        return ", ".join(f"`{value}`" for value in spec["enum"])
    if "oneOf" in spec:
        return "`{file: …}` or `{env: …}`"
    if "anyOf" in spec:
        return "duration"
    kind = spec.get("type", "object")
    return str(kind[0] if isinstance(kind, list) else kind)


def simulator_page() -> str:
    """How to rehearse, the shipped scenarios, and every fault."""
    return "\n".join(_simulator_lines()) + "\n"


def _simulator_lines() -> Iterator[str]:
    yield "# Simulator"
    yield ""
    yield "<!-- Written by docs/generate.py from exporter/simulator. -->"
    yield ""
    yield (HERE / "simulator.intro.md").read_text(encoding="utf-8").strip()
    yield ""
    yield "These ship:"
    yield ""
    yield "| scenario | length | what happens |"
    yield "|---|---|---|"
    for name in shipped():
        scenario = load_scenario(name)
        yield f"| `{name}` | {scenario.length / 60:g} min | {scenario.about} |"
    yield ""
    yield (HERE / "simulator.ports.md").read_text(encoding="utf-8").strip()
    yield ""
    yield "## Faults"
    yield ""
    yield "| fault | what it does | parameters |"
    yield "|---|---|---|"
    for name, fault in FAULTS.items():
        parameters = ", ".join(_parameter(*item) for item in fault.parameters.items())
        needs = f" (needs `{fault.needs}`)" if fault.needs else ""
        yield f"| `{name}` | {fault.summary}{needs} | {parameters} |"


def _parameter(name: str, parameter: Parameter) -> str:
    default = parameter.default
    shown = default if isinstance(default, str) else f"{default:g}"
    others = [choice for choice in parameter.choices if choice != default]
    more = f" (or {', '.join(others)})" if others else ""
    return f"`{name}` = {shown}{more}" if shown else f"`{name}`"


if __name__ == "__main__":
    for page, content in pages().items():
        (HERE / page).write_text(content, encoding="utf-8")
