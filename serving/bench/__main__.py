"""``python -m serving.bench``: the measuring process. A job on stdin, lines of JSON on stdout (`serving.bench.wire`).

It is a process of its own so that neither the web process slows down what is measured, nor the other way round; and it
ends when that ends, because its stdin does then.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Mapping
from typing import Any

import orjson
import uvloop

from serving.bench.client import Client
from serving.bench.wire import Job

LONGEST_JOB = 1 << 20
COLLECT = (50_000, 20, 20)
"""When Python looks for garbage: seldom, so that its pauses are in no figure."""


def main() -> int:
    """Measures; the exit code."""
    job: Job = orjson.loads(sys.stdin.buffer.readline(LONGEST_JOB))
    threading.Thread(target=_end_with_the_other_side, daemon=True).start()
    gc.freeze()
    gc.set_threshold(*COLLECT)
    uvloop.run(_measure(job))
    return 0


async def _measure(job: Job) -> None:
    await Client(job, _tell).run()


def _tell(line: Mapping[str, Any]) -> None:
    sys.stdout.buffer.write(orjson.dumps(line) + b"\n")
    sys.stdout.buffer.flush()


def _end_with_the_other_side() -> None:
    while os.read(0, 4096):
        pass
    os._exit(5)


if __name__ == "__main__":
    sys.exit(main())
