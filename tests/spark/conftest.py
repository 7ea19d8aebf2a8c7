"""A company that both engines build, and the server that one of them needs."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from ingest.sample_company.company import write_company
from tests.spark.published_figures import read_published
from tests.spark.servers import SAIL_MISSING, has_sail, running_sail
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.workspace import Workspace
from triptych.run.pipeline import build, ingest, run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ingest.engine.report import IngestReport
    from tests.conftest import BuiltWorkspaces
    from tests.spark.published_figures import PublishedTable


@dataclass(frozen=True, slots=True)
class Company:
    """A workspace, run by one engine or the other."""

    root: Path

    def run(self, overrides: Mapping[str, str] | None = None) -> None:
        """Ingest, build and publish."""
        settings = load_settings(self.root, overrides=overrides)
        run(Workspace(self.root), settings, progress=SilentProgress())

    def ingest(self) -> IngestReport:
        """Only ingest."""
        settings = load_settings(self.root)
        return ingest(Workspace(self.root), settings, progress=SilentProgress())

    def build(
        self, overrides: Mapping[str, str] | None = None, *, full: bool = False
    ) -> None:
        """Only build and publish; everything again if ``full``."""
        settings = load_settings(self.root, overrides=overrides)
        build(Workspace(self.root), settings, full=full, progress=SilentProgress())

    def published(
        self, *, but_for: frozenset[str] = frozenset()
    ) -> dict[str, PublishedTable]:
        """Return what readers see, apart from some columns."""
        path = Workspace(self.root).warehouse_dir / self.pointer()
        return read_published(path, but_for=but_for)

    def pointer(self) -> str:
        """Return the name of the file that readers see."""
        return Workspace(self.root).pointer.read_text("utf-8").strip()

    def months_read_on_spark(self) -> list[list[str]]:
        """Return the billing months that Spark was asked for, by run, oldest first."""
        jobs = sorted((self.root / "runs").glob("*/spark_job.json"))
        return [json.loads(job.read_text("utf-8"))["months"] for job in jobs]

    def copy_to(self, root: Path) -> Company:
        """Return a copy of the workspace, with all that was ever built in it."""
        shutil.copytree(self.root, root)
        return Company(root)


def on_spark(address: str) -> dict[str, str]:
    """Return the settings that send a build to a Spark Connect server."""
    return {"warehouse.engine": "spark", "spark.remote": address}


@pytest.fixture(scope="session")
def built_on_duckdb(
    built_workspaces: BuiltWorkspaces, tmp_path_factory: pytest.TempPathFactory
) -> Company:
    """Return the sample company after a full run on the embedded engine."""

    def build_company(root: Path) -> None:
        write_company(root, months=6, scale=0.02)
        Company(root).run()

    target = tmp_path_factory.mktemp("company") / "nordhafen"
    return Company(built_workspaces.copy("on_duckdb", build_company, target))


@pytest.fixture
def company(built_on_duckdb: Company, tmp_path: Path) -> Company:
    """Return a copy of the company that a test may change."""
    return built_on_duckdb.copy_to(tmp_path / "nordhafen")


@pytest.fixture(scope="session")
def built_on_sail(
    built_on_duckdb: Company, tmp_path_factory: pytest.TempPathFactory
) -> Company:
    """Return a copy of the company, built anew on pysail's Spark Connect server."""
    if not has_sail():
        pytest.skip(SAIL_MISSING)
    folder = tmp_path_factory.mktemp("on_sail")
    company = built_on_duckdb.copy_to(folder / "nordhafen")
    with running_sail(folder / "sail") as server:
        company.build(on_spark(server.address), full=True)
    return company


@pytest.fixture(scope="session")
def built_in_a_session(
    built_on_duckdb: Company, tmp_path_factory: pytest.TempPathFactory
) -> Company:
    """Return a copy of the company, built anew in a session of Apache Spark."""
    folder = tmp_path_factory.mktemp("in_a_session")
    company = built_on_duckdb.copy_to(folder / "nordhafen")
    on_master = {"warehouse.engine": "spark", "spark.master": "local[2]"}
    company.build(on_master, full=True)
    return company
