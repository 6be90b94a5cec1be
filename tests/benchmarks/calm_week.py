"""False alerts of a calm week, and how soon incidents are told.

    python -m tests.benchmarks.calm_week [DAYS] [SEED]

Writes the metrics of seven exchanges as a week of samples, a minute apart: latencies with a heavy
tail that follow the hours of the day, single failures now and then, an announced maintenance, a
planned reconnect of every stream each day. `promtool test rules` then lives through it with the
shipped rules, twice: with nothing wrong, and with 40 incidents of eight classes. An alert is false
if it fires for an exchange outside of an incident of that exchange and the hour after it; that the
maintenance is told as what it is does not count.
"""

from __future__ import annotations

import math
import random
import re
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import yaml

from tests.bundle.rules import FILES, alerts

# Hints of severity info, and the receiver's own alerts, are not what this is about.
RULE_FILES = [file for file in FILES if not re.search("anomaly|receiver", file.name)]

EXCHANGES = ("binance", "binance_usdm", "bybit", "okx", "deribit", "coinbase", "kraken")
ENDPOINTS = ("ticker", "depth")
DAY = 1440
EDGES = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
FAILURES = 0.002  # of all probes, one at a time
BROWNOUT = 0.2  # of the probes of an exchange that has one
MAINTENANCE = 40  # minutes a week
AFTERMATH = 60
PER_MINUTE = 4  # probes of a target: every 15 s, seen once a minute

CLASSES = {
    "outage": (20, {"ExchangeDown"}),
    "brownout": (60, {"ExchangeErrorsHigh", "ExchangeErrorBudgetBurnsFast"}),
    "slow": (30, {"ExchangeLatencyHigh"}),
    "stale book": (15, {"ExchangeDataStale"}),
    "wrong price": (15, {"ExchangePriceDiverges"}),
    "ban": (30, {"ExchangeBanned"}),
    "silent stream": (10, {"ExchangeStreamSilent"}),
    "clock": (30, {"ExchangeClockSkew"}),
}
"""Class -> length in minutes, and the alerts of which one must tell it."""


@dataclass(frozen=True, slots=True)
class Incident:
    """Something wrong with an exchange from minute ``start`` on."""

    kind: str
    exchange: str
    start: int

    @property
    def end(self) -> int:
        return self.start + CLASSES[self.kind][0]


@dataclass(slots=True)
class Week:
    """Samples by series; a minute without one holds None."""

    minutes: int
    samples: dict[str, list[float | None]] = field(default_factory=dict)

    def put(self, series: str, minute: int, value: float) -> None:
        self.samples.setdefault(series, [None] * self.minutes)[minute] = value

    def lines(self) -> Iterator[str]:
        """In promtool's notation; what is missing is marked as stale once."""
        for series, values in self.samples.items():
            texts, gap = [], True
            for value in values:
                texts.append(f"{value:.6g}" if value is not None else "_" if gap else "stale")
                gap = value is None
            yield f"      - {{series: {series!r}, values: {' '.join(texts)!r}}}\n"


def simulate(days: int, seed: int, incidents: list[Incident]) -> Week:
    """The metrics of all exchanges, minute by minute."""
    chance = random.Random(seed)
    week = Week(days * DAY)
    price = 60_000.0
    begun = {exchange: chance.randrange(week.minutes) for exchange in EXCHANGES}
    totals: defaultdict[str, float] = defaultdict(float)
    for minute in range(week.minutes):
        price *= math.exp(chance.gauss(0, 0.0004))
        for exchange in EXCHANGES:
            going = {
                i.kind for i in incidents if i.exchange == exchange and i.start <= minute < i.end
            }
            calm = begun[exchange] <= minute < begun[exchange] + MAINTENANCE
            for endpoint in ENDPOINTS:
                probe(week, chance, totals, minute, exchange, endpoint, going, calm, price)
            stream(week, totals, minute, exchange, going, calm)
        week.put('up{job="exchange-exporter",instance="one"}', minute, 1)
        week.put(
            "exchange_exporter_build_info" + '{job="exchange-exporter",instance="one"}', minute, 1
        )
    return week


def _reason(chance: random.Random, endpoint: str, going: set[str], maintenance: bool) -> str:
    if "ban" in going:
        return "banned"
    if "outage" in going:
        return "timeout"
    if maintenance:
        return "maintenance"
    if "stale book" in going and endpoint == "depth":
        return "stale_data"
    if "clock" in going and endpoint == "ticker":
        return "invalid_data"
    if "brownout" in going:
        return "http_error"
    return "timeout" if chance.random() < FAILURES * PER_MINUTE else ""


def probe(
    week: Week,
    chance: random.Random,
    totals: defaultdict[str, float],
    minute: int,
    exchange: str,
    endpoint: str,
    going: set[str],
    maintenance: bool,
    price: float,
) -> None:
    """What four probes of a target leave behind; the last of them is shown."""
    labels = f'exchange="{exchange}",endpoint="{endpoint}",pair="BTC-USDT"'
    reason = _reason(chance, endpoint, going, maintenance)
    lasting = (
        bool(going & {"outage", "ban"}) or maintenance or reason in ("stale_data", "invalid_data")
    )
    failures = PER_MINUTE if lasting else 1 if reason else 0
    if reason == "http_error":
        failures = sum(chance.random() < BROWNOUT for _ in range(PER_MINUTE))
    shown = reason if lasting or chance.random() < failures / PER_MINUTE else ""
    for name, value in (
        ("exchange_probe_interval_seconds", 15.0),
        ("probe_success", 0.0 if shown else 1.0),
        ("exchange_probe_age_seconds", 0.2),
        ("exchange_payload_age_seconds", 0.3),
        ("exchange_payload_unchanged_seconds", 0.0),
    ):
        week.put(f"{name}{{{labels}}}", minute, value)
    if shown:
        week.put(f'exchange_probe_failed{{{labels},reason="{shown}"}}', minute, 1)
    if failures == 0 or not lasting:
        totals[f"success {labels}"] = minute * 60
    week.put(
        f"exchange_probe_last_success_timestamp_seconds{{{labels}}}",
        minute,
        totals[f"success {labels}"],
    )
    count = f"exchange_probes_total{{{labels}}}"
    totals[count] += 0 if "ban" in going else PER_MINUTE
    week.put(count, minute, totals[count])
    for known in ("timeout", "http_error", "stale_data", "invalid_data", "banned", "maintenance"):
        name = f'exchange_probe_failures_total{{{labels},reason="{known}"}}'
        totals[name] += (
            failures if known == reason and (known != "banned" or totals[name] == 0) else 0
        )
        week.put(name, minute, totals[name])
    if not (going & {"outage", "ban"}):
        _latencies(week, chance, totals, minute, labels, 10.0 if "slow" in going else 1.0)
        shift = 1.02 if "wrong price" in going else 1.0
        week.put(
            f"exchange_price{{{labels}}}", minute, price * shift * (1 + chance.gauss(0, 0.0002))
        )
        week.put(f"exchange_maintenance{{{labels}}}", minute, 1.0 if maintenance else 0.0)
    skew = 5.0 if "clock" in going else chance.gauss(0, 0.02)
    week.put(f"exchange_clock_skew_seconds{{{labels}}}", minute, skew)
    failed = float("clock" in going and endpoint == "ticker")
    week.put(f'exchange_check_failed{{{labels},check="clock_skew"}}', minute, failed)
    if endpoint == "depth":
        week.put(
            f"exchange_book_spread_ratio{{{labels}}}", minute, 1e-5 * chance.lognormvariate(0, 0.7)
        )
        for side in ("bids", "asks"):
            week.put(f'exchange_book_levels{{{labels},side="{side}"}}', minute, 100)


def _latencies(
    week: Week,
    chance: random.Random,
    totals: defaultdict[str, float],
    minute: int,
    labels: str,
    factor: float,
) -> None:
    """Lognormal around 60 ms, twice that in the afternoon, with a Pareto tail on one in fifty."""
    hour = 1.5 + 0.5 * math.sin(2 * math.pi * minute / DAY)
    name = f"exchange_api_latency_seconds_bucket{{{labels}"
    for _ in range(PER_MINUTE):
        value = 0.06 * hour * chance.lognormvariate(0, 0.4) * factor
        value *= chance.paretovariate(1.5) if chance.random() < 0.02 else 1
        for edge in (*EDGES, math.inf):
            totals[f"{name} {edge}"] += value <= edge
    for edge in (*EDGES, math.inf):
        text = "+Inf" if edge == math.inf else str(edge)
        week.put(f'{name},le="{text}"}}', minute, totals[f"{name} {edge}"])
    week.put(
        f"exchange_api_latency_seconds_count{{{labels}}}", minute, totals[f"{name} {math.inf}"]
    )


def stream(
    week: Week,
    totals: defaultdict[str, float],
    minute: int,
    exchange: str,
    going: set[str],
    maintenance: bool,
) -> None:
    labels = f'exchange="{exchange}",endpoint="stream.book",pair="BTC-USDT"'
    silent, down = "silent stream" in going, bool(going & {"outage"}) or maintenance
    messages = f"exchange_stream_data_messages_total{{{labels}}}"
    totals[messages] += 0 if silent or down else 600
    if not silent and not down:
        totals[f"data {labels}"] = minute * 60
    reconnects = f'exchange_stream_reconnects_total{{{labels},reason="lifetime"}}'
    totals[reconnects] += minute % DAY == 0
    for name, value in (
        (f"exchange_stream_connected{{{labels}}}", float(not down)),
        (f"exchange_stream_subscribed{{{labels}}}", float(not down)),
        (f"exchange_stream_silent{{{labels}}}", float(silent)),
        (
            f"exchange_stream_last_data_message_timestamp_seconds{{{labels}}}",
            totals[f"data {labels}"],
        ),
        (messages, totals[messages]),
        (reconnects, totals[reconnects]),
    ):
        week.put(name, minute, value)
    for edge, count in (("0.1", 0.9), ("1.0", 1.0), ("5.0", 1.0), ("+Inf", 1.0)):
        week.put(
            f'exchange_stream_event_lag_seconds_bucket{{{labels},le="{edge}"}}',
            minute,
            totals[messages] * count,
        )


def firing(folder: Path, week: Week) -> dict[tuple[str, str], list[int]]:
    """(alert, exchange) -> minutes in which it fired, as promtool lives through the week."""
    groups, files = list[str](), list[Path]()
    for source in RULE_FILES:
        found = yaml.safe_load(source.read_text(encoding="utf-8"))["groups"]
        # Windows of days exceed what promtool loads; they feed one alert of severity info.
        kept = [group for group in found if not group["name"].endswith("-long")]
        groups += [group["name"] for group in kept]
        files.append(folder / f"{source.parent.name}-{source.name}")
        files[-1].write_text(yaml.safe_dump({"groups": kept}, width=10_000), encoding="utf-8")
    rules = "".join(f"  - {file}\n" for file in files)
    order = "".join(f"  - {name}\n" for name in groups)
    head = f"rule_files:\n{rules}evaluation_interval: 1m\ngroup_eval_order:\n{order}tests:\n"
    queries = "".join(
        f"      - {{expr: '{_FIRING}', eval_time: {minute}m}}\n" for minute in range(week.minutes)
    )
    file = folder / "week.yml"
    with file.open("w", encoding="utf-8") as out:
        out.write(f"{head}  - interval: 1m\n    input_series:\n")
        out.writelines(week.lines())
        out.write(f"    promql_expr_test:\n{queries}")
    done = subprocess.run(
        ["promtool", "test", "rules", file], capture_output=True, text=True, check=False
    )
    return _parse(done.stdout + done.stderr)


_FIRING = 'ALERTS{alertstate="firing",severity!="info"}'
_TIME = re.compile(r"time: (\S+),")
_SERIES = re.compile(r"\{([^{}]*)\} 1E\+00")
_UNITS = {"d": DAY, "h": 60, "m": 1, "s": 0}


def _parse(text: str) -> dict[tuple[str, str], list[int]]:
    found: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    minute = 0
    for line in text.splitlines():
        if " err: " in line:
            sys.exit(line)
        if match := _TIME.search(line):
            minute = sum(int(n) * _UNITS[u] for n, u in re.findall(r"(\d+)([dhms])", match[1]))
        elif "got:" in line:
            for labels in _SERIES.findall(line):
                pairs = dict(re.findall(r'(\w+)="([^"]*)"', labels))
                found[pairs["alertname"], pairs.get("exchange", "")].append(minute)
    return found


def episodes(minutes: list[int]) -> list[tuple[int, int]]:
    """Runs of minutes, ten minutes of pause allowed: (first, last)."""
    runs: list[tuple[int, int]] = []
    for minute in sorted(set(minutes)):
        if runs and minute - runs[-1][1] <= 10:
            runs[-1] = runs[-1][0], minute
        else:
            runs.append((minute, minute))
    return runs


def plan(days: int, seed: int) -> list[Incident]:
    """Five of each class, none within three hours of another one at the same exchange."""
    chance = random.Random(seed + 1)
    chosen: list[Incident] = []
    for kind in [*CLASSES] * 5:
        while True:
            one = Incident(kind, chance.choice(EXCHANGES), chance.randrange(120, days * DAY - 240))
            if all(
                one.exchange != i.exchange or one.start > i.end + 180 or i.start > one.end + 180
                for i in chosen
            ):
                chosen.append(one)
                break
    return chosen


def report(fired: dict[tuple[str, str], list[int]], incidents: list[Incident], days: int) -> None:
    """What was false, what was missed, and how soon the rest was told."""
    severity = {alert.name: alert.labels["severity"] for alert in alerts()}
    false: Counter[tuple[str, str]] = Counter()
    every = 0
    for (alert, exchange), minutes in fired.items():
        if alert == "ExchangeMaintenance":
            continue
        for first, _ in episodes(minutes):
            every += 1
            if not any(
                exchange == i.exchange and i.start <= first <= i.end + AFTERMATH for i in incidents
            ):
                false[alert, severity[alert]] += 1
    weeks = len(EXCHANGES) * days / 7
    print(
        f"alerts {every}, false {sum(false.values())} in {weeks:.1f} exchange-weeks: {dict(false)}"
    )
    delays: defaultdict[str, list[int]] = defaultdict(list)
    for incident in incidents:
        minutes = [
            minute
            for name in CLASSES[incident.kind][1]
            for minute in fired.get((name, incident.exchange), ())
            if incident.start <= minute <= incident.end + 5
        ]
        delays[incident.kind].append(min(minutes) - incident.start if minutes else -1)
    for kind, found in delays.items():
        told = [delay for delay in found if delay >= 0]
        most = f"median {median(told):.0f} min, longest {max(told)} min" if told else "never"
        print(f"  {kind:14} told {len(told)} of {len(found)}: {most}")


def main(days: int, seed: int) -> None:
    """Print the calm week, then the one with incidents."""
    for incidents in (list[Incident](), plan(days, seed)):
        with tempfile.TemporaryDirectory() as folder:
            fired = firing(Path(folder), simulate(days, seed, incidents))
        print(f"{len(incidents)} incidents in {days} days")
        report(fired, incidents, days)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
