"""receiver.yml: everything that it may say, and every mistake with its line."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from exporter.config.errors import ConfigError
from exporter.receiver.config import load_schema, load_settings
from exporter.receiver.settings import Budget, Price, Provider, Settings, Suppression

FULL = """
alertmanagers: [http://a:9093, https://b/alertmanager]
alertmanager_token: {env: AM_TOKEN}
webhook_token: {file: token}
prometheus: http://p:9090
state: receiver.db
external_url: http://r:9926
max_body_bytes: 2048
debounce: 0
deadline: 1m
max_age: 2m
heartbeat: 10s
close_after: 3
resend_delay: 30s
peer_timeout: 5s
storm: 9
retention: 7d
analyst: openai
providers:
  - name: main
    base_url: https://api.example.org/v1
    model: m-1
    keys: [{env: KEY_1}, {env: KEY_2}]
    timeout: 5s
    max_tokens: 100
    temperature: 0.5
    weight: 0.1
    price: {prompt: 1, completion: 2.5}
    max_answer_bytes: 4096
budget:
  {calls_per_minute: 1, calls_per_hour: 2, tokens_per_day: 3, dollars_per_day: 4,
   calls_per_incident: 5, concurrency: 6}
cache_ttl: 0
suppression: {mode: inhibit, dry_run: false, ttl: 5m, limit: 2}
runbooks: books
queries: {ExchangeDown: {status: 'exchange:status'}}
"""
SECRETS = {"AM_TOKEN": "am-secret", "KEY_1": "key-one", "KEY_2": "key-two"}


def write(folder: Path, text: str) -> Path:
    """A configuration file with a token beside it."""
    (folder / "token").write_text("hook-secret\n", encoding="utf-8")
    file = folder / "receiver.yml"
    file.write_text(text, encoding="utf-8")
    return file


def test_every_key_arrives(tmp_path: Path) -> None:
    """Paths are relative to the file."""
    settings, secrets = load_settings(write(tmp_path, FULL), SECRETS)
    provider = Provider(
        name="main",
        base_url="https://api.example.org/v1",
        model="m-1",
        keys=("key-one", "key-two"),
        timeout=5.0,
        max_tokens=100,
        temperature=0.5,
        weight=0.1,
        price=Price(1, 2.5),
        max_answer_bytes=4096,
    )
    assert settings == Settings(
        alertmanagers=("http://a:9093", "https://b/alertmanager"),
        token="hook-secret",
        alertmanager_token="am-secret",
        prometheus="http://p:9090",
        state_path=str(tmp_path / "receiver.db"),
        external_url="http://r:9926",
        max_body_bytes=2048,
        debounce=0.0,
        deadline=60.0,
        max_age=120.0,
        heartbeat=10.0,
        close_after=3,
        resend_delay=30.0,
        peer_timeout=5.0,
        storm=9,
        retention=604_800.0,
        analyst="openai",
        providers=(provider,),
        budget=Budget(1, 2, 3, 4, 5, 6),
        cache_ttl=0.0,
        suppression=Suppression("inhibit", False, 300.0, 2),
        runbooks=str(tmp_path / "books"),
        queries={"ExchangeDown": {"status": "exchange:status"}},
    )
    assert {secret.value for secret in secrets} == {*SECRETS.values(), "hook-secret"}


def test_no_secret_shows_in_a_repr(tmp_path: Path) -> None:
    """Of settings or what they hold."""
    settings, secrets = load_settings(write(tmp_path, FULL), SECRETS)
    for value in (*SECRETS.values(), "hook-secret"):
        assert value not in repr(settings) + repr(secrets)


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    """And with an empty one."""
    settings, secrets = load_settings(None, {})
    assert settings == Settings()
    assert secrets == ()
    empty, _ = load_settings(write(tmp_path, ""), {})
    assert empty == dataclasses.replace(Settings(), state_path=str(tmp_path / "receiver.db"))


def test_a_bare_off_is_off(tmp_path: Path) -> None:
    """YAML reads it as false."""
    settings, _ = load_settings(write(tmp_path, "suppression: {mode: off}"), {})
    assert settings.suppression.mode == "off"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("stom: 3", "receiver.yml:1: $.stom: unknown key, did you mean 'storm'?"),
        ("storm: 1", "receiver.yml:1: $.storm: 1 is less than the minimum of 2"),
        ("a: 1\nb: 2", "receiver.yml:2: $.b: unknown key"),
        ("heartbeat: soon", "$.heartbeat: 'soon' is not a duration"),
        ("heartbeat: 0", "$.heartbeat: 0 is not a duration"),
        ("deadline: 0s", "receiver.yml:1: $.deadline: '0s' is not a duration above zero"),
        ("deadline: .inf", "receiver.yml:1: $.deadline: not a number that can be used"),
        ("alertmanagers: []", "$.alertmanagers: [] should be non-empty"),
        ("alertmanagers: ['http://u:p@a']", "$.alertmanagers[0]: 'http://u:p@a' is not a URL"),
        ("prometheus: 'http://[::1'", "receiver.yml:1: $.prometheus: 'http://[::1' is not a URL"),
        ("prometheus: 'http://a:99999'", "$.prometheus: 'http://a:99999' is not a URL"),
        ("webhook_token: hush", "$.webhook_token: a secret is written {file: …} or {env: …}"),
        ("webhook_token: {file: none}", "$.webhook_token: cannot read the secret file"),
        ("webhook_token: {env: NONE}", "NONE is not set"),
        ("analyst: oracle", "$.analyst: 'oracle' is not one of"),
        ("analyst: openai", "$.analyst: openai needs at least one of providers"),
        ("suppression: {ttl: 31m}", "$.suppression.ttl: longer than 30m"),
        ("suppression: {mode: delete}", "$.suppression.mode: 'delete' is not off, inhibit"),
        ("providers: [{name: a}]", "$.providers[0]: 'base_url' is a required property"),
        (
            "providers:\n- &p {name: a, base_url: 'http://a', model: m}\n- *p",
            "receiver.yml:2: $.providers[1].name: 'a' stands twice",
        ),
    ],
)
def test_mistakes_are_named_with_their_place(tmp_path: Path, text: str, problem: str) -> None:
    """In the words of the configuration."""
    with pytest.raises(ConfigError) as caught:
        load_settings(write(tmp_path, text), {})
    assert problem in str(caught.value)
    assert "hush" not in str(caught.value)


def test_every_default_in_the_schema_is_the_default_of_the_settings() -> None:
    """So that documentation made of it tells the truth."""
    from exporter.config.duration import seconds

    schema = load_schema()
    names = {"state": "state_path"}

    def compare(properties: dict[str, dict[str, object]], value: object) -> None:
        for key, about in properties.items():
            if "default" not in about:
                continue
            default, found = about["default"], getattr(value, names.get(key, key))
            if isinstance(found, float) and isinstance(default, str):
                default = seconds(default)
            assert (list(found) if isinstance(found, tuple) else found) == default, key

    compare(schema["properties"], Settings())
    compare(schema["$defs"]["budget"]["properties"], Budget())
    compare(schema["$defs"]["suppression"]["properties"], Suppression())
    compare(schema["$defs"]["provider"]["properties"], Provider("a", "b", "c"))


def test_every_key_is_documented() -> None:
    """In docs/receiver.md; those of providers in the page about them."""
    page = Path(__file__).parents[2].joinpath("docs", "receiver.md").read_text(encoding="utf-8")
    missing = [key for key in load_schema()["properties"] if f"`{key}`" not in page]
    assert missing == []
