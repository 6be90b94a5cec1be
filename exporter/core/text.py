"""Text from outside, made fit for logs and pages."""

from __future__ import annotations

MAX_TEXT = 200


def printable(text: str, limit: int = MAX_TEXT) -> str:
    """At most ``limit`` characters of ``text`` on one line, without anything unprintable.

    Control characters, lone surrogates and unusual separators become spaces; runs of white space
    become one space.
    """
    cut = text[: 4 * limit]
    shown = "".join(char if char.isprintable() else " " for char in cut)
    return " ".join(shown.split())[:limit]
