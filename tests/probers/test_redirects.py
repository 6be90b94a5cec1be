"""Redirects on the wire."""

from __future__ import annotations

from typing import Any

from exporter.core.model import Reason
from exporter.core.plan import Request, Route

from .servers import Visit, always, answer, ask_once, probing, run, serving

KEY: dict[str, Any] = {"headers": (("X-Key", "k"),), "credentials": frozenset({"x-key"})}


def moved(location: str) -> bytes:
    return answer(b"moved", f"Location: {location}", status="302 Found")


def test_a_redirect_is_an_answer() -> None:
    """Unless it is asked for, nothing is followed."""
    seen, upstream = ask_once(always(moved("/elsewhere")))

    assert seen.failure is None
    assert seen.status == 302
    assert len(upstream.heads) == 1


def test_hops_are_counted_and_the_last_one_is_measured() -> None:
    """Each hop is a request on the wire; the connection serves them all."""

    async def once(visit: Visit) -> None:
        await visit.send(answer(b"there") if b"GET /b " in visit.head else moved("/b"))

    seen, upstream = ask_once(once, redirects=3, **KEY)

    assert (seen.status, seen.body) == (200, b"there")
    assert seen.requests_sent == len(upstream.heads) == 2
    assert seen.reused
    assert all(b"X-Key: k" in head for head in upstream.heads)


def test_hops_are_bounded() -> None:
    """A loop ends where the request says."""
    seen, upstream = ask_once(always(moved("/again")), redirects=2)

    assert seen.status == 302
    assert seen.requests_sent == len(upstream.heads) == 3


def test_credentials_do_not_reach_another_origin() -> None:
    """Another port is another origin already."""

    async def scenario() -> None:
        async with (
            serving(always(answer(b"thanks"))) as other,
            serving(always(moved(other.url()))) as upstream,
            probing() as prober,
        ):
            request = Request(upstream.url(), redirects=1, **KEY)
            seen = await prober.ask(request, Route(), 5)

        assert seen.body == b"thanks"
        assert b"X-Key: k" in upstream.heads[0]
        assert b"X-Key" not in other.heads[0]

    run(scenario())


def test_a_redirect_to_nowhere_is_malformed() -> None:
    """Only http and https are followed."""
    seen, _ = ask_once(always(moved("file:///etc/passwd")), redirects=1)

    assert seen.failure is not None
    assert seen.failure.reason is Reason.MALFORMED
    assert seen.status == 302


def test_a_hop_that_fails_is_the_one_reported() -> None:
    """What the hops before have seen does not mix with it."""
    seen, _ = ask_once(always(moved("http://127.0.0.1:1/")), redirects=1)

    assert seen.failure is not None
    assert seen.failure.reason is Reason.CONNECT
    assert seen.status is None
    assert seen.requests_sent == 1
