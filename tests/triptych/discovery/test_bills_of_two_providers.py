"""A company with two providers, whose tags have one name on both bills, can start."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from tests.triptych.discovery.held_out_bills import HeldOutBill, held_out_bills
from tests.triptych.discovery.test_bills_of_any_vendor import BILLS as BILLS_OF_VENDORS
from triptych.cli import app
from triptych.core.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from triptych.core.settings import Settings

#: What a company that tags alike everywhere calls its tags.
COMPANY_KEYS = {"owner": "team", "feature": "app", "model": "model"}
#: A report of AWS has its own prefix before the same key.
PREFIXES = {"aws_cur2": "user_", "aws_cur_legacy": "user:"}


def tagged_alike(bill: HeldOutBill) -> HeldOutBill:
    """Return a bill with the keys of the company for those of its own."""
    prefix = PREFIXES.get(bill.name, "")
    renamed = {
        bill.keys[role]: f"{prefix}{key}"
        for role, key in COMPANY_KEYS.items()
        if role in bill.keys
    }
    lines = tuple(
        replace(
            line,
            meter=replace(
                line.meter,
                tags={
                    renamed.get(key, key): value
                    for key, value in line.meter.tags.items()
                },
            ),
        )
        for line in bill.lines
    )
    return replace(bill, lines=lines)


CLOUDS = {bill.file_name: tagged_alike(bill).text() for bill in held_out_bills()}
BILLS = CLOUDS | {name: text for name, (text, *_) in BILLS_OF_VENDORS.items()}
PAIRS = tuple(combinations(BILLS, 2))
#: Each provider once: the fast layer has these, the full one all.
NEIGHBOURS = {frozenset(pair) for pair in list(pairwise(BILLS))[::2]}
#: What a company with bills in two currencies has to add.
WITHOUT_RATES = "no source brings exchange rates"


def valid_workspace(tmp_path: Path, names: Iterable[str]) -> Settings:
    """Make a workspace of bills, check it, and return its settings."""
    received = tmp_path / "received"
    received.mkdir()
    for name in names:
        (received / name).write_text(BILLS[name], encoding="utf-8")
    root = tmp_path / "w"
    answer = CliRunner().invoke(
        app, ["init", str(root), "--from", str(received), "--yes"]
    )
    assert answer.exit_code == 0, answer.stderr
    check = CliRunner().invoke(app, ["check", "--workspace", str(root)])
    assert "are valid" in check.stdout, check.stderr
    missing = [line for line in check.stdout.splitlines() if "  missing " in line]
    assert [line for line in missing if WITHOUT_RATES not in line] == []
    assert (check.exit_code == 0) == (not missing), check.stderr
    return load_settings(root)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(
            *pair, marks=() if frozenset(pair) in NEIGHBOURS else pytest.mark.full
        )
        for pair in PAIRS
    ],
)
def test_every_pair_of_providers_makes_a_valid_workspace(
    tmp_path: Path, first: str, second: str
) -> None:
    settings = valid_workspace(tmp_path, (first, second))
    names = [rule.name for rule in settings.allocation.assignments]
    assert len(set(names)) == len(names)
    sources = [source.name for source in settings.sources]
    assert len(set(sources)) == len(sources)
    if {first, second} <= CLOUDS.keys():
        assert "app tag" in names


@pytest.mark.parametrize("name", ["litellm.csv", "coreweave-invoice.csv"])
def test_a_file_of_a_vendor_alone_makes_a_valid_workspace(
    tmp_path: Path, name: str
) -> None:
    """The folder of cloud bills is empty, which is no failure beside others."""
    assert len(valid_workspace(tmp_path, (name,)).sources) == 2


def test_all_providers_together_make_a_valid_workspace(tmp_path: Path) -> None:
    settings = valid_workspace(tmp_path, BILLS)
    names = [rule.name for rule in settings.allocation.assignments]
    assert len(set(names)) == len(names)
