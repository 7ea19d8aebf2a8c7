"""The dbt project as SQL: every model and test as dbt compiled it, in building order.

dbt takes seconds to start and to compile some 380 nodes, and its output depends on
nothing but the project, its own version and the rules that two models are compiled
from. So it is called once for each of these, in a separate folder, and its answer is
kept in the user's cache folder for every workspace.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import re
import tempfile
import threading
import uuid
from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import platformdirs
from jinja2 import TemplateError

from triptych.core.child_processes import python_module
from triptych.core.dbt.cache import ProjectAsItWasRead, environment_of_dbt
from triptych.core.dbt.commands import (
    installed_project,
    run_dbt,
)
from triptych.core.errors import TransformError
from triptych.core.marts.rendering import PACKAGE, Renderer
from triptych.core.progress import SilentProgress
from triptych.core.project_folder import dbt_project_dir
from triptych.core.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Tag of the models that join the estimates made from the others.
FROM_ESTIMATES = "from_estimates"
#: ``config.meta`` of a model with months that are built each from the same month of
#: others.
_BY_MONTH = ("built_by", "billing_month")
#: Form number; a change of this module or of its cached data makes those out of date.
_FORM = 3
#: The macro with callers that are rendered for each set of rules.
_RULES_MACRO = "macro.triptych.rules"
_NODE_FIELDS = (
    *("unique_id", "resource_type", "name", "schema", "relation_name", "description"),
    *("access", "meta", "columns", "depends_on", "tags", "compiled_code"),
)
_CONFIG_FIELDS = (
    *("schema", "materialized", "severity", "error_if", "warn_if", "contract"),
    "meta",
)
#: Number of each that is kept: a recipe is some megabytes, rendered models 60
#: kilobytes.
_KEPT_FILES = {"recipe": 8, "rendered": 64, "own": 8}
#: Held during a compilation, so that a process compiles the project once.
_ASKING = threading.Lock()


@dataclass(frozen=True, slots=True)
class Node:
    """A model or a test, as dbt compiled it.

    Attributes
    ----------
    unique_id : str
        dbt's name, such as ``model.triptych.mart_run``.
    sql : str
        A SELECT; months are limited between markers, see
        :mod:`triptych.core.marts.months`.
    parents : tuple of str
        Unique ids of the models and sources that it reads.
    contract : mapping of str to str
        Column → declared type, in order; empty without an enforced contract.
    """

    unique_id: str
    name: str
    kind: str
    relation: str
    sql: str
    parents: tuple[str, ...]
    schema: str = ""
    contract: Mapping[str, str] = field(default_factory=dict)
    is_by_month: bool = False
    is_from_estimates: bool = False
    severity: str = "error"
    error_if: str = "!= 0"
    warn_if: str = "!= 0"

    @property
    def table(self) -> str:
        """Return the name of its relation, which may be an alias."""
        return self.relation.rsplit(".", 1)[-1].strip('"')

    @property
    def is_test(self) -> bool:
        """Return True if it is a test, with failures as rows."""
        return self.kind == "test"

    @property
    def is_view(self) -> bool:
        """Return True if it stores no rows."""
        return self.kind == "view"


@dataclass(frozen=True, slots=True)
class Recipe:
    """All nodes, each after those it reads, and the manifest that they come from.

    Attributes
    ----------
    nodes : tuple of Node
        Models and tests in building order; tests directly after the nodes they test.
    sources : mapping of str to str
        Unique id of a source → its relation.
    manifest : mapping
        dbt's metadata of the models, for explanations.
    digest : str
        Of everything that the recipe was made from.
    """

    nodes: tuple[Node, ...]
    sources: Mapping[str, str]
    manifest: Mapping[str, Any]
    digest: str


def read_recipe(rules: Mapping[str, Sequence[Any]]) -> Recipe:
    """Return the project compiled for some rules.

    dbt compiles it once for an installation; models that read rules are rendered again
    for each set of them.

    Parameters
    ----------
    rules : mapping of str to sequence
        Rules by the name under which dbt looks them up.

    Raises
    ------
    TransformError
        dbt could not compile the project.
    """
    manifest = _manifest(rules)
    try:
        manifest = _rendered(manifest, rules)
    except (TemplateError, LookupError, TypeError, ValueError):
        # dbt knows more than is rendered here, and names the error in a rule.
        manifest = _ask_dbt(rules)
    return recipe_of(manifest, recipe_digest(rules))


def read_recipe_ahead() -> threading.Thread | None:
    """Have dbt compile the project in the background, unless it is cached.

    :func:`read_recipe` waits for it. The rules of this compilation do not matter:
    models that read rules are rendered again. An error is left to :func:`read_recipe`,
    which compiles once more and raises it.
    """
    if kept_as("recipe", _hash(_base())).exists():
        return None
    compiling = threading.Thread(target=_compile_in_the_background, daemon=True)
    compiling.start()
    return compiling


def _compile_in_the_background() -> None:
    with contextlib.suppress(TransformError, OSError, ValueError, duckdb.Error):
        _manifest({})


def _manifest(rules: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Return the project as it is kept, or as dbt compiles it with some rules."""
    kept = kept_as("recipe", _hash(_base()))
    with _ASKING:
        manifest = read_kept(kept)
        if manifest is None:
            manifest = _ask_dbt(rules)
            keep_manifest(kept, manifest)
    return manifest


def recipe_digest(rules: Mapping[str, Sequence[Any]]) -> str:
    """Return a digest that differs whenever the compiled project would."""
    return _hash([*_base(), json.dumps(rules, sort_keys=True, default=str)])


@functools.cache
def _base() -> tuple[str, ...]:
    return (
        str(_FORM),
        _hash([json.dumps(installed_project())]),
        *library_versions(),
    )


@functools.cache
def library_versions() -> tuple[str, ...]:
    """Return the versions of the libraries that compile and execute."""
    return tuple(version(name) for name in ("dbt-core", "dbt-duckdb", "duckdb"))


def _hash(parts: Sequence[str]) -> str:
    return hashlib.sha256("|".join(parts).encode()).hexdigest()


def cache_folder() -> Path:
    """Return where compiled projects are kept."""
    return platformdirs.user_cache_path("triptych", appauthor=False)


def kept_as(kind: str, digest: str) -> Path:
    """Return the cache path of a digest, by its kind."""
    return cache_folder() / f"{kind}_{digest[:24]}.json"


def read_kept(kept: Path) -> dict[str, Any] | None:
    """Return a manifest that was kept; None where there is none."""
    try:
        manifest: dict[str, Any] = json.loads(kept.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return manifest


def keep_manifest(kept: Path, manifest: Mapping[str, Any]) -> None:
    """Keep a manifest for the next build, and the newest of the others."""
    # Without a place to keep it, the next build asks dbt again.
    with contextlib.suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        mine = kept.with_name(f".{kept.name}.{uuid.uuid4().hex}")
        mine.write_text(json.dumps(manifest), "utf-8")
        mine.replace(kept)
        kind = kept.name.split("_", 1)[0]
        by_age = sorted(kept.parent.glob(f"{kind}_*.json"), key=_modified_at)
        for old in by_age[: -_KEPT_FILES[kind]]:
            old.unlink(missing_ok=True)


def _modified_at(path: Path) -> float:
    with contextlib.suppress(OSError):
        return path.stat().st_mtime
    return 0.0


# ----------------------------------------------------------------------- compiling


def _rendered(
    manifest: Mapping[str, Any], rules: Mapping[str, Sequence[Any]]
) -> dict[str, Any]:
    """Return the project with the models that read rules rendered for these."""
    kept = kept_as("rendered", recipe_digest(rules))
    rendered = read_kept(kept)
    if rendered is None or rendered.keys() != manifest["reading_rules"].keys():
        rendered = _render(manifest, rules)
        keep_manifest(kept, rendered)
    nodes = manifest["nodes"]
    of_rules = {
        key: {**nodes[key], "compiled_code": sql} for key, sql in rendered.items()
    }
    return {**manifest, "nodes": {**nodes, **of_rules}}


def _render(
    manifest: Mapping[str, Any], rules: Mapping[str, Sequence[Any]]
) -> dict[str, str]:
    """Return the SQL of the models that read rules, by unique id."""
    nodes = manifest["nodes"]
    relations = {
        **{
            node["name"]: node["relation_name"]
            for node in nodes.values()
            if node["resource_type"] == "model"
        },
        **{".".join(key.split(".")[2:]): of for key, of in manifest["sources"].items()},
    }
    # As dbt would have them from the table of settings.
    plain = json.loads(json.dumps(rules, default=str))
    renderer = Renderer(manifest["macros"], relations, plain)
    return {
        key: renderer.sql_of(raw_code)
        for key, raw_code in manifest["reading_rules"].items()
    }


def _ask_dbt(rules: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Return the manifest of the whole project."""
    with tempfile.TemporaryDirectory(prefix="triptych-compile-") as scratch:
        target = _run_compile(Path(scratch), rules)
        return trimmed(json.loads((target / "manifest.json").read_text("utf-8")))


def _run_compile(folder: Path, rules: Mapping[str, Sequence[Any]]) -> Path:
    """Let dbt compile in a separate folder; return its output path."""
    workspace = Workspace(folder)
    _write_scratch(workspace, rules)
    target = folder / "target"
    environment = environment_of_dbt(workspace)
    with (
        SilentProgress().task("compile") as task,
        ProjectAsItWasRead(target / "partial_parse.msgpack", environment),
    ):
        output = run_dbt(_command(folder, target), environment, task)
    if output.return_code != 0:
        raise TransformError(
            f"dbt could not compile the project. {' | '.join(output.last_errors)}",
            where=str(dbt_project_dir()),
            next_step="Correct the rule or the model that it names.",
        )
    return target


def _write_scratch(workspace: Workspace, rules: Mapping[str, Sequence[Any]]) -> None:
    """Write the databases that the profile names, with nothing but the rules."""
    workspace.warehouse_dir.mkdir()
    duckdb.connect(str(workspace.raw_database)).close()
    with duckdb.connect(str(workspace.build_database)) as connection:
        connection.execute("CREATE SCHEMA control")
        connection.execute(
            "CREATE TABLE control.settings (name VARCHAR, value VARCHAR)"
        )
        for name, value in rules.items():
            connection.execute(
                "INSERT INTO control.settings VALUES (?, ?)", [name, json.dumps(value)]
            )


def _command(folder: Path, target: Path) -> list[str]:
    project = str(dbt_project_dir())
    return [
        *(*python_module("triptych.core.dbt.process"), "compile"),
        *("--project-dir", project, "--profiles-dir", project),
        *("--target-path", str(target), "--log-path", str(folder / "logs")),
        *("--log-level", "none"),
    ]


def trimmed(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of dbt's manifest that are kept."""
    nodes = {
        key: {
            **{name: node.get(name) for name in _NODE_FIELDS},
            "config": {name: node["config"].get(name) for name in _CONFIG_FIELDS},
        }
        for key, node in manifest["nodes"].items()
        if node["resource_type"] in {"model", "test"}
    }
    return {
        "nodes": nodes,
        "sources": {
            key: source["relation_name"] for key, source in manifest["sources"].items()
        },
        "reading_rules": {
            key: node["raw_code"]
            for key, node in sorted(manifest["nodes"].items())
            if _RULES_MACRO in node["depends_on"].get("macros", ())
        },
        "macros": {
            macro["name"]: macro["macro_sql"]
            for macro in manifest["macros"].values()
            if macro["package_name"] == PACKAGE
        },
    }


# ------------------------------------------------------------------------- reading


def recipe_of(manifest: Mapping[str, Any], digest: str) -> Recipe:
    """Return the nodes of a trimmed manifest in building order."""
    nodes = {key: _node(value) for key, value in manifest["nodes"].items()}
    order = TopologicalSorter(
        {
            key: [parent for parent in node.parents if parent in nodes]
            for key, node in sorted(nodes.items())
        }
    ).static_order()
    placed: dict[str, Node] = {}
    for key in order:
        # A test has no separate tag: it belongs to the node it tests.
        is_late = any(
            placed[p].is_from_estimates for p in nodes[key].parents if p in placed
        )
        placed[key] = replace(
            nodes[key], is_from_estimates=is_late or nodes[key].is_from_estimates
        )
    return Recipe(tuple(placed.values()), manifest["sources"], manifest, digest)


def _node(value: Mapping[str, Any]) -> Node:
    config = value["config"]
    is_test = value["resource_type"] == "test"
    contract = config.get("contract") or {}
    key, unit = _BY_MONTH
    return Node(
        unique_id=value["unique_id"],
        name=value["name"],
        kind="test" if is_test else _kind(config["materialized"]),
        relation=value["relation_name"] or "",
        sql=_without_final_semicolon(value["compiled_code"] or ""),
        # In an order of our own: that of dbt differs between two readings.
        parents=tuple(sorted(set(value["depends_on"]["nodes"]))),
        schema=value["schema"],
        contract={
            name: column["data_type"]
            for name, column in (value["columns"] or {}).items()
        }
        if contract.get("enforced")
        else {},
        is_by_month=(config.get("meta") or {}).get(key) == unit,
        is_from_estimates=FROM_ESTIMATES in value["tags"],
        severity=(config.get("severity") or "error").lower(),
        error_if=config.get("error_if") or "!= 0",
        warn_if=config.get("warn_if") or "!= 0",
    )


def _kind(materialized: str) -> str:
    return "view" if materialized == "view" else "table"


def _without_final_semicolon(sql: str) -> str:
    return re.sub(r"[\s;]+\Z", "", sql)
