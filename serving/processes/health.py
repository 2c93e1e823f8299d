"""Asks a model process whether it is ready, as llama.cpp, vLLM and others answer it: refused, 503, 200."""

from __future__ import annotations

from enum import Enum

import aiohttp


class Health(Enum):
    """What an answer means."""

    REFUSED = "refused"
    """Nothing listens yet."""
    LOADING = "loading"
    """It listens, and has yet to load its model (503)."""
    READY = "ready"
    WRONG = "wrong"
    """It answers something else; see the status."""
    SILENT = "silent"
    """It took the connection and did not answer in time."""


async def ask(
    session: aiohttp.ClientSession, url: str, timeout: float, api_key: str = "",
) -> tuple[Health, int | None]:
    """What ``url`` answers to who has ``api_key`` (empty: none), and with which HTTP status."""
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else None
    limit = aiohttp.ClientTimeout(total=timeout)
    try:
        async with session.get(url, headers=headers, timeout=limit, allow_redirects=False) as answer:
            return _meaning(answer.status), answer.status
    except TimeoutError:
        return Health.SILENT, None
    except aiohttp.ClientConnectorError:
        return Health.REFUSED, None
    except (aiohttp.ClientError, OSError):
        return Health.SILENT, None


def _meaning(status: int) -> Health:
    if 200 <= status < 300:
        return Health.READY
    return Health.LOADING if status == 503 else Health.WRONG
