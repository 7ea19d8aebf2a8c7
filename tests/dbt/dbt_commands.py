"""Runs dbt on a workspace of a test, with the very environment of a real run."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from triptych.core.control.rules import rule_sets
from triptych.core.dbt.cache import ProjectAsItWasRead, environment_of_dbt
from triptych.core.marts.recipe import read_recipe
from triptych.core.project_folder import dbt_project_dir
from triptych.core.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from triptych.core.workspace import Workspace


@dataclass(frozen=True, slots=True)
class DbtCommands:
    """The dbt project, pointed at one workspace.

    Parameters
    ----------
    workspace : Workspace
        Holds ``raw.duckdb`` and ``warehouse/build.duckdb``.
    target : Path
        Where dbt writes what it compiles.
    """

    workspace: Workspace
    target: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``dbt <arguments>`` and return how it ended; nothing is raised."""
        project = str(dbt_project_dir())
        command = [
            *(sys.executable, "-m", "dbt.cli.main"),
            *("--log-path", str(self.target / "logs"), *arguments),
            *("--project-dir", project, "--profiles-dir", project),
            *("--target-path", str(self.target)),
        ]
        environment = environment_of_dbt(self.workspace)
        parsed = self.target / "partial_parse.msgpack"
        with ProjectAsItWasRead(parsed, environment):
            return subprocess.run(
                command,
                env=environment,
                # Its variables name files of the workspace.
                cwd=self.workspace.root,
                capture_output=True,
                text=True,
                check=False,
            )

    def compiled(self, models: Iterable[str]) -> dict[str, str]:
        """Return model → its SQL, which dbt compiled once for builds and tests."""
        rules = rule_sets(load_settings(self.workspace.root))
        wanted = set(models)
        return {
            node.name: node.sql
            for node in read_recipe(rules).nodes
            if node.name in wanted and not node.is_test
        }

    def manifest(self) -> dict[str, Any]:
        """Return the manifest of the last command."""
        return self._read("manifest.json")

    def results(self) -> list[dict[str, Any]]:
        """Return how each node of the last command ended."""
        results: list[dict[str, Any]] = self._read("run_results.json")["results"]
        return results

    def _read(self, name: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads((self.target / name).read_text("utf-8"))
        return answer
