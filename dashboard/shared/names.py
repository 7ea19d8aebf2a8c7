"""The names that people use of models, teams, platforms and features, by their ids."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from dashboard.shared.published import has_mart, per_run, rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from triptych.core.warehouse.reader import Snapshot

Named: TypeAlias = Literal["model", "team", "platform", "feature"]
NAMED: Final[tuple[Named, ...]] = get_args(Named)


@per_run
def names_of(snapshot: Snapshot, kind: Named) -> Mapping[str, str]:
    """Return the newest name of each id; where two share one, the id stands with it."""
    mart = f"core.dim_{kind}s"
    if not has_mart(snapshot, mart):
        return {}
    # Only a model has versions, each with its name.
    newest = "valid_from DESC NULLS LAST, " if kind == "model" else ""
    found = rows(
        snapshot,
        f"SELECT DISTINCT ON ({kind}_id) {kind}_id AS id,"
        f" coalesce({kind}_name, {kind}_id) AS name FROM {mart}"
        f" WHERE {kind}_id IS NOT NULL ORDER BY {kind}_id, {newest}{kind}_name",
    )
    shared = Counter(row["name"] for row in found)
    return {
        row["id"]: row["name"]
        if shared[row["name"]] == 1 or row["name"] == row["id"]
        else f"{row['name']} ({row['id']})"
        for row in found
    }


def kind_of_column(column: str) -> Named | None:
    """Return what a column has the ids of, by its name."""
    return next((kind for kind in NAMED if column == f"{kind}_id"), None)
