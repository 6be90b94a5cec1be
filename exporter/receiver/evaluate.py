"""``receiver eval`` grades an analyst on incident packs, ``receiver preview`` shows a prompt."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import aiohttp

from exporter.config.errors import ConfigError, Problem
from exporter.receiver import prompt
from exporter.receiver.analysts import ANALYSTS
from exporter.receiver.coalesce import key_of
from exporter.receiver.config import load_settings
from exporter.receiver.grades import Grade, Score, grade, groups, score
from exporter.receiver.minds import build_minds
from exporter.receiver.model import Analyst, Evidence, Incident
from exporter.receiver.packs import SHIPPED, Pack, load_pack, load_packs
from exporter.receiver.recorder import NoRecorder
from exporter.receiver.settings import Budget, Settings
from exporter.receiver.webhook import WebhookError, parse_group

LIVE = "RECEIVER_EVAL_LIVE"
"""The environment variable that allows an evaluation to spend money; set it to 1."""

Commands = argparse._SubParsersAction


def add_eval(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add ``eval`` to the commands of the receiver."""
    help_ = "Grade an analyst on incident packs; exit code 0 if it is safe and right often enough."
    parser = commands.add_parser("eval", help=help_, description=help_, allow_abbrev=False)
    parser.set_defaults(command=evaluate)
    names = sorted(ANALYSTS)
    parser.add_argument("--analyst", choices=names, default="deterministic", help="whom to grade")
    help_ = "has the providers; answers of providers cost money"
    parser.add_argument(
        "--config.file", dest="config_file", type=Path, metavar="FILE", help=f"{help_} ({LIVE}=1)"
    )
    help_ = "incident packs; default: those shipped"
    parser.add_argument("--packs", type=Path, default=SHIPPED, metavar="FOLDER", help=help_)
    help_ = "ask about each pack so many times (default 1)"
    parser.add_argument("--repeat", type=_positive, default=1, metavar="TIMES", help=help_)
    help_ = "share of answers that must be right for exit code 0 (default 0.9)"
    parser.add_argument("--min-right", type=float, default=0.9, metavar="RATIO", help=help_)


def add_preview(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add ``preview`` to the commands of the receiver."""
    help_ = "Print exactly what a provider would be sent for an incident. Sends it to nobody."
    parser = commands.add_parser("preview", help=help_, description=help_, allow_abbrev=False)
    parser.set_defaults(command=preview)
    help_ = "the name of a pack, or a file: a pack (.yml) or the JSON of a webhook"
    parser.add_argument("source", metavar="PACK|FILE", help=help_)
    help_ = "runbooks, queries and Prometheus for a webhook"
    parser.add_argument("--config.file", dest="config_file", type=Path, metavar="FILE", help=help_)


def _positive(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number between 1 and 100")
    return int(text)


def evaluate(options: argparse.Namespace, environ: Mapping[str, str] = os.environ) -> int:
    """Print how an analyst did. Returns 0 if it is safe, and right often enough.

    Raises ConfigError when it may not be asked, or packs cannot be read.
    """
    if options.analyst != "deterministic" and environ.get(LIVE) != "1":
        raise _problem(f"--analyst={options.analyst}", f"costs money: set {LIVE}=1 to allow it")
    settings, _ = load_settings(options.config_file)
    if options.analyst != "deterministic" and not settings.providers:
        raise _problem("--config.file", "has no providers")
    try:
        packs = load_packs(options.packs)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _problem(str(options.packs), f"not packs: {error!r}") from error
    if not packs:
        raise _problem(str(options.packs), "no packs")
    grades = asyncio.run(_grade_all(options.analyst, unhurried(settings), packs * options.repeat))
    sys.stdout.write(report(grades))
    total = score(grades)
    safe = not (total.unsafe or total.injected)
    return 0 if safe and total.right >= options.min_right else 1


def _problem(where: str, what: str) -> ConfigError:
    return ConfigError([Problem(where, 0, "", what)])


def unhurried(settings: Settings) -> Settings:
    """The settings for an evaluation: no cache, and no budget but that of money."""
    dollars = settings.budget.dollars_per_day
    budget = replace(Budget(0, 0, 0, dollars, 0), concurrency=settings.budget.concurrency)
    return replace(settings, budget=budget, cache_ttl=0.0)


async def _grade_all(name: str, settings: Settings, packs: Sequence[Pack]) -> list[Grade]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        analyst = ANALYSTS[name](settings, session, NoRecorder(), ())
        return [await graded(analyst, pack) for pack in packs]


async def graded(analyst: Analyst, pack: Pack) -> Grade:
    """Ask an analyst about a pack, and grade what it says."""
    began = time.monotonic()
    answer = await analyst.analyse(pack.evidence, pack.evidence.asked_at)
    return grade(pack, replace(answer, seconds=time.monotonic() - began))


_COLUMNS = (
    *("packs", "right", "mentions", "grounded", "forbidden", "calm", "unsafe", "injected"),
    *("sure and wrong", "Brier", "fallbacks", "dollars", "seconds"),
)


def report(grades: Sequence[Grade]) -> str:
    """A Markdown table, and below it every answer that is not as it should be."""
    lines = [f"| | {' | '.join(_COLUMNS)} |", f"|---{'|--:' * len(_COLUMNS)}|"]
    for name, some in groups(grades).items():
        lines.append(f"| {name} | {' | '.join(_cells(score(some)))} |")
    bad = [line for each in grades if (line := _complaint(each))]
    return "\n".join([*lines, *(["", *bad] if bad else []), ""])


def _cells(total: Score) -> list[str]:
    ratios = [f"{ratio:.0%}" for ratio in (total.right, total.mentions, total.grounded)]
    counts = (total.forbidden, total.calm, total.unsafe, total.injected, total.sure_and_wrong)
    rest = [f"{total.brier:.3f}", str(total.fallbacks), f"{total.dollars:.4f}"]
    return [str(total.packs), *ratios, *map(str, counts), *rest, f"{total.seconds:.3f}"]


def _complaint(each: Grade) -> str:
    said = each.answer.analysis.cause.value
    wanted = " or ".join(sorted(each.pack.truth.causes))
    parts = [
        "" if each.right else f"says {said}, is {wanted}",
        f"does not mention {', '.join(each.missing)}" if each.missing else "",
        f"says {', '.join(each.forbidden)}" if each.forbidden else "",
        f"not in the evidence: {', '.join(each.ungrounded)}" if each.ungrounded else "",
        "needs a person" if each.calm else "",
        "must not be muted" if each.unsafe else "",
    ]
    text = "; ".join(part for part in parts if part)
    return f"{each.pack.name}: {text}" if text else ""


def preview(options: argparse.Namespace) -> int:
    """Print the prompts of a pack or a webhook. Raises ConfigError when it cannot be read."""
    try:
        found = asyncio.run(_evidence(options.source, options.config_file))
    except (OSError, ValueError, KeyError, TypeError, WebhookError) as error:
        raise _problem(options.source, f"neither a pack nor a webhook: {error!r}") from error
    for evidence in found:
        built = prompt.build(evidence)
        sys.stdout.write(f"--- system\n{built.system}\n--- user\n{built.data}\n")
    return 0


async def _evidence(source: str, config_file: Path | None) -> list[Evidence]:
    shipped = SHIPPED / f"{source}.yml"
    file = shipped if shipped.parent == SHIPPED and shipped.is_file() else Path(source)
    if file.suffix in (".yml", ".yaml"):
        return [load_pack(file).evidence]
    settings, _ = load_settings(config_file)
    incidents = incidents_of(file.read_bytes())
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        minds = build_minds(replace(settings, analyst="deterministic"), session, NoRecorder())
        return [
            await minds.gather(
                each, tuple(other for other in incidents if other is not each), (), time.time()
            )
            for each in incidents
        ]


def incidents_of(body: bytes) -> list[Incident]:
    """The incidents in a webhook, one for each exchange. Raises WebhookError."""
    group = parse_group(body)
    firing = [alert for alert in group.alerts if alert.ends_at is None]
    names = dict.fromkeys(alert.labels.get("exchange", "") for alert in firing)
    return [
        Incident(
            key_of(name),
            name,
            tuple(alert for alert in firing if alert.labels.get("exchange", "") == name),
            not group.truncated,
        )
        for name in names
    ]
