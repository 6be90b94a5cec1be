"""Secrets are read from where they may stand, and never shown."""

import base64
import urllib.parse
from pathlib import Path

import pytest

from exporter.config.secret import MASK, Redactor, Secret, read_secret


def test_a_secret_is_read_from_a_file_next_to_the_configuration(tmp_path: Path) -> None:
    """Relative to the folder, without the newline at its end."""
    (tmp_path / "key").write_text("s3cr3t/+=\n")
    assert read_secret({"file": "key"}, tmp_path, {}).value == "s3cr3t/+="


def test_a_secret_is_read_from_the_environment(tmp_path: Path) -> None:
    """By the name that the configuration gives."""
    assert read_secret({"env": "KEY"}, tmp_path, {"KEY": "abcdef"}).value == "abcdef"


@pytest.mark.parametrize(
    ("reference", "content", "message"),
    [
        ({"file": "missing"}, None, "cannot read the secret file"),
        ({"file": "key"}, b"", "is empty"),
        ({"file": "key"}, b"a\nb", "control characters"),
        ({"file": "key"}, b"\xff\xfe", "not text"),
        ({"env": "VOID"}, None, "environment variable VOID is empty"),
        ({"env": "NOPE"}, None, "the environment variable NOPE is not set"),
    ],
)
def test_a_useless_secret_is_refused_without_showing_it(
    tmp_path: Path, reference: dict[str, str], content: bytes | None, message: str
) -> None:
    """The message names the source."""
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_secret(reference, tmp_path, {"VOID": " "})


def test_a_secret_never_shows_itself() -> None:
    """Neither in str nor in repr."""
    secret = Secret("file x", "hunter2hunter2")
    assert "hunter2" not in f"{secret} {secret!r} {[secret]}"


@pytest.mark.parametrize(
    "form",
    [
        lambda s: s,
        lambda s: urllib.parse.quote(s, safe=""),
        lambda s: base64.b64encode(s.encode()).decode(),
        lambda s: repr(s),
    ],
    ids=["plain", "url", "base64", "repr"],
)
def test_the_redactor_finds_a_secret_in_every_disguise(form: object) -> None:
    """Also as it would stand in a URL or a Basic header."""
    secret = Secret("x", 'p/a+s s"w=\\d')
    text = Redactor([secret])(f"before {form(secret.value)} after")  # type: ignore[operator]
    assert secret.value not in text
    assert MASK in text


def test_the_token_of_an_authorization_header_is_masked_alone() -> None:
    """A proxy may echo the token without its scheme."""
    assert "dXNlcjpwYXNz" not in Redactor([Secret("x", "Basic dXNlcjpwYXNz")])("got dXNlcjpwYXNz")
