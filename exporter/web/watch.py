"""The web config in force while the server runs: follows its files as they change."""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from exporter.config.errors import ConfigError
from exporter.web.config import WebConfig, load_web_config

_CHECK_EVERY = 1.0

_LOG = logging.getLogger(__name__)


class WebConfigFile:
    """The web config in force: follows the files, and keeps the last good one if they break.

    Users, headers, certificate and key follow at once; the client certificate policy and the TLS
    versions, and whether there is TLS at all, hold until the server stops. ``errors`` counts the
    versions that could not be used. The constructor raises ConfigError.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._config = load_web_config(path)
        self._stamps = _stamps(self._config.files)
        self._checked_at = clock()
        self.errors = 0

    def current(self) -> WebConfig:
        """The config in force; looks for changes of the files at most once a second."""
        now = self._clock()
        if now - self._checked_at >= _CHECK_EVERY:
            self._checked_at = now
            stamps = _stamps(self._config.files)
            if stamps != self._stamps:
                self._stamps = stamps
                self._reload()
        return self._config

    def server_context(self) -> ssl.SSLContext | None:
        """The context to listen with, whose handshakes use the certificate of the moment."""
        context = self._config.tls
        if context is not None:
            context.sni_callback = self._renew
        return context

    def _renew(self, connection: Any, _server_name: str | None, _context: ssl.SSLContext) -> None:
        newest = self.current().tls
        if newest is not None:
            connection.context = newest

    def _reload(self) -> None:
        try:
            self._config = load_web_config(self._path)
            self._stamps = _stamps(self._config.files)
        except ConfigError as error:
            self.errors += 1
            _LOG.error("web config not usable, the last good one stays in force: %s", error)


WEB_CONFIG = web.AppKey("web_config", WebConfigFile)
"""Where an application has what it is protected by."""


def _stamps(files: tuple[Path, ...]) -> tuple[tuple[int, int, int] | None, ...]:
    return tuple(_stamp(file) for file in files)


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        stat = file.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
