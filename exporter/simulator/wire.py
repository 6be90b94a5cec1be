"""Sends a reply, and the faults of the wire: late, cut off, never ending, too much."""

from __future__ import annotations

import asyncio
import math
import random
import socket
import struct
import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import lru_cache
from http import HTTPStatus

from aiohttp import web

from exporter.simulator.distort import Reply, delay
from exporter.simulator.faults import ActiveFault, Kind

_MEGABYTE = 1 << 20
_CHUNK = b" " * 65536
_DROPS_PER_SECOND = 20
_ON_ITS_WAY = 0.02  # seconds in which what was written reaches the client before a reset does

Send = Callable[[web.BaseRequest, Reply, ActiveFault, asyncio.Event], Awaitable[web.StreamResponse]]
"""Request, reply, fault and the event of the simulator's end → what was sent."""


async def send(
    request: web.BaseRequest,
    reply: Reply,
    faults: Sequence[ActiveFault],
    chance: random.Random,
    closing: asyncio.Event,
) -> web.StreamResponse:
    """Answer the request. Of several faults of the wire, latency comes first, then one other."""
    on_wire = [fault for fault in faults if fault.kind is Kind.WIRE]
    for fault in on_wire:
        if fault.name == "latency":
            await _pause(closing, delay(fault, chance))
    for fault in on_wire:
        if fault.name in WIRE:
            return await WIRE[fault.name](request, reply, fault, closing)
    return _response(reply)


def _response(reply: Reply) -> web.Response:
    return web.Response(status=reply.status, headers=_headers(reply), body=reply.body)


def _headers(reply: Reply) -> dict[str, str]:
    return {"Server": "simulator", **reply.headers, "Content-Type": reply.content_type}


async def _pause(closing: asyncio.Event, seconds: float) -> None:
    """Wait; the end of the simulator ends it, too."""
    try:
        async with asyncio.timeout(seconds):
            await closing.wait()
    except TimeoutError:
        return


def _write(request: web.BaseRequest, reply: Reply, length: int, body: bytes) -> None:
    """Write an answer past aiohttp, which would not let one lie about its length."""
    headers = {**_headers(reply), "Content-Length": str(length)}
    lines = [f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if request.transport is not None:
        request.transport.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)


def _gone(request: web.BaseRequest) -> web.Response:
    """Close the connection after what was written; the response has nowhere to go."""
    if request.transport is not None:
        request.transport.close()
    return web.Response()


async def _hang(
    request: web.BaseRequest, _reply: Reply, fault: ActiveFault, closing: asyncio.Event
) -> web.StreamResponse:
    await _pause(closing, fault.number("seconds"))
    return _gone(request)


async def _hang_body(
    request: web.BaseRequest, reply: Reply, fault: ActiveFault, closing: asyncio.Event
) -> web.StreamResponse:
    _write(request, reply, len(reply.body), reply.body[: len(reply.body) // 2])
    await _pause(closing, fault.number("seconds"))
    return _gone(request)


async def _drop(
    request: web.BaseRequest, _reply: Reply, _fault: ActiveFault, _closing: asyncio.Event
) -> web.StreamResponse:
    return _gone(request)


async def _reset(
    request: web.BaseRequest, _reply: Reply, _fault: ActiveFault, _closing: asyncio.Event
) -> web.StreamResponse:
    if request.transport is not None:
        sock = request.transport.get_extra_info("socket")
        # Closing with a linger time of zero sends RST instead of FIN.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
    return web.Response()


async def _reset_body(
    request: web.BaseRequest, reply: Reply, fault: ActiveFault, closing: asyncio.Event
) -> web.StreamResponse:
    _write(request, reply, len(reply.body), reply.body[: len(reply.body) // 2])
    await _pause(closing, _ON_ITS_WAY)
    return await _reset(request, reply, fault, closing)


async def _drip(
    request: web.BaseRequest, reply: Reply, fault: ActiveFault, closing: asyncio.Event
) -> web.StreamResponse:
    drop = max(1, math.ceil(fault.number("bytes_per_second") / _DROPS_PER_SECOND))
    pause = drop / fault.number("bytes_per_second")
    _write(request, reply, len(reply.body), b"")
    for start in range(0, len(reply.body), drop):
        await _pause(closing, pause)
        if request.transport is None or request.transport.is_closing() or closing.is_set():
            break
        request.transport.write(reply.body[start : start + drop])
    return _gone(request)


async def _truncated(
    request: web.BaseRequest, reply: Reply, _fault: ActiveFault, _closing: asyncio.Event
) -> web.StreamResponse:
    _write(request, reply, len(reply.body), reply.body[: len(reply.body) // 2])
    return _gone(request)


async def _wrong_length(
    request: web.BaseRequest, reply: Reply, fault: ActiveFault, _closing: asyncio.Event
) -> web.StreamResponse:
    length = max(0, len(reply.body) + int(fault.number("by")))
    _write(request, reply, length, reply.body)
    return _gone(request)


async def _huge(
    request: web.BaseRequest, reply: Reply, fault: ActiveFault, closing: asyncio.Event
) -> web.StreamResponse:
    """The body, then blanks: JSON to its last byte, so that only its size is wrong."""
    response = web.StreamResponse(status=reply.status, headers=_headers(reply))
    response.enable_chunked_encoding()
    try:
        await response.prepare(request)
        await response.write(reply.body)
        for _ in range(int(fault.number("megabytes") * _MEGABYTE) // len(_CHUNK)):
            if closing.is_set():
                break
            await response.write(_CHUNK)
    except ConnectionError:
        return _gone(request)
    return response


async def _gzip_bomb(
    _request: web.BaseRequest, reply: Reply, fault: ActiveFault, _closing: asyncio.Event
) -> web.StreamResponse:
    bomb = await asyncio.to_thread(_bomb, int(fault.number("megabytes")))
    headers = {**reply.headers, "Content-Encoding": "gzip"}
    return _response(Reply(reply.status, headers, bomb, reply.content_type))


@lru_cache(4)
def _bomb(megabytes: int) -> bytes:
    gzip = zlib.compressobj(1, wbits=31)
    blanks = b" " * _MEGABYTE
    return b"".join([*(gzip.compress(blanks) for _ in range(megabytes)), gzip.flush()])


WIRE: Mapping[str, Send] = {
    "hang": _hang,
    "hang_body": _hang_body,
    "drip": _drip,
    "drop": _drop,
    "reset": _reset,
    "reset_body": _reset_body,
    "truncated": _truncated,
    "wrong_length": _wrong_length,
    "huge": _huge,
    "gzip_bomb": _gzip_bomb,
}
