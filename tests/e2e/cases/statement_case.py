"""A company whose card statement has a vendor that an API delivers, too.

September by hand: the API of OpenAI delivers 30 days at 201.50, together 6,045.00. A
card statement has these 6,045.00 as one charge, 480.00 of Figma and 1,200.00 of
Anthropic, for which there is no other source. Counted are 13,770.00, and true are
7,725.00.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING

from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.warehouse.coverage_overlaps import published_overlaps
from triptych.core.warehouse.reader import PublishedReader
from triptych.core.workspace import Workspace
from triptych.evidence.overlap_settling import Settlement, read_answer, settle
from triptych.run import pipeline
from triptych.service.health import judge

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import BuiltWorkspaces

SETTINGS = """\
organisation: Statement
currency: USD
sources:
  - {name: api, type: focus_files, path: api}
  - {name: card, type: focus_files, path: card}
"""
HEADER = (
    "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,ChargePeriodStart,"
    "ChargePeriodEnd,ChargeCategory,ServiceName,ServiceProviderName\n"
)
COUNTED, TRUE = Decimal(13770), Decimal(7725)


def _line(cost: str, start: str, end: str, vendor: str) -> str:
    return f"{cost},{cost},USD,2026-09-01,{start},{end},Usage,{vendor},{vendor}\n"


def _of_september(cost: str, vendor: str) -> str:
    return _line(cost, "2026-09-01", "2026-10-01", vendor)


STATEMENT = (
    _of_september("6045.00", "OpenAI"),
    _of_september("480.00", "Figma"),
    _of_september("1200.00", "Anthropic"),
)


class StatementCase:
    """The company's workspace."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.workspace = Workspace(root)

    def deliver(self, source: str, name: str, lines: tuple[str, ...]) -> None:
        """Write a file of a source."""
        (self.root / source).mkdir(parents=True, exist_ok=True)
        text = HEADER + "".join(lines)
        (self.root / source / f"{name}.csv").write_text(text, "utf-8")

    def run(self) -> None:
        """Ingest, build and publish."""
        settings = load_settings(self.root)
        pipeline.run(self.workspace, settings, progress=SilentProgress())

    def ask(self, sql: str) -> list[dict[str, object]]:
        """Return rows of the published run."""
        rows: list[dict[str, object]] = (
            PublishedReader(self.root).snapshot().query(sql).to_pylist()
        )
        return rows

    def total(self) -> Decimal:
        """Return the ledger of September, in dollars."""
        [row] = self.ask(
            "SELECT sum(billed_cost) AS cost FROM cost.mart_cost_waterfall"
            " WHERE billing_month = '2026-09' AND step = 'ledger'"
        )
        return Decimal(str(row["cost"]))

    def vendors(self) -> dict[tuple[str, str], Decimal]:
        """Return the ledger in dollars by source and vendor."""
        rows = self.ask(
            "SELECT source, provider, sum(billed_cost) AS cost"
            " FROM cost.fct_daily_service_costs GROUP BY ALL"
        )
        return {
            (str(row["source"]), str(row["provider"])): Decimal(str(row["cost"]))
            for row in rows
        }

    def settle(self, answer: str = "same") -> Settlement:
        """Settle the only overlap."""
        [overlap] = published_overlaps(self.root)
        return settle(
            self.workspace, overlap.overlap_id, read_answer(answer), because="one bill"
        )

    def stale(self) -> list[str]:
        """Return what health says of sources."""
        reasons = judge(self.workspace, load_settings(self.root)).reasons
        return [text for text in reasons if text.startswith(("api ", "card "))]


def _api() -> tuple[str, ...]:
    days = [f"2026-09-{day:02d}" for day in range(1, 31)] + ["2026-10-01"]
    return tuple(_line("201.50", start, end, "OpenAI") for start, end in pairwise(days))


def copy_of_company_with_a_statement(
    built: BuiltWorkspaces, target: Path
) -> StatementCase:
    """Return the company with both deliveries published, in ``target``."""
    return StatementCase(built.copy("company_with_a_statement", _build, target))


def _build(root: Path) -> None:
    case = StatementCase(root)
    case.deliver("api", "september", _api())
    case.deliver("card", "september", STATEMENT)
    (root / "triptych.yml").write_text(SETTINGS, "utf-8")
    (root / "allocation.yml").write_text("ai_scope: all\n", "utf-8")
    case.run()
