"""The register of assumptions is read whole, or refused line by line."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from triptych.core.control.returns import version_of

if TYPE_CHECKING:
    from tests.triptych.core.settings.conftest import SettingsFiles

RATE = """\
assumptions:
  - id: capital
    kind: discount_rate
    applies_to: all
    value: 0.08
    unit: ratio/year
    owner: Treasury
    source: Plan 2026
    approved_by: Chief financial officer
    valid_from: 2026-01-01
"""
MINUTE = """\
  - id: minute
    kind: conversion
    applies_to: {feature: care, metric: minutes_per_case}
    value: 0.6
    low: 0.5
    high: 0.8
    unit: EUR/minute
    better: less
    cash: false
    owner: Head of care
    source: Rates 2026
    approved_by: Head of controlling
    valid_from: 2026-01-01
"""


def changed(old: str, new: str, text: str = RATE + MINUTE) -> str:
    assert text.count(old) == 1
    return text.replace(old, new)


def test_a_register_is_read_whole(files: SettingsFiles) -> None:
    settings = files.load(assumptions=RATE + MINUTE)

    capital, minute = settings.assumptions.assumptions
    assert (capital.value, capital.low, capital.currency) == (0.08, None, None)
    assert (minute.low, minute.high, minute.currency) == (0.5, 0.8, "EUR")
    assert minute.applies_to.metric == "minutes_per_case"
    assert minute.valid_from == date(2026, 1, 1)
    assert settings.warnings == ()


def test_a_workspace_without_the_file_assumes_nothing(files: SettingsFiles) -> None:
    assert files.load().assumptions.assumptions == ()


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("approved_by: Chief financial officer", "approved_by: ' treasury '", 9,
         "assumption 'capital' is approved by its owner; somebody else has to."),
        ("owner: Treasury", "owner: someone@example.com", 7,
         "assumption 'capital' has an e-mail address as 'owner'; name a role or a"
         " person."),
        ("unit: ratio/year", "unit: percent", 6,
         "assumption 'capital' is in 'percent'; its kind is in ratio/year."),
        ("value: 0.08", "value: 8", 5,
         "assumption 'capital' reaches up to 8; it is a part of 1, so 12 % is 0.12."),
        ("value: 0.08", "value: -0.08", 5,
         "assumption 'capital' reaches down to -0.08; it cannot be below 0."),
        ("    high: 0.8\n", "", 15, "assumption 'minute' has 'low' and no 'high'; give"
         " both ends, or none."),
        ("low: 0.5", "low: 0.7", 15,
         "assumption 'minute' has a value of 0.6 outside its interval, 0.7 to 0.8."),
        ("    better: less\n", "", 11,
         "assumption 'minute' has no 'better', and its kind, conversion, needs it."),
        ("unit: EUR/minute", "unit: minutes", 17,
         "assumption 'minute' is in 'minutes'; its kind is in EUR/ and the"
         " outcome's unit, such as EUR/minute."),
        ("unit: EUR/minute", "unit: USD/minute", 17,
         "assumption 'minute' is in USD, and everything is reported in EUR."),
        ("{feature: care, metric: minutes_per_case}", "{feature: care}", 13,
         "assumption 'minute' is a conversion and names no metric that it converts."),
        ("kind: discount_rate", "kind: discount", 3,
         "assumption 'capital' names kind 'discount'; known kinds: conversion, margin,"
         " discount_rate, hurdle_rate, integration, labour, driver, replaced_cost. Did"
         " you mean 'discount_rate'?"),
        ("    source: Plan 2026\n", "", 2, "assumption 'capital' has no 'source'."),
        ("applies_to: all", "applies_to: some", 4,
         "assumption 'capital': applies_to: is all, or names a feature, a metric or"
         " both: {feature: eta}"),
        ("    valid_from: 2026-01-01\n  - id: minute",
         "    valid_from: 2026-01-01\n    months: 6\n  - id: minute", 11,
         "assumption 'capital' has 'months', which belongs to the kind integration."),
        ("    valid_from: 2026-01-01\n  - id: minute",
         "    valid_from: 2026-01-01\n    valid_to: 2026-01-01\n  - id: minute", 11,
         "assumption 'capital' ends on 2026-01-01, before it starts."),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named_with_its_line(
    files: SettingsFiles, old: str, new: str, line: int, told: str
) -> None:
    refused = files.refused(assumptions=changed(old, new))
    assert refused == [f"assumptions.yml:{line}: {told}"]


def test_a_feature_that_the_catalogue_does_not_know_is_refused(
    files: SettingsFiles,
) -> None:
    refused = files.refused(
        assumptions=RATE + MINUTE, catalog="features: [{id: caree}]\n"
    )
    assert refused == [
        "assumptions.yml:13: assumption 'minute' names feature 'care'; known features:"
        " caree. Did you mean 'caree'?"
    ]


def test_versions_follow_each_other_and_do_not_overlap(files: SettingsFiles) -> None:
    later = RATE.removeprefix("assumptions:\n").replace("0.08", "0.09")
    refused = files.refused(
        assumptions=RATE + later.replace("2026-01-01", "2026-07-01")
    )
    assert refused == [
        "assumptions.yml:11: assumption 'capital' has two versions for the same days,"
        " from 2026-01-01 and from 2026-07-01; valid_to is the first day that is no"
        " longer covered."
    ]
    ended = RATE + "    valid_to: 2026-07-01\n"
    settings = files.load(assumptions=ended + later.replace("2026-01-01", "2026-07-01"))
    versions = {version_of(one) for one in settings.assumptions.assumptions}
    assert len(versions) == 2


def test_a_proposal_stands_beside_what_is_approved_and_two_approved_values_do_not(
    files: SettingsFiles,
) -> None:
    other = RATE.removeprefix("assumptions:\n").replace("id: capital", "id: other")
    refused = files.refused(assumptions=RATE + other)
    assert refused == [
        "assumptions.yml:11: assumption 'other' says what 'capital' says: a"
        " discount_rate of the same for the same days."
    ]
    proposal = other.replace("    approved_by: Chief financial officer\n", "")
    assert files.load(assumptions=RATE + proposal).warnings == ()
    alone = files.load(assumptions="assumptions:\n" + proposal)
    assert alone.warnings == (
        "assumptions.yml:2: assumption 'other' is approved by nobody; it counts in no"
        " headline.",
    )


def test_what_is_wrong_between_entries_is_told_beside_what_is_wrong_in_one(
    files: SettingsFiles,
) -> None:
    text = changed("unit: ratio/year", "unit: percent") + MINUTE
    refused = files.refused(assumptions=text)
    assert [line.split(":")[1] for line in refused] == ["6", "24"]


def test_any_change_of_an_entry_is_another_version(files: SettingsFiles) -> None:
    first = files.load(assumptions=RATE).assumptions.assumptions[0]
    text = changed("Plan 2026", "Plan 2027", RATE)
    second = files.load(assumptions=text).assumptions.assumptions[0]
    assert version_of(first) != version_of(second)
