"""Structured logs, one line per event, as logfmt or JSON, with every known secret masked."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
}
FORMATS = ("logfmt", "json")

Redact = Callable[[str], str]


def add_flags(parser: argparse.ArgumentParser) -> None:
    """What to log, and how. A parser that leaves defaults to another one does so here, too."""
    inherited = parser.argument_default == argparse.SUPPRESS
    parser.add_argument(
        "--log.level",
        dest="log_level",
        choices=LEVELS,
        default=argparse.SUPPRESS if inherited else "info",
        help="least severe messages to log (default info)",
    )
    parser.add_argument(
        "--log.format",
        dest="log_format",
        choices=FORMATS,
        default=argparse.SUPPRESS if inherited else "logfmt",
        help="(default logfmt)",
    )


def configure(level: str, format_: str, redact: Redact) -> None:
    """Send all logs to standard error. ``redact`` is applied to every finished line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(format_, redact))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(LEVELS[level])
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    logging.getLogger("aiohttp.server").addFilter(_hush_bad_requests)


def _hush_bad_requests(record: logging.LogRecord) -> bool:
    """What a stranger sends that is no HTTP is one line for those who look, and no error of ours:
    aiohttp logs it with a traceback.
    """
    from aiohttp.http_exceptions import HttpProcessingError

    error = record.exc_info[1] if record.exc_info else None
    if not isinstance(error, HttpProcessingError):
        return True
    record.levelno, record.levelname = logging.DEBUG, "DEBUG"
    record.msg = f"bad request: {' '.join(error.message.split())[:200]}"
    record.args, record.exc_info = (), None
    return logging.getLogger(record.name).isEnabledFor(logging.DEBUG)


class _Formatter(logging.Formatter):
    """Time, level, logger, message, and whatever ``extra={"fields": {...}}`` carries."""

    def __init__(self, format_: str, redact: Redact) -> None:
        super().__init__()
        self._render = _as_json if format_ == "json" else _as_logfmt
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower().replace("warning", "warn"),
            "logger": record.name,
            "msg": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return self._redact(self._render(fields))


def _as_json(fields: dict[str, object]) -> str:
    return json.dumps(fields, default=str, ensure_ascii=False)


def _as_logfmt(fields: dict[str, object]) -> str:
    return " ".join(f"{key}={_quote(str(value))}" for key, value in fields.items())


def _quote(text: str) -> str:
    plain = text and all(char.isprintable() and char not in ' "=' for char in text)
    return text if plain else json.dumps(text, ensure_ascii=False)
