"""/sd as Prometheus reads it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from exporter.core.view import View
from tests.server.fake_service import FakeService, healthy, target_plan
from tests.server.running import Answer, fetch, running


def groups(answer: Answer) -> list[dict[str, Any]]:
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    parsed: list[dict[str, Any]] = json.loads(answer.text)
    return parsed


def labels(text: str, **changes: Any) -> dict[str, str]:
    """The labels of one target with these changes to its plan."""
    view = View(target_plan(text, **changes))
    (group,) = groups(fetch(FakeService([view]), "/sd", Host="exporter:9927"))
    assert group["targets"] == ["exporter:9927"]
    found: dict[str, str] = group["labels"]
    return found


def test_every_target_is_a_group_with_its_labels() -> None:
    """Everything that /probe needs, and the labels of the series."""
    assert labels("okx/ticker/BTC-USDT@main+cold") == {
        "__metrics_path__": "/probe",
        "__param_target": "okx/ticker/BTC-USDT@main+cold",
        "__scrape_interval__": "15s",
        "__scrape_timeout__": "6s",
        "exchange": "okx",
        "endpoint": "ticker",
        "pair": "BTC-USDT",
        "account": "main",
        "connection": "cold",
        "category": "spot",
    }


@pytest.mark.parametrize(
    ("interval", "timeout", "expected"),
    [
        (15, 5, ("15s", "6s")),
        (7.2, 2.5, ("8s", "4s")),
        (5, 10, ("5s", "5s")),
        (0.2, 0.1, ("1s", "1s")),
        (3600, 10, ("120s", "11s")),
    ],
)
def test_interval_and_timeout(interval: float, timeout: float, expected: tuple[str, str]) -> None:
    """Whole seconds, a timeout that fits the interval, and no series that goes stale."""
    found = labels("okx/ping", interval=interval, timeout=timeout)

    assert (found["__scrape_interval__"], found["__scrape_timeout__"]) == expected


def test_external_url_names_address_scheme_and_path() -> None:
    """Behind a proxy the Host header is not to be relied on."""

    async def discover() -> Answer:
        fake, url = FakeService([healthy("okx/ping")]), "https://probe.example.com:8443/x"
        async with running(fake, external_url=url, route_prefix="/") as client:
            return await client.get("/sd", Host="inner:1")

    (group,) = groups(asyncio.run(discover()))

    assert group["targets"] == ["probe.example.com:8443"]
    assert group["labels"]["__metrics_path__"] == "/x/probe"
    assert group["labels"]["__scheme__"] == "https"


@pytest.mark.parametrize("host", ["a b", "<script>", "x" * 300, '"', "h/../x"])
def test_hostile_host_header_is_refused(host: str) -> None:
    """It would end up as the address that Prometheus scrapes."""
    assert fetch(FakeService([healthy("okx/ping")]), "/sd", Host=host).status == 400
