"""Started again after a failure: by which policy, after how long, how often."""

from __future__ import annotations

import pytest

from serving.processes.backoff import Backoff, Pace
from serving.processes.sentences import Unavailable
from tests.serving.processes.conftest import House, child, gone, one, post, reached, until


def test_the_wait_doubles_up_to_a_minute() -> None:
    backoff = Backoff(Pace(failures=100))
    assert [backoff.failed(1000.0 * k, 0) for k in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_five_failures_within_ten_minutes_are_the_end() -> None:
    backoff = Backoff(Pace())
    assert [backoff.failed(100.0 * k, 0) for k in range(5)] == [1, 2, 4, 8, None]
    backoff.reset()
    assert backoff.failed(500, 0) == 1


def test_failures_further_apart_do_not_add_up() -> None:
    backoff = Backoff(Pace())
    assert None not in [backoff.failed(151.0 * k, 0) for k in range(20)]


def test_five_good_minutes_wipe_the_slate() -> None:
    backoff = Backoff(Pace())
    for k in range(4):
        backoff.failed(float(k), 0)
    assert backoff.failed(310, 300) == 1


def test_a_failed_one_comes_back_and_is_counted(house: House) -> None:
    async def test() -> None:
        async with house.supervisor(child("good", restart="on-failure")) as supervisor:
            await post(f"{await supervisor.ensure('good')}/die?1")
            await until(lambda: one(supervisor, "good")["restarts"] == 1 and "good" in supervisor.running())
            assert one(supervisor, "good")["exit"]["code"] == 1 and "message" not in one(supervisor, "good")

    house.run(test)


@pytest.mark.parametrize(("restart", "code", "state"), [
    ("no", 1, "error"), ("no", 0, "stopped"), ("on-failure", 0, "stopped"),
])
def test_who_is_not_to_come_back_stays_away(house: House, restart: str, code: int, state: str) -> None:
    async def test() -> None:
        async with house.supervisor(child("good", restart=restart)) as supervisor:
            await post(f"{await supervisor.ensure('good')}/die?{code}")
            await until(lambda: one(supervisor, "good")["state"] == state)
            told = one(supervisor, "good")
            assert told["message"] == f"It ended with code {code}." and told["restarts"] == 0 and told["detail"] == ""

    house.run(test)


def test_always_is_also_after_a_good_end(house: House) -> None:
    async def test() -> None:
        async with house.supervisor(child("good", restart="always")) as supervisor:
            await post(f"{await supervisor.ensure('good')}/die?0")
            await until(lambda: one(supervisor, "good")["restarts"] == 1 and "good" in supervisor.running())

    house.run(test)


@pytest.mark.parametrize(("how", "restart"), [("broken", "on-failure"), ("done", "always")])
def test_it_is_given_up_and_an_operator_may_try_again(house: House, how: str, restart: str) -> None:
    async def test() -> None:
        async with house.supervisor(child(how, restart=restart)) as supervisor:
            await supervisor.start_process(how)
            told = await reached(supervisor, how, detail="gave_up")
            assert told["state"] == "error" and told["restarts"] == 4
            with pytest.raises(Unavailable, match="failed too often and waits for an operator") as caught:
                await supervisor.ensure(how)
            assert caught.value.retry_after is None
            await supervisor.start_process(how)
            await until(lambda: one(supervisor, how)["restarts"] == 8 and one(supervisor, how)["detail"] == "gave_up")
            await supervisor.stop_process(how)
            assert one(supervisor, how)["state"] == "stopped"

    house.run(test)


def test_while_it_waits_it_says_for_how_long_and_an_operator_need_not_wait(house: House) -> None:
    async def test() -> None:
        async with house.supervisor(
            child("broken", restart="on-failure"), pace={"first_wait": 100, "longest_wait": 100}
        ) as supervisor:
            with pytest.raises(Unavailable) as caught:
                await supervisor.ensure("broken")
            assert caught.value.retry_after == 100
            assert one(supervisor, "broken")["detail"] == "waiting"
            with pytest.raises(Unavailable, match=r"can be tried again in (99|100) s: It ended with code 3") as caught:
                await supervisor.ensure("broken")
            assert caught.value.retry_after is not None and 90 < caught.value.retry_after <= 100
            await supervisor.start_process("broken")
            await until(lambda: one(supervisor, "broken")["restarts"] == 1)
            await until(lambda: one(supervisor, "broken")["detail"] == "waiting")
            await supervisor.stop_process("broken")
            assert one(supervisor, "broken")["state"] == "stopped" and one(supervisor, "broken")["detail"] == ""

    house.run(test)


def test_one_that_hangs_is_started_again_only_where_the_policy_is_always(house: House) -> None:
    async def test() -> None:
        async with house.supervisor(child("good", restart="always"), pace={"hung": 0.2}) as supervisor:
            url = await supervisor.ensure("good")
            pid = one(supervisor, "good")["pid"]
            await post(f"{url}/hang")
            await until(lambda: one(supervisor, "good")["restarts"] >= 1 and "good" in supervisor.running())
            assert gone(pid)

    house.run(test)
