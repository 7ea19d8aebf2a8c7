"""Test that a vendor's bill is mapped by questions and that the mapping is kept."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.chosen_marts import ingest_and_build
from tests.triptych.acts.test_door import ANA
from triptych.acts.door import WorkspaceDoor
from triptych.core.errors import UsageError
from triptych.core.settings import load_settings
from triptych.core.workspace import Workspace, initialise

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.core.acts import Given

HEADER = "When;What;Fee;Rebated fee;Code;Group"
MAY = (
    f"{HEADER}\n2026-05-01;H100;10.50;9.50;USD;vision\n"
    "2026-05-02;A100;1.25;1.00;USD;search\n"
)
JUNE = f"{HEADER}\n2026-06-01;H100;4.00;3.00;USD;vision\n"
ANSWERS = {
    "day": "When",
    "amount": "Rebated fee",
    "currency": "Code",
    "service": "What",
}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return initialise(tmp_path / "workspace")


@pytest.fixture
def door(workspace: Workspace) -> WorkspaceDoor:
    return WorkspaceDoor(workspace.root)


def given(text: str, name: str, **answers: str) -> Given:
    """Return what the form gives for a bill."""
    return {"file": text.encode(), "name": name, **answers}


def test_columns_of_the_file_are_what_can_be_answered(door: WorkspaceDoor) -> None:
    assert door.columns(ANA, "map_bill", given(MAY, "acme.csv")) == tuple(
        HEADER.split(";")
    )
    assert door.columns(ANA, "map_bill", {"name": "acme.csv"}) == ()
    assert door.columns(ANA, "upload_file", given(MAY, "acme.csv")) == ()


def test_what_is_not_clear_is_asked_for_by_its_question(door: WorkspaceDoor) -> None:
    with pytest.raises(UsageError, match="Answer “Column of the day”"):
        door.preview(ANA, "map_bill", given(MAY, "acme.csv"))
    with pytest.raises(UsageError, match="amount: one of Fee, Rebated fee") as refusal:
        door.preview(ANA, "map_bill", given(MAY, "acme.csv", day="When"))
    assert "Column of the amount" in str(refusal.value)


def test_a_mapping_is_kept_and_reads_later_bills(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    """9.50, 1.00 and 3.00 after rebate are 13.50."""
    shown = door.preview(ANA, "map_bill", given(MAY, "acme.csv", **ANSWERS))
    assert "day = When, amount = Rebated fee, currency = Code" in shown.says
    assert "tags = Group" in shown.says
    assert "The source acme keeps the mapping for later bills." in shown.says
    assert "Figures are reported in USD, in place of EUR." in shown.says
    assert not (workspace.root / "mapped").exists()
    for number, (text, name) in enumerate([(MAY, "acme.csv"), (JUNE, "acme-06.csv")]):
        bill = given(text, name, vendor="Acme", **ANSWERS)
        done = door.apply(ANA, "map_bill", bill, token=f"token-000{number}")
    assert [change.name for change in done.changes] == ["mapped/acme/acme-06.csv"]
    assert load_settings(workspace.root).currency == "USD"
    names = [source.name for source in load_settings(workspace.root).sources]
    assert names == ["bills", "acme"]
    built = ingest_and_build(workspace.root, "cost.mart_cost_waterfall")
    ledger = built.query(
        "SELECT currency, sum(billed_cost) AS cost FROM cost.mart_cost_waterfall"
        " WHERE step = 'ledger' GROUP BY currency"
    )
    assert ledger.to_pylist() == [{"currency": "USD", "cost": Decimal("13.50")}]


def test_a_bill_with_other_columns_is_another_source(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    first = given(MAY, "acme.csv", vendor="Acme", **ANSWERS)
    door.apply(ANA, "map_bill", first, token="token-0001")
    other = given(MAY, "more.csv", vendor="Acme", **ANSWERS | {"amount": "Fee"})
    door.apply(ANA, "map_bill", other, token="token-0002")
    paths = [dict(s.options)["path"] for s in load_settings(workspace.root).sources]
    assert paths == ["bills", "mapped/acme", "mapped/acme-2"]


def test_a_bill_that_is_known_goes_the_usual_way(door: WorkspaceDoor) -> None:
    focus = (
        "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,ChargePeriodStart,"
        "ChargePeriodEnd,ChargeCategory\n"
        "1,1,USD,2026-05-01,2026-05-01,2026-05-02,Usage\n"
    )
    with pytest.raises(UsageError, match=r"is known: .* “Upload a bill”"):
        door.preview(ANA, "map_bill", given(focus, "focus.csv"))
