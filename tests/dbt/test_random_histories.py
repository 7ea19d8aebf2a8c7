"""After any history, what was built step by step equals what is built from nothing.

A history is a few acts on a small company, drawn by a seed: late charges, restated and
new months, other uses of commitments, other rules, names, owners, rates and meters, a
closed month, a source that goes and comes back, a run that dies. At its end every
public mart is compared with that of a full build of the same evidence, row by row.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb
import pytest

from tests.e2e.cases.closing_case import (
    APRIL,
    CATALOG,
    HEADER,
    MARCH,
    RULES,
    SETTINGS,
    USAGE,
    ClosingCase,
    charge,
    copy_of_reconciled_company,
)
from tests.layers import IS_FULL
from triptych.core.errors import TriptychError
from triptych.core.marts.execution import Execution
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.warehouse.publish import PUBLIC_SCHEMAS
from triptych.core.warehouse.reader import PublishedReader
from triptych.run import pipeline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import BuiltWorkspaces
    from triptych.core.marts.recipe import Node

#: One in the fast layer; TRIPTYCH_HISTORIES=200 proves more of them.
SEEDS = range(int(os.environ.get("TRIPTYCH_HISTORIES", "3" if IS_FULL else "1")))
ACTS_PER_HISTORY = 4 if IS_FULL else 2
#: Its id and its start are the run's own.
VOLATILE = "core.mart_run"
PLANS_HEADER = HEADER.replace("\n", ",CommitmentDiscountId,CommitmentDiscountStatus\n")
OTHER_RULES = (
    RULES,
    RULES.replace("driver: gpu_hours", "driver: requests"),
    RULES.replace("{service_name: GPU}, pool: gpu", "{service_name: GPU}, model: eta"),
    RULES.replace("pool: gpu}", "pool: gpu, lifecycle_stage: training}"),
    RULES.replace("{name: tag,", "{name: model tag,"),
)


class KilledError(Exception):
    """Stands for the end of the process."""


@dataclass
class History:
    """A company and what has been done to it."""

    case: ClosingCase
    draw: random.Random
    monkeypatch: pytest.MonkeyPatch
    bills: dict[str, tuple[str, ...]] = field(
        default_factory=lambda: {"2026-03": MARCH, "2026-04": APRIL}
    )
    plan_costs: Iterator[int] = field(default_factory=lambda: itertools.count(11))
    acts: list[str] = field(default_factory=list)

    def act(self) -> None:
        """Do something, and run."""
        possible: list[Callable[[], None]] = [
            self.late_charge,
            self.restated_month,
            self.new_month,
            self.other_rules,
            self.other_names,
            self.other_rate,
            self.other_meter,
            self.closed_month,
            self.lost_source,
        ]
        chosen = self.draw.choice(possible)
        self.acts.append(chosen.__name__)
        chosen()
        if self.draw.random() < 0.25:
            self.acts.append("killed")
            self.die()
        self.case.run()

    def die(self) -> None:
        visit, left = Execution._visit, self.draw.randrange(300)

        def die_in_time(execution: Execution, node: Node) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                if self.draw.random() < 0.5:
                    execution._commit()
                raise KilledError
            visit(execution, node)

        with self.monkeypatch.context() as patch:
            patch.setattr(Execution, "_visit", die_in_time)
            with contextlib.suppress(KilledError):
                self.case.run()

    def _deliver(self, month: str, charges: tuple[str, ...]) -> None:
        self.bills[month] = charges
        self.case.bill(month, *charges)
        self.use_commitments(month)

    def use_commitments(self, month: str) -> None:
        """Deliver a month's uses of two plans and an unused part, in other amounts."""
        lines = []
        for plan, status in (("a", "Used"), ("a", "Unused"), ("b", "Used")):
            cost = f"{next(self.plan_costs)}.5"
            line = charge(cost, "API", day=f"{month}-03", model="eta", bill=month)
            effective_on = line.removeprefix(f"{cost},").removesuffix("\n")
            lines.append(f"0,{effective_on},{plan},{status}\n")  # paid by the plan
        self.case.write(f"bills/{month}-plans.csv", PLANS_HEADER + "".join(lines))

    def late_charge(self) -> None:
        month = self.draw.choice(sorted(self.bills))
        model = self.draw.choice(["eta", "vision", ""])
        late = charge(
            f"{self.draw.randrange(1, 900)}.25", "API", model=model, bill=month
        )
        self._deliver(month, (*self.bills[month], late))

    def restated_month(self) -> None:
        month = self.draw.choice(sorted(self.bills))
        cost = f"{self.draw.randrange(1, 90)}.125"
        self._deliver(month, (charge(cost, "GPU", bill=month), *self.bills[month][:2]))

    def new_month(self) -> None:
        month = f"2026-{5 + len(self.bills):02d}"
        day = f"{month}-03"
        self._deliver(month, (charge("8.5", "GPU", day=day, bill=month),))

    def other_rules(self) -> None:
        self.case.write("allocation.yml", self.draw.choice(OTHER_RULES))

    def other_names(self) -> None:
        number = self.draw.randrange(100)
        names = CATALOG.replace("{id: eta, ", f"{{id: eta, name: Arrival {number}, ")
        owner = self.draw.choice(["cc-1", "cc-2"])
        moved = names.replace(
            "{id: search, cost_center: cc-1}", f"{{id: search, cost_center: {owner}}}"
        )
        self.case.write("catalog.yml", moved)

    def other_rate(self) -> None:
        rate = f"0.{self.draw.randrange(80, 99)}"
        self.case.write(
            "rates.csv", f"date,base,quote,rate\n2026-03-31,USD,EUR,{rate}\n"
        )

    def other_meter(self) -> None:
        hours = self.draw.randrange(1, 9)
        self.case.write("usage.csv", USAGE.replace(",0,0,2\n", f",0,0,{hours}\n"))

    def closed_month(self) -> None:
        try:
            self.case.close()
        except TriptychError:
            self.acts.append("(refused)")  # it no longer reconciles, or is closed

    def lost_source(self) -> None:
        lines = SETTINGS.splitlines(keepends=True)
        without = "".join(line for line in lines if "usage" not in line)
        self.case.write("triptych.yml", without)
        self.case.run()
        self.case.write("triptych.yml", SETTINGS)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_history_ends_where_a_full_build_ends(
    seed: int,
    built_workspaces: BuiltWorkspaces,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = copy_of_reconciled_company(built_workspaces, tmp_path / "company")
    history = History(case, random.Random(seed), monkeypatch)
    for month in history.bills:
        history.use_commitments(month)
    for _ in range(ACTS_PER_HISTORY):
        history.act()
    used = case.ask("FROM cost.mart_commitments WHERE used_effective_cost > 0")
    assert len(used) >= 4, history.acts  # two plans in two months or more
    full = ClosingCase(shutil.copytree(case.root, tmp_path / "full"))
    pipeline.build(
        full.workspace, load_settings(full.root), full=True, progress=SilentProgress()
    )
    assert differences(case, full) == [], history.acts


def differences(case: ClosingCase, full: ClosingCase) -> list[str]:
    """Return the public marts of which a row is in one of two published runs alone."""
    first, second = (PublishedReader(each.root).current_path() for each in (case, full))
    return differing_marts(first, second)


def differing_marts(first: Path, second: Path) -> list[str]:
    """Return the public marts of which a row is in one of two published files alone."""
    with duckdb.connect() as connection:
        for name, path in (("by_steps", first), ("at_once", second)):
            connection.execute(f"ATTACH '{path}' AS {name} (READ_ONLY)")
        marts = connection.execute(
            "SELECT DISTINCT schema_name || '.' || table_name FROM duckdb_tables()"
            f" WHERE database_name <> 'memory' AND schema_name IN {PUBLIC_SCHEMAS}"
            " ORDER BY ALL"
        ).fetchall()
        return [
            mart
            for (mart,) in marts
            if mart != VOLATILE and _differs(connection, str(mart))
        ]


def _differs(connection: duckdb.DuckDBPyConnection, mart: str) -> bool:
    row = connection.execute(
        f"SELECT count(*) FROM ((FROM by_steps.{mart} EXCEPT ALL FROM at_once.{mart})"
        f" UNION ALL (FROM at_once.{mart} EXCEPT ALL FROM by_steps.{mart}))"
    ).fetchone()
    assert row is not None
    return bool(row[0])
