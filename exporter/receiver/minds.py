"""Builds what analyses: who gathers evidence, who reads it, and who stands in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import aiohttp

from exporter.receiver import snapshots
from exporter.receiver.analysis import Minds
from exporter.receiver.analysts import ANALYSTS
from exporter.receiver.budget import Charge
from exporter.receiver.evidence import MAX_RUNBOOKS, evidence_of
from exporter.receiver.model import Evidence, Incident, PastIncident, Snapshot
from exporter.receiver.queries import queries_of
from exporter.receiver.recorder import Recorder
from exporter.receiver.settings import Settings

SHIPPED_RUNBOOKS = Path(__file__).parent / "runbooks"
_MAX_RUNBOOK_BYTES = 65_536


def build_minds(
    settings: Settings,
    session: aiohttp.ClientSession,
    recorder: Recorder,
    charges: Iterable[Charge] = (),
) -> Minds:
    """The minds that the settings ask for. ``charges`` are what was spent on providers today."""

    async def gather(
        incident: Incident,
        others: tuple[Incident, ...],
        recent: tuple[PastIncident, ...],
        now: float,
    ) -> Evidence:
        taken: tuple[Snapshot, ...] = ()
        if settings.prometheus:
            queries = queries_of(incident, settings.queries)
            taken = await snapshots.take(session, settings.prometheus, queries, now)
        books = read_runbooks(incident, Path(settings.runbooks or SHIPPED_RUNBOOKS))
        return evidence_of(incident, others, recent, taken, books, now)

    analyst = ANALYSTS[settings.analyst](settings, session, recorder, charges)
    return Minds(gather, analyst, ANALYSTS["deterministic"](settings, session, recorder, ()))


def read_runbooks(incident: Incident, folder: Path) -> Mapping[str, str]:
    """Alert name → runbook, as far as there is one. Names that are not plain words have none."""
    found: dict[str, str] = {}
    for name in dict.fromkeys(alert.name for alert in incident.alerts):
        if name.isidentifier() and name.isascii() and len(found) < MAX_RUNBOOKS:
            try:
                with (folder / f"{name}.md").open(encoding="utf-8", errors="replace") as file:
                    found[name] = file.read(_MAX_RUNBOOK_BYTES)
            except OSError:
                continue
    return found
