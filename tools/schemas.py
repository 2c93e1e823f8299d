"""Writes ``config/schemas/`` from the model of the configuration: ``python -m tools.schemas``. With ``--check`` it only
tells what is stale (exit code 1)."""

from __future__ import annotations

import json
import sys

from config.schema import FOLDER, files


def main(arguments: list[str]) -> int:
    """The command line."""
    stale = []
    for name, schema in files().items():
        path, text = FOLDER / name, json.dumps(schema, ensure_ascii=False, indent=2) + "\n"
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if "--check" not in arguments:
                FOLDER.mkdir(exist_ok=True)
                path.write_text(text, encoding="utf-8")
    print("\n".join(f"{'stale' if '--check' in arguments else 'written'}: {name}" for name in stale) or "up to date")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
