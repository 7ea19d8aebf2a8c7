"""Accepts a difference between invoice and bill, by two people, up to a threshold.

An acceptance is an entry of the audit log. It holds while the open amount of the
document is at most the threshold; the document stays listed as accepted, with both
names. A later acceptance of the same document takes its place.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from triptych.core.errors import UsageError
from triptych.core.lock import hold_run_lock
from triptych.core.signatories import check_month, two_people
from triptych.core.warehouse.locks import read_history, record_acceptance
from triptych.core.warehouse.reader import PublishedReader
from triptych.month.proposing import (
    approved_by_second,
    proposal_of,
    record_proposal,
)
from triptych.run.pipeline import Run, refuse_if_outdated

if TYPE_CHECKING:
    from triptych.core.lake.audit_log import AuditEntry
    from triptych.core.progress import Progress
    from triptych.core.settings import Settings
    from triptych.core.workspace import Workspace

_ACCEPT = "accept a difference"
_OPEN = """
    SELECT billing_month, invoice_issuer_name, coalesce(invoice_id, '') AS invoice_id,
        currency, open_amount, state
    FROM cost.mart_open_items
    WHERE coalesce(billing_month = $month, true) AND kind = 'document'
        AND NOT is_settled
    ORDER BY ALL
"""


@dataclass(frozen=True, slots=True)
class OpenDocument:
    """A document of a month that does not tie, and its open amount.

    ``invoice_id`` is empty where no invoice was entered. ``open_amount`` is in
    ``currency``.
    """

    billing_month: str
    invoice_issuer_name: str
    invoice_id: str
    currency: str
    open_amount: Decimal
    state: str

    @property
    def name(self) -> str:
        """Issuer, number and currency, by which an acceptance is known."""
        number = self.invoice_id or "no number"
        return f"{self.invoice_issuer_name} {number} ({self.currency})"

    def digest(self, terms: Terms) -> str:
        """Return the SHA-256 of the acceptance: document, amount and terms."""
        content = [
            *(self.billing_month, self.name, f"{self.open_amount:f}"),
            *(f"{terms.up_to:f}", terms.reason),
        ]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Terms:
    """Accepted difference, in the document's currency, and its reason."""

    up_to: Decimal
    reason: str

    def written(self) -> dict[str, str]:
        """Return the terms as the audit log keeps them."""
        return {"threshold_amount": f"{self.up_to:f}", "reason": self.reason}


def read_terms(up_to: str | None, reason: str | None) -> Terms:
    """Return the terms of an acceptance.

    Raises
    ------
    UsageError
        A value is missing, or the threshold is no amount.
    """
    if not up_to or not (reason or "").strip():
        raise UsageError(
            "A difference is only accepted with a threshold and a reason.",
            next_step='Give --up-to and --reason, such as --up-to 20 --reason "WHY".',
        )
    try:
        amount = Decimal(up_to)
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount < 0:
        raise UsageError(
            f"{up_to!r} is no threshold.", next_step="Write it as 20 or 17.50."
        )
    return Terms(amount, str(reason).strip())


def open_documents(
    workspace: Workspace, period: str | None = None
) -> tuple[OpenDocument, ...]:
    """Return the documents that do not tie, of a month or of all of them."""
    snapshot = PublishedReader(workspace.root).snapshot()
    rows = snapshot.query(_OPEN, {"month": period}).to_pylist()
    return tuple(OpenDocument(**row) for row in rows)


def open_document(
    workspace: Workspace, settings: Settings, period: str, named: str
) -> OpenDocument:
    """Return the open document with a number, or with an issuer and no number.

    Raises
    ------
    UsageError
        There is none or there are several, or the published run is out of date.
    """
    check_month(period)
    documents = open_documents(workspace, period)
    snapshot = PublishedReader(workspace.root).snapshot()
    refuse_if_outdated(workspace, settings, read_history(workspace), snapshot)
    given = named.strip()
    documents_named = [d for d in documents if given in {d.name, d.invoice_id}]
    documents_named = documents_named or [
        d for d in documents if given == d.invoice_issuer_name
    ]
    if len(documents_named) == 1:
        return documents_named[0]
    listed = ", ".join(d.name for d in documents_named or documents) or "none"
    how_many = (
        "Several open documents are" if documents_named else "No open document is"
    )
    raise UsageError(
        f"{how_many} {named!r} in {period}.",
        where="--accept",
        next_step=f"Open documents: {listed}.",
    )


def check_threshold(document: OpenDocument, terms: Terms) -> None:
    """Refuse a threshold under the open amount.

    Raises
    ------
    UsageError
        More is open than the threshold.
    """
    if abs(document.open_amount) > terms.up_to:
        raise UsageError(
            f"{document.currency} {document.open_amount:,.2f} of {document.name} is"
            f" open, which is more than {terms.up_to:,.2f}.",
            where="--up-to",
            next_step="Give at least what is open.",
        )


def propose_acceptance(
    workspace: Workspace, settings: Settings, *, period: str, named: str, terms: Terms
) -> OpenDocument:
    """Propose to accept a document's open amount, as the current signer.

    Raises
    ------
    UsageError, RunLockedError
        As for :func:`open_document` and :func:`check_threshold`.
    """
    with hold_run_lock(workspace.lock_file):
        document = open_document(workspace, settings, period, named)
        check_threshold(document, terms)
        record_proposal(
            *(workspace, "accept", period),
            content_hash=document.digest(terms),
            reason=terms.reason,
            document=document.name,
            terms=terms.written(),
        )
    return document


def approve_acceptance(
    workspace: Workspace,
    settings: Settings,
    *,
    period: str,
    named: str,
    progress: Progress,
) -> OpenDocument:
    """Accept another person's proposal as the current signer, and publish.

    Raises
    ------
    UsageError
        Nobody proposed it, the same person did, or the amount is another by now.
    RunLockedError
        A run is under way.
    """
    with hold_run_lock(workspace.lock_file):
        document = open_document(workspace, settings, period, named)
        people, terms = decided_acceptance(workspace, document)
        _record(workspace, settings, document, people, terms, progress)
    return document


def accept(
    workspace: Workspace,
    settings: Settings,
    people: tuple[str, str],
    *,
    period: str,
    named: str,
    terms: Terms,
    progress: Progress,
) -> OpenDocument:
    """Accept a document's open amount, by two named people, and publish.

    Raises
    ------
    UsageError, RunLockedError
        As for :func:`propose_acceptance`; or both names are those of the same person.
    """
    both = two_people(*people, _ACCEPT)
    with hold_run_lock(workspace.lock_file):
        document = open_document(workspace, settings, period, named)
        check_threshold(document, terms)
        _record(workspace, settings, document, both, terms, progress)
    return document


def decided_acceptance(
    workspace: Workspace, document: OpenDocument
) -> tuple[tuple[str, str], Terms]:
    """Return who proposed to accept a document and who approves it now, and the terms.

    Raises
    ------
    UsageError
        As for :func:`approve_acceptance`.
    """
    period = document.billing_month
    proposal = proposal_of(workspace, "accept", period, document.name)
    if proposal is None:
        raise UsageError(
            f"Nobody has proposed to accept {document.name} of {period}.",
            next_step="Propose it first; then somebody else approves.",
        )
    written = proposal.terms
    terms = Terms(Decimal(written["threshold_amount"]), written["reason"])
    return approved_by_second(proposal, document.digest(terms)), terms


def _record(
    workspace: Workspace,
    settings: Settings,
    document: OpenDocument,
    people: tuple[str, str],
    terms: Terms,
    progress: Progress,
) -> AuditEntry:
    """Record an acceptance and publish; the run lock is held."""
    run = Run(workspace, settings, progress)
    with run.recorded(f"accepting {document.name} of {document.billing_month}"):
        entry = record_acceptance(workspace, _detail(document, people, terms))
    run.build()
    return entry


def _detail(
    document: OpenDocument, people: tuple[str, str], terms: Terms
) -> dict[str, Any]:
    return {
        "billing_month": document.billing_month,
        "document": document.name,
        "invoice_issuer_name": document.invoice_issuer_name,
        "invoice_id": document.invoice_id,
        "currency": document.currency,
        "open_amount": f"{document.open_amount:f}",
        **terms.written(),
        "actor": people[0],
        "approver": people[1],
        "lock_id": None,
        "content_hash": None,
    }
