"""What a model process gets of Vigie, and what a form may not do."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.command import shown, words_of
from serving.processes.definition import definition, definitions, number
from serving.processes.handle import environment
from serving.processes.sentences import BadDefinition, Unavailable
from tests.serving.processes.conftest import House, child, one

HOSTILE = ["; rm -rf /tmp/x", "$(touch /tmp/x)", "`id`", "a b", "a\nb", "'", '"', "|", "&&", "{port}", "%s", "*"]


def test_environment_session_and_open_files_are_its_own(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_env = {
        "PATH": "/usr/bin:/bin", "HOME": "/home/x", "LANG": "C.UTF-8", "TMPDIR": str(tmp_path), "CUDA_HOME": "/cuda",
        "HF_HOME": "/hf", "NVIDIA_VISIBLE_DEVICES": "all", "LD_LIBRARY_PATH": "/lib", "VIGIE_ADMIN_PASSWORD": "secret",
        "VIGIE_SECRET_KEY": "secret", "DATABASE_URL": "secret", "AWS_SECRET_ACCESS_KEY": "secret", "PYTHONPATH": "/x",
    }

    async def test() -> None:
        async with house.supervisor(child("told", gpus="1,3"), environ=given_env) as supervisor:
            await supervisor.ensure("told")
            pid = one(supervisor, "told")["pid"]
            told = dict(line.split("=", 1) for line in (tmp_path / "environment").read_text().splitlines())
            assert told["CUDA_VISIBLE_DEVICES"] == "1,3" and told["CUDA_HOME"] == "/cuda" and told["HF_HOME"] == "/hf"
            assert set(told) - {"LC_CTYPE"} == {
                "PATH", "HOME", "LANG", "TMPDIR", "CUDA_HOME", "HF_HOME", "NVIDIA_VISIBLE_DEVICES", "LD_LIBRARY_PATH",
                "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER",
            }
            assert (tmp_path / "session").read_text() == f"{pid} {pid} {pid} /"
            assert set((tmp_path / "open").read_text().split()) <= {"0", "1", "2", "3"}  # 3: the listing itself
            assert Path(f"/proc/{pid}/fd/0").readlink() == Path("/dev/null")

    house.run(test)


def test_nothing_of_vigies_own_is_passed_on_even_without_a_path() -> None:
    made = environment({"VIGIE_X": "1", "VIGIE_HF_HOME": "1"}, "")
    assert list(made) == ["PATH"]


def test_the_serving_process_loads_nothing_of_the_web_side() -> None:
    heavy = "{'pydantic', 'sqlalchemy', 'flask', 'dash', 'numpy', 'collectors', 'config.dashboard'}"
    code = f"import sys, serving.__main__; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3], check=True)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_file_stays_one_word_and_no_shell_sees_it(house: House, tmp_path: Path, text: str) -> None:
    file = tmp_path / f"m{text.replace('/', '_')}.gguf"
    file.touch()
    command = child("told")["command"] + " --model {file} --alias {name}"

    async def test() -> None:
        async with house.supervisor(
            {"name": "told", "command": command, "file": str(file)},
            environ={"TMPDIR": str(tmp_path), "PATH": "/usr/bin:/bin"},
        ) as supervisor:
            url = await supervisor.ensure("told")
            words = (tmp_path / "arguments").read_bytes().decode().split("\0")
            assert words == ["told", "--port", url.rpartition(":")[2], "--model", str(file), "--alias", "told"]

    house.run(test)


@pytest.mark.parametrize("name", ["--help", "-x", "", "a b", "a;b", "$(id)", "a\nb", "../x", "/etc", None, "a'b", ".x"])
def test_a_hostile_name_is_refused_and_the_others_run(house: House, name: Any) -> None:
    async def test() -> None:
        async with house.supervisor(child("good") | {"name": name}, child("good")) as supervisor:
            assert one(supervisor, str(name))["state"] == "error"
            assert "is not one: letters, digits" in one(supervisor, str(name))["message"]
            with pytest.raises(BadDefinition):
                await supervisor.ensure(str(name))
            await supervisor.ensure("good")

    house.run(test)


@pytest.mark.parametrize(("given", "says"), [
    ({"file": "--help"}, "absolute path"), ({"file": "-m"}, "absolute path"), ({"file": "models/x"}, "absolute path"),
    ({"gpus": "0;1"}, "numbers with commas"), ({"port": "x"}, "of a wrong kind"), ({"idleMinutes": "x"}, "wrong kind"),
])
def test_a_hostile_value_is_refused_with_its_field(house: House, given: dict[str, Any], says: str) -> None:
    async def test() -> None:
        async with house.supervisor(child("good", **given)) as supervisor:
            assert says in one(supervisor, "good")["message"]
            with pytest.raises(BadDefinition, match=says):
                await supervisor.ensure("good")

    house.run(test)


@pytest.mark.parametrize("given", [{"temperature": -1}, {"file": "/m\0x"}])
def test_a_value_that_would_be_an_option_does_not_start(house: House, given: dict[str, Any]) -> None:
    command = child("good")["command"] + " {file} {temperature}"

    async def test() -> None:
        everything = {"name": "x", "command": command, "file": "/m", "temperature": 0, "restart": "no"}
        async with house.supervisor(everything | given) as supervisor:
            with pytest.raises(Unavailable, match="begins with - or holds a zero byte"):
                await supervisor.ensure("x")

    house.run(test)


@given(st.text(st.characters(blacklist_categories=("Cs",)), max_size=60))
def test_whatever_fills_a_blank_is_one_word(text: str) -> None:
    made = words_of("run --model {file} --x={name}", {"file": text, "name": text})
    assert made == ["run", "--model", text, f"--x={text}"]


@pytest.mark.parametrize(("word", "made"), [
    ("""'{"enable_thinking":false}'""", '{"enable_thinking":false}'), ("""'{"a":{"b":{}}}'""", '{"a":{"b":{}}}'),
    ("""'{"alias":"{name}"}'""", '{"alias":"tiny"}'), ("{{name}}", "{name}"), ("{{{name}}}", "{{name}}"),
    ("{{messages}}", "{messages}"), ("'{{ messages }}'", "{{ messages }}"), ("{1,3}", "{1,3}"), ("{}", "{}"),
    ("{", "{"), ("{name", "{name"), ("{port}", "{port}"),
])
def test_braces_that_are_no_blank_stay(word: str, made: str) -> None:
    assert words_of(f"run {word}", {"name": "tiny"}) == ["run", made]


@pytest.mark.parametrize("word", ["{modle}", """'{"file":{modle}}'""", "{{{modle}}{x}}"])
def test_a_blank_that_is_not_known_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match="these blanks only"):
        words_of(f"run {word}", {})


def test_a_command_with_json_is_one_and_asks_for_no_file(house: House) -> None:
    async def test() -> None:
        command = child("good")["command"] + """ --model '{"enable_thinking":false}' --alias {{file}}"""
        async with house.supervisor({"name": "x", "command": command, "restart": "no"}) as supervisor:
            await supervisor.ensure("x")
            words = one(supervisor, "x")["command"]
            assert words[-4:] == ["--model", '{"enable_thinking":false}', "--alias", "{file}"]

    house.run(test)


def test_what_is_no_definition_at_all_does_not_stop_the_others() -> None:
    good, bad = definitions({"processes": [5, None, [], "x", {}, child("good")]})
    assert list(good) == ["good"] and set(bad) == {"5", "None", "[]", "'x'", ""}


def test_defaults_fill_what_a_definition_leaves_empty() -> None:
    models = {
        "command": "serve {file} {temperature} {topK} {contextSize}",
        "defaultParameters": {"temperature": 0.7, "topK": 40, "contextSize": 10_485_760},
        "resourceLimits": {"maxMemoryMb": 100, "maxCpuPercent": 50},
    }
    made = definition({"name": "x", "file": "/m", "topK": 0, "maxMemoryMb": 200, "maxCpuPercent": None}, models)
    assert made.words(1) == ["serve", "/m", "0.7", "0", "10485760"]
    assert made.memory == 200 * 2**20 and made.cpu == 0.5


def test_numbers_are_written_as_commands_take_them() -> None:
    assert [number(one) for one in (1.0, 0.7, 2, 1e-7, 10_485_760)] == ["1", "0.7", "2", "1e-07", "10485760"]


@pytest.mark.parametrize(("words", "says"), [
    (["x", "--api-key", "abc", "--port", "1"], ["x", "--api-key", "********", "--port", "1"]),
    (["x", "--api-key=abc", "--hf-token=t"], ["x", "--api-key=********", "--hf-token=********"]),
    (["env", "API_KEY=abc", "x"], ["env", "API_KEY=********", "x"]),
    (["x", "--max-tokens", "5", "--tokenizer", "y"], ["x", "--max-tokens", "5", "--tokenizer", "y"]),
])
def test_secrets_of_a_command_are_not_shown(words: list[str], says: list[str]) -> None:
    assert shown(words) == says


def test_the_supervisor_tells_that_start_comes_first(tmp_path: Path) -> None:
    from serving.processes.supervisor import Supervisor

    with pytest.raises(RuntimeError, match="start"):
        asyncio.run(Supervisor(tmp_path).configure({"processes": [child("good")]}))
