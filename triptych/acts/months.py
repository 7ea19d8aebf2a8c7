"""Acts on a month: its comments, its lock, its accruals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dashboard.exports import stored_with_a_close
from triptych.acts.deed import Deed, Draft
from triptych.acts.roles import FINANCE, INSIDE
from triptych.core.acts import Act, ActField
from triptych.core.signatures import signing
from triptych.core.warehouse.locks import CommentText
from triptych.month import accruing, closing, commenting
from triptych.month.adjustments import adjustments_booked_with, said_of
from triptych.month.closing import closable, figures_hash
from triptych.month.closing_by_two import approve_close, decided_close, propose_close
from triptych.month.reopening import (
    approve_reopening,
    decided_reopening,
    propose_reopening,
)
from triptych.run import after_run

if TYPE_CHECKING:
    from triptych.acts.deed import Filling, Site

_PERIOD: Final = ActField("period", "Month", help="Such as 2026-09.")


def _comment_text(site: Site, filling: Filling) -> CommentText:
    given = CommentText(
        filling.text("period"),
        site.name,
        filling.text("text"),
        filling.optional("against"),
        filling.optional("model"),
    )
    return commenting.judged(site.workspace, given)


def _draft_comment(site: Site, filling: Filling) -> Draft:
    comment = _comment_text(site, filling)
    return Draft(
        says=f"{comment.author} comments on {comment.billing_month}."
        " It is never changed or removed.",
        did=f"{comment.author} commented on {comment.billing_month}.",
        effect="The next run shows it; no figure changes.",
        entry={
            "month": comment.billing_month,
            "author": comment.author,
            "text": comment.text,
        },
    )


def _comment(site: Site, filling: Filling) -> None:
    comment = _comment_text(site, filling)
    commenting.comment(site.workspace, site.settings, comment, progress=site.progress)


def _period(filling: Filling) -> str:
    return filling.text("period")


def _draft_propose_close(site: Site, filling: Filling) -> Draft:
    period = _period(filling)
    month = closable(site.workspace, site.settings, period)
    booked = said_of(adjustments_booked_with(month.snapshot, period))
    return Draft(
        says=f"{site.name} proposes to lock {period} with the figures published now."
        f"{booked}",
        did=f"{site.name} proposed to lock {period}.",
        effect="A second person locks it. No figure changes.",
        entry={"month": period, "proposed by": site.name},
    )


def _propose_close(site: Site, filling: Filling) -> None:
    propose_close(
        *(site.workspace, site.settings),
        period=_period(filling),
        reason=filling.reason or None,
    )


def _draft_approve_close(site: Site, filling: Filling) -> Draft:
    period = _period(filling)
    month = closable(site.workspace, site.settings, period)
    with signing(site.actor.signature):
        decided = decided_close(site.workspace, month)
    booked = said_of(adjustments_booked_with(month.snapshot, period))
    return Draft(
        says=f"{period} is locked: proposed by {decided.by}, approved by"
        f" {decided.approved_by}. Its figures no longer move.{booked}",
        did=f"{period} is locked: proposed by {decided.by}, approved by"
        f" {decided.approved_by}.",
        effect="What comes to light later is listed as an adjustment.",
        entry={"month": period, "content": figures_hash(month.snapshot, period)},
    )


def _approve_close(site: Site, filling: Filling) -> None:
    report = approve_close(
        *(site.workspace, site.settings),
        period=_period(filling),
        reason=filling.reason or None,
        renderers=(stored_with_a_close,),
        progress=site.progress,
    )
    after_run.tell_close(site.settings, report.proof)


def _draft_propose_reopen(site: Site, filling: Filling) -> Draft:
    period, why = _period(filling), filling.text("because")
    closing.lock_in_force(site.workspace, period)
    return Draft(
        says=f"{site.name} proposes to open {period} again.",
        did=f"{site.name} proposed to open {period} again.",
        effect="A second person opens it. No figure changes.",
        entry={"month": period, "reason": why, "proposed by": site.name},
    )


def _propose_reopen(site: Site, filling: Filling) -> None:
    propose_reopening(
        site.workspace, period=_period(filling), reason=filling.text("because")
    )


def _draft_approve_reopen(site: Site, filling: Filling) -> Draft:
    period = _period(filling)
    lock = closing.lock_in_force(site.workspace, period)
    with signing(site.actor.signature):
        decided = decided_reopening(site.workspace, lock)
    people = f"proposed by {decided.by}, approved by {decided.approved_by}"
    return Draft(
        says=f"{period} is opened again: {people}.",
        did=f"{period} is open again: {people}.",
        effect="It shows again what evidence and rules make of it.",
        entry={"month": period, "reason": decided.reason},
    )


def _approve_reopen(site: Site, filling: Filling) -> None:
    approve_reopening(
        *(site.workspace, site.settings),
        period=_period(filling),
        progress=site.progress,
    )


def _draft_propose_accrual(site: Site, filling: Filling) -> Draft:
    booking = accruing.bookable(site.workspace, site.settings, _period(filling))
    return Draft(
        says=f"{site.name} proposes to book the accruals of {booking.period}.",
        did=f"{site.name} proposed to book the accruals of {booking.period}.",
        effect="A second person books them. No figure changes.",
        entry=_amounts(booking),
    )


def _propose_accrual(site: Site, filling: Filling) -> None:
    accruing.propose_accrual(
        *(site.workspace, site.settings),
        period=_period(filling),
        reason=filling.reason or None,
    )


def _draft_approve_accrual(site: Site, filling: Filling) -> Draft:
    booking = accruing.bookable(site.workspace, site.settings, _period(filling))
    with signing(site.actor.signature):
        people, _ = accruing.decided_accrual(site.workspace, booking)
    return Draft(
        says=f"Accruals of {booking.period} are booked: proposed by {people[0]},"
        f" approved by {people[1]}.",
        did=f"Accruals of {booking.period} are booked.",
        effect="The final invoice brings the true-up.",
        entry=_amounts(booking),
    )


def _approve_accrual(site: Site, filling: Filling) -> None:
    accruing.approve_accrual(
        *(site.workspace, site.settings),
        period=_period(filling),
        reason=filling.reason or None,
        progress=site.progress,
    )


def _amounts(booking: accruing.Booking) -> dict[str, object]:
    return {
        f"{each.issuer} ({each.currency})": f"{each.amount:,.2f}"
        for each in booking.accruals
    }


_BECAUSE: Final = ActField("because", "Why", "prose")
DEEDS: Final = (
    Deed(
        Act(
            "comment",
            "Comment on a month",
            (
                _PERIOD,
                ActField("text", "Comment", "prose"),
                ActField("against", "Compared with", is_required=False),
                ActField("model", "Model", is_required=False),
            ),
            INSIDE,
        ),
        _draft_comment,
        _comment,
    ),
    Deed(
        Act("propose_close", "Propose to lock the month", (_PERIOD,), FINANCE),
        _draft_propose_close,
        _propose_close,
    ),
    Deed(
        Act(
            *("approve_close", "Approve and lock the month", (_PERIOD,), FINANCE),
            publishes=True,
        ),
        _draft_approve_close,
        _approve_close,
    ),
    Deed(
        Act(
            "propose_reopen",
            "Propose to open the month again",
            (_PERIOD, _BECAUSE),
            FINANCE,
        ),
        _draft_propose_reopen,
        _propose_reopen,
    ),
    Deed(
        Act(
            *("approve_reopen", "Approve and open the month again", (_PERIOD,)),
            FINANCE,
            publishes=True,
        ),
        _draft_approve_reopen,
        _approve_reopen,
    ),
    Deed(
        Act("propose_accrual", "Propose to book accruals", (_PERIOD,), FINANCE),
        _draft_propose_accrual,
        _propose_accrual,
    ),
    Deed(
        Act(
            *("approve_accrual", "Approve and book accruals", (_PERIOD,), FINANCE),
            publishes=True,
        ),
        _draft_approve_accrual,
        _approve_accrual,
    ),
)
