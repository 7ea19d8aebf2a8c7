"""Summary, Impact, Scenarios and the board pack say one return, line by line."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import duckdb
import pypdf
import pytest

from attribution.scenarios.run_rate import read_run_rate
from dashboard.exports.board_pack import read_pack, render_pack_pdf
from dashboard.exports.board_pack.parts import Table, Tiles
from dashboard.shared import format as fmt
from dashboard.shared.return_sentences import LADDER
from tests.attribution.scenarios.scenario_cases import NO_INTEREST, result, run_of
from tests.dashboard.conftest import text_of
from tests.dashboard.fixtures.returns_fixture import add_returns, returns_by_hand
from tests.dashboard.fixtures.scenarios_fixture import CHEAPER
from tests.dashboard.fixtures.warehouse_fixture import publish
from triptych.core.warehouse.reader import PublishedReader
from triptych.core.warehouse.scenario_results import ScenarioStore
from triptych.core.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from tests.dashboard.conftest import OpenApp

    Row = dict[str, Any]

CAPTION = "From the measured months to date, and a month now"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a workspace with returns, and a scenario of the run that has them."""
    publish(tmp_path)
    add_returns(tmp_path)
    path = PublishedReader(tmp_path).current_path()
    with duckdb.connect(str(path), read_only=True) as connection:
        rate = read_run_rate(connection)
    base = run_of(
        register=(NO_INTEREST,),
        run_id=path.stem,
        inputs=returns_by_hand(),
        run_rate=rate,
    )
    found = result(CHEAPER, name="Cheaper", base=base, discount_rate=0.0)
    store = ScenarioStore(Workspace(tmp_path).scenario_results)
    store.save(found, by="Head of planning", at=datetime(2026, 3, 1, tzinfo=UTC))
    return tmp_path


def published(root: Path, table: str) -> list[Row]:
    rows: list[Row] = (
        PublishedReader(root)
        .snapshot()
        .query(f"SELECT * FROM roi.{table} AS r WHERE r.window = 'to_date'")
        .to_pylist()
    )
    return rows


def squeezed(text: str) -> str:
    """Return a text without what lines break at, and without emphasis."""
    return "".join(text.replace("\u00a0", " ").replace("*", "").split())


def said_by(root: Path, open_app: OpenApp) -> dict[str, str]:
    """Return what each of the four says."""
    pages = {}
    for page in ("summary", "impact", "scenarios"):
        app = open_app(root, page=page)
        assert not app.exception
        pages[page] = squeezed(text_of(app))
    pack = render_pack_pdf(
        read_pack(PublishedReader(root).snapshot(), "2026-09", "Amortised")
    )
    reader = pypdf.PdfReader(io.BytesIO(pack))
    pages["board pack"] = squeezed("".join(one.extract_text() for one in reader.pages))
    return pages


def test_four_places_say_the_same_net_value_and_the_same_run_rate(
    root: Path, open_app: OpenApp
) -> None:
    """Where there are sentences the run rate is one; Summary has it in its tile."""
    [portfolio] = published(root, "mart_portfolio_roi")
    net = squeezed(fmt.estimate(portfolio["net_after_investment"], "EUR"))
    to_date = squeezed(fmt.estimate(portfolio["net_to_date"], "EUR"))
    rate = squeezed(fmt.estimate(portfolio["run_rate_net"], "EUR"))
    span = squeezed(
        fmt.interval(
            portfolio["run_rate_net_low_90"], portfolio["run_rate_net_high_90"], "EUR"
        )
    )
    assert net != rate
    pages = said_by(root, open_app)
    measured = squeezed(fmt.estimate(portfolio["net_value"], "EUR"))
    for place, text in pages.items():
        # Scenarios begin with the measured months; what was invested is spent.
        assert (measured if place == "scenarios" else net) in text, place
        assert to_date in text, place
    month = squeezed(fmt.month(portfolio["run_rate_month"]))
    for place in ("impact", "scenarios", "board pack"):
        assert f"Runrate:{rate}in{month}(90%:{span})" in pages[place], place


def test_four_places_print_the_same_ladder(root: Path, open_app: OpenApp) -> None:
    """Each line of the mart with its amount, and no other."""
    ladder = [
        (LADDER[row["line"]], fmt.estimate(row["amount"], "EUR"))
        for row in published(root, "mart_return_ladder")
    ]
    assert (ladder[-2][0], ladder[-1][0]) == ("Net value to date", "A month now")
    for page in ("impact", "scenarios"):
        assert printed_ladder(text_of(open_app(root, page=page))) == ladder, page
    pack = read_pack(PublishedReader(root).snapshot(), "2026-09", "Amortised")
    parts = [part for page in pack.pages for part in page.parts]
    [table] = [
        one for one in parts if isinstance(one, Table) and CAPTION in one.caption
    ]
    texts = [(name, amount) for name, _, amount, *_ in table.texts("EUR")]
    assert texts == ladder
    [tiles] = [part.tiles for part in pack.pages[0].parts if isinstance(part, Tiles)]
    of_tiles = [
        (name, fmt.estimate(None if amount is None else float(amount), "EUR"))
        for tile in tiles
        for name, amount, _ in tile.beside
        if name in LADDER.values()
    ]
    assert of_tiles == ladder


def printed_ladder(text: str) -> list[tuple[str, str]]:
    """Return the names and amounts of the table with the caption of the ladder."""
    begin = text.index(CAPTION)
    table = text[begin : text.index("</table>", begin)]
    rows = [
        re.findall("<t[hd][^>]*>(.*?)</t[hd]>", row) for row in table.split("<tr")[2:]
    ]
    return [(row[0], row[2].replace(" ", "\u00a0")) for row in rows]


def test_the_tile_of_summary_has_the_run_rate_underneath(root: Path) -> None:
    [portfolio] = published(root, "mart_portfolio_roi")
    summary, *_ = read_pack(
        PublishedReader(root).snapshot(), "2026-09", "Amortised"
    ).pages
    [tiles] = [part.tiles for part in summary.parts if isinstance(part, Tiles)]
    [tile] = [one for one in tiles if one.number == portfolio["net_after_investment"]]
    shown = {label: value for label, value, _ in tile.beside}
    assert shown["A month now"] == portfolio["run_rate_net"]
    assert shown["Invested before the launch"] == -float(portfolio["investment_cost"])
    assert shown["90 % interval from"] == portfolio["net_after_investment_low_90"]
    chance = portfolio["probability_net_after_investment"]
    assert shown["Chance that it is above zero"] == chance
    assert shown["Part of AI cost"] == portfolio["counted_cost_ratio"]


def test_lines_of_scenarios_are_those_of_the_marts(root: Path) -> None:
    """Benefit, cost and the rest of each counted feature, and its run rate."""
    [saved] = ScenarioStore(Workspace(root).scenario_results).all()
    [portfolio] = published(root, "mart_portfolio_roi")
    features = {row["feature_id"]: row for row in published(root, "mart_feature_roi")}
    counted = {name for name, row in features.items() if row["counted"]}
    assert counted == {"care"}
    *lines, total = saved["reconciliation"]
    assert total["actual"] == pytest.approx(portfolio["net_value"], abs=0.01)
    of_care = {
        row["line"]: row["actual"] for row in lines if row["feature_id"] == "care"
    }
    care = features["care"]
    assert of_care["benefit"] == pytest.approx(care["benefit"], abs=0.01)
    assert of_care["cost"] == pytest.approx(-float(care["cost"]), abs=0.01)
    rates, rate = saved["run_rate"]["lines"], saved["run_rate"]
    for name in ("run_rate_month", "run_rate_net", "run_rate_net_low_90"):
        assert rate[name] == portfolio[name]
    by_name = {row["feature_id"]: row["run_rate"] for row in rates[:-1]}
    assert by_name["care"] == care["run_rate_net"]
    assert sum(by_name.values()) == pytest.approx(portfolio["run_rate_net"])
    [first] = [
        row["value"]
        for row in saved["months"]
        if (row["measure"], row["month_number"]) == ("base_net_value", 1)
    ]
    assert rates[-1]["base"] == pytest.approx(first)
