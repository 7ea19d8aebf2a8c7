"""Check if a build made now would differ from the published run.

Asked before anything is compiled or opened for writing: where the fingerprint of all
that figures are made of equals that of the published run, a run has nothing to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from triptych.core.marts.digests import digest_of, digest_of_rows
from triptych.core.marts.recipe import recipe_digest
from triptych.core.spare_engines import database_in_spare_engine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from triptych.core.warehouse.build import ControlTable

#: Differences between any two runs that decide no figure.
_OF_THE_RUN_ALONE = frozenset({"run_id", "started_at"})
#: Catalogue data that models read: loads, refused rows, and the day on which a source
#: answered last.
_CATALOGUE = """
SELECT
  (SELECT list((load_id, source) ORDER BY load_id) FROM catalogue.loads
   WHERE status = 'current'),
  (SELECT count(*) FROM catalogue.loads),
  (SELECT count(*) FROM catalogue.quarantine),
  (SELECT list((source, source_type, streams, expected_lag_hours,
                last_success_at::DATE) ORDER BY source) FROM catalogue.sources)
"""


def build_fingerprint(
    rules: Mapping[str, Sequence[Any]],
    tables: Sequence[ControlTable],
    raw_database: Path,
    *,
    others: Sequence[object] = (),
) -> str:
    """Return a text that differs whenever a build made now could.

    Parameters
    ----------
    rules : mapping of str to sequence
        Rules that models are compiled from; the project and the versions of dbt and of
        the engine count with them.
    tables : sequence of ControlTable
        Inputs that the run would hand to the models: settings, catalogue, history, its
        day.
    raw_database : Path
        The catalogue of loads.
    others : sequence
        Anything else that decides an estimate, such as the seed.
    """
    with database_in_spare_engine(raw_database, read_only=True) as connection:
        catalogue = connection.execute(_CATALOGUE).fetchone()
    return digest_of([recipe_digest(rules), _of_tables(tables), catalogue, *others])


def _of_tables(tables: Sequence[ControlTable]) -> list[tuple[str, str]]:
    digests = []
    for table in tables:
        digest = digest_of_rows(list(table.columns), table.rows)
        counted = [name for name in table.columns if name not in _OF_THE_RUN_ALONE]
        of_table = digest.of_columns(counted) if table.name == "run" else digest.whole
        digests.append((table.name, of_table))
    return sorted(digests)
