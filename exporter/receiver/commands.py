"""The command ``receiver`` of the command line."""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import sys
import time
from pathlib import Path

from exporter import logs
from exporter.config.errors import ConfigError, Problem
from exporter.config.secret import Redactor
from exporter.web import address

DEFAULT_PORT = 9926

Commands = argparse._SubParsersAction


def add_receiver(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add ``receiver [serve]`` and ``receiver replay``, ``eval`` and ``preview``."""
    from exporter.receiver.evaluate import add_eval, add_preview

    help_ = "Analyse groups of alerts, and hand the result to Alertmanager."
    parser = commands.add_parser("receiver", help=help_, description=help_, allow_abbrev=False)
    parser.set_defaults(command=_serve)
    _add_flags(parser)
    inner = parser.add_subparsers(metavar="COMMAND", required=False)
    help_ = "Run the receiver (the default)."
    # Flags may stand before or after the word, so the inner parser must not set defaults again.
    serve = inner.add_parser(
        "serve",
        help=help_,
        description=help_,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    _add_flags(serve)
    help_ = "Give the analyses that were given up another chance."
    replay = inner.add_parser(
        "replay",
        help=help_,
        description=help_,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    replay.set_defaults(command=_replay)
    _add_config_file(replay)
    add_eval(inner)
    add_preview(inner)


def _add_flags(parser: argparse.ArgumentParser) -> None:
    _add_config_file(parser)
    address.add_flags(parser, DEFAULT_PORT)
    logs.add_flags(parser)


def _add_config_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config.file",
        dest="config_file",
        type=Path,
        metavar="FILE",
        help="configuration; without it one Alertmanager on this machine, and no provider",
    )


def _serve(options: argparse.Namespace) -> int:
    from exporter.receiver.compose import serve
    from exporter.receiver.config import load_settings
    from exporter.receiver.minds import build_minds

    settings, secrets = load_settings(options.config_file)
    logs.configure(options.log_level, options.log_format, Redactor(secrets))
    addresses = options.listen or [f":{DEFAULT_PORT}"]
    return asyncio.run(serve(settings, addresses, build_minds, options.web_config_file))


def _replay(options: argparse.Namespace) -> int:
    """Works beside a running receiver, which notices within ten seconds."""
    from exporter.receiver.config import load_settings
    from exporter.receiver.database import Database
    from exporter.receiver.work import Work

    settings, _ = load_settings(options.config_file)
    if not Path(settings.state_path).exists():
        raise ConfigError([Problem(settings.state_path, 0, "", "there is no such state file")])
    try:
        database = Database(settings.state_path)
        again, over = Work(database).replay(time.time())
        database.close()
    except sqlite3.Error as error:
        raise ConfigError([Problem(settings.state_path, 0, "", str(error))]) from error
    sys.stdout.write(f"{again} incidents wait for an analysis again, {over} are over\n")
    return 0
