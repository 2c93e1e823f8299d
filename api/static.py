"""Files for the browser: found, named by fingerprint, compressed once in the background, and cached for good.

Handled here: Dash's component suites, the assets folder, Bootstrap and its icons from the Bootstrap-Flask package, and
the plotly.js bundle of ``make assets``. A request never waits for a compression: until the compressed file is
there it gets the next best one.
"""

from __future__ import annotations

import mimetypes
import os
import queue
import re
import subprocess
import threading
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import cast

import structlog
from flask import Flask, Response, abort, request
from werkzeug.datastructures import HeaderSet
from werkzeug.security import safe_join

from api.bundle import Bundle
from api.encoding import LEAST, Encoding, best_encoding, compress_apart
from config.atomic import write_atomic

log = structlog.get_logger(__name__)
ROOT = Path(__file__).parent.parent
PLOTLY_DIR = ROOT / ".build" / "plotly"
VENDOR = {
    "bootstrap": ("flask_bootstrap", "static/bootstrap5/css", (
        "bootstrap.min.css", "font/bootstrap-icons.min.css",
        "font/fonts/bootstrap-icons.woff2", "font/fonts/bootstrap-icons.woff",
    )),
    "swagger": ("flask_openapi3_swagger", "templates/swagger", ("js/swagger-ui-bundle.js", "css/swagger-ui.css")),
}
"""Group -> (package, folder in it, files). A group shares one fingerprint, so that its CSS finds its fonts."""
SUITES = ("dash", "dash_bootstrap_components", "dash_ag_grid", "plotly")
FIRST = (
    ("dash", "deps/*.min.js"), ("dash", "dash-renderer/build/dash_renderer.min.js"), ("dash", "html/*.min.js"),
    ("dash", "dcc/dash_core_components*.js"), ("dash", "dcc/async-graph.js"), ("dash", "dcc/async-dropdown.js"),
    ("dash_bootstrap_components", "_components/*.min.js"), ("dash_ag_grid", "dash_ag_grid.min.js"),
    ("dash_ag_grid", "async-community.js"), ("plotly", "package_data/plotly.min.js"),
)
"""(Package, files in it) that pages load, or may; the largest last. Others are compressed once somebody asks."""
APART = ("base.css", "door.css", "embed.css", "favicon.svg", "tokens.css")
"""Assets that pages before a sign-in name by themselves; all others travel in the bundles."""
HANDLED = ("/_dash-component-suites/", "/assets/")
FOREVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
_PACKED = frozenset({".woff", ".woff2", ".png", ".jpg", ".webp", ".gz", ".br"})
_FINGERPRINT = re.compile(r"\.v[\w-]+m(\d+)(?=\.)")


@cache
def _package_dir(package: str) -> Path | None:
    """The folder of an installed package, found without importing it."""
    spec = find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


@cache
def _group_dir(group: str) -> tuple[str, Path] | None:
    """(fingerprint, folder) of a vendor group; None when its package is not installed."""
    package, folder, files = VENDOR[group]
    base = _package_dir(package)
    if base is None:
        return None
    digest = blake2b(digest_size=6)
    for name in files:
        digest.update((base / folder / name).read_bytes())
    return digest.hexdigest(), base / folder


def vendor_url(name: str) -> str:
    """The address of a file that an installed package carries, such as ``bootstrap.min.css``.

    Raises:
        KeyError: no group has this file, or its package is not installed.
    """
    for group, (_, _, files) in VENDOR.items():
        for file in files:
            if file.rsplit("/", 1)[-1] == name and (found := _group_dir(group)):
                return f"/static/vendor/{group}-{found[0]}/{file}"
    raise KeyError(name)


def plotly_url() -> str | None:
    """The address of the plotly.js bundle built by ``make assets``; None when there is none (Dash serves plotly's
    own file then)."""
    built = max(PLOTLY_DIR.glob("plotly-*.min.js"), key=lambda p: p.stat().st_mtime, default=None)
    return f"/static/plotly/{built.name}" if built else None


class Shared(Response):
    """An answer that is the same for everybody. Whatever looks at the session adds ``Vary: Cookie``; a browser would
    then load each file again after every sign-in, so nothing is added here."""

    @property
    def vary(self) -> HeaderSet:
        """What others may add to is not what is sent."""
        return HeaderSet()


@dataclass(frozen=True, slots=True)
class Found:
    """A file and whether its address changes with its content."""

    path: Path
    fingerprinted: bool


class StaticFiles:
    """Finds and delivers static files. Holds the compressed variants' folder; no thread runs until one is needed."""

    def __init__(self, cache_dir: Path, assets_dir: Path) -> None:
        self._cache_dir, self._assets_dir = cache_dir, assets_dir
        self._bundles = {ending: Bundle(assets_dir, cache_dir, ending) for ending in (".js", ".css")}
        self._lock = threading.Lock()
        self._digests: dict[tuple[Path, int, int], str] = {}
        self._ready: set[str] = set()
        self._in_memory: dict[str, bytes] = {}
        self._asked: set[str] = set()
        self._queue: queue.PriorityQueue[tuple[int, int, Encoding, str, Path]] = queue.PriorityQueue()
        self._worker: threading.Thread | None = None
        if cache_dir.is_dir():
            self._ready.update(entry.name for entry in cache_dir.iterdir() if entry.suffix in (".br", ".gzip"))

    def bundle_url(self, ending: str) -> str | None:
        """The address of all assets that end in ``.js`` or ``.css`` as one file; None when it cannot be made."""
        made = self._bundles[ending].path()
        return f"/static/bundle/{made.name}" if made else None

    def find(self, path: str, modified: str = "") -> Found | None:
        """The file behind a URL path; ``modified`` is the ``m`` parameter that Dash appends to assets."""
        head, _, rest = path.lstrip("/").partition("/")
        if head == "_dash-component-suites":
            package, _, inner = rest.partition("/")
            base = _package_dir(package) if package in SUITES else None
            mark = _FINGERPRINT.search(inner)
            found = _inside(base, _FINGERPRINT.sub("", inner, count=1), (".js", ".css", ".map"))
            return Found(found, bool(mark and int(mark[1]) == int(found.stat().st_mtime))) if found else None
        if head == "assets":
            found = _inside(self._assets_dir, rest)
            return Found(found, modified == str(int(found.stat().st_mtime))) if found else None
        if path.startswith("/static/plotly/"):
            found = _inside(PLOTLY_DIR, path.removeprefix("/static/plotly/"), (".js",))
            return Found(found, True) if found else None
        if path.startswith("/static/bundle/"):
            found = _inside(self._cache_dir, path.removeprefix("/static/bundle/"), tuple(self._bundles))
            return Found(found, True) if found else None
        if path.startswith("/static/vendor/"):
            mark_, _, inner = path.removeprefix("/static/vendor/").partition("/")
            group, _, digest = mark_.rpartition("-")
            known = _group_dir(group) if group in VENDOR else None
            if known and known[0] == digest and inner in VENDOR[group][2]:
                return Found(known[1] / inner, True)
        return None

    def respond(self, found: Found) -> Response:
        """The answer for the request in hand: the best variant there is now, or 304."""
        digest = self._digest(found.path)
        encoding = self._choose(digest, found.path, best_encoding(request.headers.get("Accept-Encoding", "")))
        etag = f"{digest}-{encoding}" if encoding else digest
        if request.if_none_match.contains(etag):
            response = Shared(status=304)
        else:
            response = Shared(self._body(digest, encoding, found.path), content_type=_content_type(found.path))
            if encoding:
                response.headers["Content-Encoding"] = encoding
        response.set_etag(etag)
        response.headers["Vary"] = "Accept-Encoding"
        response.headers["Cache-Control"] = FOREVER if found.fingerprinted else ASK_AGAIN
        return response

    def warm(self) -> None:
        """Has the variants of what pages load made in the background, so that already the first visit is light.

        Call it in the process that serves: it starts a thread. What is there from an earlier run is not made again.
        """
        groups = [(_group_dir(name), files) for name, (_, _, files) in VENDOR.items()]
        wanted = [group[1] / file for group, files in groups if group for file in files]
        wanted += [made for bundle in self._bundles.values() if (made := bundle.path())]
        wanted += [path for name in APART if (path := self._assets_dir / name).is_file()]
        plotly = plotly_url()
        wanted += [PLOTLY_DIR / plotly.rpartition("/")[2]] if plotly else []
        for package, pattern in FIRST:
            base = _package_dir(package)
            if base and not (plotly and package == "plotly"):
                wanted += sorted(base.glob(pattern))
        for path in wanted:
            self._want(self._digest(path), path)

    @property
    def busy(self) -> bool:
        """True while variants are being made."""
        return self._worker is not None

    def _digest(self, path: Path) -> str:
        state = path.stat()
        key = (path, state.st_mtime_ns, state.st_size)
        digest = self._digests.get(key)
        if digest is None:
            digest = self._digests[key] = blake2b(path.read_bytes(), digest_size=10).hexdigest()
        return digest

    def _choose(self, digest: str, path: Path, wanted: Encoding) -> Encoding:
        if not wanted or not _worth_it(path):
            return ""
        if self._is_there(f"{digest}.{wanted}", digest):
            return wanted
        self._want(digest, path)
        # Whoever takes br takes gzip too; that variant is ready first.
        return "gzip" if self._is_there(f"{digest}.gzip", digest) else ""

    def _is_there(self, name: str, digest: str) -> bool:
        """Whether a variant is ready; one that somebody removed from the folder is forgotten, and made again."""
        if name not in self._ready:
            return False
        if name in self._in_memory or (self._cache_dir / name).is_file():
            return True
        self._ready.discard(name)
        self._asked.discard(digest)
        return False

    def _body(self, digest: str, encoding: Encoding, path: Path) -> bytes:
        if not encoding:
            return path.read_bytes()
        name = f"{digest}.{encoding}"
        return self._in_memory.get(name) or (self._cache_dir / name).read_bytes()

    def _want(self, digest: str, path: Path) -> None:
        if digest in self._asked or not _worth_it(path):
            return
        with self._lock:
            self._asked.add(digest)
            stages: tuple[Encoding, ...] = ("gzip", "br")
            for stage, encoding in enumerate(stages):
                if f"{digest}.{encoding}" not in self._ready:
                    self._queue.put((stage, self._queue.qsize(), encoding, digest, path))
            if self._worker is None and not self._queue.empty():
                self._worker = threading.Thread(target=self._work, name="static-compress", daemon=True)
                self._worker.start()

    def _work(self) -> None:
        # Compressing plotly.js takes seconds: it must not take them from collection or from requests.
        if hasattr(os, "setpriority"):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 15)
        while True:
            with self._lock:
                if self._queue.empty():
                    self._worker = None
                    return
                _, _, encoding, digest, path = self._queue.get()
            name = f"{digest}.{encoding}"
            try:
                body = compress_apart(path.read_bytes(), encoding)
            except (OSError, subprocess.CalledProcessError) as error:  # no memory for a process, say: it travels whole
                log.warning("a file was not compressed", file=path.name, encoding=encoding, error=str(error))
                continue
            self._keep(name, body)
            self._ready.add(name)

    def _keep(self, name: str, body: bytes) -> None:
        try:
            self._cache_dir.mkdir(parents=True, exist_ok=True)
            write_atomic(self._cache_dir / name, body)
        except OSError:  # a full or read-only disk: the few MB are kept in memory for this run
            self._in_memory[name] = body


def _inside(base: Path | None, inner: str, endings: tuple[str, ...] | None = None) -> Path | None:
    """The existing file ``inner`` below ``base``; None when it is not there, leads outside or has another ending."""
    joined = safe_join(str(base), inner) if base and inner else None
    path = Path(joined) if joined else None
    return path if path and path.is_file() and (endings is None or path.suffix in endings) else None


def _worth_it(path: Path) -> bool:
    return path.suffix not in _PACKED and path.stat().st_size >= LEAST


@cache
def _content_type(path: Path) -> str:
    kind = {".woff2": "font/woff2", ".woff": "font/woff", ".map": "application/json"}.get(path.suffix)
    kind = kind or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") or kind.endswith(("javascript", "json")) else kind


def static_files(server: Flask) -> StaticFiles:
    """The static files of an app."""
    return cast(StaticFiles, server.extensions["vigie_static"])


def init_app(server: Flask, cache_dir: Path, assets_dir: Path = ROOT / "assets") -> None:
    """Serves static files from ``server``; ``cache_dir`` keeps the compressed variants (made when first needed)."""
    files = server.extensions["vigie_static"] = StaticFiles(cache_dir, assets_dir)

    @server.before_request
    def deliver() -> Response | None:
        # Before Dash's own routes, which send suites uncompressed, assets with no lifetime, and an error and a trace
        # for a package it does not know.
        if request.method not in ("GET", "HEAD") or not request.path.startswith(HANDLED):
            return None
        found = files.find(request.path, request.args.get("m", ""))
        return files.respond(found) if found else abort(404)

    @server.route("/static/<path:name>", endpoint="static_files")
    def static_file(name: str) -> Response:
        found = files.find(f"/static/{name}")
        return files.respond(found) if found else abort(404)
