"""Channels that people are told by: one server, each path with its provider's own limits."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Message:
    """What one channel was told once. ``headline`` is what a lock screen would show."""

    channel: str
    resolved: bool
    headline: str
    body: dict[str, Any]


@dataclass(slots=True)
class Channels:
    """Everything that was sent, and what its provider would have refused."""

    url: str = ""
    messages: list[Message] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def of(self, channel: str) -> list[Message]:
        """The messages of one channel, in order."""
        return [message for message in list(self.messages) if message.channel == channel]


def _slack(body: dict[str, Any]) -> tuple[bool, str]:
    (attachment,) = body["attachments"]
    assert len(attachment["text"]) <= 3000, "Slack shows 3000 characters of a text"
    assert len(attachment["title"]) <= 300
    assert attachment["title_link"].startswith("http")
    return attachment["color"] == "#009e73", attachment["title"]


def _pagerduty(body: dict[str, Any]) -> tuple[bool, str]:
    resolved = body["event_action"] == "resolve"
    payload = body.get("payload") or {"summary": "", "severity": "critical"}
    assert len(payload["summary"]) <= 1024
    assert payload["severity"] in ("critical", "error", "warning", "info")
    assert len(json.dumps(body)) <= 512_000
    return resolved, payload["summary"]


def _opsgenie(body: dict[str, Any]) -> tuple[bool, str]:
    assert len(body.get("message", "")) <= 130
    assert len(body.get("description", "")) <= 15_000
    return "message" not in body, body.get("message", "")


def _webhook(body: dict[str, Any]) -> tuple[bool, str]:
    assert body["version"] == "4"
    assert len(body["alerts"]) <= 50
    return body["status"] == "resolved", body["commonAnnotations"].get("summary", "")


_READ: dict[str, Callable[[dict[str, Any]], tuple[bool, str]]] = {
    "slack": _slack,
    "pagerduty": _pagerduty,
    "opsgenie": _opsgenie,
    "page": _webhook,
    "chat": _webhook,
    "ping": _webhook,
}


@contextmanager
def channels() -> Iterator[Channels]:
    """A server for all of them on a free port."""
    found = Channels()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"]))
            name = next((name for name in _READ if f"/{name}" in self.path), self.path)
            try:
                body = json.loads(text) if text else {}
                resolved, headline = _READ[name](body)
                if name in ("page", "chat"):
                    assert self.headers["Authorization"] == "Bearer w"
                found.messages.append(Message(name, resolved, headline, body))
            except (AssertionError, KeyError, ValueError) as problem:
                found.refused.append(f"{self.path}: {problem!r} {text[:500]!r}")
            answer = b'{"status":"success"}' if name == "pagerduty" else b"ok"
            self.send_response(202 if name in ("pagerduty", "opsgenie") else 200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
