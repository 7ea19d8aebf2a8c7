"""What a person wrote into a file stays, to the byte, when entries are added."""

from __future__ import annotations

from importlib.resources import files

import pytest
from ruamel.yaml import YAML

from triptych.core.errors import SettingsError
from triptych.discovery.yaml_insertion import NewEntry, flow, with_entries

NEW = NewEntry({"name": "b", "match": {}}, "12.00 USD")
FILES = {
    "last section": "a: 1\nscope:\n  - {name: a, match: {}}  # mine\n",
    "before another section": "scope:\n- name: a\n  match: {}\n\n# pools\npools: []\n",
    "block entries": "scope:\n  - name: a\n    match:\n      x: 1\n  # below\nb: 2\n",
    "no newline at the end": "scope:\n  - {name: a, match: {}}",
    "key without a list": "scope:\nassignments:\n  - {name: a, match: {}}\n",
    "no such key": "# nothing yet\n",
    "an empty file": "",
    "the template": (files("triptych") / "new_workspace" / "allocation.yml").read_text(
        "utf-8"
    ),
}


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_an_entry_comes_last_and_every_line_that_was_there_stays(text: str) -> None:
    after = with_entries(text, "scope", [NEW], where="allocation.yml")
    before = YAML(typ="safe", pure=True).load(text) or {}
    content = YAML(typ="safe", pure=True).load(after)
    old = before.pop("scope", None) or []
    assert content.pop("scope") == [*old, NEW.entry]
    assert content == before
    remaining = iter(after.splitlines())
    assert all(line in remaining for line in text.splitlines())


def test_a_section_on_one_line_is_refused_with_its_line() -> None:
    with pytest.raises(SettingsError, match=r"allocation\.yml:2.*on a line of its own"):
        with_entries(
            "a: 1\nscope: [{name: a}]\n", "scope", [NEW], where="allocation.yml"
        )


@pytest.mark.parametrize(
    "value",
    [
        *("yes", "a: b", "007", "it's", '"', "(?i)^a\\.b", "#", "- a", "", "a\nb"),
        *(
            "a\x7fb",
            "a\x85b",
            "a\x9fb",
            "a\u2028b",
            "a\u202eb",
            "a\uffffb",
            "a\U000e0001b",
        ),
    ],
)
def test_any_text_is_read_back_as_it_was(value: str) -> None:
    text = flow({"key": value, "list": [value]})
    assert YAML(typ="safe", pure=True).load(text) == {"key": value, "list": [value]}


def test_a_control_character_in_a_comment_is_an_escape() -> None:
    new = NewEntry({"name": "vision"}, "Tag vis\x7fion.")
    text = with_entries("", "teams", [new], where="catalog.yml")
    assert "# Tag vis\\u007fion.\n" in text
    assert YAML(typ="safe", pure=True).load(text) == {"teams": [new.entry]}
