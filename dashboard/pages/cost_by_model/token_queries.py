"""Cost of a million tokens of each kind, by model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dashboard.pages.cost_by_model.queries import NAMES
from dashboard.shared.measured import relation
from dashboard.shared.published import per_run, table

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.shared.selection_queries import Selection
    from triptych.core.warehouse.reader import Snapshot

_UNITS: Final = {
    "input": "1M input",
    "cached": "1M cached",
    "written": "1M written",
    "output": "1M output",
    "other": "of no kind",
    "all": "1M tokens",
}


@per_run
def token_costs(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return the cost of a million tokens by model and kind, dearest model first.

    ``cached_reason`` explains why there is no price of cached input.
    """
    costs = {"cost": "kind_cost", "unit_cost": "unit_cost"}
    joined = " ".join(
        f"left join {_of_models(selection, costs, unit)} as of_{kind} using (model_id)"
        for kind, unit in _UNITS.items()
    )
    columns = ", ".join(
        f"of_{kind}.cost as {kind}_cost, of_{kind}.unit_cost as per_{kind}"
        for kind in _UNITS
    )
    hits = _of_models(selection, {"cache_hit_ratio": "cache_hit_ratio"}, "1M tokens")
    return table(
        snapshot,
        f"""
        with {NAMES}
        select
            model_id,
            coalesce(names.model, model_id) as model,
            cache_hit_ratio,
            {columns},
            'no line for it' as cached_reason
        from {hits} as hits
        {joined}
        left join names using (model_id)
        where coalesce(input_cost, cached_cost, written_cost, output_cost, other_cost)
            is not null
        order by coalesce(input_cost, 0) + coalesce(output_cost, 0) desc, model_id
        """,
    )


def _of_models(selection: Selection, names: dict[str, str], unit: str) -> str:
    """Return measures of a unit by model, of months that are wholly of the scope."""
    return relation(
        selection,
        names,
        by=("model_id",),
        where={"unit": unit},
        months="chosen",
        conditions=("not has_moved",),
    )
