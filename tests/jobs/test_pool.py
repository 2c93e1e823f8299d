"""Jobs: progress, cancel that leaves nothing, restarts, full disks, room and time."""

from __future__ import annotations

import errno
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from jobs import pool as pools
from jobs.formats import write
from jobs.pool import MOST_EACH, Pool, TooManyJobs
from storage.errors import StoreUnavailable
from tests.jobs.conftest import info, series
from tests.support import wait_until


@pytest.fixture
def told() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def pool(tmp_path: Path, told: list[dict[str, Any]]) -> Any:
    made = Pool(tmp_path / "jobs", told.append)
    yield made
    made.stop()


def over(pool: Pool, job: Any) -> Any:
    return wait_until(lambda: (j := pool.job(job.id)) and not j.active and j, 20, what="the job is over")


def files(folder: Path) -> list[str]:
    """What lies in the folder beside diskcache's own database."""
    return [p.name for p in folder.rglob("*") if p.is_file() and not p.name.startswith("cache.db")]


def small(task: Any, out: Any) -> None:
    for i in range(10):
        out.write(b"x" * 100)
        task.progress((i + 1) / 10)


def endless(task: Any, out: Any) -> None:
    while True:
        out.write(b"x" * 1000)
        task.progress(0.5)
        time.sleep(0.002)


def add(pool: Pool, work: Any, owner: str = "user:1") -> Any:
    return pool.submit(owner, "CPU use", "cpu.csv", "text/csv", work)


def test_a_job_is_done_and_its_file_waits(pool: Pool, told: list[dict[str, Any]]) -> None:
    job = over(pool, add(pool, small))
    assert (job.state, job.progress, job.size, job.message) == ("done", 1.0, 1000, "")
    with pool.open(job) as file:
        assert file.read() == b"x" * 1000
    assert told[0]["state"] == "queued" and told[-1]["state"] == "done"
    assert 0.5 in [t["progress"] for t in told]
    assert [one.id for one in pool.jobs()] == [job.id]


@pytest.mark.parametrize("kind", ["csv", "json", "parquet", "xlsx"])
def test_a_cancelled_job_ends_within_a_second_and_leaves_nothing(
    pool: Pool, tmp_path: Path, table: Any, kind: str
) -> None:
    begun = threading.Event()
    found = [series(info(core=str(i)), list(range(3600)), [float(i)] * 3600) for i in range(20)]

    def work(task: Any, out: Any) -> None:
        blocks = table(found, pieces=60).blocks

        def slow() -> Any:
            for block in list(blocks) * 100:
                begun.set()
                time.sleep(0.01)
                yield block

        made = table(found)
        write(kind, type(made)(made.facts, made.columns, slow()), out, task.progress, task.folder)  # type: ignore[arg-type]

    job = add(pool, work)
    assert begun.wait(20)
    asked = time.monotonic()
    pool.remove(job)
    assert pool.job(job.id).state == "cancelled"
    wait_until(lambda: not list((tmp_path / "jobs" / "work").iterdir()), 5, what="the folder of the job is gone")
    assert time.monotonic() - asked < 1.0
    assert files(tmp_path) == []
    assert not (tmp_path / "jobs" / "done").exists()


def test_a_job_cancelled_while_it_waits_never_runs(pool: Pool) -> None:
    first = [add(pool, endless), add(pool, endless, "user:2")]
    ran = threading.Event()
    job = add(pool, lambda _task, _out: ran.set(), "user:3")
    assert pool.job(job.id).state == "queued"
    pool.remove(job)
    for one in first:
        pool.remove(one)
    assert over(pool, add(pool, small, "user:4")).state == "done"
    assert not ran.is_set()


def test_a_removed_file_is_gone(pool: Pool, tmp_path: Path) -> None:
    job = over(pool, add(pool, small))
    assert len(files(tmp_path)) == 1
    pool.remove(job)
    assert pool.job(job.id) is None and pool.jobs() == [] and files(tmp_path) == []


def test_after_a_restart_finished_files_are_there_and_unfinished_jobs_gone(pool: Pool, tmp_path: Path) -> None:
    job = over(pool, add(pool, small))
    begun = threading.Event()
    hold = threading.Event()

    def held(_task: Any, out: Any) -> None:
        out.write(b"half")
        out.flush()
        begun.set()
        hold.wait(20)

    unfinished = add(pool, held)
    assert begun.wait(10)
    after = Pool(tmp_path / "jobs")  # as after a kill -9: the first one never stopped
    after.start()
    assert list((tmp_path / "jobs").glob("work/*")) == []
    assert [one.id for one in after.jobs()] == [job.id]
    found = after.job(job.id)
    assert found is not None and found.owner == "user:1"
    with after.open(found) as file:
        assert file.read() == b"x" * 1000
    assert after.job(unfinished.id) is None
    hold.set()
    after.stop()


def test_a_full_disk_is_told_and_leaves_nothing(pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Any, data: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pools._Watched, "write", full)
    job = over(pool, add(pool, small))
    assert job.state == "failed" and "is full" in job.message
    assert files(tmp_path) == []


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "jobs").write_text("a file where the folder should be")
    pool = Pool(tmp_path / "jobs")
    job = over(pool, add(pool, small))
    assert job.state == "failed" and "cannot be used" in job.message
    with pytest.raises(StoreUnavailable, match="cannot be used"), pool.scratch():
        pass
    pool.stop()


def test_a_folder_that_went_away_is_made_again(pool: Pool, tmp_path: Path) -> None:
    import shutil

    over(pool, add(pool, small))
    shutil.rmtree(tmp_path / "jobs")
    failed = over(pool, add(pool, small))
    assert failed.state in ("done", "failed")
    assert over(pool, add(pool, small)).state == "done"


def test_an_error_of_the_work_is_the_jobs_and_not_the_pools(pool: Pool) -> None:
    def wrong(_task: Any, _out: Any) -> None:
        raise ZeroDivisionError

    def away(_task: Any, _out: Any) -> None:
        raise StoreUnavailable("The archive is away: gone")

    assert "log of Vigie" in over(pool, add(pool, wrong)).message
    assert over(pool, add(pool, away)).message == "The archive is away: gone"
    assert over(pool, add(pool, small)).state == "done"


def test_the_oldest_files_leave_when_there_is_no_room(tmp_path: Path) -> None:
    pool = Pool(tmp_path / "jobs", room=2500)
    jobs = [over(pool, add(pool, small)) for _ in range(3)]
    assert {one.id for one in pool.jobs()} == {jobs[1].id, jobs[2].id}
    assert len(files(tmp_path)) == 2
    too_large = over(pool, add(pool, lambda _task, out: out.write(b"x" * 3000)))
    assert too_large.state == "failed" and "too large" in too_large.message
    pool.stop()


def test_files_leave_when_nobody_fetches_them(tmp_path: Path) -> None:
    pool = Pool(tmp_path / "jobs", keep=0.2)
    job = over(pool, add(pool, small))
    wait_until(lambda: (pool.tidy() or True) and not files(tmp_path), 10, what="the file is removed")
    assert pool.job(job.id) is None
    pool.stop()


def test_one_person_has_a_few_jobs_at_a_time(pool: Pool) -> None:
    for _ in range(MOST_EACH):
        add(pool, endless)
    with pytest.raises(TooManyJobs):
        add(pool, endless)
    add(pool, endless, "user:2")


def test_a_stop_is_quick_and_leaves_no_thread(tmp_path: Path) -> None:
    pool = Pool(tmp_path / "jobs")
    for number in range(4):
        add(pool, endless, f"user:{number}")
    began = time.monotonic()
    pool.stop()
    assert time.monotonic() - began < 1.5
    assert not [t for t in threading.enumerate() if t.name == "jobs" and t in pool._threads]
    assert files(tmp_path) == []
    with pytest.raises(TooManyJobs):
        add(pool, small)


def test_no_thread_waits_when_there_is_nothing_to_do(pool: Pool) -> None:
    over(pool, add(pool, small))
    wait_until(lambda: not pool._threads, 5, what="the threads have ended")


def test_nothing_is_imported_before_it_is_needed() -> None:
    import subprocess
    import sys

    code = ("import sys, jobs.pool, jobs.formats; "
            "assert not {'pyarrow', 'xlsxwriter', 'diskcache', 'pandas'} & set(sys.modules)")
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
