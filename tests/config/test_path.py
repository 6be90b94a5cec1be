"""Simple expressions find what JMESPath finds."""

from typing import Any

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jmespath.exceptions import JMESPathError

from exporter.config.path import compile_path

KEYS = st.sampled_from(["a", "b", "_c", "d1"])
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)
STEPS = st.tuples(KEYS, st.lists(st.integers(0, 3), max_size=2))
PATHS = st.lists(STEPS, min_size=1, max_size=4).map(
    lambda steps: ".".join(key + "".join(f"[{i}]" for i in indexes) for key, indexes in steps)
)


@given(PATHS, DOCUMENTS)
def test_a_plain_path_finds_the_same_as_the_interpreter(path: str, document: Any) -> None:
    """Also nothing, in documents of any shape."""
    assert compile_path(path)(document) == jmespath.search(path, document)


TERMS = st.tuples(PATHS, st.none() | st.text("ab &=", max_size=3)).map(
    lambda term: term[0] if term[1] is None else f"{term[0]} == '{term[1]}'"
)


@given(st.lists(TERMS, min_size=1, max_size=3).map(" && ".join), DOCUMENTS)
def test_comparisons_joined_by_and_find_the_same_as_the_interpreter(
    expression: str, document: Any
) -> None:
    """The first value that is false, as JMESPath has it."""
    assert compile_path(expression)(document) == jmespath.search(expression, document)


@pytest.mark.parametrize("path", ["@", "a || b", "a[?b=='x'] | [0]", "a[-1]", '"odd key".b', "a.*"])
def test_everything_else_is_left_to_the_interpreter(path: str) -> None:
    """With its own meaning."""
    document = {"a": [{"b": "x"}, {"b": "y"}], "odd key": {"b": 1}}
    assert compile_path(path)(document) == jmespath.search(path, document)


def test_a_bad_expression_is_refused() -> None:
    """At load, not at the first probe."""
    with pytest.raises(JMESPathError):
        compile_path("a[")
