"""Figures of concluded studies, kept beside the register.

``studies/concluded/ID.parquet`` has the rows of a study at its registered end, a column
for each table. The register, and so the audit log, has the figure, the hash of its data
and that of the file. The build database can be deleted: the file is read again. Without
the file the study is estimated anew, and says so as long as its figure is another.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from attribution.estimates.store import replace_study
from attribution.estimates.study_tables import STUDY_TABLES
from attribution.studies.register_entries import CONCLUDED
from attribution.studies.restating import SHOWN, accepted_data, is_close
from triptych.core.whole_files import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    import duckdb
    import pyarrow as pa

    from attribution.studies.register import StudyRegister
    from attribution.studies.register_entries import Entry

_STORED: Final = """
SELECT study_id, studies.plan_hash, studies.data_hash, effect
FROM estimates.attribution_studies AS studies
INNER JOIN estimates.attribution_estimates USING (study_id)
WHERE studies.status = 'estimated' AND estimand = 'total'
    AND standing IN ('concluded', 're_estimated', 'withdrawal_pending', 'withdrawn')
ORDER BY study_id
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """Figure of a study, and what it was estimated from."""

    plan: str
    data: str
    effect: float

    def is_as(self, other: Figure) -> bool:
        """Return True if plan, data and effect are the same but for rounding."""
        is_same_basis = (self.plan, self.data) == (other.plan, other.data)
        return is_same_basis and is_close(self.effect, other.effect)


@dataclass(frozen=True, slots=True)
class Concluded:
    """Concluded figure in the register, and the SHA-256 of its file."""

    figure: Figure
    file_sha256: str
    accepted: tuple[str, ...] = ()

    def allows(self, figure: Figure) -> bool:
        """Return True if a figure is this one, or is of data that two accepted."""
        return figure.is_as(self.figure) or figure.data[:SHOWN] in self.accepted


def concluded_studies(entries: Iterable[Entry]) -> dict[str, Concluded]:
    """Return the concluded figure of each study, as the register has it last."""
    by_study: dict[str, list[Entry]] = {}
    for entry in entries:
        by_study.setdefault(entry.study_id, []).append(entry)
    concluded = {}
    for study, own in by_study.items():
        last = next((each for each in own[::-1] if each.event == CONCLUDED), None)
        if last is not None:
            kept = last.arms
            figure = Figure(kept["plan"], kept["data"], float(kept["effect"]))
            concluded[study] = Concluded(
                figure, kept["file_sha256"], accepted_data(own)
            )
    return concluded


def restore(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    concluded: Mapping[str, Concluded],
) -> dict[str, Concluded]:
    """Put back concluded figures that the build database has lost or has otherwise.

    Returns
    -------
    dict of str to Concluded
        Studies with a figure that neither the database nor a file has.
    """
    stored = _stored(connection) if concluded else {}
    lost = {}
    for study, kept in concluded.items():
        figure = stored.get(study)
        if figure is not None and kept.allows(figure):
            continue
        file = _file(folder, study)
        if _sha256(file) != kept.file_sha256:
            lost[study] = kept
            continue
        digest, tables = _read(connection, file)
        replace_study(connection, study, digest, tables)
    return lost


def conclude(
    connection: duckdb.DuckDBPyConnection, register: StudyRegister, *, at: datetime
) -> tuple[str, ...]:
    """Keep the figures of studies that are over, each once, and return their names.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build database after its studies were estimated.
    register : StudyRegister
        Register that the figures are entered in.
    at : datetime
        Time, with its time zone.
    """
    stored = _stored(connection)
    if not stored:
        return ()
    concluded = concluded_studies(register.entries())
    entered = {}
    for study, figure in stored.items():
        known = concluded.get(study)
        file = _file(register.kept_folder, study)
        if known is not None and not known.allows(figure):
            continue  # marked as estimated anew: what was concluded stays on record
        is_entered = known is not None and figure.is_as(known.figure)
        if is_entered and known and _sha256(file) == known.file_sha256:
            continue
        entered[study] = {
            "plan": figure.plan,
            "data": figure.data,
            "effect": repr(figure.effect),
            "file_sha256": _write(connection, file, study),
        }
    if entered:
        register.concluded(entered, at=at)
    return tuple(entered)


def _stored(connection: duckdb.DuckDBPyConnection) -> dict[str, Figure]:
    rows = connection.execute(_STORED).fetchall()
    return {study: Figure(*figure) for study, *figure in rows}


def _file(folder: Path, study: str) -> Path:
    return folder / f"{study}.parquet"


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""


def _write(connection: duckdb.DuckDBPyConnection, file: Path, study: str) -> str:
    """Write the rows of a study, and return the SHA-256 of the file."""
    columns = ", ".join(
        f"(SELECT list(t ORDER BY t) FROM estimates.{table} AS t"
        f" WHERE study_id = $study) AS {table}"
        for table in STUDY_TABLES
    )
    digest = "(SELECT any_value(digest) FROM estimates.digests WHERE subject = $of)"
    table = connection.sql(
        f"SELECT {columns}, {digest} AS digest",
        params={"study": study, "of": f"study {study}"},
    ).to_arrow_table()
    content = _as_parquet(table)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, content)
    return hashlib.sha256(content).hexdigest()


def _as_parquet(table: pa.Table) -> bytes:
    import pyarrow as pa  # noqa: PLC0415  (slow to load; many runs conclude nothing)
    from pyarrow import parquet  # noqa: PLC0415

    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue())


def _read(
    connection: duckdb.DuckDBPyConnection, file: Path
) -> tuple[str, dict[str, pa.Table]]:
    """Return the digest of a study and its rows; columns that are new are NULL."""
    [(digest,)] = connection.execute(
        "SELECT coalesce(digest, '') FROM read_parquet(?)", [str(file)]
    ).fetchall()
    tables = {}
    for table, columns in STUDY_TABLES.items():
        rows = connection.sql(
            f"SELECT unnest({table}, recursive := true) FROM read_parquet(?)",
            params=[str(file)],
        ).to_arrow_table()
        names = ", ".join(
            name if name in rows.column_names else f"NULL AS {name}" for name in columns
        )
        tables[table] = connection.sql(f"SELECT {names} FROM rows").to_arrow_table()
    return digest, tables
