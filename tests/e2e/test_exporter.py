"""The exporter as a process: deadlines, blocks, restarts, reloads, expositions."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

from tests.e2e.conftest import write_config
from tests.e2e.processes import exporter, get, post

OKX = """
budget: 1
state: {path: state}
exchanges:
  okx: {base_url: 'SIM/okx', endpoints: [time, ticker, depth]}
  binance: {base_url: 'SIM/binance', endpoints: [trades]}
"""
LISTEN = "--web.listen-address=127.0.0.1:0"
TICKER = "okx/ticker/BTC-USDT"
SPENDER = "binance/trades/BTC-USDT"


def values(url: str, target: str, timeout: str = "10") -> dict[str, float]:
    """The samples of one probe, by their name and labels without the target's own."""
    headers = {"X-Prometheus-Scrape-Timeout-Seconds": timeout}
    status, text = get(f"{url}/probe?target={target}", headers)
    assert status == 200, text
    own = {"exchange", "endpoint", "pair"}
    return {
        sample.name
        + "".join(f"[{v}]" for k, v in sorted(sample.labels.items()) if k not in own): sample.value
        for family in parse_text(text)
        for sample in family.samples
    }


def test_a_hanging_exchange_is_a_timeout_within_the_scrape_timeout(
    tmp_path: Path, simulator: str
) -> None:
    """A scrape that gives one second gets its answer in one, with the reason."""
    file = write_config(tmp_path, simulator, OKX)
    with exporter(tmp_path, f"--config.file={file}", LISTEN) as process:
        url = process.url()
        post(f"{simulator}/faults", [{"exchange": "okx", "endpoint": "ticker", "fault": "hang"}])
        began = time.monotonic()
        seen = values(url, TICKER, timeout="1")
        assert time.monotonic() - began < 1.0
        assert seen["probe_success"] == 0
        assert seen["exchange_probe_failures_total[timeout]"] == 1
        assert seen["exchange_api_latency_seconds_count"] == 0


def test_a_block_survives_kill_9_and_restart(tmp_path: Path, simulator: str) -> None:
    """Retry-After of 30 s: nothing is sent before, not even by a new process."""
    file = write_config(tmp_path, simulator, OKX)
    fault = {"exchange": "okx", "fault": "rate_limited", "retry_after": 30, "form": "seconds"}
    post(f"{simulator}/faults", [fault])
    arguments = (f"--config.file={file}", LISTEN)
    with exporter(tmp_path, *arguments) as process:
        seen = values(process.url(), TICKER)
        assert seen["exchange_probe_failures_total[rate_limited]"] == 1
        until = seen["exchange_rate_limit_blocked_until_timestamp_seconds"]
        assert 25 < until - time.time() < 31
        process.stop(signal.SIGKILL)
    with exporter(tmp_path, *arguments) as process:
        seen = values(process.url(), TICKER)
        assert seen["exchange_probe_skipped_total[backoff]"] == 1
        assert seen["exchange_probes_total"] == 0
        assert "probe_success" not in seen
        again = seen["exchange_rate_limit_blocked_until_timestamp_seconds"]
        assert again == pytest.approx(until, abs=1)


def test_a_reload_keeps_spending_and_blocks_and_a_bad_file_changes_nothing(
    tmp_path: Path, simulator: str
) -> None:
    """By POST and by SIGHUP; the problem is told with its line."""
    file = write_config(tmp_path, simulator, OKX)
    with exporter(tmp_path, f"--config.file={file}", LISTEN) as process:
        url = process.url()
        before = values(url, SPENDER)
        assert before["exchange_budget_used_ratio[weight_1m]"] == pytest.approx(25 / 6000)
        post(f"{simulator}/faults", [{"exchange": "okx", "fault": "banned", "seconds": 60}])
        values(url, TICKER)
        file.write_text(file.read_text().replace("okx:", "okxx:"))
        status, text = post(f"{url}/-/reload")
        assert status == 500
        assert "exporter.yml:5: $.exchanges.okxx: no such exchange" in text
        assert values(url, SPENDER)["exchange_probes_total"] == 1
        file.write_text(file.read_text().replace("okxx:", "okx:").replace("depth", "depth, trades"))
        assert post(f"{url}/-/reload") == (200, "reloaded\n")
        after = values(url, SPENDER)
        assert after["exchange_probes_total"] == before["exchange_probes_total"] == 1
        assert after["exchange_budget_used_ratio[weight_1m]"] == pytest.approx(25 / 6000)
        assert values(url, "okx/trades/BTC-USDT")["exchange_probe_skipped_total[backoff]"] == 1


def test_an_unknown_target_is_a_400_and_is_counted(tmp_path: Path, simulator: str) -> None:
    """Only configured targets can be probed."""
    file = write_config(tmp_path, simulator, OKX)
    with exporter(tmp_path, f"--config.file={file}", LISTEN) as process:
        url = process.url()
        status, _ = get(f"{url}/probe?target=http://169.254.169.254/")
        assert status == 400
        assert "exchange_exporter_unknown_targets_total 1.0" in get(f"{url}/metrics")[1]


FAULTS = (
    "none", "hang", "drop", "reset", "truncated", "status_500", "html", "empty", "rate_limited",
    "banned", "maintenance", "frozen", "stale", "crossed", "huge", "gzip_bomb", "nan",
)  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_every_exposition_is_valid_in_every_scenario(
    tmp_path: Path, simulator: str, fault: str
) -> None:
    """For promtool and for the parsers of both formats; one target and all."""
    file = write_config(tmp_path, simulator, OKX)
    if fault != "none":
        post(f"{simulator}/faults", [{"exchange": "okx", "fault": fault}])
    with exporter(tmp_path, f"--config.file={file}", LISTEN) as process:
        url = process.url()
        for path in ("/probe?target=okx/depth/BTC-USDT", "/probe", "/metrics"):
            timeout = {"X-Prometheus-Scrape-Timeout-Seconds": "2"}
            text = get(url + path, timeout)[1]
            assert list(parse_text(text))
            check = subprocess.run(
                ["promtool", "check", "metrics"],
                input=text.encode(),
                capture_output=True,
                check=False,
            )
            assert check.returncode == 0, check.stderr + check.stdout
            openmetrics = {"Accept": "application/openmetrics-text; version=1.0.0", **timeout}
            assert list(parse_openmetrics(get(url + path, openmetrics)[1]))  # type: ignore[no-untyped-call]
