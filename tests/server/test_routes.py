"""What every route answers, and what holds for all of them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from typing import Any

import pytest

from tests.server.fake_service import SECRET, FakeService, healthy
from tests.server.running import Answer, fetch, running

ROUTES = ("/", "/probe", "/sd", "/metrics", "/config", "/-/healthy", "/-/ready")


def service(**changes: Any) -> FakeService:
    return FakeService([healthy("okx/ping")], **changes)


def ask(method: str, path: str, fake: FakeService | None = None, **settings: Any) -> Answer:
    """One request of any method to a server with these settings."""

    async def once() -> Answer:
        async with running(fake or service(), **settings) as client:
            return await client.request(method, path)

    return asyncio.run(once())


@pytest.mark.parametrize("path", ROUTES)
def test_get_and_head_agree(path: str) -> None:
    """HEAD is GET without the body."""
    got, head = ask("GET", path), ask("HEAD", path)

    assert (got.status, head.status, head.text) == (200, 200, "")
    assert got.headers["Content-Type"] == head.headers["Content-Type"]


@pytest.mark.parametrize("path", [*ROUTES, "/nothing", "/-/reload", "/probe?x=1"])
def test_every_answer_carries_the_standard_headers(path: str) -> None:
    """Errors included."""
    headers = fetch(service(), path).headers

    assert headers["Server"] == "exchange-exporter/1.2.3"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_unknown_path_is_a_plain_404() -> None:
    """The path is not repeated."""
    answer = fetch(service(), "/<script>alert(1)</script>")

    assert (answer.status, answer.text) == (404, "404: Not Found")
    assert answer.headers["Content-Type"].startswith("text/plain")


def test_own_metrics() -> None:
    """Body and content type are the service's."""
    answer = fetch(service(), "/metrics")

    assert answer.text == "up 1\n"
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"


def test_healthy_and_ready_differ_while_starting() -> None:
    """Alive is not the same as able to probe."""
    starting = service(ready=False)

    assert (fetch(starting, "/-/healthy").status, fetch(starting, "/-/ready").status) == (200, 503)


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_reload(method: str) -> None:
    """As in Prometheus."""
    fake = service()

    assert (ask(method, "/-/reload", fake).status, fake.reloads) == (200, 1)


def test_failed_reload_tells_the_problem_without_secrets() -> None:
    """The text is what check-config would print."""
    answer = ask("POST", "/-/reload", service(problem=f"exporter.yml:3: $.x: not {SECRET}"))

    assert answer.status == 500
    assert "exporter.yml:3: $.x: not <secret>" in answer.text


def test_reload_needs_a_method_with_consequences() -> None:
    """A link or a crawler must not reload anything."""
    fake = service()
    answer = ask("GET", "/-/reload", fake)

    assert (answer.status, answer.headers["Allow"], fake.reloads) == (405, "POST,PUT", 0)


def test_config_is_yaml_without_secrets() -> None:
    """Redacted once more on the way out."""
    answer = fetch(service(), "/config")

    assert answer.text == "budget: 0.05\npassword: <secret>\n"
    assert answer.headers["Content-Type"] == "text/yaml; charset=utf-8"


def test_everything_lies_under_the_route_prefix() -> None:
    """The root and the bare prefix lead to the landing page."""
    for path in ROUTES:
        assert ask("GET", "/exp" + path, route_prefix="/exp").status == 200
    for path in ("/", "/exp"):
        answer = ask("GET", path, route_prefix="/exp")
        assert (answer.status, answer.headers["Location"]) == (302, "/exp/")
    assert ask("GET", "/probe", route_prefix="/exp").status == 404


def test_large_request_body_is_refused() -> None:
    """Nobody has anything large to say to an exporter."""

    async def send() -> int:
        async with running(service()) as client:
            return (await client.request("POST", "/-/reload", data=b"x" * 70_000)).status

    assert asyncio.run(send()) == 413


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /probe HTTP/1.1\r\nHost: x\r\n" + b"A: " + b"x" * 20_000 + b"\r\n\r\n",
        b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: 1\r\n" * 300 + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
    ],
    ids=["long header", "long line", "many headers", "not HTTP"],
)
def test_malformed_and_oversized_requests_get_a_400(raw: bytes) -> None:
    """And the server goes on."""

    async def send() -> tuple[bytes, int]:
        async with running(service()) as client:
            host, port = client.url.removeprefix("http://").split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(raw)
            line = await reader.readline()
            writer.close()
            await writer.wait_closed()
            return line, (await client.get("/-/healthy")).status

    line, healthy_status = asyncio.run(send())

    assert line.split()[1] == b"400"
    assert healthy_status == 200


def test_client_that_does_not_read_a_large_answer_is_dropped() -> None:
    """Megabytes must not stay in memory for a client that went to sleep."""

    async def stall(sleeper: socket.socket) -> float:
        large = service(metrics=b"x" * 20_000_000)
        async with running(large, send_timeout=0.1) as client:
            host, port = client.url.removeprefix("http://").split(":")
            await asyncio.to_thread(sleeper.connect, (host, int(port)))
            sleeper.sendall(b"GET /probe HTTP/1.1\r\nHost: x\r\n\r\n")
            assert await asyncio.to_thread(sleeper.recv, 1) == b"H"
            closing = time.monotonic()
        return time.monotonic() - closing

    with socket.socket() as sleeper:
        # A server that still waited for the client would take 10 s to close.
        assert asyncio.run(stall(sleeper)) < 5
        received = 0
        with contextlib.suppress(ConnectionError):
            while chunk := sleeper.recv(1 << 20):
                received += len(chunk)
        assert received < 20_000_000
