"""The exporter without a web server: its state and its configuration."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from exporter.config.document import parse_document
from exporter.config.errors import ConfigError
from exporter.config.loader import config_from
from exporter.service import Exporter, Load

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
