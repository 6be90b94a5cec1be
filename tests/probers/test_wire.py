"""The socket that knows when bytes left and arrived."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator

import pytest

from exporter.core.plan import Request, Route
from exporter.probers.wire import WireSocket

from .servers import Visit, always, answer, ask_once, probing, run, serving

kernel_only = "kernel" if sys.platform == "linux" else "monotonic"


@pytest.fixture
def peer() -> Iterator[socket.socket]:
    """A listening socket."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


class SteppedClock:
    """A real-time clock that can be set forward or back."""

    def __init__(self) -> None:
        self.step = 0.0

    def __call__(self) -> float:
        return time.time() + self.step


def test_the_kernel_stamps_the_arrival_not_the_read(peer: socket.socket) -> None:
    """Bytes that wait in the kernel do not grow older there."""
    with WireSocket() as sock:
        sock.connect(peer.getsockname())
        accepted, _ = peer.accept()
        with accepted:
            sock.mark()
            sock.send(b"?")
            accepted.send(b"!")
            before_read = time.time()
            while time.time() < before_read + 0.005:
                pass  # the event loop is busy elsewhere

            assert sock.recv(10) == b"!"
            arrival = sock.arrival()

    assert arrival.clock == kernel_only
    assert sock.sent_at is not None
    assert sock.sent_at <= arrival.at <= before_read
    assert arrival.since_send == pytest.approx(arrival.at - sock.sent_at, abs=1e-6)


@pytest.mark.parametrize("step", [-3600.0, -0.01, 0.01, 3600.0])
def test_a_stepped_clock_hands_over_to_the_monotonic_one(peer: socket.socket, step: float) -> None:
    """A step of the real-time clock between send and read does not enter the latency."""
    wall = SteppedClock()
    with WireSocket(wall=wall) as sock:
        sock.connect(peer.getsockname())
        accepted, _ = peer.accept()
        with accepted:
            sock.mark()
            sock.send(b"?")
            wall.step = step
            accepted.send(b"!")
            sock.recv(10)
            arrival = sock.arrival()

    assert arrival.clock == "monotonic"
    assert 0 <= arrival.since_send < 1


def test_recv_into_is_stamped_like_recv(peer: socket.socket) -> None:
    """TLS transports read into a buffer of theirs."""
    buffer = bytearray(10)
    with WireSocket() as sock:
        sock.connect(peer.getsockname())
        accepted, _ = peer.accept()
        with accepted:
            sock.mark()
            sock.sendmsg([b"?"])
            accepted.send(b"!")

            assert sock.recv_into(buffer) == 1
            assert sock.arrival().clock == kernel_only

    assert buffer[:1] == b"!"


def test_only_the_first_send_after_a_mark_counts(peer: socket.socket) -> None:
    """A request that leaves in pieces was sent when the first piece was."""
    with WireSocket() as sock:
        sock.connect(peer.getsockname())
        assert sock.sent_at is None
        sock.mark()
        sock.send(b"first")
        first = sock.sent_at
        sock.send(b"second")

        assert sock.sent_at == first
        sock.mark()
        assert sock.sent_at is None


def test_the_end_of_the_stream_is_no_arrival(peer: socket.socket) -> None:
    """A body that ends with the connection arrived with its last byte, not with the close."""
    with WireSocket() as sock:
        sock.connect(peer.getsockname())
        accepted, _ = peer.accept()
        with accepted:
            sock.mark()
            sock.send(b"?")
            accepted.send(b"!")
            sock.recv(10)
            arrival = sock.arrival()
            accepted.shutdown(socket.SHUT_WR)

            assert sock.recv(10) == b""
            assert sock.recv_into(bytearray(10)) == 0
            assert sock.arrival() == arrival


def test_small_writes_are_not_held_back() -> None:
    """Nagle's algorithm would show up as latency of the peer."""
    with WireSocket() as sock:
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_quiet_until_something_comes_in(peer: socket.socket) -> None:
    """A byte and the end of the stream alike are seen before anybody read them."""
    with WireSocket() as sock, WireSocket() as closed:
        for each in (sock, closed):
            each.connect(peer.getsockname())
        talking, _ = peer.accept()
        ending, _ = peer.accept()
        with talking:
            assert sock.quiet()
            assert closed.quiet()
            talking.send(b"!")
            ending.close()

            assert not sock.quiet()
            assert not closed.quiet()


@pytest.mark.parametrize("kernel_stamps", [True, False])
def test_an_observation_names_its_clock(kernel_stamps: bool) -> None:
    """Without stamps of the kernel the monotonic clock serves, and is said to."""

    def factory(family: int) -> WireSocket:
        return WireSocket(family, kernel_stamps=kernel_stamps)

    async def scenario() -> None:
        async with serving(always(answer())) as upstream, probing(socket_factory=factory) as prober:
            seen = await prober.ask(Request(upstream.url()), Route(), 5)

        assert seen.clock == (kernel_only if kernel_stamps else "monotonic")
        assert seen.latency is not None
        assert 0 < seen.latency <= seen.elapsed
        assert seen.sent_at is not None
        assert seen.received_at is not None
        assert seen.received_at - seen.sent_at == pytest.approx(seen.latency, abs=1e-5)

    run(scenario())


def test_a_busy_loop_is_not_blamed_on_the_peer() -> None:
    """A loop that is blocked while the answer arrives changes nothing about the latency."""

    async def answer_and_block(visit: Visit) -> None:
        await visit.send(answer())
        blocked = time.monotonic()
        while time.monotonic() < blocked + 0.05:
            pass

    seen, _ = ask_once(answer_and_block)

    assert seen.elapsed > 0.05
    assert seen.latency is not None
    if seen.clock == "kernel":
        assert seen.latency < 0.04
