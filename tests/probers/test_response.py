"""Parsing answers from hostile bytes."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.probers.failure import MalformedError, TooLargeError
from exporter.probers.response import MAX_FIELDS, MAX_HEAD, Answer

HEAD = b"HTTP/1.1 200 OK\r\n"


def parsed(data: bytes, max_body: int = 1000, step: int = 0) -> Answer:
    """The answer that ``data`` makes, fed ``step`` bytes at a time."""
    answer = Answer(max_body)
    for start in range(0, len(data), step or len(data)):
        answer.feed(data[start : start + (step or len(data))])
    return answer


def compressed(encoding: str, body: bytes) -> bytes:
    """A complete answer whose body is ``body``, already compressed."""
    head = f"Content-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n"
    return HEAD + head.encode() + body


def raw_deflate(body: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(body) + stream.flush()


CHUNKED = (
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nTrailer: t\r\n\r\n"
)

COMPLETE = {
    "content-length": HEAD + b"Content-Length: 5\r\n\r\nhello",
    "chunked": CHUNKED,
    "interim answers first": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\n"
    + HEAD
    + b"Content-Length: 5\r\n\r\nhello",
    "gzip": compressed("gzip", gzip.compress(b"hello")),
    "x-gzip": compressed("X-GZIP", gzip.compress(b"hello")),
    "deflate": compressed("deflate", zlib.compress(b"hello")),
    "raw deflate": compressed("deflate", raw_deflate(b"hello")),
    "identity": compressed("identity", b"hello"),
}


@pytest.mark.parametrize("step", [0, 1], ids=["at once", "byte by byte"])
@pytest.mark.parametrize("data", COMPLETE.values(), ids=COMPLETE.keys())
def test_complete_answers(data: bytes, step: int) -> None:
    """Every way to delimit and to encode a body ends in the same body."""
    answer = parsed(data, step=step)

    assert answer.complete
    assert answer.reusable
    assert (answer.status, answer.body, answer.http_version) == (200, b"hello", "1.1")
    assert "a" not in answer.headers
    assert "trailer" not in answer.headers


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_a_body(status: int) -> None:
    """These statuses end with their header section, whatever that announces."""
    answer = parsed(b"HTTP/1.1 %d X\r\nContent-Encoding: gzip\r\n\r\n" % status)

    assert answer.complete
    assert answer.body == b""


def test_the_end_of_the_stream_may_end_a_body() -> None:
    """Without any length the body goes on until the peer closes."""
    answer = parsed(HEAD + b"\r\nhello")
    answer.end()

    assert answer.complete
    assert not answer.reusable
    assert answer.body == b"hello"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 200",
        HEAD + b"Content-Length: 5\r\n\r\nhell",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ],
    ids=["nothing", "status line", "short body", "no last chunk"],
)
def test_the_end_of_the_stream_may_cut_an_answer(data: bytes) -> None:
    """What has another end must reach it."""
    answer = Answer(1000)
    answer.feed(data)

    with pytest.raises(ConnectionError, match="closed by the peer"):
        answer.end()


def test_headers_are_lower_case_and_joined() -> None:
    """Repeated fields become one, as RFC 9110 §5.3 allows."""
    answer = parsed(HEAD + b"X-Used: 1\r\nx-used: 2\r\nContent-Length: 0\r\n\r\n")

    assert answer.headers == {"x-used": "1, 2", "content-length": "0"}


MALFORMED = {
    "not HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "TLS alert": b"\x15\x03\x01\x00\x02\x02\x46",
    "bad status": b"HTTP/1.1 2x0 OK\r\n\r\n",
    "status 99": b"HTTP/1.1 099 OK\r\n\r\n",
    "switching protocols": b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "length and chunked": HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "negative length": HEAD + b"Content-Length: -1\r\n\r\n",
    "length beyond 64 bit": HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n",
    "bad chunk size": HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "unknown transfer coding": HEAD + b"Transfer-Encoding: gzip\r\n\r\n",
    "unknown encoding": compressed("br", b"hello"),
    "two encodings": compressed("gzip, gzip", gzip.compress(gzip.compress(b"hello"))),
    "not gzip": compressed("gzip", b"hello"),
    "gzip cut short": compressed("gzip", gzip.compress(b"hello")[:-1]),
    "gzip and more": compressed("gzip", gzip.compress(b"hello") * 2),
    "long header": HEAD + b"A: " + b"x" * MAX_HEAD + b"\r\n\r\n",
    "header without end": HEAD + b"A: " + b"x" * (MAX_HEAD + 1),
    "long reason": b"HTTP/1.1 200 " + b"x" * (MAX_HEAD + 1),
    "many headers": HEAD + b"".join(b"a%d: b\r\n" % n for n in range(MAX_FIELDS + 1)) + b"\r\n",
    "endless interim answers": b"HTTP/1.1 100 C\r\n\r\n" * 5000,
    "long trailer": CHUNKED[:-2] + b"A: " + b"x" * MAX_HEAD + b"\r\n\r\n",
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_answers(data: bytes) -> None:
    """Anything but HTTP as it should be is refused."""
    with pytest.raises(MalformedError):
        parsed(data)


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "until the end"])
def test_the_bound_of_a_body_is_exact(announced: bool) -> None:
    """A body of max_body bytes passes, one byte more does not."""

    def sized(size: int) -> bytes:
        length = b"Content-Length: %d\r\n" % size if announced else b""
        return HEAD + length + b"\r\n" + b"x" * size

    parsed(sized(1000))
    with pytest.raises(TooLargeError):
        parsed(sized(1001))


def test_an_announced_length_is_refused_before_the_body() -> None:
    """There is no need to read what is going to be too much."""
    with pytest.raises(TooLargeError, match="announced"):
        parsed(HEAD + b"Content-Length: 1001\r\n\r\n")


def test_chunk_framing_cannot_go_on_for_ever() -> None:
    """Chunk extensions carry no body, but are bytes on the wire."""
    answer = parsed(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;")

    with pytest.raises(TooLargeError, match="on the wire"):
        answer.feed(b"x" * 200_000)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_bomb_does_not_go_off(encoding: str) -> None:
    """A body that would inflate to 100 MB is refused within a few hundred kilobytes."""
    stream = zlib.compressobj(9, wbits=31 if encoding == "gzip" else 15)
    bomb = b"".join(stream.compress(bytes(1_000_000)) for _ in range(100)) + stream.flush()
    assert len(bomb) < 120_000
    data = compressed(encoding, bomb)
    tracemalloc.start()

    with pytest.raises(TooLargeError):
        parsed(data, max_body=200_000)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


def test_bytes_after_the_answer_end_the_connection_only() -> None:
    """The answer was complete, but nobody asked for what follows."""
    for more in (b"x", HEAD + b"Content-Length: 0\r\n\r\n"):
        answer = parsed(HEAD + b"Content-Length: 5\r\n\r\nhello" + more)

        assert answer.body == b"hello"
        assert not answer.reusable


@pytest.mark.parametrize(
    ("head", "reusable"),
    [
        (b"HTTP/1.1 200 OK\r\n", True),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n", False),
        (b"HTTP/1.0 200 OK\r\n", False),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n", True),
    ],
)
def test_who_keeps_the_connection(head: bytes, reusable: bool) -> None:
    """Version and Connection decide, as RFC 9112 §9.3 says."""
    assert parsed(head + b"Content-Length: 0\r\n\r\n").reusable is reusable


@pytest.mark.parametrize(
    ("value", "expected"),
    [("timeout=5", 5.0), ("max=9, timeout=60", 60.0), ("max=9", float("inf")), ("?", float("inf"))],
)
def test_the_keep_alive_of_the_server(value: str, expected: float) -> None:
    """Keep-Alive tells for how long, in seconds."""
    head = HEAD + f"Keep-Alive: {value}\r\nContent-Length: 0\r\n\r\n".encode()

    assert parsed(head).server_keepalive == expected


@given(st.lists(st.one_of(st.binary(max_size=50), st.sampled_from(sorted(COMPLETE.values())))))
def test_no_bytes_raise_anything_else(pieces: list[bytes]) -> None:
    """Noise, answers and cuts of both end in an answer or in one of two errors."""
    answer = Answer(1000)
    try:
        for piece in pieces:
            answer.feed(piece[: len(piece) // 2])
            answer.feed(piece[len(piece) // 2 :])
        answer.end()
    except (MalformedError, TooLargeError, ConnectionError):
        assert answer.body == b"" or answer.complete
