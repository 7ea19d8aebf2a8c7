"""Writes the workspace of Nordhafen Logistik, a company that does not exist.

A German carrier with 24 depots re-enacts a published case: its models run on managed
Kubernetes at 3.8 times the budget, move to a hybrid with an AI-native platform, and
cost 40 % less there. Concept and numbers: ``docs/concepts/sample_company.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ingest.sample_company.bills import write_bills
from ingest.sample_company.commitments import write_commitments
from ingest.sample_company.delivery.plan import plan_delivery
from ingest.sample_company.delivery.superseded import write_superseded
from ingest.sample_company.formats.delivery_events import write_events, write_registry
from ingest.sample_company.formats.delivery_tables import (
    write_headcount,
    write_incidents,
    write_survey,
    write_worklogs,
)
from ingest.sample_company.formats.ecb_csv import write_ecb_history
from ingest.sample_company.formats.litellm_tables import write_litellm
from ingest.sample_company.formats.opencost_answers import write_opencost
from ingest.sample_company.formats.prometheus_ranges import write_prometheus
from ingest.sample_company.formats.tables import (
    MeterWriter,
    ModelNames,
    write_assignments,
    write_outcomes,
    write_process,
)
from ingest.sample_company.metering import Meters, read_meters
from ingest.sample_company.mixed_gpus import write_mixed_gpus
from ingest.sample_company.organisation import MODELS
from ingest.sample_company.outcomes import Outcomes, observe
from ingest.sample_company.plan import make_plan
from ingest.sample_company.recordings import Recordings
from ingest.sample_company.timeline import Timeline, plan_timeline
from ingest.sample_company.truth import Facts, write_truth
from ingest.sample_company.workspace.assumptions_file import assumptions_text
from ingest.sample_company.workspace.registers import (
    measure_spending,
    write_budgets,
    write_invoices,
    write_rates,
)
from ingest.sample_company.workspace.scenarios import write_scenarios
from ingest.sample_company.workspace.settings_files import (
    allocation_text,
    catalog_text,
    general_text,
)
from ingest.sample_company.workspace.studies import write_studies
from triptych.core.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.sample_company.delivery.events import Delivery
    from ingest.sample_company.plan import Plan


def write_company(
    directory: Path, *, months: int = 18, seed: int = 7, scale: float = 1.0
) -> None:
    """Write a complete workspace into an empty folder.

    Parameters
    ----------
    directory : Path
        Folder that is empty or does not exist.
    months : int
        Number of billing months, 6 to 36; the last is always October 2026, and the
        phases keep their proportions.
    seed : int
        Another seed gives other amounts, times and outcomes; the same seed gives the
        same bytes.
    scale : float
        Multiplies the line items of the bills, about 300 thousand at 1. The money of a
        month is the same, in more and smaller lines; meters and outcomes do not change.
        Memory stays bounded by the largest meter of a month.

    Raises
    ------
    UsageError
        The folder is not empty, or ``months`` or ``scale`` cannot be had.
    """
    timeline = plan_timeline(months)
    _refuse_scale(scale)
    _claim(directory)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(9,)))
    plan = make_plan(timeline, rng)
    meters, outcomes = read_meters(timeline, seed), observe(timeline, seed)
    recordings = Recordings(directory / "bills", timeline, meters, seed)
    ledger = write_bills(directory, plan, recordings, seed=seed, scale=scale)
    recordings.write()
    spending = measure_spending(ledger, timeline)
    counts = _write_meters(directory, plan, meters, outcomes, seed)
    tables = directory / "meters"
    counts["invoices"] = write_invoices(tables / "invoices.csv", ledger, timeline)
    counts["commitments"] = write_commitments(tables / "commitments.csv", timeline)
    delivery = plan_delivery(timeline, seed)
    counts |= _write_delivery(directory / "delivery", delivery, timeline, seed)
    counts["budgets"] = write_budgets(directory / "budgets.csv", spending, timeline)
    _write_settings(directory, timeline)
    write_studies(directory / "studies", outcomes, timeline)
    write_scenarios(directory / "scenarios")
    write_truth(
        directory / "sample" / "truth.yml",
        Facts(
            timeline,
            plan.charges,
            ledger,
            meters,
            outcomes,
            delivery,
            spending,
            seed,
            scale,
            counts,
        ),
    )


def _refuse_scale(scale: float) -> None:
    if not 0.0 < scale < float("inf"):
        raise UsageError(
            f"The sample company cannot have {scale} times its line items.",
            next_step="Ask for a scale above 0, such as 1 or 0.1.",
        )


def _claim(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise UsageError(
            "The folder is not empty.",
            where=str(directory),
            next_step="Name an empty folder; nothing was written.",
        )


def _write_meters(
    directory: Path, plan: Plan, meters: Meters, outcomes: Outcomes, seed: int
) -> dict[str, int]:
    """Write everything below ``meters/`` but the invoices; returns row counts."""
    timeline, tables = plan.timeline, directory / "meters"
    writer = MeterWriter(timeline, _names(timeline), seed)
    for month in timeline.months:
        name = f"{month.label}.parquet"
        writer.write_accelerators(
            tables / "accelerator_usage" / name, month, meters.accelerators
        )
        writer.write_gpu_usage(tables / "model_usage" / name, month, meters.usage)
    writer.write_daily_usage(tables / "model_usage_daily.csv", meters.usage)
    mixed_count = write_mixed_gpus(tables / "mixed_gpus.csv", timeline)
    write_rates(tables / "fx_rates.csv", plan)
    ecb_count = write_ecb_history(tables / "ecb" / "eurofxref-hist.csv", plan.exchange)
    write_opencost(tables / "opencost", meters.sliced, timeline, seed)
    write_prometheus(tables / "prometheus", meters, timeline)
    gateway_count = write_litellm(
        tables / "litellm" / "daily_team_spend.csv", meters, timeline
    )
    outcome_count = write_outcomes(tables / "outcomes.parquet", outcomes, timeline)
    write_assignments(tables / "growthbook" / "assignments.csv", outcomes, timeline)
    process_count = write_process(
        tables / "process_volumes.csv",
        outcomes.process,
        timeline,
        process_id="incoming-invoices",
        feature="invoice-reading",
    )
    return {
        "meter_rows_written_twice": writer.duplicate_count,
        "mixed_gpus": mixed_count,
        "rates": plan.exchange.typed_count,
        "ecb": ecb_count,
        "gateway": gateway_count,
        "outcomes": outcome_count,
        "processes": process_count,
    }


def _write_delivery(
    folder: Path, delivery: Delivery, timeline: Timeline, seed: int
) -> dict[str, int]:
    """Write everything below ``delivery/``; returns row counts."""
    runs, versions = write_registry(folder, delivery)
    write_superseded(folder, timeline)
    return {
        "events": write_events(folder / "events", delivery, seed),
        "training_runs": runs,
        "model_versions": versions,
        "incidents": write_incidents(folder / "incidents.csv", delivery),
        "worklogs": write_worklogs(folder / "worklogs.csv", delivery),
        "headcount": write_headcount(folder / "headcount.csv", delivery),
        "survey": write_survey(folder / "survey.csv", delivery),
    }


def _names(timeline: Timeline) -> ModelNames:
    old = {model.id: model.aliases[0] for model in MODELS if model.aliases}
    return ModelNames(old, (timeline.renamed_on - timeline.first_day).days)


def _write_settings(directory: Path, timeline: Timeline) -> None:
    for name, text in (
        ("triptych.yml", general_text()),
        ("catalog.yml", catalog_text(timeline)),
        ("allocation.yml", allocation_text(timeline)),
        ("assumptions.yml", assumptions_text(timeline)),
    ):
        (directory / name).write_text(text, encoding="utf-8")
