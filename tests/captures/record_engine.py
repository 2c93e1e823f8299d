"""Records what a running model server answers, twice, some seconds apart.

    python tests/captures/record_engine.py URL ENGINE-VERSION PATH...

PATH is such as /props or /metrics; what is asked is a plain GET. The answers lie in ``engines/ENGINE-VERSION``, the
second ones in its ``later/``. Look them over before you commit them: model names and paths are those of the machine.
Then write ``expected.json`` from what `tests/collectors/test_engines.py` prints, and check each value by hand.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import urllib3

HERE = Path(__file__).parent / "engines"


def file_of(path: str, kind: str = "") -> str:
    """Where the answer to ``path`` lies in a capture: ``/api/ps`` is ``api/ps.json``; a query follows an @."""
    name, _, query = path.strip("/").partition("?")
    return f"{name or 'root'}{'@' + query if query else ''}{'.json' if 'json' in kind else '.txt'}"


def record(url: str, name: str, paths: list[str], seconds: float = 5.0) -> None:
    """Writes ``tests/captures/engines/NAME``; a path that does not answer with 200 is left out."""
    for folder in (HERE / name, HERE / name / "later"):
        for path in paths:
            answer = urllib3.request("GET", url.rstrip("/") + path, timeout=10.0)
            if answer.status == 200:
                file = folder / file_of(path, answer.headers.get("Content-Type", ""))
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(answer.data)
        if folder.name != "later":
            time.sleep(seconds)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    record(sys.argv[1], sys.argv[2], sys.argv[3:])
