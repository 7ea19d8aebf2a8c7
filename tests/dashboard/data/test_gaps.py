"""What a period lacks is held against each figure, and said in any case."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from dashboard.pages.cost_by_model import queries as cost_by_model_queries
from dashboard.pages.data_health import queries as data_health_queries
from dashboard.shared import gaps, selection_queries
from tests.dashboard.conftest import OpenApp, text_of, tiles
from tests.dashboard.fixtures.warehouse_fixture import publish
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from pathlib import Path


def gap(amount: str | None, *, total: int = 41_550) -> gaps.MonthGap:
    """Return five rows that are missing from a month of ``total``."""
    return gaps.MonthGap(
        lacks=("gcp lacks cost of tokens",),
        row_count=5,
        amount=None if amount is None else Decimal(amount),
        currency="EUR",
        unconverted=(),
        total=Decimal(total),
        materiality_ratio=0.005,
    )


@pytest.mark.parametrize(
    ("amount", "figure", "is_material"),
    [
        # 0.5 % of 41,550 are 207.75.
        ("207.74", None, False),
        ("207.75", None, True),
        # Of 300 a gap of 45 is a seventh; of a loss of 41,550 it is next to nothing.
        ("45", 300, True),
        ("45", -41_550, False),
        ("45", 0, True),
        (None, 41_550, True),
    ],
)
def test_a_gap_matters_where_it_is_a_declared_part_of_the_figure_or_not_known(
    amount: str | None, figure: int | None, is_material: bool
) -> None:
    number = None if figure is None else Decimal(figure)
    assert gap(amount).is_material(number) is is_material


def test_a_gap_says_how_many_rows_and_how_much_money_is_missing() -> None:
    assert gap("45.1").size.replace("\u00a0", " ") == "5 rows missing · ≤ EUR 45.10"
    assert gap(None).size == "5 rows missing · amount unknown"
    assert gap("45.1").completeness.startswith("complete but for 5 rows missing")
    assert gap(None).completeness == "at least: gcp lacks cost of tokens"


def refuse(root: Path, amounts: dict[str, Decimal | None]) -> None:
    """Publish a month that lacks a row of each subject, with its amount."""
    publish(root)
    path = PublishedReader(root).current_path()
    path.chmod(0o644)
    with duckdb.connect(str(path)) as connection:
        for subject, amount in amounts.items():
            connection.execute(
                "INSERT INTO core.mart_refused_charges BY NAME SELECT '2026-09'"
                " AS billing_month, 'gcp' AS source, 'focus' AS stream, ? AS subject,"
                " 'cost_unreadable' AS reason, 1 AS row_count, 'EUR' AS currency,"
                " ? AS amount, 'file' AS amount_basis, 40 AS compared_row_count",
                [subject, amount],
            )
        connection.execute(
            "UPDATE core.mart_month_completeness SET is_complete = false,"
            " missing = 'cost of ' || (SELECT string_agg(subject, ', ')"
            " FROM core.mart_refused_charges), missing_row_count = ?,"
            " missing_amount = (SELECT CASE WHEN count(amount) = count(*)"
            " THEN sum(amount) END FROM core.mart_refused_charges)"
            " WHERE billing_month = '2026-09' AND source = 'gcp'",
            [len(amounts)],
        )


def test_a_small_gap_is_a_chip_and_only_small_figures_read_at_least(
    tmp_path: Path, open_app: OpenApp
) -> None:
    """2 of 2,769 are 0.07 %, and 2 of the 100 that nobody owns are 2 %."""
    refuse(tmp_path, {"tokens": Decimal("1.5"), "images": Decimal("0.5")})
    summary = open_app(tmp_path, page="summary")
    assert tiles(summary)["AI cost, amortised"] == "EUR 2,769.00"
    text = text_of(summary)
    assert "in Sep 2026 so far, 199.9 % over budget" in text
    assert "**Not complete:** 2 rows missing · ≤ EUR 2.00, in no total." in text
    links: list[Any] = list(summary.get("page_link"))
    said = [str(link.label).replace("\u00a0", " ") for link in links]
    assert not any("lacks cost of" in label for label in said)
    assert text.index("gcp: tokens") < text.index("gcp: images")
    assert "no row of its file costs more" in text
    costs = open_app(tmp_path, page="cost_by_model")
    assert "Cost of models, fully loaded" in tiles(costs)
    assert "Unallocated, at least" in tiles(costs)
    assert "not complete: costs are at least" not in text_of(costs)


def test_an_unknown_gap_comes_first_and_leaves_every_figure_at_least(
    tmp_path: Path, open_app: OpenApp
) -> None:
    refuse(tmp_path, {"tokens": Decimal("900"), "images": None})
    text = text_of(open_app(tmp_path, page="summary"))
    assert "so far, at least 199.9 % over budget" in text
    assert "2 rows missing · amount unknown" in text
    assert text.index("gcp: images") < text.index("gcp: tokens")


def test_data_health_lists_what_is_missing_by_money(tmp_path: Path) -> None:
    refuse(tmp_path, {"tokens": Decimal("900"), "images": None})
    snapshot = PublishedReader(tmp_path).snapshot()
    months = data_health_queries.month_completeness(snapshot).to_pylist()
    assert months[0]["source"] == "gcp"
    assert months[0]["why_no_amount"] == "not known"
    rows = data_health_queries.quarantine_reasons(snapshot).to_pylist()
    assert [row["money"] for row in rows] == ["no charge"]


@pytest.mark.parametrize(("currency", "is_partial"), [("EUR", False), ("USD", True)])
def test_a_gap_in_one_currency_is_of_unknown_size_in_another(
    tmp_path: Path, currency: str, *, is_partial: bool
) -> None:
    """EUR 1 is next to nothing of a month in EUR; of one in USD it is not known."""
    publish(tmp_path, variant="partial")
    with duckdb.connect(str(PublishedReader(tmp_path).current_path())) as connection:
        connection.execute(
            "UPDATE core.mart_month_completeness SET missing_amount = 1"
            " WHERE NOT is_complete"
        )
    september = selection_queries.Period("2026-09", ("2026-09",))
    months = cost_by_model_queries.monthly_costs(
        PublishedReader(tmp_path).snapshot(),
        selection_queries.Selection(september, "Amortised", currency),
        "Fully loaded",
    ).to_pylist()
    newest = {row["is_partial"] for row in months if row["billing_month"] == "2026-09"}
    assert newest == {is_partial}
