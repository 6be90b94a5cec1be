"""Days of history for the anomaly scores of a demonstration, which has none.

    python -m docs.pictures.history PROMETHEUS DATA AT [DAYS]

The past of every series of ``anomaly:input`` is made up around what it was at AT (unix seconds,
when all was calm): the hours of the day, and noise. ``rules/recording/anomaly.yml`` is evaluated
over that and what came after AT, level by level, by a Prometheus of its own. The blocks are then
copied into DATA, the folder of the other Prometheus, which finds them within a minute.
"""

from __future__ import annotations

import json
import math
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from dashboards.drawing.data import prometheus as asks
from tests.bundle.rules import RULES, names_in
from tests.e2e.processes import prometheus

STEP, DAY = 300, 86400
SECONDS = {"1m": 60, "5m": 300, "1h": 3600}
INPUT = {"record": "anomaly:input", "expr": "anomaly:input", "step": STEP}


def main(server: str, data: Path, at: float, days: float) -> None:
    """Write blocks until now."""
    begin, end = math.ceil(at / STEP) * STEP, int(time.time()) // STEP * STEP
    start = begin - int(days * DAY)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        backfill(folder, made_up(server, at, range(start, begin, STEP)))
        backfill(folder, evaluated(server, INPUT, begin, end))
        for level in levels():
            with prometheus(folder, "global: {evaluation_interval: 1m}") as url:
                found = [line for rule in level for line in evaluated(url, rule, start, end)]
            backfill(folder, found)
        for block in (folder / "prometheus").glob("*/meta.json"):
            shutil.copytree(block.parent, data / block.parent.name)


def made_up(server: str, at: float, times: Iterable[int]) -> Iterator[str]:
    """Samples of all inputs, in the text format of OpenMetrics."""
    chance = random.Random(1)  # noqa: S311
    for one in asks(server)("query", {"query": "anomaly:input", "time": str(at)}):
        name, now = selector("anomaly:input", one["metric"]), float(one["value"][1])
        for when in times:
            yield f"{name} {usual(chance, one['metric']['signal'], now, when):.8g} {when}\n"


def usual(chance: random.Random, signal: str, now: float, when: int) -> float:
    """What a signal may have been in the past, if this is what it is now; never unusual."""
    if signal == "price_divergence":
        return chance.uniform(-0.0006, 0.0006)
    if signal == "errors":
        return chance.choice((0.0, 0.0, 0.0, 0.01))
    day = 1 + 0.3 * math.sin(2 * math.pi * when / DAY)
    if signal == "stream_rate":
        return now * (1 + (day - 1) / 10) * chance.uniform(0.9, 1.1)
    if signal.startswith("latency"):
        return (
            now * day * math.exp(chance.uniform(-1.5, 1.5))
        )  # as on a machine that does much else
    return now * day * chance.uniform(0.5, 1.5)


def levels() -> Iterator[list[dict[str, Any]]]:
    """The rules of anomalies, those first that need no other one."""
    groups = yaml.safe_load((RULES / "recording/anomaly.yml").read_text(encoding="utf-8"))["groups"]
    left = [{**rule, "step": SECONDS[it["interval"]]} for it in groups for rule in it["rules"]]
    while left:
        waits = {it["record"] for it in left if names_in(it["expr"]) & {o["record"] for o in left}}
        yield [rule for rule in left if rule["record"] not in waits]
        left = [rule for rule in left if rule["record"] in waits]


def evaluated(url: str, rule: dict[str, Any], start: int, end: int) -> Iterator[str]:
    """What a rule would have recorded."""
    step = rule["step"]
    window = {"start": str(start // step * step), "end": str(end), "step": str(step)}
    for one in asks(url)("query_range", {"query": rule["expr"], **window}):
        name = selector(rule["record"], {**one["metric"], **rule.get("labels", {})})
        yield from (f"{name} {value} {when}\n" for when, value in one["values"])


def selector(name: str, labels: Mapping[str, str]) -> str:
    """A series in the text format."""
    inner = ",".join(f"{key}={json.dumps(it)}" for key, it in labels.items() if key != "__name__")
    return f"{name}{{{inner}}}"


def backfill(folder: Path, lines: Iterable[str]) -> None:
    """Make blocks of samples."""
    text = folder / "samples.txt"
    with text.open("w", encoding="utf-8") as out:
        out.writelines(lines)
        out.write("# EOF\n")
    command = ("promtool", "tsdb", "create-blocks-from", "--max-block-duration=200000h", "--quiet")
    subprocess.run(  # noqa: S603
        [*command, "openmetrics", text, folder / "prometheus"], check=True
    )


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), float([*sys.argv, "7"][4]))
