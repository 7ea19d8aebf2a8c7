"""A load that was forged without the log is found, with its manifest or not.

The forger changes files and the catalogue, and has no key. The audit log names each
load with its rows and checksums: ``audit verify`` holds the catalogue against it, and
``verify --evidence`` holds the files against the catalogue.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import duckdb
import pytest

from tests.e2e.cases.closing_case import ClosingCase, copy_of_closed_company
from triptych.core.lake import manifests
from triptych.core.lake.catalogue_file import connect
from triptych.core.lake.in_place import file_checksum
from triptych.core.warehouse.published_checksum import checksum_file
from triptych.core.warehouse.reader import PublishedReader
from triptych.evidence.kept_files import verify_evidence
from triptych.month import auditing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import BuiltWorkspaces


@pytest.fixture(scope="module")
def closed(
    built_workspaces: BuiltWorkspaces, tmp_path_factory: pytest.TempPathFactory
) -> ClosingCase:
    folder = tmp_path_factory.mktemp("closed")
    return copy_of_closed_company(built_workspaces, folder / "company")


def _execute(case: ClosingCase, *statements: str) -> None:
    with duckdb.connect(str(case.workspace.raw_database)) as raw:
        for statement in statements:
            raw.execute(statement)


def _with_manifests(case: ClosingCase) -> None:
    """Write the manifests of what the catalogue has by now."""
    with connect(case.workspace.raw_database, root=case.root) as raw:
        manifests.write_manifests(raw, case.workspace.lake)


def _bill(case: ClosingCase) -> Path:
    """Return the file of a bill in the lake."""
    return next(case.workspace.lake.glob("focus/bills/*/*/*.parquet"))


def _halve(path: Path) -> None:
    """Write a bill of half the amounts in the place of a bill."""
    fresh = path.with_suffix(".new")
    with duckdb.connect() as engine:
        engine.execute(
            'COPY (SELECT * REPLACE ("BilledCost" / 2 AS "BilledCost")'
            f" FROM '{path}') TO '{fresh}' (FORMAT parquet)"
        )
    fresh.replace(path)


def amounts_of_a_bill_halved(case: ClosingCase) -> None:
    _halve(_bill(case))


def amounts_halved_with_catalogue_and_manifest(case: ClosingCase) -> None:
    path = _bill(case)
    _halve(path)
    _execute(
        case,
        f"UPDATE catalogue.files_at_rest SET checksum = '{file_checksum(path)}',"
        f" byte_count = {path.stat().st_size} WHERE ends_with(file, '{path.name}')"
        f" AND load_id = '{path.parent.name}'",
    )
    _with_manifests(case)


def a_load_counted_no_more(case: ClosingCase) -> None:
    _execute(
        case,
        "UPDATE catalogue.loads SET status = 'superseded', superseded_by = 'withdrawn',"
        f" superseded_at = loaded_at WHERE load_id = '{_bill(case).parent.name}'",
    )


def a_load_put_in_without_an_entry(case: ClosingCase) -> None:
    of_bill = f"WHERE load_id = '{_bill(case).parent.name}'"
    renamed = "REPLACE (load_id || 'x' AS load_id)"
    _execute(
        case,
        "INSERT INTO catalogue.loads SELECT * REPLACE (load_id || 'x' AS load_id,"
        f" scope || 'x' AS scope) FROM catalogue.loads {of_bill}",
        f"INSERT INTO catalogue.files_at_rest SELECT * {renamed}"
        f" FROM catalogue.files_at_rest {of_bill}",
        f"INSERT INTO catalogue.load_totals SELECT * {renamed}"
        f" FROM catalogue.load_totals {of_bill}",
    )
    _with_manifests(case)


def a_load_taken_out_with_its_files(case: ClosingCase) -> None:
    folder = _bill(case).parent
    _execute(
        case,
        *(
            f"DELETE FROM catalogue.{table} WHERE load_id = '{folder.name}'"
            for table in ("loads", "files_at_rest", "load_totals")
        ),
    )
    shutil.rmtree(folder)


def refused_rows_invented(case: ClosingCase) -> None:
    _execute(
        case,
        "INSERT INTO catalogue.quarantine (load_id, source, stream, origin, reason,"
        " quarantined_at, row_content, is_charge) SELECT load_id, source, stream,"
        " 'bills.csv', 'no amount', loaded_at, '{}', false"
        f" FROM catalogue.loads WHERE load_id = '{_bill(case).parent.name}'",
    )
    _with_manifests(case)


def a_published_figure_and_its_checksum_changed(case: ClosingCase) -> None:
    path = PublishedReader(case.root).snapshot().path
    with duckdb.connect(str(path)) as published:
        published.execute("CREATE TABLE forged AS SELECT 1 AS figure")
    record = checksum_file(path)
    content = json.loads(record.read_text("utf-8"))
    content["sha256"], content["byte_count"] = file_checksum(path), path.stat().st_size
    record.write_text(json.dumps(content), "utf-8")


#: Seen by comparing the catalogue with the log.
IN_THE_CATALOGUE: tuple[Callable[[ClosingCase], None], ...] = (
    amounts_halved_with_catalogue_and_manifest,
    a_load_counted_no_more,
    a_load_put_in_without_an_entry,
    a_load_taken_out_with_its_files,
    refused_rows_invented,
)
#: Seen by comparing files with the catalogue, or with a checksum under a seal.
IN_FILES: tuple[Callable[[ClosingCase], None], ...] = (
    amounts_of_a_bill_halved,
    a_published_figure_and_its_checksum_changed,
)


@pytest.mark.parametrize(
    "forge", [*IN_THE_CATALOGUE, *IN_FILES], ids=lambda forge: forge.__name__
)
def test_a_forged_load_is_found(
    closed: ClosingCase, tmp_path: Path, forge: Callable[[ClosingCase], None]
) -> None:
    case = ClosingCase(shutil.copytree(closed.root, tmp_path / "company"))
    assert not auditing.verify(case.workspace).doubts
    assert not verify_evidence(case.workspace).differences
    forge(case)
    if forge in IN_THE_CATALOGUE:
        assert auditing.verify(case.workspace).doubts
    else:
        assert verify_evidence(case.workspace).differences
