"""From raw bills to Cost by model with one command, and what a second look proposes."""

from __future__ import annotations

import io
import json
import os
import pty
import resource
import sys
from collections import Counter, defaultdict
from contextlib import redirect_stdout
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from ingest.sources.tables.bill_formats import format_of_header
from ingest.storage.files import column_names
from tests.chosen_marts import ingest_and_build
from tests.triptych.discovery.held_out_bills import held_out_bills
from triptych.cli import app
from triptych.core.control.rules import rule_sets
from triptych.core.settings import load_settings
from triptych.core.warehouse.reader import PublishedReader
from triptych.discovery.ledger_sample import Reading, bench, sample_file
from triptych.discovery.like_mine import TELLING, without_sections

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from typer.testing import Result

BILLS = {bill.name: bill for bill in held_out_bills()}
#: One of each stream that a bill may become.
TAKEN = ("aws_cur2", "azure_ea", "gcp_export")
MOST_CPU_SECONDS = 60
LEAST_ON_MODELS = Decimal("0.9")
COMPARED = (
    "service_name, charge_description, sku_id, resource_id, region_id, sub_account_id,"
    " CAST(billed_cost AS DECIMAL(28, 10)) AS billed_cost"
)


def triptych(*arguments: object) -> Result:
    """Run a command of the command line in this process, which has it loaded."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("received")
    for name in TAKEN:
        BILLS[name].write(folder)
    (folder / "notes.md").write_text("From the finance department.\n")
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> tuple[Path, float]:
    """Return a workspace made and run with one command, and its CPU seconds."""
    root = tmp_path_factory.mktemp("first") / "w"
    before = cpu_seconds_of_all()
    answer = triptych("init", root, "--from", folder, "--yes", "--run")
    assert answer.exit_code == 0, answer.stderr
    assert "left out" in answer.stdout
    assert "notes.md: text for people" in answer.stdout
    return root, cpu_seconds_of_all() - before


def cpu_seconds_of_all() -> float:
    """Return what this process and those that it has started have used."""
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def test_one_command_puts_nine_tenths_of_ai_money_on_named_models(
    made: tuple[Path, float],
) -> None:
    root, cpu_seconds = made
    rows = (
        PublishedReader(root)
        .snapshot()
        .query(
            "SELECT currency, model_id IS NOT NULL AS is_named,"
            " sum(billed_cost) AS cost FROM cost.fct_daily_model_costs GROUP BY ALL"
        )
        .to_pylist()
    )
    on_ai: dict[str, Decimal] = defaultdict(Decimal)
    named: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        on_ai[row["currency"]] += row["cost"]
        named[row["currency"]] += row["cost"] if row["is_named"] else 0
    planted: dict[str, Decimal] = defaultdict(Decimal)
    for name in TAKEN:
        currency = "USD" if name == "aws_cur2" else "EUR"
        for line in BILLS[name].lines:
            planted[currency] += line.cost if line.meter.is_ai else 0
    assert on_ai == planted
    for currency, cost in on_ai.items():
        assert named[currency] >= LEAST_ON_MODELS * cost
    assert cpu_seconds <= MOST_CPU_SECONDS


def test_a_sample_says_of_charges_what_the_ledger_says(
    made: tuple[Path, float], folder: Path
) -> None:
    root, _ = made
    ledger = (
        PublishedReader(root)
        .snapshot()
        .query_line_items(f"SELECT {COMPARED} FROM line_items")
    )
    expected = Counter(tuple(row.values()) for row in ledger.to_pylist())
    sampled: Counter[tuple[object, ...]] = Counter()
    with bench() as connection:
        for name in TAKEN:
            path = folder / BILLS[name].file_name
            kind = format_of_header(column_names(path))
            assert kind is not None
            sample_file(
                connection, path, kind, table=name, label=name, reading=Reading()
            )
            rows = connection.execute(f"SELECT {COMPARED} FROM {name}").fetchall()
            sampled.update(rows)
    assert sampled == expected


def test_a_copy_with_simulated_figures_reaches_nobody_whom_the_original_reaches() -> (
    None
):
    text = (
        "currency: EUR\nnotify: {channels: []}\nbi:\n  s3: {bucket: marts}\n"
        "metrics: {textfile: /var/lib/metrics.prom}\nsources: []\n"
    )
    assert without_sections(text, TELLING) == "currency: EUR\nsources: []\n"


def test_a_demo_like_mine_keeps_the_bill_and_leaves_the_original_untouched(
    made: tuple[Path, float],
) -> None:
    """Cost by model is that of the original; requests and deployments are new."""
    root, _ = made
    before = contents(root)
    copy = root.with_name("w-demo")
    demo = triptych("demo", "--like", root, "--no-dashboard")
    assert demo.exit_code == 0, demo.stderr
    assert "SYNTHETIC: bills are yours" in demo.stdout
    assert contents(root) == before
    assert costs_of(copy) == costs_of(root)
    [(requests, deployments, is_synthetic)] = [
        tuple(row.values())
        for row in PublishedReader(copy)
        .snapshot()
        .query(
            "SELECT (SELECT sum(requests) FROM cost.mart_model_unit_costs),"
            " (SELECT count(*) FROM delivery.fct_deployments),"
            " (SELECT is_synthetic FROM core.mart_run)"
        )
        .to_pylist()
    ]
    assert requests > 0
    assert deployments > 0
    assert is_synthetic
    assert "SYNTHETIC" in (copy / "triptych.yml").read_text("utf-8")
    refused = triptych("demo", root, "--remove")
    assert refused.exit_code == 2
    assert "nothing was removed" in refused.stderr
    assert triptych("demo", copy, "--remove").exit_code == 0
    assert not copy.exists()
    assert contents(root) == before


def contents(root: Path) -> dict[str, bytes]:
    """Return every file of a workspace, the holder of a past lock aside."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.parent.name != "runs"
    }


def costs_of(root: Path) -> list[tuple[object, ...]]:
    query = (
        "SELECT model_id, currency, sum(billed_cost) FROM cost.fct_daily_model_costs"
        " GROUP BY ALL ORDER BY ALL"
    )
    rows = PublishedReader(root).snapshot().query(query).to_pylist()
    return [tuple(row.values()) for row in rows]


def test_a_second_look_proposes_only_what_is_new(
    made: tuple[Path, float], tmp_path: Path
) -> None:
    root, _ = made
    again = json.loads(triptych("discover", "-w", root, "--json").stdout)
    assert again["proposals"] == []
    new = BILLS["ai_vendors"].write(root / "bills")
    try:
        later = json.loads(triptych("discover", "-w", root, "--json").stdout)
    finally:
        new.unlink()
    names = {each["entry"].get("name") for each in later["proposals"]}
    assert "Vendors of model APIs" in names
    assert not names & {"Amazon Bedrock", "OpenAI and Azure"}
    written = tmp_path / "proposals.yml"
    answer = triptych("discover", "-w", root, "--to", written)
    assert (answer.exit_code, written.is_file()) == (0, True)


def test_what_was_loaded_is_looked_at_where_no_file_is_there(
    made: tuple[Path, float],
) -> None:
    root, _ = made
    aside = root / "aside"
    (root / "bills").rename(aside)
    (root / "bills").mkdir()
    try:
        found = json.loads(triptych("discover", "-w", root, "--json").stdout)
    finally:
        (root / "bills").rmdir()
        aside.rename(root / "bills")
    assert found["line_count"] == sum(len(BILLS[name].lines) for name in TAKEN)
    assert found["proposals"] == []


def answered(root: Path, answers: Sequence[str]) -> str:
    """Run ``discover`` on a terminal and return what it says."""
    mine, theirs = pty.openpty()
    os.write(mine, "".join(f"{answer}\n" for answer in answers).encode())
    said = io.StringIO()
    with (
        os.fdopen(theirs, encoding="utf-8") as terminal,
        pytest.MonkeyPatch.context() as patch,
        redirect_stdout(said),
    ):
        patch.setattr(sys, "stdin", terminal)
        app(["discover", "-w", str(root)], standalone_mode=False)
    os.close(mine)
    return said.getvalue()


def test_a_person_accepts_renames_and_skips_and_keeps_every_line_of_theirs(
    tmp_path: Path,
) -> None:
    bill = BILLS["oracle_focus"].write(tmp_path)
    root = tmp_path / "w"
    triptych("init", root, "--from", bill)
    mine = (
        "# My own order.\nassignments:\n  - {name: mine, match: {sku_id: X}, team: t}\n"
    )
    (root / "allocation.yml").write_text(mine, encoding="utf-8")
    (root / "catalog.yml").write_text("teams:\n  - {id: t}\n", encoding="utf-8")
    each = ["rename", "weather-model", *["skip"] * 60]
    text = answered(root, ["all", "each", *each, "none", "none"])
    assert "Which charges are AI" in text
    settings = load_settings(root)
    assert settings.allocation.assignments[0].name == "mine"
    written = (root / "allocation.yml").read_text("utf-8")
    assert [line for line in mine.splitlines() if line not in written] == []
    assert "weather-model" in written
    assert [model.id for model in settings.catalog.models] == []


def test_what_is_skipped_about_scope_is_not_applied_and_asked_again(
    tmp_path: Path,
) -> None:
    bill = BILLS["oracle_focus"].write(tmp_path)
    root = tmp_path / "w"
    triptych("init", root, "--from", bill)
    answers = ["each", "accept", *["skip"] * 3, "none", "none", "none"]
    text = answered(root, answers)
    settings = load_settings(root)
    [accepted] = [rule.name for rule in settings.allocation.scope]
    undecided = settings.allocation.undecided
    assert len(undecided) == 3
    assert "Undecided, not AI until you accept it, asked again next time" in text
    scope = {rule["name"]: rule for rule in rule_sets(settings)["scope_rules"]}
    assert [scope[each]["in_scope"] for each in undecided] == ["False"] * 3
    again = json.loads(triptych("discover", "-w", root, "--json").stdout)
    asked = {each["rule_id"] for each in again["proposals"] if each["rule_id"]}
    assert set(undecided) <= asked
    assert accepted not in {each["entry"].get("name") for each in again["proposals"]}
    # Skipped again, it stands there once; accepted, its rule comes first.
    answered(root, ["each", "accept", *["skip"] * 2, "none", "none", "none"])
    now = load_settings(root).allocation
    assert now.undecided == undecided
    assert len(now.scope) == 2


def test_rules_name_any_column_that_arrived_and_the_cost_stays_exact(
    made: tuple[Path, float],
) -> None:
    root, _ = made
    (root / "catalog.yml").write_text(
        "teams:\n  - {id: insurance}\n  - {id: payer}\n", encoding="utf-8"
    )
    (root / "allocation.yml").write_text(
        "assignments:\n"
        "  - {name: a, match: {columns: {InvoiceSectionName: Insurance}},"
        " team: insurance}\n"
        "  - {name: b, match: {columns: {bill_bill_type: {prefix: Anni}}},"
        " team: payer}\n",
        encoding="utf-8",
    )
    marts = ingest_and_build(root, "cost.fct_daily_model_costs")
    rows = marts.query(
        "SELECT team_id, sum(billed_cost) AS cost"
        " FROM cost.fct_daily_model_costs GROUP BY ALL"
    ).to_pylist()
    assert {row["team_id"]: row["cost"] for row in rows} == {
        "insurance": sum(line.cost for line in BILLS["azure_ea"].lines),
        "payer": sum(line.cost for line in BILLS["aws_cur2"].lines),
        None: sum(line.cost for line in BILLS["gcp_export"].lines),
    }


def test_a_column_that_no_bill_has_is_answered_with_the_nearest(
    made: tuple[Path, float],
) -> None:
    root, _ = made
    (root / "allocation.yml").write_text(
        "assignments:\n"
        "  - {name: a, match: {columns: {InvoiceSectonName: x}}, team: payer}\n",
        encoding="utf-8",
    )
    answer = triptych("check", "-w", root)
    assert "'InvoiceSectonName', which no bill has; the nearest is" in answer.stdout
    assert "'InvoiceSectionName'" in answer.stdout
