"""A source that counts and is not in the settings is a decision, with its money.

The company of ``closing_case``: the bills of March come to 185.00, of which EUR 140.00
and USD 50.00 were billed, and April's to EUR 5.00. A bill of 900.00 is added by hand.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from typer.testing import CliRunner

from tests.chosen_marts import ingest_and_build
from tests.e2e.cases.closing_case import (
    CLOSED,
    LEDGER,
    MARCH,
    SETTINGS,
    ClosingCase,
    charge,
    copy_of_reconciled_company,
)
from triptych.cli import app
from triptych.core.errors import UsageError
from triptych.core.settings import load_settings
from triptych.core.warehouse.load_lists import read_loads
from triptych.evidence import recovering
from triptych.evidence.source_decisions import Act, Decision, decide
from triptych.evidence.withdrawing import withdraw
from triptych.service.health import judge

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import BuiltWorkspaces
    from triptych.evidence.source_decisions import DecisionReport

RENAMED = SETTINGS.replace("name: bills,", "name: cloud,")
REMOVED = SETTINGS.replace("  - {name: bills, type: focus_files, path: bills}\n", "")


@pytest.fixture
def case(built_workspaces: BuiltWorkspaces, tmp_path: Path) -> ClosingCase:
    return copy_of_reconciled_company(built_workspaces, tmp_path / "company")


def command(case: ClosingCase, *arguments: str) -> Any:
    result = CliRunner().invoke(app, [*arguments, "--json", "-w", str(case.root)])
    return json.loads(result.stdout)


def decided(
    case: ClosingCase,
    act: Act,
    *,
    new_name: str = "",
    is_undone: bool = False,
    because: str = "it was moved",
) -> DecisionReport:
    names = [source.name for source in load_settings(case.root).sources]
    decision = Decision(act, "bills", because, new_name=new_name, is_undone=is_undone)
    return decide(case.workspace, decision, configured=names)


_LEDGER = (
    "SELECT source, sum(billed_cost) AS cost FROM cost.mart_cost_waterfall"
    f" WHERE billing_month = '{CLOSED}' AND step = 'ledger' AND currency = 'EUR'"
    " GROUP BY source"
)


def ledger(case: ClosingCase) -> dict[str, Decimal]:
    """Return the published ledger of March by source."""
    return by_source(case.ask(_LEDGER))


def ledger_now(case: ClosingCase) -> dict[str, Decimal]:
    """Load what is new, and return the ledger that a run would publish now."""
    marts = ingest_and_build(case.root, "cost.mart_cost_waterfall")
    return by_source(marts.query(_LEDGER).to_pylist())


def by_source(rows: list[dict[str, object]]) -> dict[str, Decimal]:
    return {str(row["source"]): Decimal(str(row["cost"])) for row in rows}


def reasons(case: ClosingCase) -> list[str]:
    return list(judge(case.workspace, load_settings(case.root)).reasons)


def loads(case: ClosingCase) -> list[tuple[str, str, str, str]]:
    return [
        (load.load_id, load.source, load.scope, load.state)
        for load in read_loads(case.workspace.raw_database)
    ]


def test_a_source_that_was_removed_counts_until_it_is_decided_and_says_so(
    case: ClosingCase,
) -> None:
    case.write("triptych.yml", REMOVED)
    case.run()
    assert ledger(case) == {"bills": LEDGER}
    found = judge(case.workspace, load_settings(case.root))
    [told] = [reason for reason in found.reasons if "'bills'" in reason]
    assert found.state == "failed"
    assert "145.00 EUR and 50.00 USD billed in 2 loads" in told
    for act in ("rename bills NEW", "retire bills", "adopt bills"):
        assert f"triptych source {act}" in told
    checked = CliRunner().invoke(app, ["check", "--json", "-w", str(case.root)])
    assert checked.exit_code == 1
    assert "To be decided: bills." in checked.stderr
    assert "triptych source adopt bills" in checked.stderr
    [undecided] = json.loads(checked.stdout)["undecided_sources"]
    assert undecided["source"] == "bills"
    assert undecided["billed"] == [
        ["EUR", "145.000000000000000000"],
        ["USD", "50.000000000000000000"],
    ]
    assert any("'bills'" in r for r in command(case, "status")["health"]["reasons"])
    issues = case.ask(
        "SELECT billing_month, currency, affected_billed_cost AS cost, row_count"
        " FROM core.mart_data_quality_issues WHERE rule_id = 'S1' ORDER BY ALL"
    )
    assert [(i["billing_month"], i["currency"], i["cost"]) for i in issues] == [
        ("2026-03", "EUR", Decimal(140)),
        ("2026-03", "USD", Decimal(50)),
        ("2026-04", "EUR", Decimal(5)),
    ]


def test_a_renamed_source_keeps_its_loads_and_lands_nothing_twice(
    case: ClosingCase,
) -> None:
    before = loads(case)
    case.write("triptych.yml", RENAMED)
    report = decided(case, "rename", new_name="cloud")
    assert report.load_count == 2
    assert ledger_now(case) == {"cloud": LEDGER}
    assert loads(case) == [
        (load_id, "cloud" if source == "bills" else source, scope, state)
        for load_id, source, scope, state in before
    ]
    assert not [reason for reason in reasons(case) if "triptych.yml" in reason]
    # A later delivery of the same file replaces what was landed under the old name.
    case.bill(CLOSED, *MARCH, charge("900.00", "API", model="eta"))
    assert ledger_now(case) == {"cloud": LEDGER + 900}
    assert "bills" not in {source for _, source, _, _ in loads(case)}


@pytest.mark.full
def test_renaming_survives_the_loss_of_the_catalogue_and_is_undone(
    case: ClosingCase,
) -> None:
    before = loads(case)
    case.write("triptych.yml", RENAMED)
    decided(case, "rename", new_name="cloud")
    case.bill(CLOSED, *MARCH, charge("900.00", "API", model="eta"))
    case.run()
    known = loads(case)
    case.workspace.raw_database.unlink()
    recovering.recover(case.workspace)
    assert loads(case) == known
    case.run()
    assert ledger(case) == {"cloud": LEDGER + 900}
    report = decided(case, "rename", new_name="cloud", is_undone=True)
    assert report.load_count == 2
    named = {load_id: source for load_id, source, _, _ in loads(case)}
    assert [named[load_id] for load_id, *_ in before] == [s for _, s, _, _ in before]


def test_a_retired_source_is_in_no_figure_and_comes_back_whole(
    case: ClosingCase,
) -> None:
    case.bill(CLOSED, *MARCH, charge("900.00", "API", model="eta"))
    case.ingest()
    case.write("triptych.yml", REMOVED)
    before = loads(case)
    report = decided(case, "retire")
    assert report.load_count == 2
    # What a newer delivery had replaced does not come back in its place.
    assert {s for _, source, _, s in loads(case) if source == "bills"} == {
        *("withdrawn", "superseded"),
    }
    assert ledger_now(case) == {}
    assert not [r for r in reasons(case) if "'bills'" in r or r.startswith("bills")]
    known = loads(case)
    case.workspace.raw_database.unlink()
    recovering.recover(case.workspace)
    assert loads(case) == known
    decided(case, "retire", is_undone=True)
    assert loads(case) == before
    assert [r for r in reasons(case) if "'bills'" in r]


@pytest.mark.full
def test_an_adopted_source_counts_on_and_nothing_is_asked_any_more(
    case: ClosingCase,
) -> None:
    case.write("triptych.yml", REMOVED)
    decided(case, "adopt")
    case.run()
    assert ledger(case) == {"bills": LEDGER}
    assert not [r for r in reasons(case) if "'bills'" in r or r.startswith("bills")]
    assert (
        case.ask("SELECT 1 FROM core.mart_data_quality_issues WHERE rule_id = 'S1'")
        == []
    )
    decided(case, "adopt", is_undone=True)
    assert [r for r in reasons(case) if "'bills'" in r]


@pytest.mark.full
def test_a_closed_month_keeps_its_figures_whatever_is_decided(
    case: ClosingCase,
) -> None:
    case.bill("2026-05", charge("4.00", "API", day="2026-05-05", bill="2026-05"))
    case.run()
    case.close()
    frozen = case.march()
    case.write("triptych.yml", RENAMED)
    decided(case, "rename", new_name="cloud")
    case.run()
    assert case.march() == frozen
    moved = [Decimal(str(row["billed_cost"])) for row in case.adjustments()]
    assert sum(moved) == 0
    case.write("triptych.yml", REMOVED.replace("bills", "cloud"))
    names = [source.name for source in load_settings(case.root).sources]
    decide(
        case.workspace,
        Decision("retire", "cloud", "another company's"),
        configured=names,
    )
    case.run()
    assert case.march() == frozen
    taken_out = sum(Decimal(str(row["billed_cost"])) for row in case.adjustments())
    assert taken_out == -LEDGER


def test_every_decision_is_in_the_audit_log_with_its_reason(case: ClosingCase) -> None:
    case.write("triptych.yml", RENAMED)
    decided(case, "rename", new_name="cloud", because="another contract")
    raw = case.workspace.raw_database
    with duckdb.connect(str(raw), read_only=True) as catalogue:
        [(event, detail)] = catalogue.execute(
            "SELECT event, detail FROM catalogue.audit_log ORDER BY position DESC"
            " LIMIT 1"
        ).fetchall()
    told = json.loads(detail)
    assert event == "source_renamed"
    assert (told["target"], told["new_name"]) == ("bills", "cloud")
    assert told["reason"] == "another contract"
    assert command(case, "audit", "verify")["doubts"] == []


def test_a_decision_that_cannot_be_says_why_and_changes_nothing(
    case: ClosingCase,
) -> None:
    known = loads(case)
    with pytest.raises(UsageError, match="needs a reason"):
        decided(case, "retire", because=" ")
    for act in ("retire", "adopt"):
        with pytest.raises(UsageError, match=r"is in triptych\.yml"):
            decided(case, act)
    case.write("triptych.yml", REMOVED)
    with pytest.raises(UsageError, match="no source 'clod' in the settings"):
        decided(case, "rename", new_name="clod")
    with pytest.raises(UsageError, match="Nothing of the kind was decided"):
        decided(case, "retire", is_undone=True)
    with pytest.raises(UsageError, match=r"no source 'bilsl' with loads; .*'bills'"):
        decide(case.workspace, Decision("retire", "bilsl", "x"), configured=())
    assert loads(case) == known


@pytest.mark.full
def test_what_both_names_have_loaded_is_not_made_one(case: ClosingCase) -> None:
    """Both names have the bills where the new one may repeat those of others."""
    may_repeat = "type: focus_files, path: bills, may_repeat: true}"
    settings = RENAMED.replace("type: focus_files, path: bills}", may_repeat)
    assert settings != RENAMED
    case.write("triptych.yml", settings)
    case.run()
    assert ledger(case) == {"bills": LEDGER, "cloud": LEDGER}
    with pytest.raises(UsageError, match="2 deliveries of 'bills' count as 'cloud'"):
        decided(case, "rename", new_name="cloud")
    withdraw(case.workspace, "cloud", because="twice")
    decided(case, "rename", new_name="cloud")
    case.run()
    assert ledger(case) == {"cloud": LEDGER}
