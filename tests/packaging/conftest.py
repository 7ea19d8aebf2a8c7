"""The wheel, built once from the repository as it is."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

_ENTRIES = (
    *("pyproject.toml", "README.md", "LICENSE", "triptych", "ingest", "attribution"),
    *("dashboard", "dbt_project", "docs/glossary.md"),
)


@pytest.fixture(scope="session")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel, built from a copy so that nothing else finds its way in."""
    folder = tmp_path_factory.mktemp("wheel")
    ignore = shutil.ignore_patterns("__pycache__", "target", "logs")
    for name in _ENTRIES:
        origin = repository / name
        if origin.is_dir():
            shutil.copytree(origin, folder / name, ignore=ignore)
        else:
            (folder / name).parent.mkdir(exist_ok=True)
            shutil.copy(origin, folder / name)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation"]
    built = subprocess.run(
        [*command, "--outdir", str(folder / "dist"), str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    [path] = (folder / "dist").glob("*.whl")
    return path
