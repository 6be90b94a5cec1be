"""Each fault as a plain HTTP client sees it."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import pytest

from tests.simulator.support import (
    DEPTH,
    KLINES,
    NOW,
    PING,
    TICKER,
    TIME,
    TRADES,
    Running,
    running,
    validator,
)


def fault(name: str, **parameters: Any) -> dict[str, Any]:
    """A fault on all of Binance."""
    return {"exchange": "binance", "fault": name, **parameters}


def ask(path: str, *faults: Mapping[str, Any]) -> tuple[int, Mapping[str, str], bytes]:
    """One answer under faults."""

    async def main() -> tuple[int, Mapping[str, str], bytes]:
        async with running(*faults) as test:
            return await test.get(path)

    return asyncio.run(main())


def document(path: str, name: str, **parameters: Any) -> Any:
    """One document under a fault."""
    return json.loads(ask(path, fault(name, **parameters))[2])


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("drop", aiohttp.ServerDisconnectedError),
        ("reset", aiohttp.ClientOSError),
        ("reset_body", aiohttp.ClientPayloadError),
        ("drip", TimeoutError),
        ("truncated", aiohttp.ClientPayloadError),
        ("hang", TimeoutError),
        ("hang_body", TimeoutError),
    ],
)
def test_connection_fails(name: str, error: type[Exception]) -> None:
    """The client sees the failure that the fault is named after."""

    async def main() -> None:
        async with running(fault(name)) as test:
            timeout = aiohttp.ClientTimeout(total=0.2)
            with pytest.raises(error):
                async with test.session.get(test.url + DEPTH, timeout=timeout) as response:
                    await response.read()

    asyncio.run(main())


def test_body_hangs_after_its_first_half() -> None:
    """Headers and half of the body come; the rest does not."""

    async def main() -> None:
        async with (
            running(fault("hang_body")) as test,
            test.session.get(test.url + DEPTH) as response,
        ):
            assert response.status == 200
            assert (await response.content.readany()).startswith(b'{"lastUpdateId"')
            assert not response.content.at_eof()

    asyncio.run(main())


def test_latency_delays_only_its_endpoint() -> None:
    """The answer comes whole, but late."""

    async def main() -> None:
        async with running({**fault("latency", ms=80), "endpoint": "depth"}) as test:
            loop = asyncio.get_running_loop()
            begin = loop.time()
            assert (await test.get(DEPTH))[0] == 200
            assert loop.time() - begin >= 0.08

    asyncio.run(main())


def test_closing_ends_what_hangs() -> None:
    """The end of the simulator does not wait for hanging answers."""

    async def main() -> None:
        async with (
            running(fault("hang_body")) as test,
            test.session.get(test.url + DEPTH) as response,
        ):
            await test.simulator.close()
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.read()

    asyncio.run(main())


async def raw(test: Running, path: str) -> bytes:
    """All the bytes that a request brings."""
    host, port = test.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


@pytest.mark.parametrize("by", [-10, 25])
def test_wrong_length(by: int) -> None:
    """The header announces fewer bytes than come, or more."""

    async def main() -> bytes:
        async with running(fault("wrong_length", by=by)) as test:
            return await raw(test, PING)

    head, _, body = asyncio.run(main()).partition(b"\r\n\r\n")
    assert body == b"{}"
    assert f"Content-Length: {max(0, len(body) + by)}".encode() in head


def test_huge_body() -> None:
    """All the announced megabytes come."""
    body = ask(DEPTH, fault("huge", megabytes=2))[2]
    assert len(body) > 2 * 1024 * 1024
    assert json.loads(body)["bids"]


def test_gzip_bomb() -> None:
    """A small answer unpacks to many megabytes."""

    async def main() -> bytes:
        async with (
            running(fault("gzip_bomb", megabytes=5)) as test,
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.get(test.url + DEPTH) as response,
        ):
            assert response.headers["Content-Encoding"] == "gzip"
            return await response.read()

    packed = asyncio.run(main())
    assert len(packed) < 50_000
    assert len(zlib.decompress(packed, wbits=31)) == 5 * 1024 * 1024


@pytest.mark.parametrize(
    ("name", "path", "status", "content_type"),
    [
        ("status_500", DEPTH, 500, "text/html"),
        ("status_503", DEPTH, 503, "text/html"),
        ("html", DEPTH, 200, "text/html"),
        ("waf", DEPTH, 403, "text/html"),
        ("rate_limited", DEPTH, 429, "application/json"),
        ("banned", DEPTH, 418, "application/json"),
        ("maintenance", DEPTH, 503, "application/json"),
        ("redirect", DEPTH, 302, "application/json"),
    ],
)
def test_status(name: str, path: str, status: int, content_type: str) -> None:
    """The status says what is wrong."""
    seen, headers, _ = ask(path, fault(name))
    assert (seen, headers["Content-Type"]) == (status, content_type)


def test_maintenance_is_announced_by_the_status_call() -> None:
    """The status endpoint tells it in a successful answer."""
    told = document("/binance/sapi/v1/system/status", "maintenance")
    assert told == {"status": 1, "msg": "system_maintenance"}


@pytest.mark.parametrize(
    ("form", "expected"),
    [("provider", "17"), ("seconds", "17"), ("date", "Fri, 15 Jan 2027 08:00:48 GMT")],
)
def test_retry_after_forms(form: str, expected: str) -> None:
    """Retry-After comes as seconds or as a date."""
    headers = ask(DEPTH, fault("rate_limited", retry_after=17, form=form))[1]
    assert headers["Retry-After"] == expected


def test_retry_after_is_added_where_the_provider_sends_none() -> None:
    """The form decides even for an exchange without the header."""
    path = "/okx/api/v5/public/time"
    without = {"exchange": "okx", "fault": "rate_limited"}
    assert "Retry-After" not in ask(path, without)[1]
    assert ask(path, {**without, "form": "seconds"})[1]["Retry-After"] == "30"


def test_redirect_leads_to_another_host() -> None:
    """The location is the parameter."""
    headers = ask(DEPTH, fault("redirect", to="http://other.invalid/x"))[1]
    assert headers["Location"] == "http://other.invalid/x"


def test_budget_eaten_shows_in_the_headers() -> None:
    """Somebody else has spent most of it."""

    async def main() -> None:
        async with running(fault("budget_eaten")) as test:
            _, headers, _ = await test.get(PING)
            assert int(headers["x-mbx-used-weight-1m"]) >= 0.95e9

    asyncio.run(main())


def test_empty_body() -> None:
    """200 with nothing in it."""
    assert ask(DEPTH, fault("empty"))[2] == b""


def test_invalid_utf8() -> None:
    """The body cannot be decoded, but is well-formed otherwise."""
    body = ask(DEPTH, fault("invalid_utf8"))[2]
    with pytest.raises(UnicodeDecodeError):
        body.decode()
    assert json.loads(body.decode("latin-1"))


def test_duplicate_keys() -> None:
    """The first key comes twice."""
    body = ask(DEPTH, fault("duplicate_keys"))[2]
    assert body.count(b'"lastUpdateId":') == 2
    assert json.loads(body)["bids"]


def two_answers(path: str, name: str, **parameters: Any) -> tuple[Any, Any]:
    """Two documents, ten seconds apart, under a fault."""

    async def main() -> tuple[Any, Any]:
        async with running(fault(name, **parameters)) as test:
            first = await test.document(path)
            test.clock.now += 10
            return first, await test.document(path)

    return asyncio.run(main())


def test_frozen_repeats_itself() -> None:
    """The same bytes come ten seconds later."""
    first, second = two_answers(TICKER, "frozen")
    assert first == second


def test_stale_stops_the_times_but_not_the_prices() -> None:
    """The payload is two minutes old and grows older; its price moves."""
    first, second = two_answers(TICKER, "stale")
    assert first["closeTime"] == second["closeTime"] == int((NOW - 120) * 1000)
    assert first["lastPrice"] != second["lastPrice"]


def test_stale_rows_are_old_too() -> None:
    """Trades and candles are no newer than the payload."""
    assert document(TRADES, "stale")[-1]["time"] <= (NOW - 120) * 1000
    newest = document(KLINES, "stale")[-1][0]
    assert newest <= (NOW - 120) * 1000
    assert newest % 60_000 == 0


def test_future() -> None:
    """The times lie ahead of us."""
    assert document(TIME, "future")["serverTime"] == int((NOW + 120) * 1000)


def test_clock_skew_moves_date_and_server_time() -> None:
    """Header and payload agree on the wrong time."""
    _, headers, body = ask(TIME, fault("clock_skew", seconds=-7))
    assert json.loads(body)["serverTime"] == int((NOW - 7) * 1000)
    assert parsedate_to_datetime(headers["Date"]).timestamp() == int(NOW - 7)


def best(path: str, name: str) -> tuple[float, float]:
    """Best bid and ask of a book or a ticker under a fault."""
    seen = document(path, name)
    if "bids" in seen:
        return float(seen["bids"][0][0]), float(seen["asks"][0][0])
    return float(seen["bidPrice"]), float(seen["askPrice"])


@pytest.mark.parametrize("path", [DEPTH, TICKER], ids=["depth", "ticker"])
def test_crossed_and_locked(path: str) -> None:
    """The best bid is above the best ask, or the same."""
    bid, ask_ = best(path, "crossed")
    assert bid > ask_
    bid, ask_ = best(path, "locked")
    assert bid == ask_


def test_unsorted() -> None:
    """Book, trades and candles come in the wrong order."""
    bids = [float(level[0]) for level in document(DEPTH, "unsorted")["bids"]]
    assert bids != sorted(bids, reverse=True)
    ids = [trade["id"] for trade in document(TRADES, "unsorted")]
    assert ids != sorted(ids)
    opened = [candle[0] for candle in document(KLINES, "unsorted")]
    assert opened != sorted(opened)


def test_negative_price() -> None:
    """All prices are below zero."""
    assert float(document(TICKER, "negative_price")["lastPrice"]) < 0
    assert all(float(level[0]) < 0 for level in document(DEPTH, "negative_price")["bids"])


def test_zero_size() -> None:
    """Nobody offers anything."""
    seen = document(DEPTH, "zero_size")
    assert {float(level[1]) for level in seen["bids"] + seen["asks"]} == {0.0}


@pytest.mark.parametrize(("side", "other"), [("bids", "asks"), ("asks", "bids")])
def test_empty_side(side: str, other: str) -> None:
    """One side is empty, the other is not."""
    seen = document(DEPTH, "empty_side", side=side)
    assert not seen[side]
    assert seen[other]


def test_nan() -> None:
    """Prices are no numbers, as text and as JSON numbers."""
    assert document(TICKER, "nan")["lastPrice"] == "nan"
    path = "/deribit/public/ticker?instrument_name=BTC-PERPETUAL"
    assert b"NaN" in ask(path, {"exchange": "deribit", "fault": "nan"})[2]


@pytest.mark.parametrize(("value", "word"), [("nan", b"NaN"), ("inf", b"Infinity")])
def test_bare_nan(value: str, word: bytes) -> None:
    """Words that are not JSON, whatever the exchange writes its prices as."""
    for path in (DEPTH, KLINES, PING):
        assert word in ask(path, fault("bare_nan", value=value))[2]


def test_price_jump() -> None:
    """Prices are off by the percentage."""
    price = "/binance/api/v3/ticker/price?symbol=BTCUSDT"
    plain = float(json.loads(ask(price)[2])["price"])
    assert float(document(price, "price_jump")["price"]) == pytest.approx(plain * 1.05)


def test_zero_price_and_negative_size() -> None:
    """Each in every row."""
    assert {float(price) for price, _ in document(DEPTH, "zero_price")["bids"]} == {0.0}
    assert all(float(size) < 0 for _, size in document(DEPTH, "negative_size")["asks"])
    assert all(float(trade["qty"]) < 0 for trade in document(TRADES, "negative_size"))


def test_few_levels() -> None:
    """The book is thin."""
    seen = document(DEPTH, "few_levels", levels=2)
    assert (len(seen["bids"]), len(seen["asks"])) == (2, 2)


def test_cut_json_is_well_delivered() -> None:
    """The length is right, the JSON is not."""
    body = ask(DEPTH, fault("cut"))[2]
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        json.loads(body)


def test_deep_json() -> None:
    """Lists within lists."""
    assert ask(PING, fault("deep_json", depth=50))[2] == b"[" * 50 + b"]" * 50


@pytest.mark.parametrize(
    ("meaning", "status", "code"),
    [("auth", 401, -2015), ("clock", 400, -1021), ("server", 503, -1008), ("banned", 418, -1003)],
)
def test_error_envelopes(meaning: str, status: int, code: int) -> None:
    """The exchange's own words for each meaning."""
    seen, _, body = ask(DEPTH, fault("error", meaning=meaning))
    assert (seen, json.loads(body)["code"]) == (status, code)


def test_error_that_an_exchange_has_no_words_for_spares_it() -> None:
    """A fault on all exchanges hits those that can show it."""
    everywhere = {"exchange": "*", "fault": "error", "meaning": "clock"}
    assert ask(PING, everywhere)[0] == 400
    assert ask("/deribit/public/test", everywhere)[0] == 200


def test_usage_headers_can_be_missing_and_lie() -> None:
    """Nothing, or that nothing is used."""
    assert "x-mbx-used-weight-1m" not in ask(PING, fault("headers_missing"))[1]
    assert ask(PING, fault("headers_lying"))[1]["x-mbx-used-weight-1m"] == "0"


def test_lowered_limits_refuse() -> None:
    """A limit of nothing is over at once."""
    assert ask(PING, fault("limits_lowered", ratio=0))[0] == 429


def test_refusal_without_retry_after() -> None:
    """A provider's header can be left out."""
    assert "Retry-After" not in ask(DEPTH, fault("rate_limited", form="none"))[1]


def test_sequence_runs_backwards() -> None:
    """Each answer has a smaller sequence than the one before."""
    healthy = json.loads(ask(DEPTH)[2])["lastUpdateId"]
    first, second = two_answers(DEPTH, "sequence_back")
    assert healthy > first["lastUpdateId"] > second["lastUpdateId"]


def test_symbol_swap() -> None:
    """The answer is about another pair, prices and all."""
    seen = document(TICKER, "symbol_swap")
    assert seen["symbol"] == "ETHUSDT"
    assert float(seen["lastPrice"]) < 10_000


@pytest.mark.parametrize("name", ["missing_field", "wrong_type"])
def test_document_breaks_its_schema(name: str) -> None:
    """The schema notices; the field can be chosen."""
    assert not validator("binance", "depth").is_valid(document(DEPTH, name))
    seen = document(DEPTH, name, field="lastUpdateId")
    assert seen.get("lastUpdateId", [None]) == [None]
    assert seen["asks"]


def test_fault_spares_other_exchanges() -> None:
    """Only the named exchange suffers."""
    assert ask("/okx/api/v5/public/time", fault("status_500"))[0] == 200


def test_shared_body_never_outlives_a_fault() -> None:
    """Bodies are shared for a moment; switching faults takes effect at once."""

    async def main(test: Running) -> None:
        healthy = await test.document(DEPTH)
        test.simulator.set_faults([fault("empty_side")])
        assert not (await test.document(DEPTH))["bids"]
        test.simulator.set_faults([])
        assert await test.document(DEPTH) == healthy

    async def run() -> None:
        async with running() as test:
            await main(test)

    asyncio.run(run())
