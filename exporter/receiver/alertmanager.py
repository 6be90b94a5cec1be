"""Alertmanager's API v2: alerts and silences in, alerts and groups out. Every answer is bounded."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import aiohttp

from exporter.receiver.reconcile import Look
from exporter.receiver.webhook import Group, WebhookError, parse_alert, parse_json, parse_time

_TIMEOUT = aiohttp.ClientTimeout(total=10.0)
_MAX_ANSWER = 64 * 1024 * 1024
_FAILURES = (aiohttp.ClientError, TimeoutError, OSError)


class Result(StrEnum):
    """What became of a request."""

    OK = "ok"
    REFUSED = "refused"  # a 4xx: it dislikes something in it
    FAILED = "failed"  # another status
    UNREACHABLE = "unreachable"  # no answer in time


class Alertmanagers:
    """All configured Alertmanagers. No method raises because of what one of them does."""

    def __init__(
        self, session: aiohttp.ClientSession, urls: Sequence[str], token: str = ""
    ) -> None:
        """``urls`` without ``/api/v2``; ``token`` is borne to all of them."""
        self._session = session
        self._urls = tuple(url.rstrip("/") for url in urls)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    @property
    def urls(self) -> tuple[str, ...]:
        return self._urls

    async def post(self, url: str, alerts: Sequence[Mapping[str, object]]) -> Result:
        """Post alerts to one of them."""
        result, _ = await self._post(url, "alerts", alerts)
        return result

    async def silence(self, silence: Mapping[str, object]) -> str:
        """Create a silence at the first that takes it (they gossip); its id, or "" if none did."""
        for url in self._urls:
            result, answer = await self._post(url, "silences", silence)
            if result is Result.OK and isinstance(answer, dict):
                return str(answer.get("silenceID", ""))
        return ""

    async def _post(self, url: str, what: str, body: object) -> tuple[Result, Any]:
        try:
            async with self._session.post(
                f"{url}/api/v2/{what}",
                json=body,
                headers=self._headers,
                timeout=_TIMEOUT,
                allow_redirects=False,
            ) as response:
                if response.status == 200:
                    return Result.OK, await _json(response)
                return Result.REFUSED if 400 <= response.status < 500 else Result.FAILED, None
        except _FAILURES:
            return Result.UNREACHABLE, None
        except WebhookError:
            return Result.OK, None  # alerts are answered by an empty body

    async def looks(self, now: float) -> tuple[Look, ...]:
        """What each lists as active, silenced and inhibited included; only those that answer."""
        looks = await asyncio.gather(*(self._look(url, now) for url in self._urls))
        return tuple(look for look in looks if look is not None)

    async def _look(self, url: str, now: float) -> Look | None:
        try:
            status = await self._get(f"{url}/api/v2/status")
            active = {"active": "true", "silenced": "true", "inhibited": "true"}
            alerts = await self._get(f"{url}/api/v2/alerts", active)
            since = parse_time(status["uptime"])
            fingerprints = frozenset(str(alert["fingerprint"]) for alert in alerts)
        except (*_FAILURES, WebhookError, LookupError, TypeError):
            return None
        return Look(url, now - since, fingerprints)

    async def group(self, receiver: str, labels: Mapping[str, str]) -> Group | None:
        """All alerts of a group, from every Alertmanager; None when none answered."""
        query = {"receiver": f"^{re.escape(receiver)}$"}
        asked = (self._group(url, query, labels) for url in self._urls)
        parts = [part for part in await asyncio.gather(*asked) if part is not None]
        if not parts:
            return None
        alerts = {alert.fingerprint: alert for part in parts for alert in part}
        return Group(receiver, labels, tuple(alerts.values()))

    async def _group(
        self, url: str, query: Mapping[str, str], labels: Mapping[str, str]
    ) -> list[Any] | None:
        try:
            groups = await self._get(f"{url}/api/v2/alerts/groups", query)
            mine = [group for group in groups if group["labels"] == labels]
            return [parse_alert(alert) for group in mine for alert in group["alerts"]]
        except (*_FAILURES, WebhookError, LookupError, TypeError):
            return None

    async def _get(self, url: str, query: Mapping[str, str] | None = None) -> Any:
        async with self._session.get(
            url,
            params=query,
            headers=self._headers,
            timeout=_TIMEOUT,
            allow_redirects=False,
            raise_for_status=True,
        ) as response:
            return await _json(response)


async def _json(response: aiohttp.ClientResponse) -> Any:
    """The body, if it is JSON and not too large. Raises WebhookError."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > _MAX_ANSWER:
            raise WebhookError("the answer is too large")
        chunks.append(chunk)
    return parse_json(b"".join(chunks))
