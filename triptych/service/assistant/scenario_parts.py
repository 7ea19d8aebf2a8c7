"""Parts of scenarios: what each comes to, and its tables on request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from triptych.service.assistant.refusals import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Scenario = Mapping[str, Any]

_ABOUT: Final = (
    *("name", "scenario_id", "currency", "first_month", "last_month"),
    *("horizon_months", "author", "created_at", "base_run_id"),
)
_RESULT: Final = (
    *("npv", "npv_low_90", "npv_high_90", "npv_reason", "probability_npv_positive"),
    *("npv_difference", "npv_difference_low_90", "npv_difference_high_90"),
    *("payback_months_p50", "payback_months_p90", "probability_never_paid_back"),
)
_DRIVERS: Final = 3


def summaries(scenarios: Sequence[Scenario]) -> dict[str, Any]:
    """Return what each scenario comes to, and the names of its parts."""
    return {"scenarios": [_summary(each) for each in scenarios]}


def _summary(scenario: Scenario) -> dict[str, Any]:
    """Return a scenario's result, what moves it most, and the names of its parts."""
    result = scenario.get("summary", {})
    drivers = [each["driver"] for each in scenario.get("tornado", ())[:_DRIVERS]]
    tables = (dict, list)
    parts = [name for name, value in scenario.items() if isinstance(value, tables)]
    return {
        **{name: scenario[name] for name in _ABOUT if name in scenario},
        "summary": {name: result[name] for name in _RESULT if name in result},
        "moved_most_by": drivers,
        "parts": parts,
    }


def part_of(
    scenarios: Sequence[Scenario], name: str, part: str | None
) -> dict[str, Any]:
    """Return a part of a scenario as it was written, or its result.

    Parameters
    ----------
    scenarios : sequence of mapping
        Scenarios, the newest first.
    name : str
        Name or identifier of one of them.
    part : str or None
        Name of a table or a mapping; None for the result.

    Raises
    ------
    RefusedError
        There is no such scenario or part.
    """
    names = [str(each.get("name")) for each in scenarios]
    matching = [e for e in scenarios if name in {e.get("name"), e.get("scenario_id")}]
    if not matching:
        raise _unknown("scenario", name, names, "name")
    scenario = matching[0]
    if part is None:
        return summaries([scenario])
    if part not in scenario:
        raise _unknown("part", part, list(scenario), "part")
    value = scenario[part]
    return {"part": part, "scenarios": value if isinstance(value, list) else [value]}


def _unknown(kind: str, name: str, known: Sequence[str], where: str) -> RefusedError:
    return RefusedError(
        f"There is no {kind} {name!r}.",
        where=where,
        next_step=f"There is {', '.join(dict.fromkeys(known)) or 'none'}.",
        code="unknown_name",
    )
