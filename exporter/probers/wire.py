"""A socket that knows when bytes really left and really arrived.

A busy event loop reads an answer long after it arrived; clocks read by the loop then blame the
exchange for our own queue. Linux stamps every received segment in the kernel when asked to
(``SO_TIMESTAMPNS``, see socket(7)) and hands the stamp out through ``recvmsg``. asyncio's
selector transports call ``recv``, ``recv_into``, ``send`` and ``sendmsg`` on the object they were
given, under TLS as well, so a subclass sees every byte pass.
"""

from __future__ import annotations

import socket
import struct
import sys
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_SO_TIMESTAMPNS = 35  # asm-generic/socket.h; the socket module has no name for it
_TIMESPEC = struct.Struct("@ll")
_ANCILLARY = socket.CMSG_SPACE(_TIMESPEC.size)

_READ_SIZE = 64 * 1024  # asyncio asks for four times as much, which malloc takes from the kernel

STEP_TOLERANCE = 0.001
"""Seconds by which the real-time and the monotonic clock may disagree before the former counts as
stepped. NTP slews both alike, so only steps and a pause between two reads show up here."""


class Arrival(NamedTuple):
    """When the latest bytes arrived: seconds since the send, unix time, and the clock used."""

    since_send: float
    at: float
    clock: str


class WireSocket(socket.socket):
    """A stream socket that notes the time of the first send after ``mark`` and of every receive.

    When a segment outlived others in the receive queue, its stamp stands for all that were read
    with it: exact for the last byte, late for the first if the loop slept in between.
    """

    __slots__ = ("_armed", "_monotonic", "_read", "_sent", "_stamp", "_wall")

    def __init__(
        self,
        family: int = socket.AF_INET,
        *,
        kernel_stamps: bool = True,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        # Else a request waits up to 40 ms behind the unacknowledged last flight of a handshake.
        self.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._wall = wall
        self._monotonic = monotonic
        self._armed = False
        self._sent: tuple[float, float] | None = None
        self._read = (0.0, 0.0)
        self._stamp: float | None = None
        if kernel_stamps:
            self._request_stamps()

    def mark(self) -> None:
        """Forget the times of the last exchange; the next send starts a new one."""
        self._armed = True
        self._sent = None

    @property
    def sent_at(self) -> float | None:
        """Unix time just before the first send after ``mark``; None when nothing was sent yet."""
        return self._sent[0] if self._sent else None

    def arrival(self) -> Arrival:
        """When the bytes of the latest receive arrived, by the kernel's stamp if it can be trusted.

        The monotonic clock takes over when there is no stamp, when the stamp lies outside the time
        between send and read, and when the real-time clock was stepped in that time.
        """
        sent_wall, sent_monotonic = self._sent or self._read
        read_wall, read_monotonic = self._read
        since_send = read_monotonic - sent_monotonic
        stamp = self._stamp
        if (
            stamp is None
            or abs(read_wall - sent_wall - since_send) > STEP_TOLERANCE
            or not sent_wall - STEP_TOLERANCE <= stamp <= read_wall + STEP_TOLERANCE
        ):
            return Arrival(since_send, read_wall, "monotonic")
        return Arrival(max(0.0, stamp - sent_wall), stamp, "kernel")

    def quiet(self) -> bool:
        """Whether nothing waits to be read: no byte, no end of stream, no error."""
        try:
            super().recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        data, ancillary, _, _ = self.recvmsg(min(bufsize, _READ_SIZE), _ANCILLARY, flags)
        if data:  # the end of the stream is no arrival
            self._note_read(ancillary)
        return data

    def recv_into(self, buffer: WriteableBuffer, nbytes: int = 0, flags: int = 0) -> int:
        view = memoryview(buffer)[: nbytes or None]
        count, ancillary, _, _ = self.recvmsg_into([view], _ANCILLARY, flags)
        if count:
            self._note_read(ancillary)
        return count

    def send(self, data: ReadableBuffer, flags: int = 0, /) -> int:
        if self._armed:
            self._note_send()
        return super().send(data, flags)

    def sendmsg(self, buffers: Iterable[ReadableBuffer], /, *args: Any) -> int:
        if self._armed:
            self._note_send()
        return super().sendmsg(buffers, *args)

    def _now(self) -> tuple[float, float]:
        """Both clocks at one moment; read again when the machine did something in between."""
        for _ in range(3):
            monotonic, wall = self._monotonic(), self._wall()
            if self._monotonic() - monotonic < STEP_TOLERANCE / 2:
                break
        return wall, monotonic

    def _note_send(self) -> None:
        self._armed = False
        self._sent = self._now()

    def _note_read(self, ancillary: list[tuple[int, int, bytes]]) -> None:
        self._read = self._now()
        self._stamp = None
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
                seconds, nanoseconds = _TIMESPEC.unpack(data)
                self._stamp = seconds + nanoseconds * 1e-9

    def _request_stamps(self) -> None:
        if sys.platform != "linux":
            return
        try:
            self.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        except OSError:  # a sandbox without the option: arrival() falls back
            return
