"""A study in words as a file: text, HTML or PDF, with the sentences of the page."""

from __future__ import annotations

import json
import textwrap
from datetime import UTC
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import typst

from dashboard.exports import study_chart
from dashboard.exports.named_file import NamedFile
from dashboard.exports.provenance import SYNTHETIC, whole_second
from dashboard.pages.impact import queries as impact_queries
from dashboard.pages.impact.report import report_of
from dashboard.shared import format as fmt
from dashboard.shared import selection_queries
from triptych.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dashboard.exports.board_pack.parts import Picture
    from dashboard.pages.impact.report import CheckLine, StudyReport
    from triptych.core.warehouse.reader import Snapshot

StudyReportFormat = Literal["text", "html", "pdf"]
STUDY_REPORT_FORMATS: tuple[StudyReportFormat, ...] = get_args(StudyReportFormat)
_ENDINGS = {"text": "txt", "html": "html", "pdf": "pdf"}
_TEMPLATE = Path(__file__).with_name("study_report.typ")
#: Of a line: a name, and a hash beside it.
_WIDTH = 94
_NAME_WIDTH = 30
_STYLE = """
body {font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto;
  padding: 0 1rem; color: #1c2430; background: #fff}
h1 {font-size: 1.6rem; line-height: 1.25} h2 {font-size: 1.1rem; margin-top: 1.6rem}
.badge {border: 1px solid #9a9ea6; border-radius: .4rem; padding: .1rem .5rem;
  margin-right: .4rem} .mark {color: #6d28d9; font-weight: 700}
table {border-collapse: collapse; width: 100%} caption {text-align: left}
td, th {text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0;
  border-bottom: 1px solid #d9dce1} footer {color: #5c6470; font-size: .9rem}
code {overflow-wrap: anywhere} figure {margin: 1rem 0} figure svg {width: 100%}
figcaption {color: #5c6470; font-size: .9rem}
"""


def study_report_name(study_id: str, form: str) -> str:
    """Return the name of a report's file."""
    return f"study_{study_id}.{_ENDINGS[form]}"


def study_report_file(snapshot: Snapshot, study_id: str, form: str) -> NamedFile:
    """Return the report of a published study as a file.

    Parameters
    ----------
    snapshot : Snapshot
        The published run.
    study_id : str
        The study.
    form : {'text', 'html', 'pdf'}
        Format of the file.

    Raises
    ------
    UsageError
        No such study is published; the message names those that are.
    """
    report = read_report(snapshot, study_id)
    render: dict[str, Callable[[StudyReport, Snapshot], bytes]] = {
        "text": _text,
        "html": _html,
        "pdf": _pdf,
    }
    return NamedFile(study_report_name(study_id, form), render[form](report, snapshot))


def read_report(snapshot: Snapshot, study_id: str) -> StudyReport:
    """Return a published study in words.

    Raises
    ------
    UsageError
        No such study is published.
    """
    study = impact_queries.study(snapshot, study_id)
    if study is None:
        known = ", ".join(impact_queries.study_ids(snapshot))
        raise UsageError(
            f"No study {study_id!r} is published.",
            where="triptych study report",
            next_step=f"There are: {known}."
            if known
            else 'Register one with "triptych study register", then "triptych run".',
        )
    return report_of(study, impact_queries.study_checks(snapshot, study_id))


def render_text(report: StudyReport, header: Iterable[tuple[str, str]]) -> str:
    """Return a report as plain text, with lines that fit a terminal or an e-mail."""
    lines = [report.question, "=" * len(report.question), ""]
    lines += [
        f"{report.finding}. Grade {report.grade}. {report.state.capitalize()}.",
        "",
    ]
    for section in report.sections:
        lines += [section.heading, "-" * len(section.heading)]
        lines += [_wrapped(line, "- ") for line in section.lines]
        lines.append("")
    lines += ["Design", "------"]
    lines += [_named(name, text) for name, text in report.design]
    lines += ["", "Checks", "------", _wrapped(report.checks_summary, "")]
    lines += [_wrapped(_check_text(check), "- ") for check in report.checks]
    lines += ["", "To make it again", "----------------"]
    lines += [_named(name, text) for name, text in (*report.facts, *header)]
    return "\n".join(lines).replace("\u00a0", " ") + "\n"


def _wrapped(text: str, bullet: str) -> str:
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=bullet,
        subsequent_indent=" " * len(bullet),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _named(name: str, text: str) -> str:
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=f"{name:<{_NAME_WIDTH}}",
        subsequent_indent=" " * _NAME_WIDTH,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _check_text(check: CheckLine) -> str:
    return f"{check.status}: {check.title}. {check.found} {check.recommendation}"


def _text(report: StudyReport, snapshot: Snapshot) -> bytes:
    return render_text(report, _provenance(snapshot)).encode()


def _html(report: StudyReport, snapshot: Snapshot) -> bytes:
    facts = _provenance(snapshot)
    is_synthetic = selection_queries.run(snapshot).is_synthetic
    mark = (
        f'<p class="mark">{SYNTHETIC}: of a simulated company</p>'
        if is_synthetic
        else ""
    )
    first, *others = [
        f"<section><h2>{escape(section.heading)}</h2><ul>"
        + "".join(f"<li>{escape(line)}</li>" for line in section.lines)
        + "</ul></section>"
        for section in report.sections
    ]
    sections = "".join((first, _html_picture(report, snapshot), *others))
    badges = "".join(
        f'<span class="badge">{escape(text)}</span>'
        for text in (report.grade, report.finding, report.state.capitalize())
    )
    checks = [
        (check.status, check.title, f"{check.found} {check.recommendation}")
        for check in report.checks
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(report.question)}</title><style>{_STYLE}</style></head><body>"
        f"{mark}<h1>{escape(report.question)}</h1><p>{badges}</p>{sections}"
        f"<h2>Design</h2>{_html_table('What was declared', report.design)}"
        f"<h2>Checks</h2><p>{escape(report.checks_summary)}</p>"
        f"{_html_table('Each check', checks)}"
        f"<footer><h2>To make it again</h2>"
        f"{_html_table('Hashes are SHA-256', (*report.facts, *facts))}"
        "</footer></body></html>\n"
    ).encode()


def _html_picture(report: StudyReport, snapshot: Snapshot) -> str:
    picture = _picture(report, snapshot)
    if picture is None:
        return ""
    caption = escape(picture.caption)
    return (
        f'<figure role="img" aria-label="{caption}">{study_chart.svg_of(picture)}'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _picture(report: StudyReport, snapshot: Snapshot) -> Picture | None:
    study = impact_queries.study(snapshot, report.study_id)
    return None if study is None else study_chart.picture_of(snapshot, study)


def _html_table(caption: str, rows: Iterable[tuple[str, ...]]) -> str:
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>'
        + "".join(f"<td>{escape(text)}</td>" for text in rest)
        + "</tr>"
        for first, *rest in rows
    )
    return f"<table><caption>{escape(caption)}</caption><tbody>{body}</tbody></table>"


def _pdf(report: StudyReport, snapshot: Snapshot) -> bytes:
    """Return the report as A4 pages; the same run gives the same bytes everywhere."""
    run = selection_queries.run(snapshot)
    picture = _picture(report, snapshot)
    said = {
        "question": report.question,
        "finding": report.finding,
        "grade": report.grade,
        "state": report.state.capitalize(),
        "organisation": run.organisation,
        "as_of": fmt.moment(run.evidence_as_of),
        "run": run.run_id,
        "mark": SYNTHETIC if run.is_synthetic else "",
        "sections": [
            {"heading": section.heading, "lines": section.lines}
            for section in report.sections
        ],
        "picture": None if picture is None else study_chart.said(picture),
        "design": report.design,
        "checks_summary": report.checks_summary,
        "checks": [
            (check.status, check.title, f"{check.found} {check.recommendation}")
            for check in report.checks
        ],
        "facts": report.facts,
    }
    return typst.compile(
        study_chart.DRAWINGS.read_bytes() + _TEMPLATE.read_bytes(),
        ignore_system_fonts=True,
        sys_inputs={"report": json.dumps(said, ensure_ascii=False)},
        timestamp=whole_second(run.started_at).replace(tzinfo=UTC),
        format="pdf",
    )


def _provenance(snapshot: Snapshot) -> list[tuple[str, str]]:
    run = selection_queries.run(snapshot)
    marked = [("Simulated", f"{SYNTHETIC}: of a simulated company")]
    return [
        *(marked if run.is_synthetic else []),
        ("Organisation", run.organisation),
        ("Run", f"{run.run_id}, triptych {run.triptych_version}"),
        ("Data as of", fmt.moment(run.evidence_as_of)),
    ]
