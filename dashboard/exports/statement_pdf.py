"""A statement as PDF: A4 pages that somebody signs."""

from __future__ import annotations

import json
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typst

from dashboard.shared import format as fmt

if TYPE_CHECKING:
    from dashboard.exports.statements import Line, Section, Statement

_TEMPLATE = Path(__file__).with_name("statement.typ")


def render_pdf(statement: Statement) -> bytes:
    """Return the statement as PDF.

    Only the fonts that come with typst are used and the moment is the run's, so the
    same statement gives the same bytes on every machine.
    """
    return typst.compile(
        _TEMPLATE.read_bytes(),
        ignore_system_fonts=True,
        sys_inputs={"statement": json.dumps(_said(statement), ensure_ascii=False)},
        timestamp=statement.provenance.dated.replace(tzinfo=UTC),
        format="pdf",
    )


def _said(statement: Statement) -> dict[str, Any]:
    facts = statement.provenance
    return {
        "title": statement.title,
        "organisation": facts.organisation,
        "month": fmt.month(facts.billing_month),
        "basis": facts.basis,
        "owners": statement.owners,
        "state": facts.state.partition(",")[0],
        "coverage": facts.coverage,
        "as_of": fmt.moment(facts.evidence_as_of),
        "run": facts.run_id,
        "mark": facts.mark,
        "lacks": facts.gap.note(is_material=statement.is_material),
        "sections": [
            _section(section, statement.total_label) for section in statement.sections
        ],
        "tie": [
            {"name": name, "amount": amount}
            for name, amount in statement.tie_facts(fmt.money)
        ],
        "notes": _notes(statement),
        "signatures": _signatures(statement),
    }


def _section(section: Section, total_label: str) -> dict[str, Any]:
    return {
        "currency": section.currency,
        "total_label": total_label,
        "total": fmt.money(section.stated_total, section.currency),
        "rounding": _amount(section.rounding, section),
        "components": [
            {"name": component.replace("_", " "), "amount": _amount(amount, section)}
            for component, amount in section.components
        ],
        "teams": [
            {
                "name": _team_name(team, section),
                "amount": _amount(amount, section),
                "lines": [
                    _line(line, section)
                    for line in section.lines
                    if line.team_id == team
                ],
            }
            for team, amount in section.teams
        ],
    }


def _line(line: Line, section: Section) -> dict[str, str]:
    return {
        "model": line.model or fmt.UNKNOWN,
        "component": line.part + (" (estimated)" if line.is_estimated else ""),
        "platform": line.platform or fmt.UNKNOWN,
        "amount": _amount(line.stated_amount, section),
    }


def _team_name(team: str | None, section: Section) -> str:
    names = (line.team for line in section.lines if line.team_id == team)
    return next(names, None) or "No team"


def _amount(amount: Any, section: Section) -> str:  # noqa: ANN401
    return fmt.money(amount, section.currency).replace(f"{section.currency}\u00a0", "")


def _notes(statement: Statement) -> str:
    facts = statement.provenance
    said = [
        "Amounts are rounded to the minor unit; CSV and workbook have every digit.",
        *(f"{name}: {text}." for name, text in facts.facts_of_evidence),
    ]
    return " ".join(said)


def _signatures(statement: Statement) -> list[dict[str, str]]:
    signed = statement.provenance.signed_by
    if signed:
        return [{"name": name, "role": role} for role, name in signed]
    return [
        {"name": "", "role": "Prepared by, date"},
        {"name": "", "role": "Approved by, date"},
    ]
