"""``app.py user`` and ``app.py token``."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from app import data_folder
from security.accounts import Accounts
from security.cli import run_cli
from security.secrets import load_secrets
from startup import lock_folder
from storage.database import Database
from tests.security.conftest import PASSWORD


class Shell:
    """Runs commands on one data folder."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._monkeypatch, self._capsys = folder, monkeypatch, capsys

    def __call__(self, line: str, stdin: str = PASSWORD) -> tuple[int, str, str]:
        self._monkeypatch.setattr("sys.stdin", io.StringIO(f"{stdin}\n"))
        try:
            code = run_cli([*line.split(), "--data-dir", str(self.folder)])
        except SystemExit as ended:  # argparse
            code = int(ended.code or 0)
        out, err = self._capsys.readouterr()
        return code, out, err

    @property
    def accounts(self) -> Accounts:
        return Accounts(Database("state", self.folder))


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path / "data", monkeypatch, capsys)


def test_people_are_made_changed_and_listed(shell: Shell) -> None:
    assert shell("user add Ada --role admin --password-stdin") == (0, "Ada can sign in as admin.\n", "")
    assert shell("user add bob --password-stdin")[1] == "bob can sign in as viewer.\n"
    assert shell.accounts.people.verify("ada", PASSWORD)
    secret = (shell.accounts.sign_in("bob", PASSWORD) or ("", "", 0))[1]
    assert shell("user role bob operator")[1] == "bob is operator now.\n"
    assert shell("user passwd BOB --password-stdin", "another phrase kept")[0] == 0
    assert shell.accounts.of_session(secret) is None
    assert shell.accounts.people.verify("bob", "another phrase kept")
    assert shell("user disable bob")[0] == 0
    code, out, _ = shell("user list")
    assert code == 0
    rows = [line.split() for line in out.splitlines()]
    assert rows[1] == ["Ada", "admin", "active", "never"]
    assert rows[2][:3] == ["bob", "operator", "disabled"]
    assert shell("user enable bob")[0] == 0
    assert shell.accounts.people.verify("bob", "another phrase kept")


def test_tokens_are_made_listed_and_revoked(shell: Shell) -> None:
    code, secret, err = shell("token add --name prometheus --permission metrics:read --days 30")
    assert code == 0
    assert "prometheus" in err
    identity = shell.accounts.of_token(secret.strip())
    assert identity is not None
    assert identity.permissions == {"metrics:read"}
    _, out, _ = shell("token list")
    assert secret.strip() not in out
    assert "metrics:read" in out
    assert shell("token revoke prometheus")[0] == 0
    assert shell.accounts.of_token(secret.strip()) is None
    assert "revoked" in shell("token list")[1]


@pytest.mark.parametrize(("line", "stdin", "sentence"), [
    ("user add ada --password-stdin", PASSWORD, "There is already a user ada."),
    ("user add bob --password-stdin", "short", "The password must have at least 12 characters."),
    ("user add bob", PASSWORD, "There is no terminal to ask for the password; use --password-stdin."),
    ("user add b/b --password-stdin", PASSWORD, "A user name has"),
    ("user add bob --role king --password-stdin", PASSWORD, "invalid choice: 'king'"),
    ("user passwd bob --password-stdin", PASSWORD, "There is no user bob."),
    ("user role bob admin", "", "There is no user bob."),
    ("user role ada viewer", "", "ada is the only admin"),
    ("user disable ada", "", "ada is the only admin"),
    ("user fly", "", "invalid choice: 'fly'"),
    ("user list --database-url mysql://x", "", "database_url must look like postgresql://"),
    ("user list --database-url postgresql://127.0.0.1:1/x", "", "PostgreSQL is away"),
    ("user list --config /no/such/file", "", "cannot be read"),
    ("token add --name x --permission fly", "", "invalid choice: 'fly'"),
    ("token add --name x", "", "required: --permission"),
    ("token add --name x --permission metrics:read --days -1", "", "more than 0"),
    ("token add --name x --permission metrics:read --days soon", "", "invalid float value"),
    ("token revoke x", "", "There is no token x"),
])
def test_what_is_wrong_is_said_in_one_sentence(shell: Shell, line: str, stdin: str, sentence: str) -> None:
    shell("user add ada --role admin --password-stdin")
    code, out, err = shell(line, stdin)
    assert code != 0
    assert out == ""
    assert sentence in err
    assert len(err.splitlines()) == 1
    assert "Traceback" not in err


def test_a_command_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run_cli(["user"])
    assert ended.value.code == 2
    assert "required: COMMAND" in capsys.readouterr().err


def test_a_mistyped_folder_is_not_made(shell: Shell) -> None:
    code, _, err = shell("user list")
    assert code == 1
    assert "There is no data folder" in err
    assert not shell.folder.exists()


def test_a_folder_that_is_a_file_is_said(shell: Shell) -> None:
    shell.folder.write_text("")
    code, _, err = shell("user add ada --password-stdin")
    assert code == 1
    assert len(err.splitlines()) == 1


def test_the_password_is_asked_twice(shell: Shell, monkeypatch: pytest.MonkeyPatch,
                                     capsys: pytest.CaptureFixture[str]) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal())
    answers = iter([PASSWORD, "something else", PASSWORD, PASSWORD])
    monkeypatch.setattr("getpass.getpass", lambda _prompt: next(answers))
    line = ["user", "add", "ada", "--data-dir", str(shell.folder)]
    assert run_cli(line) == 1
    assert "not the same" in capsys.readouterr().err
    assert run_cli(line) == 0
    assert shell.accounts.people.verify("ada", PASSWORD)


def test_what_the_shell_does_is_audited_and_the_chain_verified(shell: Shell) -> None:
    assert shell("audit verify")[:2] == (1, "")  # no folder yet
    load_secrets_in(shell.folder)
    shell("user add ada --role admin --password-stdin")
    shell("token add --name robot --permission metrics:read")
    code, out, _ = shell("audit verify")
    assert code == 0 and out.startswith("Rows 1 to 2 hold") and "no anchor" not in out
    assert shell("audit verify --hash 1234")[0] == 1
    assert shell("audit retention")[:2] == (0, "No row is older than 365 days.\n")
    database = Database("state", shell.folder)
    with database.write() as connection:
        row = connection.exec_driver_sql("SELECT kind, action, target FROM audit WHERE id = 1").one()
        assert tuple(row) == ("shell", "user.add", "ada")
        connection.exec_driver_sql("DROP TRIGGER audit_no_update")
        connection.exec_driver_sql("UPDATE audit SET target = 'eve' WHERE id = 1")
    assert shell("audit verify")[:2] == (
        1, "Row 1 was changed after it was written.\nThe 0 rows before hold.\n"
    )


def load_secrets_in(folder: Path) -> None:
    folder.mkdir()
    load_secrets(folder)


def test_a_locked_name_a_lost_factor_and_another_door(shell: Shell) -> None:
    shell("user add ada --role admin --password-stdin")
    shell("user add bob --password-stdin")
    for _ in range(11):
        shell.accounts.lockouts.failed("bob")
    assert shell("user unlock BOB")[1] == "bob can try again at once.\n"
    assert shell.accounts.lockouts.wait("bob") == 0
    assert shell("user totp-reset bob")[2] == "bob has no second factor.\n"
    assert shell("user source bob oidc")[1] == "bob signs in by OpenID Connect.\n"
    assert shell("user passwd bob --password-stdin")[2] == "bob does not sign in with a password of Vigie’s.\n"
    assert "app.py user passwd bob" in shell("user source bob local")[1]


def test_a_token_of_somebodys(shell: Shell) -> None:
    shell("user add bob --password-stdin")
    _code, secret, _err = shell("token add --name nb --permission metrics:read --user bob")
    identity = shell.accounts.of_token(secret.strip())
    assert identity is not None and identity.name == "bob/nb"
    wrong = shell("token add --name x --permission users:manage --user bob")
    assert wrong[2] == "A token may do no more than its owner, who lacks: users:manage.\n"
    assert shell("token revoke nb")[0] == 1 and shell("token revoke nb --user bob")[0] == 0
    assert " bob " in shell("token list")[1]


def test_the_demos_accounts_are_not_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*line: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
        given = ["user", "add", *line, "--password-stdin", "--data-dir", str(tmp_path)]
        return run_cli(given, data_folder), capsys.readouterr().err

    assert run("ada", "--demo") == (0, "")
    assert run("bob") == (1, f"There are no accounts in {tmp_path} but the demo's: say --demo.\n")
    Accounts(Database("state", tmp_path)).people.list()
    assert run("bob") == (0, "")
    with lock_folder(tmp_path / "demo"):
        assert run("eve") == (0, f"The Vigie that runs on {tmp_path} is the demo: its accounts need --demo.\n")
        with lock_folder(tmp_path):
            assert run("joe") == (0, "")
