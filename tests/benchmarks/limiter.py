"""How long one check over four tiers takes: python tests/benchmarks/limiter.py

Steady state: time advances at every check so that the logs are full and entries run out. Sparse
checks share no log entry and drop an old one per tier each time, which is the worst case.
"""

from __future__ import annotations

import time

from exporter.core.limits import Limiter
from exporter.core.plan import Limit, Scope

CHECKS = 200_000
TIERS = (
    (Scope.IP, 6000.0, 60.0),
    (Scope.EXCHANGE, 1200.0, 10.0),
    (Scope.ENDPOINT, 600.0, 2.0),
    (Scope.ACCOUNT, 3000.0, 30.0),
)


def limiter() -> tuple[Limiter, tuple[tuple[str, float], ...]]:
    """Four limits of which all may be spent, and a cost in each."""
    limits = [Limit(tier, "x", tier, tier, size, window, 1.0) for tier, size, window in TIERS]
    costs = tuple((limit.key, 1.0) for limit in limits)
    return Limiter(limits, [costs]), costs


def nanoseconds(step: float) -> tuple[float, int]:
    """(ns per check, how many were granted) with ``step`` seconds between two checks."""
    subject, costs = limiter()
    claim = subject.claim("x", "depth", "main", costs)
    times = [index * step for index in range(CHECKS)]
    for now in times[: CHECKS // 4]:
        subject.reserve(claim, now)
    granted = 0
    reserve = subject.reserve
    start = time.perf_counter_ns()
    for now in times[CHECKS // 4 :]:
        if reserve(claim, now) is None:
            granted += 1
    return (time.perf_counter_ns() - start) / (CHECKS * 3 // 4), granted


def main() -> None:
    for name, step in (("frequent", 0.0105), ("sparse", 0.1), ("too frequent", 0.005)):
        best, granted = min(nanoseconds(step) for _ in range(5))
        share = granted / (CHECKS * 3 // 4)
        print(f"{name}: {best:.0f} ns per check over 4 tiers, {share:.0%} granted")


if __name__ == "__main__":
    main()
