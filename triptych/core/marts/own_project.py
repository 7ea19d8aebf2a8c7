"""A dbt project around workspace models, for compilation and manual runs.

Each public mart is a source of it, such as ``source('cost', 'mart_cost_waterfall')``.
Only text is copied into the project; dbt starts in a separate folder, without the
variables of the environment, and its compiled output is kept.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from triptych.core.child_processes import python_module
from triptych.core.dbt.cache import environment_of_dbt
from triptych.core.dbt.commands import run_dbt
from triptych.core.marts.own_folder import OwnModels, OwnModelsError
from triptych.core.marts.recipe import (
    keep_manifest,
    kept_as,
    library_versions,
    read_kept,
    trimmed,
)
from triptych.core.progress import SilentProgress
from triptych.core.project_folder import dbt_project_dir
from triptych.core.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Schema of the models built, and name of their project.
OWN_SCHEMA: Final = "own"
#: Form number; a change of this module makes kept results out of date.
_FORM: Final = 1
#: Variables that a process needs to start; no others may end up in a model.
_KEPT_VARIABLES: Final = (
    *("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "SYSTEMROOT"),
    *("PYTHONPATH", "PYTHONSAFEPATH", "PYTHONUNBUFFERED", "PYTHON_DOTENV_DISABLED"),
    *("DBT_SEND_ANONYMOUS_USAGE_STATS", "DO_NOT_TRACK", "DBT_LOG_LEVEL_FILE"),
    "TRIPTYCH_ROOT",
)
#: Folder of the measures, in our project and in a written project.
_METRICS: Final = "semantic"
_SCHEMA_MACRO: Final = (
    "{% macro generate_schema_name(custom_schema_name, node) %}"
    f"{OWN_SCHEMA}"
    "{% endmacro %}\n"
)


def compile_own(
    models: OwnModels, marts: Iterable[tuple[str, str]]
) -> Mapping[str, Any]:
    """Return dbt's manifest of the models after compiling them.

    Parameters
    ----------
    models : OwnModels
        The files of the folder.
    marts : iterable of (str, str)
        Schema and name of each public mart.

    Raises
    ------
    OwnModelsError
        dbt could not compile them, or a model asks for a relation that is not built.
    """
    known = sorted(marts)
    content = [_FORM, library_versions(), sorted(models.texts.items()), known]
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    kept = kept_as("own", digest)
    manifest = read_kept(kept)
    if manifest is None:
        with tempfile.TemporaryDirectory(prefix="triptych-compile-") as scratch:
            manifest = _ask_dbt(models, Path(scratch), known)
        keep_manifest(kept, manifest)
    return manifest


def _ask_dbt(
    models: OwnModels, scratch: Path, marts: list[tuple[str, str]]
) -> dict[str, Any]:
    write_project(scratch, ((schema, mart, "", {}) for schema, mart in marts))
    for name, text in models.texts.items():
        target = scratch / "models" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
    workspace = Workspace(scratch)
    given = environment_of_dbt(workspace)
    environment: dict[str, str] = {
        name: given[name] for name in _KEPT_VARIABLES if name in given
    }
    with SilentProgress().task("compile") as task:
        output = run_dbt(_command(scratch), environment, task)
    if output.return_code != 0:
        reasons = " | ".join(" ".join(e.split()) for e in output.last_errors)
        raise OwnModelsError(
            f"dbt could not compile your models. {reasons.replace(str(scratch), '')}",
            where=str(models.folder),
            next_step="Correct what it names; the marts are published without them.",
        )
    text = (scratch / "target" / "manifest.json").read_text("utf-8")
    manifest: dict[str, Any] = json.loads(text)
    for node in manifest["nodes"].values():
        _refuse_what_is_not_built(node, models.folder)
    return trimmed(manifest)


def _command(folder: Path) -> list[str]:
    return [
        *(*python_module("triptych.core.dbt.process"), "compile"),
        *("--project-dir", str(folder), "--profiles-dir", str(folder)),
        *("--target-path", str(folder / "target")),
        *("--log-path", str(folder / "logs"), "--log-level", "none"),
        *("--exclude", "resource_type:unit_test"),
    ]


def _refuse_what_is_not_built(node: Mapping[str, Any], folder: Path) -> None:
    config = node["config"]
    kind = node["resource_type"]
    reason = ""
    if kind not in {"model", "test"}:
        reason = f"A {kind} is not built here; models and tests are."
    elif kind == "model" and config["materialized"] not in {"table", "view"}:
        reason = f"It is {config['materialized']}; a table or a view is built."
    elif kind == "model" and node["alias"] != node["name"]:
        reason = "It has another name than its file."
    elif config.get("pre-hook") or config.get("post-hook"):
        reason = "It has hooks, and only its query is run."
    if reason:
        raise OwnModelsError(
            reason,
            where=str(folder / node["original_file_path"].removeprefix("models/")),
            next_step='See "docs/how_to/add_models_of_your_own.md".',
        )


def write_project(
    folder: Path,
    marts: Iterable[tuple[str, str, str, Mapping[str, str]]],
    *,
    published: Path | None = None,
    with_metrics: bool = False,
) -> None:
    """Write a dbt project with the public marts as its sources.

    Parameters
    ----------
    folder : Path
        Of the project; models are expected in its ``models/``.
    marts : iterable of (str, str, str, mapping)
        Schema, name, description, and column → description of each.
    published : Path, optional
        The file that holds the marts, for a project that is run by hand.
    with_metrics : bool
        True if it has the measures of the marts, for MetricFlow.
    """
    (folder / "macros").mkdir(parents=True, exist_ok=True)
    (folder / "marts").mkdir(exist_ok=True)
    (folder / "models").mkdir(exist_ok=True)
    (folder / "macros" / "generate_schema_name.sql").write_text(_SCHEMA_MACRO, "utf-8")
    database = "build" if published is None else "published"
    paths = ["models", "marts"]
    if with_metrics:
        _add_metrics(folder / _METRICS)
        paths.append(_METRICS)
    for name, content in (
        ("dbt_project.yml", {**_PROJECT, "model-paths": paths}),
        ("profiles.yml", _profile(published)),
        ("marts/sources.yml", _sources(marts, database)),
    ):
        text = json.dumps(content, indent=1, ensure_ascii=False)
        (folder / name).write_text(f"{text}\n", "utf-8")


_PROJECT: Final = {
    "name": OWN_SCHEMA,
    "config-version": 2,
    "profile": OWN_SCHEMA,
    "macro-paths": ["macros"],
    # dbt 1.12 finds a ratio twice where it parses only the file that changed.
    "flags": {
        "send_anonymous_usage_stats": False,
        "use_colors": False,
        "partial_parse": False,
    },
    "models": {OWN_SCHEMA: {"+materialized": "table", "+access": "public"}},
}


def _add_metrics(folder: Path) -> None:
    """Copy the missing measures; existing files may have been changed."""
    folder.mkdir(exist_ok=True)
    for origin in (dbt_project_dir() / _METRICS).iterdir():
        if not (folder / origin.name).exists():
            shutil.copyfile(origin, folder / origin.name)


def _profile(published: Path | None) -> dict[str, Any]:
    output: dict[str, Any] = {"type": "duckdb", "path": "build.duckdb", "threads": 2}
    if published is not None:
        attached = {"path": str(published), "alias": "published", "read_only": True}
        output["attach"] = [attached]
    return {OWN_SCHEMA: {"target": "duckdb", "outputs": {"duckdb": output}}}


def _sources(
    marts: Iterable[tuple[str, str, str, Mapping[str, str]]], database: str
) -> dict[str, Any]:
    by_schema: dict[str, list[dict[str, Any]]] = {}
    for schema, mart, description, columns in marts:
        table = {
            "name": mart,
            "description": _plain(description),
            "columns": [
                {"name": name, "description": _plain(text)}
                for name, text in columns.items()
            ],
        }
        by_schema.setdefault(schema, []).append(table)
    return {
        "version": 2,
        "sources": [
            {"name": schema, "database": database, "schema": schema, "tables": tables}
            for schema, tables in by_schema.items()
        ],
    }


def _plain(text: str) -> str:
    """Return a description without text that dbt would take for Jinja."""
    return text.replace("{", "(").replace("}", ")")
