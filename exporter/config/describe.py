"""What the catalog knows, as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from exporter.config.document import Document


def describe_catalog(catalog: Mapping[str, Document]) -> str:
    """One line an exchange."""
    lines = [f"{'EXCHANGE':<14} {'CATEGORY':<12} {'TITLE':<24} ENDPOINTS"]
    for name, document in sorted(catalog.items()):
        facts = document.data
        endpoints = " ".join(facts["endpoints"])
        lines.append(f"{name:<14} {facts['category']:<12} {facts['title']:<24} {endpoints}")
    return "\n".join(lines) + "\n"


def describe_exchange(facts: Mapping[str, Any]) -> str:
    """Everything a person wants to know of one exchange before probing it."""
    return "\n".join(_exchange_lines(facts)) + "\n"


def _exchange_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    yield f"{facts['title']} ({facts['name']}), {facts['category']}"
    yield f"  REST  {facts['base_url']}"
    yield f"  docs  {facts['docs']}"
    yield ""
    yield "Limits"
    for name, limit in facts["limits"].items():
        counted = limit["scope"] + (" and pair" if limit.get("per_pair") else "")
        headers = ", ".join(
            f"{role} in {header}"
            for role, header in limit.get("headers", {}).items()
            if role != "reset_unit"
        )
        yield (
            f"  {name:<16} {limit['capacity']:g} in {limit['window']} by {counted}"
            + (f" ({headers})" if headers else "")
        )
    yield ""
    yield "Endpoints"
    for name, endpoint in facts["endpoints"].items():
        query = "&".join(f"{key}={value}" for key, value in endpoint.get("params", {}).items())
        charges = {**facts["cost"], **endpoint.get("cost", {})}
        costs = ", ".join(f"{cost:g} of {limit}" for limit, cost in charges.items() if cost)
        yield f"  {name:<12} {endpoint['path']}{'?' + query if query else ''}"
        yield f"  {'':<12} costs {costs or 'nothing'}"
    yield from _stream_lines(facts.get("streams", {}))
    yield ""
    yield "Errors"
    envelope = facts["envelope"]
    for kind in ("codes", "statuses"):
        for code, rule in envelope.get(kind, {}).items():
            meaning = rule if isinstance(rule, str) else rule["meaning"]
            yield f"  {'HTTP ' if kind == 'statuses' else ''}{code!s:<32} {meaning}"


def _stream_lines(streams: Mapping[str, Any]) -> Iterator[str]:
    if not streams:
        return
    yield ""
    yield "Streams"
    if why := streams.get("unsupported"):
        yield f"  not supported: {why}"
        return
    for name, channel in streams.get("channels", {}).items():
        sequence = channel.get("sequence", {}).get("rule", "no")
        yield f"  {name:<12} {channel.get('url', streams['url'])}"
        yield f"  {'':<12} silent for up to {channel['max_gap']}, {sequence} sequence"
    if connects := streams.get("connects"):
        yield f"  {connects['capacity']:g} connections in {connects['window']} by ip"
