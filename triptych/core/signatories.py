"""Names of people who sign for a month, and the month that they sign for."""

from __future__ import annotations

import re
import unicodedata

from triptych.core.errors import UsageError

_EMAIL = re.compile(r"\S+@\S+\.\S+")
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


# Letters that look like others once case no longer distinguishes them: Cyrillic, Greek,
# and the Latin i without its dot. The lookalike of each is below it.
_LOOKALIKES = str.maketrans(
    "\u0430\u0432\u0435\u043a\u043c\u043d\u043e\u0440\u0441\u0442\u0443\u0445"
    "\u0455\u0456\u0458\u04bb\u0501\u051b\u051d"
    "\u03b1\u03b2\u03b5\u03b6\u03b7\u03b9\u03ba\u03bc\u03bd\u03bf\u03c1\u03c4"
    "\u03c5\u03c7\u0131",
    "abekmhopctyxsijhdqwabezhikmnoptyxi",
)
#: Scripts that have letters in common to the eye.
_ALIKE_SCRIPTS = frozenset({"LATIN", "CYRILLIC", "GREEK"})


def named_person(name: str, option: str) -> str:
    """Return a normalised name: uniform spelling, single spaces, no invisibles.

    Raises
    ------
    UsageError
        There is no letter or digit in it, or letters of several scripts that look
        alike.
    """
    visible = "".join(
        character
        for character in unicodedata.normalize("NFKC", name)
        if unicodedata.category(character) != "Cf"
    )
    plain = " ".join(visible.split())
    if not any(character.isalnum() for character in plain):
        raise UsageError(f"{option} names nobody.", next_step="Give a person's name.")
    if len(scripts := _ALIKE_SCRIPTS & _scripts(plain)) > 1:
        mixed = " and ".join(script.capitalize() for script in sorted(scripts))
        raise UsageError(
            f"{option} {plain!r} has letters of several scripts, {mixed}, which look"
            " alike.",
            next_step="Write the name in one script.",
        )
    return plain


def _scripts(text: str) -> set[str]:
    return {
        unicodedata.name(letter, "?").split()[0] for letter in text if letter.isalpha()
    }


def is_same_person(name: str, other: str) -> bool:
    """Return True if two names look the same, in whichever alphabet."""
    return _as_it_looks(name) == _as_it_looks(other)


def _as_it_looks(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).casefold().translate(_LOOKALIKES)
    return "".join(character for character in folded if character.isalnum())


def named_signatory(name: str, option: str) -> str:
    """Return a permanently kept person's name: no e-mail address.

    Raises
    ------
    UsageError
        It names nobody, or is an address.
    """
    person = named_person(name, option)
    if _EMAIL.search(person):
        raise UsageError(
            f"{option} is an e-mail address; addresses are not kept.",
            next_step="Give a person's name.",
        )
    return person


def two_people(by: str, approved_by: str | None, act: str) -> tuple[str, str]:
    """Return the names of who decides and who approves an ``act``.

    Raises
    ------
    UsageError
        Either of them names nobody, or both are the same person, in any spelling.
    """
    people = (
        named_person(by, "--by"),
        named_person(approved_by or "", "--approved-by"),
    )
    if is_same_person(*people):
        raise UsageError(
            f"{people[0]} cannot both {act} and approve it.",
            next_step="--by and --approved-by are two different people.",
        )
    return people


def check_month(period: str, option: str = "--period") -> None:
    """Refuse any value other than a month, ``YYYY-MM``."""
    if not _MONTH.fullmatch(period):
        raise UsageError(
            f"{option} {period!r} is not a month.", next_step="Write it as YYYY-MM."
        )
