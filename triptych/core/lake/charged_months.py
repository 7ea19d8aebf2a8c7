"""Contents of a month in current loads, for comparison with new loads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from triptych.core.lake.loads import HASH_FUNCTION, ChargedMonth, LoadTotal

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import duckdb

# Hashes of another function are as good as none, and so are outlines from before
# charges were counted: they are of other columns.
_MONTHS = f"""
SELECT load_id, source, stream, scope, label, billing_month, currency,
    totals.row_count, first_amount, second_amount,
    CASE WHEN hash_function = {HASH_FUNCTION} THEN sketch END, first_charge_at,
    last_charge_at, first_account, last_account,
    CASE WHEN hash_function = {HASH_FUNCTION} AND charge_count IS NOT NULL
        THEN outline END, {HASH_FUNCTION}, charge_count
FROM catalogue.load_totals AS totals JOIN catalogue.loads USING (load_id)
WHERE status = 'current' AND list_contains(?, stream || ' ' || billing_month)
"""
_FILES = """
SELECT load_id, files, projections, signatures FROM catalogue.loads
WHERE list_contains(?, load_id) ORDER BY load_id
"""


@dataclass(frozen=True, slots=True)
class FilesOfLoad:
    """Reader of a load's rows: its files, with projection and schema of each."""

    load_id: str
    files: tuple[str, ...]
    projections: tuple[str, ...]
    signatures: tuple[str, ...]


def read_charged_months(
    connection: duckdb.DuckDBPyConnection, months: Sequence[ChargedMonth]
) -> list[ChargedMonth]:
    """Return current contents for the streams and months of new loads."""
    if not months:
        return []
    wanted = sorted({" ".join(month.place[:2]) for month in months})
    rows = connection.execute(_MONTHS, [wanted]).fetchall()
    return [_charged_month(row) for row in rows]


def read_files_of(
    connection: duckdb.DuckDBPyConnection, load_ids: Collection[str]
) -> list[FilesOfLoad]:
    """Return how the rows of loads are read, in the order of their ids."""
    if not load_ids:
        return []
    rows = connection.execute(_FILES, [sorted(load_ids)]).fetchall()
    return [FilesOfLoad(load_id, *map(tuple, lists)) for load_id, *lists in rows]


def _charged_month(row: tuple[Any, ...]) -> ChargedMonth:
    load, source, stream, scope, label, month, currency, count, *rest = row
    first, second, sketch, start, end, least, last, outline, *of_hashes = rest
    total = LoadTotal(
        month,
        currency,
        count,
        (first, second),
        tuple(sketch or ()),
        (start, end),
        (least, last),
        tuple(outline or ()),
        *of_hashes,
    )
    return ChargedMonth(load, source, stream, scope, label, total)
