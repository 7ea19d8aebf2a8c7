"""One value of a YAML file is set; every other byte stays."""

from __future__ import annotations

import pytest

from triptych.acts.yaml_values import with_value
from triptych.core.errors import SettingsError

TEXT = """\
# Ours.
models:
  - id: eta        # arrival times
    team: search

  # Looked at in May.
  - {id: vision, name: "Wear"}   # flow
teams:
  - id: search
"""


@pytest.mark.parametrize(
    ("path", "value", "line", "changed"),
    [
        (("models", 0, "name"), "ETA v2", "    name: ETA v2", None),
        (
            ("models", 1, "name"),
            "Wear seen",
            "  - {id: vision, name: Wear seen}   # flow",
            '  - {id: vision, name: "Wear"}   # flow',
        ),
        (
            ("models", 1, "team"),
            "a: b",
            '  - {id: vision, name: "Wear", team: "a: b"}   # flow',
            '  - {id: vision, name: "Wear"}   # flow',
        ),
        (("models", 0, "team"), "vision", "    team: vision", "    team: search"),
        (("currency",), "USD", "currency: USD", None),
    ],
)
def test_only_the_line_of_the_value_differs(
    path: tuple[str | int, ...], value: str, line: str, changed: str | None
) -> None:
    before, after = TEXT.splitlines(), None
    after = with_value(TEXT, path, value, where="catalog.yml").splitlines()
    assert [each for each in before if each not in after] == (
        [] if changed is None else [changed]
    )
    assert [each for each in after if each not in before] == [line]


def test_an_empty_file_and_an_empty_value_are_filled() -> None:
    assert with_value("# ours\n", ("currency",), "EUR", where="x") == (
        "# ours\ncurrency: EUR\n"
    )
    assert with_value("currency:   # which\n", ("currency",), "EUR", where="x") == (
        "currency: EUR   # which\n"
    )


def test_what_is_no_plain_value_is_left_to_its_author() -> None:
    with pytest.raises(SettingsError, match="more than one plain value"):
        with_value(TEXT, ("models",), "eta", where="catalog.yml")
    with pytest.raises(SettingsError, match="There is no models\\.7"):
        with_value(TEXT, ("models", 7, "name"), "eta", where="catalog.yml")


@pytest.mark.parametrize(
    "path",
    [("models", 0, "team"), ("models", 1, "team"), ("owner",), ("other",)],
)
def test_what_stands_for_several_places_is_left_to_its_author(
    path: tuple[str | int, ...],
) -> None:
    text = "models:\n  - &first {id: eta, team: search}\n  - *first\n"
    text += "owner: &owner ana\nother: *owner\n"
    with pytest.raises(SettingsError, match="stands for several places"):
        with_value(text, path, "vision", where="catalog.yml")
