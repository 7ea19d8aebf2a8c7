"""Register of commitments and credit grants, with their use.

A single entry of each kind: a savings plan that is left mostly unused, a grant of which
a part expired, prepaid usage that will not be used up, and a grant that nobody ever
claimed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ingest.sample_company import spending
from ingest.sample_company.events import COMMITMENT_ID
from ingest.sample_company.formats.tables import write_csv
from ingest.sample_company.money import UNITS, to_decimal
from ingest.sample_company.timeline import add_months

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from ingest.sample_company.charges import Source
    from ingest.sample_company.ledger import Ledger
    from ingest.sample_company.timeline import Timeline

#: Words that the bill's credits of the grant begin with.
_ACTIVATION: Final = "Activation credit"
_PREPAID_DOLLARS: Final = 20_000
_ACTIVATION_DOLLARS: Final = 5_000
_UNCLAIMED_DOLLARS: Final = 2_500
_MONTHS_AFTER_THE_LAST: Final = {"prepaid": 3, "unclaimed": 2}


@dataclass(frozen=True, slots=True)
class Commitment:
    """Line of the register; ``ends_on`` is the day on which it has ended."""

    id: str
    name: str
    type: str
    source: Source
    currency: str
    granted: int
    starts_on: date
    ends_on: date
    credit_description: str = ""


def plan_commitments(timeline: Timeline) -> tuple[Commitment, ...]:
    """Return the company's commitments and grants."""
    months = timeline.months
    term = timeline.commitment_indexes
    plan_starts = months[term.start].first_day
    hybrid = timeline.first_of("hybrid").first_day
    last = months[-1].first_day
    return (
        Commitment(
            id=COMMITMENT_ID,
            name="GPU savings plan",
            type="savings_plan",
            source="aws",
            currency="EUR",
            granted=round(spending.COMMITMENT_FEE) * len(term) * UNITS,
            starts_on=plan_starts,
            ends_on=add_months(plan_starts, len(term)),
        ),
        Commitment(
            id="activation-credit",
            name=_ACTIVATION,
            type="credit_grant",
            source="aws",
            currency="USD",
            granted=_ACTIVATION_DOLLARS * UNITS,
            starts_on=timeline.first_day,
            ends_on=months[timeline.euro_index].first_day,
            credit_description=_ACTIVATION,
        ),
        Commitment(
            id="prepaid-openai",
            name="Prepaid model API",
            type="prepaid",
            source="openai",
            currency="USD",
            granted=_PREPAID_DOLLARS * UNITS,
            starts_on=hybrid,
            ends_on=add_months(last, 1 + _MONTHS_AFTER_THE_LAST["prepaid"]),
        ),
        Commitment(
            id="start-up-credit",
            name="Start-up credit",
            type="credit_grant",
            source="anthropic",
            currency="USD",
            granted=_UNCLAIMED_DOLLARS * UNITS,
            starts_on=months[-3].first_day,
            ends_on=add_months(last, 1 + _MONTHS_AFTER_THE_LAST["unclaimed"]),
            credit_description="Start-up credit",
        ),
    )


def write_commitments(path: Path, timeline: Timeline) -> int:
    """Write the register, including an unreadable line; return its rows."""
    header = (
        "commitment_id", "commitment_name", "commitment_type", "bill_source",
        "starts_at", "ends_at", "granted_amount", "currency", "credit_description",
    )  # fmt: skip
    rows = [
        [
            commitment.id,
            commitment.name,
            commitment.type,
            commitment.source,
            commitment.starts_on,
            commitment.ends_on,
            to_decimal(commitment.granted),
            commitment.currency,
            commitment.credit_description,
        ]
        for commitment in plan_commitments(timeline)
    ]
    hostile = ["office-lease", "Office", "lease", *rows[0][3:]]
    write_csv(path, header, [*rows, hostile])
    return len(rows)


def burnt_down(ledger: Ledger, timeline: Timeline) -> dict[str, dict[str, Any]]:
    """Return the granted, used, lapsed and remaining amounts at the end.

    From the charges drawn for the bills: nothing of the register's file is read.
    """
    return {
        commitment.id: _burnt_down(commitment, ledger, timeline)
        for commitment in plan_commitments(timeline)
    }


def _burnt_down(
    commitment: Commitment, ledger: Ledger, timeline: Timeline
) -> dict[str, Any]:
    months = [
        month.label
        for month in timeline.months
        if commitment.starts_on <= month.first_day < commitment.ends_on
    ]
    lapsed = 0
    if commitment.type == "savings_plan":
        unused = (
            ledger.components.get(("aws", month, "EUR", "unused_commitment"))
            for month in months
        )
        lapsed = sum(total.effective for total in unused if total)
        used = commitment.granted - lapsed
    elif commitment.type == "prepaid":
        totals = (
            ledger.totals.get((commitment.source, m, commitment.currency))
            for m in months
        )
        used = sum(total.billed for total in totals if total)
    else:
        granted_credits = (
            ledger.components.get(
                (commitment.source, month, commitment.currency, "credit")
            )
            for month in months
        )
        used = -sum(total.billed for total in granted_credits if total)
    if commitment.ends_on <= timeline.end:
        lapsed = commitment.granted - used
    return {
        "granted": to_decimal(commitment.granted),
        "used": to_decimal(used),
        "lapsed": to_decimal(lapsed),
        "remaining": to_decimal(commitment.granted - used - lapsed),
        "days_to_expiry": max(0, (commitment.ends_on - timeline.end).days),
    }
