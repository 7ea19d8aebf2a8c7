"""The workspace as a whole: its files, its repeatability, its limits."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml

from ingest.sample_company.company import write_company
from ingest.sample_company.plan import make_plan
from ingest.sample_company.timeline import PHASES, plan_timeline
from triptych.core.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def digests(directory: Path) -> dict[str, str]:
    """Return relative path → checksum of every file."""
    return {
        path.relative_to(directory).as_posix(): hashlib.sha256(
            path.read_bytes()
        ).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def read_truth(directory: Path) -> dict[str, Any]:
    text = (directory / "sample" / "truth.yml").read_text(encoding="utf-8")
    content = yaml.safe_load(text)
    assert isinstance(content, dict)
    return content


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a company of few lines, of the seed that is the default."""
    root = tmp_path_factory.mktemp("few") / "workspace"
    write_company(root, months=6, scale=0.02)
    return root


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(
    few: Path, tmp_path: Path
) -> None:
    for name, seed in (("second", 7), ("third", 8)):
        write_company(tmp_path / name, months=6, seed=seed, scale=0.02)
    roots = (few, tmp_path / "second", tmp_path / "third")
    first, second, third = map(digests, roots)
    assert first == second
    assert set(first) == set(third)
    same = {name for name in first if first[name] == third[name]}
    assert {name.rsplit("/", 1)[-1] for name in same} <= {
        "triptych.yml",
        "catalog.yml",
        "allocation.yml",
        "assumptions.yml",
        # Plans without a roll-out whose order is drawn by lot.
        "invoice-reading.yml",
        "predictive-maintenance.yml",
        "route-optimiser.yml",
        "support-assistant.yml",
        # Scenarios, which nothing is drawn for.
        *("leave_eks.yml", "quantise_vision.yml", "grow_and_commit.yml"),
        "commitments.csv",
        "mixed_gpus.csv",
        # What GitHub and Argo CD tell is worked out day by day.
        *("deployments.jsonl.gz", "1.json.gz", "2.json.gz"),
        "headcount.csv",
        "focus-Manifest.json",
        "all.json.gz",
        next(
            name for name in first if first[name] == hashlib.sha256().hexdigest()
        ).rsplit("/", 1)[-1],
    }


def test_more_lines_are_the_same_money(few: Path, tmp_path: Path) -> None:
    write_company(tmp_path / "many", months=6, scale=0.06)
    fewer, many = read_truth(few), read_truth(tmp_path / "many")
    for source in ("aws", "tidewater"):
        for month, by_currency in fewer["ledger"][source].items():
            for currency, total in by_currency.items():
                other = many["ledger"][source][month][currency]
                assert total["billed_cost"] == other["billed_cost"]
                assert total["effective_cost"] == other["effective_cost"]
                assert other["line_items"] > 2 * total["line_items"]
    assert fewer["effects"] == many["effects"]


def test_the_default_size_is_about_three_hundred_thousand_line_items() -> None:
    plan = make_plan(plan_timeline(18), np.random.default_rng(0))
    count = sum(charge.line_count for month in plan.charges for charge in month)
    assert 280_000 < count < 340_000


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="not empty"):
        write_company(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


@pytest.mark.parametrize("months", [5, 37])
def test_too_few_or_too_many_months_are_refused_before_anything_is_written(
    tmp_path: Path, months: int
) -> None:
    with pytest.raises(UsageError, match="months"):
        write_company(tmp_path / "new", months=months)
    assert not (tmp_path / "new").exists()


def test_a_scale_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="line items"):
        write_company(tmp_path / "new", scale=0)


@pytest.mark.parametrize(
    ("months", "first", "phases"),
    [
        (18, "2025-05", (6, 3, 9)),
        (12, "2025-11", (4, 2, 6)),
        (6, "2026-05", (2, 1, 3)),
        (36, "2023-11", (12, 6, 18)),
    ],
)
def test_phases_keep_their_proportions_and_the_end_stays(
    months: int, first: str, phases: tuple[int, int, int]
) -> None:
    timeline = plan_timeline(months)
    assert timeline.months[0].label == first
    assert timeline.months[-1].label == "2026-10"
    counts = tuple(len(timeline.of(phase)) for phase in PHASES)
    assert counts == phases
    assert timeline.commitment_indexes[-1] < months


def test_phase_one_is_280_percent_over_budget_and_the_hybrid_40_percent_below_it(
    truth: dict[str, Any],
) -> None:
    phases = truth["phases"]
    managed, hybrid = phases["managed_kubernetes"], phases["hybrid"]
    ratio = Decimal(managed["ai_spend"]) / Decimal(managed["budget"])
    assert abs(ratio - Decimal("3.8")) < Decimal("0.001")
    before = Decimal(managed["ai_spend"]) / len(managed["months"])
    after = Decimal(hybrid["ai_spend"]) / len(hybrid["months"])
    assert abs(after / before - Decimal("0.60")) < Decimal("0.0001")
    double_running = Decimal(phases["migration"]["ai_spend"]) / 3
    assert double_running > before


def test_the_budget_file_says_what_the_truth_says(
    company: Path, truth: dict[str, Any]
) -> None:
    lines = (company / "budgets.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "budget_month,scope_type,scope_id,budget_amount,currency"
    rows = [line.split(",") for line in lines[1:]]
    amounts = {row[0]: Decimal(row[3]) for row in rows if row[1] == "all"}
    for phase in truth["phases"].values():
        total = sum(amounts[month] for month in phase["months"])
        assert total == Decimal(phase["budget"])
    assert sorted(tuple(row[:4]) for row in rows) == sorted(
        (month, kind, scope, f"{Decimal(amount):.2f}")
        for kind, scopes in truth["budgets"].items()
        for scope, months in scopes.items()
        for month, amount in months.items()
    )


def test_teams_and_models_have_their_part_of_the_budget_beyond_the_last_month(
    truth: dict[str, Any],
) -> None:
    budgets = truth["budgets"]
    whole = budgets["all"]["ai"]
    assert truth["organisation"]["months"][-1] < max(whole) == "2026-12"
    for months, part in (
        (budgets["team"]["fleet-ai"], "0.29"),
        (budgets["model"]["maintenance-vision"], "0.15"),
    ):
        assert list(months) == [*truth["phases"]["hybrid"]["months"], *list(whole)[-2:]]
        expected = Decimal(whole["2026-12"]) * Decimal(part)
        assert abs(Decimal(months["2026-12"]) - expected) <= Decimal("0.005")
