"""The path that Vigie is served at behind a reverse proxy (``--base-path /vigie/``).

Routes are written without it. This outermost layer moves it from ``PATH_INFO`` to ``SCRIPT_NAME``, as WSGI has it for
an app below a path; addresses for browsers begin with ``request.script_root``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask

PROXY_HEADERS = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PREFIX")


class BasePath:
    """WSGI layer for the base path ``/vigie/``.

    A proxy may keep the path or take it off. Without it a request is answered only when a trusted proxy sent it;
    asked directly, ``/`` leads to the base path and everything else is not there.
    """

    def __init__(self, wsgi_app: Callable[..., Iterable[bytes]], base_path: str, *, proxied: bool) -> None:
        self._wsgi_app, self._base_path, self._root, self._proxied = wsgi_app, base_path, base_path.rstrip("/"), proxied

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path: str = environ.get("PATH_INFO", "")
        if path.startswith(self._base_path):
            environ["PATH_INFO"] = path.removeprefix(self._root)
        elif not (self._proxied and path != self._root and any(name in environ for name in PROXY_HEADERS)):
            return self._outside(path, environ.get("QUERY_STRING", ""), start_response)
        environ["SCRIPT_NAME"] = self._root
        return self._wsgi_app(environ, start_response)

    def _outside(self, path: str, query: str, start_response: Any) -> Iterable[bytes]:
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff")]
        if path in ("", "/", self._root):
            status, location = "302 Found", self._base_path + (f"?{query}" if query else "")
            headers.append(("Location", location))
        else:
            status = "404 Not Found"
        body = f"Vigie is served below {self._base_path}\n".encode()
        start_response(status, [*headers, ("Content-Length", str(len(body)))])
        return [body]


def below(server: Flask, base_path: str, trusted_proxies: int) -> None:
    """Serves the app at ``base_path``. Call it last: every other layer sees paths without it."""
    if base_path != "/":
        layer = BasePath(server.wsgi_app, base_path, proxied=trusted_proxies > 0)
        server.wsgi_app = layer  # type: ignore[method-assign]
