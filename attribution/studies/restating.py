"""Keep the figure of a concluded study when its data is edited later.

The figure that was counted at the registered end stays. A figure of other data is
shown beside it, and replaces it once two people accept that data in the register.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from attribution.studies.register_entries import ACCEPTED
from triptych.core.errors import UsageError
from triptych.core.signatories import is_same_person

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb
    import pyarrow as pa

    from attribution.studies.asked import Asked
    from attribution.studies.register_entries import Entry

_CONCLUDED: Final = frozenset({"concluded", "withdrawal_pending", "withdrawn"})
#: Characters of a hash that a note shows.
SHOWN: Final = 12
_STORED: Final = """
SELECT studies.data_hash, studies.plan_hash, studies.standing, estimates.effect
FROM estimates.attribution_studies AS studies
INNER JOIN estimates.attribution_estimates AS estimates USING (study_id)
WHERE study_id = ? AND studies.status = 'estimated' AND estimand = 'total'
"""
_RESTATE: Final = """
UPDATE estimates.attribution_studies SET notes = ?, standing = ? WHERE study_id = ?
"""


def is_kept(
    connection: duckdb.DuckDBPyConnection, asked: Asked, tables: Mapping[str, pa.Table]
) -> bool:
    """Keep the stored figure of a concluded study if other data was not accepted.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build database.
    asked : Asked
        The study and the data that two people accepted.
    tables : mapping of str to Table
        Its new results by table.

    Returns
    -------
    bool
        True if the stored figure stays, with a note of the new one.
    """
    stored = connection.execute(_STORED, [asked.plan.id]).fetchone()
    if stored is None:
        return False
    data, plan, standing, before = stored
    [new] = tables["attribution_studies"].to_pylist()
    if standing not in _CONCLUDED or plan != new["plan_hash"]:
        return False
    accepted = asked.registered.accepted_data
    if new["data_hash"] == data or new["data_hash"][:SHOWN] in accepted:
        return False
    note = _note(asked.plan.id, before, new, tables)
    notes = "\n".join(filter(None, (new["notes"], note)))
    connection.execute(_RESTATE, [notes, new["standing"], asked.plan.id])
    return True


def _note(
    study_id: str, before: float, new: Mapping[str, Any], tables: Mapping[str, pa.Table]
) -> str:
    totals = [
        row["effect"]
        for row in tables["attribution_estimates"].to_pylist()
        if row["estimand"] == "total"
    ]
    after = totals[0] if totals and totals[0] is not None else None
    shown = new["status"] if after is None else f"{after:.6g}"
    unit, data = new["outcome_unit"], new["data_hash"][:SHOWN]
    return (
        f"Restated since: {before:.6g} → {shown} {unit} (data {data or 'unknown'})."
        " The concluded figure is counted until two people accept the data with"
        f" `triptych study accept {study_id} --data {data}`."
    )


def accepted_data(entries: Sequence[Entry]) -> tuple[str, ...]:
    """Return the beginnings of hashes of data that two people accepted for a study."""
    first: dict[str, Entry] = {}
    accepted = []
    for entry in entries:
        if entry.event != ACCEPTED:
            continue
        earlier = first.setdefault(entry.because, entry)
        if _are_two(earlier, entry):
            accepted.append(entry.because)
    return tuple(dict.fromkeys(accepted))


def _are_two(first: Entry, second: Entry) -> bool:
    """Return True if two logins with two names made the entries."""
    logins = [entry.arms.get("login", "") for entry in (first, second)]
    is_one_login = not all(logins) or logins[0].casefold() == logins[1].casefold()
    return not is_one_login and not is_same_person(first.by, second.by)


def check_acceptance(own: Sequence[Entry], entry: Entry) -> None:
    """Refuse a second acceptance by the login or the person of the first.

    Raises
    ------
    UsageError
        The study is not locked, or the same login or person accepted the data before.
    """
    if not own:
        raise UsageError(
            f"Study {entry.study_id!r} is not locked.",
            next_step='"triptych study list" names those that are.',
        )
    earlier = [
        each for each in own if (each.event, each.because) == (ACCEPTED, entry.because)
    ]
    if earlier and not _are_two(earlier[0], entry):
        raise UsageError(
            f"{earlier[0].by} accepted this data under the same login or name.",
            next_step="A second person accepts it, under a login of their own.",
        )
