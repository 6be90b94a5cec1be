"""Asks Prometheus the fixed queries of an incident: in bounded time, of bounded size."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping
from typing import Any

import aiohttp

from exporter.receiver.model import Sample, Snapshot

DEADLINE = 5.0  # seconds for all queries of an incident together
MAX_SAMPLES = 30
_MAX_BYTES = 1_048_576
_AT_ONCE = 4
_MAX_LABEL = 200


async def take(
    session: aiohttp.ClientSession, prometheus: str, queries: Mapping[str, str], now: float
) -> tuple[Snapshot, ...]:
    """The snapshots of ``queries`` (name → PromQL) at ``now``; what fails says why in ``error``."""
    slots = asyncio.Semaphore(_AT_ONCE)
    try:
        async with asyncio.timeout(DEADLINE), asyncio.TaskGroup() as group:
            tasks = {
                name: group.create_task(_one(session, prometheus, name, query, now, slots))
                for name, query in queries.items()
            }
    except TimeoutError:
        pass
    return tuple(
        tasks[name].result()
        if tasks[name].done() and not tasks[name].cancelled()
        else Snapshot(name, query, error="timeout")
        for name, query in queries.items()
    )


async def _one(
    session: aiohttp.ClientSession,
    prometheus: str,
    name: str,
    query: str,
    now: float,
    slots: asyncio.Semaphore,
) -> Snapshot:
    url = f"{prometheus.rstrip('/')}/api/v1/query"
    form = {"query": query, "time": f"{now:.3f}", "timeout": f"{DEADLINE:g}s"}
    try:
        async with slots, session.post(url, data=form, allow_redirects=False) as response:
            raw = await _body(response)
            status = response.status
    except (aiohttp.ClientError, OSError, ValueError):
        return Snapshot(name, query, error="unreachable")
    if status != 200:
        return Snapshot(name, query, error=f"status {status}")
    samples = read_samples(raw)
    if samples is None:
        return Snapshot(name, query, error="malformed")
    return Snapshot(name, query, samples)


async def _body(response: aiohttp.ClientResponse) -> bytes:
    raw = bytearray()
    async for chunk in response.content.iter_chunked(65_536):
        raw += chunk
        if len(raw) > _MAX_BYTES:
            break
    return bytes(raw)


def read_samples(raw: bytes) -> tuple[Sample, ...] | None:
    """The samples of an answer to an instant query; None if it is none. Any bytes have a result."""
    try:
        data = json.loads(raw)["data"]
        kind, result = data["resultType"], data["result"]
        rows = [{"metric": {}, "value": result}] if kind == "scalar" else result[:MAX_SAMPLES]
        found = [_sample(row) for row in rows] if kind in ("scalar", "vector") else None
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        return None
    return None if found is None else tuple(it for it in found if math.isfinite(it.value))


def _sample(row: Mapping[str, Any]) -> Sample:
    labels = {
        str(name): str(value)[:_MAX_LABEL]
        for name, value in row["metric"].items()
        if name != "__name__"
    }
    return Sample(labels, float(row["value"][1]))
