"""The rate limiter: which probe may be sent now, under all published limits and blocks.

Hierarchical and weighted: a probe is charged to several buckets (IP, exchange, endpoint, account),
to all or to none. It never queues: a probe that may not be sent now is denied with the time at
which to ask again, so that no wait of ours is ever mistaken for latency of an exchange.
``now`` is monotonic seconds everywhere, ``wall`` unix seconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from exporter.core.bucket import NEVER, Bucket, BucketState, ceil_ms
from exporter.core.model import Reason, SkipReason
from exporter.core.plan import Limit, Scope
from exporter.core.usage import LimitUsage

Costs = tuple[tuple[str, float], ...]
"""What one probe spends: (bucket key, units)."""

YIELD_AT = 0.8
"""Used part of a shared limit, as its provider reports it, at which we leave the rest to others."""

_PARDON = 600.0
"""A block that starts this long after the one before ended is the first of a new series."""

_MAX_RESTORED_BLOCK = 7 * 24 * 3600.0
"""Longer than any published ban (3 days): what exceeds it comes from a clock that was set back."""


@dataclass(frozen=True, slots=True)
class Denial:
    """Why a probe may not be sent, and the monotonic time before which asking again is useless.

    ``what`` names the limit, the blocked scope or the host, for people.
    """

    reason: SkipReason
    retry_at: float
    what: str


@dataclass(frozen=True, slots=True)
class BlockState:
    """A not-before time: unix seconds in a LimiterState, monotonic seconds in ``blocks()``.

    ``endpoint`` and ``account`` are empty unless the scope is theirs. ``count`` is how many blocks
    in a row this one is.
    """

    scope: Scope
    exchange: str
    endpoint: str
    account: str
    until: float
    reason: Reason
    count: int = 1


@dataclass(frozen=True, slots=True)
class LimiterState:
    """What outlives a restart."""

    buckets: tuple[BucketState, ...] = ()
    blocks: tuple[BlockState, ...] = ()


@dataclass(frozen=True, slots=True)
class LimitView:
    """The state of one published limit that a target spends of, as it is shown.

    ``budget_used`` is our spending over our allowance, and ``budget`` the share of the limit that
    this allowance comes to when it is spent at once. ``used`` (ratio) and ``remaining`` (units)
    are what the provider said of the whole limit, other clients included; None if it says nothing.
    """

    name: str
    budget_used: float
    budget: float
    used: float | None = None
    remaining: float | None = None


_BlockKey = tuple[Scope, str, str, str]


def _block_key(scope: Scope, exchange: str, endpoint: str, account: str) -> _BlockKey:
    if scope is Scope.ENDPOINT:
        return scope, exchange, endpoint, ""
    if scope is Scope.ACCOUNT:
        return scope, exchange, "", account
    # All targets of an exchange leave from one address: both scopes stop the same probes.
    return Scope.EXCHANGE, exchange, "", ""


class _Block:
    """The not-before time of one scope."""

    __slots__ = ("count", "key", "reason", "until")

    def __init__(self, key: _BlockKey) -> None:
        self.key = key
        self.until = NEVER
        self.reason = Reason.RATE_LIMITED
        self.count = 0

    def earlier(self, now: float) -> int:
        """How many blocks in a row came before one that would start now."""
        if now < self.until:
            return self.count - 1
        return self.count if now < self.until + _PARDON else 0

    def extend(self, until: float, reason: Reason, now: float) -> None:
        if until > self.until:
            self.count = self.earlier(now) + 1
            self.until = until
            self.reason = reason

    def state(self) -> BlockState:
        return BlockState(*self.key, self.until, self.reason, self.count)


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """What a target's probes are charged to and blocked by, looked up once.

    Stays valid when the limiter is reconfigured.
    """

    charges: tuple[tuple[Bucket, float], ...]
    blocks: tuple[_Block, _Block, _Block]  # exchange, endpoint, account


class Limiter:
    """All buckets and blocks of one process. Not thread-safe; one event loop owns it."""

    def __init__(
        self, limits: Iterable[Limit], costs: Iterable[Costs], yield_at: float = YIELD_AT
    ) -> None:
        """``costs`` are those of all targets: they tell each bucket's largest single cost.

        Raises ValueError when a cost names no limit.
        """
        self._yield_at = yield_at
        self._latest = NEVER
        self._known: dict[str, Bucket] = {}
        self._active: tuple[Bucket, ...] = ()
        self._blocks: dict[_BlockKey, _Block] = {}
        self.reconfigure(limits, costs)

    def reconfigure(self, limits: Iterable[Limit], costs: Iterable[Costs]) -> None:
        """Take on a new plan; a reload refills nothing.

        A bucket keeps its log and what was observed under its key, whatever else changed, also
        through a plan that does not have it. Blocks stay. Raises ValueError when a cost names no
        limit, and has changed nothing then.
        """
        by_key = {limit.key: limit for limit in limits}
        largest = _largest_costs(costs)
        if unknown := largest.keys() - by_key.keys():
            raise ValueError(f"costs name unknown limits: {', '.join(sorted(unknown))}")
        self._active = tuple(
            self._configured(limit, largest.get(key, 0.0)) for key, limit in by_key.items()
        )

    def _configured(self, limit: Limit, largest: float) -> Bucket:
        bucket = self._known.get(limit.key)
        if bucket is None:
            bucket = self._known[limit.key] = Bucket(limit, largest, self._yield_at)
        else:
            bucket.configure(limit, largest)
        return bucket

    def claim(self, exchange: str, endpoint: str, account: str, costs: Costs) -> Claim:
        """Resolve what probes of one target are charged to. Raises KeyError on an unknown limit."""
        scopes = (Scope.EXCHANGE, Scope.ENDPOINT, Scope.ACCOUNT)
        on_exchange, on_endpoint, on_account = (
            self._block(_block_key(scope, exchange, endpoint, account)) for scope in scopes
        )
        return Claim(
            tuple((self._known[key], cost) for key, cost in _summed(costs).items()),
            (on_exchange, on_endpoint, on_account),
        )

    def reserve(self, claim: Claim, now: float) -> Denial | None:
        """Spend the costs of one probe from all buckets (None), or from none (why not)."""
        if now > self._latest:
            self._latest = now
        else:  # read before the time of another probe: dated like that one, logs stay in order
            now = self._latest
        on_exchange, on_endpoint, on_account = claim.blocks
        if now < on_exchange.until or now < on_endpoint.until or now < on_account.until:
            return _backoff(claim.blocks)
        charges = claim.charges
        for bucket, cost in charges:
            if bucket.runs_out <= now:
                bucket.expire(now)
            if cost > bucket.left or now < bucket.yield_until:
                return Denial(SkipReason.BUDGET, bucket.free_at(cost, now), bucket.limit.name)
        for bucket, cost in charges:
            bucket.left -= cost
            if now < bucket.edge:
                newest = bucket.newest
                newest[1] = now
                newest[2] += cost
            else:
                bucket.newest = newest = [now, now, cost]
                bucket.entries.append(newest)
                bucket.edge = now + bucket.grain
        return None

    def refund(self, claim: Claim, at: float) -> None:
        """Give back what ``reserve`` granted at ``at``: the probe was never sent."""
        for bucket, cost in claim.charges:
            bucket.refund(cost, at)

    def sync(self, claim: Claim, usages: Iterable[LimitUsage], now: float) -> None:
        """Learn from the headers of an answer; usages of buckets not in the claim are ignored.

        The provider counts everybody on our IP. From ``YIELD_AT`` on we leave the rest to the
        others until the window resets. A limit advertised below the published one shrinks our
        allowance; nothing a header says ever raises it.
        """
        buckets = {bucket.limit.key: bucket for bucket, _ in claim.charges}
        for usage in usages:
            if usage.key in buckets:
                buckets[usage.key].observe(usage, now)

    def block(self, claim: Claim, scope: Scope, until: float, reason: Reason, now: float) -> None:
        """Send nothing in ``scope`` before ``until``. Never shortens a block in force."""
        _block_of(claim, scope).extend(until, reason, now)

    def consecutive(self, claim: Claim, scope: Scope, now: float) -> int:
        """How many blocks in a row came before one that would start now, for ``block_seconds``.

        Answers that arrive together while a block is already in force count as one block.
        """
        return _block_of(claim, scope).earlier(now)

    def sustained_rates(self) -> dict[str, float]:
        """Units per second that may be spent in the long run, by the key of the limit."""
        return {bucket.limit.key: bucket.units / bucket.window for bucket in self._active}

    def views(self, claim: Claim, now: float) -> tuple[LimitView, ...]:
        """The buckets that a claim is charged to, as they are shown."""
        return tuple([_view(bucket, now) for bucket, _ in claim.charges])

    def snapshot(self, now: float, wall: float) -> LimiterState:
        """What must survive a restart."""
        buckets = (bucket.snapshot(now, wall) for bucket in self._known.values())
        return LimiterState(
            tuple(state for state in buckets if state != BucketState(state.key)),
            tuple(
                replace(block.state(), until=ceil_ms(block.until - now + wall))
                for block in self._blocks.values()
                if now < block.until + _PARDON
            ),
        )

    def restore(self, state: LimiterState, now: float, wall: float) -> None:
        """Add a snapshot of an earlier process. Buckets that are not in the plan are ignored."""
        for saved in state.buckets:
            if saved.key in self._known:
                self._known[saved.key].restore(saved, now, wall)
        for old in state.blocks:
            block = self._block(_block_key(old.scope, old.exchange, old.endpoint, old.account))
            block.extend(min(old.until - wall, _MAX_RESTORED_BLOCK) + now, old.reason, now)
            block.count = max(block.count, old.count)

    def _block(self, key: _BlockKey) -> _Block:
        return self._blocks.setdefault(key, _Block(key))


def _view(bucket: Bucket, now: float) -> LimitView:
    bucket.expire(now)
    spent = 1.0 - bucket.left / bucket.units
    budget = bucket.units / bucket.limit.capacity
    observed = bucket.observation(now)
    if observed is None:
        return LimitView(bucket.limit.name, spent, budget)
    return LimitView(bucket.limit.name, spent, budget, observed.used_ratio, observed.remaining)


def _summed(costs: Costs) -> dict[str, float]:
    total: dict[str, float] = {}
    for key, cost in costs:
        total[key] = total.get(key, 0.0) + cost
    return total


def _largest_costs(costs: Iterable[Costs]) -> dict[str, float]:
    largest: dict[str, float] = {}
    for each in costs:
        for key, cost in _summed(each).items():
            largest[key] = max(largest.get(key, 0.0), cost)
    return largest


def _block_of(claim: Claim, scope: Scope) -> _Block:
    on_exchange, on_endpoint, on_account = claim.blocks
    return {Scope.ENDPOINT: on_endpoint, Scope.ACCOUNT: on_account}.get(scope, on_exchange)


def _backoff(blocks: tuple[_Block, ...]) -> Denial:
    longest = max(blocks, key=lambda block: block.until)
    return Denial(SkipReason.BACKOFF, longest.until, f"{longest.key[0]} {longest.reason}")
