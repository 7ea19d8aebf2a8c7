"""Who imports whom: the contracts of pyproject.toml, and that they cover everything."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

PACKAGES = ("triptych", "ingest", "attribution", "dashboard")

# A line that breaks a contract, in the module it is planted in → the contract.
PLANTED = {
    "dashboard/planted.py": (
        "import ingest.streams",
        "The roof stands on the stages, the stages on the core; stages never meet",
    ),
    "triptych/core/warehouse/planted.py": (
        "import triptych.run.pipeline",
        "The roof stands on the stages, the stages on the core; stages never meet",
    ),
    "triptych/core/settings/planted.py": (
        "import triptych.core.marts.build",
        "One floor of the core stands on the next",
    ),
    "ingest/streams/planted_circle.py": (
        "import ingest.engine.runner",
        "No package stands in a circle with its neighbour",
    ),
    "dashboard/shared/planted.py": (
        "import dashboard.app.server",
        "Exports and pages stand on what they share, the router on the pages",
    ),
    "dashboard/pages/budget/planted.py": (
        "import dashboard.pages.summary.page",
        "A page imports no other page's page",
    ),
    "ingest/planted_loads.py": (
        "import triptych.core.lake.catalogue",
        "Only the ingest runner commits loads",
    ),
    "attribution/planted_build.py": (
        "import triptych.core.warehouse.build",
        "Only the marts and the result store write the build database",
    ),
    "ingest/sources/argocd/planted_neighbour.py": (
        "import ingest.sources.tables.connector",
        "A source knows no other source",
    ),
    "ingest/sources/planted_settings.py": (
        "import triptych.core.settings",
        "A source reads neither settings nor the warehouse",
    ),
    "dashboard/planted_statistics.py": (
        "import statsmodels",
        "Statistics stay in attribution",
    ),
    "ingest/planted_page.py": ("import streamlit", "Pages stay in dashboard"),
    "triptych/planted_vendor.py": (
        "import google.auth",
        "Vendor libraries stay in ingest",
    ),
}


@pytest.fixture(scope="module")
def contracts(repository: Path) -> dict[str, Any]:
    """Return the section of pyproject.toml that import-linter reads."""
    pyproject = tomllib.loads((repository / "pyproject.toml").read_text("utf-8"))
    section: dict[str, Any] = pyproject["tool"]["importlinter"]
    return section


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the packages in ``folder``."""
    code = "import sys; from importlinter.cli import lint_imports_command; "
    code += "sys.path.insert(0, ''); lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", code, "--no-cache", "--no-logo"],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "NO_COLOR": "1", "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_contract_about_imports_is_kept(repository: Path) -> None:
    result = lint(repository)
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_planted_violation_breaks_its_contract(
    repository: Path, tmp_path: Path, contracts: dict[str, Any]
) -> None:
    for package in PACKAGES:
        ignore = shutil.ignore_patterns("__pycache__", "_dbt_project")
        shutil.copytree(repository / package, tmp_path / package, ignore=ignore)
    shutil.copy(repository / "pyproject.toml", tmp_path)
    for path, (line, _) in PLANTED.items():
        (tmp_path / path).write_text(f"{line}\n", encoding="utf-8")

    report = lint(tmp_path).stdout

    names = {contract["name"] for contract in contracts["contracts"]}
    assert {name for _, name in PLANTED.values()} == names
    for name in names:
        assert f"{name} BROKEN" in report


def test_every_module_of_the_spine_stands_in_a_layer(
    repository: Path, contracts: dict[str, Any]
) -> None:
    layers = next(c["layers"] for c in contracts["contracts"] if c["type"] == "layers")
    named = {name.strip() for layer in layers for name in re.split("[|:]", layer)}
    modules = {
        f"triptych.{path.stem}"
        for path in (repository / "triptych").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    assert modules - {"triptych.__init__"} <= named
