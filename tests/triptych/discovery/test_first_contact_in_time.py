"""How long a person waits from a folder with one bill to *Cost by model*.

One command, with its questions answered on a terminal; and a bill of a million lines,
made of the same meters with 2,416 resources each.
"""

from __future__ import annotations

import os
import pty
import resource
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb
import pytest

from tests.triptych.discovery.held_out_bills import held_out_bills
from triptych.core.file_names import literal
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.full

[BILL] = [bill for bill in held_out_bills() if bill.name == "aws_focus"]
MOST_ANSWERS = 5
MOST_SECONDS = 60
MANY_LINES, MOST_SECONDS_FOR_MANY = 1_000_000, 180
LEAST_ON_MODELS = Decimal("0.9")
_AMOUNTS = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")


@dataclass
class Used:
    """Processor seconds of child processes: the machine may be busy with others."""

    seconds: float = 0.0


@contextmanager
def used() -> Iterator[Used]:
    """Measure what the commands in between use."""
    before, found = resource.getrusage(resource.RUSAGE_CHILDREN), Used()
    yield found
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
    found.seconds = user + system


def share_on_models(root: Path) -> Decimal:
    [row] = (
        PublishedReader(root)
        .snapshot()
        .query(
            "SELECT sum(billed_cost) FILTER (model_id IS NOT NULL) AS named,"
            " sum(billed_cost) AS on_ai FROM cost.fct_daily_model_costs"
        )
        .to_pylist()
    )
    return Decimal(row["named"]) / Decimal(row["on_ai"])


def test_one_command_and_its_answers_lead_from_a_bill_to_cost_by_model(
    tmp_path: Path,
) -> None:
    bill, root = BILL.write(tmp_path), tmp_path / "w"
    command = ["init", root, "--from", bill, "--run"]
    mine, theirs = pty.openpty()
    with used() as taken:
        process = subprocess.Popen(
            [sys.executable, "-m", "triptych", *map(str, command)],
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        os.write(mine, b"\n" * MOST_ANSWERS)
        text, _ = process.communicate(timeout=600)
    os.close(mine)
    os.close(theirs)
    assert process.returncode == 0
    answers = text.count("[all/none/each]")
    print(answers, "answers,", f"{taken.seconds:.0f} s")  # noqa: T201
    assert 1 <= answers <= MOST_ANSWERS
    assert taken.seconds <= MOST_SECONDS
    assert share_on_models(root) >= LEAST_ON_MODELS


def test_a_million_lines_take_no_three_minutes(tmp_path: Path) -> None:
    bill, root = write_many(tmp_path), tmp_path / "w"
    command = ["init", str(root), "--from", str(bill), "--yes", "--run"]
    with used() as taken:
        subprocess.run(
            [sys.executable, "-m", "triptych", *command],
            check=True,
            capture_output=True,
        )
    bill.unlink()
    print(f"{taken.seconds:.0f} s for {MANY_LINES:,} lines")  # noqa: T201
    assert taken.seconds <= MOST_SECONDS_FOR_MANY
    assert share_on_models(root) >= LEAST_ON_MODELS


def write_many(folder: Path) -> Path:
    """Write the bill with each line for many resources, of which each costs its own."""
    small, many = BILL.write(folder), folder / "june.csv"
    copies = -(-MANY_LINES // len(BILL.lines))
    amounts = ", ".join(
        f"CAST(CAST({name} AS DECIMAL(18, 4)) * ((number * 7919) % 2000 + 1) / 1000"
        f" AS DECIMAL(18, 6)) AS {name}"
        for name in _AMOUNTS
    )
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT * EXCLUDE (number) REPLACE ({amounts},"
            " ResourceId || '/' || number AS ResourceId)"
            f" FROM read_csv({literal(str(small))}, all_varchar = true),"
            f" range({copies}) AS copies (number))"
            f" TO {literal(str(many))} (HEADER)"
        )
    small.unlink()
    return many
