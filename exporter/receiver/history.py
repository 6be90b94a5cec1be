"""What people read: incidents, analyses, votes on them, dead letters, decisions to mute."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from exporter.receiver.budget import Charge
from exporter.receiver.database import Database

_PAGE = 100


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an open incident was last found to be. ``exchange`` is empty for what concerns none."""

    exchange: str
    cause: str
    requires_human: bool
    confidence: float  # 0 to 1


@dataclass(frozen=True, slots=True)
class Counts:
    """How full the store is. ``oldest`` is the Unix time since which something waits."""

    open: int
    waiting: int
    oldest: float | None
    dead_letters: int
    suppressions: int
    verdicts: tuple[Verdict, ...] = ()  # the newest


class History:
    """Reads, but for votes and the audit. Blocks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def counts(self) -> Counts:
        """For gauges."""
        row = self._database.row(
            "SELECT count(*) AS open, count(waiting_since) AS waiting,"
            " min(waiting_since) AS oldest,"
            " (SELECT count(*) FROM dead_letters) AS dead_letters,"
            " (SELECT count(*) FROM derived WHERE kind != 'analysis' AND ended_at IS NULL)"
            " AS suppressions FROM incidents WHERE closed_at IS NULL"
        )
        assert row is not None
        return Counts(**dict(row), verdicts=tuple(self._verdicts()))

    def _verdicts(self) -> Iterator[Verdict]:
        rows = self._database.rows(
            "SELECT exchange, analyses.cause,"
            " json_extract(answer, '$.analysis.requires_human') AS requires_human,"
            " json_extract(answer, '$.analysis.confidence') AS confidence"
            " FROM incidents JOIN analyses ON analyses.id ="
            " (SELECT max(id) FROM analyses WHERE incident = incidents.id)"
            " WHERE closed_at IS NULL ORDER BY incidents.id DESC LIMIT ?",
            _PAGE,
        )
        for row in rows:
            human = bool(row["requires_human"])
            yield Verdict(row["exchange"], row["cause"], human, row["confidence"])

    def incidents(self) -> list[dict[str, Any]]:
        """The newest incidents, open ones first, each with its newest analysis."""
        rows = self._database.rows(
            "SELECT incidents.*, (SELECT max(id) FROM analyses WHERE incident = incidents.id)"
            " AS newest, (SELECT count(*) FROM alerts WHERE incident = incidents.id"
            " AND ended_at IS NULL) AS firing FROM incidents"
            " ORDER BY closed_at IS NOT NULL, id DESC LIMIT ?",
            _PAGE,
        )
        return [{**_incident(row), "analysis": self._newest(row["newest"])} for row in rows]

    def incident(self, number: int) -> dict[str, Any] | None:
        """One incident with all its analyses and their evidence, the newest first."""
        row = self._database.row(
            "SELECT *, (SELECT count(*) FROM alerts WHERE incident = incidents.id"
            " AND ended_at IS NULL) AS firing FROM incidents WHERE id = ?",
            number,
        )
        if row is None:
            return None
        rows = self._database.rows(
            f"SELECT {_SHORT}, evidence {_ANALYSES} WHERE incident = ? ORDER BY id DESC LIMIT ?",
            *(number, _PAGE),
        )
        return {**_incident(row), "analyses": [_analysis(it, evidence=True) for it in rows]}

    def _newest(self, number: int | None) -> dict[str, Any] | None:
        row = self._database.row(f"SELECT {_SHORT} {_ANALYSES} WHERE id = ?", number)
        return _analysis(row, evidence=False) if row else None

    def totals(self, since: float) -> dict[str, Any]:
        """Analyses, tokens and cost since a Unix time, by where the answer is from."""
        rows = self._database.rows(
            "SELECT coalesce(nullif(json_extract(answer, '$.provider'), ''),"
            " json_extract(answer, '$.analyst')) AS source, count(*) AS analyses,"
            " sum(cost) AS cost, sum(json_extract(answer, '$.prompt_tokens')"
            " + json_extract(answer, '$.completion_tokens')) AS tokens"
            " FROM analyses WHERE at >= ? GROUP BY 1 ORDER BY 1",
            since,
        )
        return {
            row["source"]: {key: row[key] for key in ("analyses", "tokens", "cost")} for row in rows
        }

    def charges(self, since: float) -> list[Charge]:
        """What was spent on providers since a Unix time, the oldest first.

        An analysis is one charge, also if its provider had to be asked twice.
        """
        rows = self._database.rows(
            "SELECT * FROM (SELECT at, key AS incident, analyses.cost AS dollars,"
            " json_extract(answer, '$.prompt_tokens') + json_extract(answer, '$.completion_tokens')"
            " AS tokens FROM analyses JOIN incidents ON incidents.id = analyses.incident"
            " WHERE at >= ?) WHERE tokens > 0 ORDER BY at",
            since,
        )
        return [Charge(**dict(row)) for row in rows]

    def dead_letters(self) -> list[dict[str, Any]]:
        """The newest dead letters."""
        return [
            dict(row)
            for row in self._database.rows(
                "SELECT * FROM dead_letters ORDER BY id DESC LIMIT ?", _PAGE
            )
        ]

    def audit(self) -> list[dict[str, Any]]:
        """The newest decisions to mute or not to."""
        rows = self._database.rows("SELECT * FROM audit ORDER BY id DESC LIMIT ?", _PAGE)
        return [{**dict(row), "detail": json.loads(row["detail"])} for row in rows]

    def note(self, incident: str, action: str, detail: object, now: float) -> None:
        """Keep a decision for the audit."""
        self._database.change(
            "INSERT INTO audit (at, incident, action, detail) VALUES (?, ?, ?, ?)",
            *(now, incident, action, json.dumps(detail)),
        )

    def suppressed(self, incident: str) -> bool:
        """Whether alerts of an incident were muted before."""
        found = self._database.row(
            "SELECT 1 FROM audit WHERE incident = ? AND action = 'suppressed'", incident
        )
        return found is not None

    def vote(self, analysis: int, useful: bool, note: str, now: float) -> bool:
        """Keep a person's verdict on an analysis; a later one replaces it. False: no such."""
        if self._database.row("SELECT 1 FROM analyses WHERE id = ?", analysis) is None:
            return False
        self._database.change(
            "INSERT OR REPLACE INTO feedback VALUES (?, ?, ?, ?)", analysis, now, useful, note[:500]
        )
        return True


_ANALYSES = "FROM analyses LEFT JOIN feedback ON feedback.analysis = analyses.id"
_SHORT = "analyses.id, analyses.at, revision, answer, useful, note"


def _incident(row: sqlite3.Row) -> dict[str, Any]:
    names = ("id", "key", "exchange", "opened_at", "closed_at", "waiting_since", "firing")
    return {name: row[name] for name in names}


def _analysis(row: sqlite3.Row, evidence: bool) -> dict[str, Any]:
    useful = None if row["useful"] is None else bool(row["useful"])
    found = {
        **{name: row[name] for name in ("id", "at", "revision")},
        "useful": useful,
        "note": row["note"] or "",
        "answer": json.loads(row["answer"]),
    }
    return {**found, "evidence": json.loads(row["evidence"])} if evidence else found
