"""The configuration of the receiver as values; secrets are read from files or the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens."""

    prompt: float = 0.0
    completion: float = 0.0


@dataclass(frozen=True, slots=True)
class Provider:
    """An OpenAI-compatible endpoint. ``keys`` are tried in order on 401, 403 and 429.

    ``weight`` above 0 makes it a canary: that share of analyses asks it first.
    """

    name: str
    base_url: str
    model: str
    keys: tuple[str, ...] = field(default=(), repr=False)
    timeout: float = 20.0  # seconds for the whole answer
    max_tokens: int = 700
    temperature: float = 0.0
    weight: float = 0.0
    price: Price = Price()
    max_answer_bytes: int = 262_144


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent on providers; over it the deterministic analyst answers. 0 is no bound."""

    calls_per_minute: int = 6
    calls_per_hour: int = 60
    tokens_per_day: int = 500_000
    dollars_per_day: float = 5.0
    calls_per_incident: int = 3
    concurrency: int = 2  # analyses at once, of any analyst


@dataclass(frozen=True, slots=True)
class Suppression:
    """Bounded muting: off, ``inhibit`` (by a derived alert) or ``silence``."""

    mode: str = "off"
    dry_run: bool = True  # for silences
    ttl: float = 1800.0  # seconds, at most 1800
    limit: int = 5  # suppressions in force at once


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the receiver reads from its file. Times in seconds, sizes in bytes."""

    alertmanagers: tuple[str, ...] = ("http://127.0.0.1:9093",)
    token: str = field(default="", repr=False)  # of webhooks; empty: none is asked for
    alertmanager_token: str = field(default="", repr=False)
    prometheus: str = ""  # empty: no snapshots
    state_path: str = "receiver.db"
    external_url: str = ""
    max_body_bytes: int = 4_194_304
    debounce: float = 2.0  # a group waits so long for company before it is analysed
    max_age: float = 300.0  # older work is answered without a provider
    heartbeat: float = 30.0
    close_after: int = 2  # looks in a row that miss the source before an analysis is closed
    resend_delay: float = 60.0  # of Prometheus; an Alertmanager younger than two knows too little
    peer_timeout: float = 15.0  # of the Alertmanager cluster; for two, old news may come late
    deadline: float = 90.0  # for one analysis, all providers and snapshots included
    retention: float = 2_592_000.0  # for closed incidents and their analyses
    storm: int = 6  # open incidents from which one summary over all is made
    analyst: str = "deterministic"
    providers: tuple[Provider, ...] = ()
    budget: Budget = Budget()
    cache_ttl: float = 900.0
    suppression: Suppression = Suppression()
    runbooks: str = ""  # a folder; empty: those shipped
    queries: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Alert name -> snapshot name -> PromQL, beside the shipped table."""
