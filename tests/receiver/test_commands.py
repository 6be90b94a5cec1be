"""The command line of the receiver."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from exporter.config.errors import ConfigError
from exporter.receiver.coalesce import MAX_ATTEMPTS
from exporter.receiver.commands import add_receiver
from exporter.receiver.store import Store
from exporter.receiver.webhook import parse_group
from tests.receiver.running import NOW, alert, body


def parse(*arguments: str) -> argparse.Namespace:
    """Options of a command line."""
    parser = argparse.ArgumentParser()
    add_receiver(parser.add_subparsers(required=True))
    return parser.parse_args(arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ("receiver", "--config.file=r.yml", "--log.level=warn"),
        ("receiver", "serve", "--config.file=r.yml", "--log.level=warn"),
        ("receiver", "--config.file=r.yml", "serve", "--log.level=warn"),
    ],
    ids=["without the word", "after the word", "on both sides"],
)
def test_flags_may_stand_before_and_after_serve(arguments: tuple[str, ...]) -> None:
    """Which is the default command."""
    options = parse(*arguments)
    assert options.config_file == Path("r.yml")
    assert (options.log_level, options.log_format) == ("warn", "logfmt")
    assert options.listen is None
    assert options.command is parse("receiver").command


def test_replay_gives_dead_letters_another_chance(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the state file that the configuration names."""
    store = Store(tmp_path / "state.db")
    store.intake.receive(parse_group(body(alert())), NOW)
    for _ in range(MAX_ATTEMPTS):
        store.work.failed(store.work.cases()[0], "broken", NOW)
    file = tmp_path / "receiver.yml"
    file.write_text("state: state.db", encoding="utf-8")
    options = parse("receiver", "replay", f"--config.file={file}")
    assert options.command(options) == 0  # beside a receiver that has the file open
    assert capsys.readouterr().out == "1 incidents wait for an analysis again, 0 are over\n"
    assert store.work.cases()[0].waiting_since is not None
    store.close()


def test_replay_creates_no_state_file(tmp_path: Path) -> None:
    """A wrong path is a mistake to tell of."""
    file = tmp_path / "receiver.yml"
    file.write_text("state: none.db", encoding="utf-8")
    options = parse("receiver", "replay", f"--config.file={file}")
    with pytest.raises(ConfigError, match="there is no such state file"):
        options.command(options)
    assert not (tmp_path / "none.db").exists()
