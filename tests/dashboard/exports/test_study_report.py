"""A study's report as text, HTML and PDF: the sentences of the page, and no others."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest
import typst
from pypdf import PdfReader
from typer.testing import CliRunner

from dashboard import exports
from dashboard.exports import study_chart
from dashboard.pages.impact import queries as impact_queries
from tests.dashboard.fixtures.warehouse_fixture import publish
from triptych.cli import app
from triptych.core.errors import UsageError
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

    from triptych.core.warehouse.reader import Snapshot

STUDIES = (
    *("eta-revenue", "camera-on-time", "route-parcels", "chat-handling"),
    *("invoice-minutes", "parcels-again", "eta-later"),
)


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    publish(tmp_path, is_synthetic=True)
    return PublishedReader(tmp_path).snapshot()


def report(root: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["study", "report", *arguments, "-w", str(root)])


def squeezed(text: str) -> str:
    return " ".join(text.replace("\u00a0", " ").split())


def test_the_text_says_what_was_found_what_was_not_and_what_to_do(
    snapshot: Snapshot,
) -> None:
    file = exports.study_report_file(snapshot, "eta-revenue", "text")
    assert file.name == "study_eta-revenue.txt"
    text = file.content.decode()
    assert max(map(len, text.splitlines())) <= 94
    said = squeezed(text)
    assert said.startswith("Did Arrival time change revenue per depot day?")
    assert "Increase · gain. Grade B · controlled. Registered." in said
    assert "+EUR 1,050 per treated unit and day (90 % interval +EUR 800 to" in said
    assert "REVIEW: Other launches. new price list began within 39 days" in said
    assert "Plan " + "a" * 64 in said
    assert "SYNTHETIC: of a simulated company" in said


@pytest.mark.parametrize("study", STUDIES)
def test_text_html_and_pdf_have_every_sentence_of_the_report(
    snapshot: Snapshot, study: str
) -> None:
    said = exports.read_report(snapshot, study)
    sentences = [line for section in said.sections for line in section.lines]
    assert len(said.sections) == 4
    assert all(section.lines for section in said.sections)
    files = {
        form: exports.study_report_file(snapshot, study, form).content
        for form in exports.STUDY_REPORT_FORMATS
    }
    pages = PdfReader(io.BytesIO(files["pdf"])).pages
    pdf = squeezed(" ".join(page.extract_text() for page in pages))
    text, html = squeezed(files["text"].decode()), squeezed(files["html"].decode())
    assert len(pages) == 2
    for sentence in map(squeezed, sentences):
        assert sentence in text
        assert sentence in html
        # A line of a PDF may break within a word of two parts.
        assert sentence.replace(" ", "") in pdf.replace(" ", "")
    assert all("SYNTHETIC" in page.extract_text() for page in pages)


def test_a_report_draws_what_was_observed_over_the_counterfactual(
    snapshot: Snapshot,
) -> None:
    """A line each over the days of the study, and a band of its 90 % interval."""
    study = impact_queries.study(snapshot, "eta-revenue")
    assert study is not None
    days = impact_queries.counterfactual(snapshot, study.study_id).to_pylist()
    picture = study_chart.picture_of(snapshot, study)
    assert picture is not None
    observed, expected = picture.drawing.content["lines"]
    assert [at for _, at in observed["points"]] == [day["observed"] for day in days]
    known = [day["counterfactual"] for day in days if day["counterfactual"] is not None]
    assert [at for _, at in expected["points"]] == known
    first = picture.drawing.content["mark"]
    assert days[first]["effect_date"] == study.launch_date
    html = exports.study_report_file(snapshot, "eta-revenue", "html").content.decode()
    assert f"<figcaption>{picture.caption}</figcaption>" in html
    assert html.count("<svg") == 1
    assert "<path" in html


@pytest.mark.parametrize(
    ("study", "count"), [("chat-handling", 1), ("invoice-minutes", 0)]
)
def test_an_effect_without_days_is_drawn_alone_and_a_refusal_not_at_all(
    snapshot: Snapshot, study: str, count: int
) -> None:
    html = exports.study_report_file(snapshot, study, "html").content.decode()
    assert html.count("<svg") == count


def test_a_refused_study_has_no_effect_in_any_format(snapshot: Snapshot) -> None:
    text = exports.study_report_file(
        snapshot, "invoice-minutes", "text"
    ).content.decode()
    assert "Cannot tell. 0.4 years were seen" in text
    assert "90 % interval" not in squeezed(text).split("Design")[0]


def test_the_same_run_gives_the_same_bytes(snapshot: Snapshot) -> None:
    for form in exports.STUDY_REPORT_FORMATS:
        first = exports.study_report_file(snapshot, "eta-revenue", form)
        assert exports.study_report_file(snapshot, "eta-revenue", form) == first


def test_what_a_plan_says_is_no_markup(snapshot: Snapshot) -> None:
    html = exports.study_report_file(snapshot, "eta-revenue", "html").content.decode()
    assert "<script" not in html
    assert "Errors &amp;" not in html
    assert html.count("<section>") == 4


def test_an_unknown_study_is_refused_with_those_there_are(snapshot: Snapshot) -> None:
    with pytest.raises(UsageError, match="No study 'gone' is published") as refused:
        exports.study_report_file(snapshot, "gone", "text")
    assert "camera-on-time" in refused.value.next_step


def test_the_command_prints_a_report_or_writes_it(tmp_path: Path) -> None:
    publish(tmp_path)
    printed = report(tmp_path, "camera-on-time")
    assert printed.exit_code == 0
    assert "Camera led to a decrease of on time rate." in squeezed(printed.stdout)
    written = report(
        tmp_path, "camera-on-time", "--format", "pdf", "-o", str(tmp_path / "out")
    )
    path = tmp_path / "out" / "study_camera-on-time.pdf"
    assert written.stdout.strip() == str(path)
    assert path.read_bytes().startswith(b"%PDF")
    unknown = report(tmp_path, "gone")
    assert unknown.exit_code == 2


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (3.1, 3.4, ["3.1", "3.2", "3.3", "3.4"]),
        (0.031, 0.0345, ["0.031", "0.032", "0.033", "0.034"]),
        (1_234_000.0, 1_236_000.0, ["1.234M", "1.235M", "1.236M"]),
        (-0.2, 0.41, ["−0.2", "0", "0.2", "0.4"]),
    ],
)
def test_each_tick_of_an_axis_has_a_label_of_its_own(
    low: float, high: float, labels: list[str]
) -> None:
    asked = (
        study_chart.DRAWINGS.read_text("utf-8")
        + f"#let step = nice-step({high} - ({low}), 4)\n"
        f"#metadata(ticks-between({low}, {high}, 4).map(value =>"
        " short-number(value, step))) <labels>"
    )
    found = json.loads(typst.query(asked.encode(), "<labels>", field="value"))[0]
    assert [label for label in found if label in labels] == labels
    assert len(set(found)) == len(found)
