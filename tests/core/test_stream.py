"""A session: what it says, what it understands, and what it survives."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.model import Reason
from exporter.core.stream import Session
from exporter.core.stream_plan import Heartbeat, StreamPlan
from exporter.core.stream_totals import ChannelTotals, End, Totals
from tests.streams.plans import BOOK, TRADES, channel, member, message, plan

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.sampled_from(["topic", "u", "U", "t", "b", "ok", "id", "notice", "status", "x"]),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


def opened(made: StreamPlan | None = None) -> Session:
    """A session whose connection opened at 0 and whose subscriptions went out."""
    session = Session(made or plan(), lambda: 0.0)
    session.opened(0.0, 1e9)
    session.outgoing(0.0)
    return session


def hear(session: Session, *texts: object, now: float = 1.0) -> None:
    """Let the session receive texts, or documents as JSON."""
    for text in texts:
        data = text if isinstance(text, str) else json.dumps(text)
        session.receive(data.encode(), 1e9 + now, now)


def book(session: Session) -> ChannelTotals:
    """What was counted of the book."""
    return session.totals.channels[BOOK]


def test_it_subscribes_at_the_pace_that_is_allowed() -> None:
    """Setup first, then one subscription at a time."""
    heartbeat = Heartbeat(setup=lambda number, _: f"setup {number}")
    both = plan("", channel("book"), channel("trades"), message_interval=0.25, heartbeat=heartbeat)
    session = Session(both, lambda: 0.0)
    session.opened(10.0, 1e9)

    sent = [(now, session.outgoing(now)) for now in (10.0, 10.1, 10.25, 10.5, 11.0)]

    assert sent == [
        (10.0, ["setup 3"]),
        (10.1, []),
        (10.25, ['{"subscribe": "book", "id": 1}']),
        (10.5, ['{"subscribe": "trades", "id": 2}']),
        (11.0, []),
    ]


def test_a_subscription_that_failed_is_asked_for_again_ever_more_rarely() -> None:
    """The provider bounds how often one may ask on a connection."""
    session = opened(plan("", channel("book"), channel("trades")))
    hear(session, {"ok": True, "id": 2})
    asked = []
    for second in range(1, 2000):
        session.feed(TRADES).heard_at = float(second)
        session.tick(float(second), 1e9)
        if session.outgoing(float(second)):
            asked.append(second)

    assert asked == [61, 182, 423, 904, 1505]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param({"ok": True, "id": 2}, [False, True], id="by id"),
        pytest.param({"ok": True, "id": "2"}, [False, True], id="by id as text"),
        pytest.param({"ok": True, "id": "trades"}, [False, True], id="by topic"),
        pytest.param({"ok": True, "id": ["book", "trades"]}, [True, True], id="by topics"),
        pytest.param({"ok": True}, [True, False], id="the oldest"),
        pytest.param({"ok": True, "id": 9}, [False, False], id="of nobody"),
    ],
)
def test_an_acknowledgement_finds_its_channel(answer: object, expected: list[bool]) -> None:
    """By our id, by the topic, or by its age."""
    session = opened(plan("", channel("book"), channel("trades")))
    hear(session, answer)

    acked = [session.feed(name).acked_at is not None for name in (BOOK, TRADES)]

    assert acked == expected


@pytest.mark.parametrize("depth", [3, 300, 600, 900])
def test_an_answer_may_be_nested_as_deep_as_json_can_be_read(depth: int) -> None:
    """It is one of nobody, and no bug of ours."""
    session = opened()

    hear(session, '{"ok": true, "id": %s}' % ("[" * depth + "]" * depth))

    assert session.feed(BOOK).acked_at is None


def test_messages_find_their_channel_among_many() -> None:
    """Twenty channels on one connection, each counting its own ids."""
    names = [f"book{number}" for number in range(20)]
    session = opened(plan("", *(channel(name) for name in names)))
    for number in range(1, 6):
        hear(session, *(message(number, name) for name in names))

    totals = session.totals.channels.values()

    assert [each.data_messages for each in totals] == [5] * 20
    assert [each.gaps for each in totals] == [0] * 20
    assert session.totals.connection.unmatched == 0


def test_a_keepalive_is_a_sign_of_life_but_no_data() -> None:
    """OKX repeats an id while nothing changes."""
    sequence = replace(channel().sequence, keepalive=member("k"))  # type: ignore[type-var]
    session = opened(plan("", channel(sequence=sequence)))
    hear(session, message(1), message(1, k=True), now=20.0)

    assert (book(session).data_messages, book(session).duplicates) == (1, 0)
    assert session.feed(BOOK).silence(25.0) == 5.0


def test_records_of_one_message_count_in_their_order() -> None:
    """Several trades in one message are followed one by one."""
    session = opened(plan("", channel(items=member("rows"))))
    rows = [{"U": number, "u": number, "t": 1e12} for number in (1, 2, 4, 5)]
    hear(session, {"topic": "book", "rows": rows}, {"topic": "book", "rows": []})

    assert (book(session).data_messages, book(session).gaps) == (1, 1)


def test_what_one_stream_may_take_in_a_second_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is counted, not read, and the next message is compared with nothing."""
    monkeypatch.setattr("exporter.core.stream.MAX_MESSAGES", 100)
    session = opened()
    for number in range(1, 111):
        hear(session, message(number), now=1.5)
    hear(session, message(500), now=2.5)

    assert session.totals.connection.dropped == 10
    assert book(session).data_messages == 101
    assert book(session).gaps == 0


def test_bytes_are_bounded_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few huge messages use up a second."""
    monkeypatch.setattr("exporter.core.stream.MAX_BYTES", 4000)
    session = opened()
    huge = json.dumps({"topic": "book", "u": 1, "x": "x" * 1000})
    hear(session, *[huge] * 5)

    assert session.totals.connection.dropped == 2


@pytest.mark.parametrize(
    ("said", "prices"),
    [
        pytest.param({"b": "1.5", "a": "1.5", "l": "1e-8"}, ("1.5", "1.5", "1e-8"), id="locked"),
        pytest.param({}, ("1.1", "1.2", "1.3"), id="left out"),
        pytest.param({"b": None, "a": False, "l": None}, ("1.1", "1.2", "1.3"), id="null"),
        pytest.param({"b": "", "a": "0.0", "l": ""}, (None, None, None), id="no side, no trade"),
        pytest.param({"b": 0, "a": "7"}, (None, "7", "1.3"), id="one side"),
    ],
)
def test_prices_that_can_be_are_taken(
    said: dict[str, object], prices: tuple[str | None, ...]
) -> None:
    """Thin and one-sided markets are no trouble."""
    session = opened(plan("", channel(last=member("l"), sequence=None)))
    first = {"topic": "book", "b": "1.1", "a": "1.2", "l": "1.3"}
    hear(session, first, {"topic": "book", **said})
    totals = book(session)

    assert (totals.bid, totals.ask, totals.last) == prices
    assert totals.troubles == {}


@pytest.mark.parametrize(
    ("said", "detail"),
    [
        pytest.param({"b": "1.3"}, "crossed: bid 1.3, ask 1.2", id="crossed"),
        pytest.param({"l": "0.00"}, "last is not a positive number: 0.00", id="zero"),
        pytest.param({"b": "-1"}, "bid is not a positive number: -1", id="negative"),
        pytest.param({"a": "abc"}, "ask is not a positive number", id="word"),
        pytest.param({"a": "1_0"}, "ask is not a positive number", id="Python's number"),
        pytest.param({"l": [1]}, "last is not a positive number", id="list"),
        pytest.param({"l": True}, "last is not a positive number", id="truth"),
    ],
)
def test_a_price_that_cannot_be_is_invalid_as_long_as_it_lasts(
    said: dict[str, object], detail: str
) -> None:
    """Each message that says it again is trouble again, and nothing of it is published."""
    session = opened(plan("", channel(last=member("l"), sequence=None)))
    right = {"topic": "book", "b": "1.1", "a": "1.2", "l": "1.9"}
    wrong = {**right, **said}
    hear(session, right)
    hear(session, wrong, now=5.0)
    hear(session, wrong, now=90.0)
    totals = book(session)

    assert totals.troubles == {Reason.INVALID_DATA: (90.0, detail)}
    assert totals.data_messages == 3
    assert not {totals.bid, totals.ask, totals.last} & {"1.3", "0.00", "-1", "abc", "1_0"}


def test_standing_by_counts_nothing_until_it_is_in_use() -> None:
    """What two connections hear at the same time counts once."""
    session = opened()
    totals = Totals.of(session.plan)
    hear(session, {"ok": True, "id": 1}, message(1), message(2))
    session.count_into(totals)
    hear(session, message(3), message(5))

    assert totals.channels[BOOK].data_messages == 2
    assert totals.channels[BOOK].gaps == 1
    assert totals.channels[BOOK].subscribe_duration == 1.0


def test_a_peer_that_asks_for_answers_without_end_gets_no_more_than_fit() -> None:
    """What waits to be sent is bounded."""
    heartbeat = Heartbeat(is_ping=member("ping"), answer=str)
    session = opened(plan(message_interval=1.0, heartbeat=heartbeat))
    hear(session, *[{"ping": 1}] * 5000)

    waiting = sum(len(session.outgoing(2.0 + now)) for now in range(5000))

    assert waiting == 1000


def test_the_first_reason_for_an_end_counts() -> None:
    """A close frame after our own decision changes nothing."""
    session = opened()
    session.end(End.SILENCE)
    session.end(End.DROPPED)

    assert session.ending is End.SILENCE


@given(messages=st.lists(JSON.map(json.dumps) | st.text(max_size=40), max_size=20))
def test_nothing_that_they_say_breaks_a_session(messages: list[str]) -> None:
    """Any JSON and any text is counted as something."""
    session = opened(
        plan(
            heartbeat=Heartbeat(is_ping=member("x"), answer=lambda found: str(found["y"])),
            ack_of=member("id"),
        )
    )
    for now, text in enumerate(messages):
        session.receive(text.encode("utf-8", "surrogatepass"), 1e9 + now, float(now))
        session.tick(float(now), 1e9 + now)
        session.outgoing(float(now))

    assert session.totals.connection.messages == len(messages)


@given(data=st.binary(max_size=200))
def test_no_bytes_break_a_session(data: bytes) -> None:
    """Binary frames that are not UTF-8 are malformed, gzip or not."""
    for packed in (False, True):
        session = opened(plan(gzip=packed))
        session.receive(data, 1e9, 1.0)

        assert session.totals.connection.messages == 1


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"topic": ' * 50_000,
        "9" * 5000,
        '{"u": NaN, "topic": "book"}',
        "",
        '"\\ud800"',
    ],
    ids=["deep list", "deep object", "long number", "nan", "empty", "lone surrogate"],
)
def test_hostile_json_is_malformed_or_unknown(text: str) -> None:
    """Nothing of it is data."""
    session = opened()
    hear(session, text)
    connection = session.totals.connection

    assert connection.malformed + connection.unmatched == 1
    assert book(session).data_messages == 0
