"""What a figure is in, and what kind of figure it is."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from triptych.core.explanation.published_value import PublishedValue
from triptych.core.explanation.report import basis_of, unit_of
from triptych.core.warehouse.figures import parse_figure

PUBLISHED = PublishedValue(1, 1, (), (), ("SEK",), (), is_estimated=False)


class Case(NamedTuple):
    """A figure with its unit and basis, and the other columns of its mart."""

    figure: str
    unit: str
    basis: str
    others: tuple[str, ...] = ()


CASES = (
    Case("roi.mart_feature_roi/cost", "SEK", "effective (amortised)"),
    Case("roi.mart_feature_roi/cost_since", "SEK", "effective (amortised)"),
    Case("roi.mart_feature_roi/npv", "SEK", "estimated", ("npv_low_90",)),
    Case("roi.mart_feature_roi/net_value", "SEK", "estimated", ("net_value_low_90",)),
    Case("roi.mart_feature_roi/run_rate_net", "SEK", "as its formula says"),
    Case("roi.mart_feature_roi/probability_net_positive", "probability", "estimated"),
    Case("cost.mart_budget_variance/budget_amount", "SEK", "budgeted"),
    Case("cost.mart_budget_variance/actual_cost", "SEK", "effective (amortised)"),
    Case("cost.mart_budget_variance/actual_billed_cost", "SEK", "billed (as invoiced)"),
    Case("cost.mart_invoices/tax_amount", "SEK", "billed (as invoiced)"),
    Case("cost.mart_cost_bridge/fx_amount", "SEK", "as its formula says"),
    Case("cost.mart_model_unit_costs/requests", "requests", "as metered"),
    Case(
        "cost.mart_accruals/accrual_amount",
        "SEK",
        "estimated",
        ("accrual_amount_low", "accrual_amount_high"),
    ),
)


@pytest.mark.parametrize("case", CASES, ids=[case.figure for case in CASES])
def test_a_figure_says_what_it_is_in_and_of_which_kind(case: Case) -> None:
    figure = parse_figure(case.figure)
    assert unit_of(figure.column, PUBLISHED, "EUR") == case.unit
    assert basis_of(figure, case.others) == case.basis
