"""Acts on a difference between invoice and bill: propose to accept it, approve that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from triptych.acts.deed import Deed, Draft
from triptych.acts.roles import FINANCE
from triptych.core.acts import Act, ActField
from triptych.core.signatures import signing
from triptych.month.accepting import (
    OpenDocument,
    Terms,
    approve_acceptance,
    check_threshold,
    decided_acceptance,
    open_document,
    open_documents,
    propose_acceptance,
    read_terms,
)

if TYPE_CHECKING:
    from triptych.acts.deed import Filling, Site

_PERIOD: Final = ActField("period", "Month", help="Such as 2026-09.")
_DOCUMENT: Final = ActField("document", "Document", help="Its number.")


def _document(site: Site, filling: Filling) -> OpenDocument:
    period, named = filling.text("period"), filling.text("document")
    return open_document(site.workspace, site.settings, period, named)


def _open_names(site: Site) -> tuple[str, ...]:
    return tuple(document.name for document in open_documents(site.workspace))


def _entry(document: OpenDocument, terms: Terms) -> dict[str, object]:
    return {
        "month": document.billing_month,
        "document": document.name,
        "open": f"{document.open_amount:,.2f}",
        "accepted up to": f"{terms.up_to:,.2f}",
        "reason": terms.reason,
    }


def _terms(filling: Filling) -> Terms:
    return read_terms(filling.text("up_to"), filling.text("because"))


def _draft_propose(site: Site, filling: Filling) -> Draft:
    document, terms = _document(site, filling), _terms(filling)
    check_threshold(document, terms)
    return Draft(
        says=f"{site.name} proposes to accept what is open of {document.name}:"
        f" {document.open_amount:,.2f}.",
        did=f"{site.name} proposed to accept what is open of {document.name}.",
        effect="A second person accepts it. No figure changes.",
        entry=_entry(document, terms),
    )


def _propose(site: Site, filling: Filling) -> None:
    propose_acceptance(
        *(site.workspace, site.settings),
        period=filling.text("period"),
        named=filling.text("document"),
        terms=_terms(filling),
    )


def _draft_approve(site: Site, filling: Filling) -> Draft:
    document = _document(site, filling)
    with signing(site.actor.signature):
        people, terms = decided_acceptance(site.workspace, document)
    return Draft(
        says=f"What is open of {document.name} is accepted: proposed by {people[0]},"
        f" approved by {people[1]}.",
        did=f"What is open of {document.name} is accepted.",
        effect="It stays listed as accepted. More than the threshold is open again.",
        entry=_entry(document, terms),
    )


def _approve(site: Site, filling: Filling) -> None:
    approve_acceptance(
        *(site.workspace, site.settings),
        period=filling.text("period"),
        named=filling.text("document"),
        progress=site.progress,
    )


DEEDS: Final = (
    Deed(
        Act(
            "propose_accept",
            "Propose to accept a difference",
            (
                *(_PERIOD, _DOCUMENT),
                ActField("up_to", "Up to", "number", help="In its currency."),
                ActField("because", "Why", "prose"),
            ),
            FINANCE,
        ),
        _draft_propose,
        _propose,
        choices={"document": _open_names},
    ),
    Deed(
        Act(
            *("approve_accept", "Approve and accept a difference"),
            (_PERIOD, _DOCUMENT),
            FINANCE,
            publishes=True,
        ),
        _draft_approve,
        _approve,
    ),
)
