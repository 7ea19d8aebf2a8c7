"""Payback of a move: a range of months, or a point with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dashboard.shared import format as fmt

if TYPE_CHECKING:
    from dashboard.pages.scorecard.queries import Move

#: Parts of the cost of moving: column, and its purpose.
COST_PARTS: Final = {
    "integration_labour_amount": "hours of integration",
    "integration_charges_amount": "charges for integration",
    "dual_running_amount": "dual running",
    "unused_commitment_amount": "commitment unused",
}


def sentence(move: Move) -> str:
    """Return the payback of a move, with its cost and monthly saving."""
    row = move.figures
    currency = row["currency"]
    if row["cost_of_moving_amount"] is None:
        return f"Cost of the move is unknown: {row['reason']}."
    parts = ", ".join(
        f"{fmt.money(row[column], currency)} {name}"
        for column, name in COST_PARTS.items()
        if row.get(column)
    )
    total = f"The move cost **{fmt.money(row['cost_of_moving_amount'], currency)}**"
    cost = f"{total}: {parts}." if parts else f"{total}."
    if row["break_even_state"] != "within the horizon":
        return f"{cost} {_without_range(row)}"
    saving = fmt.interval(
        row["monthly_saving_low"], row["monthly_saving_high"], currency
    )
    months = (
        f"{row['break_even_months_low']:.1f} to {row['break_even_months_high']:.1f}"
    )
    return (
        f"**{fmt.markdown(move.name)}** pays back in **{months} months**, saving"
        f" {saving} a month (90 %). {cost}"
    )


def _without_range(row: dict[str, Any]) -> str:
    """Write the payback of a move as a point, and why it has no range."""
    state, months = row["break_even_state"], row.get("break_even_months")
    if state == "not comparable":
        return f"**Not comparable**: {row['reason']}."
    if months is None and state == "unknown":
        return f"When it has paid for itself is not known: {row['reason']}."
    if months is None:
        return f"**{state.capitalize()}**."
    saving = fmt.estimate(row["monthly_saving"], row["currency"])
    return (
        f"It saves {saving} a month and **pays back in {months:.1f} months**, a point"
        f" without a range: {row['break_even_range_reason']}."
    )
