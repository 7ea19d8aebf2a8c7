"""A viewer gets no figure of finance: not by a tool, prompt, resource or error."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import anyio
import duckdb
import pyarrow as pa
import pytest

pytest.importorskip("mcp", reason="the extra mcp is not installed")

from mcp import Client

from tests.e2e.assistant.hostile import HOSTILE
from triptych.core.measures.definition import definitions
from triptych.service.assistant.desk import Desk
from triptych.service.assistant.listings import MONTHLY, STANDING, cost_by
from triptych.service.assistant.server import build_server

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

#: Tools whose pages a viewer may not open.
CLOSED = {
    *("budget", "cost_drivers", "invoices", "accruals", "adjustments"),
    *("net_value", "data_gaps", "forecast", "commitments"),
    *("migration_costs", "migration_effects", "anomalies", "gateway_gaps"),
    "unallocated_causes",
}
_NUMBER = re.compile(r"\d+\.\d+")
#: Fewer digits may be equal by chance.
_TELLING_DIGITS = 6


def test_a_viewer_gets_no_figure_of_finance_in_any_way(sample_company: Path) -> None:
    everything, viewer = Desk(sample_company), Desk(sample_company, "viewer")
    rows = everything.snapshot().query(
        "SELECT DISTINCT table_schema || '.' || table_name AS mart"
        " FROM information_schema.tables WHERE table_schema IN"
        " ('core', 'cost', 'delivery', 'outcomes', 'attribution', 'roi')"
    )
    marts = rows["mart"].to_pylist()
    seen = telling((*figures_in(viewer, marts), *shown_to(viewer)))
    hidden = telling(figures_in(everything, marts)) - seen
    assert len(hidden) > 500
    closed = [each for each in (*MONTHLY, *STANDING) if each.name in CLOSED]
    for listing in closed:
        refusal = viewer.answer(listing).refusal
        assert refusal is not None, listing.name
        assert "the role viewer" in refusal.what
    answers = [everything.answer(each) for each in closed]
    addresses = [f.explain or "" for a in answers for f in a.figures[:1]]

    said = anyio.run(everything_said, viewer, addresses)

    assert len(said) > 40
    assert not hidden & telling(said)


def figures_in(desk: Desk, marts: Iterable[str]) -> Iterable[str]:
    """Yield every value of those marts that a role sees, once a column, as text."""
    snapshot = desk.snapshot()
    for mart in marts:
        try:
            rows = snapshot.query(f"FROM {mart}")
        except duckdb.CatalogException:
            continue
        for column in rows.columns:
            values = column if pa.types.is_nested(column.type) else column.unique()
            yield from map(str, values.to_pylist())


def shown_to(viewer: Desk) -> Iterable[str]:
    """Yield what questions are answered from the marts that a viewer sees."""
    shown = [each for each in (*MONTHLY, *STANDING) if each.name not in CLOSED]
    for listing in (*shown, cost_by("cost_center"), cost_by("source")):
        yield viewer.answer(listing).model_dump_json()


def telling(texts: Iterable[str]) -> set[str]:
    """Return the numbers in texts that are nobody else's by chance, without zeros."""
    numbers = {
        number.strip("0").removesuffix(".")
        for text in texts
        for number in _NUMBER.findall(text)
    }
    return {n for n in numbers if len(n.replace(".", "")) >= _TELLING_DIGITS}


def calls_of(
    viewer: Desk, addresses: list[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield calls of every report, of hidden measures and of hidden evidence."""
    known = definitions()
    yield from (("report", {"name": name}) for name in known.questions)
    for name, measure in known.measures.items():
        if not viewer.is_shown(measure):
            yield "query", {"measures": [name]}
    for address in (*addresses, *HOSTILE[:5]):
        yield "explain", {"figure": address}
    for dimension in ("cost_center", "source", "billed_cost"):
        yield "query", {"measures": ["ai_cost"], "by": [dimension]}
    scenario = "name: X\nhorizon_months: 12\n"
    yield "propose_scenario", {"name": "x", "scenario": scenario}
    yield "no such tool", {}


async def everything_said(viewer: Desk, addresses: list[str]) -> list[str]:
    """Return all that a client hears: answers, texts and refusals."""
    said = []
    async with Client(build_server(viewer)) as client:

        async def ask(method: Any, *given: Any) -> None:
            try:
                said.append((await method(*given)).model_dump_json())
            except Exception as error:  # noqa: BLE001  (what it says is the point)
                said.append(str(error))

        for tool in (await client.list_tools()).tools:
            await ask(client.call_tool, tool.name, {})
            await ask(client.call_tool, tool.name, {"month": "2026-13"})
        for tool, given in calls_of(viewer, addresses):
            await ask(client.call_tool, tool, given)
        for address in ("triptych://marts", "triptych://glossary", "triptych://none"):
            await ask(client.read_resource, address)
        for prompt in ("month_close", "quarterly_review", "none"):
            await ask(client.get_prompt, prompt, {"month": "2026-09"})
    return said


def test_terms_are_explained_to_everybody(tmp_path: Path) -> None:
    async def read() -> str:
        async with Client(build_server(Desk(tmp_path, "viewer"))) as client:
            glossary = await client.read_resource("triptych://glossary")
            return str(glossary.contents[0].model_dump()["text"])

    text = anyio.run(read)
    assert json.dumps(text).count("\\n| ") > 30
    assert "| accrual | cost that belongs to a month and is not invoiced yet |" in text
