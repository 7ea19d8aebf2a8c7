"""The questions that have an answer: the saved queries of the semantic files.

``desk.py`` turns each into a single query, so every figure of an answer is queried,
labelled, addressed and proved in the same way.
"""

from __future__ import annotations

from typing import Final, Literal

from triptych.core.measures.definition import Question, definitions

#: Of a month, the newest that is reconciled where none is named.
MONTHLY: Final = tuple(
    each for each in definitions().questions.values() if each.when is not None
)
#: Of the run, for any month.
STANDING: Final = tuple(
    each for each in definitions().questions.values() if each.when is None
)
#: Columns that cost may be grouped by.
Dimension = Literal[
    "model_id",
    "feature_id",
    "team_id",
    "cost_center",
    "provider",
    "platform_id",
    "lifecycle_stage",
    "component",
    "source",
    "assignment_method",
]


def cost_by(dimension: str, *, whole: bool = False) -> Question:
    """Return the question of a month's cost by a single column.

    Parameters
    ----------
    dimension : str
        A :data:`Dimension`.
    whole : bool
        With tax and credits, as statements have it.
    """
    is_whole = whole or dimension == "component"
    effective = definitions().measure("effective_cost" if is_whole else "ai_cost")
    billed = definitions().measure(effective.billed or "")
    return Question(
        name="cost_by",
        title=f"What did AI cost by {dimension}?",
        page="cost_by_model",
        measures=(effective, billed),
        by=("billing_month", "currency", dimension),
        when="billing_month = $month",
        order=f"{effective.name} DESC, {dimension}",
    )
