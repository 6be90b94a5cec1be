"""TLS and basic auth over real connections."""

from __future__ import annotations

import asyncio
import base64
import itertools
import ssl
from pathlib import Path

import aiohttp
import bcrypt
import pytest

from exporter.web.auth import Authenticator
from exporter.web.watch import WebConfigFile
from tests.server.fake_service import FakeService, healthy
from tests.server.running import running

LONG = "ä" * 100


def hashed(password: str) -> str:
    """A bcrypt hash of the lowest cost."""
    return bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(4)).decode()


def web_config(folder: Path, text: str) -> Path:
    path = folder / "web.yml"
    path.write_text(text)
    return path


def users(folder: Path) -> Path:
    lines = {"alice": hashed("wonderland"), "bob": hashed(LONG), "zoë": hashed("pässword")}
    # The prefix that htpasswd writes.
    lines["alice"] = lines["alice"].replace("$2b$", "$2y$")
    text = "".join(f"  {name}: {value}\n" for name, value in lines.items())
    return web_config(folder, f"basic_auth_users:\n{text}")


def service() -> FakeService:
    return FakeService([healthy("okx/ping")])


def status(file: Path, authorization: str | None, path: str = "/probe?target=okx/ping") -> int:
    """The status for one request with this Authorization header."""

    async def once() -> int:
        headers = {} if authorization is None else {"Authorization": authorization}
        async with running(service(), web_config_file=file) as client:
            return (await client.request("GET", path, headers=headers)).status

    return asyncio.run(once())


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("user", "password"), [("alice", "wonderland"), ("bob", LONG), ("zoë", "pässword")]
)
def test_right_password_opens(tmp_path: Path, user: str, password: str) -> None:
    """Also long ones and those beyond ASCII."""
    assert status(users(tmp_path), basic(user, password)) == 200


@pytest.mark.parametrize(
    "authorization",
    [
        pytest.param(None, id="none"),
        pytest.param("", id="empty"),
        pytest.param(basic("alice", "wonder"), id="wrong password"),
        pytest.param(basic("alice", ""), id="empty password"),
        pytest.param(basic("mallory", "wonderland"), id="unknown user"),
        pytest.param(basic("alice", "wonderland\0"), id="password with a NUL"),
        pytest.param(basic("", ""), id="nobody"),
        pytest.param("Bearer wonderland", id="other scheme"),
        pytest.param("Basic", id="no credentials"),
        pytest.param("Basic !!!", id="not base64"),
        pytest.param("Basic /////w==", id="not utf-8"),
        pytest.param("Basic YWxpY2U=", id="no colon"),
    ],
)
@pytest.mark.parametrize("path", ["/probe?target=okx/ping", "/", "/-/healthy", "/nothing"])
def test_everything_else_is_a_401(tmp_path: Path, authorization: str | None, path: str) -> None:
    """On every route, and before anything is asked of an exchange."""
    assert status(users(tmp_path), authorization, path) == 401


def test_refusal_names_the_scheme_and_has_the_standard_headers(tmp_path: Path) -> None:
    """So that a browser asks for the password."""

    async def once() -> dict[str, str]:
        async with running(service(), web_config_file=users(tmp_path)) as client:
            return dict((await client.get("/")).headers)

    headers = asyncio.run(once())
    assert headers["WWW-Authenticate"] == 'Basic realm="exporter"'
    assert headers["Server"] == "exchange-exporter/1.2.3"


def test_new_hash_locks_the_old_password_out() -> None:
    """A login that was remembered holds for the hash that it was checked against."""

    async def change() -> list[bool]:
        authenticator = Authenticator()
        before = await authenticator.accepts({"alice": hashed("one").encode()}, "alice", "one")
        after = await authenticator.accepts({"alice": hashed("two").encode()}, "alice", "one")
        return [before, after]

    assert asyncio.run(change()) == [True, False]


def test_user_who_is_removed_is_out() -> None:
    """Even with a login that was remembered under the same hash."""

    async def check() -> list[bool]:
        authenticator = Authenticator()
        stored = hashed("one").encode()
        both = {"alice": stored, "bob": hashed("two").encode()}
        await authenticator.accepts(both, "alice", "one")
        return [
            await authenticator.accepts({"bob": stored}, "alice", "one"),
            await authenticator.accepts({"bob": both["bob"]}, "alice", "one"),
        ]

    assert asyncio.run(check()) == [False, False]


def test_flood_of_wrong_logins_is_bounded_and_keeps_no_scraper_out() -> None:
    """The queue for bcrypt must not grow without end, and accepted logins need not stand in it."""

    async def flood() -> tuple[int, int]:
        authenticator = Authenticator()
        stored = {"alice": hashed("one").encode()}
        assert await authenticator.accepts(stored, "alice", "one")
        guesses = [
            asyncio.ensure_future(authenticator.accepts(stored, "alice", f"guess {n}"))
            for n in range(100)
        ]
        await asyncio.sleep(0)
        assert await authenticator.accepts(stored, "alice", "one")
        assert not any(guess.done() and not guess.exception() for guess in guesses)
        answers = await asyncio.gather(*guesses, return_exceptions=True)
        refused = sum(isinstance(answer, aiohttp.web.HTTPTooManyRequests) for answer in answers)
        return answers.count(False), refused

    assert asyncio.run(flood()) == (16, 84)


def tls_config(folder: Path, certificates: Path, name: str = "first", *lines: str) -> Path:
    for kind in ("pem", "key"):
        (folder / f"server.{kind}").write_bytes((certificates / f"{name}.{kind}").read_bytes())
    text = "".join(f"  {x}\n" for x in ("cert_file: server.pem", "key_file: server.key", *lines))
    return web_config(folder, f"tls_server_config:\n{text}")


def trusting(certificates: Path, client: str = "") -> ssl.SSLContext:
    """What a client that knows the authority speaks TLS with."""
    context = ssl.create_default_context(cafile=certificates / "ca.pem")
    if client:
        context.load_cert_chain(certificates / f"{client}.pem", certificates / f"{client}.key")
    return context


def test_https_and_discovery_of_it(tmp_path: Path, certificates: Path) -> None:
    """Served by TLS, and /sd says so."""

    async def once() -> tuple[str, str]:
        file = tls_config(tmp_path, certificates)
        async with running(service(), trusting(certificates), web_config_file=file) as client:
            return client.url, (await client.get("/sd")).text

    url, text = asyncio.run(once())
    assert url.startswith("https://127.0.0.1:")
    assert '"__scheme__": "https"' in text


@pytest.mark.parametrize(("client", "welcome"), [("client", True), ("", False)])
def test_client_certificates(
    tmp_path: Path, certificates: Path, client: str, welcome: bool
) -> None:
    """RequireAndVerifyClientCert lets in those whom the authority knows."""
    lines = f"client_ca_file: {certificates}/ca.pem", "client_auth_type: RequireAndVerifyClientCert"
    file = tls_config(tmp_path, certificates, "first", *lines)

    async def once() -> bool:
        trust = trusting(certificates, client)
        async with running(service(), trust, web_config_file=file) as session:
            try:
                return (await session.get("/-/healthy")).status == 200
            except aiohttp.ClientError:
                return False

    assert asyncio.run(once()) is welcome


def test_renewed_certificate_is_used_without_a_restart(tmp_path: Path, certificates: Path) -> None:
    """A half-written pair keeps the old one in use; the complete one takes over."""

    async def names() -> list[str]:
        ticks = itertools.count()
        file = WebConfigFile(tls_config(tmp_path, certificates), lambda: next(ticks))
        server = await asyncio.start_server(
            lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=file.server_context()
        )
        async with server:
            port = server.sockets[0].getsockname()[1]
            seen = [await common_name(port, certificates)]
            for kind in ("pem", "key"):
                replace_file(tmp_path / f"server.{kind}", certificates / f"second.{kind}")
                seen.append(await common_name(port, certificates))
        return seen

    assert asyncio.run(names()) == ["first", "first", "second"]


def replace_file(path: Path, new: Path) -> None:
    """Replace a file as renewal tools do, with a new inode."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(new.read_bytes())
    fresh.replace(path)


async def common_name(port: int, certificates: Path) -> str:
    """The name in the certificate that the server shows in a new connection."""
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting(certificates))
    subject = writer.get_extra_info("peercert")["subject"]
    writer.close()
    await writer.wait_closed()
    return str(dict(field[0] for field in subject)["commonName"])


def test_headers_of_the_web_config_replace_ours(tmp_path: Path) -> None:
    """Who embeds the page in a frame says so there."""

    async def once() -> tuple[str, str]:
        text = "http_server_config: {headers: {X-Frame-Options: sameorigin}}"
        file = web_config(tmp_path, text)
        async with running(service(), web_config_file=file) as client:
            headers = (await client.get("/-/healthy")).headers
            return headers["X-Frame-Options"], headers["X-Content-Type-Options"]

    assert asyncio.run(once()) == ("sameorigin", "nosniff")
