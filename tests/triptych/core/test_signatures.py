"""Identities: who vouches for them, what is kept, and when two are one person."""

from __future__ import annotations

import os
import pwd

import pytest

from triptych.core.errors import UsageError
from triptych.core.signatures import (
    of_operating_system,
    require_second_person,
    signature_of,
    signed,
    signing,
    unsigned,
)

ISSUER = "https://login.example.com"
ANA = signature_of("ana", "oidc", name="Ana Lima", issuer=ISSUER)


def test_the_operating_system_says_who_it_is_whatever_variables_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for variable in ("USER", "LOGNAME", "USERNAME"):
        monkeypatch.setenv(variable, "somebody-else")
    signature = of_operating_system()
    assert signature.subject == pwd.getpwuid(os.getuid()).pw_name
    assert signature.authority == "operating_system"


def test_no_address_is_kept_and_the_same_one_is_the_same_person() -> None:
    first = signature_of("Ana@Example.com", "oidc", name="ana@example.com")
    again = signature_of("ana@example.com", "oidc")
    assert "@" not in first.subject + first.name
    assert first.subject == again.subject


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(ANA, id="the same"),
        pytest.param(
            signature_of("ANA ", "oidc", name="Ben", issuer=ISSUER),
            id="another name and case",
        ),
        pytest.param(
            signature_of("ana", "operating_system"), id="another way of signing in"
        ),
    ],
)
def test_one_person_does_not_become_two(other: object) -> None:
    with pytest.raises(UsageError, match="cannot"):
        require_second_person(ANA.record(), other, "close a month")  # type: ignore[arg-type]


def test_two_people_of_one_name_are_two_people() -> None:
    namesake = signature_of("a.lima2", "oidc", name="Ana Lima", issuer=ISSUER)
    assert namesake.name == ANA.name
    require_second_person(ANA.record(), namesake, "close a month")


def test_what_nobody_signed_cannot_be_approved() -> None:
    with pytest.raises(UsageError, match="Nobody signed"):
        require_second_person(None, ANA, "close a month")


def test_a_signature_stands_in_what_is_recorded_while_it_is_in_force() -> None:
    with signing(ANA):
        detail = signed({"month": "2026-09"})
    assert detail["signed"] == {"subject": f"{ISSUER}|ana", "authority": "oidc"}
    assert unsigned(detail) == {"month": "2026-09"}
    assert signed({"month": "2026-09"}) == {"month": "2026-09"}
