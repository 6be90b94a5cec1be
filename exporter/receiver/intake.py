"""Alerts on their way into incidents: notifications, and looks at what Alertmanager lists."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from exporter.receiver.coalesce import STORM, Known, News, key_of, news
from exporter.receiver.database import Database, dump, dump_alert, load_alert
from exporter.receiver.model import Alert
from exporter.receiver.reconcile import Findings
from exporter.receiver.webhook import Group, is_source


@dataclass(frozen=True, slots=True)
class Received:
    """What came of it. ``changed``: there is work to do. ``closed``: an incident is over."""

    taken: int = 0
    ignored: int = 0
    changed: bool = False
    closed: bool = False


class Intake:
    """Writes alerts and incidents. Blocks."""

    def __init__(self, database: Database, guard: float) -> None:
        """``guard``: seconds for which "firing" after "resolved" is doubted."""
        self._database = database
        self._guard = guard

    def receive(self, group: Group, now: float) -> Received:
        """Take a notification in. When this returns, it cannot be lost any more."""
        sources = [alert for alert in group.alerts if is_source(alert)]
        with self._database.transaction():
            said = {self._take(alert, now) for alert in sources}
            if group.truncated:
                self._database.change(
                    "INSERT OR REPLACE INTO truncated VALUES (?, ?)", *_key(group)
                )
            over = News.ENDED in said and not group.truncated
            closed = over and close_silent(self._database, now)
        changed = News.NEW in said or group.truncated > 0
        return Received(len(sources), len(group.alerts) - len(sources), changed, closed)

    def _take(self, alert: Alert, now: float) -> News:
        row = self._database.row("SELECT * FROM alerts WHERE fingerprint = ?", alert.fingerprint)
        said = news(_known(row), alert, now)
        change = self._database.change
        match said:
            case News.NEW:
                open_alert(self._database, alert, now)
            case News.SAME:
                change(
                    "UPDATE alerts SET document = ? WHERE fingerprint = ?",
                    *(dump_alert(alert), alert.fingerprint),
                )
            case News.ENDED:
                change(
                    "UPDATE alerts SET ended_at = ?, guarded = ? WHERE fingerprint = ?",
                    *(now, now + self._guard, alert.fingerprint),
                )
            case News.DOUBTFUL:
                change("UPDATE alerts SET doubtful = 1 WHERE fingerprint = ?", alert.fingerprint)
        return said

    def truncated(self) -> list[tuple[str, dict[str, str]]]:
        """Receiver and labels of the groups of which Alertmanager left alerts out."""
        rows = self._database.rows("SELECT receiver, labels FROM truncated")
        return [(row["receiver"], json.loads(row["labels"])) for row in rows]

    def complete(self, rest: Group, now: float) -> Received:
        """Take in all of a group that was truncated."""
        received = self.receive(rest, now)
        statement = "DELETE FROM truncated WHERE receiver = ? AND labels = ?"
        self._database.change(statement, *_key(rest))
        return received

    def firing(self) -> Mapping[str, int]:
        """Fingerprints that are held to fire, and the looks in a row that missed each."""
        rows = self._database.rows(
            "SELECT fingerprint, misses FROM alerts INDEXED BY firing WHERE ended_at IS NULL"
        )
        return {row["fingerprint"]: row["misses"] for row in rows}

    def doubtful(self) -> frozenset[str]:
        """Fingerprints that were said to fire shortly after their end."""
        rows = self._database.rows("SELECT fingerprint FROM alerts WHERE doubtful = 1")
        return frozenset(row["fingerprint"] for row in rows)

    def apply(self, found: Findings, now: float) -> Received:
        """Take in what a look found."""
        with self._database.transaction():
            each = self._database.change_each
            each("UPDATE alerts SET misses = 0 WHERE misses > 0 AND fingerprint = ?", found.present)
            each("UPDATE alerts SET misses = misses + 1 WHERE fingerprint = ?", found.missed)
            for fingerprint in found.ended:
                self._database.change(
                    "UPDATE alerts SET ended_at = ?, guarded = 0 WHERE fingerprint = ?",
                    *(now, fingerprint),
                )
            self._database.change("UPDATE alerts SET doubtful = 0 WHERE doubtful = 1")
            for fingerprint in found.revived:
                self._revive(fingerprint, now)
            closed = close_silent(self._database, now)
        return Received(changed=bool(found.revived), closed=closed)

    def _revive(self, fingerprint: str, now: float) -> None:
        row = self._database.row(
            "SELECT fingerprint, starts_at, document FROM alerts"
            " WHERE fingerprint = ? AND ended_at IS NOT NULL",
            fingerprint,
        )
        if row:
            open_alert(self._database, load_alert(row), now)


def _known(row: sqlite3.Row | None) -> Known | None:
    return Known(row["starts_at"], row["ended_at"] is not None, row["guarded"]) if row else None


def _key(group: Group) -> tuple[str, str]:
    return group.receiver, dump(dict(group.labels))


def open_alert(database: Database, alert: Alert, now: float) -> None:
    """Put a firing alert into the open incident of its exchange, which then waits."""
    exchange = alert.labels.get("exchange", "")
    began = min(alert.starts_at, now)
    incident = open_incident(database, key_of(exchange), exchange, began)
    database.change(
        "UPDATE incidents SET opened_at = min(opened_at, ?) WHERE id = ?", began, incident
    )
    database.change(
        "INSERT OR REPLACE INTO alerts (fingerprint, incident, urgency, starts_at, document)"
        " VALUES (?, ?, ?, ?, ?)",
        *(alert.fingerprint, incident, alert.urgency, alert.starts_at, dump_alert(alert)),
    )
    let_wait(database, incident, now)


def open_incident(database: Database, key: str, exchange: str, began: float) -> int:
    """The id of the open incident of a key; opens one if there is none."""
    database.change(
        "INSERT OR IGNORE INTO incidents (key, exchange, opened_at) VALUES (?, ?, ?)",
        *(key, exchange, began),
    )
    row = database.row("SELECT id FROM incidents WHERE key = ? AND closed_at IS NULL", key)
    assert row is not None
    return int(row["id"])


def let_wait(database: Database, incident: int, since: float) -> None:
    """Something new is to be told of an incident."""
    database.change(
        "UPDATE incidents SET waiting_since = coalesce(waiting_since, ?), changes = changes + 1"
        " WHERE id = ?",
        *(since, incident),
    )


def close_silent(database: Database, now: float) -> bool:
    """Close the incidents of which nothing fires any more. The storm has an end of its own."""
    closed = database.change(
        "UPDATE incidents SET closed_at = ?, waiting_since = NULL WHERE closed_at IS NULL"
        " AND key != ? AND NOT EXISTS"
        " (SELECT 1 FROM alerts WHERE incident = incidents.id AND ended_at IS NULL)",
        *(now, STORM),
    )
    if closed:
        end_derived(database, now)
    return closed > 0


def end_derived(database: Database, now: float) -> None:
    """End the derived alerts of closed incidents."""
    database.change(
        "UPDATE derived SET ended_at = ? WHERE ended_at IS NULL"
        " AND incident IN (SELECT id FROM incidents WHERE closed_at IS NOT NULL)",
        now,
    )
