"""Saved scenarios as tables; nothing is worked out here.

They are kept beside the published run, a file each, and name the run on which they were
computed.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from triptych.core.warehouse.scenario_results import (
    MOST_COMPARED,
    ScenarioStore,
    differences,
    written,
)
from triptych.core.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    Result = dict[str, Any]

_FIGURES = (
    *("npv", "npv_low_90", "npv_high_90", "probability_npv_positive"),
    *("npv_difference", "npv_difference_low_90", "npv_difference_high_90"),
    *("npv_difference_low_50", "npv_difference_high_50"),
    *("probability_difference_positive", "difference_payback_months_p50"),
    *("difference_payback_months_p90", "difference_probability_never_paid_back"),
    *("cost_difference", "cost_difference_low_90", "cost_difference_high_90"),
    *("monthly_cost", "base_monthly_cost", "npv_reason"),
    "difference_reason",
)


def saved_scenarios(root: Path) -> list[Result]:
    """Return every saved result of a workspace, the newest first, with its label."""
    saved = ScenarioStore(Workspace(root).scenario_results).all()
    count = Counter(one["name"] for one in saved)
    return [
        {**one, "label": one["name"] if count[one["name"]] == 1 else _name_and_id(one)}
        for one in saved
    ]


def unreadable_scenarios(root: Path) -> tuple[str, ...]:
    """Return the names of saved files that cannot be read as results."""
    return ScenarioStore(Workspace(root).scenario_results).unreadable()


def scenario_label(result: Result) -> str:
    """Return how a result is called: its name, with its id where two share the name."""
    label: str = result["label"]
    return label


def label_by_link(saved: Sequence[Result]) -> dict[str, str]:
    """Return labels of results by the keys of links, newest first.

    Keys are name and id, regardless of other saved results; and a name alone that
    several results have come to share since, which is then the newest of them.
    """
    by_name = {result["name"]: scenario_label(result) for result in reversed(saved)}
    by_id = {_name_and_id(result): scenario_label(result) for result in saved}
    return by_name | by_id


def _name_and_id(result: Result) -> str:
    return f"{result['name']} · {result['scenario_id']}"


def best_first(results: Sequence[Result]) -> list[Result]:
    """Return scenarios by gain over their base; those without a gain last."""
    return sorted(
        results,
        key=lambda result: (
            result["summary"]["npv_difference"] is None,
            -(result["summary"]["npv_difference"] or 0.0),
        ),
    )


def scenario_outcomes(results: Sequence[Result]) -> pa.Table:
    """Return the outcomes of scenarios, a row for each."""
    return _table(
        [
            {
                "scenario": scenario_label(result),
                "currency": result["currency"],
                "base_run_id": result["base_run_id"],
                "horizon_months": result["horizon_months"],
                "first_month": result["first_month"],
                "author": result["author"],
                "created_at": result["created_at"].replace("T", " ")[:16],
                "payback": _payback(result["summary"]),
                **{name: result["summary"].get(name) for name in _FIGURES},
            }
            for result in results
        ]
    )


def _payback(summary: Result) -> str | None:
    month = summary["difference_payback_months_p50"]
    return None if month is None else f"month {month:.0f}"


def scenario_months(results: Sequence[Result], measure: str) -> pa.Table:
    """Return a single measure by month, with its intervals."""
    return _table(
        [
            {"scenario": scenario_label(result), "currency": result["currency"], **row}
            for result in results
            for row in result["months"]
            if row["measure"] == measure
        ]
    )


def scenario_differences(results: Sequence[Result]) -> pa.Table:
    """Return differing assumptions of scenarios: a row a key, a column each."""
    labels = {result["scenario_id"]: scenario_label(result) for result in results}
    return _table(
        [
            {
                "assumed": row["key"],
                **{label: row[id_] for id_, label in labels.items()},
            }
            for row in differences(list(results))
        ]
    )


def scenario_changes(result: Result) -> pa.Table:
    """Return the changes of a scenario with their rules and contributions."""
    return _table(
        [
            {
                "change": row["change"],
                "rule": row["rule"],
                "says": written(
                    {
                        key.replace("_", " "): value
                        for key, value in row["values"].items()
                        if key not in {"name", "kind"}
                    }
                ),
                "currency": result["currency"],
                "npv_gain": row["npv_gain"],
                "npv_gain_low_90": row["npv_gain_low_90"],
                "npv_gain_high_90": row["npv_gain_high_90"],
            }
            for row in result["changes"]
        ]
    )


#: Name of the row that belongs to no feature.
_NO_FEATURE = "Of no feature (idle, tax, …)"
_LINES = {
    "benefit": "Benefit",
    "cost": "AI cost",
    "other": "People and integration",
    "replaced": "Replaced cost",
    "net_value": "Net value",
    "overlap": "Claimed twice",
    "discount": "Discounting",
    "rest": "Rest",
    "total": "Total",
}


def scenario_reconciliation(result: Result) -> pa.Table:
    """Return the way from the measured net value to the base, a row for each line."""
    return _bridge(result, result.get("reconciliation"))


def scenario_run_rate(result: Result) -> pa.Table:
    """Return the way from the run rate to a month of the base, a row for each line."""
    return _bridge(result, (result.get("run_rate") or {}).get("lines"))


def scenario_ladder(result: Result) -> pa.Table:
    """Return the way of the run from the measured months to date, as Impact has it."""
    return _table((result.get("run_rate") or {}).get("ladder") or [])


def _bridge(result: Result, lines: Sequence[Result] | None) -> pa.Table:
    """Return a row for each line: the total, then the largest difference first.

    Results that were saved before a bridge was worked out have no lines.
    """
    if not lines:
        return _table([])
    *parts, total = lines
    parts.sort(key=lambda row: -abs(row["difference"]))
    return _table(
        [
            {
                **row,
                "line": _LINES[row["line"]],
                "feature": row["feature_id"] or _without_feature(row),
                "currency": result["currency"],
            }
            for row in [total, *parts]
        ]
    )


def _without_feature(row: Result) -> str:
    return _NO_FEATURE if row["reason_code"] == "no_return" else "all together"


def scenario_drivers(result: Result, measure: str) -> pa.Table:
    """Return the drivers of a scenario, the strongest first.

    Parameters
    ----------
    result : dict
        The scenario.
    measure : {"difference", "npv"}
        Measure that is moved: gain against the base, or net present value.
    """
    said = {
        "not_plausible": "not within a plausible range",
        "not_moved": "no effect",
        "not_computable": "not computable",
    }
    return _table(
        [
            {
                **row,
                "currency": result["currency"],
                "standing": _standing(row),
                "npv_break_even_reason": said.get(row["break_even_npv_status"]),
                "difference_break_even_reason": said.get(
                    row["break_even_difference_status"]
                ),
            }
            for row in sorted(
                result["tornado"], key=lambda row: _swing(row, measure), reverse=True
            )
        ]
    )


def _swing(row: Result, measure: str) -> float:
    low, high = row[f"{measure}_at_low"], row[f"{measure}_at_high"]
    return -1.0 if low is None or high is None else abs(high - low)


def _standing(row: Result) -> str:
    if row["source"] == "study":
        return "estimated"
    if row["source"] == "scenario":
        return "of the scenario"
    return "approved" if row["is_approved"] else "not approved"


def scenario_features(result: Result) -> pa.Table:
    """Return the features of a scenario, and the cost outside any feature."""
    return _table(
        [
            {
                **row,
                "feature": row["feature_id"] or _NO_FEATURE,
                "currency": result["currency"],
                # Results that were saved before it was worked out have none.
                "other_cost": row.get("other_cost"),
                "standing": "counted" if row["counted"] else "not counted",
                "no_npv": row["reason"]
                or ("a cost without a return" if row["npv"] is None else None),
            }
            for row in result["features"]
        ]
    )


def scenario_bills(result: Result) -> pa.Table:
    """Return the bill of each complete month beside the usage served."""
    return _table(
        [
            {**row, "currency": result["currency"]}
            for row in result["elasticity"]["history"]
        ]
    )


def _table(rows: list[Result]) -> pa.Table:
    return pa.Table.from_pylist(rows)


__all__ = [
    "MOST_COMPARED",
    "best_first",
    "label_by_link",
    "saved_scenarios",
    "scenario_bills",
    "scenario_changes",
    "scenario_differences",
    "scenario_drivers",
    "scenario_features",
    "scenario_label",
    "scenario_ladder",
    "scenario_months",
    "scenario_outcomes",
    "scenario_reconciliation",
    "scenario_run_rate",
    "unreadable_scenarios",
]
