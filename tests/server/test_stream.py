"""Streams on the page, in the report and in the trace."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exporter.core.model import Failure, Reason
from exporter.core.stream_totals import End, Opening
from exporter.core.stream_view import StreamView
from exporter.core.view import View
from exporter.server.report import describe
from exporter.server.status import State, status_of
from exporter.server.trace import TraceText
from exporter.streams import TraceEvent
from tests.server.fake_service import NOW, SECRET, FakeService, healthy
from tests.server.running import fetch

NAME = "okx/stream.book/BTC-USDT"

STREAM = StreamView(
    connected=True,
    subscribed=True,
    settled=True,
    connected_at=NOW - 7200,
    max_gap=5.0,
    message_rate=10.25,
    connections=3,
    ends={End.LIFETIME: 1, End.DROPPED: 1, End.SILENCE: 0},
    opening=Opening(0.001, 0.02, 0.03, 0.04),
    heartbeat_round_trip=0.025,
    subscribe_duration=0.05,
    data_messages=1234,
    last_data_at=NOW - 3,
    gaps=2,
    missing=7,
    lag=0.012,
)


def view(stream: StreamView = STREAM) -> View:
    """A view of a healthy stream, or of another."""
    base = healthy(NAME)
    assert base.result is not None
    result = replace(base.result, failure=stream.failure, finished_at=NOW)
    return replace(base, result=result if stream.settled else None, stream=stream)


def test_a_report_tells_the_state_of_the_stream() -> None:
    """Connection, subscription, data, order; no circuit, no request of its own."""
    text = describe(view(), str, None)

    assert text.startswith(f"{NAME}: OK\n")
    for part in (
        "open for 2 h",
        "acknowledged after 50 ms",
        "1234 messages, 10.2 a second, the last one 3 s ago",
        "round trip 25 ms",
        "2 gaps, 7 ids missing",
        "1 lifetime, 1 dropped",
        "upgrade",
    ):
        assert part in text
    assert "circuit" not in text
    assert "on the wire" not in text


def test_the_page_has_a_row_for_a_stream() -> None:
    """With its lag, its facts, and nothing of what it does not have."""
    service = FakeService([view(replace(STREAM, silent=True))])
    text = fetch(service, "/").text

    assert f'id="{NAME}"' in text
    assert "allowed 5 s, exceeded" in text
    assert "<dt>circuit</dt>" not in text


@pytest.mark.parametrize(
    ("stream", "state"),
    [
        pytest.param(STREAM, State.OK, id="healthy"),
        pytest.param(StreamView(), State.WAITING, id="connecting"),
        pytest.param(
            StreamView(settled=True, failure=Failure(Reason.DISCONNECTED, "cut")),
            State.FAILING,
            id="disconnected",
        ),
    ],
)
def test_a_stream_has_a_status(stream: StreamView, state: State) -> None:
    """The same words as for all targets."""
    assert status_of(view(stream), NOW).state is state


def test_what_the_exchange_said_is_shown_safely() -> None:
    """Markup, control characters and secrets of a refusal stay text."""
    refused = Failure(Reason.API_ERROR, f"refused: <b>\x1b[2J{SECRET}")
    service = FakeService([view(replace(STREAM, failure=refused))])
    page, report = fetch(service, "/").text, fetch(service, f"/probe?target={NAME}&debug=true").text

    for text in (page, report):
        assert SECRET not in text
        assert "\x1b" not in text
    assert "<b>\x1b" not in page
    assert "refused: <b>" not in page


def test_a_trace_shows_the_first_messages_and_then_one_line_a_second() -> None:
    """What is not in order is shown always."""
    text = TraceText(lambda told: told.replace(SECRET, "<secret>"))
    events = [
        TraceEvent(0.01, "tls", seconds=0.012),
        TraceEvent(0.02, "sent", f'{{"key": "{SECRET}"}}'),
        *(TraceEvent(1.0 + i / 100, "data", "{}", size=500, lag=0.01) for i in range(20)),
        TraceEvent(1.5, "data", "{}", size=500, lag=0.01, notes=("gap",)),
        TraceEvent(2.1, "data", "{}", size=500, lag=0.02),
    ]
    lines = [line for event in events for line in text.lines(event)] + list(text.rest())

    assert lines[0] == "   0.010   tls          12 ms"
    assert "<secret>" in lines[1]
    assert sum(" data " in line for line in lines) == 6
    assert "GAP" in lines[7]
    assert lines[8:] == [
        "       1s  15 messages in order, 7.5 kB, lag 10 ms to 10 ms",
        "       2s  1 messages in order, 0.5 kB, lag 20 ms to 20 ms",
    ]
