"""Dimensions that group and filter cost, and the sources of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from dashboard.shared.published import has_mart, per_run
from triptych.core.errors import TriptychError
from triptych.core.file_names import literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dashboard.shared.selection_queries import Selection
    from triptych.core.warehouse.reader import Snapshot

#: Sources of an answer, the fastest first: costs of models, costs of services, and the
#: line items of the bills themselves.
Place = Literal["models", "services", "items"]
MARTS: Final[Mapping[Place, str]] = {
    "models": "cost.fct_daily_model_costs",
    "services": "cost.fct_daily_service_costs",
    "items": "line_items",
}
#: Name of a row without a value: the part of the bill that it belongs to.
_PART: Final = "'(' || replace(component, '_', ' ') || ')'"
#: Charges of a pool stay with the pool until it is divided.
_POOL: Final = "case when pool_id is not null then '(pool ' || pool_id || ')' end"
#: Keys of tags are looked for on so many lines of a period.
_LINES_LOOKED_AT: Final = 50_000
_MOST_TAG_KEYS: Final = 40
TAG: Final = "Tag "
#: The rule, or the entry of known AI, that decides it.
_WHY: Final = "Why AI or not"


@dataclass(frozen=True, slots=True)
class Dimension:
    """Something that each charge has, or lacks.

    Attributes
    ----------
    label : str
        Name on the page and in links.
    columns : mapping
        SQL of its value, by where it can be read from.
    is_time : bool
        True if its values are days, weeks or months.
    """

    label: str
    columns: Mapping[Place, str] = field(hash=False)
    is_time: bool = False


def _everywhere(label: str, sql: str, *, is_time: bool = False) -> Dimension:
    columns: dict[Place, str] = {"models": sql, "services": sql, "items": sql}
    return Dimension(label, columns, is_time)


def _of_owner(label: str, column: str) -> Dimension:
    return Dimension(
        label,
        {
            "models": f"coalesce({column}, {_PART})",
            "items": f"coalesce({column}, {_POOL}, {_PART})",
        },
    )


def _of_lines(label: str, column: str) -> Dimension:
    return Dimension(label, {"items": f"coalesce(nullif({column}, ''), '(none)')"})


_KNOWN: Final = (
    Dimension(
        "Service",
        {
            "services": f"coalesce(service_name, {_PART})",
            "items": "coalesce(nullif(service_name, ''), '(none)')",
        },
    ),
    _everywhere("Provider", "coalesce(provider, source)"),
    _of_lines("Account", "sub_account_id"),
    _of_lines("Region", "region_id"),
    _of_lines("SKU", "sku_id"),
    _of_lines("Meter", "charge_description"),
    _of_lines("Resource", "coalesce(nullif(resource_name, ''), resource_id)"),
    _of_owner("Model", "model"),
    _of_owner("Feature", "feature"),
    _of_owner("Team", "team"),
    _of_owner("Cost centre", "cost_center"),
    Dimension("Platform", dict.fromkeys(("models", "items"), "platform_id")),
    Dimension("Lifecycle stage", dict.fromkeys(("models", "items"), "lifecycle_stage")),
    _everywhere("Part of the bill", "replace(component, '_', ' ')"),
    Dimension(
        "AI or not",
        {"items": "case when component = 'out_of_scope' then 'Not AI' else 'AI' end"},
    ),
    Dimension(_WHY, {"items": "coalesce(scope_reason, '(nothing says so)')"}),
    _everywhere("Source", "source"),
    _everywhere("Day", "cast(charge_date as varchar)", is_time=True),
    _everywhere(
        "Week",
        "cast(cast(date_trunc('week', charge_date) as date) as varchar)",
        is_time=True,
    ),
    _everywhere("Month", "billing_month", is_time=True),
)
#: Dimensions that need the owner of a model or a feature, which the line item itself
#: does not have.
OF_OWNERS: Final = frozenset({"Feature", "Team", "Cost centre"})


def places(snapshot: Snapshot) -> tuple[Place, ...]:
    """Return the places that the viewer may read, the fastest first."""
    readable: dict[Place, bool] = {
        "models": True,
        "services": has_mart(snapshot, MARTS["services"]),
        "items": snapshot.has_line_items,
    }
    return tuple(place for place, is_there in readable.items() if is_there)


def offered(snapshot: Snapshot, selection: Selection) -> dict[str, Dimension]:
    """Return the dimensions the viewer may group and filter by, by label."""
    readable = places(snapshot)
    left_out = () if _says_why(snapshot) else (_WHY,)
    tags = [
        Dimension(f"{TAG}{key}", {"items": _tag(key)})
        for key in (tag_keys(snapshot, selection) if "items" in readable else ())
    ]
    return {
        each.label: each
        for each in (*_KNOWN, *tags)
        if any(place in each.columns for place in readable)
        and each.label not in left_out
    }


@per_run
def _says_why(snapshot: Snapshot) -> bool:
    """Return True if line items have a reason; older runs have none."""
    if not snapshot.has_line_items:
        return False
    try:
        columns = snapshot.query_line_items("select * from line_items limit 0")
    except TriptychError:
        return False
    return "scope_reason" in columns.column_names


def _tag(key: str) -> str:
    return f"coalesce(nullif(tags[{literal(key)}], ''), '(none)')"


@per_run
def tag_keys(snapshot: Snapshot, selection: Selection) -> tuple[str, ...]:
    """Return the keys of tags that arrived, those on most lines first.

    Looked for on the first lines of the period only: to open a page takes no pass over
    a bill.
    """
    try:
        found = snapshot.query_line_items(
            f"""
            select distinct key, count(*) over (partition by key) as line_count
            from (
                select unnest(map_keys(tags)) as key
                from (
                    select tags from line_items
                    where list_contains($months, billing_month)
                    limit {_LINES_LOOKED_AT}
                )
            )
            order by line_count desc, key limit {_MOST_TAG_KEYS}
            """,
            {"months": list(selection.period.months)},
        )
    except TriptychError:
        return ()
    return tuple(found["key"].to_pylist())


def place_of(
    readable: Iterable[Place],
    dimensions: Iterable[Dimension],
    *,
    has_scope: bool,
    is_whole_bill: bool,
) -> Place | None:
    """Return where a question is answered the quickest; None where nothing has it all.

    Services have no owner, so a model, team or cost centre narrows the other places
    only; cost that is not AI is on the bills alone.
    """
    asked = tuple(dimensions)
    for place in readable:
        has_all = all(place in each.columns for each in asked)
        is_narrowed = not (has_scope and place == "services")
        is_wide = not is_whole_bill or place == "items"
        if has_all and is_narrowed and is_wide:
            return place
    return None
