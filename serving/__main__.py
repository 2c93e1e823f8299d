"""``python -m serving --folder DATA_FOLDER``: the serving process, started by Vigie's web process.

It runs in a session of its own and goes on serving when the web process dies. Exit codes: 0 told to stop, 3 another one
serves the folder, 4 the folder cannot be used.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import logging
import logging.handlers
import resource
import sys
from pathlib import Path

import uvloop

from serving import place
from serving.daemon import AlreadyRuns, Daemon
from serving.processes.supervisor import Supervisor

COLLECT = (10_000, 20, 20)
"""When Python looks for garbage: each request makes some hundred objects that go by themselves, its own 700 are few."""
LOG_SIZE, LOG_FILES = 2 << 20, 2


def main() -> int:
    """Serves; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m serving", allow_abbrev=False)
    parser.add_argument("--folder", required=True, type=Path, help="Vigie's data folder")
    parser.add_argument("--version", default="", help="the version of Vigie, told in GET /status")
    given = parser.parse_args()
    _log_to(given.folder / place.LOG)
    _raise_bounds()
    gc.freeze()  # what is here stays: it need not be looked through again and again
    gc.set_threshold(*COLLECT)
    try:
        uvloop.run(_run(given.folder, given.version))
    except AlreadyRuns as error:
        sys.stderr.write(f"{error}\n")
        return 3
    except OSError as error:
        sys.stderr.write(f"{given.folder} cannot be used: {error.strerror or error}\n")
        return 4
    return 0


async def _run(folder: Path, version: str) -> None:
    await Daemon(folder, version, Supervisor(folder)).run()


def _log_to(path: Path) -> None:
    """Lines go to a file that is set aside by its size; where it cannot be written, nowhere."""
    logging.raiseExceptions = False  # a full disk stops nobody
    handler: logging.Handler = logging.NullHandler()
    with contextlib.suppress(OSError):
        handler = logging.handlers.RotatingFileHandler(path, maxBytes=LOG_SIZE, backupCount=LOG_FILES, delay=True)
    logging.basicConfig(
        level=logging.INFO, handlers=[handler], format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # garbage of clients is answered, not news


def _raise_bounds() -> None:
    """A client and its upstream are a file each: as many as the system lets us have."""
    with contextlib.suppress(OSError, ValueError):
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    sys.exit(main())
