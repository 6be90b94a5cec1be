"""Compiling the streams of a configuration into connections and subscriptions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from exporter.config.document import parse_document
from exporter.config.errors import ConfigError
from exporter.config.loader import DEFAULT_EXCHANGES, load_config, shipped_catalog
from exporter.config.message import answer, fill, message
from exporter.config.plan import build_plan, catalog_problems
from exporter.core.plan import Plan
from exporter.core.stream_plan import StreamPlan

every_exchange = pytest.mark.parametrize("exchange", DEFAULT_EXCHANGES)


def plan_of(folder: Path, text: str) -> Plan:
    """The plan of a configuration with this text."""
    file = folder / "exporter.yml"
    file.write_text(text, encoding="utf-8")
    return build_plan(load_config(file, {}))


def streams_of(folder: Path, exchange: str, *more: str) -> dict[str, StreamPlan]:
    """The connections for all channels of one exchange."""
    settings = ", ".join(["streams: [ticker, trades, book]", *more])
    return dict(plan_of(folder, f"exchanges: {{{exchange}: {{{settings}}}}}\n").streams)


def test_there_are_no_streams_unless_they_are_asked_for(tmp_path: Path) -> None:
    """A connection that nobody wanted would count against the limits of the address."""
    assert plan_of(tmp_path, "").streams == {}


@every_exchange
def test_every_channel_becomes_a_target(tmp_path: Path, exchange: str) -> None:
    """Whichever connection it is on."""
    plans = streams_of(tmp_path, exchange, "pairs: [BTC-USDT, ETH-USDT]")
    found = [str(channel.target) for plan in plans.values() for channel in plan.channels]
    assert sorted(found) == sorted(
        f"{exchange}/stream.{channel}/{pair}"
        for channel in ("ticker", "trades", "book")
        for pair in ("BTC-USDT", "ETH-USDT")
    )


@every_exchange
def test_a_connection_is_made_at_the_pace_of_the_provider(tmp_path: Path, exchange: str) -> None:
    """At our share of it, and there are bounds on everything."""
    for plan in streams_of(tmp_path, exchange, "budget: 0.2").values():
        assert plan.exchange == exchange
        assert plan.url.startswith("wss://")
        assert plan.host in plan.url
        assert (plan.share, plan.attempts > 0, plan.window > 0) == (0.2, True, True)
        assert plan.max_frame <= 16 * 1024 * 1024
        assert all(0 < channel.max_gap <= 600 for channel in plan.channels)


def test_one_connection_for_each_url(tmp_path: Path) -> None:
    """Binance USD-M has its books at another place than the rest."""
    plans = streams_of(tmp_path, "binance_usdm")
    urls = {key: plan.url for key, plan in plans.items()}
    assert urls == {
        "binance_usdm": "wss://fstream.binance.com/market/ws",
        "binance_usdm#2": "wss://fstream.binance.com/public/ws",
    }
    assert [len(plan.channels) for plan in plans.values()] == [2, 1]


@pytest.mark.parametrize(
    ("stream_url", "expected"),
    [
        ("http://127.0.0.1:9928/okx", "ws://127.0.0.1:9928/okx/ws/v5/public"),
        ("https://127.0.0.1:9928/okx/", "wss://127.0.0.1:9928/okx/ws/v5/public"),
        ("wss://wseea.okx.com:8443", "wss://wseea.okx.com:8443/ws/v5/public"),
    ],
)
def test_a_url_of_the_user_replaces_scheme_and_host(
    tmp_path: Path, stream_url: str, expected: str
) -> None:
    """The path stays that of the feed."""
    plans = streams_of(tmp_path, "okx", f"stream_url: '{stream_url}'")
    assert plans["okx"].url == expected


SUBSCRIPTIONS = {
    "binance": {"method": "SUBSCRIBE", "params": ["btcusdt@depth@100ms"], "id": 7},
    "bybit": {"op": "subscribe", "args": ["orderbook.50.BTCUSDT"], "req_id": "7"},
    "okx": {"op": "subscribe", "args": [{"channel": "books", "instId": "BTC-USDT"}]},
    "deribit": {
        "jsonrpc": "2.0",
        "id": 7,
        "method": "public/subscribe",
        "params": {"channels": ["book.BTC-PERPETUAL.100ms"]},
    },
    "coinbase": {
        "type": "subscribe",
        "channels": [{"name": "level2_batch", "product_ids": ["BTC-USDT"]}],
    },
    "kraken": {
        "method": "subscribe",
        "params": {"channel": "book", "symbol": ["BTC/USDT"], "depth": 10},
        "req_id": 7,
    },
}


@pytest.mark.parametrize("exchange", SUBSCRIPTIONS)
def test_a_subscription_is_what_the_documents_show(tmp_path: Path, exchange: str) -> None:
    """With the native symbol; Kraken's feeds do not call bitcoin XBT."""
    channel = streams_of(tmp_path, exchange)[exchange].channels[-1]
    assert json.loads(channel.subscribe(7, 0.0)) == SUBSCRIPTIONS[exchange]
    assert channel.topic in channel.subscribe(7, 0.0)


def test_okx_is_pinged_with_a_word(tmp_path: Path) -> None:
    """That is text and no JSON, and so is the answer."""
    heartbeat = streams_of(tmp_path, "okx")["okx"].heartbeat
    assert heartbeat.send
    assert heartbeat.is_reply
    assert heartbeat.send(1, 0.0) == "ping"
    assert heartbeat.is_reply("pong") is True
    assert heartbeat.every < 30


REFUSED = {
    "a channel that is none": ("okx: {streams: [candles]}", "'candles' is not one of"),
    "a URL that is none": ("okx: {stream_url: okx}", "is not a URL such as wss://"),
}


@pytest.mark.parametrize(("settings", "problem"), REFUSED.values(), ids=REFUSED)
def test_a_bad_configuration_is_refused(tmp_path: Path, settings: str, problem: str) -> None:
    """With file, line and key."""
    with pytest.raises(ConfigError, match=rf"exporter\.yml:1: \$\.exchanges\.okx.*{problem}"):
        plan_of(tmp_path, f"exchanges: {{{settings}}}\n")


def test_streams_that_are_not_supported_say_why(tmp_path: Path) -> None:
    """As the catalog says it, and not at run time."""
    source = Path(__file__).parents[2] / "exporter/catalog/okx.yml"
    text = source.read_text(encoding="utf-8").replace("name: okx", "name: mine", 1)
    start, end = text.index("\nstreams:"), text.index("\nerror_samples:")
    unsupported = "\nstreams: {unsupported: frames are protobuf}\n"
    (tmp_path / "mine.yml").write_text(text[:start] + unsupported + text[end:])
    with pytest.raises(ConfigError) as caught:
        plan_of(tmp_path, "catalog: [mine.yml]\nexchanges: {mine: {streams: [book]}}\n")
    assert "$.exchanges.mine.streams[0]: no stream 'book' of OKX: frames are protobuf" in str(
        caught.value
    )


BROKEN = {
    "an expression": ("\"e == 'trade' &&", '"e == &&', "streams.channels.trades.match: not a"),
    "an expression of a sequence": ("last: u}", "last: '$'}", "book.sequence.last: not a JMES"),
    "no acknowledgement": ("  ack: ", "  other: ", "streams: needs ack"),
}


@pytest.mark.parametrize(("old", "new", "problem"), BROKEN.values(), ids=BROKEN)
def test_a_broken_section_is_reported(old: str, new: str, problem: str) -> None:
    """With the place in the catalog file."""
    source = Path(__file__).parents[2] / "exporter/catalog/binance.yml"
    text = source.read_text(encoding="utf-8")
    assert old in text
    problems = catalog_problems(parse_document(text.replace(old, new, 1), "binance.yml"))
    assert [problem in str(each) for each in problems] == [True]


@every_exchange
def test_the_shipped_catalog_has_all_channels(exchange: str) -> None:
    """And says of each how long it may be silent."""
    assert shipped_catalog()[exchange].data["streams"]["channels"].keys() == {
        "ticker",
        "trades",
        "book",
    }


def test_a_message_is_filled_in() -> None:
    """Marks become values of their own type; text without marks is sent as it is."""
    spec = {"id": "$id", "text": "$id:str", "at": "$time:ms", "s": "$time:s", "args": ["$topic"]}
    text = message(spec, {"a": 1})(3, 1.5)
    assert text == '{"id":3,"text":"3","at":1500,"s":1,"args":[{"a":1}]}'
    assert message("ping")(3, 1.5) == "ping"
    assert message("$topic", ["a"])(3, 1.5) == '["a"]'
    assert answer({"pong": "$ping"})(1234) == '{"pong":1234}'


def test_only_names_are_filled_in() -> None:
    """JMESPath has braces of its own."""
    names = {"symbol": "BTCUSDT"}
    assert fill("{a: b} && s == '{symbol}'", names) == "{a: b} && s == 'BTCUSDT'"
    assert fill({"k": ["{symbol}", 1, None]}, names) == {"k": ["BTCUSDT", 1, None]}
