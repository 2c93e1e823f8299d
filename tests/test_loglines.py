"""Log lines: where they go, how files are set aside, and that a configuration takes effect while Vigie runs."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from config.dashboard import DashboardConfig
from config.settings import Settings
from loglines import COMBINED, ERRORS, LogOutput


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """structlog and `logging` as they were."""
    before, root, level = structlog.get_config(), logging.getLogger().handlers[:], logging.getLogger().level
    yield
    structlog.configure(**before)
    logging.getLogger().handlers[:] = root
    logging.getLogger().setLevel(level)


def config(folder: Path | str = "", **logging_: Any) -> DashboardConfig:
    return DashboardConfig.model_validate({"paths": {"logsDirectory": str(folder)}, "logging": logging_})


def installed(**settings: Any) -> tuple[LogOutput, io.StringIO]:
    console = io.StringIO()
    output = LogOutput(Settings(**settings), console)
    output.install()
    return output, console


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_without_a_folder_there_is_the_console_alone(tmp_path: Path) -> None:
    output, console = installed(log_format="json")
    output.follow(config())
    structlog.get_logger().info("hello", who="ada")
    structlog.get_logger().debug("not this")
    told = json.loads(console.getvalue())
    assert (told["event"], told["who"], told["level"]) == ("hello", "ada", "info") and told["timestamp"].endswith("Z")
    assert output.problem() == ""


def test_every_line_is_in_one_file_and_errors_in_another(tmp_path: Path) -> None:
    output, console = installed()
    output.request = lambda: "abcdef"
    output.follow(config(tmp_path / "logs", enableConsole=False))
    log = structlog.get_logger()
    log.info("one")
    try:
        raise ValueError("é\n2")
    except ValueError:
        log.exception("two")
    logging.getLogger("library").warning("three %s", "x")
    logging.getLogger("library").info("a library's own insides")
    found = lines(tmp_path / "logs" / COMBINED)
    assert [(one["event"], one["level"], one["request"]) for one in found] == [
        ("one", "info", "abcdef"), ("two", "error", "abcdef"), ("three x", "warning", "abcdef"),
    ]
    assert "ValueError: é" in found[1]["exception"] and found[2]["logger"] == "library"
    assert [one["event"] for one in lines(tmp_path / "logs" / ERRORS)] == ["two"]
    assert console.getvalue() == ""
    assert (tmp_path / "logs" / COMBINED).stat().st_mode & 0o007 == 0


def test_a_new_configuration_takes_effect_at_once(tmp_path: Path) -> None:
    output, console = installed()
    log = structlog.get_logger()
    log.debug("before")
    output.follow(config(tmp_path / "a", level="debug"))
    log.debug("during")
    output.follow(config(tmp_path / "b", level="error", format="console"))
    log.warning("after")
    log.error("wrong\nin two lines")
    assert [one["event"] for one in lines(tmp_path / "a" / COMBINED)] == ["during"]
    text = (tmp_path / "b" / COMBINED).read_text()
    assert "wrong" in text and "after" not in text and "\x1b" not in text
    assert "during" in console.getvalue() and "before" not in console.getvalue()


def test_a_level_that_was_given_outweighs_the_configuration() -> None:
    output, console = installed(log_level="error")
    output.follow(config(level="debug"))
    structlog.get_logger().warning("quiet")
    assert console.getvalue() == ""


@pytest.mark.parametrize("count", [1, 3])
def test_files_are_set_aside_by_size_and_the_oldest_goes(tmp_path: Path, count: int) -> None:
    output, _console = installed()
    output.follow(config(tmp_path, maxFileSize="1kb", maxFiles=count, enableConsole=False))
    for number in range(100):
        structlog.get_logger().info("line", number=number)
    names = sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(COMBINED))
    assert names == [COMBINED, *(f"{COMBINED}.{i}" for i in range(1, count))]
    assert all((tmp_path / name).stat().st_size <= 1024 for name in names)
    found = [one["number"] for name in reversed(names) for one in lines(tmp_path / name)]
    assert found == list(range(100 - len(found), 100))


def test_a_folder_that_cannot_be_written_is_said_and_not_fatal(tmp_path: Path) -> None:
    output, console = installed()
    (tmp_path / "file").write_text("in the way")
    output.follow(config(tmp_path / "file" / "logs", enableConsole=False))
    assert "cannot be written" in output.problem()
    structlog.get_logger().info("where to?")
    assert "where to?" in console.getvalue()  # lines that can go nowhere else go there, whatever was said
    output.follow(config(tmp_path / "logs", enableConsole=False))
    structlog.get_logger().info("here")
    assert output.problem() == "" and [one["event"] for one in lines(tmp_path / "logs" / COMBINED)] == ["here"]


def test_a_folder_that_goes_away_is_said_until_it_is_back(tmp_path: Path) -> None:
    output, _console = installed()
    folder = tmp_path / "logs"
    output.follow(config(folder, enableConsole=False, maxFileSize="1kb"))
    structlog.get_logger().info("x" * 900)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    structlog.get_logger().info("y" * 900)  # has to be set aside, where nothing is any more
    assert "cannot be written" in output.problem()
    folder.mkdir()
    structlog.get_logger().info("z")
    assert output.problem() == ""


def test_a_closed_console_stops_nobody() -> None:
    _output, console = installed()
    console.close()
    structlog.get_logger().error("nobody hears")
