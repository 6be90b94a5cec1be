"""A simulated connection keeps its provider's rules, and breaks them as the faults want it."""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from exporter.core.sequence import Order
from exporter.simulator.faults import Place, read_faults
from exporter.simulator.stream_faults import STREAM_FAULTS
from exporter.simulator.stream_feed import Feeds
from exporter.simulator.stream_rules import Close
from exporter.simulator.stream_session import Ping, Session
from tests.simulator.streaming import (
    EVERYTHING,
    EXCHANGES,
    MARKET,
    PAIR,
    Client,
    fault,
    holds,
    orders,
)
from tests.simulator.support import NOW, catalog

everything = pytest.mark.parametrize(("exchange", "channel"), EVERYTHING)
every_exchange = pytest.mark.parametrize("exchange", EXCHANGES)
REFUSING = [exchange for exchange in EXCHANGES if not exchange.startswith("binance")]


@everything
def test_a_subscription_is_acknowledged(exchange: str, channel: str) -> None:
    """Before any data, and by our id or our topic where the answer names one."""
    client = Client(exchange, channel).subscribe()
    acks = [each for each in client.answers if holds(client.plan.is_ack, each)]
    assert len(acks) == 1
    if client.plan.ack_of:
        assert client.plan.ack_of(acks[0]) in (1, json.loads(client.channel.topic))
    assert not any(holds(client.plan.is_refusal, each) for each in client.answers)


@everything
def test_every_message_is_of_one_kind(exchange: str, channel: str) -> None:
    """Data is never taken for an answer, and no answer is left over that means nothing."""
    client = Client(exchange, channel).subscribe()
    client.wait(15.0)
    plan = client.plan
    assert client.data
    kinds = (plan.is_ack, plan.is_refusal, plan.is_notice, plan.in_maintenance)
    assert not [m for m in client.data if any(holds(kind, m) for kind in kinds)]
    known = (plan.is_ack, plan.is_other, plan.heartbeat.is_reply, plan.heartbeat.is_ping)
    assert not [m for m in client.answers if not any(holds(kind, m) for kind in known)]


@pytest.mark.parametrize("exchange", REFUSING)
def test_an_unknown_topic_is_refused(exchange: str) -> None:
    """And nothing is sent."""
    client = Client(exchange, "book")
    client.say(client.channel.subscribe(1, NOW).replace("BTC", "NOSUCH"))
    client.wait(3.0)
    assert sum(holds(client.plan.is_refusal, each) for each in client.answers) == 1
    assert not any(holds(client.plan.is_ack, each) for each in client.answers)
    assert not client.data


@pytest.mark.parametrize("exchange", ["binance", "binance_usdm"])
def test_binance_acknowledges_what_does_not_exist(exchange: str) -> None:
    """Such a stream stays silent."""
    client = Client(exchange, "book")
    client.say(client.channel.subscribe(1, NOW).replace("btc", "nosuch"))
    assert holds(client.plan.is_ack, client.answers[0])
    assert client.wait(3.0) == []


def test_binance_usdm_is_silent_on_the_wrong_url() -> None:
    """Books are on /public, not on /market."""
    client = Client("binance_usdm", "ticker")
    client.say(Client("binance_usdm", "book").channel.subscribe(1, NOW))
    assert holds(client.plan.is_ack, client.answers[0])
    assert client.wait(3.0) == []


@everything
def test_the_first_message_is_a_snapshot_where_there_is_one(exchange: str, channel: str) -> None:
    """It comes right after the acknowledgement."""
    client = Client(exchange, channel).subscribe()
    spec = catalog()[exchange]["streams"]["channels"][channel]
    assert len(client.data) == ("snapshot_sample" in spec)


def test_kraken_greets_with_its_status() -> None:
    """Online, which is no maintenance."""
    client = Client("kraken", "book")
    (greeting,) = client.answers
    assert holds(client.plan.is_other, greeting)
    assert not holds(client.plan.in_maintenance, greeting)


def test_a_client_that_answers_pings_stays_connected() -> None:
    """Binance pings every 20 seconds."""
    client = Client("binance", "ticker").subscribe()
    for _ in range(10):
        assert Ping() in client.wait(20.0, tick=1.0)
        client.session.pong(client.now)


def test_a_client_without_pongs_is_cut_off() -> None:
    """A minute after the first ping."""
    client = Client("binance", "ticker").subscribe()
    assert not _end(client.wait(79.0, tick=1.0))
    assert _end(client.wait(2.0, tick=1.0)) == Close(1008, "no pong")


def test_deribit_cuts_off_who_does_not_answer_its_test_requests() -> None:
    """At the next one."""
    client = Client("deribit", "ticker").subscribe()
    requests = [m for m in client.wait(10.5) if '"test_request"' in str(m)]
    heartbeat = client.plan.heartbeat
    assert len(requests) == 1
    assert heartbeat.is_ping
    assert heartbeat.answer
    client.say(heartbeat.answer(heartbeat.is_ping(json.loads(str(requests[0])))))
    assert not _end(client.wait(10.0))
    assert _end(client.wait(10.0)) == Close(1008, "heartbeat not answered")


def test_okx_cuts_a_connection_without_a_word_after_30_seconds() -> None:
    """A ping, which it answers with a pong, is a word."""
    client = Client("okx", "book")
    send = client.plan.heartbeat.send
    assert send
    assert not _end(client.wait(29.0, tick=1.0))
    assert client.say(send(3, client.now)) == ["pong"]
    assert not _end(client.wait(29.0, tick=1.0))
    assert _end(client.wait(2.0, tick=1.0)) == Close(1008, "no data")


def test_coinbase_wants_a_subscription_within_5_seconds() -> None:
    """Who subscribed stays."""
    assert _end(Client("coinbase", "book").wait(5.5)) == Close(1008, "no subscription")
    assert not _end(Client("coinbase", "book").subscribe().wait(5.5))


@pytest.mark.parametrize(("exchange", "expected"), [("coinbase", 10), ("kraken", 0)])
def test_heartbeats_come_as_the_provider_sends_them(exchange: str, expected: int) -> None:
    """Coinbase's every second, Kraken's only when nothing else comes."""
    client = Client(exchange, "book").subscribe()
    client.wait(10.2)
    beats = [each for each in client.answers if "heartbeat" in str(each)]
    assert len([b for b in beats if b.get("type", b.get("channel")) == "heartbeat"]) == expected


def test_kraken_beats_where_there_is_nothing_to_say() -> None:
    """About once a second."""
    client = Client("kraken", "book", fault("kraken", "stream_no_data")).subscribe()
    client.wait(10.5)
    assert 9 <= client.answers.count({"channel": "heartbeat"}) <= 10


def test_too_many_messages_of_the_client_end_the_connection() -> None:
    """Binance takes five a second; twice what we allow ourselves is borne."""
    client = Client("binance", "ticker")
    for number in range(8):
        assert not _end(client.say(client.channel.subscribe(number, NOW)))
    assert _end(client.say(client.channel.subscribe(9, NOW)))


def test_a_connection_ends_with_its_life() -> None:
    """With 1001, after the time that the catalog says."""
    document: dict[str, Any] = copy.deepcopy(catalog()["binance"])
    document["streams"]["lifetime"] = "30s"
    session = Session(Feeds(document, [PAIR], MARKET), "/ws", 1, NOW)
    assert not _end([*session.due(NOW + 29.0, ())])
    assert _end([*session.due(NOW + 30.0, ())]) == Close(1001, "end of life")


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "42", '{"op":"subscribe"}', '{"args":[[]]}', "[" * 100_000, "ping"],
)
@every_exchange
def test_nonsense_of_a_client_is_survived(exchange: str, text: str) -> None:
    """It is ignored, or refused."""
    client = Client(exchange, "book")
    assert all(isinstance(frame, str) for frame in client.say(text))


def test_an_announced_shutdown_is_told_and_done() -> None:
    """Only to connections that were open already; the end comes when it was said to."""
    shutdown = fault("okx", "stream_shutdown", seconds=20, at=NOW + 5)
    client = Client("okx", "book").subscribe()
    client.wait(5.0)
    client.faults = (shutdown,)
    client.wait(19.0)
    assert sum(holds(client.plan.is_notice, each) for each in client.answers) == 1
    assert _end(client.wait(2.0)) == Close(1001, "shutdown")
    later = Client("okx", "book", shutdown, now=NOW + 10).subscribe()
    assert not _end(later.wait(30.0))
    assert not any(holds(client.plan.is_notice, each) for each in later.answers)


def test_maintenance_is_told_by_kraken() -> None:
    """In the greeting, and in a message to whom is connected."""
    client = Client("kraken", "book", fault("kraken", "stream_maintenance")).subscribe()
    client.wait(3.0)
    assert sum(holds(client.plan.in_maintenance, each) for each in client.answers) == 1
    assert not client.data
    client = Client("kraken", "book").subscribe()
    client.faults = (fault("kraken", "stream_maintenance", at=NOW + 1),)
    client.wait(3.0)
    assert sum(holds(client.plan.in_maintenance, each) for each in client.answers) == 1


@everything
def test_fault_no_ack(exchange: str, channel: str) -> None:
    """Neither answer nor data."""
    client = Client(exchange, channel, fault(exchange, "stream_no_ack")).subscribe()
    client.wait(5.0)
    assert not client.data
    assert not any(holds(client.plan.is_ack, each) for each in client.answers)


@everything
def test_fault_no_data(exchange: str, channel: str) -> None:
    """An answer, and nothing but heartbeats after it."""
    client = Client(exchange, channel, fault(exchange, "stream_no_data")).subscribe()
    client.wait(5.0)
    assert not client.data
    assert any(holds(client.plan.is_ack, each) for each in client.answers)


@everything
def test_fault_silent(exchange: str, channel: str) -> None:
    """So many messages, then none, and the connection stays."""
    client = Client(exchange, channel, fault(exchange, "stream_silent", messages=3)).subscribe()
    client.wait(8.0)
    before = len(client.data)
    assert 3 <= before <= 4
    assert not _end(client.wait(5.0))
    assert len(client.data) == before


@pytest.mark.parametrize("code", ["1001", "1006", "1008", "1013"])
def test_fault_close(code: str) -> None:
    """Every connection lives so long."""
    client = Client("okx", "book", fault("okx", "stream_close", code=code, seconds=3)).subscribe()
    assert not _end(client.wait(2.5))
    assert _end(client.wait(1.0)) == Close(int(code), "fault")


GAPS = [("binance", "book"), ("binance_usdm", "book"), ("okx", "book"), ("deribit", "book"),
        ("deribit", "trades")]  # fmt: skip


@pytest.mark.parametrize(("exchange", "channel"), GAPS)
def test_fault_gap(exchange: str, channel: str) -> None:
    """Each lost message is one gap, where the rule can tell."""
    client = Client(exchange, channel, fault(exchange, "stream_gap", every=10)).subscribe()
    client.wait(21.0)
    found = orders(client.channel, client.data)
    assert 10 <= found.count(Order.GAP) == pytest.approx(len(found) / 9, abs=1)
    assert set(found) == {Order.OK, Order.GAP}


@everything
def test_fault_duplicate(exchange: str, channel: str) -> None:
    """The same message again."""
    client = Client(exchange, channel, fault(exchange, "stream_duplicate", every=5)).subscribe()
    client.wait(20.0)
    data = client.data
    twice = sum(a == b for a, b in itertools.pairwise(data))
    assert twice >= 2
    if client.channel.sequence:
        assert orders(client.channel, data).count(Order.DUPLICATE) == twice


@everything
def test_fault_out_of_order(exchange: str, channel: str) -> None:
    """Nothing is lost, but some comes after what follows it."""
    late = fault(exchange, "stream_out_of_order", every=5)
    client, calm = (Client(exchange, channel, *faults).subscribe() for faults in ((late,), ()))
    client.wait(19.0)
    calm.wait(19.0)
    assert client.data != calm.data
    assert set(map(str, client.data)) <= set(map(str, calm.data))
    assert len(calm.data) - len(client.data) in (0, 1)  # one may be held at the end
    if client.channel.sequence:
        assert Order.OUT_OF_ORDER in orders(client.channel, client.data)


@everything
def test_fault_lag(exchange: str, channel: str) -> None:
    """Messages come so many seconds after their own time, and none is missing."""
    client = Client(exchange, channel, fault(exchange, "stream_lag", seconds=4)).subscribe()
    client.wait(10.0)
    told = client.channel.time
    assert told is not None
    event_at = told.convert(told.find(client.data[-1]))
    assert event_at is not None
    assert 3.9 <= client.now - event_at <= 6.5
    if client.channel.sequence:
        assert set(orders(client.channel, client.data)) <= {Order.OK}


@everything
def test_fault_burst(exchange: str, channel: str) -> None:
    """Thousands of messages, all of them sound; afterwards the ids go on without a gap."""
    client = Client(exchange, channel).subscribe()
    client.wait(2.0)
    client.faults = (fault(exchange, "stream_burst", rate=500),)
    client.wait(2.0, tick=0.01)
    client.faults = ()
    client.wait(2.0)
    assert 1000 <= len(client.data) <= 1070
    assert not [m for m in client.answers if not _is_known(client, m)]
    if client.channel.sequence:
        assert set(orders(client.channel, client.data)) <= {Order.OK}


GARBAGE: dict[str, Callable[[Any], bool]] = {
    "text": lambda frame: frame == "no JSON at all",
    "binary": lambda frame: isinstance(frame, bytes),
    "cut": lambda frame: isinstance(frame, str) and frame.startswith("{") and frame[-1] != "}",
    "nested": lambda frame: str(frame).startswith("[[["),
    "number": lambda frame: frame == "42",
}


@pytest.mark.parametrize("form", GARBAGE)
def test_fault_garbage(form: str) -> None:
    """Between messages that are sound."""
    broken = fault("okx", "stream_garbage", every=5, form=form)
    client = Client("okx", "book", broken).subscribe()
    client.wait(5.0)
    assert sum(GARBAGE[form](frame) for frame in client.said) >= 8
    assert set(orders(client.channel, client.data)) == {Order.OK}


def test_fault_oversize() -> None:
    """A frame of so many megabytes."""
    huge = fault("okx", "stream_oversize", every=10, megabytes=2)
    client = Client("okx", "book", huge).subscribe()
    client.wait(1.5)
    assert max(len(frame) for frame in client.said if isinstance(frame, str)) > 2_000_000


def test_fault_no_pong() -> None:
    """No answer to a ping, no heartbeat, no ping of the server's own."""
    mute = [fault(name, "stream_no_pong") for name in ("okx", "binance", "coinbase")]
    okx, binance, coinbase = (Client(each.exchange, "book", each).subscribe() for each in mute)
    assert okx.say("ping") == []
    assert Ping() not in binance.wait(30.0, tick=1.0)
    coinbase.wait(5.0)
    assert not [m for m in coinbase.answers if m["type"] == "heartbeat"]


@pytest.mark.parametrize(
    ("exchange", "order"), [("okx", Order.RESYNC), ("bybit", Order.RESYNC), ("deribit", Order.OK)]
)
def test_a_legal_reset_is_no_gap(exchange: str, order: Order) -> None:
    """Where the documents know one, ids fall back once; elsewhere nothing happens."""
    client = Client(exchange, "book").subscribe()
    client.wait(2.0)
    client.faults = (fault(exchange, "stream_reset", at=client.now),)
    client.wait(2.0)
    found = orders(client.channel, client.data)
    assert found.count(order) >= 1
    assert set(found) <= {Order.OK, order}


def test_a_keepalive_repeats_an_id() -> None:
    """As OKX does when nothing changes."""
    client = Client("okx", "book", fault("okx", "stream_keepalive", every=5)).subscribe()
    client.wait(3.0)
    repeats = client.channel.sequence
    assert repeats
    assert sum(holds(repeats.keepalive, each) for each in client.data) >= 5
    assert set(orders(client.channel, client.data)) == {Order.OK}


def test_a_fault_of_one_channel_spares_the_others() -> None:
    """Also on the same connection."""
    book = fault("okx", "stream_no_data", endpoint="stream.book")
    assert not Client("okx", "book", book).subscribe().wait(2.0)
    assert Client("okx", "trades", book).subscribe().wait(2.0)


def test_a_skewed_clock_shows_in_the_events_too() -> None:
    """The exchange has one clock."""
    client = Client("binance", "book", fault("binance", "stream_no_pong")).subscribe()
    client.faults = (_clock_skew("binance", 7.0),)
    client.wait(1.0)
    assert client.data[-1]["E"] / 1000 - client.now == pytest.approx(7.0, abs=0.2)


def test_every_fault_has_a_test_here_or_on_the_wire() -> None:
    """A fault that does nothing would go unnoticed."""
    tested = {f"stream_{name.removeprefix('test_fault_')}" for name in globals()}
    elsewhere = {
        "stream_refused",
        "stream_shutdown",
        "stream_maintenance",
        "stream_reset",
        "stream_keepalive",
    }
    assert STREAM_FAULTS.keys() - tested == elsewhere


def _is_known(client: Client, message: Any) -> bool:
    plan = client.plan
    kinds = (plan.is_ack, plan.is_other, plan.heartbeat.is_reply, plan.heartbeat.is_ping)
    return any(holds(kind, message) for kind in kinds)


def _clock_skew(exchange: str, seconds: float) -> Any:
    request = [{"exchange": exchange, "fault": "clock_skew", "seconds": seconds}]
    return read_faults(request, {exchange: Place(())}, NOW)[0]


def _end(frames: list[Any]) -> Close | None:
    return next((frame for frame in frames if isinstance(frame, Close)), None)
