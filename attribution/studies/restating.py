"""Keep the figure of a concluded study when its data or its method is edited later.

The figure that was counted at the registered end stays. A figure of other data, another
seed or another method is shown beside it, and replaces it once two people accept that
data in the register. A study without its concluded figure is estimated anew and marked.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from attribution.studies.register_entries import ACCEPTED
from triptych.core.errors import UsageError
from triptych.core.signatories import is_same_person

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb
    import pyarrow as pa

    from attribution.studies.asked import Asked
    from attribution.studies.concluded import Concluded
    from attribution.studies.register_entries import Entry

_CONCLUDED: Final = frozenset(
    {"concluded", "re_estimated", "withdrawal_pending", "withdrawn"}
)
#: Relative difference of two figures that rounding may make.
_ROUNDING: Final = 1e-6
#: Characters of a hash that a note shows.
SHOWN: Final = 12
_STORED: Final = """
SELECT studies.data_hash, studies.plan_hash, studies.standing, studies.seed,
    estimates.effect
FROM estimates.attribution_studies AS studies
INNER JOIN estimates.attribution_estimates AS estimates USING (study_id)
WHERE study_id = ? AND studies.status = 'estimated' AND estimand = 'total'
"""
_RESTATE: Final = """
UPDATE estimates.attribution_studies SET notes = ?, standing = ? WHERE study_id = ?
"""


def is_close(first: float, second: float) -> bool:
    """Return True if two figures differ by rounding at most."""
    return first == second or math.isclose(first, second, rel_tol=_ROUNDING)


def settled(
    connection: duckdb.DuckDBPyConnection,
    asked: Asked,
    tables: Mapping[str, pa.Table],
    lost: Mapping[str, Concluded],
) -> Mapping[str, pa.Table] | None:
    """Return the results to store; ``None`` if the concluded figure stays.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build database.
    asked : Asked
        The study and the data that two people accepted.
    tables : mapping of str to Table
        Its new results by table.
    lost : mapping of str to Concluded
        Studies whose concluded figure is neither stored nor in a file.
    """
    [new] = tables["attribution_studies"].to_pylist()
    if new["data_hash"][:SHOWN] in asked.registered.accepted_data:
        return tables
    if asked.plan.id in lost:
        return _marked(lost[asked.plan.id], new, tables)
    stored = connection.execute(_STORED, [asked.plan.id]).fetchone()
    if stored is None:
        return tables
    data, plan, standing, seed, before = stored
    if standing not in _CONCLUDED or plan != new["plan_hash"]:
        return tables
    after, note = _total(tables), ""
    is_of_data = new["data_hash"] == data
    if not is_of_data or after is None or not is_close(before, after):
        same = f"By method {new['method_version']}, of the same data. "
        note = same * is_of_data + _note(asked.plan.id, before, after, new)
    elif seed == new["seed"]:
        return tables
    notes = "\n".join(filter(None, (new["notes"], note)))
    connection.execute(_RESTATE, [notes, new["standing"], asked.plan.id])
    return None


def _marked(
    lost: Concluded, new: Mapping[str, Any], tables: Mapping[str, pa.Table]
) -> Mapping[str, pa.Table]:
    """Return results with a mark where they are not what was concluded."""
    after, figure = _total(tables), lost.figure
    is_of_data = new["data_hash"] == figure.data
    if is_of_data and after is not None and is_close(figure.effect, after):
        return tables
    shown, unit = _shown(after, new), new["outcome_unit"]
    note = (
        f"Re-estimated since: {figure.effect:.6g} → {shown} {unit}. The concluded"
        f" figure (data {figure.data[:SHOWN]}) is in the register, its rows are gone:"
        f" restore studies/concluded/{new['study_id']}.parquet from a copy."
    )
    standing = new["standing"]
    changed = {
        "notes": "\n".join(filter(None, (new["notes"], note))),
        "standing": "re_estimated" if standing == "concluded" else standing,
    }
    table = tables["attribution_studies"]
    for name, value in changed.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(place, table.schema.field(place), [[value]])
    return {**tables, "attribution_studies": table}


def _note(
    study_id: str, before: float, after: float | None, new: Mapping[str, Any]
) -> str:
    unit, data = new["outcome_unit"], new["data_hash"][:SHOWN]
    return (
        f"Restated since: {before:.6g} → {_shown(after, new)} {unit}"
        f" (data {data or 'unknown'})."
        " The concluded figure is counted until two people accept the data with"
        f" `triptych study accept {study_id} --data {data}`."
    )


def _total(tables: Mapping[str, pa.Table]) -> float | None:
    """Return the total effect of new results, in the unit of the outcome."""
    for row in tables["attribution_estimates"].to_pylist():
        if row["estimand"] == "total" and row["effect"] is not None:
            return float(row["effect"])
    return None


def _shown(after: float | None, new: Mapping[str, Any]) -> str:
    return str(new["status"]) if after is None else f"{after:.6g}"


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
