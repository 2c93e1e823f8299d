"""The rules in force: those that Vigie comes with, as people changed them, and people's own."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
import structlog
from pydantic import ValidationError
from sqlalchemy.engine import Connection

from alerts import tables
from alerts.rule import CHANGEABLE, Rule, changed
from alerts.shipped import SHIPPED, SHIPPED_BY_ID
from storage.database import Database

log = structlog.get_logger(__name__)

MOST_RULES = 1000
"""Rules of one's own."""


class RuleMissing(Exception):
    """There is no such rule (any more)."""


class BadRule(ValueError):
    """What was asked cannot be done to a rule: ``field`` names it, the message says what is allowed."""

    def __init__(self, field: str, allowed: str) -> None:
        super().__init__(allowed)
        self.field = field


@dataclass(frozen=True, slots=True)
class Entry:
    """A rule, and where it comes from."""

    rule: Rule
    shipped: bool
    changes: tuple[str, ...] = ()
    """Fields of a shipped rule that were changed."""
    changed: float | None = None
    changed_by: str = ""
    problem: str = ""
    """What is wrong with what was saved; the rule is then as Vigie comes with it, or disabled."""


class Rulebook:
    """The rules. Until the database has been read, they are those that Vigie comes with."""

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        self._database, self._now = database, now
        self._lock = threading.RLock()
        self._entries: dict[str, Entry] = {rule.id: Entry(rule, True) for rule in SHIPPED}
        self._rows: Any = None
        self.revision = 0
        """Counts up with every change."""
        self.loaded = False

    def entries(self) -> list[Entry]:
        """All rules: the shipped ones in their order, then people's own by name."""
        found = list(self._entries.values())
        own = sorted((one for one in found if not one.shipped), key=lambda one: (one.rule.name.lower(), one.rule.id))
        return [one for one in found if one.shipped] + own

    def rules(self) -> list[Rule]:
        """Those that are to be evaluated."""
        return [one.rule for one in self.entries() if one.rule.enabled]

    def get(self, rule_id: str) -> Entry:
        """One rule.

        Raises:
            RuleMissing: there is none.
        """
        found = self._entries.get(rule_id)
        if found is None:
            raise RuleMissing
        return found

    def load(self) -> bool:
        """Reads what was saved, by whichever process; True when it differs from before. Raises StorageError."""
        table = tables.rules
        with self._lock:
            with self._database.read() as connection:
                rows = connection.execute(sa.select(table).order_by(table.c.id)).all()
            self.loaded = True
            if rows == self._rows:
                return False
            self._take(rows)
        return True

    def add(self, rule: Rule, who: str) -> Entry:
        """A new rule of one's own. Raises StorageError.

        Raises:
            BadRule: the id is taken, or there are too many.
        """
        with self._lock:
            if rule.id in self._entries:
                raise BadRule("id", "is taken by another rule")
            if sum(not one.shipped for one in self._entries.values()) >= MOST_RULES:
                raise BadRule("id", f"there are {MOST_RULES} rules; delete one")
            try:
                self._write(rule.id, False, rule.model_dump(mode="json"), who, new=True)
            except sa.exc.IntegrityError:
                raise BadRule("id", "is taken by another rule") from None
            return self.get(rule.id)

    def change(self, rule_id: str, changes: dict[str, Any], who: str) -> Entry:
        """Changes some fields. Of a shipped rule only what differs from how it comes is kept.

        Raises:
            RuleMissing, BadRule; pydantic.ValidationError: the result is no rule. StorageError.
        """
        with self._lock:
            self.load()
            entry = self.get(rule_id)
            for name in changes:
                if name not in CHANGEABLE:
                    raise BadRule(name, "cannot be changed")
            rule = changed(entry.rule, changes)
            if entry.shipped:
                self._write_shipped(rule, who)
            else:
                self._write(rule_id, False, rule.model_dump(mode="json"), who)
            return self.get(rule_id)

    def reset(self, rule_id: str) -> Entry:
        """Takes a shipped rule back to how it comes. Raises StorageError.

        Raises:
            RuleMissing; BadRule: it is one of one's own.
        """
        with self._lock:
            if not self.get(rule_id).shipped:
                raise BadRule("id", "only a rule that Vigie comes with can be reset")
            self._remove(rule_id)
            return self.get(rule_id)

    def delete(self, rule_id: str) -> Rule:
        """Deletes a rule of one's own; what it was. Raises StorageError.

        Raises:
            RuleMissing; BadRule: it is a shipped one.
        """
        with self._lock:
            entry = self.get(rule_id)
            if entry.shipped:
                raise BadRule("id", "a rule that Vigie comes with cannot be deleted; disable it")
            self._remove(rule_id)
            return entry.rule

    def _write_shipped(self, rule: Rule, who: str) -> None:
        comes, is_now = (one.model_dump(mode="json") for one in (SHIPPED_BY_ID[rule.id], rule))
        body = {name: value for name, value in is_now.items() if value != comes[name]}
        if body:
            self._write(rule.id, True, body, who)
        else:
            self._remove(rule.id)

    def _write(self, rule_id: str, shipped: bool, body: dict[str, Any], who: str, *, new: bool = False) -> None:
        table = tables.rules
        values = {
            "shipped": shipped, "body": json.dumps(body, ensure_ascii=False), "changed": self._now(), "changed_by": who,
        }
        with self._database.write() as connection:
            known = 0 if new else connection.execute(
                sa.update(table).where(table.c.id == rule_id).values(values)
            ).rowcount
            if not known:
                connection.execute(sa.insert(table).values(id=rule_id, **values))
            rows = self._all(connection)
        self._take(rows)

    def _remove(self, rule_id: str) -> None:
        with self._database.write() as connection:
            connection.execute(sa.delete(tables.rules).where(tables.rules.c.id == rule_id))
            rows = self._all(connection)
        self._take(rows)

    def _all(self, connection: Connection) -> Any:
        return connection.execute(sa.select(tables.rules).order_by(tables.rules.c.id)).all()

    def _take(self, rows: Any) -> None:
        entries = {rule.id: Entry(rule, True) for rule in SHIPPED}
        for row in rows:
            if row.shipped and row.id not in entries:
                continue  # of a newer Vigie
            entries[row.id] = _entry(row)
        self._rows, self._entries = rows, entries
        self.revision += 1


def _entry(row: Any) -> Entry:
    problem, names = "", ()
    try:
        body = json.loads(row.body)
        names = tuple(body)
        rule = changed(SHIPPED_BY_ID[row.id], body) if row.shipped else Rule.model_validate(body)
    except (ValueError, ValidationError) as error:
        text = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        problem = f"What was saved of this rule is not valid: {text}"
        log.warning("a saved alert rule is not valid", rule=row.id, error=text)
        rule = SHIPPED_BY_ID[row.id] if row.shipped else Rule(
            id=row.id, name=row.id, selectors=("vigie_config_valid",), threshold=0, comparison="<", enabled=False,
        )
    return Entry(rule, row.shipped, names if row.shipped else (), row.changed, row.changed_by, problem)
