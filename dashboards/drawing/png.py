"""PNG files of a third of the size: 256 colours are enough for a board.

Format: https://www.w3.org/TR/png/
"""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterator

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLORS = 256
_ALIKE = 60  # the square of a distance that is hardly seen

Color = tuple[int, int, int]


def smaller(data: bytes) -> bytes:
    """The same picture with a palette: frequent colours that differ, others as the nearest.

    ``data`` is of the kind that chromium writes: 8 bits, RGB, not interlaced.
    """
    chunks = list(_chunks(data))
    width, height, depth, kind, *_, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    assert (depth, kind, interlaced) == (8, 2, 0)
    packed = b"".join(body for name, body in chunks if name == b"IDAT")
    rows = [_colors(row) for row in _rows(zlib.decompress(packed), width * 3)]
    count = Counter(color for row in rows for color in row)
    palette = _palette(count)
    index = {color: _nearest(color, palette)[1] for color in count}
    lines = b"".join(b"\0" + bytes(map(index.__getitem__, row)) for row in rows)
    return _SIGNATURE + b"".join(
        (
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", bytes(part for color in palette for part in color)),
            _chunk(b"IDAT", zlib.compress(lines, 9)),
            _chunk(b"IEND", b""),
        )
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_SIGNATURE)
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        at += size + 12


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _rows(raw: bytes, width: int) -> Iterator[bytes]:
    """The bytes of each row, its filter undone."""
    above = bytes(width)
    for start in range(0, len(raw), width + 1):
        kind, row = raw[start], bytearray(raw[start + 1 : start + 1 + width])
        if kind == 2:
            row = bytearray((a + b) & 255 for a, b in zip(row, above, strict=True))
        elif kind:
            _undo(kind, row, above)
        above = bytes(row)
        yield above


def _undo(kind: int, row: bytearray, above: bytes) -> None:
    """Filters 1, 3 and 4: they look at the pixel to the left."""
    for at, value in enumerate(row):
        left = row[at - 3] if at >= 3 else 0
        if kind == 1:
            add = left
        elif kind == 3:
            add = (left + above[at]) // 2
        else:
            add = _paeth(left, above[at], above[at - 3] if at >= 3 else 0)
        row[at] = (value + add) & 255


def _paeth(left: int, up: int, corner: int) -> int:
    a, b, c = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
    return left if a <= b and a <= c else up if b <= c else corner


def _colors(row: bytes) -> list[Color]:
    return list(zip(row[0::3], row[1::3], row[2::3], strict=True))


def _palette(count: Counter[Color]) -> list[Color]:
    chosen: list[Color] = []
    for color, _ in count.most_common():
        if not chosen or _nearest(color, chosen)[0] > _ALIKE:
            chosen.append(color)
            if len(chosen) == _COLORS:
                break
    return chosen


def _nearest(color: Color, palette: list[Color]) -> tuple[int, int]:
    """The square of the distance, and the place in the palette."""
    red, green, blue = color
    return min(
        ((r - red) ** 2 + (g - green) ** 2 + (b - blue) ** 2, place)
        for place, (r, g, b) in enumerate(palette)
    )
