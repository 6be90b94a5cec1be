"""Snapshots: fixed queries, asked in bounded time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from exporter.metrics import families
from exporter.metrics.family import Family
from exporter.receiver import snapshots
from exporter.receiver.minds import SHIPPED_RUNBOOKS, build_minds, read_runbooks
from exporter.receiver.model import Incident, Snapshot
from exporter.receiver.queries import MAX_QUERIES, all_queries, queries_of
from exporter.receiver.recorder import NoRecorder
from exporter.receiver.settings import Settings
from tests.bundle.rules import alerts, recordings
from tests.receiver.incidents import NOW, evidence, firing

_SERIES = re.compile(r"\b(?:[a-z_]+:[a-z0-9_:]+|exchange_\w+|probe_\w+)\b")


def test_every_query_names_series_that_exist() -> None:
    """Recorded by the rules, or exported."""
    declared = {it.name for it in vars(families).values() if isinstance(it, Family)}
    known = {rule.name for rule in recordings()} | declared
    named = {name for query in all_queries() for name in _SERIES.findall(query)}
    assert named - known == set()


def test_every_alert_has_bounded_queries() -> None:
    """Also if all of them fire at once."""
    every = tuple(
        firing(rule.name, severity=rule.labels["severity"], area=rule.labels["area"])
        for rule in alerts()
    )
    assert len(queries_of(Incident("k", "okx", every))) <= MAX_QUERIES
    assert all(queries_of(Incident("k", "okx", (one,))) for one in every)


def test_an_exchange_cannot_break_out_of_its_string() -> None:
    """A label may say anything."""
    query = queries_of(Incident("k", 'x"} or up{a="', (firing(),)))["status"]
    assert query == 'exchange:status{exchange="x\\"} or up{a=\\""}'


def test_without_an_exchange_only_general_queries_are_asked() -> None:
    """There is nothing to put in."""
    queries = queries_of(Incident("k", "", (firing(area="data"),)))
    assert queries
    assert not any("$exchange" in query or 'exchange=""' in query for query in queries.values())


def test_own_queries_come_beside_the_shipped_ones() -> None:
    """And before them, if they have the same name."""
    own = {"ExchangeDown": {"mine": "up{x=$exchange}", "requests": "vector(1)"}}
    queries = queries_of(Incident("k", "okx", (firing(),)), own)
    assert (queries["mine"], queries["requests"]) == ('up{x="okx"}', "vector(1)")


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def taken(handler: Handler, queries: dict[str, str]) -> tuple[Snapshot, ...]:
    """What comes of these queries at a Prometheus that behaves like this."""

    async def run() -> tuple[Snapshot, ...]:
        app = web.Application()
        app.router.add_post("/api/v1/query", handler)
        runner = web.AppRunner(app, shutdown_timeout=0.01)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        try:
            async with aiohttp.ClientSession() as session:
                return await snapshots.take(session, url, queries, NOW)
        finally:
            await runner.cleanup()

    return asyncio.run(run())


async def vector(request: web.Request) -> web.StreamResponse:
    """Answers with the query as a label."""
    form = await request.post()
    metric = {"__name__": "x", "exchange": "okx", "asked": f"{form['query']!s} at {form['time']!s}"}
    data = {"resultType": "vector", "result": [{"metric": metric, "value": [NOW, "2.5"]}] * 99}
    return web.json_response({"status": "success", "data": data})


def test_samples_are_read() -> None:
    """At the time of the incident, without the name of the series, not more than a few."""
    (found,) = taken(vector, {"status": "exchange:status"})

    assert found.samples[0].value == 2.5
    assert found.samples[0].labels == {
        "exchange": "okx",
        "asked": f"exchange:status at {NOW:.3f}",
    }
    assert len(found.samples) == snapshots.MAX_SAMPLES


async def selective(request: web.Request) -> web.StreamResponse:
    """Hangs, fails or answers, as the query says."""
    query = (await request.post())["query"]
    if query == "hang":
        await asyncio.sleep(3600)
    if query == "bad":
        return web.json_response({"status": "error"}, status=422)
    if query == "web":
        return web.Response(text="<html>")
    return await vector(request)


def test_what_fails_says_why_and_costs_the_others_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Within the deadline for all together."""
    monkeypatch.setattr(snapshots, "DEADLINE", 0.3)
    queries = {"a": "good", "b": "hang", "c": "bad", "d": "web"}
    errors = {each.name: each.error for each in taken(selective, queries)}
    assert errors == {"a": "", "b": "timeout", "c": "status 422", "d": "malformed"}


def test_without_a_prometheus_there_are_no_samples() -> None:
    """Nobody listens; the analysis goes on."""

    async def run() -> tuple[Snapshot, ...]:
        async with aiohttp.ClientSession() as session:
            return await snapshots.take(session, "http://127.0.0.1:9", {"a": "x"}, NOW)

    assert asyncio.run(run()) == (Snapshot("a", "x", error="unreachable"),)


@pytest.mark.parametrize(
    ("raw", "values"),
    [
        (b'{"data": {"resultType": "scalar", "result": [1, "3"]}}', [3.0]),
        (b'{"data": {"resultType": "vector", "result": []}}', []),
        (
            (
                b'{"data": {"resultType": "vector", "result": ['
                b'{"metric": {}, "value": [1, "NaN"]}, {"metric": {}, "value": [1, "+Inf"]}]}}'
            ),
            [],
        ),
        (b'{"data": {"resultType": "matrix", "result": []}}', None),
        (b'{"data": {"resultType": "vector", "result": [7]}}', None),
        (b'{"data": {"resultType": "vector", "result": {"a": 1}}}', None),
        (b"[]", None),
        (b"", None),
        (b"[" * 100_000, None),
    ],
)
def test_any_answer_is_read(raw: bytes, values: list[float] | None) -> None:
    """Numbers that are none are left out."""
    found = snapshots.read_samples(raw)
    assert (None if found is None else [each.value for each in found]) == values


def test_runbooks_are_found_by_the_name_of_the_alert(tmp_path: Path) -> None:
    """A name that is a path finds nothing."""
    (tmp_path / "ExchangeDown.md").write_text("text")
    (tmp_path.parent / "Secret.md").write_text("secret")
    evil = (firing(), firing("../Secret"), firing("Missing"))
    assert read_runbooks(evidence(*evil).incident, tmp_path) == {"ExchangeDown": "text"}


def test_the_shipped_runbooks_are_there() -> None:
    """For every alert that is analysed."""
    missing = [
        rule.name for rule in alerts() if not (SHIPPED_RUNBOOKS / f"{rule.name}.md").exists()
    ]
    assert missing == []


def test_minds_gather_what_the_settings_allow() -> None:
    """Without a Prometheus no snapshots, but runbooks; and both analysts work."""

    async def run() -> None:
        async with aiohttp.ClientSession() as session:
            minds = build_minds(Settings(), session, NoRecorder())
            found = await minds.gather(evidence().incident, (), (), NOW)
            assert found.snapshots == ()
            lead, _, rest = found.runbooks["ExchangeDown"].partition(" Meaning: ")
            assert lead.startswith("Orders cannot")
            assert " Mitigation: " in rest
            answers = [await each.analyse(found, NOW) for each in (minds.analyst, minds.fallback)]
            assert answers[0].analysis == answers[1].analysis

    asyncio.run(run())
