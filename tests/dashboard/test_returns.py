"""The section on what was returned: what counts, what does not, and why."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import duckdb

from dashboard.pages.impact import returns as return_section
from dashboard.shared import charts, return_queries
from dashboard.shared import ledger_sentences as ledger
from dashboard.shared import return_sentences as words
from tests.dashboard.conftest import text_of
from tests.dashboard.fixtures.returns_fixture import add_returns
from tests.dashboard.fixtures.warehouse_fixture import publish
from tests.dashboard.test_fixture_contract import contracts
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from pathlib import Path

    from tests.dashboard.conftest import OpenApp

_HEADLINE = re.compile(r"\*\*\d+ features? in the headline\*\*.*")


def shown(root: Path, open_app: OpenApp, **values: float) -> str:
    publish(root)
    add_returns(root, **values)
    app = open_app(root, page="impact")
    assert not app.exception
    assert not app.error
    return text_of(app).replace("\u00a0", " ")


def headline(text: str) -> str:
    [found] = _HEADLINE.findall(text)
    return str(found)


def test_what_several_features_claim_of_one_outcome_is_told_next_to_the_headline() -> (
    None
):
    """Without it the rows of features add up to 120 more than the headline."""
    row = {
        "currency": "EUR",
        "overlap_benefit": 120.0,
        "beside_feature_count": 0,
        "not_computable_feature_count": 0,
        "ai_cost": None,
    }
    told = words.beside(row).replace("\u00a0", " ")
    assert told == (
        "≈ EUR 120 that several features claim of one outcome is counted once."
    )
    assert words.beside({**row, "overlap_benefit": 0.0}) == ""


def test_the_headline_has_its_interval_its_chance_and_what_was_left_out(
    tmp_path: Path, open_app: OpenApp
) -> None:
    """F6. 200 minutes at 0.5 less 50 and 7 before are about 45."""
    text = shown(tmp_path, open_app)
    assert "**1 feature in the headline**" in headline(text)
    assert re.search(r"≈ EUR 4\d\b", headline(text))
    assert "on 28.6 % of AI cost; nothing is proven for the rest" in headline(text)
    assert "90 %: EUR" in headline(text)
    assert re.search(r"a gain \*\*(over )?99\.\d %", headline(text))
    assert "Not counted: 1 feature, with a net value of" in text
    assert "1 feature has no return that can be computed" in text
    assert "Of EUR 175.00 AI cost in Jan 2026 to Feb 2026, EUR 125.00" in text
    assert "nobody approved proposal" in text
    # All of eta's draws are gains: 160 calls less at 3 are 480, and it cost 50.
    assert ">over 99.9 %<" in text
    assert ">100.0 %<" not in text
    assert "route-study cannot tell (too_few_units)" in text


def test_an_unapproved_assumption_cannot_move_the_headline_on_the_page(
    tmp_path: Path, open_app: OpenApp
) -> None:
    """F6. An approved one can."""
    first = headline(shown(tmp_path / "a", open_app))
    assert headline(shown(tmp_path / "b", open_app, proposed=900.0)) == first
    assert headline(shown(tmp_path / "c", open_app, approved=0.6)) != first


def table_rows(text: str, caption: str) -> list[dict[str, str]]:
    """Return the rows of a table of the page, by their headings."""
    [table] = [
        part for part in text.split("<table")[1:] if f"<caption>{caption}" in part
    ]
    heads = re.findall(r"<th scope=\"col\".*?>([^<]+)</button>", table)
    rows = [
        [re.sub(r"<[^>]+>", "", cell).strip() for cell in cells]
        for row in table.split("<tr")[2:]
        if (cells := re.findall(r"<t[dh][ >].*?</t[dh]>", row, re.DOTALL))
    ]
    return [dict(zip(heads, row, strict=True)) for row in rows]


def test_benefit_less_the_costs_of_a_row_is_its_net_value(
    tmp_path: Path, open_app: OpenApp
) -> None:
    """Eta: 160 calls at 3 are 480, less 50 of cost and three hours at 10."""
    text = shown(tmp_path, open_app, labour=10.0)
    for caption in ("Benefit and cost", "Not in the headline", "Measured months"):
        by_name = {
            row.get("Feature", row["Grade"]): row for row in table_rows(text, caption)
        }
        eta = by_name["B" if "B" in by_name else "Arrival time"]
        assert eta["Cost"].endswith("50.00")
        assert eta["People, integration"] == "≈ EUR 30"
        assert eta["Net value"] == "≈ EUR 400"
        assert eta.get("Benefit", "≈ EUR 480") == "≈ EUR 480"


def test_the_axis_of_net_values_names_their_currency(tmp_path: Path) -> None:
    publish(tmp_path)
    add_returns(tmp_path)
    snapshot = PublishedReader(tmp_path).snapshot()
    returns = return_queries.feature_returns(snapshot, "2026-09")
    drawn = return_section.net_values(returns, charts.LIGHT).to_dict()
    titles = [layer["encoding"]["x"].get("title") for layer in drawn["layer"]]
    assert "Net value of the measured months, EUR" in titles


def test_a_run_without_returns_has_no_such_section(
    tmp_path: Path, open_app: OpenApp
) -> None:
    publish(tmp_path)
    app = open_app(tmp_path, page="impact", view="", impact="Return")
    assert not app.exception
    assert "Return" not in [header.value for header in app.header]


def test_returns_by_hand_have_no_column_that_published_ones_would_not_have(
    tmp_path: Path,
) -> None:
    publish(tmp_path)
    add_returns(tmp_path)
    known = contracts()
    path = PublishedReader(tmp_path).current_path()
    with duckdb.connect(str(path), read_only=True) as connection:
        rows = connection.execute(
            "SELECT table_name, column_name FROM duckdb_columns()"
            " WHERE schema_name = 'roi'"
        ).fetchall()
    assert len(rows) > 90
    assert [row for row in rows if row[1] not in known[row[0]]] == []
    tables = {table for table, _ in rows}
    missing = {
        (table, column)
        for table in tables
        for column in known[table]
        if (table, column) not in rows
    }
    assert missing == set()


def test_a_chance_from_draws_is_never_certain() -> None:
    assert [words.chance(part) for part in (None, 0.0, 1.0)] == [
        "—",
        "under 0.1 %",
        "over 99.9 %",
    ]


LEDGER = {
    "currency": "EUR",
    "tested_study_count": 20,
    "found_study_count": 1,
    "withdrawal_pending_study_count": 1,
    "withdrawn_study_count": 0,
    "interim_study_count": 2,
}


def test_what_was_withdrawn_and_what_is_open_is_said_with_the_headline() -> None:
    assert ledger.counts(LEDGER) == (
        "1 withdrawn study is counted as registered until a second person decides."
        " 2 open studies are neither gain nor loss until the registered end."
    )
    assert ledger.found(LEDGER).startswith(
        "Tested together, 1 of 20 registered studies"
    )
    assert ledger.counts({}) == ledger.found({}) == ""


def test_the_part_of_a_study_that_is_counted_names_where_the_rest_is_from() -> None:
    row = {"counted": True, "counted_ratio": 0.25, "counted_from": "pilot"}
    assert ledger.share(row).endswith("; the rest from pilot")
    assert ledger.share(row).startswith("25")
    assert ledger.share(row | {"counted_from": None}) == "yes"
    assert ledger.share(row | {"counted": False}) == "no: counted from pilot"


def test_a_run_rate_says_under_which_persistence_and_what_has_none() -> None:
    row = LEDGER | {
        "run_rate_net": 1200.0,
        "run_rate_net_low_90": 800.0,
        "run_rate_net_high_90": 1500.0,
        "run_rate_month": "2026-06",
        "run_rate_unknown_feature_count": 1,
    }
    told = words.run_rate(row)
    assert "in Jun 2026" in told
    assert "fade from its last measured month on" in told
    assert "1 counted feature has no known effect any more." in told
    assert words.run_rate(LEDGER) == ""
    gone = {"effect_status": "unknown", "last_month": "2025-01"}
    assert words.effect_status(gone) == "unknown: last measured Jan 2025"


def test_a_p_value_is_written_to_three_decimals_and_never_as_zero() -> None:
    written = [ledger.p_value(p) for p in (None, 0.0, 8.3e-15, 0.00099, 0.0048, 0.736)]
    assert written == ["—", "< 0.001", "< 0.001", "< 0.001", "0.005", "0.736"]


def test_the_page_has_the_ledger_of_studies(tmp_path: Path, open_app: OpenApp) -> None:
    text = shown(tmp_path, open_app)
    assert "Ledger of studies" in text
    rows = {row["Study"]: row for row in table_rows(text, "What was registered")}
    assert {row["Outcome"] for row in rows.values()} == {
        "Its file is gone from studies/; 71,710 parcels in total."
    }
    assert rows["care-study"]["Adjusted p-value"] == "&lt; 0.001"
