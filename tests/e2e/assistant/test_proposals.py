"""An assistant proposes a scenario: judged, signed, saved once, and nothing else.

September by hand: eta costs 1,460 a month and 730 at half its price, which is 8,760
less over twelve months without interest.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anyio
import pytest

pytest.importorskip("mcp", reason="the extra mcp is not installed")

import httpx2
from mcp import Client

from tests.e2e.assistant.serving import running
from tests.e2e.assistant.test_over_http import ask
from tests.triptych.cli.test_scenario_command import FILE, invoke, workspace
from triptych.acts.door import WorkspaceDoor
from triptych.acts.tokens import last_written
from triptych.core.warehouse.scenario_results import ScenarioStore
from triptych.service.assistant.answers import ProposalAnswer
from triptych.service.assistant.desk import Desk
from triptych.service.assistant.http_server import PATH
from triptych.service.assistant.rest import PREFIX
from triptych.service.assistant.server import build_server
from triptych.service.assistant.tokens import TokenFile

if TYPE_CHECKING:
    from triptych.core.settings import Role
    from triptych.core.workspace import Workspace

__all__ = ["workspace"]

HALF = {"name": "half", "scenario": FILE.format(name="Half", factor="0.5")}


def proposed(
    workspace: Workspace, role: Role | None = None, **given: str
) -> ProposalAnswer:
    """Return what a client over the real protocol hears of a proposal."""
    desk = Desk(workspace.root, role, door=WorkspaceDoor(workspace.root))

    async def propose() -> Any:
        async with Client(build_server(desk)) as client:
            return await client.call_tool("propose_scenario", {**HALF, **given})

    result = anyio.run(propose)
    assert not result.is_error, result.content
    return ProposalAnswer.model_validate(without_parts(result.structured_content))


def without_parts(content: dict[str, Any]) -> dict[str, Any]:
    """Return a proposal's answer with its part as the result."""
    rest = {k: v for k, v in content.items() if k not in {"scenarios", "part"}}
    listed = content.get("scenarios")
    return rest | ({"result": {"entries": listed}} if listed else {})


def part_of(workspace: Workspace, part: str) -> Any:
    """Return a part of the proposal, which is repeated."""
    result = proposed(workspace, "analyst", part=part).result
    assert result is not None
    return result["entries"]


def test_a_proposal_is_saved_once_and_comes_to_what_the_command_says(
    workspace: Workspace,
) -> None:
    """Payback, NPV and what moves it most: questions 22 and 23."""
    first, second = proposed(workspace, "analyst"), proposed(workspace, "analyst")

    assert first.refusal is None
    assert (first.saved_as, first.is_repeated) == ("scenarios/half.yml", False)
    assert second.is_repeated
    file = workspace.root / "scenarios" / "half.yml"
    assert file.read_text("utf-8") == HALF["scenario"]
    assert first.result is not None
    entries: Any = first.result["entries"]
    assert entries[0]["summary"]["npv_difference"] == pytest.approx(12 * 730)
    [summary], tornado = (part_of(workspace, part) for part in ("summary", "tornado"))
    assert list(workspace.scenario_results.glob("*.json")) == []  # nobody ran it yet

    ran = invoke("run", file, "-w", workspace.root, "--json", "--by", "Ana")
    saved = json.loads(ran.stdout)
    assert saved["summary"] == summary
    assert saved["tornado"] == tornado
    file.unlink()  # somebody takes it back
    taken_back = proposed(workspace, "analyst")
    assert taken_back.saved_as is None
    assert taken_back.refusal is not None
    assert "took it back" in taken_back.refusal.what
    [listed] = Desk(workspace.root, "analyst").scenarios().scenarios
    assert listed["summary"] == saved["summary"]


def test_it_replaces_nothing_and_is_for_finance_and_analysts(
    workspace: Workspace,
) -> None:
    proposed(workspace)
    other = FILE.format(name="Other", factor="0.9")
    refused = {
        "another scenario 'half' already": {"scenario": other},
        "is not the name of a scenario": {"name": "../../etc/cron.d/x"},
        "role viewer": {"role": "viewer"},
        "role engineering": {"role": "engineering", "name": "mine"},
        "horizon_months": {"name": "bad", "scenario": "name: Bad\n"},
    }
    for why, given in refused.items():
        answer = proposed(workspace, **given)  # type: ignore[arg-type]
        assert answer.refusal is not None, why
        assert why in answer.refusal.what
        assert str(workspace.root) not in answer.refusal.what
        assert answer.result is None
    files = {path.name for path in (workspace.root / "scenarios").iterdir()}
    assert files == {"half.yml"}


def test_over_http_the_bearer_signs_and_rest_offers_no_proposal(
    workspace: Workspace,
) -> None:
    tokens = TokenFile(workspace.runs_dir)
    workspace.runs_dir.mkdir(exist_ok=True)
    roles: tuple[Role, Role] = ("analyst", "viewer")
    planner, viewer = (tokens.add(role, role, days=1) for role in roles)

    async def propose(client: Client) -> ProposalAnswer:
        result = await client.call_tool("propose_scenario", HALF)
        return ProposalAnswer.model_validate(without_parts(result.structured_content))

    async def scenarios(client: Client) -> list[Any]:
        given = {"name": "Half", "part": "summary"}
        result = await client.call_tool("scenarios", given)
        return [*(result.structured_content or {})["scenarios"]]

    with running(workspace.root, tokens) as url:
        assert ask(url, viewer, propose).refusal is not None
        assert ask(url, planner, propose).saved_as == "scenarios/half.yml"
        invoke("run", workspace.scenarios_dir / "half.yml", "-w", workspace.root)
        kept = ScenarioStore(workspace.scenario_results).all()
        [listed] = ask(url, planner, scenarios)
        assert listed == kept[0]["summary"]
        rest = httpx2.get(
            url.removesuffix(PATH) + f"{PREFIX}/scenarios",
            headers={"Authorization": f"Bearer {planner}"},
        )
        assert rest.json()["scenarios"] == json.loads(json.dumps(kept, default=str))
        plain = httpx2.get(
            url.removesuffix(PATH) + f"{PREFIX}/propose_scenario",
            headers={"Authorization": f"Bearer {planner}"},
        )
    assert plain.status_code == 404
    entry = last_written(workspace, "propose_scenario", "scenario:half")
    assert entry is not None
    signed = entry.detail["signed"]
    assert (signed["subject"], signed["authority"]) == ("analyst", "token")
