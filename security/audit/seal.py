"""What stands outside of the chain and holds it: signatures with the installation's key, and the anchor, a file in the
data folder that knows the newest row."""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

FILE = "audit-anchor.json"


@dataclass(frozen=True, slots=True)
class Anchor:
    """The newest row when it was written. ``good`` is False when the file was changed or signed with another key."""

    number: int
    hash: str
    at: float
    good: bool = True


class Seal:
    """Signs with the installation's key (HMAC-SHA256), and keeps the anchor in ``folder``; None keeps none."""

    def __init__(self, key: str, folder: Path | None = None) -> None:
        self._key = hmac.digest(key.encode(), b"vigie audit", "sha256")
        self._file = folder / FILE if folder is not None else None

    @property
    def anchors(self) -> bool:
        """True when there is a place for the anchor."""
        return self._file is not None

    def sign(self, kind: str, number: int, hashed: str) -> str:
        """The signature of row ``number`` with that hash, for a purpose ``kind``."""
        return hmac.digest(self._key, f"{kind}\n{number}\n{hashed}".encode(), "sha256").hex()

    def signed(self, kind: str, number: int, hashed: str, signature: object) -> bool:
        """Whether this installation made ``signature``."""
        return isinstance(signature, str) and hmac.compare_digest(
            self.sign(kind, number, hashed).encode(), signature.encode(errors="replace")
        )

    def anchor(self) -> Anchor | None:
        """The anchor; None when there is none."""
        if self._file is None:
            return None
        try:
            text = self._file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            return Anchor(0, "", 0, good=False)
        try:
            found = json.loads(text)
            number, hashed, at = int(found["id"]), str(found["hash"]), float(found["at"])
            return Anchor(number, hashed, at, self.signed("anchor", number, hashed, found.get("signature")))
        except (ValueError, KeyError, TypeError, AttributeError):
            return Anchor(0, "", 0, good=False)

    def hold(self, number: int, hashed: str, at: float) -> None:
        """Makes row ``number`` the anchor.

        Raises:
            OSError: the folder cannot be written.
        """
        if self._file is None:
            return
        body = {"id": number, "hash": hashed, "at": at, "signature": self.sign("anchor", number, hashed)}
        handle, temporary = tempfile.mkstemp(dir=self._file.parent, prefix=f".{FILE}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(body, file)
                if os.geteuid() == 0:  # a command run by root must not shut out the service, whose folder this is
                    owner = self._file.parent.stat()
                    os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            Path(temporary).replace(self._file)
        except OSError:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
            raise
