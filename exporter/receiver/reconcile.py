"""Whether the sources still fire, by what all Alertmanagers say, and what to send them. Pure.

A silenced or inhibited alert never sends its end to a webhook, so the end has to be looked for.
One Alertmanager alone may not be believed: after a restart it knows no alerts until Prometheus
sends them again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from exporter.receiver.derived import Derived, document
from exporter.receiver.settings import Settings

RESOLVE_FOR = 300.0
"""Seconds for which an end is repeated: Alertmanager keeps no alerts over a restart."""

_LIFETIMES = 4  # heartbeats until an alert that is not sent again ends by itself


@dataclass(frozen=True, slots=True)
class Look:
    """What one Alertmanager lists as active; ``uptime`` in seconds. Only of those that answered."""

    alertmanager: str
    uptime: float
    fingerprints: frozenset[str]


@dataclass(frozen=True, slots=True)
class Findings:
    """Fingerprints by what follows for them."""

    present: frozenset[str] = frozenset()
    missed: frozenset[str] = frozenset()
    ended: frozenset[str] = frozenset()
    revived: frozenset[str] = frozenset()  # doubtful ones that do fire


def compare(
    firing: Mapping[str, int],
    doubtful: AbstractSet[str],
    looks: Sequence[Look],
    settings: Settings,
) -> Findings:
    """Compare the alerts that are held to fire (and how many looks missed them) with all looks.

    The union counts. What is absent is believed only if an Alertmanager answered that has been up
    for two resend delays of Prometheus, and only ``settings.close_after`` times in a row.
    """
    union = frozenset[str]().union(*(look.fingerprints for look in looks))
    absent: frozenset[str] = frozenset()
    if any(look.uptime >= 2 * settings.resend_delay for look in looks):
        absent = frozenset(firing.keys() - union)
    ended = frozenset(f for f in absent if firing[f] + 1 >= settings.close_after)
    return Findings(
        present=frozenset(firing.keys() & union),
        missed=absent - ended,
        ended=ended,
        revived=union & doubtful,
    )


@dataclass(frozen=True, slots=True)
class Held:
    """A derived alert as it is stored. ``ended_at`` is None while it is open."""

    derived: Derived
    ended_at: float | None = None


def posts(held: Iterable[Held], now: float, heartbeat: float) -> list[dict[str, object]]:
    """What to post to every Alertmanager now: open ones until further notice, ends repeated.

    A resolve must not lie in the future, or Alertmanager takes it for a longer life.
    """
    documents = []
    for one in held:
        if one.ended_at is None:
            lifetime = now + _LIFETIMES * heartbeat
            expires = one.derived.expires
            documents.append(document(one.derived, min(lifetime, expires or lifetime)))
        elif now - one.ended_at <= RESOLVE_FOR:
            documents.append(document(one.derived, min(one.ended_at, now)))
    return documents
