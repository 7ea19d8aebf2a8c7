"""A company with two providers, whose tags have one name on both bills, can start."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from tests.triptych.discovery.held_out_bills import HeldOutBill, held_out_bills
from triptych.cli import app
from triptych.core.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

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


BILLS = tuple(tagged_alike(bill) for bill in held_out_bills())


@pytest.mark.parametrize(
    ("first", "second"),
    tuple(combinations(BILLS, 2)),
    ids=lambda bill: bill.name,
)
def test_every_pair_of_providers_makes_a_valid_workspace(
    tmp_path: Path, first: HeldOutBill, second: HeldOutBill
) -> None:
    received = tmp_path / "received"
    received.mkdir()
    first.write(received)
    second.write(received)
    root = tmp_path / "w"
    answer = CliRunner().invoke(
        app, ["init", str(root), "--from", str(received), "--yes"]
    )
    assert answer.exit_code == 0, answer.stderr
    names = [rule.name for rule in load_settings(root).allocation.assignments]
    assert len(set(names)) == len(names)
    assert "app tag" in names
