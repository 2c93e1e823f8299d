"""Saved views: a set of charts under a name, private or shared, perhaps pinned to the overview."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

import sqlalchemy as sa
import structlog
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from sqlalchemy.engine import Connection, Row

from desk.tables import views
from storage.database import Database
from storage.errors import StorageError

log = structlog.get_logger(__name__)

Away = StorageError
"""What every method but `Views.pinned` raises while the database is away; the message is a sentence."""

FILE_TYPE = "vigie-view"
"""What an exported file says it is."""
MOST_CHARTS, MOST_VIEWS, LONGEST_NAME, LONGEST_CHART = 24, 200, 120, 2010
PIN_SECONDS = 10.0
"""How old the list of pinned views may be: every overview asks for it."""
FIRST_MS, LAST_MS = 1_577_836_800_000, 4_102_444_800_000
"""2020 and 2100: no saved zoom lies outside."""


def check_text(text: str) -> str:
    """``text`` without blanks around it.

    Raises:
        ValueError: it holds what cannot be printed.
    """
    text = text.strip()
    if not text.isprintable():
        raise ValueError("has letters, digits and signs on one line")
    return text


def check_name(name: str) -> str:
    """A view's name, without blanks around it.

    Raises:
        ValueError: it is no name.
    """
    name = check_text(name)
    if not 1 <= len(name) <= LONGEST_NAME:
        raise ValueError(f"a name has 1 to {LONGEST_NAME} characters")
    return name


Name = Annotated[str, Field(max_length=4 * LONGEST_NAME, examples=["GPU wall"]), AfterValidator(check_name)]
Chart = Annotated[str, Field(min_length=1, max_length=LONGEST_CHART)]


class ViewBody(BaseModel):
    """What a view shows. Closed: a key that is not known here is a mistake, or of a newer Vigie."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    version: Literal[1] = Field(1, description="Of this form")
    charts: list[Chart] = Field(
        min_length=1, max_length=MOST_CHARTS, examples=[["cpu", "memory"]],
        description="Chart ids, each once: Vigie's own (cpu, gpu-power:0) or drawings (q:...)",
    )
    window: Literal["5m", "15m", "1h", "6h", "24h", "7d", "30d"] = Field("1h", description="What it opens with")
    start: int | None = Field(
        None, alias="from", ge=FIRST_MS, le=LAST_MS,
        description="With to: a fixed span instead of a live window, epoch milliseconds",
    )
    end: int | None = Field(None, alias="to", ge=FIRST_MS, le=LAST_MS)
    columns: Literal[1, 2, 3] = Field(2, description="Charts beside one another on a wide screen")
    description: Annotated[str, AfterValidator(check_text)] = Field("", max_length=500)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if len(set(self.charts)) < len(self.charts):
            raise ValueError("charts: a chart is named twice")
        if (self.start is None) != (self.end is None) or (self.start is not None and self.start >= (self.end or 0)):
            raise ValueError("from, to: give both, from before to, or none")
        return self


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks. ``id`` is a row of users, or below 0 that of a program's token; ``manages`` means that shared views of
    others may be changed too."""

    id: int
    name: str
    manages: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """A saved view. Times are epoch seconds; ``changed`` is when its name or content last changed."""

    id: int
    name: str
    owner_id: int
    owner: str
    shared: bool
    pinned: bool
    body: ViewBody
    created: float
    changed: float

    def seen_by(self, who: Person) -> bool:
        """True when ``who`` may see it: a private view is its owner's alone."""
        return self.shared or self.owner_id == who.id

    def owned_by(self, who: Person) -> bool:
        """True when ``who`` may change it."""
        return self.owner_id == who.id or (self.shared and who.manages)


class ViewMissing(Exception):
    """There is no such view, or it is somebody's private one: which of both is never said."""


class ViewNotYours(Exception):
    """The view may be seen and not changed."""


class ViewChanged(Exception):
    """Somebody else changed the view since it was read."""

    def __init__(self, view: View) -> None:
        super().__init__(view.name)
        self.view = view


class TooManyViews(Exception):
    """A person has as many views as one may have."""


def _view(row: Row[Any]) -> View | None:
    try:
        body = ViewBody.model_validate_json(row.body)
    except ValidationError as error:
        log.warning("a saved view cannot be read", view=row.id, error=str(error.errors()[0]["msg"]))
        return None
    return View(
        row.id, row.name, row.owner_id, row.owner, bool(row.shared), bool(row.pinned), body, row.created, row.changed,
    )


def _text(body: ViewBody) -> str:
    return body.model_dump_json(by_alias=True, exclude_defaults=True)


def nothing(*_what: object, **_more: object) -> None:
    """What is recorded where no audit trail is kept."""


def _target(view: View) -> str:
    return f"view {view.id} {view.name}"


def _about(view: View) -> dict[str, object]:
    """What the audit trail keeps of a view."""
    return {
        "name": view.name, "owner": view.owner, "shared": view.shared, "pinned": view.pinned,
        "body": view.body.model_dump(mode="json", by_alias=True, exclude_defaults=True),
    }


def stamp(at: float) -> int:
    """A time of change as programs and pages send it back: epoch milliseconds."""
    return round(at * 1000)


class Views:
    """The views of everybody, in the ``state`` database.

    Every method but `pinned` may raise StorageError when the database is away. ``record`` is told of every change.
    """

    def __init__(
        self, database: Database, now: Callable[[], float] = time.time, record: Callable[..., None] = nothing,
    ) -> None:
        self._database, self._now, self._record = database, now, record
        self._lock = threading.Lock()
        self._pinned: list[View] = []
        self._pinned_until = 0.0

    def visible(self, who: Person) -> list[View]:
        """Their own views and those that others share, by name."""
        wanted = views.c.shared.is_(sa.true()) | (views.c.owner_id == who.id)
        with self._database.read() as connection:
            rows = connection.execute(sa.select(views).where(wanted)).all()
        return sorted((v for row in rows if (v := _view(row))), key=lambda v: (v.name.casefold(), v.id))

    def get(self, view_id: int, who: Person) -> View:
        """One view.

        Raises:
            ViewMissing: there is none that ``who`` may see.
        """
        with self._database.read() as connection:
            return self._row(connection, view_id, who)

    def pinned(self, who: Person) -> list[View]:
        """The pinned views that ``who`` may see, by name; a few seconds old at most, those of before while the database
        is away."""
        if time.monotonic() >= self._pinned_until:
            try:
                with self._database.read() as connection:
                    rows = connection.execute(sa.select(views).where(views.c.pinned.is_(sa.true()))).all()
                found = sorted((v for row in rows if (v := _view(row))), key=lambda v: (v.name.casefold(), v.id))
                with self._lock:
                    self._pinned = found
            except StorageError as error:
                log.debug("pinned views are those of before", error=str(error))
            self._pinned_until = time.monotonic() + PIN_SECONDS
        return [view for view in self._pinned if view.seen_by(who)]

    def create(
        self, who: Person, name: str, body: ViewBody, *, shared: bool = False, pinned: bool = False,
    ) -> View:
        """A new view of ``who``.

        Raises:
            ValueError: the name is no good; TooManyViews: they have enough.
        """
        name, now = check_name(name), round(self._now(), 3)
        with self._database.write() as connection:
            owned = sa.select(sa.func.count()).select_from(views).where(views.c.owner_id == who.id)
            if (connection.scalar(owned) or 0) >= MOST_VIEWS:
                raise TooManyViews
            key = connection.execute(sa.insert(views).values(
                name=name, owner_id=who.id, owner=who.name, shared=shared, pinned=pinned, body=_text(body),
                created=now, changed=now,
            )).inserted_primary_key
        self._forget()
        made = View(key[0] if key else 0, name, who.id, who.name, shared, pinned, body, now, now)
        self._record("view.add", _target(made), after=_about(made))
        return made

    def copy(self, view_id: int, who: Person, name: str) -> View:
        """A private view of ``who`` with the content of one that they may see.

        Raises:
            ViewMissing, ValueError, TooManyViews: as `get` and `create`.
        """
        return self.create(who, name, self.get(view_id, who).body)

    def update(
        self, view_id: int, who: Person, *, name: str | None = None, body: ViewBody | None = None,
        shared: bool | None = None, pinned: bool | None = None, changed: int | None = None,
    ) -> View:
        """Changes what is given. ``changed`` is the `stamp` of what the asker had read; None overwrites whatever is
        there. Sharing and pinning are no change of content, so they neither clash with one nor make one clash.

        Raises:
            ViewMissing, ViewNotYours, ValueError (the name); ViewChanged: it is no more what the asker had read.
        """
        values: dict[str, Any] = {"shared": shared, "pinned": pinned}
        if name is not None:
            values["name"] = check_name(name)
        if body is not None:
            values["body"] = _text(body)
        values = {key: value for key, value in values.items() if value is not None}
        with self._database.write() as connection:
            view = self._row(connection, view_id, who)
            if not view.owned_by(who):
                raise ViewNotYours
            if changed is not None and changed != stamp(view.changed):
                raise ViewChanged(view)
            if "name" in values or "body" in values:
                # Two changes within a millisecond are two all the same.
                values["changed"] = max(round(self._now(), 3), round(view.changed + 0.001, 3))
            if values:
                connection.execute(sa.update(views).where(views.c.id == view_id).values(**values))
            row = connection.execute(sa.select(views).where(views.c.id == view_id)).one()
        self._forget()
        found = _view(row)
        if found is None:
            raise ViewMissing
        before, after = _about(view), _about(found)
        if before != after:
            self._record("view.change", _target(found), before=before, after=after)
        return found

    def delete(self, view_id: int, who: Person) -> None:
        """Removes a view for good.

        Raises:
            ViewMissing, ViewNotYours: as `update`.
        """
        with self._database.write() as connection:
            view = self._row(connection, view_id, who)
            if not view.owned_by(who):
                raise ViewNotYours
            connection.execute(sa.delete(views).where(views.c.id == view_id))
        self._forget()
        self._record("view.delete", _target(view), before=_about(view))

    def _forget(self) -> None:
        self._pinned_until = 0.0

    @staticmethod
    def _row(connection: Connection, view_id: int, who: Person) -> View:
        row = connection.execute(sa.select(views).where(views.c.id == view_id)).first()
        view = _view(row) if row is not None else None
        if view is None or not view.seen_by(who):
            raise ViewMissing
        return view
