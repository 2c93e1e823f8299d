"""Rules of the house that no tool checks."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from collectors import COLLECTORS
from collectors.scrape import RUNNER_METRICS
from components import ids
from config.dashboard import AlertThresholds
from config.settings import PREFIX, Settings
from metrics.metric import rate_of

ROOT = Path(__file__).parents[1]
NOT_COLLECTORS = {"__init__", "base", "scrape", "scheduler", "replay", "demo"}
"""Files of the collectors' room that read no source themselves."""
DOCS = sorted((ROOT / "docs").rglob("*.md"))


def tracked(*patterns: str) -> list[Path]:
    """Files of the repository, as git knows them."""
    listing = subprocess.run(["git", "ls-files", "--", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for line in listing.stdout.splitlines() if (path := ROOT / line).exists()]


def source_files() -> list[Path]:
    return [p for p in tracked("*.py") if p.relative_to(ROOT).parts[0] not in ("tests",)]


def test_every_collector_file_is_in_collectors() -> None:
    files = {p.stem for p in (ROOT / "collectors").glob("*.py")} - NOT_COLLECTORS
    listed = {c.__module__.rpartition(".")[2] for c in COLLECTORS}
    helpers = {f for f in files - listed if not _declares_collector(ROOT / "collectors" / f"{f}.py")}
    assert files - helpers == listed


def _declares_collector(path: Path) -> bool:
    """True for a file with a class that has a ``collect`` method."""
    return any(
        isinstance(node, ast.ClassDef) and any(getattr(part, "name", "") == "collect" for part in node.body)
        for node in ast.parse(path.read_text(encoding="utf-8")).body
    )


@pytest.mark.parametrize("collector", COLLECTORS, ids=lambda c: c.name)
def test_a_collector_has_a_test(collector: type) -> None:
    module = collector.__module__.rpartition(".")[2]
    assert (ROOT / "tests" / "collectors" / f"test_{module}.py").is_file()


def test_metric_names_are_declared_once_and_rates_are_metrics_too() -> None:
    # Metric checks names and units itself when it is made; what it cannot see is the others. Two collectors may share
    # one: it is the same object then.
    every = [m for c in COLLECTORS for m in c.metrics] + list(RUNNER_METRICS)
    declared = {id(metric): metric for metric in every}.values()
    names = [m.name for m in declared] + [rate_of(m).name for m in declared if m.kind == "counter"]
    assert sorted(names) == sorted(set(names))


def test_metric_helps_are_short_phrases() -> None:
    for metric in (m for c in COLLECTORS for m in c.metrics):
        assert metric.help == metric.help.strip().rstrip("."), metric.name
        assert len(metric.help) <= 120, metric.name


def test_ids_are_unique_and_start_with_their_page() -> None:
    values = {k: v for k, v in vars(ids).items() if k.isupper() and isinstance(v, str)}
    assert len(set(values.values())) == len(values)
    for name, value in values.items():
        assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", value), name
        assert name.lower().split("_")[0] in value, name


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_in_the_docs(name: str) -> None:
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    field = Settings.model_fields[name]
    row = next((line for line in text.splitlines() if line.startswith(f"| `{name}` |")), "")
    assert row, f"docs/settings.md has no row for {name}"
    assert (field.description or "").rstrip(".") in row
    assert f"`{PREFIX}{name.upper()}`" in row
    default = field.get_default()
    if isinstance(default, bool):
        assert ("on" if default else "off") in row
    elif isinstance(default, tuple):
        assert all(f"`{one}`" in row for one in default)
    elif isinstance(default, (int, float)) or default:
        assert f"`{default}`" in row, f"default {default} of {name}"


def test_every_threshold_is_in_the_docs() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    for field in AlertThresholds.model_fields.values():
        assert f"| `{field.alias}` | `{field.default:g}` |" in text, field.alias


def test_no_setting_is_in_the_docs_that_does_not_exist() -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    known |= {"VIGIE_CONFIG", "VIGIE_ADMIN_PASSWORD", "VIGIE_OIDC_CLIENT_SECRET", "VIGIE_TEST_ALL"}
    known |= {"VIGIE_PROT", "VIGIE_ADDRESS", "VIGIE_TOKEN"}  # examples: a misspelt one, and a program of the reader's
    for path in [*DOCS, ROOT / "README.md"]:
        named = set(re.findall(r"\bVIGIE_[A-Z_]+[A-Z]", path.read_text(encoding="utf-8")))
        assert named <= known, path.name


def test_make_commands_in_the_docs_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    for path in [*DOCS, ROOT / "README.md"]:
        named = set(re.findall(r"`make ([a-z][a-z-]*)|^ *make ([a-z][a-z-]*)", path.read_text(encoding="utf-8"), re.M))
        assert {a or b for a, b in named} <= targets, path.name


def test_options_in_the_docs_exist() -> None:
    from config.settings import build_parser

    known = set(build_parser()._option_string_actions)
    pattern = r"(?:app\.py|make run ARGS=\")((?: +--?[a-z][^\n`\"]*)+)"
    for path in [*DOCS, ROOT / "README.md"]:
        for command in re.findall(pattern, path.read_text(encoding="utf-8")):
            named = set(re.findall(r"(?<!\S)--[a-z-]+", command))
            assert named <= known, f"{path.name}: {command}"


def test_links_in_the_docs_lead_somewhere() -> None:
    for path in [*DOCS, ROOT / "README.md", ROOT / "CHANGELOG.md"]:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_files_stay_readable() -> None:
    long = {str(p.relative_to(ROOT)): n for p in source_files() if (n := len(p.read_text().splitlines())) > 400}
    assert not long


def test_a_silenced_check_says_why() -> None:
    for path in source_files():
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if "noqa: BLE001" in line or "noqa: S110" in line:
                assert re.search(r"noqa: \w+ - \w+", line), f"{path.relative_to(ROOT)}:{number}"


def test_tests_do_not_sleep_for_a_fixed_time() -> None:
    for path in tracked("tests/*test_*.py", "tests/*conftest.py"):
        if path != Path(__file__):
            found = re.search(r"\bsleep\((?!0\.0)|wait_for_timeout\(", path.read_text(encoding="utf-8"))
            assert not found, path.relative_to(ROOT)


def test_nothing_third_party_is_kept_here() -> None:
    kept = [p.name for p in tracked() if re.search(r"\.min\.(js|css)$|\.whl$|\.woff2?$", p.name)]
    assert not kept


def test_no_lock_file_names_where_packages_lie() -> None:
    for path in tracked("*package-lock.json", "requirements*.txt"):
        text = path.read_text(encoding="utf-8")
        assert '"resolved"' not in text
        assert "index-url" not in text
