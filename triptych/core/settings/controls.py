"""``catalog.yml``: security and compliance of platforms, as declared and evidenced.

A control that is not declared is unknown, never absent: ``holds: false`` means absent.
Nothing here is weighed or added up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, Self

from pydantic import model_validator

from triptych.core.declared import Declared
from triptych.core.settings.complaint import Complaint, complaints_error
from triptych.core.settings.names import Name
from triptych.core.settings.problems import known_names
from triptych.core.settings.validity import Day

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

ControlKind = Literal[
    "certification",
    "data_residency",
    "encryption_at_rest",
    "encryption_in_transit",
    "sso",
    "audit_log",
    "dpa",
]
#: Further details that such an entry must have.
_DETAILS: Final = {
    "certification": "which one, such as ISO 27001",
    "data_residency": "where, such as EU (Frankfurt)",
}


class PlatformControl(Declared):
    """A control of a platform, with its evidence and its last valid day.

    ``detail`` is which certificate or which region. ``source`` is the document or the
    address that shows it, ``evidenced_on`` the day on which somebody read it there, and
    ``expires_on`` the last day on which it holds, as a certificate prints it.
    """

    platform: Name
    control: ControlKind
    detail: Name | None = None
    holds: bool = True
    source: Name | None = None
    evidenced_on: Day | None = None
    expires_on: Day | None = None

    @model_validator(mode="after")
    def _says_what_it_is_of(self) -> Self:
        complaints = list(_unclear(self))
        if complaints:
            raise complaints_error(complaints)
        return self


def _unclear(entry: PlatformControl) -> Iterable[Complaint]:
    name = f"control {entry.control!r} of platform {entry.platform!r}"
    if entry.control in _DETAILS and entry.detail is None:
        yield Complaint((), f"{name} needs detail: {_DETAILS[entry.control]}.")
    if entry.source is not None and entry.evidenced_on is None:
        text = f"{name} has a source without evidenced_on: add the day on which"
        yield Complaint(("source",), f"{text} it was read.")
    if entry.evidenced_on is not None and entry.source is None:
        text = f"{name} has evidenced_on without a source: add the document or URL."
        yield Complaint(("evidenced_on",), text)
    if entry.expires_on is None:
        return
    if not entry.holds:
        text = f"{name} does not hold, so it has no expires_on: remove one of the two."
        yield Complaint(("expires_on",), text)
    if entry.evidenced_on is not None and entry.expires_on < entry.evidenced_on:
        text = f"{name} expires on {entry.expires_on}, before its evidence of"
        yield Complaint(("expires_on",), f"{text} {entry.evidenced_on}.")


def unclear_controls(
    controls: Sequence[PlatformControl], *, platforms: Collection[str]
) -> Iterable[Complaint]:
    """Yield a complaint for each unknown platform's or repeated control.

    Parameters
    ----------
    controls : sequence of PlatformControl
        As the file declares them.
    platforms : collection of str
        The ids that it declares; without any, names are those of bills.
    """
    seen: set[tuple[str, str, str]] = set()
    for position, entry in enumerate(controls):
        if platforms and entry.platform not in platforms:
            names = known_names("platforms", list(platforms), given=entry.platform)
            text = f"control {entry.control!r} names platform {entry.platform!r}"
            yield Complaint(("controls", position, "platform"), f"{text}; {names}")
        key = entry.platform, entry.control, (entry.detail or "").casefold()
        if key in seen:
            of = f" ({entry.detail})" if entry.detail else ""
            text = f"control {entry.control!r}{of} of platform {entry.platform!r}"
            yield Complaint(("controls", position), f"{text} is declared twice.")
        seen.add(key)
