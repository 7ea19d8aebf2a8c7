"""The page on which any cost is grouped by anything."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb
import pytest

from dashboard.pages.explore import charts, dimensions, queries
from dashboard.pages.summary import queries as summary_queries
from dashboard.shared import selection_queries
from dashboard.shared.charts import LIGHT
from tests.dashboard.conftest import OpenApp, text_of
from tests.dashboard.fixtures.warehouse_fixture import publish
from triptych.core.warehouse.gate import Gate, Viewer
from triptych.core.warehouse.reader import LineItemsOutOfReachError

if TYPE_CHECKING:
    from pathlib import Path

    from dashboard.shared.selection_queries import Selection
    from triptych.core.warehouse.reader import Snapshot

PAGE = "explore"
#: Models 1,460 + 640 + 300 + 49, idle 150, commitment 70, unallocated 100, and the
#: remainder of rounding.
OF_MODELS = Decimal("2769.0000000001")
TAX, CREDITS = Decimal(190), Decimal(-60)
#: The lines of the fixture: 1,100 of eta-v2, 550 of the pool, 80.25 of nobody.
OF_LINES = Decimal("1730.25")
#: Fifteen days of a service at 54.
OF_SERVICES = Decimal(810)


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Gate:
    root = tmp_path_factory.mktemp("explored")
    publish(root)
    return Gate(root)


@pytest.fixture(scope="module")
def whole(gate: Gate) -> Snapshot:
    return gate.snapshot()


def september(snapshot: Snapshot, **scope: str) -> Selection:
    period = selection_queries.periods(snapshot)[0]
    return selection_queries.Selection(period, "Amortised", "EUR", **scope)


def asked(
    snapshot: Snapshot, by: str, then: str = "", keep: tuple[str, str] | None = None
) -> queries.Answer:
    offered = dimensions.offered(snapshot, september(snapshot))
    kept = ((offered[keep[0]], (keep[1],)),) if keep else ()
    question = queries.Question(offered[by], offered.get(then), kept, is_compared=True)
    found = queries.answer(snapshot, september(snapshot), question)
    assert found is not None
    return found


def amounts(answer: queries.Answer) -> dict[str, Decimal]:
    return {row["by_value"]: row["amount"] for row in answer.rows}


def test_whatever_it_is_grouped_by_the_rows_and_bars_add_up_to_one_total(
    whole: Snapshot,
) -> None:
    labels = dimensions.offered(whole, september(whole))
    totals = {"models": OF_MODELS, "services": OF_SERVICES, "items": OF_LINES}
    for by, then in [*((label, "") for label in labels), ("Model", "Part of the bill")]:
        if by == "Month":
            continue
        found = asked(whole, by, then)
        assert sum(row["amount"] for row in found.rows) == totals[found.place], by
        assert sum(row["amount"] for row in found.bars) == totals[found.place], by
        assert found.total["amount"] == totals[found.place], by


def test_a_model_has_its_own_charges_and_its_part_of_each_pool(whole: Snapshot) -> None:
    found = amounts(asked(whole, "Model"))
    assert found["ETA v2"] == 1460
    assert found["Vision v1"] == 640
    assert found["(idle)"] == 150


def test_ai_cost_is_that_of_summary_and_tax_and_credits_are_added_on_demand(
    whole: Snapshot,
) -> None:
    chosen = september(whole)
    by = dimensions.offered(whole, chosen)["Part of the bill"]
    plain = queries.answer(whole, chosen, queries.Question(by))
    taxed = queries.answer(
        whole, chosen, queries.Question(by, covers="ai_cost_and_tax")
    )
    assert plain is not None
    assert taxed is not None
    on_summary = summary_queries.ai_spend(whole, chosen).amount
    assert plain.total["amount"] == on_summary == OF_MODELS
    assert taxed.total["amount"] == OF_MODELS + TAX + CREDITS
    assert set(amounts(taxed)) - set(amounts(plain)) == {"tax", "credit"}


def test_line_items_of_a_pool_stay_with_the_pool(whole: Snapshot) -> None:
    found = asked(whole, "Model", "Service")
    assert found.place == "items"
    assert amounts(found) == {
        "ETA v2": Decimal(1100),
        "(pool gpu-cluster)": Decimal(550),
        "(unallocated)": Decimal("80.25"),
    }


def test_owners_of_a_line_are_those_of_its_model(whole: Snapshot) -> None:
    found = asked(whole, "Cost centre", "Service")
    assert amounts(found)["cc-100"] == 1100
    assert amounts(asked(whole, "Team", "SKU"))["Machine learning"] == 1100


def test_a_filter_keeps_its_values_and_nothing_else(whole: Snapshot) -> None:
    found = asked(whole, "Tag model", keep=("Resource", "node-a"))
    assert amounts(found) == {"eta-v2": Decimal(900)}
    assert found.total["charge_count"] == 3


def test_all_filters_offer_the_values_of_the_one_place_that_answers(
    whole: Snapshot,
) -> None:
    chosen, offered = september(whole), dimensions.offered(whole, september(whole))
    filters = ((offered["Team"], ()), (offered["Service"], ()))
    question = queries.Question(offered["Provider"], filters=filters)
    # Each alone is on a quicker mart; both together are on the line items only.
    assert queries.place_for(whole, chosen, question) == "items"
    for dimension, _ in filters:
        shown = queries.answer(
            whole, chosen, queries.Question(dimension, None, filters)
        )
        assert shown is not None
        assert shown.total["amount"] == OF_LINES
        values = queries.values(whole, chosen, question, dimension)
        assert set(values) == {row["by_value"] for row in shown.rows}
    narrowed = queries.Question(
        offered["Provider"],
        None,
        ((offered["Team"], ("Machine learning",)), filters[1]),
    )
    kept = queries.answer(whole, chosen, narrowed)
    assert kept is not None
    assert (kept.place, kept.total["amount"]) == ("items", 1100)


def test_labels_have_room_behind_the_longest_bar_on_a_phone_too(
    whole: Snapshot,
) -> None:
    offered = dimensions.offered(whole, september(whole))
    question = queries.Question(offered["Model"])
    answer = queries.answer(whole, september(whole), question)
    assert answer is not None
    drawn = charts.costs(question, answer, "EUR", LIGHT).to_dict()
    [scale] = [
        layer["encoding"]["x"]["scale"]
        for layer in drawn["layer"]
        if "scale" in layer["encoding"]["x"]
    ]
    phone, desk = map(float, re.findall(r"[\d.]+", scale["domainMax"]["expr"])[1:])
    longest = 1460
    # A label is 85 px wide at most; a phone leaves 240 px, a desk 900.
    assert 240 * (1 - longest / phone) >= 85
    assert 900 * (1 - longest / desk) >= 85


def test_a_change_is_that_of_the_same_row_in_the_period_before(
    whole: Snapshot,
) -> None:
    rows = {row["by_value"]: row for row in asked(whole, "Model").rows}
    # ETA v2 cost 1,000 + 200 in August, and Old v1 90 that it does not cost any more.
    assert rows["ETA v2"]["change"] == 260
    assert rows["Old v1"]["amount"] == 0
    assert rows["Old v1"]["change"] == -90


def test_by_month_there_are_the_months_before_too(whole: Snapshot) -> None:
    found = asked(whole, "Month")
    assert [row["by_value"] for row in found.rows] == ["2026-09", "2026-08", "2026-07"]
    # July: eta-v2 alone.
    assert found.rows[-1]["amount"] == 800


def test_only_months_are_written_as_months(whole: Snapshot) -> None:
    offered = dimensions.offered(whole, september(whole))
    assert charts.written(offered["Month"], "2026-04") == "Apr 2026"
    assert charts.written(offered["Model"], "gpt-4") == "gpt-4"
    assert charts.written(None, "team-13") == "team-13"


def test_what_is_on_no_page_of_a_role_is_offered_to_nobody_of_it(gate: Gate) -> None:
    viewer = gate.snapshot(Viewer("viewer"))
    offered = dimensions.offered(viewer, september(viewer))
    assert "Model" in offered
    assert not {"Service", "Resource", "Account", "Tag model"} & offered.keys()
    every = dimensions.offered(gate.snapshot(), september(gate.snapshot()))
    forged = queries.Question(every["Resource"])
    assert queries.answer(viewer, september(viewer), forged) is None
    with pytest.raises(LineItemsOutOfReachError):
        viewer.query_line_items("select * from line_items")


def test_single_cost_centres_see_their_rows_and_no_others(gate: Gate) -> None:
    limited = gate.snapshot(Viewer("analyst", ("cc-200",)))
    found = asked(limited, "Model")
    assert amounts(found) == {"Vision v1": Decimal(640)}
    assert found.total["amount"] == 640
    assert "Service" not in dimensions.offered(limited, september(limited))


def test_a_scope_narrows_line_items_as_it_does_models(whole: Snapshot) -> None:
    offered = dimensions.offered(whole, september(whole))
    chosen = september(whole, scope_kind="cost centre", scope_id="cc-100")
    found = queries.answer(whole, chosen, queries.Question(offered["Service"]))
    assert found is not None
    assert found.total["amount"] == 1100


def test_a_link_restores_groups_filter_and_comparison(
    tmp_path: Path, open_app: OpenApp
) -> None:
    publish(tmp_path)
    app = open_app(
        tmp_path,
        page=PAGE,
        by="Resource",
        then="Part of the bill",
        filter="Service",
        in_service="Amazon EKS",
        compare="true",
    )
    assert not app.exception
    assert not app.error
    text = text_of(app)
    assert "AI cost within the filters is **EUR 1,730.25** in Sep 2026" in text
    assert "**52.0 %** of it is node-a · direct, EUR 900.00." in text
    assert "Against all of Aug 2026: +EUR 1,730.25" in text
    assert "gpu-node-1" in text


def test_of_what_comes_to_less_than_nothing_the_lowest_is_the_most(
    tmp_path: Path, open_app: OpenApp
) -> None:
    """Credits of 60 by Google and of 20 by AWS: three quarters are Google's."""
    with duckdb.connect(str(publish(tmp_path))) as connection:
        connection.execute(
            "insert into cost.fct_daily_model_costs by name select *"
            " exclude (is_ai_cost, is_assigned) replace ("
            " 'aws' as source, 'aws' as provider, -20 as billed_cost,"
            " -20 as effective_cost) from cost.fct_daily_model_costs"
            " where component = 'credit' and billing_month = '2026-09' limit 1"
        )
    link = {
        "by": "Source",
        "of": "AI, tax and credits",
        "filter": "Part of the bill",
        "in_part_of_the_bill": "credit",
    }
    said = text_of(open_app(tmp_path, page=PAGE, **link))
    assert "is **−EUR 80.00** in Sep 2026; **75.0 %** of it is gcp, −EUR 60.00." in said


def test_the_first_sentence_says_what_the_chart_shows(
    tmp_path: Path, open_app: OpenApp
) -> None:
    publish(tmp_path)
    app = open_app(tmp_path, page=PAGE, by="Model")
    assert not app.exception
    text = text_of(app)
    assert "AI cost is **EUR 2,769.00** in Sep 2026; **52.7 %** of it is ETA v2" in text
    assert "AI cost by Model, amortised, before tax and credits" in text
    assert "Total" in text
    taxed = open_app(tmp_path, page=PAGE, by="Model", of="AI, tax and credits")
    assert "AI cost with tax and credits is **EUR 2,899.00**" in text_of(taxed)
    other = open_app(tmp_path, page=PAGE, by="Model", then="Day")
    assert "the most is ETA v2 · 2026-09-15 with EUR 1,460.00" in text_of(other)


@pytest.mark.parametrize(
    ("link", "note"),
    [
        # 1,979 of models, 120 idle and 50 unallocated; 100 of tax; nothing else.
        ({"by": "Service"}, " and was closed with EUR 2,149.00."),
        (
            {"by": "Resource", "of": "AI, tax and credits"},
            " and was closed with EUR 2,249.00.",
        ),
        (
            {"by": "Resource", "of": "Whole bill"},
            " and was closed with EUR 2,249.00.",
        ),
        (
            {"by": "Service", "filter": "Service", "in_service": "EC2"},
            " not as it was closed.",
        ),
        ({"by": "Model"}, None),
        ({"by": "Month"}, None),
    ],
)
def test_what_changed_after_a_close_names_what_the_month_was_closed_with(
    tmp_path: Path, open_app: OpenApp, link: dict[str, str], note: str | None
) -> None:
    """August is restated: only costs by day and owner are those that were closed."""
    publish(tmp_path)
    text = text_of(open_app(tmp_path, page=PAGE, period="2026-08", **link))
    said = "Aug 2026 is as the current evidence makes it,"
    assert (said in text) is (note is not None)
    assert f"{said}{note or ''}" in text or note is None


def test_a_restated_month_before_is_named_where_it_is_compared_with(
    tmp_path: Path, open_app: OpenApp
) -> None:
    publish(tmp_path)
    said = "Aug 2026 is as the current evidence makes it, and was closed with EUR 2,149"
    compared = open_app(tmp_path, page=PAGE, by="Service", compare="true")
    assert said in text_of(compared)
    assert said not in text_of(open_app(tmp_path, page=PAGE, by="Service"))


def test_a_sum_of_months_is_at_least_where_an_earlier_one_lacks_something(
    tmp_path: Path, open_app: OpenApp
) -> None:
    with duckdb.connect(str(publish(tmp_path))) as connection:
        connection.execute(
            "update core.mart_month_completeness set is_complete = false,"
            " missing = 'exchange rate USD to EUR', missing_amount = null"
            " where billing_month = '2026-08'"
        )
    months = text_of(open_app(tmp_path, page=PAGE, by="Month"))
    assert "AI cost is **at least EUR" in months
    assert "2026: aws lacks exchange rate USD to EUR. Together: exchange" in months
    one = text_of(open_app(tmp_path, page=PAGE, by="Model"))
    assert "AI cost is **EUR 2,769.00** in Sep 2026" in one
    assert "aws lacks" not in one


def test_a_link_to_what_did_not_arrive_says_what_is_shown(
    tmp_path: Path, open_app: OpenApp
) -> None:
    publish(tmp_path)
    app = open_app(tmp_path, page=PAGE, by="Tag colour", filter="Weather")
    text = text_of(app)
    assert "The link asks for grouped by “Tag colour”" in text
    assert "The link asks for filter by “Weather”" in text
    kept = open_app(tmp_path, page=PAGE, filter="Service", in_service="Weather")
    asked = "The link asks for service “Weather”, which is not in this data."
    assert f"{asked} Shown instead: all of them." in text_of(kept)
