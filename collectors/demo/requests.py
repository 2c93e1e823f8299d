"""The demo's requests, told as the serving process tells finished ones: the request log fetches them and writes them
down as it does with real ones."""

from __future__ import annotations

import gzip
import json
import time
from bisect import bisect_right
from collections.abc import Callable
from pathlib import Path
from typing import Any

from collectors.demo import CAPTURE
from collectors.replay import BEGIN

BOOT = "simulated"
STATUS = {"": 200, "upstream": 502, "client_gone": 499}
MOST = 1000
FIRST_PAST = 3600.0
"""Seconds of requests that a new log begins with,"""
LONGEST_PAST = 86_400.0
"""and at most so many that one begins with which has been there before."""


class SimulatedRequests:
    """Those of the capture over and over; which there are depends on the time alone.

    Raises:
        OSError, ValueError: ``path`` cannot be read, or is no capture.
    """

    def __init__(self, path: Path = CAPTURE, now: Callable[[], float] = time.time) -> None:
        capture = json.loads(gzip.decompress(path.read_bytes()))
        self._told, self._period, self._now = capture["requests"], int(capture["period"]), now
        self._count = len(self._told["at_ms"])
        self._ends = [self._offset(k) + self._duration(k) for k in range(self._count)]

    def fetch(self, after: int) -> dict[str, Any]:
        """As ``GET /requests`` of the serving process."""
        now = self._now()
        first = self._before(now - (LONGEST_PAST if after else FIRST_PAST)) + 1
        last = self._before(now)
        numbers = range(max(after + 1, first), last + 1)[:MOST]
        return {"boot": BOOT, "first": first, "last": last, "requests": [self._request(seq) for seq in numbers]}

    def _before(self, at: float) -> int:
        """The number of the newest that has ended at a time."""
        loop, place = divmod(at - BEGIN, self._period)
        return int(loop) * self._count + bisect_right(self._ends, place)

    def _offset(self, k: int) -> float:
        return float(self._told["at_ms"][k]) / 1000

    def _duration(self, k: int) -> float:
        told = self._told
        return float(told["ttft_ms"][k]) / 1000 + float(told["gap_us"][k]) / 1e6 * max(told["output"][k] - 1, 0)

    def _request(self, seq: int) -> dict[str, Any]:
        told = self._told
        loop, k = divmod(seq - 1, self._count)
        error, ttft, queue = told["errors"][told["error"][k]], told["ttft_ms"][k] / 1000, told["queue_ms"][k] / 1000
        made: dict[str, Any] = {
            "seq": seq, "id": f"{seq:012x}", "at": BEGIN + loop * self._period + self._offset(k),
            **told["models"][told["model"][k]], "client": told["clients"][told["client"][k]],
            "path": "/v1/chat/completions", "kind": "chat", "stream": True, "status": STATUS[error],
            "duration": round(self._duration(k), 6), "queue": queue, "prompt_tokens": told["prompt"][k],
            "bytes_in": 4 * told["prompt"][k], "bytes_out": 190 * told["output"][k], "attempts": 1, "exact": True,
        }
        if error:
            return made | {"error": error, "message": "A simulated failure."}
        gap = told["gap_us"][k] / 1e6
        return made | {
            "ttft": ttft, "itl": gap, "itl_max": round(3.1 * gap, 6), "output_tokens": told["output"][k],
            "finish": "length" if told["output"][k] >= told["longest"] else "stop", "prefill": round(ttft - queue, 6),
            "decode": round(self._duration(k) - ttft, 6),
        }
