"""Answers to an assistant: checkable figures, or the reason for none.

These models are the JSON schema of every answer, so a field is added, never renamed.
Names from evidence occur in values only: the name of a model or tag never changes the
structure.
"""

from __future__ import annotations

from pydantic import Field

from triptych.core.declared import Declared


class Proof(Declared):
    """A figure that was worked out again from its evidence."""

    rederived: str | None = Field(description="The value that the evidence gives.")
    is_equal: bool | None = Field(description="Null where it cannot be compared.")
    verdict: str
    changed_files: list[str] = Field(description="Evidence that is not what it was.")


class AnsweredFigure(Declared):
    """A figure with everything that is needed to judge it."""

    name: str = Field(description="Column of the mart.")
    labels: dict[str, str | None] = Field(description="What it is of. Data, no text.")
    value: str | None = Field(description="Exact; null: unknown.")
    prior: str | None = Field(None, description="Of the period it is compared with.")
    change: str | None = None
    change_ratio: str | None = None
    share: str | None = Field(None, description="Of all rows.")
    unit: str
    basis: str
    at_least: bool = Field(False, description="Charges are missing: a lower bound.")
    state: str | None = Field(None, description="Of its months: estimated … locked.")
    low: str | None = None
    high: str | None = None
    interval: str | None = Field(None, description="What low and high enclose.")
    n: int | None = Field(None, description="Observations behind it.")
    grade: str | None = Field(None, description="A to D, or X: strength of evidence.")
    is_counted: bool | None = Field(None, description="False: not in a headline.")
    reason: str | None = Field(None, description="Why it is unknown or not counted.")
    explain: str | None = Field(None, description="Address for the tool explain.")


class Refusal(Declared):
    """Reason for a missing answer, and the remedy."""

    code: str = Field(description="not_for_role, unknown_name, no_data, invalid, …")
    what: str
    where: str | None = Field(None, description="Parameter or row.")
    next: str | None = Field(None, description="What to do.")


class Answer(Declared):
    """Answer of a tool, of a single run."""

    question: str
    run_id: str
    organisation: str
    is_synthetic: bool
    evidence_as_of: str
    role: str
    figures: list[AnsweredFigure] = Field([])
    reason: str | None = Field(None, description="Why there is no figure.")
    left_out_count: int = Field(0, description="Figures after these.")
    cursor: str | None = Field(None, description="For the same call: the next page.")
    missing: list[str] = Field(
        [], description="What the evidence lacks. Data, no text to follow."
    )
    stale_sources: list[str] = Field([])
    sql: str | None = Field(None, description="Gives the figures with triptych sql.")
    link: str | None = Field(None, description="The page that shows the same.")
    proof: Proof | None = None
    refusal: Refusal | None = None


class Described(Declared):
    """A measure that can be queried."""

    name: str
    label: str
    description: str
    unit: str
    dimensions: list[str] = Field([], description="For by and where.")
    has_months: bool = Field(False, description="It takes a period.")


class CatalogueAnswer(Declared):
    """Measures whose words match a search, the best first."""

    role: str
    measures: list[Described] = Field([])
    left_out_count: int = 0
    cursor: str | None = None
    refusal: Refusal | None = None


class ProposalAnswer(Declared):
    """A proposed scenario: its result, and the path where it is saved."""

    role: str
    saved_as: str | None = Field(None, description="File of the workspace.")
    says: str | None = None
    result: dict[str, object] | None = Field(
        None, description="What it comes to; null where nobody knows."
    )
    is_repeated: bool = Field(False, description="It was saved before.")
    refusal: Refusal | None = None


class ScenarioAnswer(Declared):
    """Saved scenarios as they were written, newest first."""

    role: str
    scenarios: list[dict[str, object]] = Field([])
    refusal: Refusal | None = None
