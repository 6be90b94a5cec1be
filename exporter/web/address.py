"""Where to listen: the flags that say it, and the error when it cannot be."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class ListenError(OSError):
    """An address cannot be listened on; the text names it and says why."""


@contextmanager
def listening_on(address: str) -> Iterator[None]:
    """Turn whatever keeps ``address`` from being listened on into a ListenError."""
    try:
        yield
    except (OSError, OverflowError, UnicodeError) as error:
        # The texts of asyncio repeat the address, those of the resolver have numbers below zero.
        number = getattr(error, "errno", None) or 0
        why = os.strerror(number) if number > 0 else getattr(error, "strerror", None) or str(error)
        raise ListenError(f"{address}: {why.lower()}") from error


def add_flags(parser: argparse.ArgumentParser, port: int) -> None:
    """Where a web server of ours listens, and what protects it."""
    parser.add_argument(
        "--web.listen-address",
        dest="listen",
        action="append",
        metavar="HOST:PORT",
        help=f"where to listen; may be given several times (default :{port})",
    )
    parser.add_argument(
        "--web.config.file",
        dest="web_config_file",
        type=Path,
        metavar="FILE",
        help="TLS and basic authentication, in the format of the Prometheus exporter-toolkit",
    )
