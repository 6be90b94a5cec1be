"""The simulator over HTTP: finding endpoints, limits and bans, switching faults."""

from __future__ import annotations

import asyncio
import json
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from tests.simulator.support import DEPTH, NOW, PING, TIME, TRADES, Running, catalog, running


def get(path: str, **options: Any) -> tuple[int, dict[str, str], bytes]:
    """One request to a new simulator."""

    async def main() -> tuple[int, dict[str, str], bytes]:
        async with running(**options) as test:
            status, headers, body = await test.get(path)
            return status, dict(headers), body

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (PING, 200),
        (DEPTH, 200),
        ("/coinbase/products/BTC-USD/ticker", 200),
        ("/coinbase/products/NO-SUCH/ticker", 404),
        ("/kraken/0/public/Depth?pair=XBTUSD", 200),
        ("/binance/api/v3/depth?symbol=NOPE", 400),
        ("/binance/api/v3/depth", 400),
        ("/binance/api/v3/nothing", 404),
        ("/binance", 404),
        ("/nobody/api", 404),
        ("/favicon.ico", 404),
        ("/%00%ff%0d%0a", 404),
    ],
)
def test_status(path: str, status: int) -> None:
    """Endpoints are found by path and pairs by parameter or path; everything else is an error."""
    assert get(path)[0] == status


def test_a_refusal_has_one_header_of_each_name() -> None:
    """Its own, and not what was used before beside it."""

    async def main() -> list[str]:
        fault = {"exchange": "bybit", "fault": "rate_limited"}
        path = "/bybit/v5/market/time"
        async with (
            running(fault, documents=catalog()) as test,
            test.session.get(test.url + path) as response,
        ):
            return response.headers.getall("X-Bapi-Limit-Status")

    assert asyncio.run(main()) == ["0"]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/binance/api/v3/depth?symbol=NOPE", "-1121"),
        ("/okx/api/v5/market/ticker?instId=NOPE", "51001"),
        ("/kraken/0/public/Depth?pair=NOPE", "Unknown asset pair"),
    ],
    ids=["binance", "okx", "kraken"],
)
def test_unknown_symbol_is_answered_in_the_exchange_s_own_words(path: str, code: str) -> None:
    """The error envelope is the provider's."""
    assert code in get(path)[2].decode()


@pytest.mark.parametrize(
    ("query", "levels"),
    [("", 100), ("&limit=5", 5), ("&limit=400", 400), ("&limit=0", 1), ("&limit=-3", 100),
     ("&limit=999999", 1000), ("&limit=٣", 100)],
)  # fmt: skip
def test_limit_parameter_is_respected(query: str, levels: int) -> None:
    """The number of rows is the client's, within bounds."""
    assert len(json.loads(get(DEPTH + query)[2])["bids"]) == levels


def test_date_is_that_of_the_clock() -> None:
    """The Date header is the exchange's time."""
    headers = get(TIME)[1]
    assert parsedate_to_datetime(headers["Date"]).timestamp() == int(NOW)


def test_same_seed_and_time_give_the_same_bytes() -> None:
    """Two simulators agree."""
    assert get(TRADES)[2] == get(TRADES)[2]
    assert get(TRADES)[2] != get(TRADES, seed=2)[2]


def test_other_pairs_can_be_listed() -> None:
    """A pair that the simulator does not know by itself can be named."""
    assert get("/binance/api/v3/depth?symbol=PEPEUSDT")[0] == 400
    assert get("/binance/api/v3/depth?symbol=PEPEUSDT", pairs=["PEPE-USDT"])[0] == 200


async def over_the_limit(test: Running) -> list[tuple[int, str | None, str | None]]:
    """(status, used weight, Retry-After) of requests of weight 25 until well beyond 6000."""
    seen = []
    for _ in range(245):
        status, headers, _ = await test.get(TRADES)
        used = headers.get("x-mbx-used-weight-1m")
        seen.append((status, used, headers.get("Retry-After")))
    return seen


def test_limit_then_ban_then_freedom() -> None:
    """Usage is told, the limit holds to the unit, abuse is banned, and the ban ends."""

    async def main() -> None:
        async with running(documents=catalog()) as test:
            seen = await over_the_limit(test)
            assert seen[0] == (200, "25", None)
            assert seen[239] == (200, "6000", None)
            assert [answer[0] for answer in seen[240:]] == [429, 429, 429, 418, 418]
            assert seen[240][2] == "30"
            assert seen[243][2] == "120"
            _, _, body = await test.get(TRADES)
            assert str(int((NOW + 120) * 1000)) in body.decode()
            test.clock.now += 121
            assert (await test.get(TRADES))[0] == 200

    asyncio.run(main())


def test_requests_are_logged() -> None:
    """Tests can see what reached the exchanges, and when."""

    async def main() -> None:
        async with running() as test:
            await test.get(PING)
            await test.get("/binance/nothing")
            assert list(test.simulator.requests) == [(NOW, "binance", "ping", 200, "BTC-USDT", 0.0)]

    asyncio.run(main())


def test_faults_are_switched_over_http() -> None:
    """POST replaces, GET reads back, DELETE clears, nonsense changes nothing."""

    async def main() -> None:
        async with running() as test:
            url = test.url + "/faults"
            fault = {"exchange": "binance", "endpoint": "ping", "fault": "status_500"}
            async with test.session.post(url, json=[fault]) as response:
                assert response.status == 200
            assert (await test.get(PING))[0] == 500
            assert (await test.get(TIME))[0] == 200
            async with test.session.post(url, json=[{"exchange": "x"}]) as response:
                assert response.status == 400
                assert "$[0].exchange: must be one of" in (await response.json())["errors"][0]
            assert await test.document("/faults") == [fault]
            other = {"exchange": "okx", "fault": "drop"}
            async with test.session.patch(url, json=[other]) as response:
                assert await response.json() == [fault, other]
            async with test.session.delete(url + "?exchange=okx&fault=drop") as response:
                assert await response.json() == [fault]
            async with test.session.delete(url) as response:
                assert await response.json() == []
            assert (await test.get(PING))[0] == 200

    asyncio.run(main())


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 50_000, "not JSON"),
        (b" " * 70_000, "longer than 65536 bytes"),
        (b'"x"', "must be a list"),
    ],
    ids=["syntax", "utf8", "deep", "long", "text"],
)
def test_bad_body_is_refused(body: bytes, problem: str) -> None:
    """Whatever is posted, the answer is 400 and says why."""

    async def main() -> None:
        async with (
            running() as test,
            test.session.post(test.url + "/faults", data=body) as response,
        ):
            assert response.status == 400
            assert problem in (await response.json())["errors"][0]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", PING, "GET, HEAD"),
        ("POST", "/", "GET, HEAD"),
        ("PUT", "/faults", "GET, HEAD, POST, PATCH, DELETE"),
    ],
)
def test_other_methods_are_refused(method: str, path: str, allowed: str) -> None:
    """405 with what is allowed."""

    async def main() -> None:
        async with running() as test, test.session.request(method, test.url + path) as response:
            assert (response.status, response.headers["Allow"]) == (405, allowed)

    asyncio.run(main())


def test_page_tells_everything() -> None:
    """The page names the exchanges, the faults that there are and those in force."""

    async def main() -> None:
        fault = {"exchange": "okx", "fault": "missing_field", "field": "abc"}
        async with running(fault) as test:
            page = (await test.get("/"))[2].decode()
            assert "<b>missing_field</b></td><td>okx</td>" in page
            assert "gzip_bomb" in page
            assert f'href="{test.url}/kraken/0/public/Depth?pair=XBTUSDT' in page

    asyncio.run(main())
