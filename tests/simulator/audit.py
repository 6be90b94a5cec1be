"""The provider's own books: how much a client spent in any window, and when it came uninvited.

Nothing here is taken from the exporter's limiter: it is what an exchange could count by itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from exporter.simulator.accounting import Limit
from exporter.simulator.exchange import SimulatedExchange
from exporter.simulator.simulation import Request

_CLOSE = 1e-3  # seconds by which the reading of a clock and the request after it may differ


@dataclass
class Book:
    """What was spent of one limit, as (time, units), where it counts by itself."""

    name: str
    limit: Limit
    spent: list[tuple[float, float]] = field(default_factory=list)


def books(requests: Sequence[Request], exchanges: Mapping[str, SimulatedExchange]) -> list[Book]:
    """What every request cost of every limit."""
    found: dict[str, Book] = {}
    for request in requests:
        provider = exchanges[request.exchange].provider
        for limit in provider.limits:
            if units := provider.endpoints[request.endpoint].cost.get(limit.name):
                endpoint = request.endpoint if limit.per_endpoint else ""
                pair = request.pair if limit.per_pair else ""
                name = "/".join(filter(None, (request.exchange, limit.name, endpoint, pair)))
                book = found.setdefault(name, Book(name, limit))
                book.spent.append((request.time, units))
    return list(found.values())


def excesses(kept: Iterable[Book], share: float) -> Iterator[str]:
    """Every limit of which more than this share was spent in some window, anywhere in time.

    A share that is less than one request is that request in a window longer in proportion.
    """
    for book in kept:
        allowed, window = book.limit.capacity * share, book.limit.window
        largest = max(units for _, units in book.spent)
        if allowed < largest:
            allowed, window = largest, window * largest / allowed
        most = _most_in_a_window(book.spent, window - _CLOSE)
        if most > allowed + 1e-9:
            yield f"{book.name}: {most:g} of {allowed:g}"


def _most_in_a_window(spent: Sequence[tuple[float, float]], window: float) -> float:
    inside: deque[tuple[float, float]] = deque()
    total = most = 0.0
    for time, units in spent:
        inside.append((time, units))
        total += units
        while inside[0][0] <= time - window:
            total -= inside.popleft()[1]
        most = max(most, total)
    return most


def intrusions(
    requests: Sequence[Request],
    delivered: Sequence[float],
    exchanges: Mapping[str, SimulatedExchange],
) -> Iterator[str]:
    """Every request that came although an answer, ``delivered`` before it, had asked to stay away.

    A ban is for the whole exchange, and so is the refusal of a call that has no limit of its own.
    """
    closed: list[tuple[Request, float]] = []
    for request, known_at in zip(requests, delivered, strict=True):
        closed = [(refusal, told) for refusal, told in closed if refusal.until > request.time]
        for refusal, told in closed:
            same = refusal.exchange == request.exchange
            wide = _is_for_all(refusal, exchanges) or refusal.endpoint == request.endpoint
            if same and wide and told < request.time:
                late = refusal.until - request.time
                yield f"{request.exchange}/{request.endpoint}: {late:.3f} s too early"
        if request.until:
            closed.append((request, known_at))


def _is_for_all(refusal: Request, exchanges: Mapping[str, SimulatedExchange]) -> bool:
    provider = exchanges[refusal.exchange].provider
    cost = provider.endpoints[refusal.endpoint].cost
    apart = any(limit.per_endpoint for limit in provider.limits if limit.name in cost)
    return not apart or refusal.status in (403, 418)
