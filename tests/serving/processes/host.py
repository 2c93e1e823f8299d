"""A serving process with nothing but a supervisor in it: ``host.py FOLDER``, definitions on its standard input."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import uvloop

from serving.processes.supervisor import Supervisor


async def main() -> None:
    supervisor = Supervisor(Path(sys.argv[1]))
    await supervisor.start()
    await supervisor.configure(json.loads(sys.stdin.readline()))
    urls = [await supervisor.ensure(name) for name in supervisor.names()]
    sys.stdout.write(json.dumps(urls) + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


uvloop.run(main())
