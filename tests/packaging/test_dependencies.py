"""What is imported is declared, and what is declared is used."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("triptych", "ingest", "attribution", "dashboard")

# Declared though no module imports them, and why.
NOT_IMPORTED = {
    "adbc-driver-postgresql": "imported by its name, where a query needs it",
    "adbc-driver-snowflake": "imported by its name, where a query needs it",
    "authlib": "Streamlit's login imports it",
    "dbt-core": "runs as a subprocess, whose one module imports it",
    "dbt-duckdb": "dbt finds it by itself",
}
# Imported though not declared: they are part of what is declared.
PART_OF = {
    "azure-core": "azure-storage-blob",
    "botocore": "boto3",
    "dbt-adapters": "dbt-core",
    "dbt-common": "dbt-core",
    "google-api-core": "google-cloud-bigquery",
    "google-auth": "google-cloud-bigquery",
    "googleapis-common-protos": "google-cloud-billing",
    "grpcio": "google-cloud-billing",
    "protobuf": "google-cloud-billing",
    "pydantic-core": "pydantic",
    "pyjwt": "mcp",
    "requests": "google-cloud-bigquery",
    "starlette": "mcp",
    "urllib3": "boto3",
    "uvicorn": "mcp",
}
# Not installed here, so that nothing says which distribution brings it.
ELSEWHERE = {"databricks": "databricks-sql-connector"}
# Namespaces whose parts come from different distributions.
NAMESPACES = {
    "google.cloud.bigquery": "google-cloud-bigquery",
    "google.cloud.billing": "google-cloud-billing",
    "google.cloud.billing_v1": "google-cloud-billing",
    "google.cloud.exceptions": "google-cloud-bigquery",
    "google.api_core": "google-api-core",
    "google.auth": "google-auth",
    "google.oauth2": "google-auth",
    "google.protobuf": "protobuf",
    "google.rpc": "googleapis-common-protos",
    "google.type": "googleapis-common-protos",
    "opentelemetry.proto": "opentelemetry-proto",
}


def imported_names() -> set[str]:
    """Return every absolute name that the shipped packages import, types too."""
    found: set[str] = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Import):
                    found |= {alias.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def distributions_of(name: str) -> set[str]:
    """Return the distribution that brings a name; empty for ours and Python's."""
    top_level = name.split(".", 1)[0]
    if top_level in {*PACKAGES, *sys.stdlib_module_names}:
        return set()
    if top_level in {"google", "opentelemetry"}:
        parts = [part for part in NAMESPACES if f"{name}.".startswith(f"{part}.")]
        assert parts, f"{name} is new: say which distribution brings it"
        return {NAMESPACES[max(parts, key=len)]}
    elsewhere = ELSEWHERE.get(top_level, top_level)
    found = _distributions_by_package().get(top_level, [elsewhere])
    return {_normalised(name) for name in found}


@cache
def _distributions_by_package() -> dict[str, list[str]]:
    return {name: list(found) for name, found in packages_distributions().items()}


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    """Return what pyproject.toml says about the distribution."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    table: dict[str, Any] = tomllib.loads(text)["project"]
    return table


@pytest.fixture(scope="module")
def declared(project: dict[str, Any]) -> set[str]:
    """Return the names of the dependencies that everybody installs."""
    return names_in(project["dependencies"])


@pytest.fixture(scope="module")
def extras(project: dict[str, Any]) -> set[str]:
    """Return the names of the dependencies that an extra brings."""
    lists = project["optional-dependencies"].values()
    return names_in([line for lines in lists for line in lines])


def names_in(requirements: list[str]) -> set[str]:
    found = [re.match(r"[\w.-]+", line) for line in requirements]
    return {_normalised(match[0]) for match in found if match}


@pytest.fixture(scope="module")
def used() -> set[str]:
    """Return the distributions that the shipped packages import from."""
    return {found for name in imported_names() for found in distributions_of(name)}


def test_everything_that_is_imported_is_declared(
    used: set[str], declared: set[str], extras: set[str]
) -> None:
    typing_only = {"mypy-boto3-s3"}  # for the type checker, in the development group
    assert used - declared - extras - set(PART_OF) - typing_only == set()


def test_everything_that_is_declared_is_used(
    used: set[str], declared: set[str], extras: set[str]
) -> None:
    assert (declared | extras) - used - set(NOT_IMPORTED) == set()


def test_the_lock_has_all_that_is_declared(declared: set[str]) -> None:
    assert declared <= locked_in("requirements.lock")


def test_what_is_built_from_a_code_host_is_left_out_everywhere() -> None:
    """By uv, in a clone and elsewhere; the locks do not name it for pip."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    in_a_clone = tomllib.loads(text)["tool"]["uv"]["exclude-dependencies"]
    elsewhere = (ROOT / "requirements" / "excluded.txt").read_text("utf-8")
    assert in_a_clone == ["dbt-core-experimental-parser"]
    assert re.findall(r"^[^#\n]+", elsewhere, re.MULTILINE) == in_a_clone
    for lock in ("requirements.lock", "requirements/runtime.lock"):
        assert locked_in(lock).isdisjoint(in_a_clone)


def locked_in(lock: str) -> set[str]:
    text = (ROOT / lock).read_text("utf-8")
    names = re.findall(r"^([\w.-]+)==", text, re.MULTILINE)
    return {_normalised(name) for name in names}
