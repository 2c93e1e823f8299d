"""``python -m serving``, but for a supervisor that soon notices what becomes of its processes."""

from __future__ import annotations

import sys
from pathlib import Path

import uvloop

from serving.daemon import Daemon
from serving.processes.backoff import Pace
from serving.processes.supervisor import Supervisor

QUICK = Pace(starting=0.02, health=0.05, answer=1.0, stop=0.4, sample=0.05, scan=0.1, follow=0.02)


async def main(folder: Path) -> None:
    await Daemon(folder, "test", Supervisor(folder, pace=QUICK)).run()


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[sys.argv.index("--folder") + 1])))
