"""Statements of the warehouse by hand: what they say and how they add up."""

from __future__ import annotations

import csv
import io
import re
from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb
import openpyxl
import pypdf
import pytest

from dashboard import exports
from dashboard.exports.statement_csv import render_csv
from dashboard.exports.statement_pdf import render_pdf
from dashboard.exports.statement_xlsx import render_xlsx
from dashboard.pages.summary import queries as summary_queries
from dashboard.shared import selection_queries
from tests.dashboard.fixtures.warehouse_fixture import TRUTH, Variant, publish
from triptych.core.errors import UsageError
from triptych.core.warehouse.reader import PublishedReader, Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from openpyxl.worksheet.worksheet import Worksheet

MONTH = "2026-09"
#: By hand, of September and without what is out of scope: eta-v2 1460 and chat-v1 300
#: belong to cc-100, vision-v1 640 to cc-200, the rest of 3299.0000000001 - 400 to none.
TOTALS = {
    "cc-100": Decimal(1760),
    "cc-200": Decimal(640),
    None: Decimal("499.0000000001"),
}


def published(
    root: Path, variant: Variant = "normal", *, is_synthetic: bool = False
) -> Snapshot:
    publish(root, variant, is_synthetic=is_synthetic)
    return PublishedReader(root).snapshot()


def changed(root: Path, sql: str, *, is_synthetic: bool = False) -> Snapshot:
    """Return the normal warehouse after a statement."""
    path = publish(root, is_synthetic=is_synthetic)
    with duckdb.connect(str(path)) as connection:
        connection.execute(sql)
    return PublishedReader(root).snapshot()


def rows_of(content: bytes) -> list[dict[str, str]]:
    lines = content.decode().splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("# ")))


def sheet_of(content: bytes, name: str = "Statement") -> Worksheet:
    sheet: Worksheet = openpyxl.load_workbook(io.BytesIO(content))[name]
    return sheet


def pages_of(content: bytes) -> list[str]:
    pages = pypdf.PdfReader(io.BytesIO(content)).pages
    return [page.extract_text().replace("\u00a0", " ") for page in pages]


def test_all_statements_sum_to_the_month_exactly(tmp_path: Path) -> None:
    snapshot = published(tmp_path)
    centers = exports.cost_centers(snapshot, MONTH)
    statements = {
        center: exports.read_statement(snapshot, MONTH, "Amortised", center)
        for center in centers
    }
    assert {c: s.sections[0].total for c, s in statements.items()} == TOTALS
    assert sum(TOTALS.values()) == TRUTH["ledger"] - 400
    for center, statement in statements.items():
        tie = statement.tie
        assert tie.statement == TOTALS[center]
        assert tie.statement + tie.other_statements == tie.all_statements
        assert tie.all_statements + tie.out_of_scope == tie.ledger == TRUTH["ledger"]


def test_the_overview_ties_statements_to_the_bills(tmp_path: Path) -> None:
    totals = exports.statement_totals(published(tmp_path), MONTH, "Amortised", "EUR")
    told = [(row["label"], row["amount"]) for row in totals.to_pylist()]
    assert told == [
        ("cc-100", Decimal(1760)),
        ("cc-200", Decimal(640)),
        ("Without a cost centre", Decimal("499.0000000001")),
        ("All statements", Decimal("2899.0000000001")),
        ("Outside AI scope, in no statement", Decimal(400)),
        ("All bills", Decimal("3299.0000000001")),
    ]


def test_a_statement_has_what_is_booked_about_closed_months(tmp_path: Path) -> None:
    """By hand: 60.00 about July are booked with September, so cc-100 owes 1,820.00."""
    snapshot = changed(
        tmp_path,
        """
        create table lines as from cost.mart_statement_lines;
        drop view cost.mart_statement_lines;
        create table cost.mart_statement_lines as from lines;
        insert into cost.mart_statement_lines values ('2026-09', '2026-07',
            'adjustment', 'cc-100', 'ml', 'eta-v2', 'direct', null, 'aws-eks', 'EUR',
            60, 60, false, false, 60, 60)
        """,
    )
    statement = exports.read_statement(snapshot, MONTH, "Amortised", "cc-100")
    tie = statement.tie
    assert statement.sections[0].total == tie.statement == 1820
    assert (tie.adjustments, tie.ledger) == (60, TRUTH["ledger"])
    assert tie.all_statements - tie.adjustments + tie.out_of_scope == tie.ledger
    assert tie.ai_cost + tie.tax_and_credits + tie.adjustments == tie.all_statements
    (line,) = [r for r in rows_of(render_csv(statement)) if r["adjusted_month"]]
    assert (line["adjusted_month"], Decimal(line["amount"])) == ("2026-07", 60)
    said = " ".join("".join(pages_of(render_pdf(statement))).split())
    assert "direct, about Jul 2026" in said
    assert "adjustments of closed months 60.00" in said
    assert "Of it about closed months, in no bill of the month" in said
    totals = exports.statement_totals(snapshot, MONTH, "Amortised", "EUR").to_pylist()
    assert ("adjustments", Decimal(60)) in [(r["kind"], r["amount"]) for r in totals]


def test_the_overview_names_the_teams_whose_cost_it_is(tmp_path: Path) -> None:
    """A model of Machine learning may have a cost centre that is not its team's."""
    snapshot = changed(
        tmp_path,
        "update cost.fct_daily_model_costs set cost_center = 'cc-900'"
        " where team_id = 'ml'",
    )
    totals = exports.statement_totals(snapshot, MONTH, "Amortised", "EUR").to_pylist()
    named = {row["cost_center"]: row["teams"] for row in totals if row["teams"]}
    assert "Machine learning" in named["cc-900"]
    for center, teams in named.items():
        owners = exports.read_statement(snapshot, MONTH, "Amortised", center).owners
        assert teams == owners


def test_the_overview_names_teams_without_a_cost_centre(tmp_path: Path) -> None:
    snapshot = changed(
        tmp_path,
        "update cost.fct_daily_model_costs set cost_center = null"
        " where cost_center = 'cc-200'",
    )
    totals = exports.statement_totals(snapshot, MONTH, "Amortised", "EUR").to_pylist()
    named = {row["label"]: row["teams"] for row in totals}
    assert named["Without a cost centre"] == "Vision"
    statement = exports.read_statement(snapshot, MONTH, "Amortised", None)
    assert statement.owners == "Vision"


def test_rounded_lines_and_their_rounding_add_up_to_the_total(tmp_path: Path) -> None:
    """Three lines of 0.333 and one of 0.004 are 1.003: 0.99 stated, 0.01 rounding."""
    snapshot = changed(
        tmp_path,
        """
        delete from cost.fct_daily_model_costs where cost_center = 'cc-200';
        insert into cost.fct_daily_model_costs
        select '2026-09-15', '2026-09', 'aws', 'AWS', 'aws-eks', model, 'camera',
            'vision', 'cc-200', 'serving', 'direct', 'tag', null, 'EUR', cost, cost,
            false
        from (values ('a', 0.333), ('b', 0.333), ('c', 0.333), ('d', 0.004))
            as costs (model, cost)
        """,
    )
    section = exports.read_statement(snapshot, MONTH, "Billed", "cc-200").sections[0]
    assert [line.stated_amount for line in section.lines] == [
        *[Decimal("0.33")] * 3,
        Decimal(0),
    ]
    assert (section.total, section.stated_total) == (Decimal("1.003"), Decimal("1.00"))
    assert section.rounding == Decimal("0.01")
    assert sum(amount for _, amount in section.teams) == Decimal("0.99")


def test_a_workbook_has_numbers_a_frozen_head_and_a_sum_that_adds_up(
    tmp_path: Path,
) -> None:
    snapshot = published(tmp_path)
    content = render_xlsx(exports.read_statement(snapshot, MONTH, "Amortised", None))
    sheet = sheet_of(content)
    assert sheet.freeze_panes == "A5"
    assert [cell.value for cell in sheet[4]] == [
        *("Team", "Model", "Component", "Platform", "Amount", "Exact amount"),
        "Estimated",
    ]
    lines = list(sheet.iter_rows(min_row=5, max_row=17))
    assert all(row[4].data_type == "n" for row in lines)
    assert {row[4].number_format for row in lines} == {"#,##0.00;[Red]-#,##0.00"}
    assert all(sheet.column_dimensions[c].width > 10 for c in "ABCDEFG")
    assert sheet["A18"].value == "Rounding of lines"
    assert sheet["A19"].value == "Total EUR"
    assert sheet["E19"].value == "=SUM(E5:E18)"
    summed = sum(Decimal(str(sheet.cell(row, 5).value)) for row in range(5, 19))
    assert summed == Decimal("499.00")
    assert sheet["F19"].value == "499.0000000001"
    calculated = openpyxl.load_workbook(io.BytesIO(content), data_only=True)
    assert calculated["Statement"]["E19"].value == 499
    about = {row[0].value: row[1].value for row in sheet_of(content, "About").rows}
    assert about["All bills of the month"].replace("\u00a0", " ") == (
        "EUR 3,299.0000000001"
    )


def test_no_text_of_the_data_becomes_a_formula(tmp_path: Path) -> None:
    wicked = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"]
    for sign in wicked:
        root = tmp_path / str(wicked.index(sign))
        escaped = sign.replace("'", "''")
        snapshot = changed(
            root,
            f"update core.dim_platforms set platform_name = '{escaped}'"
            " where platform_id = 'aws-eks';"
            f"update cost.fct_daily_model_costs set team_id = '{escaped}'",
        )
        statement = exports.read_statement(snapshot, MONTH, "Amortised", "cc-200")
        text = render_csv(statement).decode()
        [first, *_] = csv.DictReader(
            io.StringIO(text[text.index("billing_month") :], newline="")
        )
        assert first["team"] == first["platform"] == f"'{sign}"
        sheet = sheet_of(render_xlsx(statement))
        assert sheet["A5"].data_type == "s"
        assert str(sheet["A5"].value).startswith("'")


def test_a_name_with_a_number_sign_is_no_comment(tmp_path: Path) -> None:
    names = ["Team #1", "#1", 'the "#1", C#', "a\n# b"]
    for name in names:
        root = tmp_path / str(names.index(name))
        snapshot = changed(
            root, f"update cost.fct_daily_model_costs set team_id = '{name}'"
        )
        statement = exports.read_statement(snapshot, MONTH, "Amortised", "cc-100")
        file = root / "statement.csv"
        file.write_bytes(render_csv(statement))
        read = duckdb.connect().execute(
            "select team_id, sum(cast(amount as decimal(28, 10)))"
            " from read_csv(?, comment='#', skip=0, all_varchar=true) group by all",
            [str(file)],
        )
        assert read.fetchall() == [(name, TOTALS["cc-100"])]


def test_simulated_data_is_marked_on_every_page_sheet_and_row(tmp_path: Path) -> None:
    snapshot = published(tmp_path, is_synthetic=True)
    statement = exports.read_statement(snapshot, MONTH, "Amortised", None)
    assert all(row["mark"] == "SYNTHETIC" for row in rows_of(render_csv(statement)))
    for sheet in openpyxl.load_workbook(io.BytesIO(render_xlsx(statement))):
        assert sheet.oddHeader.right.text == "&BSYNTHETIC"  # in bold
        cells = [str(cell.value) for row in sheet.iter_rows() for cell in row]
        assert any("SYNTHETIC" in cell for cell in cells)
    pages = pages_of(render_pdf(statement))
    assert all("SYNTHETIC" in page for page in pages)

    real = exports.read_statement(
        published(tmp_path / "real"), MONTH, "Amortised", None
    )
    for content in (
        render_csv(real),
        *(p.encode() for p in pages_of(render_pdf(real))),
    ):
        assert b"SYNTHETIC" not in content


def test_the_header_says_whose_how_final_how_complete_and_from_which_run(
    tmp_path: Path,
) -> None:
    snapshot = published(tmp_path)
    statement = exports.read_statement(snapshot, MONTH, "Billed", "cc-100")
    head = render_csv(statement).decode().replace("\u00a0", " ").split("billing_month")
    assert head[0].splitlines() == [
        "# Organisation: Example Works",
        "# Month: 2026-09",
        "# Cost basis: billed",
        "# Currency: EUR",
        "# State: open",
        "# Completeness: complete",
        "# Coverage: 96.4 %",
        "# Data as of: 2026-09-30 05:12 UTC",
        "# Run: run-0001",
        "# Cost centre: cc-100",
        f"# Total: EUR {statement.sections[0].total:,.2f}",
    ]
    [first, *_] = pages_of(render_pdf(statement))
    for said in ("Example Works", "Sep 2026", "Billed cost", "open", "run-0001"):
        assert said in first


def test_a_statement_names_what_tax_and_credits_add_to_the_ai_cost_of_pages(
    tmp_path: Path,
) -> None:
    snapshot = published(tmp_path)
    tie = exports.read_statement(snapshot, MONTH, "Amortised", "cc-100").tie
    period = next(p for p in selection_queries.periods(snapshot) if p.label == MONTH)
    spent = summary_queries.ai_spend(
        snapshot, selection_queries.Selection(period, "Amortised", "EUR")
    )
    assert tie.ai_cost == spent.amount
    assert tie.ai_cost + tie.tax_and_credits == tie.all_statements
    assert tie.tax_and_credits != 0
    facts = dict(tie.facts("EUR", is_partial=False))
    assert "Of it AI cost, as on Summary and Budget" in facts
    assert "Of it tax and credits" in facts


def test_what_could_not_be_converted_stands_apart_and_every_total_is_at_least(
    tmp_path: Path,
) -> None:
    statement = exports.read_statement(
        published(tmp_path, "partial"), MONTH, "Amortised", "cc-200"
    )
    own, dollars = statement.sections
    assert (own.currency, own.total) == ("EUR", Decimal(640))
    assert (dollars.currency, dollars.total) == ("USD", Decimal("999.99"))
    assert statement.total_label == "Total, at least"
    assert all(name.endswith(", at least") for name, _ in statement.tie_facts())
    sheets = openpyxl.load_workbook(io.BytesIO(render_xlsx(statement))).sheetnames
    assert sheets == ["Statement", "Not converted USD", "About"]


@pytest.mark.parametrize("render", [render_csv, render_xlsx, render_pdf])
def test_the_same_run_gives_the_same_bytes(
    tmp_path: Path, render: Callable[[exports.Statement], bytes]
) -> None:
    first = exports.read_statement(published(tmp_path / "1"), MONTH, "Amortised", None)
    again = exports.read_statement(published(tmp_path / "2"), MONTH, "Amortised", None)
    assert render(first) == render(again)


def test_a_statement_to_sign_has_two_decimals_and_the_names_of_its_teams(
    tmp_path: Path,
) -> None:
    snapshot = published(tmp_path)
    statement = exports.read_statement(snapshot, MONTH, "Amortised", "cc-100")
    text = " ".join(pages_of(render_pdf(statement)))
    assert re.findall(r"\d\.\d{3,}", text) == []
    assert statement.owners
    assert f"of {statement.owners}" in text.replace("\n", " ")
    assert any(re.search(r"\d\.\d{3,}", amount) for _, amount in statement.tie_facts())


def test_teams_that_share_a_name_are_told_apart(tmp_path: Path) -> None:
    snapshot = changed(tmp_path, "update core.dim_teams set team_name = 'Research'")
    totals = exports.statement_totals(snapshot, MONTH, "Amortised", "EUR").to_pylist()
    for center, team in (("cc-100", "Research (ml)"), ("cc-200", "Research (vision)")):
        assert [r["teams"] for r in totals if r["cost_center"] == center] == [team]
        statement = exports.read_statement(snapshot, MONTH, "Amortised", center)
        assert statement.owners == team


def test_names_of_cost_centres_are_safe_and_never_collide() -> None:
    awkward = ["a/b", "a_b", "../x", "no_cost_centre", "A B", "ä" * 200, "ä" * 201]
    names = [
        exports.statement_name(MONTH, "Billed", center, "pdf")
        for center in [*awkward, None]
    ]
    assert len(set(names)) == len(names)
    assert all("/" not in name and len(name) < 255 for name in names)


def test_a_month_or_cost_centre_without_charges_is_refused_with_what_there_is(
    tmp_path: Path,
) -> None:
    snapshot = published(tmp_path)
    with pytest.raises(UsageError, match="from 2026-07 to 2026-09"):
        exports.read_statement(snapshot, "2027-01", "Billed", None)
    with pytest.raises(UsageError, match="Write it as 2026-03"):
        exports.read_statement(snapshot, "September", "Billed", None)
    with pytest.raises(UsageError, match=r"cc-100, cc-200, \(no cost centre\)"):
        exports.read_statement(snapshot, MONTH, "Billed", "cc-300")
