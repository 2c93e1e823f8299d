"""The 1,001st hostile model file neither crashes nor eats more than 64 MB."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
def test_a_thousand_hostile_files_neither_crash_nor_eat_memory(tiny_model: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.serving.files.hostile", str(tmp_path), str(tiny_model)], cwd=ROOT,
        capture_output=True, text=True, timeout=100,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    assert told["read"] + told["refused"] == 1001
    assert told["read"] > 20 and told["refused"] > 500  # neither all nor none: the fuzz reaches behind the first check
    assert told["grown_mb"] < 64
