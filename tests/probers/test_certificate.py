"""Reading the end of validity from DER."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.probers.certificate import not_after

from .conftest import Certificates


@pytest.mark.parametrize("name", ["good", "expired", "self-signed", "far"])
def test_agrees_with_openssl(certificates: Certificates, name: str) -> None:
    """Valid or not, and in both forms of time."""
    assert not_after(certificates.der(name)) == certificates.not_after(name)


def test_every_cut_is_refused(certificates: Certificates) -> None:
    """A certificate that ends early yields nothing, wherever it ends."""
    der = certificates.der("good")

    assert {not_after(der[:end]) for end in range(len(der))} == {None}


@given(st.binary(max_size=200))
def test_noise_is_refused(noise: bytes) -> None:
    """Whatever is not a certificate yields None and no exception."""
    assert not_after(noise) is None


@given(st.data())
def test_a_damaged_certificate_never_raises(data: st.DataObject) -> None:
    """A wrong byte gives a time or None."""
    der = bytearray(_SMALL)
    der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))

    assert isinstance(not_after(bytes(der)), float | None)


def _element(tag: int, body: bytes) -> bytes:
    return bytes([tag, len(body)]) + body


def _certificate(time: bytes) -> bytes:
    validity = _element(0x30, _element(0x17, b"200101000000Z") + time)
    fields = _element(0x02, b"\x01") + _element(0x30, b"") + _element(0x30, b"") + validity
    return _element(0x30, _element(0x30, fields))


_SMALL = _certificate(_element(0x17, b"300101000000Z"))


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        pytest.param(_element(0x17, b"300101000000Z"), 1893456000.0, id="two digits"),
        pytest.param(_element(0x17, b"500101000000Z"), -631152000.0, id="1950, not 2050"),
        pytest.param(_element(0x17, b"690101000000Z"), -31536000.0, id="1969, not 2069"),
        pytest.param(_element(0x18, b"20500101000000Z"), 2524608000.0, id="four digits"),
        pytest.param(_element(0x17, b"300101000000+"), None, id="no zone"),
        pytest.param(_element(0x17, b"301301000000Z"), None, id="month 13"),
        pytest.param(_element(0x17, b"3001010000Z"), None, id="no seconds"),
        pytest.param(_element(0x04, b"300101000000Z"), None, id="not a time"),
    ],
)
def test_forms_of_time(time: bytes, expected: float | None) -> None:
    """RFC 5280 allows exactly two forms."""
    assert not_after(_certificate(time)) == expected
