"""The names that people use of models, teams, platforms and features, by their ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from dashboard.shared.published import has_mart, per_run, rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from triptych.core.warehouse.reader import Snapshot

Named: TypeAlias = Literal["model", "team", "platform", "feature"]
NAMED: Final[tuple[Named, ...]] = get_args(Named)


def named_sql(kind: Named, prefix: str = "") -> str:
    """Return SQL of a table of all ids and names, such as ``team_id`` and ``team``.

    A name is the newest name. Where two share it, or it is the id of another, the id
    follows in brackets.

    Parameters
    ----------
    kind : {'model', 'team', 'platform', 'feature'}
        Kind that has the names.
    prefix : str
        Prefix of the schema.
    """
    # Only a model has versions, each with its name.
    newest = "coalesce(valid_from, date '0001-01-01') desc," if kind == "model" else ""
    return f"""(
        select
            {kind}_id,
            case when newest_name <> {kind}_id
                and (
                    count(*) over (partition by newest_name) > 1
                    or newest_name in (select {kind}_id from {prefix}core.dim_{kind}s)
                )
                then newest_name || ' (' || {kind}_id || ')' else newest_name
            end as {kind}
        from (
            select {kind}_id, coalesce({kind}_name, {kind}_id) as newest_name
            from {prefix}core.dim_{kind}s where {kind}_id is not null
            qualify row_number() over (
                partition by {kind}_id
                order by {kind}_name is null, {newest} {kind}_name
            ) = 1
        )
    )"""


@per_run
def names_of(snapshot: Snapshot, kind: Named) -> Mapping[str, str]:
    """Return the newest name of each id, as :func:`named_sql` has it."""
    if not has_mart(snapshot, f"core.dim_{kind}s"):
        return {}
    return {
        row[f"{kind}_id"]: row[kind]
        for row in rows(snapshot, f"select * from {named_sql(kind)}")
    }


def names_of_kind(snapshot: Snapshot, kind: str) -> Mapping[str, str]:
    """Return the names of a kind's entries; none for kinds without names."""
    named = kind_of_column(f"{kind}_id")
    return {} if named is None else names_of(snapshot, named)


def name_of(snapshot: Snapshot, kind: str, known_as: str) -> str:
    """Return the name of an id, or the id where it has no name."""
    return names_of_kind(snapshot, kind).get(known_as, known_as)


def kind_of_column(column: str) -> Named | None:
    """Return the kind that a column has the ids of, by its name."""
    return next((kind for kind in NAMED if column == f"{kind}_id"), None)
