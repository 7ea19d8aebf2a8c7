"""``catalog.yml``, ``identities``: owners of names in other systems.

A service, a repository, a registered model or a project, as a source spells it, belongs
to a model, a feature or a team for some days.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

from pydantic import model_validator

from triptych.core.declared import Declared
from triptych.core.settings.complaint import Complaint, complaints_error
from triptych.core.settings.names import Name
from triptych.core.settings.validity import (
    Day,
    ends_before_it_starts,
    overlapping_pairs,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Kinds of names, the most specific first: where several of a row's names are mapped,
#: the first decides.
IDENTITY_KINDS: Final = ("registered_model", "service", "repository", "project")
IDENTITY_TARGETS: Final = ("model", "feature", "team")


class Identity(Declared):
    """A name in other systems and whom it belongs to, for some days.

    Names are compared without regard to case. With ``source``, the entry holds for
    deliveries of that source, and precedes an entry without.
    """

    service: Name | None = None
    repository: Name | None = None
    registered_model: Name | None = None
    project: Name | None = None
    source: Name | None = None
    model: Name | None = None
    feature: Name | None = None
    team: Name | None = None
    valid_from: Day | None = None
    valid_to: Day | None = None

    @property
    def kind(self) -> str:
        """Kind of the name, of :data:`IDENTITY_KINDS`."""
        return next(kind for kind in IDENTITY_KINDS if getattr(self, kind))

    @property
    def named(self) -> str:
        """The name, in lower case."""
        name: str = getattr(self, self.kind)
        return name.lower()

    @model_validator(mode="after")
    def _names_one_thing_and_whose_it_is(self) -> Self:
        given = [kind for kind in IDENTITY_KINDS if getattr(self, kind)]
        complaints = []
        if len(given) != 1:
            kinds = ", ".join(IDENTITY_KINDS)
            text = f"an identity names exactly one of {kinds}; this one names"
            complaints.append(Complaint((), f"{text} {', '.join(given) or 'none'}."))
        if ends_before_it_starts(self):
            text = f"is valid to {self.valid_to}, which is not after {self.valid_from}."
            complaints.append(Complaint(("valid_to",), f"this identity {text}"))
        if complaints:
            raise complaints_error(complaints)
        return self


def unclear_identities(identities: Sequence[Identity]) -> Iterable[Complaint]:
    """Yield a complaint for each name that is nobody's, or twice for the same days."""
    for position, one in enumerate(identities):
        if not any(getattr(one, target) for target in IDENTITY_TARGETS):
            text = "an identity says whose it is: model, feature or team."
            yield Complaint(("identities", position), text)
    keys = [f"{identity.kind} {identity.named!r}" for identity in identities]
    pairs = zip(keys, identities, strict=True)
    of_source = [f"{key} of {one.source}" for key, one in pairs]
    for _, second in overlapping_pairs(identities, of_source):
        yield Complaint(
            ("identities", second),
            f"{keys[second]} is mapped twice for the same days;"
            " valid_to is the first day that is no longer covered.",
        )
