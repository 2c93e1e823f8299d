"""Programs of Vigie's own that the web process starts: beside it, in a session of their own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def begun(command: Sequence[str], **pipes: Any) -> subprocess.Popen[bytes]:
    """A process that knows nothing of Vigie's settings; ``pipes`` are those of `subprocess.Popen`.

    Raises:
        OSError: it cannot be started.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith("VIGIE_")}
    return subprocess.Popen(command, cwd=ROOT, env=own, start_new_session=True, **pipes)


def last_line(written: str) -> str:
    """The last line of what it wrote, where programs say why they fall; empty where it wrote nothing."""
    lines = written.strip().splitlines()
    return lines[-1][:300] if lines else ""
