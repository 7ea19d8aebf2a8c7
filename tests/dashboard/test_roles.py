"""What each role may open and see, by hand: the rules alone, without any page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dashboard.shared.roles import AUDIENCES, may_open
from tests.dashboard.test_access import ALLOWED, ROLES
from triptych.core.warehouse.data_policy import restriction_of

if TYPE_CHECKING:
    from triptych.core.settings import Role

#: Pages on which each row belongs to a cost centre.
OF_ONE_COST_CENTRE = {"cost_by_model", "explore", "gpu_idle", "velocity"}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_its_pages_and_no_other(role: Role) -> None:
    opened = {page for page in AUDIENCES if may_open(role, page, is_limited=False)}
    assert opened == ALLOWED[role]
    assert not may_open(role, "a page of tomorrow", is_limited=False)


@pytest.mark.parametrize("role", ROLES)
def test_single_cost_centres_have_only_pages_that_are_divided(role: Role) -> None:
    opened = {page for page in AUDIENCES if may_open(role, page, is_limited=True)}
    assert opened == OF_ONE_COST_CENTRE


@pytest.mark.parametrize(
    ("role", "mart", "is_shown"),
    [
        ("engineering", "cost.mart_invoices", False),
        ("analyst", "cost.mart_focus_allocated", False),
        ("engineering", "cost.mart_cost_bridge", True),
        ("viewer", "cost.mart_accruals", False),
        ("viewer", "cost.mart_budget_variance", False),
        ("viewer", "cost.mart_budget_periods", False),
        ("viewer", "cost.fct_daily_model_costs", True),
        ("viewer", "delivery.mart_velocity", True),
    ],
)
def test_a_query_finds_what_the_pages_of_a_role_read(
    role: Role, mart: str, *, is_shown: bool
) -> None:
    restriction = restriction_of(role, None)
    assert restriction is not None
    assert restriction.shows(mart) == is_shown


def test_finance_sees_everything_and_of_a_cost_centre_only_its_own() -> None:
    assert restriction_of("finance", None) is None
    limited = restriction_of("finance", ("cc-200",))
    assert limited is not None
    assert limited.cost_centers == ("cc-200",)


@pytest.mark.parametrize(
    ("role", "centers", "has_them"),
    [
        ("engineering", None, True),
        ("analyst", None, True),
        ("viewer", None, False),
        ("engineering", ("cc-200",), False),
        ("finance", ("cc-200",), False),
    ],
)
def test_line_items_are_for_those_inside_who_see_all(
    role: Role, centers: tuple[str, ...] | None, *, has_them: bool
) -> None:
    restriction = restriction_of(role, centers)
    assert restriction is not None
    assert restriction.has_line_items == has_them
