"""Progress of a month on its way to locked: the steps that *Close* draws."""

from __future__ import annotations

from calendar import monthrange
from datetime import date
from typing import TYPE_CHECKING, Any

from dashboard.pages.close.month_acts import CLOSED
from dashboard.shared import format as fmt
from dashboard.shared.drawing.stepper import Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triptych.core.acts import OpenProposal

#: Reason for which a running month is open.
_RUNNING = "The month is not over."
_NAMED_BILLS = 3


def steps_of(
    month: dict[str, Any],
    requirements: Sequence[dict[str, Any]],
    proposal: OpenProposal | None,
) -> list[Step]:
    """Return the steps of a month, with who does each and the days that are recorded.

    Parameters
    ----------
    month : dict
        Row of `queries.month_states`.
    requirements : sequence of dict
        Its rows of `queries.closing_steps`.
    proposal : OpenProposal, optional
        Proposal that awaits a second person.
    """
    is_closed = month["state"] in CLOSED
    bills = [row for row in requirements if row["leads_to"] == "reconciled"]
    # The day of a proposal is in no mart; that of the lock is the approval's.
    by, at = month["locked_by"], None
    if proposal is not None and not is_closed:
        by, at = proposal.proposed_by, proposal.at
    done = [
        month["state"] != "open",
        is_closed or month["state"] == "reconciled",
        is_closed or proposal is not None,
        is_closed,
    ]
    texts = [
        ("Month over, every rate known", "triptych run", _end(month), _rates(month)),
        ("Bills and invoices tie", "finance", "", "" if is_closed else _ties(bills)),
        ("Lock proposed", by or "finance", _on(at), ""),
        ("Approved and locked", _approver(month), _on(month["locked_at"]), ""),
    ]
    if is_closed:
        done.append(month["state"] == "locked" and not month["open_item_count"])
        note = "" if done[-1] else str(month["reason"])
        texts.append(("Nothing changed since", "finance", "", note))
    first = done.index(False) if False in done else len(done)
    return [
        Step(title, "done" if is_done else "next" if n == first else "later", *rest)
        for n, (is_done, (title, *rest)) in enumerate(zip(done, texts, strict=True))
    ]


def _end(month: dict[str, Any]) -> str:
    year, number = map(int, month["billing_month"].split("-"))
    last = date(year, number, monthrange(year, number)[1])
    is_over = month["state"] != "open" or month["reason"] != _RUNNING
    return f"{'ended' if is_over else 'ends'} {fmt.day(last)}"


def _rates(month: dict[str, Any]) -> str:
    is_missing = month["state"] == "open" and month["reason"] != _RUNNING
    return str(month["reason"] or "") if is_missing else ""


def _ties(bills: Sequence[dict[str, Any]]) -> str:
    """Report the number of bills that tie, and name those that do not."""
    if not any(row["source"] for row in bills):
        return "no invoice yet"
    loose = [row["source"] for row in bills if not row["is_done"]]
    text = f"{len(bills) - len(loose)} of {fmt.plural(len(bills), 'bill')} tie"
    if not loose:
        return text
    more = len(loose) - _NAMED_BILLS
    names = ", ".join(loose[:_NAMED_BILLS]) + (f" and {more} more" if more > 0 else "")
    return f"{text}; open: {names}"


def _approver(month: dict[str, Any]) -> str:
    return str(month["approved_by"] or "a second person of finance")


def _on(when: Any) -> str:  # noqa: ANN401
    return "" if when is None else fmt.day(when)
