"""``make bench``: every measurement, one after the other, each in a process of its own.

``make bench ARGS="ring query"`` runs some. Each is also a program: ``python -m bench.ring``.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HELPERS = {"__init__", "__main__", "usage", "peers", "proxy_load", "viewers"}
"""Files of this folder that are no measurement."""


def main(names: list[str]) -> int:
    """Runs the measurements named, or all; returns 1 when one failed."""
    known = sorted(p.stem for p in Path(__file__).parent.glob("*.py") if p.stem not in HELPERS)
    unknown = set(names) - set(known)
    if unknown:
        print(f"No such measurement: {', '.join(sorted(unknown))}. There are: {', '.join(known)}.", file=sys.stderr)
        return 2
    failed = []
    for name in names or known:
        print(f"\n## {name}\n", flush=True)
        if subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"\nFailed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
