"""Money that may count twice is red until somebody settles it.

The company of ``closing_case``: 100.00 of GPU and 20.00 of vision's API in March are
delivered again under another name, at 105.00 and 21.00. The ledger then has 185.00 and
126.00; of both 120.00 may count twice.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner, Result

from tests.e2e.cases.closing_case import (
    CLOSED,
    LEDGER,
    ClosingCase,
    charge,
    copy_of_reconciled_company,
)
from triptych.cli import app
from triptych.core.errors import UsageError
from triptych.core.settings import load_settings
from triptych.core.warehouse.coverage_overlaps import published_overlaps
from triptych.evidence.overlap_settling import Settlement, read_answer, settle
from triptych.service.health import judge

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import BuiltWorkspaces

AGAIN = (charge("105.00", "GPU"), charge("21.00", "API", model="vision"))
_LEDGER = (
    "SELECT sum(billed_cost) AS cost FROM cost.mart_cost_waterfall"
    f" WHERE billing_month = '{CLOSED}' AND step = 'ledger'"
)


@pytest.fixture
def case(built_workspaces: BuiltWorkspaces, tmp_path: Path) -> ClosingCase:
    def build(root: Path) -> None:
        company = copy_of_reconciled_company(built_workspaces, root)
        company.bill("2026-03-final", *AGAIN)
        company.run()

    return ClosingCase(
        built_workspaces.copy("company_with_a_repeat", build, tmp_path / "company")
    )


def ledger(case: ClosingCase) -> Decimal:
    return Decimal(str(case.ask(_LEDGER)[0]["cost"]))


def command(case: ClosingCase, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "-w", str(case.root)])


def settled(case: ClosingCase, answer: str) -> Settlement:
    [overlap] = published_overlaps(case.root)
    return settle(
        case.workspace, overlap.overlap_id, read_answer(answer), because="we asked"
    )


def test_what_may_count_twice_is_told_with_both_deliveries_and_a_command(
    case: ClosingCase,
) -> None:
    [overlap] = published_overlaps(case.root)
    assert overlap.repeated_amount == 120
    assert overlap.first_load_id != overlap.second_load_id
    assert ledger(case) == LEDGER + 126
    told = f"{overlap.what} Settle it: triptych loads settle {overlap.overlap_id}"
    assert "Maybe counted twice: EUR 120.00 of Vendor, 2026-03-05" in told
    health = judge(case.workspace, load_settings(case.root))
    assert health.state == "failed"
    assert any(reason.startswith(told) for reason in health.reasons)
    assert told in command(case, "loads", "overlaps").output
    checked = command(case, "check")
    assert checked.exit_code != 0
    assert checked.output.count(overlap.what) == 1
    assert f"triptych loads settle {overlap.overlap_id}" in checked.output


def test_one_money_counts_once_after_it_is_settled(case: ClosingCase) -> None:
    [overlap] = published_overlaps(case.root)
    assert settled(case, "same").withdrawn_load_id == overlap.second_load_id
    case.run()
    assert ledger(case) == LEDGER
    assert published_overlaps(case.root) == []


def test_two_deliveries_that_differ_both_count_and_the_reason_is_kept(
    case: ClosingCase,
) -> None:
    [overlap] = published_overlaps(case.root)
    result = command(
        *(case, "loads", "settle", overlap.overlap_id, "different"),
        *("--because", "two machines"),
    )
    assert result.exit_code == 0, result.output
    case.run()
    assert ledger(case) == LEDGER + 126
    assert published_overlaps(case.root) == []
    [row] = case.ask("SELECT * FROM core.mart_coverage_overlaps")
    assert (row["is_settled"], row["reason"]) == (True, "two machines")


def test_a_load_with_other_money_is_not_withdrawn(case: ClosingCase) -> None:
    """The first load has 190.00 in two currencies, of which 120.00 are repeated."""
    with pytest.raises(UsageError, match="each has other money"):
        settled(case, "supersedes")
    assert ledger(case) == LEDGER + 126


def test_of_a_delivery_that_grew_by_a_sixth_the_shorter_one_is_withdrawn(
    case: ClosingCase,
) -> None:
    """140.00 of the 20th hold the 120.00 of before, which hold nothing else."""
    known = [overlap.overlap_id for overlap in published_overlaps(case.root)]
    days = [
        charge(cost, "API", day="2026-03-20", model=model)
        for cost, model in (("100.00", "eta"), ("20.00", "vision"))
    ]
    more = charge("20.00", "API", day="2026-03-20", model="more")
    case.bill("2026-03-20", *days)
    case.run()
    case.bill("2026-03-grown", *days, more)
    case.run()
    [grown] = [o for o in published_overlaps(case.root) if o.overlap_id not in known]
    assert grown.repeated_amount == 120
    report = settle(case.workspace, grown.overlap_id, "same", because="it grew")
    assert report.withdrawn_load_id == grown.first_load_id
    case.run()
    assert ledger(case) == LEDGER + 126 + 140


def test_an_overlap_is_settled_with_a_reason_and_one_of_three_answers(
    case: ClosingCase,
) -> None:
    [overlap] = published_overlaps(case.root)
    with pytest.raises(UsageError, match="needs a reason"):
        settle(case.workspace, overlap.overlap_id, "same", because=" ")
    with pytest.raises(UsageError, match="No overlap 'other' is open"):
        settle(case.workspace, "other", "same", because="we asked")
    with pytest.raises(UsageError, match="settles nothing"):
        read_answer("maybe")
