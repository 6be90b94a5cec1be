"""Stand-ins for providers refuse what providers refuse, so that a delivery proves something."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from typing import Any

import pytest

from tests.e2e.channels import channels
from tests.e2e.processes import post
from tests.e2e.providers import PROVIDERS, RefusedError

LONG = "\u754c" * 5000


def discord(**embed: str) -> dict[str, Any]:
    return {"embeds": [{"title": "t", "description": "d", "color": 1, **embed}]}


def telegram(text: str, mode: str = "HTML", chat: str = "-1") -> dict[str, Any]:
    return {"chat_id": chat, "text": text, "parse_mode": mode}


def wechat(content: str, party: str = "1") -> dict[str, Any]:
    return {"toparty": party, "msgtype": "text", "text": {"content": content}}


def slack(text: str) -> dict[str, Any]:
    return {"attachments": [{"title": "t", "title_link": "http://a", "text": text, "color": ""}]}


REFUSED = [
    pytest.param("slack", slack(LONG), "invalid_attachments", id="slack-long"),
    pytest.param("opsgenie", {"message": "x" * 131}, "not processable", id="opsgenie-long"),
    pytest.param("discord", discord(title="x" * 257), "50035", id="discord-title"),
    pytest.param("discord", discord(description="x" * 4097), "50035", id="discord-text"),
    pytest.param("discord", {**discord(), "content": "x" * 2001}, "50035", id="discord-content"),
    pytest.param("telegram", telegram("x" * 4097), "message is too long", id="telegram-long"),
    pytest.param("telegram", telegram("<i>a"), "Can't find end tag", id="telegram-open"),
    pytest.param("telegram", telegram("<b><i>a</b></i>"), "end tag", id="telegram-crossed"),
    pytest.param("telegram", telegram("<p>a</p>"), "Unsupported start tag", id="telegram-tag"),
    pytest.param("telegram", telegram("<b></b>"), "text is empty", id="telegram-empty"),
    pytest.param("telegram", telegram("a", "BB"), "unsupported parse_mode", id="telegram-mode"),
    pytest.param("telegram", telegram("a", chat="x"), "chat not found", id="telegram-chat"),
    pytest.param("wechat", wechat("\u754c" * 683), "45002", id="wechat-bytes"),
    pytest.param("wechat", wechat(" "), "44004", id="wechat-empty"),
    pytest.param("wechat", wechat("a", ""), "81013", id="wechat-nobody"),
]


@pytest.mark.parametrize(("channel", "body", "answer"), REFUSED)
def test_a_provider_refuses(channel: str, body: dict[str, Any], answer: str) -> None:
    """With its own error."""
    with pytest.raises(RefusedError, match=answer):
        PROVIDERS[channel](body)


def test_markup_counts_for_nothing_in_telegram() -> None:
    """4096 characters are what is left when tags and entities are read."""
    text = "<b>" + "&lt;" * 4096 + "</b>"
    assert PROVIDERS["telegram"](telegram(text)).headline == "<" * 4096


def test_secrets_are_asked_for() -> None:
    """Nobody takes a message from somebody unknown."""
    with channels() as told:
        assert post(f"{told.url}/page", {})[0] == 401
        assert post(f"{told.url}/telegram/botx/sendMessage", telegram("a"))[0] == 401
        assert "40014" in post(f"{told.url}/wechat/message/send?access_token=x", wechat("a"))[1]
        host, port = told.mailbox.split(":")
        with smtplib.SMTP(host, int(port)) as client:
            client.ehlo()
            with pytest.raises(smtplib.SMTPAuthenticationError):
                client.login("alerts@example.org", "x")
            assert client.mail("alerts@example.org")[0] == 530
    assert told.messages == []


@pytest.mark.parametrize(
    ("subject", "html"),
    [
        pytest.param("x" * 201, "<p>a</p>", id="long subject"),
        pytest.param("s", "<p>a", id="open tag"),
        pytest.param("s", "<script>a</script>", id="script"),
        pytest.param("s", '<p onclick="a">a</p>', id="handler"),
        pytest.param("s", '<a href="javascript:a">a</a>', id="link"),
        pytest.param("s", "", id="no HTML"),
    ],
)
def test_a_mailbox_refuses(subject: str, html: str) -> None:
    """What a reader would not show, or would run."""
    message = EmailMessage()
    message["Subject"] = subject
    message.set_content("text")
    if html:
        message.add_alternative(html, subtype="html")
    with channels() as told:
        host, port = told.mailbox.split(":")
        with smtplib.SMTP(host, int(port)) as client:
            client.login("alerts@example.org", "p")
            with pytest.raises(smtplib.SMTPDataError):
                client.sendmail("a@example.org", ["b@example.org"], message.as_bytes())
    assert told.messages == []
    assert len(told.refused) == 1
