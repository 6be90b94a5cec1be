"""One answer, parsed from bytes as they come. No I/O here, and no trust in the sender."""

from __future__ import annotations

import re
import zlib

import httptools

from exporter.probers.failure import MalformedError, TooLargeError
from exporter.probers.wire import Arrival

MAX_HEAD = 64 * 1024
"""Bytes of header section, interim answers and trailers included, and also the most that chunk
framing may add to a body."""

MAX_FIELDS = 256
"""Header fields in one answer; more of them serve nobody but an attacker."""

_BODILESS = frozenset({204, 304})
_WBITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_RAW_DEFLATE = -15
_KEEP_ALIVE_TIMEOUT = re.compile(r"\btimeout=(\d{1,9})\b")


class Answer:
    """The answer to one request: what was received of it, and when.

    Feed it bytes until it is ``complete``. ``first`` and ``last`` are for the reader of the wire to
    set: the arrivals of the first and the last byte. Header names are lower case.
    """

    __slots__ = (
        "_body",
        "_head_size",
        "_inflater",
        "_max_body",
        "_parser",
        "_until_eof",
        "_wire_size",
        "begun",
        "complete",
        "first",
        "headers",
        "http_version",
        "last",
        "reusable",
        "sent_at",
        "status",
    )

    def __init__(self, max_body: int) -> None:
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._max_body = max_body
        self._wire_size = self._head_size = 0
        self._body = bytearray()
        self._inflater: _Inflater | None = None
        self._until_eof = False
        self.begun = self.complete = self.reusable = False
        self.status: int | None = None
        self.http_version = ""
        self.headers: dict[str, str] = {}
        self.sent_at: float | None = None
        self.first: Arrival | None = None
        self.last: Arrival | None = None

    @property
    def body(self) -> bytes:
        """The decompressed body; empty while the answer is incomplete."""
        return bytes(self._body) if self.complete else b""

    @property
    def server_keepalive(self) -> float:
        """Seconds for which the server says that it keeps an idle connection; may be infinite."""
        found = _KEEP_ALIVE_TIMEOUT.search(self.headers.get("keep-alive", ""))
        return float(found[1]) if found else float("inf")

    def feed(self, data: bytes) -> bool:
        """Take bytes off the wire and say whether they complete the answer.

        Raises MalformedError or TooLargeError.
        """
        if self._parser is None:
            raise MalformedError("bytes after the end of the answer")
        self._wire_size += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self.complete:
                raise _meaning(error) from None
            self.reusable = False  # the answer is whole, but then came what nobody asked for
        if self.complete:
            return True
        if self.status is None and self._wire_size > MAX_HEAD:
            raise MalformedError(f"header section longer than {MAX_HEAD} bytes")
        if self._wire_size > self._max_body + 2 * MAX_HEAD:
            raise TooLargeError(f"more than {self._max_body} bytes on the wire")
        return False

    def end(self) -> None:
        """Take the end of the stream, which completes an answer that has no other end.

        Raises ConnectionError when the answer should have gone on, MalformedError when its
        compression should have.
        """
        if not self._until_eof:
            raise ConnectionError(self.cut_short())
        self.on_message_complete()

    def close(self) -> None:
        """Take no more. The parser refers back to here, and a body should not wait for the GC."""
        self._parser = None

    def cut_short(self) -> str:
        """What a connection that is closed now means, for people."""
        if not self.begun:
            return "closed by the peer before it answered"
        if self.status is None:
            return "closed by the peer within the header section"
        return f"closed by the peer after {len(self._body)} bytes of body"

    def on_message_begin(self) -> None:
        if self.complete:
            raise MalformedError("a second answer to one request")
        self.begun = True
        self.headers = {}

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_size += len(name) + len(value) + 4
        if self._head_size > MAX_HEAD or len(self.headers) >= MAX_FIELDS:
            raise MalformedError("header section too large")
        if self.status is not None:
            return  # a trailer: nothing here reads them
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        known = self.headers.get(key)
        self.headers[key] = text if known is None else f"{known}, {text}"

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        status = self._parser.get_status_code()
        if status == 101 or status < 100:
            raise MalformedError(f"status {status} cannot answer this request")
        if status < 200:
            return
        self.status = status
        self.http_version = self._parser.get_http_version()
        if status not in _BODILESS:
            self._expect_body()

    def on_body(self, data: bytes) -> None:
        if self._inflater is not None:
            data = self._inflater.feed(data, self._max_body - len(self._body) + 1)
        if len(self._body) + len(data) > self._max_body:
            raise TooLargeError(f"body longer than {self._max_body} bytes")
        self._body += data

    def on_message_complete(self) -> None:
        assert self._parser is not None
        if self.status is None:  # an interim answer, 1xx: the real one follows
            self.begun = False
            self.headers = {}
            return
        if self._inflater is not None:
            self._inflater.finish()
        self.complete = True
        self.reusable = not self._until_eof and self._parser.should_keep_alive()

    def _expect_body(self) -> None:
        coding = self.headers.get("transfer-encoding")
        if coding is not None and coding.strip().lower() != "chunked":
            raise MalformedError("unknown transfer coding")
        length = self.headers.get("content-length")
        self._until_eof = coding is None and length is None
        if length is not None and int(length) > self._max_body:
            raise TooLargeError(f"body of {int(length)} bytes announced")
        encoding = self.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("", "identity"):
            self._inflater = _Inflater(encoding)


def _meaning(error: Exception) -> Exception:
    """What a parser error says: what a callback raised, or that the bytes were not HTTP."""
    if isinstance(error, httptools.HttpParserCallbackError):
        cause = error.__context__
        return cause if isinstance(cause, Exception) else error
    return MalformedError(str(error))


class _Inflater:
    """Incremental decompression that never yields more than it is asked for."""

    __slots__ = ("_encoding", "_stream")

    def __init__(self, encoding: str) -> None:
        if encoding not in _WBITS:
            raise MalformedError("unknown content encoding")
        self._encoding = encoding
        self._stream: zlib._Decompress | None = None

    def feed(self, data: bytes, limit: int) -> bytes:
        """Decompress ``data`` into at most ``limit`` bytes; the rest is lost."""
        if self._stream is None:
            self._stream = zlib.decompressobj(self._wbits(data[0]))
        try:
            output = self._stream.decompress(data, limit)
        except zlib.error as error:
            raise MalformedError(f"bad {self._encoding} data: {error}") from None
        if self._stream.unused_data:
            raise MalformedError(f"bytes after the end of the {self._encoding} data")
        return output

    def finish(self) -> None:
        if self._stream is not None and not self._stream.eof:
            raise MalformedError(f"{self._encoding} data cut short")

    def _wbits(self, first: int) -> int:
        """Some servers send deflate without the zlib wrapper, whose first byte ends in 8."""
        if self._encoding == "deflate" and first & 0x0F != 8:
            return _RAW_DEFLATE
        return _WBITS[self._encoding]
