"""Circuit breakers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.core.breaker import (
    Breakers,
    Circuit,
    Event,
    IllegalEventError,
    Policy,
    State,
    event_of,
    transition,
)
from exporter.core.model import Reason, SkipReason

KEY = ("binance", "api.binance.com")
OTHER = ("binance", "data-api.binance.vision")


def middle() -> float:
    """A chance in the middle: equal jitter gives three quarters of the ceiling."""
    return 0.5


def tripped(breakers: Breakers, now: float = 0.0) -> None:
    """Fail until the circuit opens."""
    for _ in range(5):
        assert breakers.allow(KEY, now) is None
        breakers.record(KEY, Event.FAILURE, now, now)


OPEN = Circuit(State.OPEN, 5, 1, 0.0, 5.0)
HALF_OPEN = Circuit(State.HALF_OPEN, 5, 1, 5.0, 5.0)


@pytest.mark.parametrize(
    ("circuit", "event", "now", "after"),
    [
        pytest.param(Circuit(), Event.ALLOW, 1, Circuit(), id="closed lets through"),
        pytest.param(Circuit(failures=4), Event.SUCCESS, 1, Circuit(), id="success forgets"),
        pytest.param(Circuit(failures=3), Event.FAILURE, 1, Circuit(failures=4), id="counts"),
        pytest.param(Circuit(failures=3), Event.RELEASE, 1, Circuit(failures=3), id="says nothing"),
        pytest.param(
            Circuit(failures=4), Event.FAILURE, 1, Circuit(State.OPEN, 5, 1, 1, 4.75), id="trips"
        ),
        pytest.param(OPEN, Event.ALLOW, 5, HALF_OPEN, id="trial"),
        pytest.param(HALF_OPEN, Event.SUCCESS, 6, Circuit(since=6), id="trial succeeds"),
        pytest.param(
            HALF_OPEN, Event.FAILURE, 6, Circuit(State.OPEN, 6, 2, 6, 13.5), id="trial fails"
        ),
        pytest.param(
            HALF_OPEN, Event.RELEASE, 6, Circuit(State.OPEN, 5, 1, 6, 5.0), id="trial lost"
        ),
    ],
)
def test_legal_transitions(circuit: Circuit, event: Event, now: float, after: Circuit) -> None:
    """Every row of the table."""
    assert transition(circuit, event, now, middle) == after


@pytest.mark.parametrize(
    ("circuit", "event"),
    [
        (OPEN, Event.SUCCESS),
        (OPEN, Event.FAILURE),
        (OPEN, Event.RELEASE),
        (OPEN, Event.ALLOW),
        (HALF_OPEN, Event.ALLOW),
    ],
)
def test_illegal_events_raise(circuit: Circuit, event: Event) -> None:
    """An open circuit expects no result and no trial yet; a half open one has its trial."""
    with pytest.raises(IllegalEventError, match=f"{event} while {circuit.state}"):
        transition(circuit, event, 4.9, middle)


def test_an_open_circuit_names_the_next_trial() -> None:
    """The denial carries the reason, the time and the host; other hosts are not concerned."""
    breakers = Breakers(middle)
    tripped(breakers)
    denial = breakers.allow(KEY, 1.0)
    assert denial is not None
    assert (denial.reason, denial.retry_at) == (SkipReason.CIRCUIT_OPEN, 3.75)
    assert denial.what == "api.binance.com"
    assert breakers.allow(OTHER, 1.0) is None
    assert (breakers.state(KEY), breakers.state(OTHER)) == (State.OPEN, State.CLOSED)


def test_one_trial_at_a_time() -> None:
    """While the trial is in flight nobody else gets through; its success lets all through."""
    breakers = Breakers(middle)
    tripped(breakers)
    assert breakers.allow(KEY, 3.75) is None
    assert breakers.allow(KEY, 3.75) is not None
    assert breakers.state(KEY) is State.HALF_OPEN
    breakers.record(KEY, Event.SUCCESS, 3.75, 4.0)
    assert breakers.allow(KEY, 4.0) is None
    assert breakers.allow(KEY, 4.0) is None


def test_a_lost_trial_makes_room_for_the_next() -> None:
    """A cancelled trial says nothing of the host: the next probe is the trial."""
    breakers = Breakers(middle)
    tripped(breakers)
    assert breakers.allow(KEY, 4.0) is None
    breakers.record(KEY, Event.RELEASE, 4.0, 4.5)
    assert breakers.allow(KEY, 4.5) is None
    assert breakers.allow(KEY, 4.5) is not None


@pytest.mark.parametrize("event", [Event.SUCCESS, Event.FAILURE, Event.RELEASE])
def test_late_results_do_not_decide_a_trial(event: Event) -> None:
    """A probe sent before the circuit opened reports while the trial is in flight, or before."""
    breakers = Breakers(middle)
    tripped(breakers)
    breakers.record(KEY, event, -1.0, 1.0)
    assert breakers.state(KEY) is State.OPEN
    assert breakers.allow(KEY, 4.0) is None
    breakers.record(KEY, event, -1.0, 5.0)
    assert breakers.state(KEY) is State.HALF_OPEN


@pytest.mark.parametrize(
    ("reason", "status", "event"),
    [
        (None, 200, Event.SUCCESS),
        *((reason, None, Event.FAILURE) for reason in list(Reason)[:5]),
        (Reason.HTTP_ERROR, 502, Event.FAILURE),
        (Reason.HTTP_ERROR, 404, Event.SUCCESS),
        (Reason.MAINTENANCE, 503, Event.SUCCESS),
        (Reason.RATE_LIMITED, 429, Event.SUCCESS),
        (Reason.BANNED, 418, Event.SUCCESS),
        (Reason.AUTH, 401, Event.SUCCESS),
        (Reason.STALE_DATA, 200, Event.SUCCESS),
        (Reason.INTERNAL_ERROR, None, Event.RELEASE),
    ],
)
def test_only_an_unreachable_host_counts(
    reason: Reason | None, status: int | None, event: Event
) -> None:
    """Whoever answers is alive; our own bug says nothing."""
    assert event_of(reason, status) is event


def test_open_circuits_survive_a_restart() -> None:
    """The remaining wait is kept; closed circuits are not saved."""
    breakers = Breakers(middle)
    tripped(breakers)
    breakers.allow(OTHER, 0.0)
    saved = breakers.snapshot(now=1.0, wall=1_000.0)
    assert [(each.host, each.retry_at) for each in saved] == [(KEY[1], 1_002.75)]
    again = Breakers(middle)
    again.restore(saved, now=50.0, wall=1_001.0)
    assert again.allow(KEY, 51.7) is not None
    assert again.allow(KEY, 51.75) is None
    assert again.snapshot(52.0, 1_003.0)[0].retry_at <= 1_003.0


def test_a_clock_set_back_does_not_prolong_the_wait() -> None:
    """However far in the future the snapshot says: not longer than the cap."""
    breakers = Breakers(middle)
    tripped(breakers)
    again = Breakers(middle)
    again.restore(breakers.snapshot(0.0, 1e9), now=0.0, wall=0.0)
    assert again.allow(KEY, 60.0) is None


steps = st.lists(
    st.tuples(
        st.sampled_from(["allow", "success", "failure", "release"]),
        st.integers(0, 40),
        st.integers(0, 5),
    ),
    max_size=80,
)


@settings(max_examples=200)
@given(steps, st.floats(0, 1, exclude_max=True), st.integers(1, 4))
def test_random_walks(walk: list[tuple[str, int, int]], chance: float, threshold: int) -> None:
    """At most one trial, waits within the cap, late and early results at random: never illegal."""
    breakers = Breakers(lambda: chance, Policy(threshold=threshold))
    now, flying = 0.0, list[float]()
    trial: float | None = None
    for action, ticks, which in walk:
        now += ticks / 4 + 0.001
        before = breakers.state(KEY)
        if action == "allow":
            denial = breakers.allow(KEY, now)
            if denial is None:
                flying.append(now)
                assert before is not State.HALF_OPEN
                trial = now if breakers.state(KEY) is State.HALF_OPEN else None
            else:
                assert before is not State.CLOSED
                assert now <= denial.retry_at < now + 60
        elif flying:
            at = flying.pop(which % len(flying))
            breakers.record(KEY, Event(action), at, now)
            if before is State.HALF_OPEN:
                assert (breakers.state(KEY) is State.HALF_OPEN) == (at != trial)
            elif before is State.OPEN:
                assert breakers.state(KEY) is State.OPEN
