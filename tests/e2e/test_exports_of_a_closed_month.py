"""What was exported of a closed month is what will be exported of it for ever.

Acceptance criterion F4 of the product and its export part of F2, G4 and G5, on the
company of ``closing_case``: March's AI spend is 178.00, of which by hand 10.00 +
33.3333333333 + 45.00 belong to cc-1, 20.00 + 66.6666666667 to cc-2 and 3.00 to none.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
import time
from decimal import Decimal
from typing import TYPE_CHECKING

import openpyxl
import pyarrow.parquet as pq
import pypdf
import pytest
from typer.testing import CliRunner

from tests.e2e.cases import closing_case
from tests.e2e.cases.closing_case import (
    APRIL,
    CLOSED,
    MARCH,
    ClosingCase,
    charge,
    copy_of_closed_company,
    copy_of_reconciled_company,
)
from tests.layers import in_full
from triptych.cli import app
from triptych.core.lake import lake_log

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.conftest import BuiltWorkspaces

pytestmark = pytest.mark.timeout(1800)

TOTALS = {
    "cc-1": Decimal("88.3333333333"),
    "cc-2": Decimal("86.6666666667"),
    None: Decimal(3),
}
#: Two bases, three statements, three formats, and a board pack in two; FOCUS in two
#: versions and two formats.
STORED = 2 * (3 * 3 + 2) + 2 * 2
MOST_SECONDS = 10


@pytest.fixture(scope="module")
def reconciled(
    built_workspaces: BuiltWorkspaces, tmp_path_factory: pytest.TempPathFactory
) -> ClosingCase:
    folder = tmp_path_factory.mktemp("reconciled")
    return copy_of_reconciled_company(built_workspaces, folder / "workspace")


@pytest.fixture(scope="module")
def closed(
    built_workspaces: BuiltWorkspaces, tmp_path_factory: pytest.TempPathFactory
) -> ClosingCase:
    """March is closed from the command line, which keeps its exports."""
    folder = tmp_path_factory.mktemp("closed")
    return copy_of_closed_company(built_workspaces, folder / "workspace")


@pytest.fixture(scope="module")
def files(
    closed: ClosingCase, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    """Return what is exported of March as soon as it is closed."""
    return exported(closed.root, tmp_path_factory.mktemp("exported"))


def triptych(root: Path, *arguments: str) -> str:
    finished = CliRunner().invoke(app, [*arguments, "--workspace", str(root)])
    assert finished.exit_code == 0, finished.output
    return finished.stdout


def exported(
    root: Path,
    folder: Path,
    bases: Sequence[str] = ("amortised", "billed"),
    versions: Sequence[str] = ("1.2", "1.4"),
) -> dict[str, bytes]:
    """Return every export of March by file name, as the command line writes them."""
    out = ("--output", str(folder), "--period", CLOSED)
    for basis in bases:
        triptych(root, "export", "statement", "--all", "--basis", basis, *out)
        triptych(root, "export", "board-pack", "--basis", basis, *out)
    for version in versions:
        for form in ("parquet", "csv"):
            wanted = ("--version", version, "--format", form)
            triptych(root, "export", "focus", *wanted, *out)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def rows_of(content: bytes) -> list[dict[str, str]]:
    lines = content.decode().splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("# ")))


def test_statements_of_an_open_month_tie_to_the_bills_in_ten_seconds(
    reconciled: ClosingCase, tmp_path: Path
) -> None:
    for center, total in TOTALS.items():
        for form in ("csv", "xlsx", "pdf"):
            whose = (
                ("--without-cost-center",)
                if center is None
                else ("--cost-center", center)
            )
            begun = time.monotonic()
            told = triptych(
                reconciled.root,
                *("export", "statement", "--period", CLOSED, "--format", form),
                *("--output", str(tmp_path), "--json", *whose),
            )
            assert time.monotonic() - begun < MOST_SECONDS
            [written] = json.loads(told)
            assert not written["is_stored"]
            content = (tmp_path / written["file"]).read_bytes()
            assert total_in(form, content) == (
                total if form == "csv" else round(total, 2)
            )
    assert sum(TOTALS.values()) == Decimal(178)


def total_in(form: str, content: bytes) -> Decimal:
    """Return what a file says that it comes to, read as its reader would."""
    if form == "csv":
        return sum((Decimal(row["amount"]) for row in rows_of(content)), Decimal(0))
    if form == "pdf":
        text = pypdf.PdfReader(io.BytesIO(content)).pages[0].extract_text()
        said = text.replace("\u00a0", " ").split("Total")[1].split("EUR ")[1]
        return Decimal(said.split()[0].replace(",", ""))
    book = openpyxl.load_workbook(io.BytesIO(content))["Statement"]
    [formula] = [
        cell for row in book.iter_rows() for cell in row if cell.data_type == "f"
    ]
    first, last = str(formula.value)[len("=SUM(") : -1].split(":")
    cells = [row[0].value for row in book[f"{first}:{last}"]]
    return sum((Decimal(str(value)) for value in cells), Decimal(0))


def test_focus_has_the_ledger_in_scope_and_its_ratios_sum_to_one(
    reconciled: ClosingCase, tmp_path: Path
) -> None:
    out = ("--output", str(tmp_path), "--period", CLOSED)
    triptych(reconciled.root, "export", "focus", *out)
    table = pq.read_table(tmp_path / f"focus_1.4_{CLOSED}_allocated.parquet")
    rows = table.to_pylist()
    assert sum(row["BilledCost"] for row in rows) == Decimal(178)
    divided = [row for row in rows if row["AllocatedMethodId"] is not None]
    told = {
        row["AllocatedResourceId"]: (
            json.loads(row["AllocatedMethodDetails"], parse_float=Decimal)["Elements"],
            json.loads(row["AllocatedTags"]),
            row["EffectiveCost"],
        )
        for row in divided
    }
    # A third of 100 is 33.3333333333 in ten decimals, which is 0.333333333333 of it.
    assert told == {
        "eta": (
            [{"AllocatedRatio": Decimal("0.333333333333"), "UsageUnit": "gpu_hours"}],
            {"model": "eta", "team": "search", "cost_center": "cc-1"},
            Decimal("33.3333333333"),
        ),
        "vision": (
            [{"AllocatedRatio": Decimal("0.666666666667"), "UsageUnit": "gpu_hours"}],
            {"model": "vision", "team": "vision", "cost_center": "cc-2"},
            Decimal("66.6666666667"),
        ),
    }
    assert {row["x_Mark"] for row in rows} == {"SYNTHETIC"}


def late_credit(case: ClosingCase) -> None:
    credit = charge("-4.00", "API", day="2026-03-20", bill="2026-04", kind="Credit")
    case.bill("2026-04", *APRIL, credit)


def correction(case: ClosingCase) -> None:
    corrected = charge(
        *("2.50", "API"),
        model="vision",
        day="2026-03-21",
        bill="2026-04",
        kind="Correction",
    )
    case.bill("2026-04", *APRIL, corrected)


def re_delivery(case: ClosingCase) -> None:
    case.bill("2026-03", charge("12.00", "API", model="eta"), *MARCH[1:])


def rule_change(case: ClosingCase) -> None:
    rules = closing_case.RULES.replace("driver: gpu_hours", "driver: even")
    case.write("allocation.yml", rules)


def catalogue_change(case: ClosingCase) -> None:
    """Vision goes to another team, which has a name and a cost centre of its own."""
    catalog = closing_case.CATALOG.replace("team: vision}", "team: search}")
    case.write("catalog.yml", catalog.replace("cost_center: cc-2", "cost_center: cc-1"))


def new_version(case: ClosingCase) -> None:
    """Nothing changes but the version of triptych, which the test has set."""
    case.bill("2026-04", *APRIL, charge("1.00", "API", day="2026-04-06"))


#: Evidence, a rule and a name, then others.
CHANGES = (
    *(late_credit, rule_change, catalogue_change),
    *(correction, re_delivery, new_version),
)


def everything(case: ClosingCase) -> None:
    """Evidence, a rule and a name change before the next run."""
    for change in CHANGES[:3]:
        change(case)


@pytest.mark.parametrize(
    "change",
    [everything, *in_full(*CHANGES)],
    ids=lambda change: change.__name__,
)
def test_exports_of_a_closed_month_stay_the_same_to_the_last_byte(
    closed: ClosingCase,
    files: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[ClosingCase], None],
) -> None:
    before = files
    shutil.copytree(closed.root, tmp_path / "workspace")
    case = ClosingCase(tmp_path / "workspace")
    if change is new_version:
        monkeypatch.setattr("triptych.core.control.tables.__version__", "99.0.0")
    change(case)
    case.run()
    after = exported(case.root, tmp_path / "after")
    assert len(before) == STORED
    assert after == before
    stored = case.stored()
    assert {name: stored[name] for name in before} == before


def test_stored_statements_say_who_closed_the_month_and_sum_to_it(
    closed: ClosingCase, files: dict[str, bytes]
) -> None:
    text = files[f"statement_{CLOSED}_billed_cost_centre_cc-1.csv"].decode()
    assert "# State: locked, closed by Ana Lima, approved by Ben Okafor" in text
    assert f"# Content hash: {closed.state()['content_hash']}" in text
    assert f"# Audit log head: {head_before_the_close(closed)}" in text
    assert "# Completeness: complete" in text
    for basis in ("amortised", "billed"):
        parts = [
            total_in("csv", content)
            for name, content in files.items()
            if name.startswith(f"statement_{CLOSED}_{basis}") and name.endswith("csv")
        ]
        assert sorted(parts) == sorted(TOTALS.values())
    pdf = pypdf.PdfReader(
        io.BytesIO(files[f"statement_{CLOSED}_billed_no_cost_centre.pdf"])
    )
    for number, page in enumerate(pdf.pages, start=1):
        said = page.extract_text()
        assert "SYNTHETIC" in said
        assert f"Page {number} of {len(pdf.pages)}" in said
    last = pdf.pages[-1].extract_text()
    assert "Ana Lima" in last
    assert head_before_the_close(closed) in last.replace("\n", "").replace(" ", "")


def test_the_board_pack_of_a_closed_month_says_who_closed_it(
    closed: ClosingCase, files: dict[str, bytes]
) -> None:
    """The pack is stored in the close itself: it says locked, not reconciled."""
    content = files[f"board_pack_{CLOSED}_amortised.pdf"]
    pages = [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages]
    assert "locked Page 1" in pages[0].replace("\u00a0", " ")
    assert "in Mar 2026" in pages[0].replace("\u00a0", " ")
    # By hand: 178.00 of AI spend, of which nothing is tax or a credit.
    assert "EUR 178.00" in pages[0].replace("\u00a0", " ")
    assert "closed by Ana Lima, approved by Ben Okafor" in pages[0].replace("\n", " ")
    record = pages[-1].replace("\n", "")
    assert str(closed.state()["content_hash"]) in record
    assert head_before_the_close(closed) in record


def head_before_the_close(case: ClosingCase) -> str:
    """Return the hash of the entry before those that the close itself wrote."""
    rows = lake_log.read_log(case.workspace.lake)
    lock = case.state()["lock_id"]
    first = next(n for n, row in enumerate(rows) if f'"{lock}"' in row[3])
    return str(rows[first - 1][5])


@pytest.mark.full  # fast: a SKU without a price, in test_an_unpriced_sku.py
def test_without_a_rate_no_export_has_a_complete_total(
    reconciled: ClosingCase, tmp_path: Path
) -> None:
    """USD 50.00 of eta has no price in EUR: every export of March says "at least"."""
    shutil.copytree(reconciled.root, tmp_path / "workspace")
    case = ClosingCase(tmp_path / "workspace")
    case.write("rates.csv", "date,base,quote,rate\n2026-03-31,GBP,EUR,1.10\n")
    case.run()
    files = exported(case.root, tmp_path / "out")
    assert len(files) == STORED
    for name, content in files.items():
        # A line of paper may break between any two words.
        said = " ".join(words_of(name, content).split())
        assert "at least" in said, name
        assert "complete" not in said.replace("not complete", ""), name
        for line in said.splitlines():
            if (
                line.strip()
                .lower()
                .startswith(("total", "all statements", "all bills"))
            ):
                assert "at least" in line, (name, line)
    tables = ("cost.mart_cost_waterfall", "cost.fct_daily_model_costs")
    for mart in tables:
        out = ("--output", str(tmp_path))
        for form in ("csv", "xlsx", "parquet"):
            triptych(case.root, "export", "table", mart, "--format", form, *out)
            file = tmp_path / f"{mart}.{form}"
            assert "at least: 2026-03 of bills" in words_of(
                file.name, file.read_bytes()
            )


def words_of(name: str, content: bytes) -> str:
    """Return what a file says of itself and its totals, as text."""
    if name.endswith(".csv"):
        return content.decode().replace("is_complete", "").replace(",complete", "")
    if name.endswith(".parquet"):
        table = pq.read_table(io.BytesIO(content))
        said = {k.decode(): v.decode() for k, v in table.schema.metadata.items()}
        return "\n".join(f"{key}: {value}" for key, value in said.items())
    if name.endswith(".pdf"):
        pages = pypdf.PdfReader(io.BytesIO(content)).pages
        text = "\n".join(page.extract_text() for page in pages)
        return text.replace("\u00a0", " ").replace("Not complete", "not complete")
    book = openpyxl.load_workbook(io.BytesIO(content), data_only=True)
    return "\n".join(
        " ".join(str(cell.value) for cell in row if cell.value is not None)
        for sheet in book
        for row in sheet.iter_rows()
    )
