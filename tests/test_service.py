"""The exporter without a web server: its state and its configuration."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from exporter.config.document import parse_document
from exporter.config.errors import ConfigError, Problem
from exporter.config.loader import config_from
from exporter.config.model import Config
from exporter.service import Exporter, Load

SUCCESSFUL = "exchange_exporter_config_last_reload_successful"
TEXT = "state: {path: state}\nexchanges: {okx: {endpoints: [time]}}\n"


def loader(folder: Path) -> Load:
    """Reads a configuration in this folder."""
    return lambda: config_from(parse_document(TEXT, "exporter.yml"), folder / "exporter.yml", {})


def test_a_second_exporter_does_not_start_on_the_same_state(tmp_path: Path) -> None:
    """One that only reads does; and when the first is closed the state is free."""
    load = loader(tmp_path)
    first = Exporter(load)
    with pytest.raises(ConfigError, match=r"state\.path: another exporter keeps its state in "):
        Exporter(load)
    asyncio.run(Exporter(load, read_only=True).close())
    asyncio.run(first.close())
    asyncio.run(Exporter(load).close())


def test_the_reason_why_the_state_is_not_loaded_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """In the message itself, so that no format can lose it."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "state.json").write_text("nonsense")
    with caplog.at_level(logging.ERROR):
        asyncio.run(Exporter(loader(tmp_path)).close())
    assert "state.json is corrupt (Expecting value" in caplog.messages[0]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ConfigError([Problem("f.yml", 3, "$.x", "wrong")]), "f.yml:3: $.x: wrong"),
        (ZeroDivisionError("a bug"), "ZeroDivisionError: a bug"),
    ],
    ids=["problem", "bug"],
)
def test_a_reload_that_fails_in_whatever_way_is_a_failed_reload(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, error: Exception, told: str
) -> None:
    """Told, logged and in the metric that an alert watches; what was in force stays."""
    good = loader(tmp_path)
    loads = iter([good, good])

    def load() -> Config:
        if (next_load := next(loads, None)) is None:
            raise error
        return next_load()

    async def test() -> None:
        exporter = Exporter(load)

        def metric() -> str:
            lines = exporter.own_metrics("")[0].decode().splitlines()
            return next(line for line in lines if line.startswith(f"{SUCCESSFUL} "))

        assert await exporter.reload() == ""
        assert metric() == f"{SUCCESSFUL} 1.0"
        plan = exporter.plan
        assert await exporter.reload() == told
        assert metric() == f"{SUCCESSFUL} 0.0"
        assert exporter.plan is plan
        await exporter.close()

    asyncio.run(test())
    assert [record.msg for record in caplog.records if record.levelname == "ERROR"] == [
        "reload failed"
    ]
