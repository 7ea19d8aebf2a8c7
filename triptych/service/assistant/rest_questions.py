"""Questions that have an address of their parameters, with whole answers.

Each saved query has an address, and so have the tools that read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from triptych.core.measures.definition import Question, definitions
from triptych.service.assistant.answers import (  # noqa: TC001  (mcp reads them)
    Answer,
    CatalogueAnswer,
    ScenarioAnswer,
)
from triptych.service.assistant.asking import Asked, Compare
from triptych.service.assistant.listings import Dimension, cost_by
from triptych.service.assistant.server import (
    AssistantServer,
    Desks,
    Month,
    Period,
    Where,
)

if TYPE_CHECKING:
    from collections.abc import Callable

Listed = Annotated[str, Field(max_length=400, description="Names, with commas.")]
Name = Annotated[str | None, Field(max_length=200)]


def build_questions(desks: Desks) -> AssistantServer:
    """Return the questions of plain addresses, as tools of a server of their own."""
    server = AssistantServer("triptych", log_level="WARNING")
    for question in definitions().questions.values():
        title = f"{question.title} Figures of {question.mart}."
        server.add_tool(_saved(desks, question), question.name, description=title)
    for tool in _others(desks):
        server.add_tool(tool, description=tool.__doc__)
    return server


def _saved(desks: Desks, question: Question) -> Callable[..., Answer]:
    """Return the tool of a saved query."""

    def of_month(month: Month = None) -> Answer:
        return desks.current().answer(question, month=month)

    def of_run() -> Answer:
        return desks.current().answer(question)

    def velocity(
        month: Month = None, metric: Name = None, scope_kind: Name = None
    ) -> Answer:
        parameters = {"metric": metric, "scope_kind": scope_kind}
        return desks.current().answer(question, month=month, parameters=parameters)

    if question.name == "velocity":
        return velocity
    return of_run if question.when is None else of_month


def _others(desks: Desks) -> tuple[Callable[..., Any], ...]:
    """Return the questions that are no saved queries."""

    def cost_by_dimension(
        dimension: Dimension, month: Month = None, *, with_tax: bool = False
    ) -> Answer:
        """Return the cost of a month by a column."""
        return desks.current().answer(cost_by(dimension, whole=with_tax), month=month)

    def query(
        measures: Listed,
        by: Listed = "",
        where: Where = None,
        period: Period = None,
        compare: Compare | None = None,
        top: Annotated[int | None, Field(ge=1, le=1000)] = None,
    ) -> Answer:
        """Return measures by dimensions."""
        names, dimensions = (
            tuple(name.strip() for name in text.split(",") if name.strip())
            for text in (measures, by)
        )
        asked = Asked(names, dimensions, where or {}, period, compare, top)
        return desks.current().query(asked)

    def catalogue(
        search: Annotated[str, Field(max_length=400)] = "",
    ) -> CatalogueAnswer:
        """Return the measures whose words match a search."""
        return desks.current().catalogue(search)

    def explain(figure: Annotated[str, Field(max_length=4000)]) -> Answer:
        """Work a figure out again from its evidence."""
        return desks.current().explain(figure)

    def scenarios() -> ScenarioAnswer:
        """Return saved scenarios as they were written."""
        return desks.current().scenarios()

    cost_by_dimension.__name__ = "cost_by"
    return cost_by_dimension, query, catalogue, explain, scenarios
