"""Memory and CPU of models from real processes, and GPU memory joined to them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from collectors.engines.base import Model
from collectors.engines.footprint import Footprint
from collectors.engines.listeners import Listener
from metrics.metric import series_key
from tests.support import wait_until

PARENT = (
    "import subprocess, sys\n"
    "children = [subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE) for _ in range(2)]\n"
    "print(*(child.pid for child in children), flush=True)\n"
    "sys.stdin.read()\n"
    "[child.kill() for child in children]\n"
)


@pytest.fixture
def family() -> Iterator[tuple[int, int, int]]:
    """A process with two children: their pids."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None and parent.stdin is not None
        first, second = map(int, parent.stdout.readline().split())
        yield parent.pid, first, second
        parent.stdin.close()


def cards(*shares: dict[int, float]) -> list[dict[str, object]]:
    return [
        {"gpu": str(n), "processes": [{"pid": pid, "memory_bytes": used} for pid, used in share.items()]}
        for n, share in enumerate(shares)
    ]


def read(
    footprint: Footprint, pid: int, models: list[Model], by_port: dict[int, Listener] | None = None
) -> dict[str, float]:
    samples = footprint.read([("box", "llamacpp", pid, models)], by_port or {})
    return {series_key(s.metric.name, [p for p in s.labels if p[0] in ("model", "gpu")]): s.value for s in samples}


def test_a_tree_that_serves_one_model_is_that_models(family: tuple[int, int, int]) -> None:
    parent, first, second = family
    told = cards({parent: 1e9, first: 2e9, 1: 5e9}, {second: 4e9})
    found = read(Footprint(lambda: told), parent, [Model("a", loaded=True), Model("b", "stopped", loaded=False)])
    assert found['model_gpu_memory_bytes{gpu="0",model="a"}'] == 3e9
    assert found['model_gpu_memory_bytes{gpu="1",model="a"}'] == 4e9
    alone = read(Footprint(), first, [Model("a")])
    assert found['model_memory_bytes{model="a"}'] > alone['model_memory_bytes{model="a"}'] > 1e6
    assert "model_memory_bytes" not in found


def test_several_models_in_one_process_are_told_for_the_server(family: tuple[int, int, int]) -> None:
    found = read(Footprint(lambda: cards({family[1]: 2e9})), family[0], [Model("a"), Model("b")])
    assert found["model_memory_bytes"] > 1e6
    assert found['model_gpu_memory_bytes{gpu="0"}'] == 2e9
    assert not [key for key in found if "model=" in key]


def test_children_that_serve_a_model_each_are_told_apart(family: tuple[int, int, int]) -> None:
    parent, first, second = family
    ports = {41001: Listener(41001, pid=first), 41002: Listener(41002, pid=second)}
    models = [Model("a", port=41001), Model("b", port=41002), Model("c", "stopped", port=41003)]
    found = read(Footprint(lambda: cards({first: 1e9, second: 2e9, parent: 3e8})), parent, models, ports)
    assert {key: value for key, value in found.items() if "gpu" in key} == {
        'model_gpu_memory_bytes{gpu="0",model="a"}': 1e9, 'model_gpu_memory_bytes{gpu="0",model="b"}': 2e9,
        'model_gpu_memory_bytes{gpu="0"}': 3e8,
    }
    assert {key for key in found if key.startswith("model_memory")} == {
        'model_memory_bytes{model="a"}', 'model_memory_bytes{model="b"}', "model_memory_bytes"
    }


@pytest.mark.parametrize(("used", "share"), [(2e9, 0.25), (3e9, 0.375), (7.3e9, None), (9e9, None), (0.0, None)])
def test_less_gpu_memory_than_weights_means_that_layers_are_elsewhere(
    family: tuple[int, int, int], used: float, share: float | None
) -> None:
    models = [Model("a", "running", loaded=True, loaded_bytes=8e9)]
    told = cards({family[1]: used / 2}, {family[2]: used / 2})
    found = read(Footprint(lambda: told), family[0], models)
    assert found.get('model_on_gpu_ratio{model="a"}') == share
    assert found.get('model_off_gpu_ratio{model="a"}') == (None if share is None else 1 - share)


def test_of_weights_whose_size_is_not_known_no_share_is_told(family: tuple[int, int, int]) -> None:
    found = read(Footprint(lambda: cards({family[1]: 2e9})), family[0], [Model("a", loaded=True)])
    assert not [key for key in found if "_gpu_ratio" in key]


def test_what_the_driver_does_not_tell_is_absent(family: tuple[int, int, int]) -> None:
    silent = [{"gpu": "0", "processes": [{"pid": family[0], "name": "x", "memory_bytes": None}]}]
    assert not [key for key in read(Footprint(lambda: silent), family[0], [Model("a")]) if "gpu" in key]


def test_cpu_needs_two_looks_and_a_process_that_has_gone_is_absent() -> None:
    now = [0.0]
    footprint = Footprint(clock=lambda: now[0])
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        assert "model_cpu_ratio" not in {key.partition("{")[0] for key in read(footprint, busy.pid, [Model("a")])}

        def used() -> float:
            now[0] += 0.01
            return read(footprint, busy.pid, [Model("a")])['model_cpu_ratio{model="a"}']

        assert wait_until(used) > 0
        busy.kill()
    now[0] += 10.0
    assert read(footprint, busy.pid, [Model("a")]) == {}
