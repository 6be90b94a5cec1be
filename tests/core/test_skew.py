"""The estimate of an exchange's clock."""

from __future__ import annotations

from exporter.core.skew import Sample, Skew, sample
from tests.core.samples import NOW


def learn(*samples: Sample) -> Skew:
    skew = Skew()
    for one in samples:
        skew = skew.learn(one)
    return skew


def test_a_sample_compares_with_the_middle_of_the_request() -> None:
    """And is uncertain by half the round trip and half a unit of the server's time."""
    taken = sample(1000.5, 1.0, sent_at=1000.0, received_at=1000.4)

    assert taken is not None
    assert abs(taken.offset - 0.8) < 1e-9
    assert abs(taken.uncertainty - 0.7) < 1e-9


def test_a_request_without_times_gives_no_sample() -> None:
    """Nor does one during which our clock was set back."""
    assert sample(1000.0, 1.0, None, 1000.0) is None
    assert sample(1000.0, 1.0, 1000.0, 999.0) is None


def test_a_first_small_offset_is_believed() -> None:
    """So that freshness has a correction from the first probe on."""
    assert learn(Sample(NOW, 0.3, 0.05)).offset(NOW) == 0.3


def test_a_large_offset_is_believed_when_the_clock_is_seen_to_run() -> None:
    """Our own clock may be an hour off; theirs then keeps the same distance."""
    assert learn(Sample(NOW, 3600.0, 0.05)).offset(NOW) is None
    skew = learn(Sample(NOW, 3600.0, 0.05), Sample(NOW + 10, 3600.1, 0.05))

    assert skew.offset(NOW + 10) == 3600.1


def test_a_clock_that_stands_still_is_never_believed() -> None:
    """A cached answer falls behind by as much as time goes by, however often it is asked for."""
    for step in (0.2, 0.5, 1.5, 10.0):
        frozen = [Sample(NOW + n * step, -n * step, 0.05) for n in range(200)]
        offset = learn(*frozen).offset(NOW + 199 * step)

        assert offset in (None, 0.0)


def test_the_least_uncertain_sample_counts() -> None:
    """A slow answer knows less."""
    skew = learn(Sample(NOW, 0.1, 0.5), Sample(NOW + 10, 0.2, 0.01), Sample(NOW + 20, 0.4, 0.3))

    assert skew.offset(NOW + 20) == 0.2


def test_samples_expire() -> None:
    """Clocks drift."""
    assert learn(Sample(NOW, 0.1, 0.01)).offset(NOW + 601) is None


def test_a_stepped_clock_replaces_what_was_believed() -> None:
    """After one doubtful sample, the new distance counts and the old ones are forgotten."""
    old = [Sample(NOW + n * 10, 0.0, 0.01) for n in range(3)]
    new = [Sample(NOW + 30 + n * 10, 5.0, 0.05) for n in range(2)]

    assert learn(*old, new[0]).offset(NOW + 30) == 0.0
    assert learn(*old, *new).offset(NOW + 40) == 5.0
