"""Every measure and every role: it is answered where a page shows it to the role."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

pytest.importorskip("mcp", reason="the extra mcp is not installed")

from tests.e2e.assistant.test_conversation import connected
from triptych.core.measures.definition import definitions
from triptych.service.assistant.desk import Desk

if TYPE_CHECKING:
    from pathlib import Path

    from mcp import Client

    from triptych.core.settings import Role

#: docs/how_to/sign_in.md: pages of the roles, and of users of single cost centres.
PAGES: Final[dict[str, set[str]]] = {
    "limited": {"cost_by_model", "explore", "gpu_idle", "velocity"},
}
PAGES["viewer"] = PAGES["limited"] | {"impact"}
PAGES["engineering"] = PAGES["viewer"] | {
    *("summary", "setup", "budget", "scorecard", "lineage", "data_health"),
}
PAGES["analyst"] = PAGES["engineering"] | {"scenarios"}
PAGES["finance"] = PAGES["analyst"] | {"close", "statements"}
CENTERS: Final = ("cc-support",)


@pytest.mark.parametrize(
    ("role", "centers", "pages"),
    [
        ("finance", None, "finance"),
        ("analyst", None, "analyst"),
        ("engineering", None, "engineering"),
        ("viewer", None, "viewer"),
        ("engineering", CENTERS, "limited"),
    ],
)
def test_a_measure_is_answered_to_the_roles_of_its_pages(
    sample_company: Path, role: Role, centers: tuple[str, ...] | None, pages: str
) -> None:
    desk = Desk(sample_company, role, centers)
    measures = definitions().measures

    async def codes(client: Client) -> dict[str, str | None]:
        given: dict[str, Any] = {}
        for name in measures:
            result = await client.call_tool("query", {"measures": [name]})
            given[name] = (result.structured_content or {}).get("refusal", {})
        return {name: refusal.get("code") for name, refusal in given.items()}

    answered = connected(desk, codes)
    wanted = {
        name: bool({each.page, each.also_on} & PAGES[pages])
        for name, each in measures.items()
    }
    assert len({*wanted.values()}) == (1 if pages == "finance" else 2)
    wrong = {n: c for n, c in answered.items() if (c != "not_for_role") != wanted[n]}
    assert wrong == {}
    listed = {each.name for each in desk.catalogue("").measures}
    assert listed == {name for name, is_shown in wanted.items() if is_shown}
