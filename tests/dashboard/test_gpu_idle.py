"""The page about GPUs and what idles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from dashboard.pages.gpu_idle import queries as gpu_idle_queries
from dashboard.pages.gpu_idle import saving_queries
from dashboard.shared import selection_queries
from tests.dashboard.conftest import LookAt, OpenApp, text_of, tiles
from tests.dashboard.fixtures.warehouse_fixture import publish
from triptych.core.measures.answer import ask
from triptych.core.measures.definition import Question, definitions
from triptych.core.measures.query import query
from triptych.core.warehouse.reader import PublishedReader
from triptych.service.assistant.desk import Desk

if TYPE_CHECKING:
    from pathlib import Path

PAGE = "gpu_idle"


def test_the_tiles_show_idle_money_its_split_hours_and_commitments(
    look_at: LookAt,
) -> None:
    app = look_at(page=PAGE)
    assert not app.exception
    assert not app.error
    assert tiles(app) == {
        "Idle GPU money": "EUR 180.00",
        "Used GPU money": "EUR 370.00",
        "GPU hours available": "192.0 h",
        "Unused commitments": "EUR 70.00",
    }
    text = text_of(app)
    assert "EUR 30.00 requested and idle, EUR 150.00 requested by nobody" in text
    assert "EUR 25.00 use not measured; EUR 15.00 used by no known model" in text
    assert "140.0 h held by workloads, 128.0 h of them active" in text
    assert (
        "of EUR 90.00 in AI scope; of all charges EUR 80.00 of EUR 100.00, under"
        " 1 commitment" in text
    )
    billed = look_at(page=PAGE, basis="Billed")
    assert tiles(billed)["Idle GPU money"] == "EUR 90.00"
    assert tiles(billed)["Unused commitments"] == "EUR 70.00"


def test_hours_behind_the_tile_are_those_of_one_currency(
    tmp_path: Path, open_app: OpenApp
) -> None:
    """A pool with charges in two currencies has its hours on the rows of each."""
    with duckdb.connect(str(publish(tmp_path))) as connection:
        mart = "delivery.mart_accelerator_efficiency"
        connection.execute(
            f"insert into {mart} by name select * replace ('USD' as currency)"
            f" from {mart} where billing_month = '2026-09'"
        )
    app = open_app(tmp_path, page=PAGE)
    assert tiles(app)["GPU hours available"] == "192.0 h"
    text = text_of(app)
    of_tile = "capacity_gpu_hours?billing_month=2026-09&currency=EUR"
    assert f"delivery.mart_accelerator_efficiency/{of_tile}" in text


def test_each_part_has_a_sentence_a_table_and_a_download(look_at: LookAt) -> None:
    app = look_at(page=PAGE)
    text = text_of(app)
    assert "**gpu-cluster** idles most: **EUR 180.00** of EUR 550.00" in text
    assert "In addition to GPUs, EUR 40.00 idles in 1 other pool." in text
    assert "Most idled in Sep 2026: **EUR 180.00**, 32.7 %" in text
    assert (
        "**EUR 150.00** of Machine learning, for the pool itself in gpu-cluster" in text
    )
    assert "on Tue 13:00, **5.5** on average" in text
    assert "**one-year** left **EUR 80.00** of EUR 100.00 unused" in text
    assert "**Not yet savings**" in text
    assert "— (capacity not read)" in text
    assert "gpu-dark, not observed: No reading of the driver" in text
    # 528 of the days that were read, by 192 hours.
    assert "2.75" in text
    assert "— (No reading says how many GPUs of this kind were there.)" in text
    assert {button.key for button in app.get("download_button")} == {
        f"download-{name}"
        for name in (
            *(
                "gpu-pools",
                "gpu-hour-prices",
                "gpu-months",
                "gpu-idle-by-owner",
                "gpu-hours-of-week",
            ),
            *("nodes-apart", "commitments", "saving-candidates"),
        )
    }
    assert len(app.get("vega_lite_chart")) == 3


def test_nodes_that_no_meter_saw_are_shown_with_their_money(look_at: LookAt) -> None:
    text = text_of(look_at(page=PAGE))
    assert (
        "**EUR 70.00** is charged for 1 node that no meter saw, 11.7 % of what bills"
        " charge for nodes. The readings of the others divide it. EUR 50.00 of 1"
        " metered node is billed to another pool than its meter divides, or to none."
        " 1 metered node is not on any bill."
    ) in text
    assert "— (not read)" in text
    assert "— (no bill)" in text
    billed = text_of(look_at(page=PAGE, basis="Billed"))
    assert "**EUR 35.00** is charged for 1 node" in billed
    july = text_of(look_at(page=PAGE, period="2026-07"))
    assert "In Jul 2026 no meter of Kubernetes or ECS nodes was read." in july


def test_a_share_of_idle_money_is_of_what_meters_know(look_at: LookAt) -> None:
    """180 of 610 less 25 not measured, 20 not observed and 15 of the same dark pool."""
    text = text_of(look_at(page=PAGE))
    assert "32.7 % of EUR 550 for measured GPUs" in text.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("months", "sentence"),
    [
        ("('2026-08')", "Most idled in Sep 2026"),
        ("('2026-08', '2026-09')", "No meter reads idle capacity."),
    ],
)
def test_a_month_whose_use_no_meter_reads_is_unknown(
    tmp_path: Path, open_app: OpenApp, months: str, sentence: str
) -> None:
    with duckdb.connect(str(publish(tmp_path))) as connection:
        connection.execute(
            "UPDATE delivery.mart_accelerator_idle_costs SET is_idle_known = false"
            f" WHERE billing_month IN {months}"
        )
    app = open_app(tmp_path, page=PAGE)
    assert not app.exception
    assert sentence in text_of(app)


def test_a_model_that_no_meter_measured_has_no_idle_of_zero(
    tmp_path: Path, open_app: OpenApp
) -> None:
    """All 25 of chat-v1 are unmeasured: page, measure and assistant give the reason."""
    publish(tmp_path)
    app = open_app(tmp_path, page=PAGE, period="2026-09", scope="model chat-v1")
    assert tiles(app)["Idle GPU money"] == "—"
    assert "EUR 25.00 use not measured" in text_of(app).replace("\u00a0", " ")
    idle = definitions().measure("pool_part_idle_cost")
    labels = {"billing_month": "2026-09", "currency": "EUR", "model_id": "chat-v1"}
    snapshot = PublishedReader(tmp_path).snapshot()
    [figure] = ask(snapshot, query(idle.name, by=tuple(labels), where=labels))
    assert (figure.value, figure.reason) == (None, "not metered")
    asked = Question(
        name="idle",
        title="What idles?",
        page=PAGE,
        measures=(idle,),
        by=tuple(labels),
        when="billing_month = $month",
    )
    answer = Desk(tmp_path).answer(asked, month="2026-09")
    [given] = [each for each in answer.figures if labels.items() <= each.labels.items()]
    assert (given.value, given.reason) == (None, "not metered")


def test_a_link_chooses_the_pool_and_the_kind_of_idle(look_at: LookAt) -> None:
    app = look_at(page=PAGE, pool="gpu-moon", idle="Requested, idle")
    text = text_of(app)
    assert "“gpu-moon”, which is not in this data. Shown instead: gpu-cluster" in text
    assert "In gpu-cluster **2.0** GPUs are requested, idle at every hour" in text


def test_a_scope_narrows_money_by_owner_and_says_what_it_does_not_narrow(
    look_at: LookAt,
) -> None:
    app = look_at(page=PAGE, scope="team vision")
    assert tiles(app)["Idle GPU money"] == "EUR 10.00"
    text = text_of(app)
    assert "Hours, nodes and commitments cover all owners." in text
    assert "In addition to GPUs" not in text


def test_a_month_without_gpus_or_meters_says_so(look_at: LookAt) -> None:
    app = look_at(page=PAGE, period="2026-07")
    text = text_of(app)
    assert not app.exception
    assert tiles(app)["Idle GPU money"] == "—"
    assert "No GPU pool has cost in this scope in Jul 2026." in text
    assert "No meter read hourly use in Jul 2026." in text
    assert "No bill of Jul 2026 names a commitment." in text
    assert "**No GPU was metered in Jul 2026.** Set `driver: gpu_hours` for a" in text
    assert "requested by nobody" not in text
    assert "is observed" not in text
    assert "held by workloads" not in text


def test_stale_and_partial_data_are_said_on_every_figure(
    tmp_path: Path, open_app: OpenApp
) -> None:
    publish(tmp_path, "stale")
    assert "Idle GPU money · stale" in tiles(open_app(tmp_path, page=PAGE))
    publish(tmp_path, "partial", run_id="run-0002")
    app = open_app(tmp_path, page=PAGE)
    assert "Idle GPU money, at least" in tiles(app)
    text = text_of(open_app(tmp_path, page=PAGE, currency="USD"))
    assert "**No pool is divided by GPU hours.**" in text


def test_a_prepayment_that_is_hardly_drawn_says_how_much_of_it_is(
    tmp_path: Path,
) -> None:
    publish(tmp_path)
    path = PublishedReader(tmp_path).current_path()
    with duckdb.connect(str(path)) as connection:
        # 50 of 500,000 drawn, and nothing of a draw is ever unused.
        connection.execute(
            "INSERT INTO cost.mart_commitments BY NAME SELECT * REPLACE"
            " ('prepaid' AS commitment_id, 'Prepaid' AS commitment_name,"
            " 500000 AS purchased_billed_cost, 50 AS committed_effective_cost,"
            " 50 AS used_effective_cost, 0 AS unused_effective_cost,"
            " 500000 AS purchased_billed_cost_to_date,"
            " 50 AS committed_effective_cost_to_date)"
            " FROM cost.mart_commitments WHERE billing_month = '2026-09'"
        )
    snapshot = PublishedReader(tmp_path).snapshot()
    chosen = selection_queries.Selection(
        selection_queries.periods(snapshot)[0], "Amortised", "EUR"
    )
    row = gpu_idle_queries.commitments(snapshot, chosen).to_pylist()[-1]
    assert row["commitment"] == "Prepaid"
    assert row["drawn_ratio"] == 0.0001
    assert row["utilisation_ratio"] == 1.0


def test_a_commitment_that_has_ended_is_no_saving(tmp_path: Path) -> None:
    # Bills go on for two full months and name it no more.
    later = (
        "INSERT INTO cost.mart_cost_waterfall BY NAME SELECT mart.*"
        " EXCLUDE (is_ai_cost) REPLACE"
        " (later.month AS billing_month) FROM cost.mart_cost_waterfall AS mart,"
        " (VALUES ('2026-10'), ('2026-11'), ('2026-12')) AS later (month)"
        " WHERE billing_month = '2026-09'"
    )
    assert _commitments_to_reduce(tmp_path / "running") == [
        "A smaller commitment than one-year"
    ]
    assert _commitments_to_reduce(tmp_path / "ended", later) == []


def _commitments_to_reduce(root: Path, *statements: str) -> list[str]:
    root.mkdir()
    publish(root)
    with duckdb.connect(str(PublishedReader(root).current_path())) as connection:
        for statement in statements:
            connection.execute(statement)
    snapshot = PublishedReader(root).snapshot()
    chosen = selection_queries.Selection(
        selection_queries.periods(snapshot)[0], "Amortised", "EUR"
    )
    names = saving_queries.saving_candidates(snapshot, chosen)["candidate"].to_pylist()
    return [name for name in names if "commitment" in name]
