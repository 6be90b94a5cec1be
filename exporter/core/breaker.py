"""Circuit breakers: a host that failed repeatedly is left alone, then tried one probe at a time.

    closed ──threshold failures in a row──▶ open ──time is up──▶ half_open ──success──▶ closed
                                              ◀──failure, longer─────┘  (release: back, due at once)

Half open means that exactly one trial is in flight. What is not in the table is illegal.
``now`` is monotonic seconds everywhere, ``wall`` unix seconds.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

from exporter.core.backoff import Rand, equal_jitter, exponential
from exporter.core.limits import Denial
from exporter.core.model import Reason, SkipReason


class State(enum.StrEnum):
    """The values of the label ``state``."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Event(enum.StrEnum):
    """What happens to a circuit."""

    ALLOW = "allow"  # a probe asks to be sent
    SUCCESS = "success"  # the host answered, whatever it said
    FAILURE = "failure"
    RELEASE = "release"  # a probe was let through but says nothing of the host: cancelled, skipped


class IllegalEventError(Exception):
    """The event cannot happen in this state: a bug of ours."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Opens after ``threshold`` failures in a row, for ``base`` seconds at first and ``cap`` at
    most, both before equal jitter.
    """

    threshold: int = 5
    base: float = 5.0
    cap: float = 60.0


@dataclass(frozen=True, slots=True)
class Circuit:
    """``failures`` in a row while closed, ``openings`` in a row without a success between,
    ``since`` the time at which ``state`` was entered, ``retry_at`` the earliest next trial.
    """

    state: State = State.CLOSED
    failures: int = 0
    openings: int = 0
    since: float = float("-inf")
    retry_at: float = float("-inf")


DEFAULT = Policy()
CLOSED = Circuit()


_TABLE = {
    (State.CLOSED, Event.ALLOW): State.CLOSED,
    (State.CLOSED, Event.SUCCESS): State.CLOSED,
    (State.CLOSED, Event.FAILURE): State.CLOSED,  # open, when it is the last one of the threshold
    (State.CLOSED, Event.RELEASE): State.CLOSED,
    (State.OPEN, Event.ALLOW): State.HALF_OPEN,  # not before retry_at
    (State.HALF_OPEN, Event.SUCCESS): State.CLOSED,
    (State.HALF_OPEN, Event.FAILURE): State.OPEN,
    (State.HALF_OPEN, Event.RELEASE): State.OPEN,
}


def transition(
    circuit: Circuit, event: Event, now: float, rand: Rand, policy: Policy = DEFAULT
) -> Circuit:
    """The circuit after ``event``. Raises IllegalEventError."""
    state = _TABLE.get((circuit.state, event))
    if state is None or (circuit.state is State.OPEN and now < circuit.retry_at):
        raise IllegalEventError(f"{event} while {circuit.state}")
    if event is Event.FAILURE:
        return _failed(circuit, now, rand, policy)
    since = circuit.since if state is circuit.state else now
    if event is Event.SUCCESS:
        return Circuit(since=since)
    return replace(circuit, state=state, since=since)


def _failed(circuit: Circuit, now: float, rand: Rand, policy: Policy) -> Circuit:
    failures = circuit.failures + 1
    if circuit.state is State.CLOSED and failures < policy.threshold:
        return replace(circuit, failures=failures)
    wait = equal_jitter(exponential(circuit.openings, policy.base, policy.cap), rand)
    return Circuit(State.OPEN, failures, circuit.openings + 1, now, now + wait)


_UNREACHABLE = frozenset(
    {Reason.DNS, Reason.CONNECT, Reason.TLS, Reason.TIMEOUT, Reason.DISCONNECTED}
)


def event_of(reason: Reason | None, status: int | None = None) -> Event:
    """What the outcome of a probe says of its host.

    A host that answers is alive, even if it limits, bans or lies to us; only silence and
    ``http_error`` with a 5xx ``status`` count against it. A bug of ours says nothing.
    """
    if reason is Reason.INTERNAL_ERROR:
        return Event.RELEASE
    broken = reason is Reason.HTTP_ERROR and status is not None and status >= 500
    return Event.FAILURE if broken or reason in _UNREACHABLE else Event.SUCCESS


Key = tuple[str, str]
"""(exchange, host)"""


@dataclass(frozen=True, slots=True)
class CircuitState:
    """An open circuit as it outlives a restart; ``retry_at`` in unix seconds."""

    exchange: str
    host: str
    openings: int
    retry_at: float


class Breakers:
    """One circuit per exchange and host. Not thread-safe; one event loop owns it."""

    def __init__(self, rand: Rand, policy: Policy = DEFAULT) -> None:
        self._rand = rand
        self._policy = policy
        self._circuits: dict[Key, Circuit] = {}

    def state(self, key: Key) -> State:
        """The state of a circuit; closed for a host never heard of."""
        return self._circuits.get(key, CLOSED).state

    def allow(self, key: Key, now: float) -> Denial | None:
        """Let a probe through (None), or say why not.

        Whoever is let through owes exactly one ``record`` with the same time as ``at``.
        """
        circuit = self._circuits.get(key, CLOSED)
        if circuit.state is State.HALF_OPEN or now < circuit.retry_at:
            return Denial(SkipReason.CIRCUIT_OPEN, max(now, circuit.retry_at), key[1])
        self._circuits[key] = transition(circuit, Event.ALLOW, now, self._rand, self._policy)
        return None

    def record(self, key: Key, event: Event, at: float, now: float) -> None:
        """Take in the outcome (success, failure or release) of the probe let through at ``at``.

        A probe let through before the circuit entered its present state comes too late to count:
        it can neither decide a trial that is not its own nor prolong the wait.
        """
        circuit = self._circuits.get(key, CLOSED)
        if circuit.state is State.OPEN or at < circuit.since:
            return
        self._circuits[key] = transition(circuit, event, now, self._rand, self._policy)

    def snapshot(self, now: float, wall: float) -> tuple[CircuitState, ...]:
        """The circuits that are not closed. A trial in flight is lost with the process."""
        return tuple(
            CircuitState(*key, circuit.openings, circuit.retry_at - now + wall)
            for key, circuit in self._circuits.items()
            if circuit.state is not State.CLOSED
        )

    def restore(self, circuits: tuple[CircuitState, ...], now: float, wall: float) -> None:
        """Reopen the circuits of an earlier process, none for longer than the cap."""
        for saved in circuits:
            retry_at = min(saved.retry_at - wall, self._policy.cap) + now
            self._circuits[saved.exchange, saved.host] = Circuit(
                State.OPEN, self._policy.threshold, saved.openings, now, retry_at
            )
