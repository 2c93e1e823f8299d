"""Asks one model server by HTTP: GET only, bounded in time and size, to this server only."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import orjson
import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError, ProtocolError

CONNECT, READ, WHOLE = 1.0, 2.0, 4.0
"""Seconds for a connection, for the next bytes, and for a whole answer."""
BYTES_AT_MOST = 8 * 1024 * 1024
REDIRECTS = 2
PIECE = 65_536


class Unanswered(Exception):
    """The server gave no whole answer. The message is a sentence."""


class KeyAsked(Exception):
    """The server asks for an API key, or for another one. The message is a sentence."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer whose body is whole."""

    status: int
    headers: urllib3.HTTPHeaderDict
    body: bytes

    def text(self) -> str:
        """The body as text; what is no UTF-8 becomes U+FFFD."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON; None for what is none."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None


class Client:
    """One server at ``url``, over one connection that is kept. Not for several threads at once.

    Redirects are followed within the server only, so the key never goes anywhere else.
    """

    def __init__(self, url: str, api_key: str = "", *, connect: float = CONNECT, read: float = READ,
                 whole: float = WHOLE) -> None:
        self.url, self._whole, self._read = url.rstrip("/"), whole, read
        headers = {"Accept-Encoding": "identity", "User-Agent": "vigie"}
        if api_key:
            headers["Authorization"] = f"Bearer {api_key}"
        self.has_key = bool(api_key)
        self._pool = urllib3.PoolManager(
            num_pools=1, maxsize=1, headers=headers, retries=False, timeout=urllib3.Timeout(connect=connect, read=read)
        )

    def get(self, path: str) -> Answer:
        """The answer to a GET, whatever its status but 401, 403 and 5xx other than 501 and 503.

        Raises:
            Unanswered: there is none, it is too slow, too large, broken off or of a server in trouble.
            KeyAsked: 401 or 403.
        """
        url = self.url + path
        for _ in range(REDIRECTS + 1):
            answer = self._once(url)
            if answer.status not in (301, 302, 307, 308):
                return self._judged(answer, path)
            url = urljoin(url, answer.headers.get("Location", ""))
            if urlsplit(url)[:2] != urlsplit(self.url)[:2]:
                raise Unanswered(f"{path} leads to another server, which is not followed.")
        raise Unanswered(f"{path} leads in a circle.")

    def json(self, path: str) -> Any:
        """The JSON of an answer with status 200; None for another status or what is no JSON.

        Raises: as `get`.
        """
        answer = self.get(path)
        return answer.json() if answer.status == 200 else None

    def close(self) -> None:
        """Ends the connection."""
        self._pool.clear()

    def _judged(self, answer: Answer, path: str) -> Answer:
        if answer.status in (401, 403):
            raise KeyAsked(
                f"It refuses the API key it is given (HTTP {answer.status})." if self.has_key
                else f"It asks for an API key (HTTP {answer.status})."
            )
        if answer.status >= 500 and answer.status not in (501, 503):
            raise Unanswered(f"{path} answers with HTTP {answer.status}.")
        return answer

    def _once(self, url: str) -> Answer:
        for last in (False, True):
            try:
                return self._read_whole(url)
            except ProtocolError as error:
                if last:  # the first time it may be a kept connection that the server has closed meanwhile
                    raise Unanswered(f"It breaks off its answer: {_cause(error)}.") from None
            except (HTTPError, OSError, ValueError) as error:
                raise Unanswered(_sentence(error, self._read)) from None
        raise AssertionError("the second time either answers or raises")

    def _read_whole(self, url: str) -> Answer:
        end = time.monotonic() + self._whole
        response = self._pool.request("GET", url, redirect=False, preload_content=False)
        try:
            if int(response.headers.get("Content-Length") or 0) > BYTES_AT_MOST:
                raise Unanswered(f"It answers with more than {BYTES_AT_MOST >> 20} MiB.")
            pieces, size = [], 0
            while piece := response.read1(PIECE):
                pieces.append(piece)
                size += len(piece)
                if size > BYTES_AT_MOST:
                    raise Unanswered(f"It answers with more than {BYTES_AT_MOST >> 20} MiB.")
                if time.monotonic() > end:
                    raise Unanswered(f"Its answer was not whole after {self._whole:g} s.")
        except BaseException:
            response.close()  # the rest of the answer must not be taken for the next one
            raise
        response.release_conn()
        return Answer(response.status, response.headers, b"".join(pieces))


def _cause(error: BaseException) -> str:
    """The innermost reason, without addresses of objects."""
    if isinstance(error, MaxRetryError) and error.reason is not None:
        return _cause(error.reason)
    inner = next((one for one in error.args[1:] if isinstance(one, BaseException)), None)
    return _cause(inner) if inner is not None else type(error).__name__


def _sentence(error: BaseException, read: float) -> str:
    if isinstance(error, urllib3.exceptions.ReadTimeoutError):
        return f"It takes the connection and does not answer within {read:g} s."
    if isinstance(error, urllib3.exceptions.NameResolutionError):
        return "No connection: its name is not known."
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        refused = "refused" in str(error)
        return "No connection: it is refused." if refused else "No connection: there is no way to it."
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError):
        return "No connection: nothing answers at this address."
    if isinstance(error, urllib3.exceptions.SSLError):
        return f"No connection: {str(error)[:200]}"
    return f"No usable answer: {type(error).__name__}."
