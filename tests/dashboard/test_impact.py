"""The page about what AI changed: seven studies, one for each way to end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import duckdb
import pytest

from dashboard.pages.impact import charts as impact_charts
from dashboard.pages.impact import experience as experience_section
from dashboard.pages.impact import figures as numbers
from dashboard.pages.impact import outcomes
from dashboard.pages.impact import queries as impact_queries
from dashboard.pages.impact import sentences as words
from dashboard.pages.impact.check_sentences import CHECKS
from dashboard.shared import charts, selection_queries
from tests.dashboard.conftest import text_of, tiles
from tests.dashboard.fixtures.warehouse_fixture import publish
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

    from tests.dashboard.conftest import OpenApp

PAGE = "impact"
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Seen:
    """What a page showed; it is drawn once for all tests that only look at it."""

    text: str
    tiles: dict[str, str]
    chart_count: int
    downloads: set[str]


_SEEN: dict[str, Seen] = {}


def seen(root: Path, open_app: OpenApp, study: str = "") -> Seen:
    if study not in _SEEN:
        app = opened(root, open_app, study)
        _SEEN[study] = Seen(
            text_of(app),
            tiles(app),
            len(app.get("vega_lite_chart")),
            {str(button.key) for button in app.get("download_button")},
        )
    return _SEEN[study]


def opened(root: Path, open_app: OpenApp, study: str = "", **link: str) -> AppTest:
    publish(root)
    app = open_app(root, page=PAGE, **({"study": study} if study else {}), **link)
    assert not app.exception
    assert not app.error
    return app


def test_nulls_and_harm_are_counted_and_told_like_increases(
    tmp_path: Path, open_app: OpenApp
) -> None:
    page = seen(tmp_path, open_app)
    assert page.tiles == {
        "Gain": "1 study",
        "Harm": "1 study",
        # Of orders the plan does not say whether more is better.
        "Change": "1 study",
        "No effect detected": "1 study",
        "Inconclusive": "1 study",
        "Cannot tell": "2 studies",
    }
    text = page.text
    assert "Evidence: 1 A · randomised, 2 B · controlled, 2 C · modelled, 2 X ·" in text
    assert "**7 studies**" in text
    assert "1 study is exploratory" in text
    assert "Arrival time led to an increase of revenue per depot day." in text
    assert (
        "Camera led to a decrease of on time rate. By the plan higher is better, so"
        " this is harm." in text
    )
    assert "No effect detected: the 90 % interval of the effect of" in text


def test_a_card_has_effect_interval_chance_grade_and_its_reason(
    tmp_path: Path, open_app: OpenApp
) -> None:
    text = seen(tmp_path, open_app).text
    assert (
        "+EUR 1,050 per treated unit and day (90 % interval +EUR 800 to +1,300);"
        " +4.1 % (+3.2 % to +5.0 %) of what would have been. Chance that it is a"
        " gain: over 99.9 %." in text
    )
    # −0.015 of a ratio, half-width 0.004
    assert (
        "−1.5 percentage points per treated unit and day (90 % interval"
        " −1.9 to −1.1 percentage points)" in text
    )
    assert "Chance that it is a gain: under 0.1 %." in text
    assert ":blue-badge[:material/balance: B · controlled]" in text
    assert ":gray-badge[:material/show_chart: C · modelled]" in text
    assert "green-badge[:material" not in text
    assert "red-badge" not in text
    assert "Grade C · modelled: “Errors that add up”: one step down." in text


@pytest.mark.parametrize(
    ("average", "unit", "cell"),
    [
        ("EUR per treated unit and month", "EUR", "per treated unit and month"),
        ("minutes per document", "minutes", "per document"),
        ("EUR per unit of resolved_tickets", "EUR", "per unit of resolved tickets"),
    ],
)
def test_an_average_is_per_what_its_estimate_says(
    average: str, unit: str, cell: str
) -> None:
    study = SimpleNamespace(average_unit=average, outcome_unit=unit)
    assert words.per_cell(study) == cell  # type: ignore[arg-type]


def test_what_is_refused_says_what_would_help_and_what_would_pay(
    tmp_path: Path, open_app: OpenApp
) -> None:
    text = seen(tmp_path, open_app).text
    assert "**2 studies have no effect**, and no figure is shown." in text
    assert "0.4 years were seen before the launch" in text
    assert "Use a year of history, or declare a seasonal control." in text
    assert "12,500 minutes in total" in text
    assert "The study could not be worked out. LinAlgError: singular." in text


def test_relative_effects_stand_side_by_side_and_one_that_means_nothing_does_not(
    tmp_path: Path, open_app: OpenApp
) -> None:
    page = seen(tmp_path, open_app)
    # Refused, failed, and the exploratory one, whose relative effect is suppressed.
    assert "3 studies have no relative effect" in page.text
    assert page.chart_count == 1
    assert page.downloads == {
        "download-studies",
        "download-studies-without-an-effect",
    }


def test_the_label_of_an_effect_is_drawn_over_the_line_of_zero(tmp_path: Path) -> None:
    """Its minus would be part of the line: the page's colour lies between them."""
    publish(tmp_path)
    snapshot = PublishedReader(tmp_path).snapshot()
    chosen = selection_queries.Selection(
        selection_queries.periods(snapshot)[0], "Amortised", "EUR"
    )
    studies = impact_queries.studies(snapshot, chosen) or ()
    related = [s for s in studies if s.average and s.average.relative is not None]
    layers = impact_charts.relative_effects(related, charts.LIGHT).to_dict()["layer"]
    marks = [layer["mark"] for layer in layers]
    assert [mark["type"] for mark in marks] == ["rule", "text", "rule", "point", "text"]
    assert marks[1]["stroke"] == charts.LIGHT.gap
    assert marks[4]["color"] == charts.LIGHT.ink


def test_effects_are_named_by_grade_before_they_are_drawn(
    tmp_path: Path, open_app: OpenApp
) -> None:
    text = seen(tmp_path, open_app).text
    assert "1 A · randomised: " in text
    assert "Arrival time +4.1 %" in text
    assert "2 X · " in text


def test_feature_and_grade_choose_and_a_link_keeps_them(
    tmp_path: Path, open_app: OpenApp
) -> None:
    app = opened(tmp_path, open_app, feature="Arrival time", grade="B · controlled")
    text = text_of(app)
    assert "**1 study**: 1 × increase · gain." in text
    assert "Camera led to" not in text
    none = opened(tmp_path, open_app, feature="Camera", grade="A · randomised")
    assert "No study has this feature and grade." in text_of(none)


def test_less_work_per_document_is_a_gain_and_not_fewer_documents(
    tmp_path: Path,
) -> None:
    publish(tmp_path)
    snapshot = PublishedReader(tmp_path).snapshot()
    chosen = selection_queries.Selection(
        selection_queries.periods(snapshot)[0], "Amortised", "EUR"
    )
    published = impact_queries.studies(snapshot, chosen)
    assert published is not None
    first = published[0]
    assert first.average is not None
    study = replace(
        first,
        feature_name="Invoice reading",
        outcome="incoming-invoices",
        outcome_unit="minutes",
        design="automation_savings",
        grade="D",
        verdict="negative",
        plan={"better": "lower"},
        average=replace(first.average, effect=-4.6, probability_positive=0.0004),
    )
    assert words.verdict(study).startswith(
        "The figures are consistent with a decrease of minutes per document in"
        " incoming-invoices from Invoice reading."
    )
    assert (words.tile_name(study), words.finding(study)) == ("Gain", "Decrease · gain")
    # It falls in all but 0.04 % of the draws.
    assert outcomes.chance_label(study) == "Chance that it is a gain"
    assert outcomes.chance(study) == "over 99.9\u00a0%"
    unsaid = replace(study, plan={})
    assert outcomes.chance_of_gain(unsaid) == "under 0.1\u00a0% above zero"


def test_the_bars_scope_chooses_studies_by_their_feature(
    tmp_path: Path, open_app: OpenApp
) -> None:
    for scope in ("team vision", "model vision-v1", "cost centre cc-200"):
        app = opened(tmp_path, open_app, scope=scope)
        assert tiles(app)["Harm"] == "1 study"
        assert tiles(app)["Gain"] == "0 studies"
    none = opened(tmp_path, open_app, scope="model small-4")
    assert "No study is about a feature of model small-4." in text_of(none)


def test_an_increase_is_told_in_words_with_everything_beside_it(
    tmp_path: Path, open_app: OpenApp
) -> None:
    page = seen(tmp_path, open_app, "eta-revenue")
    assert page.tiles == {
        "Effect per treated unit and day": "+EUR 1,050",
        "Relative effect": "+4.1 %",
        "Chance that it is a gain": "over 99.9 %",
        "Evidence": "B · controlled",
    }
    text = page.text
    assert "Did Arrival time change revenue per depot day?" in text
    assert "Over all treated units until 2026-09-29: +EUR 1.05M (90 % +EUR 800k" in text
    assert "so this is a gain." in text
    assert "The feature pays for itself from EUR 500k over the window" in text
    assert "no method can see such a coincidence" in text
    assert "It counts in the headline." in text
    assert "Apply the decision rule of the plan: keep it if the interval" in text
    assert "16 units with it (depot-01, depot-02); 365 days before, 121 after" in text
    assert "8 units without it" in text
    assert "2026-05-20 09:30 UTC by Ana Lima." in text
    assert "2026-07-10 new price list" in text
    assert "a" * 64 in text
    assert "b" * 64 in text


def test_the_calibration_card_says_how_often_intervals_held_in_how_many_replications(
    tmp_path: Path, open_app: OpenApp
) -> None:
    text = seen(tmp_path, open_app, "eta-revenue").text
    assert "its 90 % interval held the truth 90% to 98% of times." in text
    assert "89.5 %" in text
    assert '<td class="number" data-order="200">200</td>' in text
    # Those of another method are not this estimate's.
    assert "45.0 %" not in text
    none = seen(tmp_path, open_app, "chat-handling").text
    assert "How well intervals of this design hold has not been measured." in none


def test_what_would_have_been_is_drawn_three_times_and_listed_newest_first(
    tmp_path: Path, open_app: OpenApp
) -> None:
    page = seen(tmp_path, open_app, "eta-revenue")
    text = page.text
    assert "This design fits no line to the time before the launch." in text
    # Day 5: seen 31,000, without it 30,000, sum of four days 4,000.
    newest = text[text.index(">2026-06-04</th>") :]
    assert newest.index("31,000.0") < newest.index("30,000.0") < newest.index("4,000.0")
    # Three of the days, placebos, and the specification curve.
    assert page.chart_count == 5


def test_each_check_has_a_status_and_one_recommendation_and_none_validates(
    tmp_path: Path, open_app: OpenApp
) -> None:
    text = seen(tmp_path, open_app, "eta-revenue").text
    assert "2 PASS, 1 REVIEW, 1 NOT RUN." in text
    assert "Not refuted; nothing to do." in text
    assert "Read the effect as that of all these launches" in text
    assert "It says nothing, for or against." in text
    assert "validated" not in text.lower()
    failed = seen(tmp_path, open_app, "route-parcels").text
    assert "1 FAIL." in failed
    assert "Find what else moved the outcome on other dates, and declare it." in failed


def test_every_run_of_the_sensitivity_is_shown_the_refused_too(
    tmp_path: Path, open_app: OpenApp
) -> None:
    text = seen(tmp_path, open_app, "eta-revenue").text
    assert (
        "**5 runs** with other defensible choices, the plan's own among them, give"
        " effects from +EUR 990 to +EUR 1,120 per treated unit and day; 5 of them are"
        " above zero. 1 run was refused." in text
    )
    assert "— (pre_period_too_short)" in text
    windows = text_of(opened(tmp_path, open_app, "eta-revenue", runs="Window"))
    table = windows[windows.index("Had we chosen otherwise") :]
    assert "half the history" in table
    assert "as declared" in table
    assert "without depot-01" not in table


def test_parts_of_a_change_add_up_on_the_page(
    tmp_path: Path, open_app: OpenApp
) -> None:
    page = seen(tmp_path, open_app, "route-parcels")
    text = page.text
    assert (
        "The largest part of the change is **price**, +1,800 parcels (90 % interval"
        " +1,200 to +2,400 parcels)." in text
    )
    assert "redesign and optimiser" in text
    # 1,800 + 650 − 450
    total = text[text.index('<tr class="total"><th scope="row">total') :]
    assert "2,000.0" in total[:200]
    assert "Effects of launches that never happened" in text


def test_a_decrease_is_told_as_plainly_as_an_increase(
    tmp_path: Path, open_app: OpenApp
) -> None:
    page = seen(tmp_path, open_app, "camera-on-time")
    text = page.text
    assert page.tiles["Effect per treated unit and day"] == "−1.5 pp"
    assert "**Camera led to a decrease of on time rate.**" in text
    assert ":gray-badge[Decrease · harm]" in text
    assert "By the plan higher is better, so this is harm." in text
    assert "It is in percentage points." in text
    # Rates of depots and days do not add up to anything.
    assert "Over all treated units until" not in text
    assert "Decide. The plan declares no rule in words." in text


def test_of_an_experiment_all_units_are_counted_and_none_is_called_untreated(
    tmp_path: Path, open_app: OpenApp
) -> None:
    text = seen(tmp_path, open_app, "chat-handling").text
    assert "600 units, assigned at random; 365 days before, 121 after" in text
    assert "units that were drawn for the other arm" in text


@pytest.mark.parametrize(
    ("recorded", "read"),
    [
        ("it would be -8.136e+04 instead of -1.336e+05", "−81,360 instead of −133,600"),
        ("7.171e+04 parcels in total", "71,710 parcels in total"),
        ("says -0.01455, this one -0.01555.", "says −0.01455, this one −0.01555."),
        (
            "the cohort of 2026-02-21 of depot-15",
            "the cohort of 2026-02-21 of depot-15",
        ),
        ("(p = 2.1e-05)", "(p = 0.000021)"),
    ],
)
def test_recorded_figures_are_written_for_readers(recorded: str, read: str) -> None:
    assert read in numbers.readable(recorded)


def test_no_effect_says_what_could_have_been_found_and_is_no_proof(
    tmp_path: Path, open_app: OpenApp
) -> None:
    text = seen(tmp_path, open_app, "route-parcels").text
    assert (
        "No effect detected: the 90 % interval of the effect of route-optimiser" in text
    )
    assert (
        "A study as precise as this one finds 1,500 parcels or more per treated unit"
        " and day four times of five." in text
    )
    assert "This does not prove the absence of an effect." in text
    assert "only grades A and B enter the headline" in text


def test_a_grade_that_was_lowered_says_from_which(tmp_path: Path) -> None:
    publish(tmp_path)
    snapshot = PublishedReader(tmp_path).snapshot()
    study = impact_queries.study(snapshot, "camera-on-time")
    assert study is not None
    steps = (*study.grade_reasons, "second_opinion: one step down. It says 2, this 1.")
    lowered = replace(study, grade="C", grade_reasons=steps)
    assert words.basis(study) == "compared with units that did not have it"
    assert words.basis(lowered) == "lowered from B by what follows"
    assert words.grade_reason(lowered).startswith("“Another method”: one step down.")


def test_inconclusive_is_no_finding_of_no_effect(
    tmp_path: Path, open_app: OpenApp
) -> None:
    text = seen(tmp_path, open_app, "chat-handling").text
    assert (
        "includes zero as well as a rise and a fall that would both matter (2 minutes"
        " per treated unit and day or more)." in text
    )
    assert "Wait for more days, or give the feature to more units" in text


def test_a_refused_study_shows_no_figure_of_an_effect(
    tmp_path: Path, open_app: OpenApp
) -> None:
    page = seen(tmp_path, open_app, "invoice-minutes")
    text = page.text
    assert page.tiles == {}
    assert page.chart_count == 0
    assert "**Cannot tell. 0.4 years were seen before the launch" in text
    assert "This is not evidence of no effect." in text
    assert "The feature pays for itself from 12,500 minutes over the window" in text
    assert "Use a year of history" in text
    assert "No check was run." in text


def test_a_failed_study_says_what_failed(tmp_path: Path, open_app: OpenApp) -> None:
    page = seen(tmp_path, open_app, "parcels-again")
    assert "The study could not be worked out. LinAlgError: singular." in page.text
    assert page.tiles == {}


def test_an_exploratory_study_says_so_and_asks_for_a_registered_one(
    tmp_path: Path, open_app: OpenApp
) -> None:
    page = seen(tmp_path, open_app, "eta-later")
    text = page.text
    assert ":gray-badge[Exploratory]" in text
    assert "The figures are consistent with an increase of orders from" in text
    assert "cannot show that it was the cause" in text
    assert "the question may have been chosen by its answer" in text
    assert "Ask again in a study that is registered before its launch" in text
    assert "never. Exploratory" in text
    assert "No relative effect is stated" in text
    assert page.tiles["Relative effect"] == "—"
    assert "(90 % +1,000 orders to no upper bound;" in text


def test_a_link_to_no_study_is_told(tmp_path: Path, open_app: OpenApp) -> None:
    app = opened(tmp_path, open_app, "gone")
    (warning,) = app.warning
    assert "The link asks for study “gone”" in warning.value
    assert tiles(app)["Harm"] == "1 study"


def test_a_study_opens_and_closes_by_a_click(tmp_path: Path, open_app: OpenApp) -> None:
    app = opened(tmp_path, open_app)
    app.button(key="open-camera-on-time").click().run()
    assert "Did Camera change on time rate?" in text_of(app)
    assert app.selectbox(key="study").value == "camera-on-time"
    next(one for one in app.button if one.label == "All studies").click().run()
    assert "**7 studies**" in text_of(app)


@pytest.mark.parametrize("what", ["DELETE FROM", "DROP TABLE"])
def test_without_studies_the_page_says_how_to_register_one(
    tmp_path: Path, open_app: OpenApp, what: str
) -> None:
    publish(tmp_path)
    path = PublishedReader(tmp_path).current_path()
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"{what} attribution.studies")
    app = open_app(tmp_path, page=PAGE)
    assert not app.exception
    assert not app.error
    text = text_of(app)
    assert "No study is published yet." in text
    assert "`triptych study register studies/NAME.yml --by NAME`" in text
    assert ("published before studies" in text) == (what == "DROP TABLE")


def test_an_open_study_has_no_verdict_no_grade_and_a_tile_of_its_own(
    tmp_path: Path, open_app: OpenApp
) -> None:
    publish(tmp_path)
    path = PublishedReader(tmp_path).current_path()
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "UPDATE attribution.studies SET verdict = 'interim', grade = NULL,"
            " standing = 'interim' WHERE study_id = 'eta-revenue'"
        )
    app = open_app(tmp_path, page=PAGE)
    assert not app.exception
    assert not app.error
    assert tiles(app)["Open"] == "1 study"
    assert "Gain" not in tiles(app) or tiles(app)["Gain"] == "0 studies"
    text = text_of(app).replace("\u00a0", " ")
    assert "Interim: no verdict before the registered end, 2026-10-01" in text
    assert "– · none yet" in text
    assert "No grade before the registered end." in text


def test_every_check_has_its_words() -> None:
    folder = ROOT / "attribution" / "causal" / "checks"
    modules = {path.stem for path in folder.glob("[a-z]*.py")}
    assert "balance" in modules
    assert modules - {"check"} <= CHECKS.keys()


def test_every_estimator_has_its_words() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    table = text[text.index("## Estimators") : text.index("## Checks")]
    named = {
        line.split("`")[1] for line in table.splitlines() if line.startswith("| `")
    }
    assert named <= words.DESIGNS.keys()


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (1050.0, "EUR", "+EUR 1,050"),
        (-0.0152, "ratio", "−1.52 percentage points"),
        (0.00042, "parcels", "+0.00042 parcels"),
        (-3.14159, "minutes", "−3.14 minutes"),
        (1234567.0, "USD", "+USD 1.23M"),
        (0.0, "support_tickets", "0 support tickets"),
        (99.96, "EUR", "+EUR 100"),
    ],
)
def test_figures_have_three_digits_a_sign_and_their_unit(
    value: float, unit: str, said: str
) -> None:
    written = numbers.quantity(value, unit, is_signed=True)
    assert written.replace("\u00a0", " ") == said


def test_a_metric_of_customer_experience_says_its_change_and_which_way_is_better() -> (
    None
):
    on_time = {
        "latest_mean": 0.94,
        "change": 0.06,
        "change_low": 0.03,
        "change_high": 0.09,
        "verdict": "better",
        "unit_of_measure": "ratio",
        "currency": None,
        "reason": None,
    }
    assert experience_section.latest(on_time).replace("\u00a0", " ") == "94.0 %"
    assert experience_section.moved(on_time).replace("\u00a0", " ") == (
        "+6 percentage points [+3 to +9 percentage points]"
    )
    assert experience_section.verdict(on_time) == "better"


def test_a_metric_that_was_never_delivered_says_what_would_show_it() -> None:
    missing = {
        "latest_mean": None,
        "change": None,
        "verdict": "unknown",
        "reason": "nothing of it was delivered: a source with stream: outcomes",
    }
    for write in (
        experience_section.latest,
        experience_section.moved,
        experience_section.verdict,
    ):
        assert "a source with stream: outcomes" in write(missing)
