"""The end of validity of an X.509 certificate, read from its DER form.

``ssl`` decodes only certificates that it has verified; this also reads those it refused. Only as
much of RFC 5280 §4.1 as leads to ``notAfter``, and nothing but what DER allows.
"""

from __future__ import annotations

from datetime import UTC, datetime

_INTEGER, _SEQUENCE, _VERSION = 0x02, 0x30, 0xA0
_TIME_FORMATS = {0x17: (13, "%y%m%d%H%M%SZ"), 0x18: (15, "%Y%m%d%H%M%SZ")}


def not_after(der: bytes) -> float | None:
    """The notAfter of a certificate in unix seconds; None when ``der`` is not one."""
    try:
        certificate = _Element(der, 0).expect(_SEQUENCE)
        serial = _Element(der, certificate.body_of(_SEQUENCE))
        if serial.tag == _VERSION:
            serial = _Element(der, serial.end)
        algorithm = _Element(der, serial.expect(_INTEGER).end)
        issuer = _Element(der, algorithm.expect(_SEQUENCE).end)
        validity = _Element(der, issuer.expect(_SEQUENCE).end)
        begin = _Element(der, validity.expect(_SEQUENCE).start)
        return _Element(der, begin.end).time()
    except (ValueError, IndexError):
        return None


class _Element:
    """One tag-length-value triple at ``offset``. Raises ValueError or IndexError when cut short."""

    __slots__ = ("_der", "end", "start", "tag")

    def __init__(self, der: bytes, offset: int) -> None:
        self._der = der
        self.tag = der[offset]
        size = der[offset + 1]
        self.start = offset + 2
        if size & 0x80:
            width = size & 0x7F
            if not 1 <= width <= 4:
                raise ValueError("length out of bounds")
            size = int.from_bytes(der[self.start : self.start + width], "big")
            self.start += width
        self.end = self.start + size
        if self.end > len(der):
            raise ValueError("element longer than its container")

    def expect(self, tag: int) -> _Element:
        if self.tag != tag:
            raise ValueError(f"expected tag {tag:#x}, found {self.tag:#x}")
        return self

    def body_of(self, tag: int) -> int:
        """Where the body of the first child begins, which must have this tag."""
        return _Element(self._der, self.start).expect(tag).start

    def time(self) -> float:
        if self.tag not in _TIME_FORMATS:
            raise ValueError("not a time")
        length, pattern = _TIME_FORMATS[self.tag]
        text = self._der[self.start : self.end].decode("ascii")
        if len(text) != length or not text[:-1].isdigit():
            raise ValueError("time not in the form RFC 5280 asks for")
        moment = datetime.strptime(text, pattern).replace(tzinfo=UTC)
        if self.tag == 0x17 and moment.year >= 2050:  # two digits: 1950 to 2049, RFC 5280 §4.1.2.5
            moment = moment.replace(year=moment.year - 100)
        return moment.timestamp()
