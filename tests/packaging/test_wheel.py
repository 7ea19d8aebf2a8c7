"""The wheel holds four packages and the dbt project, and works away from its source."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from decimal import Decimal
from pathlib import Path

import pytest

from triptych import __version__

PACKAGES = ["attribution", "dashboard", "ingest", "triptych"]
BILL = """\
BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,ChargePeriodStart,\
ChargePeriodEnd,ChargeCategory,ProviderName,ServiceName,Tags
0.10,0.10,EUR,2026-03-01,2026-03-01,2026-03-02,Usage,Example Cloud,Endpoints,\
"{""model"": ""eta""}"
0.20,0.20,EUR,2026-03-01,2026-03-02,2026-03-03,Usage,Example Cloud,Storage,
"""


@pytest.fixture(scope="session")
def names(wheel: Path) -> list[str]:
    """Return the names of the files in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


class Installed:
    """The wheel in an environment of its own, where the repository cannot be seen."""

    def __init__(self, environment: Path, home: Path) -> None:
        self._bin = environment / "bin"
        self.home = home

    def run(self, *arguments: str) -> str:
        """Run the installed command and return what it printed."""
        done = subprocess.run(
            [str(self._bin / "triptych"), *arguments],
            cwd=self.home,
            env={"PATH": os.environ["PATH"], "HOME": str(self.home)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def uv(*arguments: str) -> None:
    """Run uv as it is installed beside this interpreter."""
    executable = str(Path(sys.executable).with_name("uv"))
    subprocess.run([executable, *arguments, "--quiet"], check=True)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Return the wheel, installed beside the libraries of this environment."""
    folder = tmp_path_factory.mktemp("installed")
    python = folder / "environment" / "bin" / "python"
    uv("venv", "--python", sys.executable, str(folder / "environment"))
    uv("pip", "install", "--python", str(python), "--no-deps", "--offline", str(wheel))
    # Libraries only: a path that a path file adds has its own path files ignored, and
    # with them the editable install of the repository.
    [site] = (folder / "environment" / "lib").glob("python*/site-packages")
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
    return Installed(folder / "environment", folder)


def test_the_pictures_of_set_up_are_in_the_wheel(names: list[str]) -> None:
    pictures = {name for name in names if name.endswith(".webp")}
    folder = "dashboard/pages/setup/thumbnails"
    assert f"{folder}/cost_by_model.webp" in pictures
    assert {name.rpartition("/")[0] for name in pictures} == {folder}


def test_the_top_level_names_are_exactly_the_four_packages(names: list[str]) -> None:
    top_level = {name.split("/")[0] for name in names}
    metadata = {f"triptych-{__version__}.dist-info"}
    assert sorted(top_level - metadata) == PACKAGES


def test_every_module_of_the_repository_is_in_the_wheel(
    repository: Path, names: list[str]
) -> None:
    for package in PACKAGES:
        for path in (repository / package).rglob("*.py"):
            assert path.relative_to(repository).as_posix() in names


def test_the_dbt_project_is_in_the_wheel_as_it_is(
    repository: Path, names: list[str]
) -> None:
    project = repository / "dbt_project"
    for folder in ("models", "macros", "semantic", "tests"):
        for path in (project / folder).rglob("*.*"):
            inside = path.relative_to(project).as_posix()
            assert f"triptych/_dbt_project/{inside}" in names
    assert "triptych/_dbt_project/dbt_project.yml" in names
    assert "triptych/_dbt_project/profiles.yml" in names
    assert "triptych/_glossary.md" in names


def test_nothing_that_was_built_or_measured_is_in_the_wheel(names: list[str]) -> None:
    built = ("/target/", "/logs/", "__pycache__")
    assert not [name for name in names if any(part in name for part in built)]


def test_what_pages_and_new_workspaces_need_is_in_the_wheel(names: list[str]) -> None:
    assert "triptych/new_workspace/triptych.yml" in names
    assert "triptych/scenario_templates/move_platform.yml" in names
    assert "dashboard/app/.streamlit/config.toml" in names


def test_the_installed_command_tells_its_version(installed: Installed) -> None:
    assert installed.run("--version").split() == ["triptych", __version__]
    assert "quarantine" in installed.run("--help")


# fast: what the wheel holds, above
@pytest.mark.full
def test_the_installed_command_goes_from_a_bill_to_a_model(
    installed: Installed,
) -> None:
    """The shipped dbt project runs from where it was installed."""
    installed.run("init", "costs")
    (installed.home / "costs" / "bills" / "march.csv").write_text(BILL, "utf-8")
    installed.run("run", "--workspace", "costs")
    query = (
        "select step, sum(billed_cost) as billed_cost from cost.mart_cost_waterfall"
        " where billed_cost <> 0 group by all union all select model_id,"
        " sum(billed_cost) from cost.fct_daily_model_costs group by all order by all"
    )
    answer = installed.run("sql", query, "--format", "json", "--workspace", "costs")
    rows = json.loads(answer, parse_float=Decimal)
    # Nobody knows storage of Example Cloud as AI, and no rule takes it.
    assert {row["step"]: Decimal(row["billed_cost"]) for row in rows} == {
        "ledger": Decimal("0.30"),
        "out_of_scope": Decimal("0.20"),
        "direct": Decimal("0.10"),
        "eta": Decimal("0.10"),
    }


@pytest.mark.full
def test_a_fresh_environment_needs_nothing_that_is_not_declared(
    wheel: Path, repository: Path, tmp_path: Path
) -> None:
    """Installs from the package index what the wheel itself asks for, no more."""
    uv("venv", "--python", sys.executable, str(tmp_path / "environment"))
    python = tmp_path / "environment" / "bin" / "python"
    excluded = str(repository / "requirements" / "excluded.txt")
    # As README.md says it; no settings of the repository help.
    options = ("--no-config", "--excludes", excluded)
    uv("pip", "install", "--python", str(python), *options, str(wheel))
    fresh = Installed(tmp_path / "environment", tmp_path)
    assert fresh.run("--version").split() == ["triptych", __version__]
    fresh.run("init", "costs")
    (tmp_path / "costs" / "bills" / "march.csv").write_text(BILL, "utf-8")
    fresh.run("run", "--workspace", "costs")
    modules = ("dashboard.shared.frame", "ingest.sources.google.connector")
    code = f"import {', '.join(modules)}"
    subprocess.run([str(python), "-c", code], check=True, cwd=tmp_path)
