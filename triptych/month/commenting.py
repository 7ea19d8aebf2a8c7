"""Comments on a month's figures, which keep their author.

A comment is an entry of the audit log: it is never changed or removed, and anybody who
disagrees adds another. It changes no figure, so a month that was looked at can still be
closed, and a closed month commented. Runs publish it as ``cost.mart_period_comments``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from triptych.core.errors import UsageError
from triptych.core.lock import hold_run_lock
from triptych.core.signatories import check_month, named_person
from triptych.core.warehouse.locks import CommentText, record_comment
from triptych.core.warehouse.reader import PublishedReader
from triptych.run import pipeline

if TYPE_CHECKING:
    from triptych.core.progress import Progress
    from triptych.core.settings import Settings
    from triptych.core.warehouse.reader import Snapshot
    from triptych.core.workspace import Workspace

#: Longest comment, in characters; longer text belongs into a document.
MAX_LENGTH = 2000
_EMAIL = re.compile(r"\S+@\S+\.\S+")


@dataclass(frozen=True, slots=True)
class CommentReport:
    """Comment that was recorded.

    ``published_run_id`` is the run that shows it; None until a run is built.
    """

    billing_month: str
    prior_billing_month: str | None
    model_id: str | None
    author: str
    text: str
    log_position: int
    audit_log_hash: str
    published_run_id: str | None


def comment(
    workspace: Workspace,
    settings: Settings,
    comment_text: CommentText,
    *,
    is_published: bool = False,
    progress: Progress,
) -> CommentReport:
    """Add a comment to a month, or to its comparison with an earlier month.

    Parameters
    ----------
    workspace, settings
        Workspace and settings.
    comment_text : CommentText
        Month, author and text; perhaps the earlier month and the model.
    is_published : bool
        True to build and publish a run that shows it at once.
    progress : Progress
        Receiver of progress.

    Raises
    ------
    UsageError
        Nobody or an e-mail address is named as the author, the text is empty or too
        long, or the published run knows no such month or model.
    RunLockedError
        A run is under way.
    AuditLogError
        Somebody changed the audit log by hand.
    """
    comment_text = _checked(comment_text)
    with hold_run_lock(workspace.lock_file):
        _refuse_unknown(workspace, comment_text)
        entry = record_comment(workspace, comment_text)
    built = (
        pipeline.build(workspace, settings, progress=progress) if is_published else None
    )
    return CommentReport(
        billing_month=comment_text.billing_month,
        prior_billing_month=comment_text.prior_billing_month,
        model_id=comment_text.model_id,
        author=comment_text.author,
        text=comment_text.text,
        log_position=entry.position,
        audit_log_hash=entry.entry_hash,
        published_run_id=None if built is None else built.run_id,
    )


def judged(workspace: Workspace, comment_text: CommentText) -> CommentText:
    """Return a comment as it would be kept; nothing is written.

    Raises
    ------
    UsageError
        As for :func:`comment`.
    """
    comment_text = _checked(comment_text)
    _refuse_unknown(workspace, comment_text)
    return comment_text


def _refuse_unknown(workspace: Workspace, comment_text: CommentText) -> None:
    snapshot = PublishedReader(workspace.root).snapshot()
    _refuse_unknown_month(snapshot, comment_text.billing_month, "--period")
    if comment_text.prior_billing_month is not None:
        _refuse_unknown_month(snapshot, comment_text.prior_billing_month, "--against")
    _refuse_unknown_model(snapshot, comment_text.model_id)


def _checked(comment_text: CommentText) -> CommentText:
    check_month(comment_text.billing_month)
    if comment_text.prior_billing_month is not None:
        check_month(comment_text.prior_billing_month, "--against")
        if comment_text.prior_billing_month >= comment_text.billing_month:
            raise UsageError(
                f"--against {comment_text.prior_billing_month} is not before"
                f" {comment_text.billing_month}.",
                next_step="A bridge leads from an earlier month to the later one.",
            )
    author = named_person(comment_text.author, "--by")
    if _EMAIL.search(author):
        raise UsageError(
            "--by is an e-mail address, and the audit log keeps none.",
            next_step="Give a person's name: it can never be removed again.",
        )
    text = comment_text.text.strip()
    if not text or len(text) > MAX_LENGTH:
        raise UsageError(
            f"A comment has 1 to {MAX_LENGTH:,} characters, this one {len(text):,}.",
            next_step="Write it shorter, or write one." if text else "Write one.",
        )
    return CommentText(
        comment_text.billing_month,
        author,
        text,
        comment_text.prior_billing_month,
        comment_text.model_id,
    )


def _refuse_unknown_month(snapshot: Snapshot, month: str, option: str) -> None:
    known = snapshot.query(
        "SELECT billing_month FROM cost.mart_period_states ORDER BY billing_month"
    ).column("billing_month")
    months = known.to_pylist()
    if month not in months:
        span = f"{months[0]} to {months[-1]}" if months else "none"
        raise UsageError(
            f"{option} {month} has no figures in the published run.",
            next_step=f"Months with figures: {span}.",
        )


def _refuse_unknown_model(snapshot: Snapshot, model_id: str | None) -> None:
    if model_id is None:
        return
    found = snapshot.query(
        "SELECT 1 FROM core.dim_models WHERE model_id = ? LIMIT 1", [model_id]
    )
    if found.num_rows == 0:
        raise UsageError(
            f"--model {model_id!r} is no model of the published run.",
            next_step='They are in "SELECT model_id FROM core.dim_models".',
        )
