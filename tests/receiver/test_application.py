"""The web server of the receiver, over real connections."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import bcrypt
import pytest

from exporter.receiver.compose import listening, running_receiver
from exporter.receiver.service import Receiver
from exporter.web.watch import WebConfigFile
from tests.receiver.running import Placid, alert, body, fake_alertmanager, minds, settings

Visit = Callable[[aiohttp.ClientSession, Receiver], Awaitable[None]]


def visit(
    tmp_path: Path,
    visitor: Visit,
    analyst: Placid | None = None,
    web_config: WebConfigFile | None = None,
    **changes: Any,
) -> None:
    """Let a visitor in after one incident was analysed."""

    async def run() -> None:
        async with fake_alertmanager() as fake:
            found = settings(tmp_path, fake, **changes)
            build = minds(analyst or Placid())
            async with (
                running_receiver(found, build) as receiver,
                listening(receiver, found, ["127.0.0.1:0"], web_config) as (url,),
                aiohttp.ClientSession(url) as session,
            ):
                await receiver.accept(body(alert()))
                await fake.told(bool)
                await visitor(session, receiver)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Bearer "}, 401),
        ({"Authorization": "Basic right"}, 401),
        ({"Authorization": "bearer right"}, 202),
    ],
    ids=str,
)
def test_only_who_bears_the_token_may_post(
    tmp_path: Path, headers: dict[str, str], status: int
) -> None:
    """Before the body is read."""

    async def visitor(session: aiohttp.ClientSession, _: Receiver) -> None:
        async with session.post("/api/v1/alerts", data=body(alert()), headers=headers) as answer:
            assert answer.status == status
            assert ("WWW-Authenticate" in answer.headers) is (status == 401)

    visit(tmp_path, visitor, token="right")


@pytest.mark.parametrize(
    ("token", "posted"),
    [pytest.param("right", 202, id="token"), pytest.param("", 401, id="no token")],
)
def test_people_log_in_and_alertmanager_shows_its_token(
    tmp_path: Path, token: str, posted: int
) -> None:
    """It logs in as well where there is none."""
    hashed = bcrypt.hashpw(b"wonderland", bcrypt.gensalt(4)).decode()
    file = tmp_path / "web.yml"
    file.write_text(f"basic_auth_users: {{alice: {hashed}}}", encoding="utf-8")
    alice = {"Authorization": f"Basic {base64.b64encode(b'alice:wonderland').decode()}"}

    async def visitor(session: aiohttp.ClientSession, _: Receiver) -> None:
        for path in ("/", "/metrics", "/api/v1/incidents", "/-/ready"):
            async with session.get(path) as answer:
                assert answer.status == 401
                assert answer.headers["X-Frame-Options"] == "deny"
            async with session.get(path, headers=alice) as answer:
                assert answer.status == 200
        headers = {"Authorization": "Bearer right"}
        async with session.post("/api/v1/alerts", data=body(alert()), headers=headers) as answer:
            assert answer.status == posted
        if not token:
            async with session.post("/api/v1/alerts", data=body(alert()), headers=alice) as answer:
                assert answer.status == 202
        async with session.get("/metrics", headers=alice) as answer:
            refused = f'requests_total{{code="401"}} {float(not token)}'
            assert refused in await answer.text()

    visit(tmp_path, visitor, web_config=WebConfigFile(file), token=token)


@pytest.mark.parametrize(
    ("data", "status"),
    [(b"{}", 400), (b"", 400), (b" " * 3000, 413), (body(alert()), 202)],
    ids=["no webhook", "empty", "too large", "good"],
)
def test_each_answer_is_counted_by_its_code(tmp_path: Path, data: bytes, status: int) -> None:
    """And given at once."""

    async def visitor(session: aiohttp.ClientSession, _: Receiver) -> None:
        async with session.post("/api/v1/alerts", data=data) as answer:
            assert answer.status == status
        async with session.get("/metrics") as answer:
            assert f'requests_total{{code="{status}"}} 1.0' in await answer.text()

    visit(tmp_path, visitor, max_body_bytes=2048)


def test_what_cannot_be_kept_is_not_accepted(tmp_path: Path) -> None:
    """Alertmanager repeats it then."""

    async def visitor(session: aiohttp.ClientSession, receiver: Receiver) -> None:
        await receiver.store.run(receiver.store.intake._database.close)
        async with session.post("/api/v1/alerts", data=body(alert())) as answer:
            assert answer.status == 503

    visit(tmp_path, visitor)


def test_before_it_is_ready_it_says_so(tmp_path: Path) -> None:
    """And Alertmanager tries again."""

    async def visitor(session: aiohttp.ClientSession, receiver: Receiver) -> None:
        receiver.ready = False
        async with session.post("/api/v1/alerts", data=body(alert())) as answer:
            assert answer.status == 503
        async with session.get("/-/ready") as answer:
            assert answer.status == 503

    visit(tmp_path, visitor)


def test_the_answer_does_not_wait_for_the_analysis(tmp_path: Path) -> None:
    """Which may take for ever."""

    async def run() -> None:
        found = settings(tmp_path)
        async with (
            running_receiver(found, minds(Placid(delay=3600.0))) as receiver,
            listening(receiver, found, ["127.0.0.1:0"]) as (url,),
            aiohttp.ClientSession(url) as session,
        ):
            for _ in range(2):
                async with (
                    asyncio.timeout(5),
                    session.post("/api/v1/alerts", data=body(alert())) as answer,
                ):
                    assert answer.status == 202

    asyncio.run(run())


def test_the_page_shows_the_analysis_and_takes_votes(tmp_path: Path) -> None:
    """A later vote replaces the first."""

    async def visitor(session: aiohttp.ClientSession, _: Receiver) -> None:
        async with session.get("/") as answer:
            text = await answer.text()
            assert "script-src 'sha256-" in answer.headers["Content-Security-Policy"]
        for shown in ("1 open incident", "okx in trouble", "Suggestion (placid, 70%)", "outage"):
            assert shown in text
        for useful in (True, False):
            url, vote = "/api/v1/analyses/1/feedback", {"useful": useful, "note": "n"}
            async with session.post(url, json=vote) as answer:
                assert answer.status == 200
        async with session.get("/api/v1/incidents") as answer:
            (incident,) = (await answer.json())["incidents"]
        assert incident["analysis"]["useful"] is False
        async with session.get("/metrics") as answer:
            assert 'exchange_receiver_feedback_total{vote="up"} 1.0' in await answer.text()

    visit(tmp_path, visitor)


@pytest.mark.parametrize(
    ("url", "given", "status"),
    [
        ("/api/v1/analyses/1/feedback", {"data": b'{"useful": true}'}, 415),
        ("/api/v1/analyses/1/feedback", {"json": {"useful": 1}}, 400),
        ("/api/v1/analyses/1/feedback", {"json": {"useful": True, "note": 1}}, 400),
        ("/api/v1/analyses/1/feedback", {"json": []}, 400),
        ("/api/v1/analyses/9/feedback", {"json": {"useful": True}}, 404),
        ("/api/v1/analyses/x/feedback", {"json": {"useful": True}}, 404),
    ],
    ids=["a form of another site", "no boolean", "no text", "no object", "unknown", "no number"],
)
def test_other_votes_are_refused(
    tmp_path: Path, url: str, given: dict[str, Any], status: int
) -> None:
    """A vote must be JSON, which other sites cannot send."""

    async def visitor(session: aiohttp.ClientSession, _: Receiver) -> None:
        async with session.post(url, **given) as answer:
            assert answer.status == status

    visit(tmp_path, visitor)


def test_the_api_tells_all_analyses_with_their_evidence(tmp_path: Path) -> None:
    """Of one incident."""

    async def visitor(session: aiohttp.ClientSession, _: Receiver) -> None:
        async with session.get("/api/v1/incidents/1") as answer:
            found = await answer.json()
        (analysis,) = found["analyses"]
        assert analysis["evidence"]["incident"]["alerts"][0]["labels"]["exchange"] == "okx"
        assert analysis["answer"]["analysis"]["cause"] == "outage"
        for url in ("/api/v1/incidents/2", "/api/v1/nothing"):
            async with session.get(url) as answer:
                assert answer.status == 404
        for url in ("/api/v1/audit", "/api/v1/dead-letters", "/-/healthy"):
            async with session.get(url) as answer:
                assert answer.status == 200

    visit(tmp_path, visitor)


def test_hostile_texts_stay_texts(tmp_path: Path) -> None:
    """On the page."""
    evil = "<script>alert(1)</script>"

    async def visitor(session: aiohttp.ClientSession, receiver: Receiver) -> None:
        async with session.get("/") as answer:
            text = await answer.text()
        assert evil not in text
        assert text.count("<script>") == 1

    @dataclasses.dataclass
    class Evil(Placid):
        async def analyse(self, evidence: Any, now: float) -> Any:
            answer = await super().analyse(evidence, now)
            analysis = dataclasses.replace(
                answer.analysis, summary=evil, impact=evil, action=evil, evidence=(evil,)
            )
            return dataclasses.replace(answer, analysis=analysis, model=evil, fallback=evil)

    visit(tmp_path, visitor, Evil())
