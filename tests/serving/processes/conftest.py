"""A supervisor with short times, and children that behave badly."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import uvloop

from serving.processes.backoff import Pace
from serving.processes.limits import Watched
from serving.processes.supervisor import Supervisor

CHILD = Path(__file__).with_name("child.py")
QUICK = Pace(
    first_wait=0.02, longest_wait=0.1, calm=300, failures=5, within=600, starting=0.02, health=0.05, answer=0.3,
    misses=3, hung=60, stop=0.4, sample=0.05, scan=0.1, over=0.1, busy=0.2, follow=0.02,
)


def child(how: str, **more: Any) -> dict[str, Any]:
    """The definition of a process that behaves as ``how`` says."""
    command = f"{sys.executable} -S {CHILD} {how} --port {{port}}"  # without site packages it starts sooner
    return {"name": how, "command": command, "restart": "no", **more}


async def until(condition: Callable[[], Any], seconds: float = 15.0) -> Any:
    """Waits for something true and gives it back.

    Raises:
        AssertionError: it did not come.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not (answer := condition()):
        assert loop.time() < deadline, f"not within {seconds:g} s"
        await asyncio.sleep(0.01)
    return answer


async def post(url: str) -> None:
    """Tells a child something; it may die of it."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
        try:
            async with session.post(url):
                pass
        except (aiohttp.ClientError, TimeoutError):
            pass


@dataclass
class House:
    """Where supervisors of a test live."""

    folder: Path

    @asynccontextmanager
    async def supervisor(self, *processes: dict[str, Any], keep: bool = False, pace: dict[str, float] | None = None,
                         **more: Any) -> AsyncIterator[Supervisor]:
        """A supervisor with these definitions; afterwards nothing of it runs, unless it is to ``keep`` it."""
        made = Supervisor(self.folder, pace=replace(QUICK, **(pace or {})), **({"limits": Watched()} | more))
        await made.start()
        try:
            await made.configure({"processes": list(processes)})
            yield made
        finally:
            await made.stop(keep=keep)

    def run(self, test: Callable[[], Awaitable[None]]) -> None:
        uvloop.run(asyncio.wait_for(test(), 60))  # the loop of the serving process


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "data")


def one(supervisor: Supervisor, name: str) -> dict[str, Any]:
    """What is told of a process."""
    return next(told for told in supervisor.status() if told["name"] == name)


async def reached(supervisor: Supervisor, name: str, **wanted: Any) -> dict[str, Any]:
    """What is told of a process, once it is as wanted."""
    def told() -> dict[str, Any] | None:
        found = one(supervisor, name)
        return found if all(found.get(key) == value for key, value in wanted.items()) else None

    return await until(told)


def gone(pid: int) -> bool:
    """True when no such process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except FileNotFoundError:
        return True
