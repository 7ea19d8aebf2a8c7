"""A statement as CSV: the amount of each line with every digit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.shared.cells import to_csv

if TYPE_CHECKING:
    from dashboard.exports.statements import Statement

COLUMNS = (
    *("billing_month", "cost_center", "team_id", "team", "model_id", "model"),
    *("component", "platform_id", "platform", "cost_basis", "currency", "amount"),
    *("is_estimated", "completeness", "mark", "pool_id", "adjusted_month"),
)


def render_csv(statement: Statement) -> bytes:
    """Return the statement's lines under its header; the amounts sum to its total."""
    facts = statement.provenance
    table = (
        (
            facts.billing_month,
            statement.cost_center,
            line.team_id,
            line.team,
            line.model_id,
            line.model,
            line.component,
            line.platform_id,
            line.platform,
            facts.basis.lower(),
            section.currency,
            line.amount,
            line.is_estimated,
            facts.completeness,
            facts.mark or None,
            line.pool_id,
            line.adjusted_month,
        )
        for section in statement.sections
        for line in section.lines
    )
    return to_csv(statement.facts(), COLUMNS, table)
