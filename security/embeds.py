"""Embed links: rows that say what a link shows, to whom and how long, and the signed words that name them.

A link's token is the signed number of its row. What it gives is read from the row at each request (kept for two
seconds), so that revoking ends it at once and a leaked token says nothing by itself.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import sqlalchemy as sa
import structlog
from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy.engine import Row

from metrics.flat import iso
from security import audit
from security.cache import Cache
from security.errors import N_, Refused
from security.secrets import Secrets
from security.tables import embeds
from storage.database import Database
from storage.errors import StorageError

log = structlog.get_logger(__name__)

Kind = Literal["chart", "overview", "monitoring", "explore", "view"]
ANY_SITE = "*"
KEEP_SECONDS = 90 * 86400.0
"""How long a revoked or expired link is still listed."""
MOST = 200
"""Links of one person or program that are good at a time."""
WRITE_SECONDS = 5.0
"""Uses and refusals are written at most this often."""
LONGEST_TOKEN = 200


@dataclass(frozen=True, slots=True)
class Target:
    """What a link shows. Its charts and series are worked out by `components.embeds`."""

    kind: Kind
    what: str = ""
    """The chart's id, the tab, the drawings of an address, the number of a saved view; empty for the overview."""
    window: str = ""
    """Name of the live window; empty when the window is fixed."""
    start: float | None = None
    end: float | None = None
    """The fixed window, epoch seconds."""
    theme: Literal["dark", "light", ""] = ""
    """Empty: the reader's system decides."""
    timezone: str = ""
    """The maker's zone, for times that are written before the reader's browser has told its own."""

    @property
    def fixed(self) -> bool:
        """True when it shows one span of the past and never what is now."""
        return self.start is not None


@dataclass(frozen=True, slots=True)
class Embed:
    """One link. Times are epoch seconds; None means never."""

    id: int
    target: Target
    title: str
    site: str
    """Origin that may frame it; ``*`` for any, empty for Vigie itself and the setting ``frame_ancestors``."""
    created: float
    created_by: str
    owner_id: int
    expires: float
    revoked: float | None = None
    revoked_by: str | None = None
    last_used: float | None = None
    uses: int = 0
    refused: int = 0

    def state(self, now: float) -> Literal["active", "expired", "revoked"]:
        """Whether the link is good."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires <= now else "active"


class EmbedRefused(Exception):
    """A link is not good. ``why`` is ``forged``, ``unknown``, ``revoked`` or ``expired``."""

    def __init__(self, why: Literal["forged", "unknown", "revoked", "expired"], embed: Embed | None = None) -> None:
        super().__init__(why)
        self.why, self.embed = why, embed


@dataclass(slots=True)
class _Waiting:
    """What is to be added to a row."""

    uses: int = 0
    refused: int = 0
    last_used: float | None = None


def _embed(row: Row[Any]) -> Embed:
    target: Mapping[str, Any] = json.loads(row.target)
    return Embed(
        row.id, Target(**target), row.title, row.site, row.created, row.created_by, row.owner_id, row.expires,
        row.revoked, row.revoked_by, row.last_used, row.uses, row.refused,
    )


class Embeds:
    """Makes, checks, lists and revokes links. Methods may raise StorageError when the database is away."""

    def __init__(self, database: Database, secrets: Secrets, now: Callable[[], float]) -> None:
        self._database, self._now = database, now
        self._signer = URLSafeSerializer(
            secrets.token_key, salt=f"vigie.embed.{secrets.instance}", signer_kwargs={"digest_method": hashlib.sha256},
        )
        self._cache: Cache[Embed] = Cache(now)
        self._lock, self._written_at = threading.Lock(), float("-inf")
        self._waiting: dict[int, _Waiting] = {}

    def add(
        self, target: Target, *, title: str, expires: float, site: str, created_by: str, owner_id: int,
    ) -> Embed:
        """A new link, good until ``expires``.

        Raises:
            Refused: there are too many already.
        """
        now = self._now()
        values = {
            "target": json.dumps(asdict(target)), "title": title, "site": site, "created": float(int(now)),
            "created_by": created_by, "owner_id": owner_id, "expires": expires,
        }
        good = (embeds.c.owner_id == owner_id, embeds.c.revoked.is_(None), embeds.c.expires > now)
        with self._database.write() as connection:
            old = now - KEEP_SECONDS
            connection.execute(sa.delete(embeds).where((embeds.c.revoked < old) | (embeds.c.expires < old)))
            count = connection.scalar(sa.select(sa.func.count()).select_from(embeds).where(*good)) or 0
            if count >= MOST:
                raise Refused(N_("There are %(most)s links already: revoke one that is not needed."), most=MOST)
            key = connection.execute(sa.insert(embeds).values(**values)).inserted_primary_key
        self._cache.clear()
        number = key[0] if key else 0
        about = {"title": title, "target": asdict(target), "site": site, "expires": iso(expires)}
        audit.record("embed.add", f"embed {number}", after=about)
        return Embed(number, target, title, site, float(int(now)), created_by, owner_id, expires)

    def token(self, embed: Embed) -> str:
        """The word in the address of a link; always the same for one link."""
        signed: str | bytes = self._signer.dumps([embed.id, int(embed.created)])
        return signed if isinstance(signed, str) else signed.decode("ascii")

    def find(self, token: str) -> Embed:
        """The link that ``token`` names: its signature first, then its row, then its end.

        Raises:
            EmbedRefused: it is not good.
        """
        if len(token) > LONGEST_TOKEN or not token.isascii():
            raise EmbedRefused("forged")
        try:
            number, created = self._signer.loads(token)
        except (BadData, ValueError, TypeError):
            raise EmbedRefused("forged") from None
        # Base64 has several spellings for the same bytes: only the one that was given out is good.
        if not hmac.compare_digest(token, str(self._signer.dumps([number, created]))):
            raise EmbedRefused("forged")
        embed = self._row(number)
        if embed is None or int(embed.created) != created:
            raise EmbedRefused("unknown")
        state = embed.state(self._now())
        if state != "active":
            raise EmbedRefused(state, embed)
        return embed

    def good(self, number: int) -> bool:
        """True while the link is good: what a live connection asks. An away database says what was known last."""
        try:
            embed = self._row(number)
        except StorageError:
            return False
        return embed is not None and embed.state(self._now()) == "active"

    def _row(self, number: int) -> Embed | None:
        return self._cache.get(number, lambda: self._load(number))

    def _load(self, number: int) -> Embed | None:
        with self._database.read() as connection:
            row = connection.execute(sa.select(embeds).where(embeds.c.id == number)).first()
        return _embed(row) if row else None

    def get(self, number: int) -> Embed:
        """The link of a row, as it is now.

        Raises:
            Refused: there is none.
        """
        self.flush()
        found = self._load(number)
        if found is None:
            raise Refused(N_("There is no embed link %(number)s."), number=number)
        return found

    def list(self, owner_id: int | None = None) -> list[Embed]:
        """All links, or those of one owner, newest first; those that ended long ago are gone."""
        self.flush()
        query = sa.select(embeds).order_by(embeds.c.id.desc())
        if owner_id is not None:
            query = query.where(embeds.c.owner_id == owner_id)
        with self._database.read() as connection:
            return [_embed(row) for row in connection.execute(query)]

    def revoke(self, number: int, by: str) -> Embed:
        """Ends a link for good; one that has ended already stays as it is.

        Raises:
            Refused: there is none.
        """
        with self._database.write() as connection:
            ended = connection.execute(
                sa.update(embeds).where(embeds.c.id == number, embeds.c.revoked.is_(None))
                .values(revoked=self._now(), revoked_by=by)
            ).rowcount
        self._cache.clear()
        if ended:
            audit.record("embed.revoke", f"embed {number}")
        return self.get(number)

    def note(self, number: int, *, uses: int = 0, refused: int = 0) -> None:
        """Counts uses and refusals; written now, or with the next ones when that was a moment ago. Never raises."""
        with self._lock:
            waiting = self._waiting.setdefault(number, _Waiting())
            waiting.uses += uses
            waiting.refused += refused
            if uses:
                waiting.last_used = self._now()
            if 0 <= self._now() - self._written_at < WRITE_SECONDS:
                return
        self.flush()

    def flush(self) -> None:
        """Writes what waits to be counted; what cannot be written waits on."""
        with self._lock:
            waiting, self._waiting, self._written_at = self._waiting, {}, self._now()
        if not waiting:
            return
        try:
            with self._database.write() as connection:
                for number, more in waiting.items():
                    values: dict[str, Any] = {
                        "uses": embeds.c.uses + more.uses, "refused": embeds.c.refused + more.refused,
                    }
                    if more.last_used is not None:
                        values["last_used"] = more.last_used
                    connection.execute(sa.update(embeds).where(embeds.c.id == number).values(**values))
        except StorageError as error:
            log.warning("uses of embed links were not kept", error=str(error))
            with self._lock:
                for number, more in waiting.items():
                    kept = self._waiting.setdefault(number, _Waiting())
                    kept.uses += more.uses
                    kept.refused += more.refused
                    kept.last_used = max(filter(None, (kept.last_used, more.last_used)), default=None)
