"""YAML documents and the lines of their problems."""

import pytest

from exporter.config.document import format_path, parse_document
from exporter.config.errors import ConfigError


def test_every_value_knows_its_line() -> None:
    """Keys and list items are found again."""
    document = parse_document("a: 1\nb:\n  - x\n  - c: 2\n", "f.yml")
    assert document.lines[("a",)] == 1
    assert document.lines[("b", 1, "c")] == 4
    assert document.data == {"a": 1, "b": ["x", {"c": 2}]}


def test_a_problem_below_a_known_value_names_the_nearest_line() -> None:
    """What has no line of its own is reported where its parent stands."""
    document = parse_document("a:\n  b: 1\n", "f.yml")
    assert str(document.problem(("a", "b", "x"), "wrong")) == "f.yml:2: $.a.b.x: wrong"


def test_path_is_written_like_jsonpath() -> None:
    """Keys by dot, indexes by bracket."""
    assert format_path(("limits", 0, "name")) == "$.limits[0].name"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2\n", "f.yml:2: $.a: this key stands twice"),
        ("a: [1\n", "f.yml:2: did not find expected ',' or ']'"),
        ("? [x]\n: 1\n", "f.yml:1: $: keys must be plain text"),
        ("a: !!python/object:os.system {}\n", "f.yml:1: could not determine a constructor"),
        ("a: \xff".encode("latin-1"), "f.yml: not valid YAML"),
        (b"#" * 2**21, "f.yml: larger than 1 MiB"),
        ("a: 1\nb: [.nan]", "f.yml:2: $.b[0]: not a number that can be used: .nan"),
        ("a: -.inf", "f.yml:1: $.a: not a number that can be used: -.inf"),
        ("a: 1.0e+999", "f.yml:1: $.a: not a number that can be used: 1.0e+999"),
        ("a: " + "9" * 400, "f.yml:1: $.a: not a number that can be used: 999"),
        ("[" * 60 + "]" * 60, "nested too deeply"),
    ],
    ids=[
        "twice",
        "syntax",
        "keys",
        "object",
        "bytes",
        "large",
        "nan",
        "inf",
        "exponent",
        "digits",
        "deep",
    ],
)
def test_unsound_yaml_is_refused_with_its_line(text: str | bytes, message: str) -> None:
    """Nothing but ConfigError, and it says where."""
    with pytest.raises(ConfigError) as caught:
        parse_document(text, "f.yml")
    assert message in str(caught.value)


def test_an_endless_alias_is_refused() -> None:
    """A value that contains itself would never be walked to the end."""
    with pytest.raises(ConfigError, match="nested too deeply"):
        parse_document("a: &x\n  b: *x\n", "f.yml")
