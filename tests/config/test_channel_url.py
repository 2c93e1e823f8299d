"""Which addresses a notification may go to."""

from __future__ import annotations

import ast
from pathlib import Path

import apprise
import pytest
from pydantic import ValidationError

from config.channel_url import LOCAL_SCHEMES, check_channel_url
from config.dashboard import DashboardConfig

LOCAL_MODULES = {"subprocess", "ctypes", "dbus", "gi", "hid", "syslog", "win32api", "win32gui", "pync"}
"""What a plugin imports that acts on the machine it runs on."""


@pytest.mark.parametrize("url", [
    "", "mailto://me:secret@example.org", "slack://A/B/C/#ops", "jsons://host:8443/path?+Authorization=Bearer%20x",
    "ntfy://topic", "tgram://123:abc/456", "json://127.0.0.1:9000/", "workflows://host/workflow/signature", "********",
])
def test_addresses_on_the_network_pass(url: str) -> None:
    check_channel_url(url)


@pytest.mark.parametrize(("url", "said"), [
    ("dbus://x", "acts on the machine"), ("SYSLOG://x", "acts on the machine"),
    ("file:///etc/passwd", "acts on the machine"), ("gnome://x", "acts on the machine"),
    ("vapid://a@b.org", "acts on the machine"),
    ("slack://A/B/C?template=/etc/passwd", "option template"), ("fcm://p/t?keyfile=/root/k.json", "option keyfile"),
    ("mailto://a:b@c.org?PGPPRV=/root/key", "option pgpprv"),
    ("json://169.254.169.254/latest", "link-local"), ("json://[fe80::1]/x", "link-local"),
    ("jsons://[::ffff:169.254.169.254]/x", "link-local"),
    ("hello", "Apprise URL"), ("/etc/passwd", "Apprise URL"), ("javascript:alert(1)", "Apprise URL"),
])
def test_what_acts_on_this_machine_is_refused_in_a_sentence(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        check_channel_url(url)
    assert url not in str(refused.value)


def test_the_configuration_refuses_them_too() -> None:
    with pytest.raises(ValidationError, match="acts on the machine"):
        DashboardConfig.model_validate({"notifications": {"targets": {"desk": {"url": "dbus://"}}}})


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").partition(".")[0])
    return found


def test_every_plugin_of_apprise_that_acts_on_its_machine_is_refused() -> None:
    missing = set()
    for path in (Path(apprise.__file__).parent / "plugins").rglob("*.py"):
        if not _imports(path) & LOCAL_MODULES:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = isinstance(node, ast.Assign) and any(
                isinstance(t, ast.Name) and t.id in ("protocol", "secure_protocol") for t in node.targets
            )
            if named:
                value = ast.literal_eval(node.value) if isinstance(node.value, ast.Constant | ast.Tuple) else None  # type: ignore[attr-defined]
                missing |= {value} if isinstance(value, str) else set(value or ())
    assert missing - {"rsyslog"} <= LOCAL_SCHEMES  # rsyslog sends over the network


@pytest.mark.parametrize("channel", [
    {"fromTime": "08:00"}, {"fromTime": "08:00", "toTime": "08:00"}, {"timezone": "Mars/Olympus"}, {"perHour": 0},
])
def test_a_channel_that_makes_no_sense_is_refused(channel: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DashboardConfig.model_validate({"notifications": {"targets": {"mail": channel}}})


@pytest.mark.parametrize(("given", "kept"), [
    ("", ""), ("https://vigie.example.org/", "https://vigie.example.org"), ("http://10.0.0.1:8050", "http://10.0.0.1:8050"),
])
def test_the_public_address_is_kept_without_a_slash_at_its_end(given: str, kept: str) -> None:
    loaded = DashboardConfig.model_validate({"notifications": {"publicUrl": given}})
    assert loaded.notifications.public_url == kept


@pytest.mark.parametrize("given", ["vigie", "ftp://x", "https://", "https://x/?a=1", "http://x:99999999/"])
def test_a_public_address_that_is_none_is_refused(given: str) -> None:
    with pytest.raises(ValidationError, match="must look like"):
        DashboardConfig.model_validate({"notifications": {"publicUrl": given}})
