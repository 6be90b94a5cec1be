"""A mail server for one mailbox: RFC 5321 as far as Alertmanager speaks it."""

from __future__ import annotations

import base64
import email
import email.policy
import socketserver
from collections.abc import Callable
from email.message import EmailMessage, MIMEPart
from xml.etree import ElementTree

from tests.e2e.providers import RefusedError, Told

_PLAIN = base64.b64encode(b"\0alerts@example.org\0p").decode()
_LONGEST = 1000
"""Bytes of a line with its end (RFC 5321, 4.5.3.1.6)."""
_TAGS = {"body", "h3", "ul", "li", "p", "a", "pre"}


class Mailbox(socketserver.ThreadingTCPServer):
    """Accepts a message, or refuses it as ``receive`` says by a ``RefusedError``."""

    daemon_threads = True

    def __init__(self, receive: Callable[[bytes], None]) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.receive = receive

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class _Conversation(socketserver.StreamRequestHandler):
    server: Mailbox

    def handle(self) -> None:
        self._say("220 mailbox.test ESMTP")
        known = False
        for line in iter(self.rfile.readline, b""):
            verb, _, rest = line.decode().strip().partition(" ")
            match verb.upper():
                case "EHLO":
                    self._say("250-mailbox.test\r\n250 AUTH PLAIN")
                case "AUTH":
                    known = rest == f"PLAIN {_PLAIN}"
                    self._say("235 2.7.0 accepted" if known else "535 5.7.8 invalid credentials")
                case "QUIT":
                    self._say("221 2.0.0 bye")
                    return
                case _ if not known:
                    self._say("530 5.7.0 authentication required")
                case "DATA":
                    self._say("354 go ahead")
                    self._say(self._received())
                case _:
                    self._say("250 2.0.0 ok")

    def _received(self) -> str:
        """What is answered to a message."""
        lines = list(iter(self.rfile.readline, b".\r\n"))
        try:
            if any(len(line) > _LONGEST for line in lines):
                raise RefusedError("5.5.2 line too long", 500)
            self.server.receive(b"".join(line.removeprefix(b".") for line in lines))
        except RefusedError as refused:
            return f"{refused.status} {refused.answer}"
        return "250 2.0.0 queued"

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


def mail(data: bytes) -> Told:
    """A message that any reader shows: one subject, a text, and HTML without anything that runs."""
    message = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    subject = message["Subject"]
    if message.defects or subject.defects or len(subject) > 200 or not subject.isprintable():
        raise RefusedError(f"5.6.0 bad subject: {subject!r}", 554)
    text, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    if text is None or html is None:
        raise RefusedError("5.6.0 a part is missing", 554)
    shown = f"{text.get_content()}\n{_read(html)}".replace("\r\n", "\n")
    return Told("[FIRING" not in subject, subject, shown)


def _read(part: MIMEPart) -> str:
    """Text and links of an HTML part: well formed, of few tags, with links to pages only."""
    try:
        root = ElementTree.fromstring(f"<body>{part.get_content()}</body>")
    except ElementTree.ParseError as problem:
        raise RefusedError(f"5.6.0 bad HTML: {problem}", 554) from problem
    links = [element.attrib.pop("href", "") for element in root.iter("a")]
    plain = all(element.tag in _TAGS and not element.attrib for element in root.iter())
    if not plain or not all(link.startswith("http") for link in links):
        raise RefusedError("5.6.0 HTML that is not plain", 554)
    return "\n".join(["".join(root.itertext()), *links])
