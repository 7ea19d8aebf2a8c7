"""Names of people are compared as they look."""

from __future__ import annotations

import pytest

from triptych.core.errors import UsageError
from triptych.core.signatories import check_month, named_person, two_people

CYRILLIC_A = "\u0410"


@pytest.mark.parametrize(
    "name", [f"{CYRILLIC_A}na Lima", f"Ana {CYRILLIC_A}nders", "\u0391na Lima"]
)
def test_a_name_in_two_scripts_that_look_alike_is_refused(name: str) -> None:
    for names in ((name, "Bo Lund"), ("Bo Lund", name), ("Ana Lima", name)):
        with pytest.raises(UsageError, match="look alike") as refused:
            two_people(*names, "close a month")
        assert refused.value.next_step == "Write the name in one script."


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Capa", "\u0421\u0430\u0440\u0430"),  # all of it in Cyrillic
        ("Toto", "\u03a4\u03bf\u03c4\u03bf"),  # and in Greek
        ("Ana Lima", "Ana\u2060 Lima"),
    ],
)
def test_names_that_look_the_same_are_one_person(name: str, other: str) -> None:
    with pytest.raises(UsageError, match="cannot both"):
        two_people(name, other, "close a month")


@pytest.mark.parametrize(
    "name",
    [
        "Ана Лима",
        "Ελένη Παπά",
        "李 Anna",
        "Zoë O'Brien-Müller",
        "Øystein Åse",
    ],
)
def test_names_of_one_script_are_kept_as_they_are(name: str) -> None:
    assert named_person(name, "--by") == name
    assert two_people(name, "Bo Lund", "close a month") == (name, "Bo Lund")


@pytest.mark.parametrize("month", ["２０２６-09", "2026-9", "2026-13", "2026-09\n"])
def test_a_month_is_four_and_two_plain_digits(month: str) -> None:
    with pytest.raises(UsageError, match="is not a month"):
        check_month(month)
