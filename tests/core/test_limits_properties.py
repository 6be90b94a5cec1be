"""What the limiter keeps under any limits, costs and order of events."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.core.bucket import Allowance, allowance
from exporter.core.limits import Claim, Costs, Limiter
from exporter.core.model import Reason, SkipReason
from exporter.core.plan import Limit, Scope
from exporter.core.usage import LimitUsage

WALL = 1_700_000_000.0
KEYS = ("ip", "exchange", "endpoint", "account")
SCOPES = (Scope.IP, Scope.EXCHANGE, Scope.ENDPOINT, Scope.ACCOUNT)
ROUNDING = 1 + 1e-9
WALL_TICK = 1e-6  # seconds; a wall time of 1.7e9 s as a float is exact to 0.24 us

limits = st.builds(
    lambda key, capacity, window, share: Limit(key, "x", key, Scope.IP, capacity, window, share),
    key=st.sampled_from(KEYS),
    capacity=st.sampled_from([1.0, 10.0, 97.0, 600.0]),
    window=st.sampled_from([1.0, 2.0, 60.0]),
    share=st.sampled_from([0.05, 0.07, 0.5, 1.0]),
)
plans = st.lists(limits, min_size=1, max_size=4, unique_by=lambda limit: limit.key)
costs_of_targets = st.lists(
    st.tuples(*(st.sampled_from([0.0, 0.5, 1.0, 2.0, 20.0]) for _ in KEYS)), min_size=1, max_size=3
)
# Around the grains and the windows above, where a mistake would show.
waits = st.sampled_from(
    [0.0, 0.0, 0.0, 0.0004, 0.0007, 0.03, 0.3, 0.97, 0.9995, 1.0, 1.9996, 59.96]
)
events = st.lists(
    st.tuples(
        st.sampled_from(
            ["probe", "burst", "burst", "refund", "block", "sync", "restart", "reload"]
        ),
        waits,
        st.integers(0, 99),
    ),
    min_size=10,
    max_size=60,
)


@dataclass
class World:
    """A limiter beside the plain list of everything that was spent. Times are wall times."""

    plan: list[Limit]
    costs: list[Costs]
    now: float = WALL
    base: float = WALL  # wall time at which the monotonic clock shows 0
    spent: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    flying: list[tuple[int, float]] = field(default_factory=list)
    forgotten: float = 0.0  # spends up to here had run out under an earlier plan
    blocked: dict[tuple[str, str], float] = field(default_factory=dict)
    rounding: float = 0.0  # by which restarts may have prolonged a block

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.limiter = Limiter(self.plan, self.costs)
        self.resolve()

    def resolve(self) -> None:
        self.claims: list[Claim] = [
            self.limiter.claim("x", f"e{index}", f"a{index % 2}", costs)
            for index, costs in enumerate(self.costs)
        ]

    @property
    def clock(self) -> float:
        return self.now - self.base

    def allowances(self) -> dict[str, Allowance]:
        largest = {key: max(dict(costs)[key] for costs in self.costs) for key in self.keys()}
        return {limit.key: allowance(limit, largest[limit.key]) for limit in self.plan}

    def keys(self) -> list[str]:
        return [limit.key for limit in self.plan]

    def probe(self, which: int) -> None:
        target = which % len(self.costs)
        before = self.limiter.snapshot(self.clock, self.now)
        denial = self.limiter.reserve(self.claims[target], self.clock)
        if denial is not None:
            assert self.limiter.snapshot(self.clock, self.now) == before
            assert denial.retry_at > self.clock
            if denial.reason is SkipReason.BACKOFF:
                assert self.is_blocked(target, self.now - self.rounding - WALL_TICK)
            else:
                assert not self.is_blocked(target, self.now + WALL_TICK)
            return
        assert not self.is_blocked(target, self.now + WALL_TICK)
        self.flying.append((target, self.now))
        for key, cost in self.costs[target]:
            self.spent.setdefault(key, []).append((self.now, cost))
        self.check()

    def burst(self, which: int) -> None:
        for _ in range(which % 40):
            self.probe(which)
            self.now += which % 3 / 4096

    def check(self) -> None:
        """No window that ends now holds more than our allowance; the later ones are checked
        when something is spent in them.
        """
        for key, ours in self.allowances().items():
            start = max(self.now - ours.window, self.forgotten)
            total = sum(cost for at, cost in self.spent.get(key, []) if at > start)
            assert total <= ours.units * ROUNDING, key

    def refund(self, which: int) -> None:
        if self.flying:
            target, at = self.flying.pop(which % len(self.flying))
            self.limiter.refund(self.claims[target], at - self.base)
            for key, cost in self.costs[target]:
                self.spent[key].remove((at, cost))

    def block(self, which: int) -> None:
        target, scope = which % len(self.costs), SCOPES[which % 4]
        until = self.clock + which / 50
        self.limiter.block(self.claims[target], scope, until, Reason.BANNED, self.clock)
        for scoped in self.scopes(target):
            if scoped[0] == ("exchange" if scope is Scope.IP else scope):
                self.blocked[scoped] = max(self.blocked.get(scoped, 0.0), self.now + which / 50)

    def scopes(self, target: int) -> list[tuple[str, str]]:
        return [("exchange", ""), ("endpoint", f"{target}"), ("account", f"{target % 2}")]

    def is_blocked(self, target: int, at: float) -> bool:
        return any(at < self.blocked.get(scoped, 0.0) for scoped in self.scopes(target))

    def sync(self, which: int) -> None:
        usages = [
            LimitUsage(
                key,
                used=[None, 0.0, 1.0, 5.0, 1e12][which % 5],
                limit=[None, 1.0, 5.0, 50.0, 1e12][which // 5 % 5],
                reset_in=[None, 0.5, -1.0][which % 3],
            )
            for key in KEYS
        ]
        self.limiter.sync(self.claims[which % len(self.claims)], usages, self.clock)

    def restart(self, which: int) -> None:
        state = self.limiter.snapshot(self.clock, self.now)
        self.now += which / 4096
        self.base = self.now - 1000.0 * which
        self.start()
        self.limiter.restore(state, self.clock, self.now)
        self.flying.clear()
        self.rounding += 0.002

    def reload(self, which: int) -> None:
        shortest = min(ours.window for ours in self.allowances().values())
        self.forgotten = max(self.forgotten, self.now - shortest)
        share = [0.02, 0.2, 1.0][which % 3]
        self.plan = [replace(limit, share=share) for limit in self.plan]
        self.limiter.reconfigure(self.plan, self.costs)
        if which % 2:
            self.resolve()


@settings(max_examples=200)
@given(plans, costs_of_targets, events)
def test_no_window_ever_exceeds_our_allowance(
    plan: list[Limit], costs: list[tuple[float, ...]], happenings: list[tuple[str, float, int]]
) -> None:
    """Also: a denied reserve changes nothing, and nothing is probed during a block."""
    used = [tuple((limit.key, each[KEYS.index(limit.key)]) for limit in plan) for each in costs]
    world = World(plan, used)
    for name, wait, which in happenings:
        world.now += wait
        getattr(world, name)(which)


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 200)), max_size=30))
def test_a_block_is_never_shortened(blocks: list[tuple[int, int]]) -> None:
    """Whatever comes in whatever order, the latest end is what counts."""
    limiter = Limiter([], [])
    claim = limiter.claim("x", "e", "", ())
    now, latest = 0.0, 0.0
    for wait, until in blocks:
        now += wait
        limiter.block(claim, Scope.EXCHANGE, float(until), Reason.RATE_LIMITED, now)
        latest = max(latest, float(until))
        assert (limiter.reserve(claim, now) is not None) == (now < latest)


@settings(max_examples=100)
@given(limits, st.lists(st.floats(0, 30), min_size=1, max_size=60))
def test_a_denial_is_as_short_as_possible(limit: Limit, waits: list[float]) -> None:
    """Asking at the time it names is granted when nothing else was spent, just before it is not."""
    costs: Costs = ((limit.key, 1.0),)
    limiter = Limiter([limit], [costs])
    claim = limiter.claim("x", "e", "", costs)
    now = 0.0
    for wait in waits:
        now += wait
        denial = limiter.reserve(claim, now)
        if denial is not None:
            assert limiter.reserve(claim, math.nextafter(denial.retry_at, now)) is not None
            now = denial.retry_at
            assert limiter.reserve(claim, now) is None


@settings(max_examples=200)
@given(
    st.sampled_from([2.0, 3.0, 5.0]),
    st.lists(st.sampled_from([0.0, 0.0003, 0.0007, 0.0011, 0.9985, 0.9992, 0.9996]), max_size=60),
)
def test_spends_that_share_an_entry_stay_in_their_window(units: float, pauses: list[float]) -> None:
    """Pauses around the grain (1 ms) and the window (1 s), where sharing could forgive a spend."""
    costs: Costs = (("ip", 1.0),)
    limiter = Limiter([Limit("ip", "x", "ip", Scope.IP, units, 1.0, 1.0)], [costs])
    claim = limiter.claim("x", "e", "", costs)
    now, spent = 0.0, list[float]()
    for pause in pauses:
        now += pause
        if limiter.reserve(claim, now) is None:
            spent.append(now)
            assert sum(at > now - 1.0 for at in spent) <= units
