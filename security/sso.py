"""Who comes in by another door than a password: from name and groups to an account with a role."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import structlog

from security import audit
from security.context import security
from security.errors import N_, Refused
from security.names import name_of
from security.people import User
from security.permissions import ROLES

log = structlog.get_logger(__name__)

EVERYBODY = "*"
MOST_GROUPS = 1000


@dataclass(frozen=True, slots=True)
class Admission:
    """What is settled for both doors: roles by group, and whether accounts are made."""

    groups: tuple[tuple[str, str], ...] = ()
    create: bool = True

    @staticmethod
    def of(rules: Iterable[str], *, create: bool) -> Admission:
        """From ``group=role`` texts; a group may hold an equals sign, as LDAP's do."""
        parts = (rule.rpartition("=") for rule in rules)
        return Admission(tuple((group, role) for group, _equals, role in parts), create)

    def role(self, groups: Iterable[str]) -> str | None:
        """The highest role that these groups give; None when they give none."""
        mine = {EVERYBODY, *groups}
        found = {role for group, role in self.groups if group in mine}
        return next((role for role in reversed(ROLES) if role in found), None)


def admit(source: Literal["oidc", "header"], name: str, groups: Iterable[str], subject: str = "") -> User:
    """The account of somebody whom a provider or proxy vouches for, made when it is not there, with the role that the
    groups give now. Without any rule for groups a new account is a viewer's, and an administrator gives other roles.

    Raises:
        Refused: why not. StorageError: the database is away.
    """
    try:
        return _admit(source, name, groups, subject)
    except Refused as error:
        audit.record(
            "session.refused", name_of(name) or "", result="refused", after={"method": source, "why": str(error)},
        )
        raise


def _admit(source: Literal["oidc", "header"], given: str, groups: Iterable[str], subject: str) -> User:
    parts = security()
    name, people, rules = name_of(given), parts.accounts.people, parts.admission
    if name is None:
        raise Refused(N_("The name that came with your sign-in cannot be a user name here: %(name)s"), name=given[:64])
    role = rules.role(groups)
    if rules.groups and role is None:
        raise Refused(N_("None of your groups may use Vigie. Whoever looks after it can change that."))
    user = people.of_subject(source, subject, name)
    if user is None:
        if not rules.create:
            raise Refused(N_("There is no account %(name)s. Ask an administrator for one."), name=name)
        return people.add(name, None, role or "viewer", source=source, subject=subject)
    if role is not None and role != user.role and not user.disabled:
        try:
            return people.set_role(user.name, role)
        except Refused as error:
            # The last administrator stays one: else nobody could mend the rules.
            log.warning("a role was not changed", who=user.name, error=str(error))
    return user
