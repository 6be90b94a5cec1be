"""Loading a configuration, and the problems of bad ones."""

import re
from pathlib import Path

import pytest

from exporter.config.errors import ConfigError
from exporter.config.loader import DEFAULT_EXCHANGES, load_config, shipped_catalog
from exporter.config.plan import build_plan

TESTDATA = Path(__file__).parent / "testdata"
CATALOG = Path(__file__).parents[2] / "exporter/catalog"
BAD = sorted(TESTDATA.glob("bad-*.yml"))


def write(folder: Path, text: str) -> Path:
    """A configuration file with this text."""
    file = folder / "exporter.yml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize("file", BAD, ids=lambda file: file.stem)
def test_a_bad_file_is_refused_with_all_its_problems(file: Path) -> None:
    """Each with file, line and key; nothing else is reported."""
    expected = file.with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    with pytest.raises(ConfigError) as caught:
        build_plan(load_config(file, {}))
    found = [str(problem).replace(f"{TESTDATA}/", "") for problem in caught.value.problems]
    assert len(found) == len(expected), found
    for line, start in zip(found, expected, strict=True):
        assert line.startswith(start)


def test_a_bad_file_never_shows_what_looks_like_a_secret() -> None:
    """A secret in the wrong place is refused without being repeated."""
    with pytest.raises(ConfigError) as caught:
        load_config(TESTDATA / "bad-secret-in-yaml.yml", {})
    assert "hunter2" not in str(caught.value)
    assert "password@" not in str(caught.value)


def test_without_a_file_the_default_exchanges_are_probed() -> None:
    """For BTC-USDT, at a budget of 5 %, in memory only."""
    config = load_config(None, {})
    assert tuple(exchange.name for exchange in config.exchanges) == DEFAULT_EXCHANGES
    assert {exchange.pairs for exchange in config.exchanges} == {("BTC-USDT",)}
    assert {exchange.budget for exchange in config.exchanges} == {0.05}
    assert config.state_path is None


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    """As without a file."""
    assert len(load_config(write(tmp_path, ""), {}).exchanges) == len(DEFAULT_EXCHANGES)


@pytest.mark.parametrize("text", ["exchanges: {}\n", "exchanges:\n"])
def test_no_exchange_at_all_is_not_all_of_them(tmp_path: Path, text: str) -> None:
    """Whoever comments the last one out does not want to probe seven others."""
    with pytest.raises(ConfigError, match=r"exchanges: .* is not a mapping .* without this key"):
        load_config(write(tmp_path, text), {})


def test_an_exchange_overrides_what_is_general(tmp_path: Path) -> None:
    """Pairs, budget, network and secrets of its own."""
    (tmp_path / "key").write_text("abcdef")
    text = """
pairs: [BTC-USDT, ETH-USDT]
budget: 0.1
network: {ip_protocol: ip6}
state: {path: ./state}
exchanges:
  okx: {}
  bybit:
    pairs: [SOL-USDT]
    budget: 0.5
    network: {ip_protocol: ip4_only, keepalive: 5s}
    headers: {X-Key: {file: key}}
    options: {depth: {interval: 1m, timeout: 500ms}}
"""
    config = load_config(write(tmp_path, text), {})
    okx, bybit = config.exchanges
    assert (okx.pairs, okx.budget, okx.route.ip_protocol) == (("BTC-USDT", "ETH-USDT"), 0.1, "ip6")
    assert (bybit.pairs, bybit.budget, bybit.route.keepalive) == (("SOL-USDT",), 0.5, 5.0)
    assert bybit.headers["X-Key"].value == "abcdef"
    assert (bybit.options["depth"].interval, bybit.options["depth"].timeout) == (60.0, 0.5)
    assert config.state_path == tmp_path / "state"
    assert [secret.value for secret in config.secrets] == ["abcdef"]


def test_a_catalog_file_of_the_user_is_one_more_exchange(tmp_path: Path) -> None:
    """Found by glob, relative to the configuration, and probed like any other."""
    source = Path(shipped_catalog()["kraken"].file).name
    text = (CATALOG / source).read_text(encoding="utf-8")
    (tmp_path / "mine.yml").write_text(text.replace("name: kraken", "name: mine", 1))
    file = write(tmp_path, "catalog: ['*mine.yml']\nexchanges: {mine: {}}\n")
    assert build_plan(load_config(file, {})).exchanges.keys() == {"mine"}


def test_a_broken_catalog_file_is_reported_with_its_own_name_and_line(tmp_path: Path) -> None:
    """As well as what is wrong in the configuration itself."""
    (tmp_path / "mine.yml").write_text("name: mine\ncategory: cheese\n")
    file = write(tmp_path, "catalog: [mine.yml]\nexchanges: {okx: {endpoints: [weather]}}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(file, {})
    text = str(caught.value)
    assert "mine.yml:2: $.category: 'cheese' is not one of" in text
    assert "mine.yml:1: $: 'endpoints' is a required property" in text
    assert "exporter.yml:2: $.exchanges.okx.endpoints[0]: no endpoint 'weather'" in text


@pytest.mark.parametrize("zero", ["0", "0s", "0.0h", "'0ms'"])
def test_zero_is_a_duration_of_checks_only(tmp_path: Path, zero: str) -> None:
    """No time at all is no timeout and no interval, however it is written."""
    checks = f"checks: {{freshness: {{max_age: {zero}}}}}\n"
    assert load_config(write(tmp_path, checks), {}).checks == {"freshness": {"max_age": 0.0}}
    for key in ("timeout", "exchanges.okx.options.depth.interval"):
        text = zero
        for name in reversed(key.split(".")):
            text = f"{{{name}: {text}}}"
        with pytest.raises(ConfigError) as caught:
            load_config(write(tmp_path, text), {})
        assert re.search(rf"\.yml:1: \$\.{re.escape(key)}: .* is not a duration", str(caught.value))


def test_a_window_of_no_time_is_a_problem(tmp_path: Path) -> None:
    """Of a catalog file, with its line."""
    text = (CATALOG / "kraken.yml").read_text(encoding="utf-8")
    (tmp_path / "kraken.yml").write_text(re.sub(r"window: \w+", "window: 0s", text, count=1))
    file = write(tmp_path, "catalog: [kraken.yml]\nexchanges: {kraken: {}}\n")
    with pytest.raises(ConfigError, match=r"kraken\.yml:\d+: \$\.limits\.\w+\.window: '0s' is not"):
        load_config(file, {})


BAD_HOSTS = (
    "://[::1",
    "://[x",
    "://a:99999",
    "://a:0",
    "://a:port",
    "://a b",
    "://u:p@a",
    "://a\\n",
)


@pytest.mark.parametrize("rest", BAD_HOSTS)
def test_a_url_that_cannot_be_used_is_a_problem(tmp_path: Path, rest: str) -> None:
    """Wherever one may stand; said once each, with file, line and key."""
    keys = {"base_url": "https", "stream_url": "wss", "network": "http"}
    lines = [f'{key}: "{scheme}{rest}"' for key, scheme in keys.items()]
    lines[-1] = f'network: {{proxy_url: "http{rest}"}}'
    text = "exchanges:\n  okx:\n" + "".join(f"    {line}\n" for line in lines)
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, text), {})
    found = [(problem.line, problem.path) for problem in caught.value.problems]
    here = "$.exchanges.okx"
    keys_of = (f"{here}.base_url", f"{here}.stream_url", f"{here}.network.proxy_url")
    assert found == list(zip((3, 4, 5), keys_of, strict=True))


@pytest.mark.parametrize("rest", BAD_HOSTS)
@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("^base_url: .*", 'base_url: "httpsREST"', "base_url"),
        ("^  ping:", '  ping:\n    base_url: "httpsREST"', "endpoints.ping.base_url"),
        ("^  url: .*", '  url: "wssREST"', "streams.url"),
    ],
    ids=["all", "endpoint", "streams"],
)
def test_so_is_one_of_the_catalog(tmp_path: Path, rest: str, old: str, new: str, key: str) -> None:
    """Before anybody takes it apart."""
    text = (CATALOG / "binance.yml").read_text(encoding="utf-8")
    line = new.replace("REST", rest)
    text, count = re.subn(old, lambda _: line, text, count=1, flags=re.MULTILINE)
    assert count
    (tmp_path / "binance.yml").write_text(text)
    file = write(tmp_path, "catalog: [binance.yml]\nexchanges: {binance: {}}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(file, {})
    assert [problem.path for problem in caught.value.problems] == [f"$.{key}"]


@pytest.mark.parametrize("path", ["/a b", "/a\\r\\nHost: b", "/a\\n", "/ä", "a", "/a?b", "/a#b"])
def test_a_path_that_cannot_be_sent_is_a_problem(tmp_path: Path, path: str) -> None:
    """Of an endpoint in a catalog file."""
    text = (CATALOG / "kraken.yml").read_text(encoding="utf-8")
    text, count = re.subn(r"path: \S+", lambda _: f'path: "{path}"', text, count=1)
    assert count
    (tmp_path / "kraken.yml").write_text(text)
    file = write(tmp_path, "catalog: [kraken.yml]\nexchanges: {kraken: {}}\n")
    with pytest.raises(ConfigError, match=r"kraken\.yml:\d+: \$.*path: .* is not a path such as"):
        load_config(file, {})


def problems(file: Path) -> list[str]:
    """What is wrong with a configuration, without the folder."""
    with pytest.raises(ConfigError) as caught:
        build_plan(load_config(file, {}))
    return [str(problem).replace(f"{file.parent}/", "") for problem in caught.value.problems]


def test_what_breaks_the_schema_hides_no_other_problem(tmp_path: Path) -> None:
    """Of references, secrets, files and expressions; and nothing is told twice."""
    text = (CATALOG / "kraken.yml").read_text(encoding="utf-8")
    (tmp_path / "kraken.yml").write_text(re.sub("ok: .*", "ok: '[['", text, count=1))
    file = """
budgett: 1
timeout: soon
pairs: [1]
catalog: [kraken.yml, none.yml]
state: {}
exchanges:
  okx: {endpoint: [time], endpoints: [weather], headers: {X: {env: NONE}}}
  binanse: {budget: 7}
  bybit: {streams: [tape], cold: [stream.trades]}
  kraken: {options: {depth: {interval: 0}, moon: {}}}
"""
    assert [line.partition(": ")[2].split(": ")[0] for line in problems(write(tmp_path, file))] == [
        "$.budgett",
        "$.timeout",
        "$.pairs[0]",
        "$.catalog[1]",
        "$.state",
        "$.exchanges.okx.endpoint",
        "$.exchanges.okx.endpoints[0]",
        "$.exchanges.okx.headers.X",
        "$.exchanges.binanse",
        "$.exchanges.binanse.budget",
        "$.exchanges.bybit.streams[0]",
        "$.exchanges.kraken.options.depth.interval",
        "$.exchanges.kraken.options.moon",
        "$.envelope.ok",
    ]


def test_a_catalog_file_that_is_broken_is_not_one_that_is_missing(tmp_path: Path) -> None:
    """Its own problems are told, and nothing of those who use it."""
    (tmp_path / "mine.yml").write_text("name: [mine\n")
    file = write(tmp_path, "catalog: [mine.yml]\nexchanges: {mine: {}}\n")
    assert len(problems(file)) == 1
    file = write(tmp_path, "catalog: mine.yml\nexchanges: {mine: {}}\n")
    assert problems(file) == ["exporter.yml:1: $.catalog: 'mine.yml' is not of type 'array'"]


def test_a_catalog_file_is_called_what_it_names(tmp_path: Path) -> None:
    """So that a copy does not replace a shipped file unless its name says so."""
    text = (CATALOG / "binance.yml").read_text(encoding="utf-8")
    (tmp_path / "mine.yml").write_text(text)
    file = write(tmp_path, "catalog: [mine.yml]\nexchanges: {binance: {}}\n")
    line = text[: text.index("name: ")].count("\n") + 1
    told = f"mine.yml:{line}: $.name: 'binance' is not the name of the file, 'mine'"
    assert problems(file) == [told]
    own = (tmp_path / "mine.yml").rename(tmp_path / "binance.yml")
    file = write(tmp_path, "catalog: [binance.yml]\nexchanges: {binance: {}}\n")
    assert load_config(file, {}).exchanges[0].catalog.file == str(own)


def test_a_wrong_endpoint_is_told_once(tmp_path: Path) -> None:
    """Though it was to be probed cold, too."""
    for cold in ("tickr", "ticker"):
        file = write(tmp_path, f"exchanges: {{okx: {{endpoints: [tickr], cold: [{cold}]}}}}\n")
        assert [problem.split(": ")[1] for problem in problems(file)] == [
            "$.exchanges.okx.endpoints[0]"
        ]


def test_a_wrong_parameter_of_a_check_is_told_with_those_that_there_are(tmp_path: Path) -> None:
    """All of them, and in the words of its own kind."""
    file = write(tmp_path, "checks:\n  freshness: {max_aeg: 1s, x: 2s}\n  book: 5\n")
    assert problems(file) == [
        "exporter.yml:2: $.checks.freshness.max_aeg: unknown key, did you mean 'max_age'?",
        "exporter.yml:2: $.checks.freshness.x: unknown key (known here: max_age, max_future)",
        "exporter.yml:3: $.checks.book: 5 is none of the accepted forms",
    ]


def test_a_missing_file_is_a_problem_and_not_a_crash(tmp_path: Path) -> None:
    """It names the file."""
    with pytest.raises(ConfigError, match=r"none\.yml: No such file"):
        load_config(tmp_path / "none.yml", {})
