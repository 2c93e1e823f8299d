"""Which addresses a notification may go to: any over the network, none that acts on the machine that Vigie runs on.

The list is Apprise's; a test walks all plugins of the pinned version for ones that are missing here.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import parse_qsl, urlsplit

from config.secret import KEPT, MARK

LOCAL_SCHEMES = frozenset({
    "dbus", "kde", "qt", "glib", "gio", "gnome", "macosx", "windows", "blink1", "syslog", "vapid", "file",
})
"""Desktops, devices and logs of the machine that Vigie runs on, and what writes key files there."""
LOCAL_PARAMETERS = frozenset({"template", "keyfile", "subfile", "pgppub", "pgpprv", "pgpkey", "pgp", "wkd"})
"""Options that make a sender read or write files of that machine."""
_SCHEME = re.compile(r"([a-z0-9]{1,24})://", re.IGNORECASE)


def scheme_of(url: str) -> str:
    """The part before ``://``, in small letters; empty without one."""
    found = _SCHEME.match(url)
    return found[1].lower() if found else ""


def check_channel_url(url: str) -> None:
    """Lets an Apprise URL pass, or the empty text, or what stands for a secret that is kept.

    Raises:
        ValueError: it is none, or it would act on Vigie's own machine. The text never repeats the URL.
    """
    if not url or url == KEPT or url.startswith(MARK):
        return
    scheme = scheme_of(url)
    if not scheme:
        raise ValueError("must be an Apprise URL, such as mailto://user:password@example.org or slack://...")
    if scheme in LOCAL_SCHEMES:
        raise ValueError(
            f"{scheme}:// acts on the machine that Vigie runs on, which a notification must not: "
            "give a service that is reached over the network"
        )
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        parts, host = urlsplit(""), ""
    named = sorted({key.lower() for key, _ in parse_qsl(parts.query)} & LOCAL_PARAMETERS)
    if named:
        raise ValueError(f"the option {named[0]} reads a file of the machine that Vigie runs on: leave it out")
    if is_link_local(host):
        raise ValueError("leads to a link-local address, where clouds keep their keys: give another host")


def is_link_local(host: str) -> bool:
    """True for an address as 169.254.169.254 or fe80::1; False for names."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_link_local
