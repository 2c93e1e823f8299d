"""Two people who change the configuration at once: what one saves meets what the other saved before."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from config.checking import check
from config.dashboard import DashboardConfig
from config.differences import ABSENT, Change, Clash, diff, merge, overlap
from config.documents import compared, document, shown
from config.outcomes import ConfigConflict
from config.secret import SecretText
from config.versions import Version


def meet(
    base: DashboardConfig | None, number: int, mine: DashboardConfig, current: DashboardConfig, newest: Version,
    versions: Callable[[], Iterable[Version]],
) -> tuple[DashboardConfig, tuple[Change, ...]]:
    """``mine``, made from version ``number`` (``base``; None when it is no longer kept), with what others changed since
    then; and those changes.

    Raises:
        ConfigConflict: they changed the same places. ConfigInvalid: the two do not go together.
    """
    if number == newest.number:
        return mine, ()
    ours, theirs = compared(mine), compared(current)
    if base is None:  # every difference may be somebody's work
        clashes = [Clash(change.path, ABSENT, change.before, change.after) for change in diff(ours, theirs)]
        result, others = ours, list[Change]()
    else:
        result, clashes, others = merge(compared(base), ours, theirs)
    if clashes:
        paths = [clash.path for clash in clashes]
        raise ConfigConflict(_who_touched(paths, number, versions()) or newest, [
            Clash(c.path, shown(c.base), shown(c.mine), shown(c.theirs)) for c in clashes
        ])
    return check(document(result, SecretText.reveal)), tuple(masked_changes(others))


def _who_touched(paths: Iterable[str], since: int, versions: Iterable[Version]) -> Version | None:
    """The newest version after ``since`` that changed one of ``paths``."""
    return next((
        version for version in versions
        if version.number > since and any(overlap(path, one) for path in paths for one in version.changes)
    ), None)


def masked_changes(changes: Iterable[Change]) -> list[Change]:
    """Changes as anybody may see them."""
    return [Change(change.path, shown(change.before), shown(change.after)) for change in changes]
