"""Statistics are loaded when something is to be fitted, and not before."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.attribution.marts_of_costs import add_model, noisy_weeks, write_cost_marts
from tests.layers import in_full

if TYPE_CHECKING:
    from pathlib import Path

STATISTICS = {"statsmodels", "scipy", "pandas"}
#: Entered by every run, whatever it then has to do.
ENTERED = (
    "triptych.run.pipeline",
    "triptych.run.second_half",
    "triptych.run.study_tables",
    "attribution.studies.register",
)
#: All that a second half estimates, gone through once more with nothing changed.
AGAIN = """
import sys
from pathlib import Path
from uuid import uuid4
from attribution.costs.anomalies.line_items import Evidence
from attribution.costs.estimates import update_cost_estimates
from attribution.delivery.times import update_delivery_times
from attribution.costs.platform_elasticities import update_platform_elasticities
from attribution.roi.return_estimates import update_returns
from attribution.studies.register import StudyRegister
from attribution.studies.updating import update_study_estimates
from attribution.studies.request import StudyRequest
from triptych.core.progress import SilentProgress

folder = Path(sys.argv[1])
build = folder / "build.duckdb"
evidence = Evidence(folder / "raw.duckdb", folder)
costs = update_cost_estimates(build, evidence, daily_costs=[str(uuid4())])
times = update_delivery_times(build)
update_platform_elasticities(build)
register = StudyRegister(folder / "register.jsonl")
update_study_estimates(build, StudyRequest((), register), SilentProgress())
returns = update_returns(build)
print(costs.is_unchanged, times.is_unchanged, returns.is_unchanged)
print(*sorted(sys.modules))
"""

RUN = """
import sys
from pathlib import Path
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.workspace import Workspace
from triptych.run import pipeline

folder = Path(sys.argv[1])
pipeline.run(Workspace(folder), load_settings(folder), progress=SilentProgress())
print(*sorted(sys.modules))
"""
WORKSPACE = """
organisation: Six rows
currency: USD
sources:
  - {name: bills, type: focus_files, path: bill.csv}
"""
SIX_ROWS = "\n".join(
    [
        "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,"
        "ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ServiceName,ProviderName",
        *(
            f"1.5,1.5,USD,2026-10-01,2026-11-01,2026-10-0{day},2026-10-0{day + 1},"
            "Usage,Azure OpenAI,Microsoft"
            for day in range(1, 7)
        ),
        "",
    ]
)


def answers(code: str, *arguments: str) -> list[str]:
    """Return the lines that a fresh interpreter prints."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()


@pytest.mark.parametrize("modules", [", ".join(ENTERED), *in_full(*ENTERED)])
def test_entering_a_run_loads_no_statistics(modules: str) -> None:
    (loaded,) = answers(f"import sys, {modules}; print(*sys.modules)")
    assert set(modules.split(", ")) <= set(loaded.split())
    assert STATISTICS & set(loaded.split()) == set()


def test_entering_a_run_loads_nothing_that_estimates() -> None:
    (loaded,) = answers("import sys, triptych.run.pipeline; print(*sys.modules)")
    of_attribution = {
        name for name in loaded.split() if name.startswith("attribution.")
    }
    # What a request is made of: which studies there are, and what is locked of them.
    assert of_attribution == {
        "attribution.causal",
        "attribution.causal.random_assignment",
        "attribution.causal.refusal",
        "attribution.studies",
        "attribution.studies.declared",
        "attribution.studies.register",
        "attribution.studies.register_entries",
        "attribution.studies.register_journal",
        "attribution.studies.registration_power",
        "attribution.studies.study_files",
        "attribution.studies.request",
        "attribution.studies.restating",
        "attribution.studies.sealed_draws",
        "attribution.studies.withdrawals",
    }


def test_a_run_of_a_bill_of_six_rows_loads_none(tmp_path: Path) -> None:
    (tmp_path / "bill.csv").write_text(SIX_ROWS, "utf-8")
    (tmp_path / "triptych.yml").write_text(WORKSPACE, "utf-8")
    *_, loaded = answers(RUN, str(tmp_path))
    assert "triptych.run.second_half" in loaded.split()
    assert STATISTICS & set(loaded.split()) == set()


def test_going_through_it_again_with_nothing_changed_loads_none(
    tmp_path: Path,
) -> None:
    build = write_cost_marts(tmp_path)
    add_model(build, "eta", noisy_weeks(1.0, seed=1, days=120))
    first, loaded_first = answers(AGAIN, str(tmp_path))
    assert first == "False False False"
    assert set(loaded_first.split()) >= STATISTICS
    second, loaded = answers(AGAIN, str(tmp_path))
    assert second == "True True True"
    assert STATISTICS & set(loaded.split()) == set()
