"""Where the dbt project is: inside the package, or in a checkout."""

from __future__ import annotations

from importlib import resources
from pathlib import Path


def dbt_project_dir() -> Path:
    """Return the folder of the dbt project."""
    packaged = Path(str(resources.files("triptych"))) / "_dbt_project"
    if packaged.is_dir():
        return packaged
    return Path(__file__).resolve().parents[2] / "dbt_project"
