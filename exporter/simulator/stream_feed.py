"""The feeds of one simulated exchange: what each says at each moment, made from the catalog.

Time goes in steps of the market, ten a second. What a feed says at a step follows from seed, pair
and step alone, so that all connections hear the same and nothing needs to be remembered.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from exporter.config.duration import seconds
from exporter.config.message import compact, fill
from exporter.config.symbol import stream_names
from exporter.simulator.market import MAX_ROWS, STEPS_PER_SECOND, Market, Snapshot
from exporter.simulator.stream_variables import (
    STREAM_PLAIN,
    STREAM_ROWS,
    Change,
    StreamScope,
    book_changes,
)
from exporter.simulator.template import Template, compile_template

_EVERY = "1s"
_INSIDE = 0.001  # seconds into a step, so that no rounding puts a time into the one before


def step_at(now: float) -> int:
    """The step of the market that is going on at ``now`` (unix seconds)."""
    return int(now * STEPS_PER_SECOND)


def time_of(step: int) -> float:
    """When what is said at a step is said, in unix seconds."""
    return step / STEPS_PER_SECOND + _INSIDE


@dataclass(frozen=True, slots=True, eq=False)
class Feed:
    """One channel. ``steps`` lie between two messages; ``depth`` levels a side are watched."""

    name: str
    path: str
    steps: int
    depth: int
    update: Template
    first: Template | None
    reset: Template | None
    keepalive: Template | None

    @property
    def endpoint(self) -> str:
        """Where faults of this channel are put."""
        return f"stream.{self.name}"


@dataclass(frozen=True, slots=True)
class Turn:
    """What sets a message apart from the one that everybody hears: the ids are ``shift`` further,
    ``previous`` was the last one, and all times are ``skew`` seconds later."""

    previous: int
    shift: int = 0
    skew: float = 0.0


class Feeds:
    """All feeds of one exchange. ``samples`` are those beside the channels, ``greetings`` what is
    said to whoever connects.

    Raises:
        CatalogError: a sample has an unknown variable, format or list.
    """

    def __init__(self, document: Mapping[str, Any], pairs: Iterable[str], market: Market) -> None:
        self.name: str = document["name"]
        self.spec: Mapping[str, Any] = document.get("streams", {})
        self._document = document
        self._market = market
        self._pairs = tuple(pairs)
        self.feeds = {name: self._feed(name, spec) for name, spec in self._channels().items()}
        self.paths = frozenset(feed.path for feed in self.feeds.values())
        self._topics = dict(reversed(list(self._index())))
        self.samples = {
            name: template
            for name, sample in self.spec.items()
            if name.endswith("_sample") and (template := self._template(sample, name))
        }
        self.greetings = tuple(
            template
            for n, sample in enumerate(self.spec.get("greeting_samples", ()))
            if (template := self._template(sample, f"greeting_samples[{n}]"))
        )
        self.facts = lru_cache(2048)(self._facts)
        self.update = lru_cache(2048)(self._update)
        self.names = lru_cache(1024)(self._names)

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Where the faults of streams can be put: the connection, or one channel."""
        return ("stream", *(feed.endpoint for feed in self.feeds.values()))

    def find(self, path: str, topic: Any) -> tuple[Feed, str] | None:
        """The feed and the pair of a topic that is asked for at ``path``."""
        return self._topics.get((path, json.dumps(topic, sort_keys=True)))

    def sequence(self, pair: str, step: int) -> int:
        """The sequence of the book at a step."""
        return self.facts(pair, step, 1, 0).sequence

    def first(self, feed: Feed, pair: str, step: int, skew: float = 0.0) -> str | None:
        """What a new subscriber hears first; None where that is an ordinary message."""
        if feed.first is None:
            return None
        count = max(1, feed.first.rows.get("trades", 1))
        facts = self.facts(pair, step, feed.depth, count)
        return _text(feed.first, self._scope(_turned(facts, 0, skew), pair))

    def turn(self, feed: Feed, pair: str, step: int, turn: Turn) -> str | None:
        """As ``update``, for one connection whose ids or times differ from everybody's."""
        facts, before = self._pair_of_facts(feed, pair, step)
        if facts is None:
            return None
        scope = self._scope(_turned(facts, turn.shift, turn.skew), pair, turn.previous)
        return _text(feed.update, replace(scope, changes=book_changes(before, facts)))

    def one_more(self, feed: Feed, pair: str, step: int, turn: Turn) -> str:
        """One more message within a step. Of the book it repeats the best bid."""
        facts = _turned(self.facts(pair, step, feed.depth, 1), turn.shift, turn.skew)
        best = Change(*facts.bid, "change", "buy", outside=False)
        scope = replace(self._scope(facts, pair, turn.previous), changes=(best,))
        return _text(feed.update, scope)

    def reset(self, feed: Feed, pair: str, step: int, previous: int) -> str | None:
        """A message with which the sequence falls back to 1 legally."""
        if feed.reset is None:
            return None
        facts, before = self._pair_of_facts(feed, pair, step)
        now = facts or before
        scope = self._scope(_turned(now, 1 - now.sequence, 0.0), pair, previous)
        return _text(feed.reset, replace(scope, changes=book_changes(before, now)))

    def keepalive(self, feed: Feed, pair: str, step: int, previous: int) -> str | None:
        """A message that repeats the last id legally."""
        if feed.keepalive is None:
            return None
        facts = self.facts(pair, step, feed.depth, 1)
        return _text(feed.keepalive, self._scope(facts, pair, previous))

    def say(self, template: Template, now: float, **about: Any) -> str:
        """A message that belongs to no feed; ``about`` are fields of StreamScope."""
        pair = self._pairs[0]
        facts = self.facts(pair, step_at(now), 1, 1)
        return _text(template, replace(self._scope(replace(facts, time=now), pair), **about))

    def _update(self, feed: Feed, pair: str, step: int) -> str | None:
        """What everybody hears at a step; None when there was no trade to tell of."""
        previous = self.sequence(pair, step - feed.steps)
        return self.turn(feed, pair, step, Turn(previous))

    def _pair_of_facts(self, feed: Feed, pair: str, step: int) -> tuple[Snapshot | None, Snapshot]:
        """The facts at a step and at the step before; of trades, only if there were any between."""
        before = self.facts(pair, step - feed.steps, feed.depth, 1)
        if feed.name != "trades":
            return self.facts(pair, step, feed.depth, 1), before
        count = self.facts(pair, step, feed.depth, 1).trade_id - before.trade_id
        return (self.facts(pair, step, feed.depth, count) if count else None), before

    def _facts(self, pair: str, step: int, depth: int, trades: int) -> Snapshot:
        return self._market.snapshot(self.name, pair, time_of(step), depth, trades)

    def _scope(self, facts: Snapshot, pair: str, previous: int = 0) -> StreamScope:
        names = self.names(pair)
        return StreamScope(
            snapshot=facts,
            price=f"%.{facts.price_decimals}f",
            size=f"%.{facts.size_decimals}f",
            symbol=names["symbol"],
            base=names["base"],
            quote=names["quote"],
            limit=MAX_ROWS,  # the facts have as many rows as there are to tell
            previous=previous,
        )

    def _names(self, pair: str) -> dict[str, str]:
        return stream_names(self._document, pair)

    def _channels(self) -> Mapping[str, Mapping[str, Any]]:
        found: Mapping[str, Mapping[str, Any]] = self.spec.get("channels", {})
        return found

    def _index(self) -> Iterator[tuple[tuple[str, str], tuple[Feed, str]]]:
        for name, spec in self._channels().items():
            for pair in self._pairs:
                topic = fill(spec["topic"], stream_names(self._document, pair))
                key = self.feeds[name].path, json.dumps(topic, sort_keys=True)
                yield key, (self.feeds[name], pair)

    def _feed(self, name: str, spec: Mapping[str, Any]) -> Feed:
        names = ("sample", "snapshot_sample", "reset_sample", "keepalive_sample")
        update, *others = (
            self._template(spec.get(sample), f"channels.{name}.{sample}") for sample in names
        )
        assert update is not None  # the schema requires a sample
        every = seconds(spec.get("every", _EVERY))
        rows = [n for sample in (update, *others) if sample for n in sample.rows.items()]
        depths = [count for kind, count in rows if kind not in ("trades", "klines")]
        return Feed(
            name=name,
            path=urlsplit(spec.get("url", self.spec["url"])).path.rstrip("/"),
            steps=max(1, round(every * STEPS_PER_SECOND)),
            depth=max(depths, default=1),
            update=update,
            first=others[0],
            reset=others[1],
            keepalive=others[2],
        )

    def _template(self, sample: Any, where: str) -> Template | None:
        if sample is None:
            return None
        path = f"{self.name}.yml: $.streams.{where}"
        return compile_template(sample, path, STREAM_PLAIN, STREAM_ROWS)


def _turned(facts: Snapshot, shift: int, skew: float) -> Snapshot:
    if not shift and not skew:
        return facts
    return replace(
        facts,
        time=facts.time + skew,
        sequence=facts.sequence + shift,
        update_id=facts.update_id + shift,
        trade_id=facts.trade_id + shift,
        trades=tuple(t._replace(id=t.id + shift, time=t.time + skew) for t in facts.trades),
    )


def _text(template: Template, scope: StreamScope) -> str:
    """The message; a sample that is one string is text and no JSON."""
    document = template.render(scope)
    return document if isinstance(document, str) else compact(document)
