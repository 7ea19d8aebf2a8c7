"""A refusal says what happened, where, and what to do next, whatever raised it."""

from __future__ import annotations

import ast
import errno
import importlib
import inspect
import io
import json
import pkgutil
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from ruamel.yaml import YAML
from typer.main import get_command

import attribution
import dashboard
import ingest
import triptych
from attribution.causal.refusal import REMEDIES, RefusalError
from ingest.engine.registry import UnknownConnectorError
from ingest.reading.malformed import as_failed
from triptych.cli.application import new_application
from triptych.core.errors import MachineError, TransformError, TriptychError
from triptych.core.lake.catalogue_file import unreadable_catalogue
from triptych.core.lake.manifests import ManifestError
from triptych.core.machine_errors import as_expected
from triptych.core.run_record import is_somebody_at_it, read_last_run
from triptych.core.settings import load_settings
from triptych.core.stopping import StoppedError
from triptych.core.workspace import Workspace
from triptych.evidence.recovering import recover

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGES = (triptych, ingest, attribution, dashboard)
WHAT, WHERE, NEXT = "It broke.", "bills/a.csv:7", "Mend it."
#: How classes are made whose parameters are their own.
OWN_PARAMETERS: dict[str, tuple[object, ...]] = {
    RefusalError.__name__: (next(iter(REMEDIES)), WHAT),
    StoppedError.__name__: ("SIGTERM",),
    UnknownConnectorError.__name__: ("klingon",),
}


def modules() -> Iterator[str]:
    for package in PACKAGES:
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            # A page runs when it is imported.
            if ".pages" not in found.name and not found.name.endswith("__main__"):
                yield found.name


def sources() -> Iterator[Path]:
    for package in PACKAGES:
        assert package.__file__ is not None
        yield from sorted(Path(package.__file__).parent.rglob("*.py"))


def error_classes() -> list[type[TriptychError]]:
    """Return every class of errors of the product, from the files that have one."""
    of_errors = [path for path in sources() if "Error):" in path.read_text("utf-8")]
    known = set(modules())
    root = Path(str(triptych.__file__)).parents[1]
    for path in of_errors:
        name = ".".join(path.relative_to(root).with_suffix("").parts)
        if name in known:
            importlib.import_module(name)
    found: list[type[TriptychError]] = []
    waiting: list[type[TriptychError]] = [TriptychError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        found.append(kind)
    return sorted(
        {kind for kind in found if kind.__module__.split(".")[0] != "tests"},
        key=lambda kind: kind.__qualname__,
    )


def made(kind: type[TriptychError]) -> TriptychError:
    if kind.__name__ in OWN_PARAMETERS:
        build: Any = kind
        error: TriptychError = build(*OWN_PARAMETERS[kind.__name__])
        return error
    return kind(WHAT, where=WHERE, next_step=NEXT)


@pytest.fixture(scope="module")
def classes() -> list[type[TriptychError]]:
    return error_classes()


def test_each_class_of_errors_asks_for_a_next_step(
    classes: list[type[TriptychError]],
) -> None:
    assert {TriptychError, MachineError, TransformError} <= set(classes)
    assert len(classes) > 30
    for kind in classes:
        parameters = inspect.signature(kind).parameters
        if kind.__name__ not in OWN_PARAMETERS:
            assert parameters["next_step"].default is inspect.Parameter.empty, kind
        error = made(kind)
        assert error.what, kind
        assert error.next_step, kind
        assert str(error).endswith(error.next_step), kind


def shown(error: BaseException) -> tuple[int, str]:
    """Return the exit code and the text of a command in which an error is raised."""

    def close() -> None:
        raise error

    app = new_application({"close": close})
    text = io.StringIO()
    with redirect_stderr(text), redirect_stdout(text), pytest.raises(SystemExit) as end:
        get_command(app)(["close"])
    assert isinstance(end.value.code, int)
    return end.value.code, text.getvalue()


def test_a_command_tells_each_class_with_its_place_and_its_next_step(
    classes: list[type[TriptychError]],
) -> None:
    for kind in classes:
        error = made(kind)
        code, text = shown(error)
        assert code >= 1
        assert error.what in text
        assert text.rstrip().endswith(error.next_step)
        assert text.startswith(f"{error.where or 'triptych close'}: "), kind


def test_no_place_of_the_product_gives_an_empty_next_step(
    classes: list[type[TriptychError]],
) -> None:
    """That there is one at all is what the types ask for."""
    names = {kind.__name__ for kind in classes} | {"Finding"}
    calls = 0
    for path in sources():
        text = path.read_text("utf-8")
        if not any(f"{name}(" in text for name in names):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and _name(node.func) in names:
                calls += 1
                for keyword in node.keywords:
                    is_empty = (
                        isinstance(keyword.value, ast.Constant)
                        and not str(keyword.value.value).strip()
                    )
                    is_asked = keyword.arg in {"next_step", "what"}
                    assert not (is_asked and is_empty), f"{path}:{node.lineno}"
    assert calls > 300


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


SYSTEM = [
    OSError(errno.ENOSPC, "No space left on device", "w/raw.duckdb"),
    OSError(errno.EDQUOT, "Disk quota exceeded", "w/raw.duckdb"),
    OSError(errno.EROFS, "Read-only file system", "w/runs/lock"),
    OSError(errno.EACCES, "Permission denied", "w/lake"),
    OSError(errno.ENOTDIR, "Not a directory", "w/warehouse/CURRENT"),
    OSError(errno.EEXIST, "File exists", "w/runs"),
    OSError(errno.EMFILE, "Too many open files", "w/lake"),
    OSError(errno.EIO, "Input/output error", "w/lake"),
    OSError(errno.ENOSPC, "No space left on device"),
    OSError(errno.EIO, "Input/output error"),
    MemoryError(),
    RecursionError("maximum recursion depth exceeded"),
    KeyboardInterrupt(),
]
ENGINE = [
    ('IO Error: Could not write file "/w/a.duckdb": No space left', "disk is full"),
    ('IO Error: Cannot open file "/w/a": Read-only file system', "only be read"),
    ('IO Error: Cannot open file "/w/a": Permission denied', "may not read"),
    ('IO Error: "/w/a.duckdb" is not a valid DuckDB database file!', "damaged"),
    ("Corrupt database file: computed checksum 1", "damaged"),
    ("Binder Error: no such column", "refused a step: Binder Error"),
]


@pytest.mark.parametrize(
    "error",
    [*SYSTEM, *(duckdb.Error(text) for text, _ in ENGINE)],
    ids=lambda error: str(error)[:40],
)
def test_what_the_system_or_the_engine_raises_is_never_told_alone(
    error: BaseException,
) -> None:
    code, text = shown(error)
    expected = as_expected(error)
    assert expected is not None
    assert code == (130 if isinstance(error, KeyboardInterrupt) else 1)
    assert "unexpected" not in text
    assert text.startswith(f"{expected.where or 'triptych close'}: {expected.what}")
    assert text.rstrip().endswith(expected.next_step)
    assert len(text.splitlines()) == 1


@pytest.mark.parametrize(("text", "words"), ENGINE)
def test_what_the_engine_says_is_understood(text: str, words: str) -> None:
    expected = as_expected(duckdb.Error(text + "\nmore of it"))
    assert expected is not None
    assert words in expected.what
    assert expected.where == ("/w/a" if '/w/a"' in text else expected.where)
    assert "more of it" not in str(expected)


def test_a_full_disk_is_not_the_fault_of_the_file_that_was_read() -> None:
    for error in (
        OSError(errno.ENOSPC, "No space left on device"),
        duckdb.IOException("IO Error: Could not write: No space left on device"),
        MemoryError(),
        duckdb.OutOfMemoryException("Out of Memory Error: failed to allocate"),
    ):
        failed = as_failed(error, "bills/a.csv")
        assert "Correct the file" not in failed.next_step
        assert failed.where == "bills/a.csv"


def test_a_defect_of_ours_is_told_as_one_with_the_way_to_its_details() -> None:
    code, text = shown(ZeroDivisionError("division by zero"))
    assert code == 1
    assert "Something unexpected went wrong: ZeroDivisionError" in text
    assert text.rstrip().endswith("with -v for details.")


DEEP = "[" * 100_000


@pytest.mark.parametrize("content", [DEEP, "[]", "7", '{"a": 1}', "", "\0"])
def test_a_record_that_is_damaged_stops_no_command(
    tmp_path: Path, content: str
) -> None:
    workspace = Workspace(tmp_path)
    record = workspace.runs_dir / "20260101T000000000000Z-ab12" / "run.json"
    record.parent.mkdir(parents=True)
    record.write_text(content)
    workspace.lock_file.with_suffix(".json").write_text(content)
    assert read_last_run(workspace.runs_dir) is None
    assert not is_somebody_at_it(workspace.lock_file)


@pytest.mark.parametrize("content", [DEEP, "[]", "{}", '{"form": 1, "load": {}}'])
def test_a_manifest_that_is_damaged_is_named_and_nothing_is_changed(
    tmp_path: Path, content: str
) -> None:
    manifest = tmp_path / "lake" / "focus" / "bills" / "all" / "load" / "manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(content)
    with pytest.raises(ManifestError) as refused:
        recover(Workspace(tmp_path))
    assert refused.value.where == str(manifest)
    assert "backup" in refused.value.next_step
    assert len(str(refused.value).splitlines()) == 1
    assert not (tmp_path / "raw.duckdb").exists()


UNREADABLE = {
    "deep": "a: " + "[" * 1_000,
    "contains itself": "sources: &a [*a]",
    "tabs": "organisation: x\n\tcurrency: EUR\n",
    "indentation": "organisation: x\n  currency: EUR\n",
    "a list": "- organisation\n- currency\n",
    "two documents": "organisation: x\n---\ncurrency: EUR\n",
    "a bracket that stays open": "sources: [",
    "an unknown alias": "sources: *none",
    "a control character": "organisation: \x01",
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_of_a_file_that_cannot_be_read_nothing_is_said_to_be_missing(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "triptych.yml").write_text(UNREADABLE[name])
    (tmp_path / "catalog.yml").write_text("models: [")
    (tmp_path / "allocation.yml").write_text(
        "assignments:\n  - {name: a, match: {}, model: eta}\n"
    )
    with pytest.raises(TriptychError) as refused:
        load_settings(tmp_path)
    general, catalog = refused.value.located.splitlines()
    assert general.startswith("triptych.yml:")
    assert catalog.startswith("catalog.yml:1: not valid YAML")
    assert "has no" not in general
    assert "triptych check" in refused.value.next_step


def test_a_list_of_failures_reads_line_by_line() -> None:
    error = TriptychError("a.yml:1: wrong.\nb.yml:2: wrong.", next_step=NEXT)
    assert str(error).splitlines() == ["a.yml:1: wrong.", "b.yml:2: wrong.", NEXT]
    _, text = shown(error)
    assert text.startswith("a.yml:1: ")


def test_no_text_of_a_yaml_library_is_shown_whole(tmp_path: Path) -> None:
    text = "organisation: x\nsources: [\n"
    raw = ""
    try:
        YAML(typ="safe", pure=True).load(text)
    except Exception as error:  # noqa: BLE001  (whatever the library says)
        raw = str(error)
    assert "\n" in raw
    (tmp_path / "triptych.yml").write_text(text)
    with pytest.raises(TriptychError) as refused:
        load_settings(tmp_path)
    assert raw not in str(refused.value)
    assert json.dumps(str(refused.value)).count("triptych.yml") == 1


def test_a_disk_that_was_full_is_no_damaged_file() -> None:
    error = duckdb.FatalException(
        "FATAL Error: Failed: database has been invalidated because of a previous"
        " fatal error.\nOriginal error: Could not write file: No space left on device"
    )
    assert "disk is full" in str(as_expected(error))


def test_a_cut_catalogue_is_recovered(tmp_path: Path) -> None:
    path = tmp_path / "raw.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE t AS SELECT range AS a FROM range(300000)")
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    with pytest.raises(duckdb.Error) as caught:
        duckdb.connect(str(path), read_only=True)
    text = str(as_expected(caught.value))
    assert "refused a step" not in text
    assert "triptych recover" in text


def test_too_little_memory_is_no_lost_catalogue(tmp_path: Path) -> None:
    error = duckdb.OutOfMemoryException("Out of Memory Error: could not allocate")
    refusal = unreadable_catalogue(tmp_path / "raw.duckdb", error)
    assert isinstance(refusal, MachineError)
    assert "recover" not in str(refusal)
