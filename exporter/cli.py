"""The command line: flags in the style of Prometheus, one function for each command."""

from __future__ import annotations

import argparse
import asyncio
import platform
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from exporter import __version__, logs
from exporter.config.errors import ConfigError
from exporter.web import address

OK, FAILED, USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code: 0 good, 1 failed, 2 bad usage or configuration."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    if not argv or (argv[0].startswith("-") and argv[0] not in ("-h", "--help", "--version")):
        argv.insert(0, "serve")
    options = _parser(argv[0]).parse_args(argv)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except ConfigError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return USAGE
    except address.ListenError as error:
        hint = "choose another with --web.listen-address"
        if argv[0] == "demo":
            hint += " or --simulator.listen-address"
        print(f"cannot listen: {error} ({hint})", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return 130


def _parser(command: str = "") -> argparse.ArgumentParser:
    """The flags of all commands; those of the receiver are loaded for ``receiver`` only."""
    parser = argparse.ArgumentParser(
        prog="exchange-exporter",
        description="Probe exchange APIs, judge what they say, export it to Prometheus.",
        allow_abbrev=False,
    )
    version = f"exchange-exporter {__version__} (Python {platform.python_version()})"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for add in (_add_serve, _add_check_config, _add_probe, _add_catalog, _add_demo, _add_simulate):
        add(commands)
    if command == "receiver":
        from exporter.receiver.commands import add_receiver

        add_receiver(commands)
    else:
        commands.add_parser("receiver", help="Analyse groups of alerts (optional).")
    return parser


def _add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    help_: str,
    command: Callable[[argparse.Namespace], int],
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=help_, description=help_, allow_abbrev=False)
    parser.set_defaults(command=command)
    return parser


_CONFIGURATION = (
    "configuration; without it the seven exchanges of the shipped catalog are probed for BTC-USDT"
)
_CATALOG = "configuration whose `catalog` is added to the shipped one"


def _add_config_file(parser: argparse.ArgumentParser, help_: str) -> None:
    parser.add_argument("--config.file", dest="config_file", type=Path, metavar="FILE", help=help_)


def _add_web(parser: argparse.ArgumentParser) -> None:
    address.add_flags(parser, 9927)
    parser.add_argument(
        "--web.external-url",
        dest="external_url",
        default="",
        metavar="URL",
        help="URL under which Prometheus and people reach the exporter",
    )
    parser.add_argument(
        "--web.route-prefix",
        dest="route_prefix",
        default="",
        metavar="PATH",
        help="path before every route; default: the path of the external URL",
    )


def _add_serve(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _add(commands, "serve", "Run the exporter (the default command).", _serve)
    _add_config_file(parser, _CONFIGURATION)
    _add_web(parser)
    logs.add_flags(parser)


def _add_check_config(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    help_ = "Check configuration and catalog files; without FILE the shipped catalog."
    parser = _add(commands, "check-config", help_, _check_config)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")


def _add_probe(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    help_ = "Probe one target now and explain the verdict; exit code 0 if it is healthy."
    parser = _add(commands, "probe", help_, _probe)
    parser.add_argument("target", metavar="TARGET", help="for example binance/depth/BTC-USDT")
    help_ = "longest time in seconds; for a stream, how long to listen (default 10)"
    parser.add_argument("--timeout", type=_positive, default=10.0, metavar="SECONDS", help=help_)
    parser.add_argument("--metrics", action="store_true", help="show the metrics, too")
    _add_config_file(parser, _CONFIGURATION)


def _add_catalog(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    help_ = "List the exchanges of the catalog, or everything known of one."
    parser = _add(commands, "catalog", help_, _catalog)
    parser.add_argument("exchange", nargs="?", metavar="EXCHANGE")
    _add_config_file(parser, _CATALOG)


def _add_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    help_ = "Run the exporter against simulated exchanges: no configuration, no network."
    parser = _add(commands, "demo", help_, _demo)
    help_ = "also start this machine's Prometheus, Alertmanager and Grafana, and the receiver"
    parser.add_argument("--stack", action="store_true", help=help_)
    _add_simulator(parser, "--simulator.listen-address")
    _add_web(parser)
    logs.add_flags(parser)


def _add_simulate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    help_ = "Serve simulated exchanges only."
    parser = _add(commands, "simulate", help_, _simulate)
    _add_simulator(parser, "--web.listen-address")
    help_ = "also let each exchange listen on a port of its own, counting up from this one"
    parser.add_argument("--simulator.own-ports", dest="own_ports", action="store_true", help=help_)
    _add_config_file(parser, _CATALOG)
    logs.add_flags(parser)


def _add_simulator(parser: argparse.ArgumentParser, listen: str) -> None:
    parser.add_argument(
        listen,
        dest="simulator_listen",
        default="127.0.0.1:9928",
        metavar="HOST:PORT",
        help="where to listen (default 127.0.0.1:9928)",
    )
    help_ = "let every exchange speak TLS on a port of its own (needs openssl)"
    parser.add_argument("--simulator.tls", dest="tls", action="store_true", help=help_)
    parser.add_argument(
        "--seed", type=int, default=1, help="seed of markets and random faults (default 1)"
    )
    help_ = "a scenario of faults to play, shipped or from a file (docs/simulator.md)"
    parser.add_argument("--scenario", default="", metavar="NAME|FILE", help=help_)
    help_ = "play the scenario FACTOR times as fast"
    parser.add_argument("--speed", type=_positive, default=1.0, metavar="FACTOR", help=help_)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number between 0 and 3600")
    return value


def _serve(options: argparse.Namespace) -> int:
    from exporter.app import serve

    return asyncio.run(serve(options))


def _demo(options: argparse.Namespace) -> int:
    from exporter.app import demo

    return asyncio.run(demo(options))


def _simulate(options: argparse.Namespace) -> int:
    from exporter.app import simulate

    return asyncio.run(simulate(options))


def _probe(options: argparse.Namespace) -> int:
    from exporter.app import probe_once

    return asyncio.run(
        probe_once(options.config_file, options.target, options.timeout, options.metrics)
    )


def _check_config(options: argparse.Namespace) -> int:
    from exporter.config.check import check_files
    from exporter.simulator import sample_problems

    problems = 0
    for file, found, summary in check_files(options.files, sample_problems):
        for problem in found:
            print(problem, file=sys.stderr)
        problems += len(found)
        if not found:
            print(f"{file}: ok ({summary})")
    return USAGE if problems else OK


def _catalog(options: argparse.Namespace) -> int:
    from exporter.config.describe import describe_catalog, describe_exchange
    from exporter.config.loader import load_catalog

    catalog = load_catalog(options.config_file)
    if options.exchange is None:
        print(describe_catalog(catalog), end="")
        return OK
    if options.exchange not in catalog:
        known = ", ".join(catalog)
        print(f"no exchange {options.exchange!r} in the catalog (known: {known})", file=sys.stderr)
        return USAGE
    print(describe_exchange(catalog[options.exchange].data), end="")
    return OK
