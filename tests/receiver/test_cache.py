"""The cache of answers."""

from __future__ import annotations

from exporter.receiver.cache import Cache, key_of


def test_an_answer_is_kept_for_its_time() -> None:
    """And not a second longer."""
    cache = Cache(60.0)
    cache.put("k", "text", 100.0)

    assert cache.get("k", 159.0) == "text"
    assert cache.get("k", 160.0) is None


def test_the_one_not_asked_for_longest_goes() -> None:
    """So that memory is bounded."""
    cache = Cache(60.0, longest=2)
    cache.put("a", "A", 0.0)
    cache.put("b", "B", 0.0)
    cache.get("a", 1.0)
    cache.put("c", "C", 1.0)

    assert [cache.get(key, 2.0) for key in "abc"] == ["A", None, "C"]


def test_no_time_keeps_nothing() -> None:
    """``cache_ttl: 0``."""
    cache = Cache(0.0)
    cache.put("k", "text", 0.0)
    assert cache.get("k", 0.0) is None


def test_models_do_not_share_answers() -> None:
    """Nor do other contents."""
    assert len({key_of("x", "m"), key_of("x", "n"), key_of("y", "m")}) == 3
