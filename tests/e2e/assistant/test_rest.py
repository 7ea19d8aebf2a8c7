"""The answers of the tools at plain addresses, with the statuses of HTTP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("mcp", reason="the extra mcp is not installed")

import httpx2
from jsonschema import Draft202012Validator

from tests.e2e.assistant.serving import running
from triptych.service.assistant.answers import Answer
from triptych.service.assistant.desk import Desk
from triptych.service.assistant.http_server import PATH
from triptych.service.assistant.listings import MONTHLY, STANDING, cost_by
from triptych.service.assistant.rest import PREFIX
from triptych.service.assistant.tokens import TokenFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from triptych.core.settings import Role

    Get = Callable[..., httpx2.Response]


@pytest.fixture(scope="module")
def get(address: str, tokens: TokenFile) -> Get:
    """Return what asks a question as a role."""
    roles: tuple[Role, ...] = ("finance", "viewer")
    bearers: dict[str, str] = {
        role: tokens.add(f"rest {role}", role, days=1) for role in roles
    }

    def ask(question: str, role: str | None = "finance", **given: Any) -> Any:
        headers = {"Authorization": f"Bearer {bearers[role]}"} if role else {}
        url = address.removesuffix(PATH) + f"{PREFIX}/{question}"
        return httpx2.get(url, params=given, headers=headers, timeout=120)

    return ask


def test_every_question_has_an_address_that_gives_the_answer_of_the_desk(
    sample_company: Path, get: Get
) -> None:
    desk = Desk(sample_company, "finance")
    for listing in (*MONTHLY, *STANDING):
        answer = get(listing.name)
        assert answer.status_code == 200, listing.name
        assert answer.json() == desk.answer(listing).model_dump(mode="json")


def test_parameters_of_a_tool_are_parameters_of_its_address(
    sample_company: Path, get: Get
) -> None:
    [first, *_] = get("spending").json()["figures"]
    month = first["labels"]["billing_month"]
    found = get("cost_by", dimension="model_id", month=month, with_tax="true")
    desk = Desk(sample_company, "finance")
    wanted = desk.answer(cost_by("model_id", whole=True), month=month)
    assert wanted.figures
    assert found.json() == wanted.model_dump(mode="json")


@pytest.mark.full  # fast: test_over_http.py
def test_a_figure_is_worked_out_again_at_its_address(get: Get) -> None:
    [first, *_] = get("spending").json()["figures"]
    again = Answer.model_validate(get("explain", figure=first["explain"]).json())
    assert again.proof is not None
    assert again.proof.is_equal is True
    assert again.figures[0].value == first["value"]


@pytest.mark.parametrize(
    ("question", "given", "status", "words"),
    [
        ("no-such", {}, 404, "Ask one of"),
        ("spending", {"moth": "2026-04"}, 400, "Its parameters: month"),
        ("spending", {"month": ["2026-03", "2026-04"]}, 400, "more than once"),
        ("spending", {"month": "null"}, 400, "leave it out"),
        ("spending", {"month": "2026-13"}, 400, "month: String should match"),
        ("cost_by", {"dimension": "1; DROP TABLE x"}, 400, "dimension: Input should"),
        ("cost_by", {}, 400, "dimension: Field required"),
    ],
)
def test_what_cannot_be_understood_says_what_and_where(
    get: Get, question: str, given: dict[str, Any], status: int, words: str
) -> None:
    found = get(question, **given)
    assert found.status_code == status
    assert found.headers["content-type"] == "application/problem+json"
    assert words in " ".join(str(value) for value in found.json().values())


def test_a_viewer_is_refused_with_403_and_gets_no_figure(get: Get) -> None:
    found = get("invoices", role="viewer")
    assert found.status_code == 403
    answer = Answer.model_validate(found.json())
    assert answer.refusal is not None
    assert answer.figures == []


def test_a_sum_that_means_nothing_is_refused_with_422(get: Get) -> None:
    address = "cost.mart_model_unit_costs/cost_per_unit?billing_month=2026-04"
    found = get("explain", figure=address)
    assert found.status_code == 422
    assert Answer.model_validate(found.json()).refusal is not None


def test_a_month_without_charges_is_refused_and_not_answered_by_nothing(
    get: Get,
) -> None:
    found = get("spending", month="2019-01")
    assert found.status_code == 422
    refusal = Answer.model_validate(found.json()).refusal
    assert refusal is not None
    assert refusal.what.startswith("There are no charges of 2019-01. They are of")


def test_before_the_first_run_it_is_unavailable_and_says_no_path(
    tmp_path: Path,
) -> None:
    tokens = TokenFile(tmp_path)
    bearer = {"Authorization": f"Bearer {tokens.add('early', 'finance', days=1)}"}
    with running(tmp_path, tokens) as url:
        address = url.removesuffix(PATH) + f"{PREFIX}/spending"
        found = httpx2.get(address, headers=bearer)
    assert found.status_code == 503
    assert "Nothing has been published" in found.json()["title"]
    assert str(tmp_path) not in found.text


def test_without_a_token_nothing_is_answered(get: Get) -> None:
    found = get("spending", role=None)
    assert found.status_code == 401
    assert found.headers["www-authenticate"] == "Bearer"
    assert "figures" not in found.json()


def test_a_page_of_another_origin_gets_no_answer(address: str) -> None:
    url = address.removesuffix(PATH) + f"{PREFIX}/openapi.json"
    evil = "evil.example.com"
    assert httpx2.get(url, headers={"Host": evil}).status_code == 421
    assert httpx2.get(url, headers={"Origin": f"https://{evil}"}).status_code == 403


def test_its_description_holds_for_every_answer(get: Get) -> None:
    described = get("openapi.json", role=None).json()
    schemas = described["components"]["schemas"]
    text = json.dumps(described)
    assert "$defs" not in text
    assert described["paths"].keys() >= {
        f"{PREFIX}/{name}" for name in ("spending", "explain", "scenarios", "velocity")
    }
    for path, operations in described["paths"].items():
        listed = operations["get"]
        if any(each["required"] for each in listed["parameters"]):
            continue
        content = listed["responses"]["200"]["content"]["application/json"]
        schema = content["schema"] | {"components": {"schemas": schemas}}
        found = get(path.removeprefix(f"{PREFIX}/")).json()
        Draft202012Validator(schema).validate(found)
