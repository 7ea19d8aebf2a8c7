"""Files packaged from a checkout: the dbt project and the glossary."""

from __future__ import annotations

from importlib import resources
from pathlib import Path


def dbt_project_dir() -> Path:
    """Return the folder of the dbt project."""
    return _in_package("_dbt_project") or _checkout() / "dbt_project"


def glossary_file() -> Path:
    """Return the file with the terms of the field."""
    return _in_package("_glossary.md") or _checkout() / "docs" / "glossary.md"


def _in_package(name: str) -> Path | None:
    packaged = Path(str(resources.files("triptych"))) / name
    return packaged if packaged.exists() else None


def _checkout() -> Path:
    return Path(__file__).resolve().parents[2]
