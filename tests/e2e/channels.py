"""Channels that people are told by: a web server for most, a mailbox, each with its own limits."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.e2e.mailbox import Mailbox, mail
from tests.e2e.providers import ANSWERS, PROVIDERS, WECHAT_TOKEN, RefusedError, Told, admit


@dataclass(frozen=True, slots=True)
class Message:
    """What one channel was told once. ``headline`` is what a lock screen would show."""

    channel: str
    resolved: bool
    headline: str
    body: dict[str, Any]
    text: str = ""


@dataclass(slots=True)
class Channels:
    """Everything that was sent, and what its provider refused. ``mailbox`` is a host and port."""

    url: str = ""
    mailbox: str = ""
    messages: list[Message] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def of(self, channel: str) -> list[Message]:
        """The messages of one channel, in order."""
        return [message for message in list(self.messages) if message.channel == channel]

    def take(self, channel: str, told: Told, body: dict[str, Any]) -> None:
        self.messages.append(Message(channel, told.resolved, told.headline, body, told.text))

    def receive_mail(self, data: bytes) -> None:
        """Raises: RefusedError."""
        try:
            self.take("email", mail(data), {"raw": data.decode()})
        except RefusedError as refused:
            self.refused.append(f"email: {refused} {data[:500]!r}")
            raise

    def receive(self, path: str, text: bytes, token: str) -> tuple[int, object]:
        """Status and document of the answer to a POST."""
        name = urlsplit(path).path.split("/")[1]
        try:
            admit(path, token)
            body = json.loads(text) if text else {}
            self.take(name, PROVIDERS[name](body), body)
        except RefusedError as refused:
            self.refused.append(f"{path}: {refused} {text[:500]!r}")
            return refused.status, refused.answer
        except (AssertionError, KeyError, ValueError) as problem:
            self.refused.append(f"{path}: {problem!r} {text[:500]!r}")
        return ANSWERS.get(name, (200, "ok"))


@contextmanager
def channels() -> Iterator[Channels]:
    """All of them on free ports."""
    found = Channels()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """WeChat's token for a secret."""
            asked = parse_qs(urlsplit(self.path).query)
            sound = asked.get("corpsecret") == ["t"] and "corpid" in asked
            wrong = {"errcode": 40001, "errmsg": "invalid credential"}
            self._answer(200, {"errcode": 0, "access_token": WECHAT_TOKEN} if sound else wrong)

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"]))
            token = self.headers.get("Authorization", "")
            self._answer(*found.receive(self.path, text, token))

        def _answer(self, status: int, document: object) -> None:
            text = document if isinstance(document, str) else json.dumps(document)
            answer = b"" if document is None else text.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: Any) -> None:
            pass

    with ExitStack() as stack:
        web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        mailbox = Mailbox(found.receive_mail)
        for server in (web, mailbox):
            stack.enter_context(_serving(server))
        found.url, found.mailbox = f"http://127.0.0.1:{web.server_port}", mailbox.address
        yield found


@contextmanager
def _serving(server: BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
