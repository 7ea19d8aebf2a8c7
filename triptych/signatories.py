"""Names of people who sign for a month, and the month that they sign for."""

from __future__ import annotations

import re
import unicodedata

from triptych.errors import UsageError

_EMAIL = re.compile(r"\S+@\S+\.\S+")
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


def named_person(name: str, option: str) -> str:
    """Return a name as it is compared: one spelling, single spaces.

    Raises
    ------
    UsageError
        There is no letter or digit in it.
    """
    plain = " ".join(unicodedata.normalize("NFKC", name).split())
    if not any(character.isalnum() for character in plain):
        raise UsageError(f"{option} names nobody.", next_step="Give a person's name.")
    return plain


def named_signatory(name: str, option: str) -> str:
    """Return the name of a person whose name is kept for good: no e-mail address.

    Raises
    ------
    UsageError
        It names nobody, or is an address.
    """
    person = named_person(name, option)
    if _EMAIL.search(person):
        raise UsageError(
            f"{option} is an e-mail address, and none is kept.",
            next_step="Give a person's name.",
        )
    return person


def two_people(by: str, approved_by: str | None, act: str) -> tuple[str, str]:
    """Return the names of who decides and who approves an ``act``.

    Raises
    ------
    UsageError
        One of them names nobody, or both are one person, however it is spelled.
    """
    people = (
        named_person(by, "--by"),
        named_person(approved_by or "", "--approved-by"),
    )
    if people[0].casefold() == people[1].casefold():
        raise UsageError(
            f"{people[0]} cannot both {act} and approve it.",
            next_step="--by and --approved-by are two different people.",
        )
    return people


def check_month(period: str, option: str = "--period") -> None:
    """Refuse what is not a month, ``YYYY-MM``."""
    if not _MONTH.fullmatch(period):
        raise UsageError(
            f"{option} {period!r} is not a month.", next_step="Write it as YYYY-MM."
        )


__all__ = ["check_month", "named_person", "named_signatory", "two_people"]
