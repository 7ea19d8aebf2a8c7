"""Three invented companies, from providers' files to each figure of the first screens.

The truth of each is worked out from its plan, was frozen before anything was run, and
is compared with what is published, what assistants are told and what pages show. A
figure that must be unknown may be absent, and is never a number.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.companies import (
    api_company,
    gpu_company,
    migration_company,
    migration_files,
)
from tests.acceptance.companies.asked import ask_assistant
from tests.acceptance.companies.files import fingerprint
from tests.acceptance.companies.open_figures import OPEN
from tests.acceptance.companies.pages import SHOWN, look_at_pages
from tests.acceptance.companies.readings import read_marts
from tests.dashboard.conftest import (
    _charts_are_checked,
    _kept_as_by_a_server,
    _loopback_server,
    open_app,
)
from triptych.core.explanation.report import explain
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.warehouse.reader import PublishedReader
from triptych.core.workspace import Workspace
from triptych.run.pipeline import run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.acceptance.companies.files import Truth
    from tests.acceptance.companies.readings import Readings
    from tests.conftest import BuiltWorkspaces
    from tests.dashboard.conftest import OpenApp

__all__ = [
    "_charts_are_checked",
    "_kept_as_by_a_server",
    "_loopback_server",
    "open_app",
]

COMPANIES = ("api", "gpu", "migration")
_PLANS = {"api": api_company, "gpu": gpu_company, "migration": migration_company}
_WRITERS = {"api": api_company, "gpu": gpu_company, "migration": migration_files}
#: The truth as it was before the first run. It changes only with the plan; since then
#: dual running counts days, deployments a week are counted by the days that are known,
#: and three figures came: the unit cost of all models (twice) and the monthly cost
#: since the move.
FROZEN = {
    "api": "a0ede21af17c67f54e09b09c7bc22b16808879da76b2dde7c81a1a6a810cecae",
    "gpu": "833b399b119545d486a50f0a9771c53e9cfb36c6d06c712ca8d938ac110fd60b",
    "migration": "d734b29df4eb776134720fd0ee5062fdb6ad0214c5e4a4dd18b5579f5573ee86",
}
_LEAST_DIFFERENCE = Decimal("1e-9")


@dataclass(frozen=True, slots=True)
class Company:
    """A company that was run."""

    name: str
    root: Path
    truth: Truth


@pytest.fixture(scope="module", params=COMPANIES)
def company(
    request: pytest.FixtureRequest,
    built_workspaces: BuiltWorkspaces,
    tmp_path_factory: pytest.TempPathFactory,
) -> Company:
    name = request.param

    def build(root: Path) -> None:
        _WRITERS[name].write(root)
        settings = load_settings(root)
        alone = settings.attribution.model_copy(update={"processes": 1})
        settings = replace(settings, attribution=alone)
        run(Workspace(root), settings, progress=SilentProgress())

    target = tmp_path_factory.mktemp(name) / "workspace"
    root = built_workspaces.copy(f"company_{name}", build, target)
    return Company(name, root, _PLANS[name].truth())


def differing(truth: Truth, readings: Readings) -> dict[str, str]:
    """Return what a surface states otherwise than the truth, of what it states."""
    return {
        name: f"{readings[name].value} for {value}"
        for name, value in truth.items()
        if name in readings and not _agree(readings[name].value, value)
    }


def _agree(stated: Decimal | None, true: Decimal | None) -> bool:
    if stated is None or true is None:
        return stated is true
    return abs(stated - true) <= _LEAST_DIFFERENCE * max(abs(true), 1)


def check(surface: str, company: Company, differences: Mapping[str, str]) -> None:
    """Compare differences with those that are open: none more, and none less."""
    known = OPEN.get((company.name, surface), frozenset())
    stated = [f"{name}: {text}" for name, text in sorted(differences.items())]
    closed = sorted(known - set(differences))
    assert set(differences) == known, "\n".join(
        [f"{company.name}, {surface}", *stated, f"no longer open: {closed}"]
    )


@pytest.mark.parametrize("name", COMPANIES)
def test_the_truth_is_what_was_worked_out_before_the_first_run(name: str) -> None:
    assert fingerprint(_PLANS[name].truth()) == FROZEN[name]


def test_published_marts_state_the_truth(company: Company) -> None:
    readings = read_marts(PublishedReader(company.root).snapshot())
    shown = {name for each in SHOWN[company.name] for name in each.names}
    unread = {
        name: "in no mart"
        for name, value in company.truth.items()
        if value is not None and name not in readings and name not in shown
    }
    check("marts", company, unread | differing(company.truth, readings))


@pytest.mark.parametrize("company", ["gpu"], indirect=True)
def test_a_reservation_is_billed_to_those_who_use_it(company: Company) -> None:
    """All of its fee is in the month of its use, so both bases have the same cost."""
    for month in gpu_company.MONTHS:
        for model in gpu_company.MODELS:
            figure = (
                "cost.fct_daily_model_costs/billed_cost"
                f"?billing_month={month}&model_id={model}"
            )
            explanation = explain(company.root, figure)
            billed = explanation.value
            assert isinstance(billed, Decimal)
            assert _agree(billed, company.truth[f"{month}.model.{model}"])
            assert explanation.rederivation.is_equal


def test_an_assistant_is_told_the_truth(company: Company) -> None:
    plan = _PLANS[company.name]
    readings = ask_assistant(company.root, plan.MONTHS)
    check("assistant", company, differing(company.truth, readings))


def test_first_screens_show_the_truth(company: Company, open_app: OpenApp) -> None:
    differences = look_at_pages(open_app, company.root, company.name, company.truth)
    check("pages", company, differences)
