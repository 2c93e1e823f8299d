"""``python app.py audit ...``: whether the trail holds, and what retention removes, from the shell."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from security.audit.seal import Seal
from security.audit.trail import Trail
from security.secrets import FILE, load_secrets
from storage.database import Database


def trail_of(folder: Path, database: Database, days: float = 0) -> Trail:
    """The trail of the installation in ``folder``; without its keys nothing is signed there."""
    key = load_secrets(folder).token_key if (folder / FILE).exists() else ""
    return Trail(database, seal=Seal(key, folder if key else None), days=days)


def verify(trail: Trail, given: argparse.Namespace) -> int:
    """``audit verify``: 0 when the chain holds, 1 when it does not."""
    found = trail.verify()
    if not found.ok:
        _say(found.problem())
        _say(f"The {found.rows} rows before hold.")
        return 1
    if given.hash and found.hash != given.hash:
        _say(f"The chain holds, but row {found.last} has the hash {found.hash}, not the one given.")
        return 1
    rows = f"Rows {found.first} to {found.last} hold" if found.rows else "There are no rows"
    _say(f"{rows} ({found.seconds:.1f} s). The newest has the hash {found.hash}.")
    if not found.anchored:
        _say("There is no anchor in the data folder: rows cut off at the end would not be seen.")
    return 0


def retention(trail: Trail, given: argparse.Namespace) -> int:
    """``audit retention``: what is removed next, or would be with ``--days``; removes nothing."""
    days = trail.days if given.days is None else given.days
    if not days:
        _say("Every row is kept.")
        return 0
    gone = trail.outdated(days)
    if not gone.rows:
        _say(f"No row is older than {days:g} days.")
        return 0
    _say(f"{gone.rows} rows are older than {days:g} days: rows {gone.first} to {gone.upto}, "
         f"{_day(gone.oldest)} to {_day(gone.newest)}.")
    return 0


def _day(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
