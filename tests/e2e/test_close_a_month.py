"""A month that finance closed: what comes in later moves nothing and is itemised.

Acceptance criteria F2 and G5 of the product, from files to published tables.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb
import pytest
from typer.testing import CliRunner

from tests.e2e.cases import closing_case
from tests.e2e.cases.closing_case import (
    APRIL,
    CLOSED,
    INVOICES,
    LEDGER,
    MARCH,
    ClosingCase,
    charge,
    copy_of_reconciled_company,
)
from triptych.cli import app
from triptych.core.errors import NotReconciledError, UsageError
from triptych.core.lake.audit_log import AuditLogError
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.warehouse.frozen_marts import content_hash
from triptych.core.warehouse.locks import (
    ClosingMonth,
    LockedFileError,
    RenderedFile,
    read_history,
    read_locked_file,
)
from triptych.month import accruing, closing, reopening
from triptych.service.assistant.desk import Desk
from triptych.service.assistant.listings import MONTHLY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tests.conftest import BuiltWorkspaces

pytestmark = pytest.mark.timeout(1800)

THIRD = Decimal("33.3333333333")
REST = Decimal("66.6666666667")


@pytest.fixture(scope="module")
def reconciled(
    built_workspaces: BuiltWorkspaces, tmp_path_factory: pytest.TempPathFactory
) -> ClosingCase:
    folder = tmp_path_factory.mktemp("reconciled")
    return copy_of_reconciled_company(built_workspaces, folder / "workspace")


@pytest.fixture
def open_case(reconciled: ClosingCase, tmp_path: Path) -> ClosingCase:
    """March is reconciled; a copy to change."""
    return copied(reconciled, tmp_path / "open")


@pytest.fixture(scope="module")
def closed(
    reconciled: ClosingCase, tmp_path_factory: pytest.TempPathFactory
) -> ClosingCase:
    """March is closed, with a file rendered from its figures."""
    case = copied(reconciled, tmp_path_factory.mktemp("closed") / "workspace")
    closing.close(
        case.workspace,
        load_settings(case.root),
        closing.SignOff("Ana Lima", "Ben Okafor", "Board meeting"),
        period=CLOSED,
        renderers=[statement],
        progress=SilentProgress(),
    )
    return case


@pytest.fixture
def case(closed: ClosingCase, tmp_path: Path) -> ClosingCase:
    """March is closed; a copy to change."""
    return copied(closed, tmp_path / "workspace")


def copied(case: ClosingCase, target: Path) -> ClosingCase:
    shutil.copytree(case.root, target)
    return ClosingCase(target)


def statement(month: ClosingMonth) -> Iterable[RenderedFile]:
    """Render what an exporter might: a figure under a heading that changes."""
    total = month.figures.query(
        "SELECT sum(billed_cost) AS total FROM cost.mart_cost_waterfall"
        f" WHERE step = 'ledger' AND billing_month = '{month.billing_month}'"
    ).to_pylist()[0]["total"]
    text = f"{month.closed_at} {month.figures.run_id} {month.lock_id}: {total}\n"
    yield RenderedFile("statement.txt", text.encode())


def test_closing_locks_the_month_with_who_when_and_a_hash(closed: ClosingCase) -> None:
    state = closed.state()
    assert state["state"] == "locked"
    assert (state["locked_by"], state["approved_by"]) == ("Ana Lima", "Ben Okafor")
    assert state["locked_billed_cost"] == state["current_billed_cost"] == LEDGER
    assert state["difference_billed_cost"] == 0
    assert closed.state("2026-04")["state"] == "open"
    stored = closed.stored()
    assert b"185.0000000000" in stored.pop("statement.txt")
    assert stored == closed.march()
    assert state["content_hash"] == content_hash(stored.items())
    (event,) = closed.ask("SELECT * FROM cost.mart_period_events")
    assert (event["event"], event["actor"], event["approver"], event["reason"]) == (
        *("closed", "Ana Lima", "Ben Okafor"),
        "Board meeting",
    )


def late_items(case: ClosingCase) -> None:
    """April's bill brings a credit and a correction for days of March."""
    late_credit = charge(
        *("-4.00", "API"), day="2026-03-20", bill="2026-04", kind="Credit"
    )
    correction = charge(
        *("2.50", "API"),
        model="vision",
        day="2026-03-21",
        bill="2026-04",
        kind="Correction",
    )
    case.bill("2026-04", *APRIL, late_credit, correction)


def re_delivery(case: ClosingCase) -> None:
    """March's bill comes again: eta's 10.00 is 12.00, and there is a credit of 1.00."""
    changed = charge("12.00", "API", model="eta")
    credit = charge("-1.00", "API", kind="Credit")
    case.bill("2026-03", changed, *MARCH[1:], credit)


def rule_change(case: ClosingCase) -> None:
    """Divide the GPU pool evenly: 50.00 each instead of a third and two."""
    rules = closing_case.RULES.replace("driver: gpu_hours", "driver: even")
    case.write("allocation.yml", rules)


def catalogue_change(case: ClosingCase) -> None:
    """Model vision goes to the team of eta."""
    catalog = closing_case.CATALOG.replace("team: vision}", "team: search}")
    case.write("catalog.yml", catalog)


def rate_change(case: ClosingCase) -> None:
    """Convert a dollar of March to EUR 0.80, not 0.90: 50.00 are 40.00, not 45.00."""
    case.write("rates.csv", closing_case.RATES.replace("0.90", "0.80"))


Item = tuple[str, str, str | None, Decimal, bool, bool]


#: What comes late and a rule in the fast layer; exports are held against a name
#: of the catalogue there, too (``test_exports_of_a_closed_month.py``).
@pytest.mark.parametrize(
    ("change", "items", "current", "state"),
    [
        (
            late_items,
            [
                ("correction", "direct", "vision", Decimal("2.5"), True, False),
                ("late_credit", "credit", None, Decimal(-4), True, False),
            ],
            LEDGER,
            "locked",
        ),
        pytest.param(
            re_delivery,
            [
                ("late_credit", "credit", None, Decimal(-1), False, False),
                ("restated_export", "direct", "eta", Decimal(2), False, False),
            ],
            LEDGER + 1,
            "restated",
            marks=pytest.mark.full,  # fast: what is withdrawn, in test_withdraw.py
        ),
        (
            rule_change,
            [
                ("rule_change", "shared", "eta", 50 - THIRD, False, True),
                ("rule_change", "shared", "vision", 50 - REST, False, True),
            ],
            LEDGER,
            "restated",
        ),
        pytest.param(
            catalogue_change,
            [
                ("catalogue_change", "direct", "vision", Decimal(-20), False, True),
                ("catalogue_change", "direct", "vision", Decimal(20), False, True),
                ("catalogue_change", "shared", "vision", -REST, False, True),
                ("catalogue_change", "shared", "vision", REST, False, True),
            ],
            LEDGER,
            "restated",
            marks=pytest.mark.full,
        ),
        pytest.param(
            rate_change,
            [("exchange_rate", "direct", "eta", Decimal(-5), False, False)],
            LEDGER - 5,
            "restated",
            marks=pytest.mark.full,
        ),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_nothing_that_comes_in_later_moves_a_closed_month(
    case: ClosingCase,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[ClosingCase], None],
    items: list[Item],
    current: Decimal,
    state: str,
) -> None:
    """Byte for byte, under another version of triptych too; the change is itemised."""
    stored, march = case.stored(), case.march()
    monkeypatch.setattr("triptych.core.control.tables.__version__", "99.0.0")
    change(case)
    case.run()
    assert case.ask("SELECT triptych_version AS v FROM core.mart_run") == [
        {"v": "99.0.0"}
    ]
    assert case.march() == march
    assert case.stored() == stored
    lock = read_history(case.workspace).locks[0]
    assert (
        read_locked_file(case.workspace, lock, "statement.txt")
        == (stored["statement.txt"])
    )
    assert [tuple(row.values()) for row in case.adjustments()] == items
    told = case.state()
    assert (told["state"], told["current_billed_cost"]) == (state, current)
    assert told["adjustment_count"] == len(items)
    booked = case.ask(
        "SELECT DISTINCT booked_month AS m FROM cost.mart_period_adjustments"
    )
    assert booked == [{"m": "2026-04"}]


def bookings(case: ClosingCase) -> list[tuple[object, ...]]:
    """Return what is listed of March by the month that it is booked in."""
    rows = case.ask(
        "SELECT booked_month, kind, is_booked, sum(billed_cost) AS amount"
        " FROM cost.mart_period_adjustments GROUP BY ALL ORDER BY ALL"
    )
    return [tuple(row.values()) for row in rows]


def test_what_april_was_closed_with_is_booked_once_whatever_comes_in_later(
    case: ClosingCase,
) -> None:
    """March has 1.00 more, April is closed with it; then eta's 12.00 are 15.00."""
    may = charge("6.00", "API", model="eta", day="2026-05-05", bill="2026-05")
    case.bill("2026-05", may)
    case.write("invoices.csv", f"{INVOICES}E-4,Vendor,2026-04,EUR,5.00,issued\n")
    re_delivery(case)
    case.run()
    first = [
        ("2026-04", "late_credit", False, Decimal(-1)),
        ("2026-04", "restated_export", False, Decimal(2)),
    ]
    assert bookings(case) == first
    # An assistant that prepares April's close, or is asked of March, lists both.
    [asked] = [each for each in MONTHLY if each.name == "adjustments"]
    for month in (CLOSED, "2026-04"):
        answer = Desk(case.root).answer(asked, month=month)
        booked_costs = [f for f in answer.figures if f.name == "billed_cost"]
        assert [Decimal(f.value or "") for f in booked_costs] == [-1, 2]
        for figure in booked_costs:
            assert figure.labels["booked_month"] == "2026-04"
            assert figure.labels["is_in_ledger_of_booked_month"] == "false"
            assert figure.labels["is_booked"] == "false"
    people = ("--by", "Ana Lima", "--approved-by", "Ben Okafor")
    place = ("--workspace", str(case.root))
    proposed = CliRunner().invoke(app, ["close", "--period", "2026-04", *place])
    assert "\nbooks         EUR +1.00 about 2026-03 (2 items)\n" in proposed.output
    told = CliRunner().invoke(app, ["close", "--period", "2026-04", *people, *place])
    assert "\nbooked        EUR +1.00 about 2026-03 (2 items)\n" in told.output
    booked = [(month, kind, True, amount) for month, kind, _, amount in first]
    assert bookings(case) == booked
    dearer = charge("15.00", "API", model="eta")
    case.bill("2026-03", dearer, *MARCH[1:], charge("-1.00", "API", kind="Credit"))
    case.run()
    left = [("2026-05", "restated_export", False, Decimal(3))]
    assert bookings(case) == [*booked, *left]
    assert case.state()["difference_billed_cost"] == 4
    # March is opened and closed anew with all of it: what April has is reversed once.
    opened = closing.SignOff("Cleo Wu", "Ben Okafor", "Restated twice.")
    reopening.reopen(
        case.workspace,
        load_settings(case.root),
        opened,
        period=CLOSED,
        progress=SilentProgress(),
    )
    reversal = (CLOSED, "reversal", False, Decimal(-1))
    assert bookings(case) == [reversal, *booked]
    invoices = INVOICES.replace("140.00", "144.00")
    case.write("invoices.csv", f"{invoices}E-4,Vendor,2026-04,EUR,5.00,issued\n")
    case.run()
    case.close()
    assert bookings(case) == [(*reversal[:2], True, reversal[3]), *booked]
    assert case.state()["state"] == "locked"


def test_a_reopened_month_shows_what_it_is_now_and_keeps_what_it_was(
    case: ClosingCase,
) -> None:
    stored = case.stored()
    lock = read_history(case.workspace).locks[0]
    rule_change(case)
    reopening.reopen(
        case.workspace,
        load_settings(case.root),
        closing.SignOff("Cleo Wu", "Ben Okafor", "The GPU pool was divided wrongly."),
        period=CLOSED,
        progress=SilentProgress(),
    )
    assert case.state()["state"] == "reconciled"
    assert case.adjustments() == []
    assert case.ask(
        "SELECT model_id, shared_cost FROM cost.mart_model_unit_costs"
        f" WHERE billing_month = '{CLOSED}' ORDER BY model_id"
    ) == [
        {"model_id": "eta", "shared_cost": Decimal(50)},
        {"model_id": "vision", "shared_cost": Decimal(50)},
    ]
    assert case.ask(
        "SELECT event, actor, reason FROM cost.mart_period_events ORDER BY log_position"
    ) == [
        {"event": "closed", "actor": "Ana Lima", "reason": "Board meeting"},
        {
            "event": "reopened",
            "actor": "Cleo Wu",
            "reason": "The GPU pool was divided wrongly.",
        },
    ]
    assert read_history(case.workspace).locks == ()
    folder = case.workspace.locked_dir / CLOSED / lock.lock_id
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == stored


def test_a_comment_on_a_closed_month_is_published_and_moves_nothing(
    case: ClosingCase,
) -> None:
    before, stored = case.march(), case.stored()
    spoken = CliRunner().invoke(
        app,
        [
            *("comment", "--period", "2026-04", "--against", CLOSED, "--publish"),
            *("--model", "eta", "--by", "Ana Lima", "Dearer since the move."),
            *("--workspace", str(case.root)),
        ],
    )
    assert spoken.exit_code == 0, spoken.output
    (said,) = case.ask("SELECT * FROM cost.mart_period_comments")
    assert (said["author"], said["comment_text"]) == (
        "Ana Lima",
        "Dearer since the move.",
    )
    assert (said["prior_billing_month"], said["model_id"]) == (CLOSED, "eta")
    assert said["entry_hash"] == read_history(case.workspace).head_hash
    assert case.state()["state"] == "locked"
    assert (case.march(), case.stored()) == (before, stored)


def test_the_published_figures_must_be_of_the_current_rules_and_evidence(
    open_case: ClosingCase,
) -> None:
    rule_change(open_case)
    with pytest.raises(UsageError, match="made from other evidence, settings or rules"):
        open_case.close()
    assert read_history(open_case.workspace).locks == ()


def test_a_month_that_is_not_over_or_not_there_is_not_closed(
    reconciled: ClosingCase,
) -> None:
    for period, reason in (("2026-04", "is not over"), ("2025-01", "no figures")):
        with pytest.raises(UsageError, match=reason):
            closing.close(
                reconciled.workspace,
                load_settings(reconciled.root),
                closing.SignOff("Ana Lima", "Ben Okafor"),
                period=period,
                progress=SilentProgress(),
            )


def test_a_closed_month_is_not_closed_twice(closed: ClosingCase) -> None:
    with pytest.raises(
        UsageError, match="closed already: by Ana Lima, approved by Ben"
    ):
        closed.close()


def test_nothing_of_a_closed_month_is_accrued(closed: ClosingCase) -> None:
    with pytest.raises(UsageError, match="is closed, by Ana Lima: nothing of it"):
        accruing.accrue(
            closed.workspace,
            load_settings(closed.root),
            period=CLOSED,
            by="Ana Lima",
            approved_by="Ben Okafor",
            progress=SilentProgress(),
        )


def test_a_month_that_is_not_reconciled_ends_with_exit_code_6(
    open_case: ClosingCase,
) -> None:
    """The invoice over USD 50.00 is missing."""
    open_case.write("invoices.csv", "".join(INVOICES.splitlines(keepends=True)[:2]))
    open_case.run()
    assert open_case.state()["state"] == "estimated"
    people = ("--by", "Ana Lima", "--approved-by", "Ben Okafor")
    place = ("--workspace", str(open_case.root))
    result = CliRunner().invoke(app, ["close", "--period", CLOSED, *people, *place])
    assert result.exit_code == NotReconciledError.exit_code == 6
    assert "2026-03 is not reconciled: bills: " in result.stderr
    assert read_history(open_case.workspace).locks == ()


KILLED_AT = {
    "before the transaction": "Catalogue.commit_together = die",
    "inside the transaction": "triptych.core.lake.audit_log.append = die_on_close",
    "after the transaction": "triptych.run.pipeline.Run.build = die",
}


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param("before the transaction", marks=pytest.mark.full),
        "inside the transaction",
        pytest.param("after the transaction", marks=pytest.mark.full),
    ],
)
def test_a_close_that_is_killed_leaves_no_lock_or_a_whole_one(
    open_case: ClosingCase, moment: str
) -> None:
    kill_while_closing(open_case, KILLED_AT[moment])
    history = read_history(open_case.workspace)
    if moment == "after the transaction":
        (lock,) = history.locks
        march = open_case.march()
        for name in lock.files:
            assert read_locked_file(open_case.workspace, lock, name) == march[name]
        marts_with_rows = [text for text in march.values() if text.count(b"\n") > 1]
        assert locked_loads(open_case) == len(marts_with_rows) == 7
    else:
        assert not history.locks
        assert not history.events
        assert locked_loads(open_case) == 0
        with pytest.raises(UsageError, match="is not over"):
            closing.close(
                open_case.workspace,
                load_settings(open_case.root),
                closing.SignOff("Ana Lima", "Ben Okafor"),
                period="2026-04",
                progress=SilentProgress(),
            )


def kill_while_closing(case: ClosingCase, replacement: str) -> None:
    program = f"""
import os, signal, sys
from pathlib import Path
import triptych.run.pipeline, triptych.core.lake.audit_log as log
from triptych.core.lake.catalogue import Catalogue
from tests.e2e.cases.closing_case import ClosingCase
append = log.append
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
def die_on_close(connection, event, detail, **options):
    if event == "period_closed":
        die()
    return append(connection, event, detail, **options)
import triptych.core.lake.audit_log
{replacement}
ClosingCase(Path(sys.argv[1])).close()
"""
    finished = subprocess.run(
        [sys.executable, "-c", program, str(case.root)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == -signal.SIGKILL, finished.stderr


def locked_loads(case: ClosingCase) -> int:
    raw = str(case.workspace.raw_database)
    with duckdb.connect(raw, read_only=True) as connection:
        row = connection.execute(
            "SELECT count(*) FROM catalogue.loads WHERE stream LIKE 'locked%'"
        ).fetchone()
    return int(row[0]) if row else -1


def test_a_changed_audit_log_stops_closing_building_and_status(
    case: ClosingCase,
) -> None:
    with duckdb.connect(str(case.workspace.raw_database)) as connection:
        connection.execute(
            "UPDATE catalogue.audit_log SET detail = replace(detail, 'Ana Lima',"
            " 'Somebody else') WHERE event = 'period_closed'"
        )
    before = case.workspace.pointer.read_text("utf-8")
    with pytest.raises(AuditLogError, match=r"entry \d+ \(period_closed\) is not what"):
        case.run()
    with pytest.raises(AuditLogError):
        case.close()
    result = CliRunner().invoke(app, ["status", "--workspace", str(case.root)])
    assert result.exit_code == 1
    assert "The audit log is broken" in result.stderr
    assert case.workspace.pointer.read_text("utf-8") == before


def test_changed_figures_of_a_closed_month_are_found_before_anything_is_published(
    case: ClosingCase,
) -> None:
    (file,) = (case.root / "lake" / "locked_cost_waterfall").rglob("*.parquet")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises(LockedFileError, match="are not what was stored"):
        case.run()


def test_a_changed_or_unknown_file_of_a_lock_is_not_handed_out(
    case: ClosingCase,
) -> None:
    lock = read_history(case.workspace).locks[0]
    path = case.workspace.locked_dir / CLOSED / lock.lock_id / "statement.txt"
    path.write_text(path.read_text("utf-8") + " ", "utf-8")
    with pytest.raises(LockedFileError, match="is not what was stored when 2026-03"):
        read_locked_file(case.workspace, lock, "statement.txt")
    with pytest.raises(LockedFileError, match=r"keeps no file 'balance\.txt'"):
        read_locked_file(case.workspace, lock, "balance.txt")


def test_status_shows_where_each_month_stands(closed: ClosingCase) -> None:
    result = CliRunner().invoke(app, ["status", "--workspace", str(closed.root)])
    assert result.exit_code == 0
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert any(line.startswith("2026-03 locked") for line in lines)
    assert any(line.startswith("2026-04 open") for line in lines)
