"""Strict JSON."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.decode import decode


def test_fractions_are_exact() -> None:
    """A float would change the price."""
    assert decode(b'{"price": 0.1, "id": 7}') == ({"price": Decimal("0.1"), "id": 7}, "")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "the body is empty"),
        (b" \n", "the body is empty"),
        (b"<!DOCTYPE html><html>", "the body is HTML or XML, not JSON"),
        (b"\xef\xbb\xbf{}", "the body begins with a byte order mark"),
        (b'{"a": "\xff"}', "not UTF-8 at byte 7"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8 at byte 0"),
        (b'{"a": 1, "a": 2}', "an object has two members of the same name"),
        (b'{"a": NaN}', "NaN and Infinity are not JSON"),
        (b"[Infinity, -Infinity]", "NaN and Infinity are not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[1", "Expecting ',' delimiter at character 2"),
        (b'{"a": "x\x00"}', "Invalid control character at character 8"),
        (b'{"a": 1} trailing', "Extra data at character 9"),
        (b"9" * 5000, "a number is out of range"),
        (b"0." + b"1" * 100, "a number is too long"),
        (b"1e99999999999999999999", "a number is out of range"),
        (b"{'a': 1}", "Expecting property name enclosed in double quotes at character 1"),
    ],
    ids=lambda value: str(value[:12]),
)
def test_what_is_not_json_is_refused_and_named(body: bytes, problem: str) -> None:
    """The problem says what and where, and quotes nothing of the body."""
    assert decode(body) == (None, problem)


@given(st.binary())
def test_no_bytes_raise(body: bytes) -> None:
    """Whatever arrives is a value or a problem."""
    document, problem = decode(body)
    assert document is None or not problem
