"""HTTPS: phases, trust, and the end of validity even of certificates that are refused."""

from __future__ import annotations

import asyncio
import socket

import pytest

from exporter.core.model import Reason
from exporter.core.plan import Request, Route
from exporter.probers.connector import Connector
from exporter.probers.request import Origin
from exporter.probers.second_look import SecondLook
from exporter.probers.wire import WireSocket

from .conftest import Certificates
from .servers import Visit, always, answer, ask_once, probing, run, serving


def test_phases_cold_and_warm(certificates: Certificates) -> None:
    """The handshake is a phase of its own, and the certificate is remembered."""
    route = Route(ca_file=certificates.ca_file)

    async def scenario() -> None:
        async with (
            serving(always(answer()), certificates.context("good")) as upstream,
            probing() as prober,
        ):
            first = await prober.ask(Request(upstream.url()), route, 5)
            second = await prober.ask(Request(upstream.url()), route, 5)

        assert (first.failure, second.failure) == (None, None)
        assert [name for name, _ in first.phases.items()] == [
            *("resolve", "connect", "tls", "processing", "transfer")
        ]
        assert [name for name, _ in second.phases.items()] == ["processing", "transfer"]
        assert second.reused
        assert first.clock == second.clock
        expiry = certificates.not_after("good")
        assert first.certificate_not_after == second.certificate_not_after == expiry
        assert upstream.connections == 1

    run(scenario())


@pytest.mark.parametrize(
    ("name", "detail"),
    [
        ("expired", "certificate has expired"),
        ("self-signed", "self-signed certificate"),
        ("elsewhere", "not valid for '127.0.0.1'"),
    ],
)
def test_refused_certificates(certificates: Certificates, name: str, detail: str) -> None:
    """Nothing is sent, the reason is readable, and the end of validity is known all the same."""
    route = Route(ca_file=certificates.ca_file)
    seen, upstream = ask_once(always(answer()), tls=certificates.context(name), route=route)

    assert seen.failure is not None
    assert seen.failure.reason is Reason.TLS
    assert detail in seen.failure.detail
    assert seen.certificate_not_after == certificates.not_after(name)
    assert [phase for phase, _ in seen.phases.items()] == ["resolve", "connect"]
    assert upstream.heads == []
    assert seen.requests_sent == 0


def test_the_second_look_is_rare(certificates: Certificates) -> None:
    """A host that is refused at every probe is looked at once, and its expiry remembered."""
    route = Route(ca_file=certificates.ca_file)
    handshakes = 0

    def count(*_: object) -> None:
        nonlocal handshakes
        handshakes += 1

    context = certificates.context("expired")
    context.sni_callback = count

    async def scenario() -> None:
        async with serving(always(answer()), context) as upstream, probing() as prober:
            for _ in range(3):
                seen = await prober.ask(Request(upstream.url()), route, 5)
                assert seen.certificate_not_after == certificates.not_after("expired")

    run(scenario())
    assert handshakes == 4


def test_the_second_look_has_a_deadline_too() -> None:
    """A host that lets it wait costs no more than the time that is left."""

    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            origin = Origin("https", *silent.getsockname())
            look = SecondLook(Connector("x", WireSocket))
            assert await look.not_after(origin, Route(), 0.02) is None

    run(scenario())


def test_verification_can_be_switched_off(certificates: Certificates) -> None:
    """Then any certificate will do; it is still read."""
    seen, _ = ask_once(
        always(answer()),
        tls=certificates.context("expired"),
        route=Route(insecure_skip_verify=True),
    )

    assert seen.failure is None
    assert seen.certificate_not_after == certificates.not_after("expired")


def test_a_server_that_speaks_no_tls() -> None:
    """Something else on the port of HTTPS."""

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.test ESMTP\r\n")
        writer.close()

    async def scenario() -> None:
        async with await asyncio.start_server(greet, "127.0.0.1", 0) as server, probing() as prober:
            port = server.sockets[0].getsockname()[1]
            seen = await prober.ask(Request(f"https://127.0.0.1:{port}/"), Route(), 5)

        assert seen.failure is not None
        assert seen.failure.reason is Reason.TLS
        assert seen.phases.tls is None

    run(scenario())


def test_a_connection_cut_in_the_body(certificates: Certificates) -> None:
    """TLS or not, a body that breaks off is a disconnection."""

    async def cut(visit: Visit) -> None:
        await visit.send(answer(b"hello")[:-1])
        visit.writer.transport.abort()

    route = Route(ca_file=certificates.ca_file)
    seen, _ = ask_once(cut, tls=certificates.context("good"), route=route)

    assert seen.failure is not None
    assert seen.failure.reason is Reason.DISCONNECTED
    assert "after 4 bytes" in seen.failure.detail


def test_a_body_until_the_end_of_tls(certificates: Certificates) -> None:
    """close_notify is the end of a body that announced none."""
    route = Route(ca_file=certificates.ca_file)
    seen, _ = ask_once(
        always(b"HTTP/1.1 200 OK\r\n\r\nhello", close=True),
        tls=certificates.context("good"),
        route=route,
    )

    assert seen.failure is None
    assert seen.body == b"hello"


def test_an_unreadable_ca_file_is_our_mistake() -> None:
    """It is an exception, and no failure of the exchange."""

    async def scenario() -> None:
        async with probing() as prober:
            await prober.ask(Request("https://127.0.0.1:1/"), Route(ca_file="/nowhere.pem"), 5)

    with pytest.raises(FileNotFoundError):
        run(scenario())
