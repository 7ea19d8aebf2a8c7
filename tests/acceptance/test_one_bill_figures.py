"""A company with one small bill and nothing else: every figure, or why there is none.

No meter, budget, delivery or study is known. What nobody measured is never zero, and
what is unknown has a reason that says what to deliver.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from dashboard.shared.roles import AUDIENCES
from tests.dashboard.conftest import (
    _charts_are_checked,
    _kept_as_by_a_server,
    _loopback_server,
    open_app,
    tiles,
    unknown_tiles,
)
from tests.triptych.discovery.held_out_bills import held_out_bills
from triptych.core.measures.answer import ask
from triptych.core.measures.definition import definitions
from triptych.core.measures.query import Query
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.warehouse.reader import PublishedReader
from triptych.discovery.first_workspace import workspace_from
from triptych.run.pipeline import run
from triptych.service.assistant.desk import Desk
from triptych.service.assistant.listings import MONTHLY, STANDING, cost_by

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import BuiltWorkspaces
    from tests.dashboard.conftest import OpenApp
    from triptych.core.measures.definition import Measure, Question

__all__ = [
    "_charts_are_checked",
    "_kept_as_by_a_server",
    "_loopback_server",
    "open_app",
]

BILL = next(bill for bill in held_out_bills() if bill.name == "aws_focus")
#: Counts and parts of the bill itself: no charge names a model, and none is missing.
MEASURED_ZEROS = {
    "adjustment_lines",
    "ai_cost_of_models",
    "ai_cost_of_models_ratio",
    "ai_cost_of_owners",
    "ai_cost_of_owners_ratio",
    "billed_charged_step_cost",
    "billed_left_of_bills",
    "charged_models",
    "charged_step_cost",
    "charged_step_rows",
    "left_of_bills",
    "missing_amount",
    "missing_rows",
    "reconciled_invoices",
    "refused_load_rows",
    "unknown_accruals",
}
#: Tiles that count what the bill or its invoices are.
COUNTED = {"Invoices that tie": "0 of 1", "Rows in quarantine": "0"}
#: What a tile with a dash says is to be done, or where more is shown.
WAY_OUT = re.compile(
    r"\b(add|name|declare|plan|accept|lock)\b|lists them", re.IGNORECASE
)
#: A zero amount, share or count as a tile has it.
ZERO = re.compile(r"(≈ )?([A-Z]{3} )?-?0([.,]0+)?( ?%)?( \w+)*")


def _build(root: Path) -> None:
    received = root.parent / f"{root.name}-received"
    received.mkdir()
    BILL.write(received)
    made = workspace_from(root, [received])
    run(made.workspace, load_settings(root), progress=SilentProgress())


@pytest.fixture(scope="module")
def root(
    built_workspaces: BuiltWorkspaces, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    target = tmp_path_factory.mktemp("one_bill") / "workspace"
    return built_workspaces.copy("one_bill", _build, target)


def finest(measure: Measure) -> Query:
    """Return the query of a measure by what it does not add up over."""
    model = measure.model
    grain = model.grain if measure.agg == "max" or measure.newest_by else ()
    more = (*model.never_added, *measure.never_added, *sorted(measure.needs))
    by = dict.fromkeys((*grain, *more))
    return Query((measure,), tuple(by))


def test_every_measure_is_a_value_or_has_a_reason(root: Path) -> None:
    snapshot = PublishedReader(root).snapshot()
    wrong = set()
    for name, measure in definitions().measures.items():
        for figure in ask(snapshot, finest(measure)):
            if figure.value is None and not figure.reason:
                wrong.add(f"{name} is unknown without a reason")
            if figure.value is not None and figure.value == 0:
                wrong.add(f"{name} is zero")
    assert wrong == {f"{name} is zero" for name in MEASURED_ZEROS}


@pytest.mark.parametrize(
    "question", [*MONTHLY, *STANDING, cost_by("model_id")], ids=lambda each: each.name
)
def test_every_question_is_answered_or_says_what_to_deliver(
    root: Path, question: Question
) -> None:
    answer = Desk(root).answer(question)
    assert answer.refusal is None
    assert answer.stale_sources == []
    assert bool(answer.figures) != bool(answer.reason)
    assert [f.name for f in answer.figures if f.value is None and not f.reason] == []


@pytest.mark.parametrize("page", [page for page in AUDIENCES if page != "statements"])
def test_every_tile_is_a_value_or_a_dash_with_its_way_out(
    root: Path, open_app: OpenApp, page: str
) -> None:
    app = open_app(root, page=page)
    shown = tiles(app)
    unknown = unknown_tiles(app)
    assert {k: v for k, v in unknown.items() if not WAY_OUT.search(v)} == {}
    assert [label for label in shown if "stale" in label] == []
    zeros = {label: text for label, text in shown.items() if ZERO.fullmatch(text)}
    assert {label: text for label, text in zeros.items() if label not in COUNTED} == {}
    assert {k: v for k, v in shown.items() if k in COUNTED}.items() <= COUNTED.items()
