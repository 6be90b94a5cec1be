"""How the web server is set up: where it listens, under which URL, and what it offers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from exporter import __version__
from exporter.web.listen import parse_listen

_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)*")


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Settings of the web server; they hold until it stops.

    ``listen`` are addresses such as ``:9927`` (all interfaces), ``127.0.0.1:0`` or ``[::1]:9927``.
    ``external_url`` is the URL under which others reach the exporter, ``route_prefix`` the path
    under which it answers; as in Prometheus the path of the former is the default of the latter.
    ``default_timeout`` (seconds) stands in for a missing X-Prometheus-Scrape-Timeout-Seconds;
    ``send_timeout`` (seconds) is how long a client may take to read a large answer.

    Raises ValueError for an address, URL or prefix that cannot be used.
    """

    listen: tuple[str, ...] = (":9927",)
    external_url: str = ""
    route_prefix: str | None = None
    web_config_file: Path | None = None
    default_timeout: float = 10.0
    send_timeout: float = 30.0
    version: str = __version__

    def __post_init__(self) -> None:
        for address in self.listen:
            parse_listen(address)
        if self.external_url and not _is_http(self.external):
            raise ValueError(
                f"external URL {self.external_url!r} is not http(s)://host[:port][/path]"
            )
        for path in (self.prefix, self.external_path):
            if not _PREFIX.fullmatch(path):
                raise ValueError(
                    f"{path!r} cannot be a route prefix, use a plain path like /exporter"
                )

    @property
    def external(self) -> SplitResult:
        """The external URL in parts; all of them empty if none is set."""
        return urlsplit(self.external_url)

    @property
    def external_path(self) -> str:
        """The path before ``/probe`` as others see it, without a slash at its end."""
        return self.external.path.rstrip("/") if self.external_url else self.prefix

    @property
    def prefix(self) -> str:
        """The path before every route as this server sees it, without a slash at its end."""
        prefix = self.external.path if self.route_prefix is None else self.route_prefix
        prefix = prefix.rstrip("/")
        return prefix if not prefix or prefix.startswith("/") else f"/{prefix}"


def _is_http(url: SplitResult) -> bool:
    try:
        return url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:  # the port is no number
        return False
