"""Secrets: read from a file or the environment, masked wherever they might be shown."""

from __future__ import annotations

import base64
import urllib.parse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

MASK = "<secret>"
_SHORTEST = 4  # masking shorter values would eat ordinary text and protect nothing


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that never shows itself; ``source`` says where it came from."""

    source: str
    value: str = field(repr=False)

    def __str__(self) -> str:
        return MASK


def read_secret(reference: Mapping[str, str], folder: Path, environ: Mapping[str, str]) -> Secret:
    """Read ``{file: …}`` (relative to ``folder``) or ``{env: …}``.

    Raises ValueError, with a text that names the source and not the value.
    """
    if "file" in reference:
        path = folder / reference["file"]
        try:
            value = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "not text"
            raise ValueError(f"cannot read the secret file {path}: {why}") from error
        source = f"file {path}"
    else:
        name = reference["env"]
        source = f"environment variable {name}"
        if name not in environ:
            raise ValueError(f"the {source} is not set")
        value = environ[name].strip()
    if not value:
        raise ValueError(f"the secret from {source} is empty")
    if any(ord(char) < 32 for char in value):
        raise ValueError(f"the secret from {source} has control characters (more than one line?)")
    return Secret(source, value)


class Redactor:
    """Masks known secret values, in the forms in which they could turn up in a text."""

    def __init__(self, secrets: Iterable[Secret]) -> None:
        forms: set[str] = set()
        for secret in secrets:
            forms |= _forms(secret.value)
            for part in secret.value.split():  # "Basic dXNlcjpwYXNz": the token alone is one too
                forms |= _forms(part)
        self._forms = sorted((f for f in forms if len(f) >= _SHORTEST), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for form in self._forms:
            text = text.replace(form, MASK)
        return text


def _forms(value: str) -> set[str]:
    raw = value.encode()
    return {
        value,
        urllib.parse.quote(value, safe=""),
        urllib.parse.quote_plus(value),
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode(),
        repr(value)[1:-1],
        value.replace("\\", "\\\\").replace('"', '\\"'),
    }
