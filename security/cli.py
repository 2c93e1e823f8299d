"""``python app.py user ...``, ``token ...`` and ``audit ...``: accounts from the shell, also while the server runs."""

from __future__ import annotations

import argparse
import fcntl
import getpass
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from config.settings import LOCK, Parser, Settings, SettingsError, load_settings
from security import audit
from security.accounts import Accounts
from security.audit import commands
from security.errors import Refused
from security.people import SOURCES
from security.permissions import PERMISSIONS, ROLES
from storage.database import FILES, Database
from storage.errors import StorageError


def run_cli(argv: Sequence[str], data_folder: Callable[[Settings], Path] = lambda settings: settings.data_dir) -> int:
    """Runs one command; ``argv`` begins with ``user``, ``token`` or ``audit``. Returns the exit code.

    ``data_folder`` says where the accounts of these settings are (the demo has its own).
    """
    given = _parser().parse_args(list(argv))
    try:
        settings = load_settings(_settings_arguments(given))
        folder = data_folder(settings)
        if not settings.demo:
            _check_demo(folder, data_folder(settings.model_copy(update={"demo": True})), settings)
        _check_folder(folder, settings, given.makes)
        database = Database("state", folder, settings.database_url)
        trail = commands.trail_of(folder, database, settings.audit_days)
        try:
            if "audits" in given:
                return int(given.audits(trail, given))
            with audit.using(trail, "shell"):
                given.run(Accounts(database), given)
        finally:
            trail.flush()
            database.close()
    except (Refused, SettingsError, StorageError) as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(f"The data folder cannot be used: {error.strerror or error}.")
    except (KeyboardInterrupt, EOFError):
        return _fail("Stopped; nothing was changed.")
    return 0


def _check_folder(folder: Path, settings: Settings, makes: bool) -> None:
    if settings.database_url or folder.is_dir():
        return
    if not makes:
        raise Refused(f"There is no data folder {folder}; give the server's own with --data-dir.")
    folder.mkdir(parents=True, mode=0o700)


def _check_demo(folder: Path, demo: Path, settings: Settings) -> None:
    """The demo has accounts of its own: nobody shall change others than those they mean."""
    if settings.database_url or not (demo / FILES["state"]).exists():
        return
    if not (folder / FILES["state"]).exists():
        raise Refused(f"There are no accounts in {folder} but the demo's: say --demo.")
    if _runs(demo) and not _runs(folder):
        sys.stderr.write(f"The Vigie that runs on {folder} is the demo: its accounts need --demo.\n")


def _runs(folder: Path) -> bool:
    """Whether a server holds the lock of ``folder`` (`startup.lock_folder`)."""
    try:
        with (folder / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _fail(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return 1


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _settings_arguments(given: argparse.Namespace) -> list[str]:
    arguments = []
    for name in ("config", "data_dir", "database_url"):
        if getattr(given, name) is not None:
            arguments += [f"--{name.replace('_', '-')}={getattr(given, name)}"]
    return [*arguments, *(["--demo"] if given.demo else [])]


def _parser() -> Parser:
    where = Parser(add_help=False)
    group = where.add_argument_group("where the accounts are", "as given to the server, or VIGIE_DATA_DIR and so on")
    group.add_argument("--data-dir", metavar="DIR")
    group.add_argument("--database-url", metavar="URL")
    group.add_argument("--config", metavar="FILE")
    group.add_argument("--demo", action="store_true", help="the accounts of the demo")
    parser = Parser(prog="app.py", allow_abbrev=False)
    kinds = parser.add_subparsers(required=True, metavar="user|token|audit")

    def command(
        group: argparse._SubParsersAction[Parser], name: str, text: str,
        run: Callable[[Accounts, argparse.Namespace], None],
    ) -> argparse.ArgumentParser:
        made = group.add_parser(name, help=text, description=text, parents=[where], allow_abbrev=False)
        made.set_defaults(run=run, makes=name == "add")
        return made

    users = kinds.add_parser("user", help="people who may sign in").add_subparsers(required=True, metavar="COMMAND")
    add = command(users, "add", "Makes a person; asks for the password.", _user_add)
    passwd = command(users, "passwd", "Sets a new password and ends all sign-ins of this person.", _user_passwd)
    role = command(users, "role", "Gives a person another role.", _user_role)
    disable = command(users, "disable", "Closes an account and ends its sign-ins.", _user_disable)
    enable = command(users, "enable", "Opens a closed account again.", _user_enable)
    unlock = command(users, "unlock", "Forgets wrong passwords: this person need not wait any more.", _user_unlock)
    about = "Takes a lost second factor away and ends all sign-ins of this person."
    factor = command(users, "totp-reset", about, _user_totp_reset)
    about = "Says how a person signs in: by a password, OpenID Connect or a proxy."
    door = command(users, "source", about, _user_source)
    command(users, "list", "Lists everybody.", _user_list)
    for each in (add, passwd, role, disable, enable, unlock, factor, door):
        each.add_argument("name")
    for each in (add, passwd):
        each.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    add.add_argument("--role", default="viewer", choices=ROLES)
    role.add_argument("role", choices=ROLES)
    door.add_argument("source", choices=SOURCES)

    tokens = kinds.add_parser("token", help="tokens of programs").add_subparsers(required=True, metavar="COMMAND")
    new = command(tokens, "add", "Makes a token and prints it once.", _token_add)
    new.add_argument("--name", required=True)
    new.add_argument("--permission", action="append", required=True, choices=sorted(PERMISSIONS), metavar="PERMISSION",
                     help=f"repeatable; one of {', '.join(sorted(PERMISSIONS))}")
    new.add_argument("--days", type=float, help="days until it expires (default: never)")
    new.add_argument("--user", help="whose it is: it may no more than they (default: nobody's)")
    revoke = command(tokens, "revoke", "Ends a token for good.", _token_revoke)
    revoke.add_argument("name")
    revoke.add_argument("--user", help="whose it is (default: nobody's)")
    command(tokens, "list", "Lists the tokens, not their secrets.", _token_list)

    trail = kinds.add_parser("audit", help="the audit trail").add_subparsers(required=True, metavar="COMMAND")
    about = "Recomputes the chain of the audit trail; names the first row that is not as it was written."
    check = trail.add_parser("verify", help=about, description=about, parents=[where], allow_abbrev=False)
    check.set_defaults(audits=commands.verify, makes=False)
    check.add_argument("--hash", help="what the newest row's hash must be, as you noted it elsewhere")
    about = "Says which rows are removed next because they are too old; removes nothing."
    old = trail.add_parser("retention", help=about, description=about, parents=[where], allow_abbrev=False)
    old.set_defaults(audits=commands.retention, makes=False)
    old.add_argument("--days", type=float, help="what it would be with this many days")
    return parser


def _password(given: argparse.Namespace) -> str:
    if given.password_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise Refused("There is no terminal to ask for the password; use --password-stdin.")
    first = getpass.getpass("New password: ")
    if getpass.getpass("Again: ") != first:
        raise Refused("The two passwords are not the same; nothing was changed.")
    return first


def _user_add(accounts: Accounts, given: argparse.Namespace) -> None:
    user = accounts.people.add(given.name, _password(given), given.role)
    _say(f"{user.name} can sign in as {user.role}.")


def _user_passwd(accounts: Accounts, given: argparse.Namespace) -> None:
    name = accounts.people.get(given.name).name
    accounts.people.set_password(name, _password(given))
    accounts.lockouts.forgive(name)
    _say(f"{name} has a new password and is signed out everywhere.")


def _user_role(accounts: Accounts, given: argparse.Namespace) -> None:
    user = accounts.people.set_role(given.name, given.role)
    _say(f"{user.name} is {user.role} now.")


def _user_disable(accounts: Accounts, given: argparse.Namespace) -> None:
    _say(f"{accounts.people.set_disabled(given.name, True).name} can no longer sign in.")


def _user_enable(accounts: Accounts, given: argparse.Namespace) -> None:
    _say(f"{accounts.people.set_disabled(given.name, False).name} can sign in again.")


def _user_unlock(accounts: Accounts, given: argparse.Namespace) -> None:
    name = accounts.people.get(given.name).name
    accounts.lockouts.forgive(name)
    audit.record("account.unlock", name)
    _say(f"{name} can try again at once.")


def _user_totp_reset(accounts: Accounts, given: argparse.Namespace) -> None:
    user = accounts.people.get(given.name)
    if not accounts.factors.off(user.id, reset=True):
        raise Refused(f"{user.name} has no second factor.")
    _say(f"{user.name} signs in with the password alone now, and is signed out everywhere.")


def _user_source(accounts: Accounts, given: argparse.Namespace) -> None:
    user = accounts.people.set_source(given.name, given.source)
    how = {"local": f"a password: set one with app.py user passwd {user.name}", "oidc": "OpenID Connect",
           "header": "the header of a trusted proxy"}[user.source]
    _say(f"{user.name} signs in by {how}.")


def _user_list(accounts: Accounts, _given: argparse.Namespace) -> None:
    _table(("name", "role", "state", "last sign-in"), [
        (user.name, user.role, "disabled" if user.disabled else "active", _when(user.last_login))
        for user in accounts.people.list()
    ])


def _token_add(accounts: Accounts, given: argparse.Namespace) -> None:
    owner = accounts.people.get(given.user) if given.user else None
    secret, token = accounts.tokens.add(
        given.name, given.permission, days=given.days, created_by="shell", owner=owner
    )
    sys.stderr.write(f"Token {token.name}, shown this once:\n")
    _say(secret)


def _token_revoke(accounts: Accounts, given: argparse.Namespace) -> None:
    accounts.tokens.revoke(given.name, accounts.people.get(given.user).id if given.user else 0)
    _say(f"Token {given.name} is revoked.")


def _token_list(accounts: Accounts, _given: argparse.Namespace) -> None:
    _table(("name", "of", "state", "permissions", "expires", "last used"), [
        (
            t.name, t.owner or "-", t.state(accounts.now()), ",".join(sorted(t.permissions)), _when(t.expires),
            _when(t.last_used),
        )
        for t in accounts.tokens.list()
    ])


def _when(at: float | None) -> str:
    return "never" if at is None else time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at))


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    for row in (head, *rows):
        _say("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
