"""Writes the contents of a batch of loads into the catalogue tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from triptych.core.lake.bulk_rows import insert_columns, with_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import duckdb

    from triptych.core.lake.in_place import FileInPlace
    from triptych.core.lake.loads import (
        ChargedMonth,
        LoadTotal,
        NewLoad,
        Renewal,
        SeenFile,
    )

_LOADS = (
    "load_id", "run_id", "stream", "source", "scope", "period", "fingerprint", "label",
    "files", "origins", "checksums", "byte_count", "projections", "signatures",
    "absent_columns", "row_count", "spark_projections",
)  # fmt: skip
_QUARANTINE = (
    "origin", "row_number", "reason", "row_content", "billing_month", "subject",
    "is_charge", "amount", "currency", "amount_basis", "compared_row_count",
)  # fmt: skip


def insert_loads(
    connection: duckdb.DuckDBPyConnection, loads: Sequence[NewLoad], *, at: datetime
) -> None:
    """Insert loads and supersede those they replace, even of the same batch.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        ``raw.duckdb``, in a transaction.
    loads : sequence of NewLoad
        In the order of their deliveries; at least a single load.
    at : datetime
        Time, UTC, without zone.
    """
    latest = {load.key: load for load in loads}
    _supersede(connection, list(latest.values()), at)
    columns = _columns(loads, _LOADS)
    columns |= _states(loads, at)
    insert_columns(connection, "catalogue.loads", columns)
    _insert_totals(connection, loads)
    _insert_quarantine(connection, loads, at)
    insert_files_in_place(
        connection,
        [(load.load_id, file) for load in loads for file in load.files_in_place],
    )
    at_rest = [(load.load_id, file) for load in loads for file in load.files_at_rest]
    insert_columns(
        connection,
        "catalogue.files_at_rest",
        _owned(at_rest, ("file", "byte_count", "checksum")),
    )


def renew(
    connection: duckdb.DuckDBPyConnection, renewals: Sequence[Renewal]
) -> list[str]:
    """Give current loads a new fingerprint, and their files in place of now.

    Returns
    -------
    list of str
        Ids of the loads.
    """
    if not renewals:
        return []
    renewed = with_rows(
        connection,
        _columns(renewals, ("source", "stream", "scope", "fingerprint")),
        "UPDATE catalogue.loads SET fingerprint = new.fingerprint FROM {rows} AS new"
        " WHERE status = 'current' AND loads.source = new.source"
        " AND loads.stream = new.stream AND loads.scope = new.scope"
        " RETURNING load_id, source, stream, scope",
    )
    files_of = {renewal.key: renewal.files_in_place for renewal in renewals}
    placed = [(load_id, files_of[tuple(key)]) for load_id, *key in renewed]
    with_rows(
        connection,
        {"load_id": [load_id for load_id, _ in placed]},
        "DELETE FROM catalogue.files_in_place"
        " WHERE load_id IN (SELECT load_id FROM {rows})",
    )
    insert_files_in_place(
        connection,
        [(load_id, file) for load_id, files in placed for file in files],
    )
    return [load_id for load_id, _ in placed]


def remember_files(
    connection: duckdb.DuckDBPyConnection, files: Sequence[SeenFile]
) -> None:
    """Record the contents of delivered files, replacing earlier records."""
    if files:
        with_rows(
            connection,
            _columns(files, ("path", "byte_count", "version", "checksum")),
            "INSERT OR REPLACE INTO catalogue.seen_files BY NAME SELECT * FROM {rows}",
        )


def keep_compared(
    connection: duckdb.DuckDBPyConnection, months: Sequence[ChargedMonth]
) -> list[str]:
    """Record the results of comparing other loads with loads in force.

    Returns
    -------
    list of str
        Ids of the loads.
    """
    if not months:
        return []
    columns: dict[str, Sequence[Any]] = {
        "load_id": [month.load_id for month in months],
        "billing_month": [month.total.billing_month for month in months],
        "currency": [month.total.currency for month in months],
        **_columns_of_comparing([month.total for month in months]),
    }
    with_rows(
        connection,
        columns,
        "UPDATE catalogue.load_totals AS totals SET sketch = new.sketch,"
        " first_charge_at = new.first_charge_at, last_charge_at = new.last_charge_at,"
        " first_account = new.first_account, last_account = new.last_account,"
        " outline = new.outline, hash_function = new.hash_function,"
        " charge_count = new.charge_count"
        " FROM {rows} AS new WHERE totals.load_id = new.load_id"
        " AND totals.billing_month = new.billing_month"
        " AND totals.currency IS NOT DISTINCT FROM new.currency",
    )
    return sorted({month.load_id for month in months})


def _columns_of_comparing(totals: Sequence[LoadTotal]) -> dict[str, list[Any]]:
    return {
        "sketch": [list(total.sketch) or None for total in totals],
        "first_charge_at": [total.span[0] for total in totals],
        "last_charge_at": [total.span[1] for total in totals],
        "first_account": [total.accounts[0] for total in totals],
        "last_account": [total.accounts[1] for total in totals],
        "outline": [list(total.outline) or None for total in totals],
        "hash_function": [total.hash_function for total in totals],
        "charge_count": [total.charge_count for total in totals],
    }


def insert_files_in_place(
    connection: duckdb.DuckDBPyConnection, files: Sequence[tuple[str, FileInPlace]]
) -> None:
    """Insert files in place, each with the id of its load."""
    names = ("uri", "byte_count", "version", "checksum")
    insert_columns(
        connection,
        "catalogue.files_in_place",
        _owned(files, names),
    )


def _supersede(
    connection: duckdb.DuckDBPyConnection, loads: Sequence[NewLoad], at: datetime
) -> None:
    columns = _columns(loads, ("source", "stream", "scope", "load_id"))
    columns["at"] = [at] * len(loads)
    with_rows(
        connection,
        columns,
        "UPDATE catalogue.loads SET status = 'superseded',"
        " superseded_by = new.load_id, superseded_at = new.at FROM {rows} AS new"
        " WHERE status = 'current' AND loads.source = new.source"
        " AND loads.stream = new.stream AND loads.scope = new.scope",
    )


def _states(loads: Sequence[NewLoad], at: datetime) -> dict[str, list[Any]]:
    following = _following(loads)
    later = [following.get(load.load_id) for load in loads]
    return {
        "quarantined_row_count": [
            len(load.quarantined)
            if load.quarantined_row_count is None
            else load.quarantined_row_count
            for load in loads
        ],
        "loaded_at": [at] * len(loads),
        "status": ["superseded" if each else "current" for each in later],
        "superseded_by": later,
        "superseded_at": [at if each else None for each in later],
    }


def _following(loads: Sequence[NewLoad]) -> Mapping[str, str]:
    """Return the load that replaces each that does not outlive its own batch."""
    newest: dict[tuple[str, str, str], str] = {}
    replaced = {}
    for load in loads:
        if load.key in newest:
            replaced[newest[load.key]] = load.load_id
        newest[load.key] = load.load_id
    return replaced


def _insert_totals(
    connection: duckdb.DuckDBPyConnection, loads: Sequence[NewLoad]
) -> None:
    totals = [(load.load_id, total) for load in loads for total in load.totals]
    columns = _owned(totals, ("billing_month", "currency", "row_count"))
    columns["first_amount"] = [total.amounts[0] for _, total in totals]
    columns["second_amount"] = [total.amounts[1] for _, total in totals]
    columns |= _columns_of_comparing([total for _, total in totals])
    insert_columns(connection, "catalogue.load_totals", columns)


def _insert_quarantine(
    connection: duckdb.DuckDBPyConnection, loads: Sequence[NewLoad], at: datetime
) -> None:
    rows = [(load, row) for load in loads for row in load.quarantined]
    columns = _columns([load for load, _ in rows], ("load_id", "source", "stream"))
    columns |= _columns([row for _, row in rows], _QUARANTINE)
    columns["quarantined_at"] = [at] * len(rows)
    insert_columns(connection, "catalogue.quarantine", columns)


def _owned(
    rows: Sequence[tuple[str, object]], names: Sequence[str]
) -> dict[str, list[Any]]:
    """Return columns of rows that each come with the id of their load."""
    load_ids: dict[str, list[Any]] = {"load_id": [load_id for load_id, _ in rows]}
    return load_ids | _columns([row for _, row in rows], names)


def _columns(rows: Sequence[object], names: Sequence[str]) -> dict[str, list[Any]]:
    return {name: [getattr(row, name) for row in rows] for name in names}
