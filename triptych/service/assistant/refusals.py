"""Reasons why a question has no answer, each with a code for programs."""

from __future__ import annotations

from triptych.core.errors import TriptychError, UsageError
from triptych.service.assistant.answers import Refusal


class RefusedError(TriptychError):
    """A question that has no answer.

    Parameters
    ----------
    what, where, next_step : str
        As all errors have them.
    code : str
        For programs: ``no_data``, ``unknown_name``, ``invalid`` or ``not_for_role``.
    """

    def __init__(
        self, what: str, *, where: str = "", next_step: str, code: str = "no_data"
    ) -> None:
        self.code = code
        super().__init__(what, where=where, next_step=next_step)


class NotForRoleError(RefusedError):
    """A question that this role gets no answer to."""

    def __init__(self, what: str, *, where: str = "", next_step: str) -> None:
        super().__init__(what, where=where, next_step=next_step, code="not_for_role")


def refusal_of(error: TriptychError) -> Refusal:
    """Return an expected failure as answers have it."""
    code = "invalid" if isinstance(error, UsageError) else "unavailable"
    if isinstance(error, RefusedError):
        code = error.code
    return Refusal(
        code=code,
        what=error.what,
        where=error.where or None,
        next=error.next_step or None,
    )
