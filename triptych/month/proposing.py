"""Proposals for a month that another person approves, such as a close.

A proposal is an entry of the audit log, signed by its proposer, and bound to the
figures that they saw: an approver approves these figures. It is open until the month is
closed, booked or opened again, or somebody makes a new proposal. An acceptance of a
difference is proposed for a single document: each document of a month has a separate
proposal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from triptych.core.errors import UsageError
from triptych.core.lake import audit_log, lake_log
from triptych.core.signatories import check_month
from triptych.core.signatures import (
    SIGNED,
    current_signature,
    of_operating_system,
    require_second_person,
)
from triptych.core.warehouse.inspection import read_audit_rows
from triptych.core.warehouse.locks import (
    ACCRUED,
    CLOSED,
    DIFFERENCE_ACCEPTED,
    REOPENED,
    record_all,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from triptych.core.lake.audit_log import AuditEntry
    from triptych.core.workspace import Workspace

Step = Literal["close", "accrue", "reopen", "accept"]
PROPOSED = "sign_off_proposed"
#: Events that end every open proposal of a month.
_ENDING = frozenset({CLOSED, REOPENED, ACCRUED})
_ACTS = {
    "close": "close a month",
    "accrue": "book an accrual",
    "reopen": "open a month again",
    "accept": "accept a difference",
}


@dataclass(frozen=True, slots=True)
class Proposal:
    """An open proposal: its step, month, proposer and figures.

    ``proposed_at`` is UTC, without zone. ``document`` is the document with the
    difference to accept, and ``terms`` are those of the acceptance.
    """

    step: Step
    billing_month: str
    proposed_by: str
    signature: Mapping[str, str]
    reason: str | None
    content_hash: str
    proposed_at: datetime
    entry_hash: str
    document: str = ""
    terms: Mapping[str, str] = field(default_factory=dict)


def record_proposal(
    workspace: Workspace,
    step: Step,
    period: str,
    *,
    content_hash: str,
    reason: str | None,
    document: str = "",
    terms: Mapping[str, str] | None = None,
) -> AuditEntry:
    """Propose a step for a month, as the current signer.

    Parameters
    ----------
    workspace : Workspace
        Workspace of the month.
    step : {'close', 'accrue', 'reopen', 'accept'}
        Proposed step.
    period : str
        The billing month, ``YYYY-MM``.
    content_hash : str
        Of the figures that it is proposed for.
    reason : str, optional
        A remark that the audit log keeps.
    document, terms
        The document with the difference to accept, and the terms.
    """
    check_month(period)
    signature = current_signature() or of_operating_system()
    detail = {
        "step": step,
        "billing_month": period,
        "actor": signature.name,
        "reason": reason,
        "content_hash": content_hash,
        **({"document": document, "terms": dict(terms or {})} if document else {}),
        SIGNED: signature.record(),
    }
    return record_all(workspace, [(PROPOSED, detail)])[0]


def pending(workspace: Workspace) -> tuple[Proposal, ...]:
    """Return the open proposals, oldest first, as the catalogue's log has them."""
    return _still_open(audit_log.entries_of(read_audit_rows(workspace.raw_database)))


def pending_in_lake(workspace: Workspace) -> tuple[Proposal, ...]:
    """Return the same from the lake's copy of the log, which no run keeps busy."""
    return _still_open(audit_log.entries_of(lake_log.read_log(workspace.lake)))


def _still_open(entries: Iterable[AuditEntry]) -> tuple[Proposal, ...]:
    proposals: dict[tuple[str, str, str], Proposal] = {}
    for entry in entries:
        month = str(entry.detail.get("billing_month"))
        document = str(entry.detail.get("document", ""))
        if entry.event in _ENDING:
            for key in [key for key in proposals if key[1] == month]:
                del proposals[key]
        elif entry.event == DIFFERENCE_ACCEPTED:
            proposals.pop(("accept", month, document), None)
        elif entry.event == PROPOSED:
            proposals[entry.detail["step"], month, document] = _proposal(entry)
    return tuple(proposals.values())


def proposal_of(
    workspace: Workspace, step: Step, period: str, document: str = ""
) -> Proposal | None:
    """Return the open proposal of a step for a month, or for a document of it."""
    mine = (each for each in pending(workspace) if each.step == step)
    key = (period, document)
    return next((p for p in mine if (p.billing_month, p.document) == key), None)


def approved_by_second(proposal: Proposal, content_hash: str) -> tuple[str, str]:
    """Return who proposed and who approves now: two people, of the same figures.

    Raises
    ------
    UsageError
        They are the same person, or the figures have changed by now.
    """
    signature = current_signature() or of_operating_system()
    require_second_person(proposal.signature, signature, _ACTS[proposal.step])
    if content_hash != proposal.content_hash:
        raise UsageError(
            f"The figures of {proposal.billing_month} are not those that"
            f" {proposal.proposed_by} proposed.",
            next_step="Look at them, and propose it anew.",
        )
    return proposal.proposed_by, signature.name


def _proposal(entry: AuditEntry) -> Proposal:
    detail: Mapping[str, Any] = entry.detail
    return Proposal(
        step=detail["step"],
        billing_month=detail["billing_month"],
        proposed_by=detail["actor"],
        signature=detail[SIGNED],
        reason=detail["reason"],
        content_hash=detail["content_hash"],
        proposed_at=entry.occurred_at,
        entry_hash=entry.entry_hash,
        document=detail.get("document", ""),
        terms=detail.get("terms", {}),
    )
