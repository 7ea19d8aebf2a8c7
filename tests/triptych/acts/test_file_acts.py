"""Acts that write files: comments stay, the log has them, they can be taken back."""

from __future__ import annotations

import io
import re
import zipfile
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from tests.triptych.acts.test_door import ANA, somebody
from tests.triptych.core.warehouse.journal_fixture import write_closed_workspace
from tests.triptych.discovery.test_first_hour import GOOD
from triptych.acts import file_edits
from triptych.acts.door import NotAllowedError, WorkspaceDoor
from triptych.acts.tokens import entry_of_token
from triptych.cli import app
from triptych.core.errors import SettingsError, UsageError
from triptych.core.settings import load_settings
from triptych.core.workspace import Workspace, initialise

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.core.acts import Given

BEN = somebody("ben")
CATALOG = """\
# Who owns what.
teams:
  - {id: search}      # since May
models:
  - id: eta           # arrival times
    team: search
"""
ASSUMPTIONS = """\
assumptions:
  # From the annual report.
  - {id: margin, kind: margin, applies_to: all, value: 0.2, low: 0.1, high: 0.3,
     unit: ratio, owner: Ana, source: report, valid_from: 2026-01-01}
"""
PROPOSED = {
    "id": "discount",
    "kind": "discount_rate",
    "value": "0.08",
    "unit": "ratio/year",
    "source": "treasury",
    "valid_from": "2026-01-01",
}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Return a workspace that has never run."""
    made = initialise(tmp_path / "workspace")
    (made.root / "catalog.yml").write_text(CATALOG)
    (made.root / "assumptions.yml").write_text(ASSUMPTIONS)
    return made


@pytest.fixture
def door(workspace: Workspace) -> WorkspaceDoor:
    return WorkspaceDoor(workspace.root)


def text_of(workspace: Workspace, name: str) -> str:
    return (workspace.root / name).read_text()


def test_a_named_model_keeps_every_comment_and_leaves_an_entry(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    given = {"id": "eta", "name": "Arrival time"}
    preview = door.preview(ANA, "name_model", given)
    [change] = preview.changes
    assert "+    name: Arrival time\n" in change.diff
    assert not [line for line in change.diff.splitlines() if line.startswith("-  ")]
    assert text_of(workspace, "catalog.yml") == CATALOG
    door.apply(ANA, "name_model", given, token="token-0001", reason="As finance says")
    assert text_of(workspace, "catalog.yml") == CATALOG + "    name: Arrival time\n"
    entry = entry_of_token(workspace, "token-0001")
    assert entry is not None
    assert (entry.event, entry.detail["act"]) == (file_edits.WRITTEN, "name_model")
    assert entry.detail["reason"] == "As finance says"
    assert entry.detail["signed"]["subject"].endswith("|ana")
    assert set(entry.detail["files"]) == {"catalog.yml"}
    [model] = load_settings(workspace.root).catalog.models
    assert (model.name, model.team) == ("Arrival time", "search")


def test_an_act_on_a_file_is_taken_back_once_unless_somebody_changed_it(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    given = {"id": "eta", "name": "Arrival time"}
    door.apply(ANA, "name_model", given, token="token-0001")
    door.undo(ANA, "token-0001")
    assert text_of(workspace, "catalog.yml") == CATALOG
    assert door.undo(ANA, "token-0001").is_repeated
    door.apply(ANA, "name_model", given, token="token-0002")
    (workspace.root / "catalog.yml").write_text(CATALOG)
    with pytest.raises(UsageError, match=r"catalog\.yml was changed since"):
        door.undo(ANA, "token-0002")


def test_settings_that_would_not_be_valid_are_refused_with_the_line(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    given = {"id": "eta", "team": "serach"}
    with pytest.raises(SettingsError, match=r"catalog\.yml:\d+: .*serach"):
        door.apply(ANA, "name_model", given, token="token-0001")
    assert text_of(workspace, "catalog.yml") == CATALOG
    assert entry_of_token(workspace, "token-0001") is None


def test_whoever_proposes_an_assumption_does_not_approve_it_under_any_name(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    door.apply(ANA, "propose_assumption", PROPOSED, token="token-0001")
    renamed = somebody("ANA")
    for actor in (ANA, renamed):
        with pytest.raises(UsageError, match="cannot both propose an assumption"):
            door.preview(actor, "approve_assumption", {"id": "discount"})
    door.apply(BEN, "approve_assumption", {"id": "discount"}, token="token-0002")
    register = load_settings(workspace.root).assumptions.assumptions
    assert [(a.id, a.owner, a.approved_by) for a in register] == [
        ("margin", "Ana", None),
        ("discount", "Ana", "Ben"),
    ]
    assert "# From the annual report." in text_of(workspace, "assumptions.yml")


def test_an_assumption_that_a_hand_wrote_is_not_approved_by_its_owner(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    with pytest.raises(UsageError, match="owns margin"):
        door.preview(ANA, "approve_assumption", {"id": "margin"})
    door.apply(BEN, "approve_assumption", {"id": "margin"}, token="token-0001")
    [margin] = load_settings(workspace.root).assumptions.assumptions
    assert margin.approved_by == "Ben"


def test_a_proposal_without_an_end_names_both_ways_to_make_room(
    door: WorkspaceDoor,
) -> None:
    door.apply(ANA, "propose_assumption", PROPOSED, token="token-0001")
    other = {**PROPOSED, "id": "interest", "valid_from": "2026-07-01"}
    for given in (other, {**other, "id": "discount"}):
        with pytest.raises(SettingsError) as refused:
            door.preview(BEN, "propose_assumption", given)
        assert "triptych assumption end discount --on DAY" in str(refused.value)
        assert "triptych assumption withdraw discount" in str(refused.value)


def test_an_ended_proposal_makes_room_for_the_next(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    door.apply(ANA, "propose_assumption", PROPOSED, token="token-0001")
    end = {"id": "discount", "valid_to": "2026-07-01"}
    door.apply(BEN, "end_proposed_assumption", end, token="token-0002")
    later = {**PROPOSED, "value": "0.09", "valid_from": "2026-07-01"}
    door.apply(BEN, "propose_assumption", later, token="token-0003")
    register = load_settings(workspace.root).assumptions.assumptions
    assert [(a.id, a.value, str(a.valid_to)) for a in register][1:] == [
        ("discount", 0.08, "2026-07-01"),
        ("discount", 0.09, "None"),
    ]


def test_a_withdrawn_proposal_makes_room_and_can_come_back(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    door.apply(ANA, "propose_assumption", PROPOSED, token="token-0001")
    door.apply(BEN, "withdraw_assumption", {"id": "discount"}, token="token-0002")
    assert text_of(workspace, "assumptions.yml") == ASSUMPTIONS
    door.undo(BEN, "token-0002")
    assert [a.id for a in load_settings(workspace.root).assumptions.assumptions] == [
        *("margin", "discount")
    ]
    door.apply(BEN, "approve_assumption", {"id": "discount"}, token="token-0003")
    for act, day in (
        ("withdraw_assumption", {}),
        ("end_proposed_assumption", {"valid_to": "2026-07-01"}),
    ):
        given: Given = {"id": "discount", **day}
        with pytest.raises(UsageError, match="No proposal of 'discount' waits"):
            door.preview(BEN, act, given)


def test_commands_end_and_withdraw_a_proposal(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    door.apply(ANA, "propose_assumption", PROPOSED, token="token-0001")
    at = ["--workspace", str(workspace.root)]
    ended = CliRunner().invoke(
        app, ["assumption", "end", "discount", "--on", "2026-07-01", *at]
    )
    assert ended.exit_code == 0, ended.output
    assert "valid_to: " in text_of(workspace, "assumptions.yml")
    taken = CliRunner().invoke(app, ["assumption", "withdraw", "discount", *at])
    assert taken.exit_code == 0, taken.output
    assert text_of(workspace, "assumptions.yml") == ASSUMPTIONS
    again = CliRunner().invoke(app, ["assumption", "withdraw", "discount", *at])
    assert "No proposal of 'discount' waits" in again.output + again.stderr


def test_a_budget_takes_the_place_of_the_line_for_the_same_month_and_scope(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    content = (
        "month,scope_type,scope_id,amount\n2026-09,all,all,40000.00\n"
        "2026-10,team,search,1200.50\n"
    )
    door.apply(ANA, "import_budgets", {"file": content.encode()}, token="token-0001")
    line = {"month": "2026-09", "scope_type": "all", "amount": "41000.00"}
    door.apply(ANA, "enter_budget", line, token="token-0002")
    assert text_of(workspace, "budgets.csv") == (
        "budget_month,scope_type,scope_id,budget_amount,currency\n"
        "2026-09,all,all,41000.00,EUR\n2026-10,team,search,1200.50,EUR\n"
    )
    sources = load_settings(workspace.root).sources
    assert [s.name for s in sources].count("budgets") == 1


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("2026-10,team,sales,5", r"no team 'sales', only search"),
        ("2026-10,model,eta-9,5", r"no model 'eta-9', only eta"),
        ("2026-10,team,search,-5", "-5 is below zero"),
        ("2026-10,team,=1+1,5", "would be a formula"),
    ],
)
def test_a_budget_of_an_unknown_scope_or_below_zero_is_refused_with_its_row(
    workspace: Workspace, door: WorkspaceDoor, line: str, says: str
) -> None:
    head = "month,scope_type,scope_id,amount\n2026-09,all,all,40000.00\n"
    given: Given = {"file": f"{head}{line}\n".encode()}
    with pytest.raises(UsageError, match=says) as refused:
        door.preview(ANA, "import_budgets", given)
    assert "the imported file, row 2" in str(refused.value)
    assert "Correct it" in str(refused.value)
    assert "40000" not in text_of(workspace, "budgets.csv")


def reads_budgets(workspace: Workspace) -> None:
    """Have a source read ``budgets.csv``."""
    general = text_of(workspace, "triptych.yml")
    source = "sources:\n  - {name: budgets, type: tables, stream: budgets,"
    (workspace.root / "triptych.yml").write_text(
        general.replace("sources:\n", f"{source} path: budgets.csv}}\n", 1)
    )


def test_a_budget_replaces_lines_of_each_word_that_the_marts_read_as_its_scope(
    workspace: Workspace, door: WorkspaceDoor, repository: Path
) -> None:
    reads_budgets(workspace)
    model = "dbt_project/models/staging/tables/stg_tables__budgets.sql"
    lists = re.findall(r"scope_word in \(([^)]*)\)", (repository / model).read_text())
    words = [word for each in lists for word in re.findall(r"'(\w+)'", each)]
    assert len(words) == 17
    # What the catalogue declares none of is named by tags alone.
    (workspace.root / "catalog.yml").write_text("teams: []\n")
    lines = [f"2026-09,{word},search,1.00,EUR\n" for word in words]
    (workspace.root / "budgets.csv").write_text(
        "budget_month,scope_type,scope_id,budget_amount,currency\n" + "".join(lines)
    )
    kinds = ("all", "cost_center", "team", "feature", "model", "platform")
    for number, kind in enumerate(kinds):
        given = {"scope_type": kind, "scope_id": "search", "amount": "2.00"}
        line = {"month": "2026-09", **given}
        door.apply(ANA, "enter_budget", line, token=f"token-000{number}")
    left = text_of(workspace, "budgets.csv").splitlines()[1:]
    assert sorted(line.split(",")[1] for line in left) == sorted(kinds)


def test_a_budget_replaces_all_lines_of_its_scope_however_they_are_spelt(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    reads_budgets(workspace)
    (workspace.root / "budgets.csv").write_text(
        "budget_month,scope_type,scope_id,budget_amount,currency\n"
        "2026-09-01,All,whole,100.00,EUR\n2026-09-01,all,all,20.00,EUR\n"
        "2026-09,everything,,3.00,EUR\n2026-09-01,team,search,7.00,EUR\n"
        "2026-09,Cost centre,cc-100,8.00,EUR\n2026-09,team_id,search,1.00,EUR\n"
    )
    for number, (scope_type, scope_id, amount) in enumerate(
        (
            ("all", "", "150.00"),
            ("cost_center", "cc-100", "9.00"),
            ("team", "search", "6.00"),
        )
    ):
        given = {"scope_type": scope_type, "scope_id": scope_id, "amount": amount}
        line = {"month": "2026-09", **given}
        door.apply(ANA, "enter_budget", line, token=f"token-000{number}")
    assert text_of(workspace, "budgets.csv").splitlines()[1:] == [
        "2026-09,all,all,150.00,EUR",
        "2026-09,team,search,6.00,EUR",
        "2026-09,cost_center,cc-100,9.00,EUR",
    ]


def test_a_budget_is_entered_into_a_file_that_a_spreadsheet_saved(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    """With a byte order mark, as *CSV UTF-8* has it; in Latin-1 it is refused."""
    reads_budgets(workspace)
    file = workspace.root / "budgets.csv"
    header = "budget_month,scope_type,scope_id,budget_amount,currency\r\n"
    text = f"{header}2026-08,team,Bücher,7.00,EUR\r\n"
    file.write_bytes(text.encode("utf-8-sig"))
    line = {"month": "2026-09", "scope_type": "all", "amount": "150.00"}
    door.apply(ANA, "enter_budget", line, token="token-0001")
    added = f"{text}2026-09,all,all,150.00,EUR\r\n"
    assert file.read_bytes() == added.encode("utf-8-sig")
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match=r"budgets\.csv: It is not UTF-8 text"):
        door.preview(ANA, "enter_budget", line)


def test_a_budget_of_a_team_says_of_which(door: WorkspaceDoor) -> None:
    line = {"month": "2026-09", "scope_type": "team", "amount": "150.00"}
    with pytest.raises(UsageError, match="the form: the id of the team is missing"):
        door.preview(ANA, "enter_budget", line)


@pytest.mark.parametrize(
    "folder", ["{root}/inbox", "lake", "Runs", "linked", "a/../runs"]
)
def test_a_file_is_put_nowhere_but_where_people_put_theirs(
    workspace: Workspace, door: WorkspaceDoor, folder: str
) -> None:
    (workspace.root / "runs").mkdir(exist_ok=True)
    (workspace.root / "linked").symlink_to(workspace.root / "runs")
    given: Given = {"file": b"a\n1\n", "name": "x.csv"}
    with pytest.raises(UsageError, match="is no file that people write"):
        door.preview(
            ANA,
            "upload_file",
            {**given, "folder": folder.format(root=workspace.root)},
        )


def test_a_name_is_given_to_the_newest_entry_of_a_model(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    (workspace.root / "catalog.yml").write_text(
        "teams:\n  - {id: search}\n  - {id: maps}\nmodels:\n"
        "  - {id: eta, team: search, valid_to: 2026-06-01}\n"
        "  - {id: eta, team: search, valid_from: 2026-06-01}\n"
    )
    door.apply(ANA, "name_model", {"id": "eta", "team": "maps"}, token="token-0001")
    models = load_settings(workspace.root).catalog.models
    assert [model.team for model in models] == ["search", "maps"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("month,scope_type,scope_id\n", "lacks the column budget_amount"),
        ("month,scope_type,scope_id,amount\n", "has no budget"),
        (
            "month,scope_type,scope_id,amount\n2026-09,all,all,1,000\n",
            "row 1: The line has other cells",
        ),
        (
            "month,scope_type,scope_id,amount\n2026-9,all,all,1\n",
            "row 1: '2026-9' is no month",
        ),
        (
            "month,scope_type,scope_id,amount\n2026-09,all,all,NaN\n",
            "row 1: 'NaN' is no amount",
        ),
        (
            # Python reads these as numbers, and the next run would refuse the rows.
            "month,scope_type,scope_id,amount\n2026-09,all,all,1_000\n",
            "row 1: '1_000' is no amount",
        ),
        (
            "month,scope_type,scope_id,amount\n2026-09-31,all,all,1\n",
            "row 1: '2026-09-31' is no month",
        ),
        (
            "month,scope_type,scope_id,amount,currency\n2026-09,all,all,1,Euro\n",
            "row 1: 'EURO' is no currency, such as EUR",
        ),
    ],
)
def test_a_budget_that_cannot_be_read_says_the_row(
    door: WorkspaceDoor, content: str, message: str
) -> None:
    given = {"file": content.encode()}
    with pytest.raises(UsageError, match=message):
        door.preview(ANA, "import_budgets", given)


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("bills", "../triptych.csv"),
        ("..", "a.csv"),
        ("lake", "a.csv"),
        ("runs/acts", "a.csv"),
        (".ssh", "a.csv"),
        ("bills", "a.py"),
    ],
)
def test_a_file_goes_only_where_people_put_files(
    workspace: Workspace, door: WorkspaceDoor, folder: str, name: str
) -> None:
    given: Given = {"file": b"a,b\n", "name": name, "folder": folder}
    with pytest.raises(UsageError):
        door.apply(ANA, "upload_file", given, token="token-0001")
    assert entry_of_token(workspace, "token-0001") is None


def test_an_uploaded_bill_lies_where_the_source_reads_it(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    given: Given = {"file": GOOD.encode(), "name": "Größe.csv"}
    preview = door.preview(ANA, "upload_file", given)
    assert " FOCUS of Vendor, 2026-05, EUR 46.50, 31 rows." in preview.says
    door.apply(ANA, "upload_file", given, token="token-0001")
    assert (workspace.root / "bills/Gro_e.csv").read_text() == GOOD
    with pytest.raises(UsageError, match=r"There is a file bills/Gro_e\.csv"):
        door.apply(ANA, "upload_file", given, token="token-0002")


@pytest.mark.parametrize(
    ("given", "kept"), [("Übersicht.csv", "Ubersicht.csv"), ("账单.csv", "bill.csv")]
)
def test_a_bill_may_have_any_name_and_is_kept_under_a_plain_one(
    workspace: Workspace, door: WorkspaceDoor, given: str, kept: str
) -> None:
    upload: Given = {"file": GOOD.encode(), "name": given}
    door.apply(ANA, "upload_file", upload, token="token-0001")
    assert (workspace.root / "bills" / kept).read_text() == GOOD


def test_only_finance_brings_invoices_and_budgets_by_whichever_act(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    general = text_of(workspace, "triptych.yml")
    sources = "".join(
        f"  - {{name: {stream}, type: tables, stream: {stream}, path: '{path}'}}\n"
        for stream, path in (
            ("invoices", "invoices"),
            ("budgets", "plans/budget*.csv"),
            ("process_volumes", "plans/*.csv"),
        )
    )
    (workspace.root / "triptych.yml").write_text(
        general.replace("sources:\n", f"sources:\n{sources}", 1)
    )
    engineer = somebody("eva", "engineering")
    for folder, name in (("invoices", "may.csv"), ("plans", "budget_2027.csv")):
        given: Given = {"file": b"a\n1\n", "name": name, "folder": folder}
        with pytest.raises(UsageError, match="only finance brings"):
            door.preview(engineer, "upload_file", given)
        assert door.preview(ANA, "upload_file", given).changes
    volumes: Given = {"file": b"a\n1\n", "name": "volumes.csv", "folder": "plans"}
    assert door.preview(engineer, "upload_file", volumes).changes


@pytest.mark.parametrize(
    ("folder", "name"),
    [("meters", "may.txt"), ("meters", "may.tsv"), ("plans", "may.csv")],
)
def test_a_file_that_no_run_would_read_is_not_uploaded(
    workspace: Workspace, door: WorkspaceDoor, folder: str, name: str
) -> None:
    """A table by another ending, and one that the pattern of its source passes over."""
    general = text_of(workspace, "triptych.yml")
    sources = "".join(
        f"  - {{name: {name}, type: tables, stream: process_volumes, path: '{path}'}}\n"
        for name, path in (("meters", "meters"), ("plans", "plans/plan_*.csv"))
    )
    (workspace.root / "triptych.yml").write_text(
        general.replace("sources:\n", f"sources:\n{sources}", 1)
    )
    given: Given = {"file": b"a\n1\n", "name": name, "folder": folder}
    with pytest.raises(UsageError, match=f"No source reads a file called '{name}'"):
        door.preview(ANA, "upload_file", given)
    for read in ({"folder": "meters"}, {"folder": "plans", "name": "plan_2.csv"}):
        fitting: Given = {**given, "name": "may.csv", **read}
        assert door.preview(ANA, "upload_file", fitting).effect == (
            "The next run reads it."
        )


@pytest.mark.parametrize(
    ("folder", "name", "message"),
    [
        ("scenarios/results", "x.json", "is no file that people write"),
        ("studies", "register.json", "is no file that people write"),
        ("Studies", "REGISTER.jsonl", "is no file that people write"),
        ("studies", "plan.csv", "No source reads 'studies'"),
    ],
)
def test_an_upload_goes_only_where_a_source_reads(
    door: WorkspaceDoor, folder: str, name: str, message: str
) -> None:
    given: Given = {"file": GOOD.encode(), "name": name, "folder": folder}
    with pytest.raises(UsageError, match=message):
        door.preview(ANA, "upload_file", given)


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("exports/2026.03", "exports/2026.03"),
        ("bills/**/*.csv", "bills"),
        ("exports/*.csv", "exports"),
    ],
)
def test_a_bill_goes_where_the_pattern_of_its_source_finds_it(
    workspace: Workspace, door: WorkspaceDoor, path: str, folder: str
) -> None:
    settings = workspace.root / "triptych.yml"
    text = settings.read_text("utf-8")
    settings.write_text(text.replace("path: bills", f'path: "{path}"'), "utf-8")
    shown = door.preview(ANA, "upload_file", {"file": GOOD.encode(), "name": "x.csv"})
    assert f"is put into {folder}." in shown.says
    assert "The next run reads it." in shown.effect


def test_an_archive_is_unpacked_and_a_damaged_one_refused(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("export/may.csv", GOOD)
        archive.writestr("readme.pdf", "no bill")
    given: Given = {"file": packed.getvalue(), "name": "bills.zip"}
    door.apply(ANA, "upload_file", given, token="token-0001")
    assert text_of(workspace, "bills/may.csv") == GOOD
    for content in (b"PK\x03\x04", packed.getvalue()[:-9]):
        with pytest.raises(UsageError, match="The archive cannot be unpacked"):
            door.preview(ANA, "upload_file", {"file": content, "name": "bills.zip"})


def test_parts_of_an_archive_with_one_name_are_both_kept(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    packed = io.BytesIO()
    other = GOOD.replace(",EUR,", ",USD,")
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("2026-05/part-0.csv", GOOD)
        archive.writestr("2026-06/part-0.csv", other)
        archive.writestr("__MACOSX/2026-05/._part-0.csv", b"\0\5\x16\7")
    given: Given = {"file": packed.getvalue(), "name": "bills.zip"}
    door.apply(ANA, "upload_file", given, token="token-0001")
    assert text_of(workspace, "bills/part-0.csv") == GOOD
    assert text_of(workspace, "bills/part-0_2.csv") == other
    assert len(list((workspace.root / "bills").glob("*part*"))) == 2


def test_the_currency_follows_the_first_bill_and_no_later_one(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    """An engineer brings a bill; the currency of figures is for finance."""
    dollars = GOOD.replace(",EUR,", ",USD,").encode()
    given: Given = {"file": dollars, "name": "may.csv"}
    engineer = somebody("eva", role="engineering")
    shown = door.preview(engineer, "upload_file", given)
    assert "Figures stay in EUR until finance sets the currency USD." in shown.says
    assert [change.name for change in shown.changes] == ["bills/may.csv"]
    shown = door.preview(ANA, "upload_file", given)
    assert "Figures are reported in USD, in place of EUR." in shown.says
    door.apply(ANA, "upload_file", given, token="token-0001")
    assert load_settings(workspace.root).currency == "USD"
    euros: Given = {"file": GOOD.encode(), "name": "june.csv"}
    assert "Figures" not in door.preview(ANA, "upload_file", euros).says
    door.undo(ANA, "token-0001")
    assert load_settings(workspace.root).currency == "EUR"
    assert not (workspace.root / "bills" / "may.csv").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("2026-09.csv", b"BilledCost\n1\n", "part of a FOCUS bill. It lacks"),
        ("2026-09.xlsx", b"PK\x03\x04", "Excel workbook.*Save the sheet as CSV"),
    ],
)
def test_a_bill_that_a_run_would_refuse_is_not_uploaded(
    workspace: Workspace, door: WorkspaceDoor, name: str, content: bytes, message: str
) -> None:
    given: Given = {"file": content, "name": name}
    with pytest.raises(UsageError, match=message):
        door.preview(ANA, "upload_file", given)
    with pytest.raises(UsageError):
        door.apply(ANA, "upload_file", given, token="token-0001")
    assert not list((workspace.root / "bills").glob("2026*"))


def test_uploaded_invoices_get_a_source_that_reads_them(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    header = "invoice_id,billing_month,currency,amount"
    given: Given = {"file": f"{header}\nA-1,2026-05,EUR,46.50\n".encode()}
    given = {**given, "name": "may.csv"}
    preview = door.preview(ANA, "upload_invoices", given)
    assert "may.csv is put into invoices: it has 1 rows of invoices." in preview.says
    door.apply(ANA, "upload_invoices", given, token="token-0001")
    [source] = [
        each
        for each in load_settings(workspace.root).sources
        if each.name == "invoices"
    ]
    assert dict(source.options)["stream"] == "invoices"
    again: Given = {**given, "name": "june.csv"}
    door.apply(ANA, "upload_invoices", again, token="token-0002")
    names = [each.name for each in load_settings(workspace.root).sources]
    assert names.count("invoices") == 1
    unread: Given = {**given, "name": "july.txt"}
    with pytest.raises(UsageError, match=r"'july\.txt' is not the name of a CSV file"):
        door.preview(ANA, "upload_invoices", unread)
    lacking: Given = {"file": b"invoice_id,currency\nA-1,EUR\n", "name": "july.csv"}
    with pytest.raises(UsageError, match="lacks the column billing_period_start"):
        door.preview(ANA, "upload_invoices", lacking)


def test_a_team_gets_a_name_and_a_cost_centre_or_is_added(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    known = {"id": "search", "name": "Search and maps"}
    door.apply(ANA, "name_team", known, token="token-0001")
    door.apply(ANA, "name_team", {"id": "vision"}, token="token-0002")
    teams = load_settings(workspace.root).catalog.teams
    assert [(t.id, t.name) for t in teams] == [
        ("search", "Search and maps"),
        ("vision", "vision"),
    ]
    assert "# since May" in text_of(workspace, "catalog.yml")
    with pytest.raises(UsageError, match="Team vision is there already"):
        door.preview(ANA, "name_team", {"id": "vision"})


def test_what_a_crash_cut_off_is_finished_and_what_was_not_recorded_is_dropped(
    workspace: Workspace, door: WorkspaceDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"id": "eta", "name": "Arrival time"}

    def dying(where: str, name: str, token: str) -> None:
        def die(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(file_edits, where, die)
            with pytest.raises(KeyboardInterrupt):
                door.apply(ANA, "name_model", {"id": "eta", "name": name}, token=token)

    dying("_finish", "Arrival time", "token-0001")
    assert text_of(workspace, "catalog.yml") == CATALOG
    dying("record_all", "Never", "token-0002")
    assert text_of(workspace, "catalog.yml") == CATALOG + "    name: Arrival time\n"
    assert door.apply(ANA, "name_model", given, token="token-0001").is_repeated
    assert "Never" not in text_of(workspace, "catalog.yml")


@pytest.mark.parametrize(
    "name", ["approve_assumption", "name_model", "import_budgets", "set_currency"]
)
def test_no_viewer_writes_a_file(door: WorkspaceDoor, name: str) -> None:
    with pytest.raises(NotAllowedError):
        door.preview(somebody("vera", "viewer"), name, {})


def test_a_scenario_is_saved_only_if_it_can_be_read(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    text = "name: Stay\nhorizon_months: 12\n"
    given = {"file": "stay", "text": text}
    door.apply(ANA, "save_scenario", given, token="token-0001")
    assert text_of(workspace, "scenarios/stay.yml") == text
    assert door.choices(ANA, "run_scenario", "file") == ("stay",)
    wrong = {"file": "go", "text": "horizon: 12\n"}
    with pytest.raises(SettingsError):
        door.preview(ANA, "save_scenario", wrong)


def test_the_currency_keeps_the_remark_behind_it(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    before = text_of(workspace, "triptych.yml")
    door.apply(ANA, "set_currency", {"currency": "usd"}, token="token-0001")
    after = text_of(workspace, "triptych.yml")
    assert after == before.replace("currency: EUR  ", "currency: USD  ", 1)
    with pytest.raises(SettingsError):
        door.preview(ANA, "set_currency", {"currency": "Q1"})


def test_another_currency_is_not_that_of_closed_months(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    given = {"currency": "USD"}
    assert "Closed months" not in door.preview(ANA, "set_currency", given).effect
    write_closed_workspace(workspace.root)
    assert door.preview(ANA, "set_currency", given).effect == (
        "The next run builds every month anew; charges in other currencies need an"
        " exchange rate. Closed months (2026-08) stay in the currency that they were"
        " closed in, and are in no total in the new one."
    )


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("value", "0,08", "Value: '0,08' is not a number"),
        ("value", "1_000", "Value: '1_000' is not a number"),
        ("low", "nan", "90 % from: 'nan' is not a number"),
        ("valid_from", "01.02.2026", "Valid from: '01.02.2026' is not a day"),
        ("valid_to", "2026-02-30", "Valid to: '2026-02-30' is not a day"),
        ("kind", "guess", "Kind cannot be 'guess'"),
    ],
)
def test_a_field_holds_what_it_is_for(
    door: WorkspaceDoor, field: str, value: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        door.preview(ANA, "propose_assumption", {**PROPOSED, field: value})


def test_a_file_with_the_line_ends_of_windows_keeps_them(
    workspace: Workspace, door: WorkspaceDoor
) -> None:
    path, windows = workspace.root / "catalog.yml", CATALOG.replace("\n", "\r\n")
    path.write_bytes(windows.encode())
    given = {"id": "eta", "name": "Arrival time"}
    [change] = door.preview(ANA, "name_model", given).changes
    changed = [line for line in change.diff.splitlines()[2:] if line[0] in "+-"]
    assert changed == ["+    name: Arrival time"]
    door.apply(ANA, "name_model", given, token="token-0001")
    assert path.read_bytes() == f"{windows}    name: Arrival time\r\n".encode()


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("a\r\nb\r\n", "a\nc\nb\n", "a\r\nc\r\nb\r\n"),
        ("a\r\nb", "a\nb\nc\n", "a\r\nb\r\nc\r\n"),
        ("a\r\nb\nc\r\n", "a\nb\nd\n", "a\r\nb\nd\r\n"),
        ("a\r\nb\nc\n", "x\nb\nc\n", "x\r\nb\nc\n"),
        ("a\nb\n", "a\nc\n", "a\nc\n"),
    ],
)
def test_lines_that_stay_keep_their_ends(
    tmp_path: Path, before: str, after: str, expected: str
) -> None:
    (tmp_path / "x.yml").write_bytes(before.encode())
    assert file_edits.edit(tmp_path, "x.yml", after).after == expected.encode()
