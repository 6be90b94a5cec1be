"""What the pages of exporter, receiver and simulator share: their parts, and what they may load."""

from __future__ import annotations

import base64
import hashlib
import importlib.resources

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "deny",
}
"""Of every answer; a page with scripts has a policy of its own."""


def part(package: str, name: str) -> str:
    """The text of a file that ships with a package."""
    return importlib.resources.files(package).joinpath(name).read_text("utf-8")


def policy(style: str, script: str, more: str = "") -> str:
    """A Content-Security-Policy that allows these inline texts, by hash, and nobody else's.

    ``more`` is further directives, each with a semicolon and a space behind it.
    """
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        f"connect-src 'self'; {more}base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
