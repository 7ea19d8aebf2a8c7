"""Asks a client's connection for whole answers, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from triptych.core.measures.definition import definitions
from triptych.service.assistant.answers import Answer

if TYPE_CHECKING:
    from mcp import Client


def call_of(question: str, given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the tool and the arguments that answer a question with an address."""
    if question in definitions().questions:
        where = {name: value for name, value in given.items() if name != "month"}
        month = {"month": given["month"]} if "month" in given else {}
        return "report", {
            "name": question,
            **month,
            **({"where": where} if where else {}),
        }
    if question != "cost_by":
        return question, given
    is_whole = given.get("with_tax") or given["dimension"] == "component"
    cost = "effective_cost" if is_whole else "ai_cost"
    billed = definitions().measure(cost).billed
    period = {"period": given["month"]} if "month" in given else {}
    return "query", {"measures": [cost, billed], "by": [given["dimension"]], **period}


async def all_pages(client: Client, tool: str, given: dict[str, Any]) -> Answer:
    """Return an answer with the figures of all of its pages."""
    pages: list[Answer] = []
    while not pages or pages[-1].cursor:
        cursor = {"cursor": pages[-1].cursor} if pages else {}
        result = await client.call_tool(tool, given | cursor)
        assert not result.is_error, (tool, given, result.content)
        pages.append(Answer.model_validate(result.structured_content))
    figures = [figure for page in pages for figure in page.figures]
    rest = {"cursor": None, "left_out_count": pages[-1].left_out_count}
    return pages[0].model_copy(update={"figures": figures, **rest})
