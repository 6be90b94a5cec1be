"""What is to be analysed, and what became of it: analyses, derived alerts, dead letters."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace

from exporter.receiver.coalesce import MAX_ATTEMPTS, STORM, Case, retry_delay
from exporter.receiver.database import Database, dump, load_alert
from exporter.receiver.derived import Derived
from exporter.receiver.intake import close_silent, end_derived, let_wait, open_incident
from exporter.receiver.model import Answer, Cause, Evidence, Incident, PastIncident
from exporter.receiver.reconcile import RESOLVE_FOR, Held

MAX_ALERTS = 200
"""Alerts of one incident that are looked at, the most urgent first: bounds memory in a storm."""

MAX_OTHERS = 10
"""Alerts of each other incident that an analyst is shown beside its own."""

_RECENT = 5
_KEPT = 20
_KEEP_ALERTS = 86_400.0  # seconds after its end; then an alert is a stranger
_MAX_EVIDENCE = 65_536  # characters kept for people
_MAX_ANALYSES = 50  # of one incident, beside those that somebody voted on


class Work:
    """Reads and writes incidents. Blocks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def cases(self) -> tuple[Case, ...]:
        """All open incidents, the oldest first."""
        rows = self._database.rows(
            "SELECT id, key, exchange, opened_at, waiting_since, retry_at, attempts, changes,"
            " EXISTS (SELECT 1 FROM derived WHERE incident = incidents.id"
            " AND kind = 'analysis' AND ended_at IS NULL) AS published"
            " FROM incidents WHERE closed_at IS NULL ORDER BY opened_at, id"
        )
        return tuple(Case(**{**dict(row), "published": bool(row["published"])}) for row in rows)

    def incident(self, case: Case, longest: int = MAX_ALERTS) -> Incident | None:
        """What fires of an incident, the most urgent first; a storm has the alerts of all."""
        select = "SELECT fingerprint, starts_at, document FROM alerts WHERE ended_at IS NULL"
        order = "ORDER BY urgency DESC, starts_at, fingerprint LIMIT ?"
        if case.key == STORM:
            rows = self._database.rows(f"{select} {order}", longest)
        else:
            rows = self._database.rows(f"{select} AND incident = ? {order}", case.id, longest)
        if not rows:
            return None
        partial = self._database.row("SELECT 1 FROM truncated")
        complete = len(rows) < longest and partial is None
        return Incident(case.key, case.exchange, tuple(map(load_alert, rows)), complete)

    def others(self, case: Case) -> tuple[Incident, ...]:
        """Other open incidents, the oldest first, each with its few most urgent alerts."""
        rest = [it for it in self.cases() if it.key not in (case.key, STORM)][:50]
        found = (self.incident(other, MAX_OTHERS) for other in rest)
        return tuple(incident for incident in found if incident)

    def recent(self, exchange: str) -> tuple[PastIncident, ...]:
        """What the newest closed incidents of an exchange were found to be."""
        rows = self._database.rows(
            "SELECT opened_at, closed_at, cause, names FROM incidents JOIN analyses"
            " ON analyses.id = (SELECT max(id) FROM analyses WHERE incident = incidents.id)"
            " WHERE exchange = ? AND closed_at IS NOT NULL AND key != ?"
            " ORDER BY opened_at DESC LIMIT ?",
            *(exchange, STORM, _RECENT),
        )
        return tuple(
            PastIncident(
                Cause(row["cause"]),
                tuple(json.loads(row["names"])),
                row["opened_at"],
                row["closed_at"],
            )
            for row in rows
        )

    def absorb(self, cases: Sequence[Case], now: float) -> None:
        """Let the storm tell of these incidents; opens it if there is none."""
        with self._database.transaction():
            storm = open_incident(self._database, STORM, "", now)
            for case in cases:
                self._database.change(
                    "UPDATE incidents SET waiting_since = NULL WHERE id = ?", case.id
                )
                let_wait(self._database, storm, case.waiting_since or now)

    def end_storm(self, released: Iterable[Case], now: float) -> None:
        """Close the storm; the incidents that are left of it wait for an analysis of their own."""
        with self._database.transaction():
            self._database.change(
                "UPDATE incidents SET closed_at = ?, waiting_since = NULL"
                " WHERE key = ? AND closed_at IS NULL",
                *(now, STORM),
            )
            end_derived(self._database, now)
            for case in released:
                let_wait(self._database, case.id, now)

    def published(self, case: Case) -> Derived | None:
        """The open derived alert of an incident."""
        row = self._database.row(
            "SELECT document FROM derived"
            " WHERE incident = ? AND kind = 'analysis' AND ended_at IS NULL",
            case.id,
        )
        return Derived(**json.loads(row["document"])) if row else None

    def finish(
        self, case: Case, answer: Answer, evidence: Evidence, derived: Derived, not_before: float
    ) -> bool:
        """Keep an analysis and the alert that carries it; False if its incident ended meanwhile.

        The alert of an earlier revision ends at the same instant, so that both go out in one post.
        News that came since make the incident wait again, until ``not_before`` at least.
        """
        now = evidence.asked_at
        with self._database.transaction():
            still_open = self._database.change(
                "UPDATE incidents SET attempts = 0, retry_at = ?,"
                " waiting_since = CASE WHEN changes > ? THEN ? END"
                " WHERE id = ? AND closed_at IS NULL",
                *(not_before, case.changes, now, case.id),
            )
            self._keep(case, answer, evidence, derived.revision)
            if still_open:
                self._publish(case.id, "analysis", derived, now)
        return still_open > 0

    def _keep(self, case: Case, answer: Answer, evidence: Evidence, revision: int) -> None:
        known = dump(asdict(_shortened(evidence)))
        names = sorted({alert.name for alert in evidence.incident.alerts})
        self._database.change(
            "INSERT INTO analyses (incident, at, revision, cause, level, cost, names, answer,"
            " evidence) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(case.id, evidence.asked_at, revision),
            *(answer.analysis.cause.value, answer.analysis.level, answer.cost, dump(names)),
            *(dump(asdict(answer)), known if len(known) <= _MAX_EVIDENCE else "{}"),
        )

        self._database.change(
            "DELETE FROM analyses WHERE incident = ? AND id NOT IN (SELECT analysis FROM feedback)"
            " AND id NOT IN (SELECT id FROM analyses WHERE incident = ? ORDER BY id DESC LIMIT ?)",
            *(case.id, case.id, _MAX_ANALYSES),
        )

    def _publish(self, incident: int, kind: str, derived: Derived, now: float) -> None:
        labels = dump(dict(derived.labels))
        if kind == "analysis":
            self._database.change(
                "UPDATE derived SET ended_at = ? WHERE incident = ? AND kind = ? AND labels != ?"
                " AND ended_at IS NULL",
                *(now, incident, kind, labels),
            )
        self._database.change(
            "INSERT OR REPLACE INTO derived VALUES (?, ?, ?, ?, ?, NULL)",
            *(labels, incident, kind, dump(asdict(derived)), derived.expires),
        )

    def suppress(self, case: Case, derived: Derived, now: float) -> None:
        """Keep an alert by which Alertmanager mutes others."""
        with self._database.transaction():
            self._publish(case.id, "suppression", derived, now)

    def silenced(self, case: Case, fingerprint: str, until: float) -> None:
        """Remember a silence as long as it is in force, for it counts as a suppression."""
        self._database.change(
            "INSERT OR REPLACE INTO derived VALUES (?, ?, 'silence', '', ?, NULL)",
            *(f"silence of {fingerprint}", case.id, until),
        )

    def close_silent(self, now: float) -> bool:
        """Close the incidents of which nothing fires any more."""
        return close_silent(self._database, now)

    def held(self, now: float) -> list[Held]:
        """Derived alerts that are open, or ended so recently that their end is repeated."""
        self._database.change(
            "UPDATE derived SET ended_at = expires WHERE ended_at IS NULL AND expires <= ?", now
        )
        rows = self._database.rows(
            "SELECT document, ended_at FROM derived"
            " WHERE kind != 'silence' AND (ended_at IS NULL OR ended_at >= ?)",
            now - RESOLVE_FOR,
        )
        return [Held(Derived(**json.loads(row["document"])), row["ended_at"]) for row in rows]

    def failed(self, case: Case, reason: str, now: float) -> bool:
        """An attempt at an analysis failed. True when it was the last: it is a dead letter now."""
        attempts = case.attempts + 1
        last = attempts >= MAX_ATTEMPTS
        with self._database.transaction():
            self._database.change(
                "UPDATE incidents SET attempts = ?, retry_at = ?,"
                " waiting_since = CASE WHEN ? THEN NULL ELSE waiting_since END WHERE id = ?",
                *(0 if last else attempts, now + retry_delay(attempts), last, case.id),
            )
            if last:
                self._database.change(
                    "INSERT INTO dead_letters (at, incident, reason) VALUES (?, ?, ?)",
                    *(now, case.id, reason[:500]),
                )
        return last

    def replay(self, now: float) -> tuple[int, int]:
        """Give all dead letters another chance: how many wait again, how many are over."""
        with self._database.transaction():
            rows = self._database.rows("SELECT DISTINCT incident FROM dead_letters")
            again = sum(
                self._database.change(
                    "UPDATE incidents SET waiting_since = ?, retry_at = 0, changes = changes + 1"
                    " WHERE id = ? AND closed_at IS NULL",
                    *(now, row["incident"]),
                )
                for row in rows
            )
            self._database.change("DELETE FROM dead_letters")
        return again, len(rows) - again

    def forget(self, now: float, retention: float) -> None:
        """Delete what is over for longer than ``retention`` seconds; alerts go after a day."""
        old = "(SELECT id FROM incidents WHERE closed_at < ?)"
        change = self._database.change
        with self._database.transaction():
            change("DELETE FROM alerts WHERE ended_at < ?", now - _KEEP_ALERTS)
            change("DELETE FROM derived WHERE ended_at < ?", now - 2 * RESOLVE_FOR)
            for table in ("analyses", "dead_letters"):
                change(f"DELETE FROM {table} WHERE incident IN {old}", now - retention)  # noqa: S608
            change("DELETE FROM incidents WHERE closed_at < ?", now - retention)
            change("DELETE FROM audit WHERE at < ?", now - retention)
            change("DELETE FROM feedback WHERE analysis NOT IN (SELECT id FROM analyses)")


def _shortened(evidence: Evidence) -> Evidence:
    """What is kept for people: a storm has hundreds of alerts, and nobody reads them here."""
    incident = evidence.incident
    return replace(
        evidence,
        incident=replace(incident, alerts=incident.alerts[:_KEPT]),
        others=tuple(replace(it, alerts=it.alerts[:1]) for it in evidence.others[:_KEPT]),
    )
