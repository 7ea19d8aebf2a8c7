"""Acts on a month: propose, lock, open again; as a form or a command."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.shared import acting
from dashboard.shared import format as fmt

if TYPE_CHECKING:
    from triptych.core.acts import OpenProposal

#: States of a month with final figures.
CLOSED = ("locked", "restated")
#: Acts that end with a published run.
_PUBLISHING = ("approve_close", "approve_reopen")


def next_of(months: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the first month that is open, or else the last month."""
    ordered = sorted(months, key=lambda row: str(row["billing_month"]))
    still_open = (row for row in ordered if row["state"] not in CLOSED)
    return next(still_open, ordered[-1])


def show(months: list[dict[str, Any]]) -> None:
    """Offer the next step of the first open month, or else the last closed.

    The result of an act stays until it is read: the run that it publishes has the page
    offer the act that comes next.
    """
    row = next_of(months)
    now = (_show_next(row), row["billing_month"])
    done = product(_PUBLISHING, (each["billing_month"] for each in months))
    for name, month in done:
        if (name, month) != now and acting.has_outcome(name, _form(name, month)):
            acting.offer(name, _form(name, month))


def _show_next(row: dict[str, Any]) -> str:
    """Offer the next act for a month, and return its name."""
    month = row["billing_month"]
    if row["state"] in CLOSED:
        return _show_reopening(month)
    proposal = acting.proposal("close", month)
    if proposal is not None:
        _say_proposed(proposal)
        _show_step("approve_close", month, f"triptych close --period {month} --approve")
        return "approve_close"
    commands = (
        f"triptych reconcile --period {month}\n"
        f"triptych close --period {month}\n"
        f"triptych close --period {month} --approve   # another user"
    )
    if row["state"] == "reconciled" or not acting.is_offered("propose_close"):
        _show_step("propose_close", month, commands)
        return "propose_close"
    acting.offer("upload_invoices")
    return "upload_invoices"


def _show_reopening(month: str) -> str:
    """Offer to propose to open a month again, or to approve that; return its name."""
    proposal = acting.proposal("reopen", month)
    name, command = "propose_reopen", f'triptych reopen --period {month} --reason "WHY"'
    if proposal is not None:
        _say_proposed(proposal)
        name = "approve_reopen"
        command = f"triptych reopen --period {month} --approve"
    _show_step(name, month, command)
    return name


def show_accrual(month: str) -> None:
    """Offer to propose the accruals of a month, or to book a proposal."""
    proposal = acting.proposal("accrue", month)
    if proposal is not None:
        _say_proposed(proposal)
    name = "propose_accrual" if proposal is None else "approve_accrual"
    command = f"triptych accrue --period {month}"
    _show_step(name, month, command if proposal is None else f"{command} --approve")


def _say_proposed(proposal: OpenProposal) -> None:
    who, when = fmt.markdown(proposal.proposed_by), fmt.moment(proposal.at)
    st.markdown(f"**{who}** proposed it on {when}. A second person approves.")


def _show_step(name: str, month: str, command: str) -> None:
    if acting.is_offered(name):
        acting.offer(name, _form(name, month))
        return
    st.markdown("**Two different people** decide, each as a user of the machine:")
    st.code(command, language=None, wrap_lines=True)


def _form(name: str, month: str) -> acting.Form:
    title = f"{acting.title_of(name)}: {fmt.month(month)}"
    return acting.Form(fixed={"period": month}, title=title)
