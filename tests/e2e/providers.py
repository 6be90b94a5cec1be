"""What the providers of channels take, and what they answer to anything else.

Limits are those of their documents: Slack's text objects, PagerDuty's Events API v2, Opsgenie's
Alert API, Telegram's sendMessage, Discord's embeds, WeChat Work's message/send (which cuts a text
where this one refuses it). Where none says what a character is, it is a UTF-16 unit.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

WECHAT_TOKEN = "access"
"""What WeChat gives for the right secret."""

_PAGERDUTY_SEVERITIES = ("critical", "error", "warning", "info")
_TELEGRAM_TAGS = {"b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "code", "pre", "a"}


class RefusedError(Exception):
    """A message that a provider does not take: its answer and HTTP status."""

    def __init__(self, answer: object, status: int = 400) -> None:
        super().__init__(f"{status} {answer}")
        self.answer, self.status = answer, status


@dataclass(frozen=True, slots=True)
class Told:
    """What people read: first the line of a lock screen."""

    resolved: bool
    headline: str
    text: str = ""


Provider = Callable[[dict[str, Any]], Told]


def admit(path: str, token: str) -> None:
    """Refuse who does not know the secret in the path, or the header ``Authorization``."""
    if path in ("/page", "/chat") and token != "Bearer w":
        raise RefusedError("unauthorized", 401)
    if path.startswith("/telegram") and path != "/telegram/bott/sendMessage":
        raise RefusedError({"ok": False, "error_code": 401, "description": "Unauthorized"}, 401)
    if path.startswith("/wechat") and not path.endswith(f"?access_token={WECHAT_TOKEN}"):
        raise RefusedError({"errcode": 40014, "errmsg": "invalid access_token"}, 200)


def slack(body: dict[str, Any]) -> Told:
    (attachment,) = body["attachments"]
    sound = units(attachment["text"]) <= 3000 and units(attachment["title"]) <= 300
    if not sound or not attachment["title_link"].startswith("http"):
        raise RefusedError("invalid_attachments")
    return Told(attachment["color"] == "#009e73", attachment["title"], attachment["text"])


def pagerduty(body: dict[str, Any]) -> Told:
    resolved = body["event_action"] == "resolve"
    payload = body.get("payload") or {"summary": "", "severity": "critical", "source": "-"}
    sound = (
        units(payload["summary"]) <= 1024 and payload["source"] and len(body["dedup_key"]) <= 255
    )
    if not sound or payload["severity"] not in _PAGERDUTY_SEVERITIES:
        raise RefusedError({"status": "invalid event", "message": "Event object is invalid"})
    if len(json.dumps(body)) > 512_000:
        raise RefusedError({"status": "request too large"}, 413)
    return Told(resolved, payload["summary"], _details(payload.get("custom_details", {})))


def _details(details: dict[str, Any]) -> str:
    """All that PagerDuty shows. ``error`` is Alertmanager's word for details that it left out."""
    assert "error" not in details, details
    return "\n".join(str(text) for text in details.values())


def opsgenie(body: dict[str, Any]) -> Told:
    text, description = body.get("message", ""), body.get("description", "")
    if units(text) > 130 or units(description) > 15_000:
        raise RefusedError({"message": "Request body is not processable."}, 422)
    return Told("message" not in body, text, description)


def discord(body: dict[str, Any]) -> Told:
    (embed,) = body["embeds"]
    for text, longest in ((embed["title"], 256), (embed["description"], 4096)):
        if units(text) > longest:
            raise RefusedError({"code": 50035, "message": "Invalid Form Body"})
    if units(body.get("content") or "") > 2000:
        raise RefusedError({"code": 50035, "message": "Invalid Form Body"})
    return Told(embed["color"] == 0x2ECC71, embed["title"], embed["description"])


def telegram(body: dict[str, Any]) -> Told:
    shown, mode = body["text"], body.get("parse_mode") or ""
    if not str(body["chat_id"]).lstrip("-").isdigit():
        raise _telegram_refusal("chat not found")
    if mode not in ("", "HTML"):
        raise _telegram_refusal("unsupported parse_mode")
    if mode == "HTML":
        shown = _Entities.shown(shown)
    if not shown.strip():
        raise _telegram_refusal("message text is empty")
    if units(shown) > 4096:
        raise _telegram_refusal("message is too long")
    headline, _, text = shown.partition("\n")
    return Told("[FIRING" not in headline, headline, text)


def _telegram_refusal(reason: str) -> RefusedError:
    return RefusedError({"ok": False, "error_code": 400, "description": f"Bad Request: {reason}"})


class _Entities(HTMLParser):
    """Telegram's HTML: few tags, all of them closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    @classmethod
    def shown(cls, text: str) -> str:
        parser = cls()
        parser.feed(text)
        parser.close()
        if parser.open:
            raise _telegram_refusal(f"can't parse entities: Can't find end tag of {parser.open}")
        return parser.text

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in _TELEGRAM_TAGS:
            raise _telegram_refusal(f'can\'t parse entities: Unsupported start tag "{tag}"')
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            raise _telegram_refusal(f'can\'t parse entities: Unexpected end tag "{tag}"')

    def handle_data(self, data: str) -> None:
        self.text += data


def wechat(body: dict[str, Any]) -> Told:
    """Errors of WeChat have status 200."""
    if not any(body.get(key) for key in ("touser", "toparty", "totag")):
        raise RefusedError({"errcode": 81013, "errmsg": "user & party & tag all invalid"}, 200)
    content = body[body["msgtype"]]["content"]
    if not content.strip():
        raise RefusedError({"errcode": 44004, "errmsg": "empty content"}, 200)
    if len(content.encode()) > 2048:
        raise RefusedError({"errcode": 45002, "errmsg": "content size out of limit"}, 200)
    headline, _, text = content.partition("\n")
    return Told("[FIRING" not in headline, headline, text)


def webhook(body: dict[str, Any]) -> Told:
    if body["version"] != "4" or len(body["alerts"]) > 50:
        raise RefusedError("unsupported")
    return Told(body["status"] == "resolved", body["commonAnnotations"].get("summary", ""))


def units(text: str) -> int:
    """Length in UTF-16 units."""
    return len(text.encode("utf-16-le")) // 2


PROVIDERS: dict[str, Provider] = {
    "slack": slack,
    "pagerduty": pagerduty,
    "opsgenie": opsgenie,
    "discord": discord,
    "telegram": telegram,
    "wechat": wechat,
    "page": webhook,
    "chat": webhook,
    "ping": webhook,
    "info": webhook,
}

ANSWERS: dict[str, tuple[int, object]] = {
    "pagerduty": (202, {"status": "success"}),
    "opsgenie": (202, {"result": "Request will be processed"}),
    "discord": (204, None),
    "telegram": (200, {"ok": True, "result": {"message_id": 1, "date": 0, "chat": {"id": 1}}}),
    "wechat": (200, {"errcode": 0, "errmsg": "ok"}),
}
"""Status and document of a message that was taken; else 200 and ``ok``."""
