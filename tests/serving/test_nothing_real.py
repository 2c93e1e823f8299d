"""In the demo nobody's real model server is touched, though its addresses may be those of one."""

from __future__ import annotations

import pytest

from live.models import Model
from serving.acts import CannotAct, NothingReal


def test_nothing_is_done() -> None:
    shown, acts = Model("ollama", "m", "ollama", "running", url="http://127.0.0.1:11434"), NothingReal()
    for act in (lambda: acts.at_server("unload", shown, ""), lambda: acts.at_process("stop", "m")):
        with pytest.raises(CannotAct, match="simulated") as caught:
            act()
        assert caught.value.status == 409
    with pytest.raises(CannotAct, match="simulated"):
        acts.output("m", 0, 10)
