"""Who asks: the address of a client, and the web pages that may ask from a browser (CORS)."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from multidict import CIMultiDictProxy

from serving.settings import ProxySettings

PREFLIGHT_FOR = 600
"""Seconds that a browser keeps what it was allowed."""
METHODS = "GET, HEAD, POST, PUT, DELETE, OPTIONS"
NOT_OURS = "access-control-"
"""How the headers begin by which an engine itself would allow pages: with origins of our own they are left out."""


def address(remote: str, headers: CIMultiDictProxy[str], settings: ProxySettings) -> str:
    """The client's address. Behind a reverse proxy it is the one that this has added: what stands before it in the
    header was written by the client."""
    if not settings.forwarded_for:
        return remote
    said = headers.getall("X-Forwarded-For", [""])[-1].rpartition(",")[2].strip()
    try:
        return str(ipaddress.ip_address(said))
    except ValueError:
        return remote


def allowed(headers: CIMultiDictProxy[str], settings: ProxySettings) -> dict[str, str]:
    """What lets a page of another origin read an answer; empty where it may not, or nobody asks from a page."""
    origin = headers.get("Origin", "")
    if not origin or not settings.cors_origins & {"*", origin}:
        return {}
    return {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}


def preflight(method: str, headers: CIMultiDictProxy[str], granted: Mapping[str, str]) -> dict[str, str] | None:
    """The headers that answer a browser which asks whether a page may ask; None: that is not what it asks, or it may
    not."""
    if method != "OPTIONS" or not granted or "Access-Control-Request-Method" not in headers:
        return None
    made = {
        **granted, "Access-Control-Allow-Methods": METHODS, "Access-Control-Max-Age": str(PREFLIGHT_FOR),
        "Access-Control-Allow-Headers": headers.get("Access-Control-Request-Headers", "*"),
    }
    if headers.get("Access-Control-Request-Private-Network") == "true":
        made["Access-Control-Allow-Private-Network"] = "true"
    return made
