"""Lines of an exposition, put together from strings prepared once per target."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from exporter.metrics.family import Family
from exporter.metrics.readings import Labelled, Number

Source = TypeVar("Source")
Scalar = tuple[str, Callable[[Source], Number | None]]
"""The start of a sample line, and where its value is read."""

Vector = tuple[str, Callable[[Source], Labelled]]
"""The start of the sample lines of a family with a label of its own, and where they are read."""


def scalars(readings: Iterable[Scalar[Source]], source: Source) -> list[str]:
    return [
        "" if (value := read(source)) is None else f"{start}{value!r}\n" for start, read in readings
    ]


def vectors(readings: Iterable[Vector[Source]], source: Source) -> list[str]:
    return [vector(start, read(source)) for start, read in readings]


def vector(start: str, samples: Labelled) -> str:
    """The lines of one family. Label values are names of enums and of the catalog: nothing in them
    needs escaping.
    """
    return "".join(
        [f'{start}{label}"}} {value!r}\n' for label, value in samples if value is not None]
    )


def opened(family: Family, labels: str) -> str:
    """A sample line up to the value of the family's own label, which comes last."""
    (own,) = family.labels
    return f'{family.name}{{{labels},{own}="'


def template(family: Family, labels: str, members: Iterable[str]) -> str:
    """The lines of a counter with a closed set of label values, to be filled by ``%``."""
    start = opened(family, labels).replace("%", "%%")
    return "".join([f'{start}{member}"}} %s\n' for member in members])


def histogram_template(family: Family, labels: str, edges: Iterable[float]) -> str:
    """The lines of a histogram, to be filled by ``%`` with the buckets, the sum and the count."""
    name, labels = family.name, labels.replace("%", "%%")
    les = (*(repr(edge) for edge in edges), "+Inf")
    lines = [f'{name}_bucket{{{labels},le="{le}"}} %s\n' for le in les]
    return "".join(lines) + f"{name}_sum{{{labels}}} %s\n{name}_count{{{labels}}} %s\n"
