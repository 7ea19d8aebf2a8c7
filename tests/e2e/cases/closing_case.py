"""A small company whose March can be closed, and what may come in afterwards.

March's bill, by hand: 10.00 and 20.00 to eta and vision by tag; 100.00 of GPU, divided
1 : 2 by GPU hours into 33.3333333333 and 66.6666666667; 7.00 of mail, which is not AI;
3.00 that no rule catches; and USD 50.00 to eta at a rate of 0.90: 45.00. Together
185.00, invoiced as EUR 140.00 and USD 50.00. April has begun.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from triptych.cli import app
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.warehouse.frozen_marts import FROZEN_MARTS, canonical_csv
from triptych.core.warehouse.locks import read_history
from triptych.core.warehouse.reader import PublishedReader
from triptych.core.workspace import Workspace
from triptych.month import closing
from triptych.run import pipeline

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import BuiltWorkspaces
    from triptych.month.closing import CloseReport

HEADER = (
    "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,ChargePeriodStart,"
    "ChargePeriodEnd,ChargeCategory,ChargeClass,ServiceName,Tags,InvoiceId,"
    "InvoiceIssuerName\n"
)
SETTINGS = """\
organisation: Example
currency: EUR
synthetic: true
access: {two_people: names}
sources:
  - {name: bills, type: focus_files, path: bills}
  - {name: usage, type: tables, stream: model_usage, path: usage.csv}
  - {name: rates, type: tables, stream: fx_rates, path: rates.csv}
  - {name: register, type: tables, stream: invoices, path: invoices.csv}
"""
RULES = """\
scope:
  - {name: not ours, match: {service_name: Mail}, in_scope: false}
  - {name: the rest, match: {}}
assignments:
  - {name: tag, match: {tags: {model: "*"}}, model: "${tags.model}"}
  - {name: gpu, match: {service_name: GPU}, pool: gpu}
pools:
  - {name: gpu, driver: gpu_hours}
"""
CATALOG = """\
models:
  - {id: eta, team: search}
  - {id: vision, team: vision}
teams:
  - {id: search, cost_center: cc-1}
  - {id: vision, cost_center: cc-2}
cost_centers:
  - {id: cc-1}
  - {id: cc-2}
"""
USAGE = (
    "date,model,pool,requests,successes,input_tokens,output_tokens,gpu_hours\n"
    "2026-03-05,eta,gpu,1000,990,500000,500000,1\n"
    "2026-03-05,vision,gpu,500,500,0,0,2\n"
)
RATES = "date,base,quote,rate\n2026-03-31,USD,EUR,0.90\n"
INVOICES = (
    "InvoiceId,InvoiceIssuerName,billing_month,currency,amount,status\n"
    "E-3,Vendor,2026-03,EUR,140.00,issued\n"
    "U-3,Vendor,2026-03,USD,50.00,issued\n"
)
CLOSED = "2026-03"
LEDGER = Decimal(185)


def charge(
    cost: str,
    service: str,
    *,
    day: str = "2026-03-05",
    model: str = "",
    currency: str = "EUR",
    bill: str = "2026-03",
    kind: str = "Usage",
) -> str:
    """Return a charge, a Credit or a Correction of one day on the bill of a month."""
    category, charge_class = ("Usage", kind) if kind == "Correction" else (kind, "")
    tags = f'"{{""model"": ""{model}""}}"' if model else "{}"
    invoice = f"{currency[0]}-{int(bill[-2:])}"
    end = f"{day[:8]}{int(day[8:]) + 1:02d}"
    return (
        f"{cost},{cost},{currency},{bill}-01,{day},{end},{category},{charge_class},"
        f"{service},{tags},{invoice},Vendor\n"
    )


MARCH = (
    charge("10.00", "API", model="eta"),
    charge("20.00", "API", model="vision"),
    charge("100.00", "GPU"),
    charge("7.00", "Mail"),
    charge("3.00", "Storage"),
    charge("50.00", "API", model="eta", currency="USD"),
)
APRIL = (charge("5.00", "API", model="eta", day="2026-04-05", bill="2026-04"),)


@dataclass(frozen=True, slots=True)
class ClosingCase:
    """The company's workspace."""

    root: Path

    @property
    def workspace(self) -> Workspace:
        """Where everything is."""
        return Workspace(self.root)

    def bill(self, month: str, *charges: str) -> None:
        """Deliver the bill of a month, over what it was."""
        (self.root / "bills").mkdir(exist_ok=True)
        text = HEADER + "".join(charges)
        (self.root / "bills" / f"{month}.csv").write_text(text, "utf-8")

    def write(self, name: str, text: str) -> None:
        """Write a file of the workspace."""
        (self.root / name).write_text(text, "utf-8")

    def run(self) -> None:
        """Ingest, build and publish."""
        settings = load_settings(self.root)
        pipeline.run(self.workspace, settings, progress=SilentProgress())

    def ingest(self) -> None:
        """Load what is delivered, where no figure is asked for."""
        settings = load_settings(self.root)
        pipeline.ingest(self.workspace, settings, progress=SilentProgress())

    def close(
        self, by: str = "Ana Lima", approved_by: str = "Ben Okafor"
    ) -> CloseReport:
        """Close March."""
        return closing.close(
            self.workspace,
            load_settings(self.root),
            closing.SignOff(by, approved_by),
            period=CLOSED,
            progress=SilentProgress(),
        )

    def ask(self, sql: str) -> list[dict[str, object]]:
        """Return what the published run answers."""
        snapshot = PublishedReader(self.root).snapshot()
        rows: list[dict[str, object]] = snapshot.query(sql).to_pylist()
        return rows

    def state(self, month: str = CLOSED) -> dict[str, object]:
        """Return the row of ``mart_period_states`` of a month."""
        return self.ask(
            f"SELECT * FROM cost.mart_period_states WHERE billing_month = '{month}'"
        )[0]

    def adjustments(self) -> list[dict[str, object]]:
        """Return the adjustments with the columns that tests look at, in order."""
        return self.ask(
            "SELECT kind, component, model_id, billed_cost,"
            " is_in_ledger_of_booked_month AS in_ledger, nets_to_zero"
            " FROM cost.mart_period_adjustments"
            " ORDER BY kind, component, model_id, billed_cost"
        )

    def march(self) -> dict[str, bytes]:
        """Return the published rows of March as canonical text, by mart."""
        snapshot = PublishedReader(self.root).snapshot()
        return {
            f"{mart.name}.csv": canonical_csv(
                mart,
                snapshot.query(
                    f"SELECT {', '.join(mart.columns)} FROM cost.{mart.name}"
                    f" WHERE {mart.month_column} = '{CLOSED}'"
                ),
            )
            for mart in FROZEN_MARTS
        }

    def stored(self) -> dict[str, bytes]:
        """Return the files of the lock, as they are on disk."""
        lock = read_history(self.workspace).locks[0]
        folder = self.workspace.locked_dir / CLOSED / lock.lock_id
        return {path.name: path.read_bytes() for path in folder.iterdir()}


def copy_of_reconciled_company(built: BuiltWorkspaces, target: Path) -> ClosingCase:
    """Return the company with March reconciled and published, in ``target``."""
    return ClosingCase(built.copy("reconciled_company", reconciled_company, target))


def copy_of_closed_company(built: BuiltWorkspaces, target: Path) -> ClosingCase:
    """Return the company whose March was closed from the command line."""

    def build(root: Path) -> None:
        copy_of_reconciled_company(built, root)
        people = ("--by", "Ana Lima", "--approved-by", "Ben Okafor")
        place = ("--workspace", str(root))
        closed = CliRunner().invoke(app, ["close", "--period", CLOSED, *people, *place])
        assert closed.exit_code == 0, closed.output

    return ClosingCase(built.copy("closed_company", build, target))


def copy_of_accruable_company(built: BuiltWorkspaces, target: Path) -> ClosingCase:
    """Return the company whose March lacks its euro invoice, in ``target``."""
    return ClosingCase(built.copy("accruable_company", accruable_company, target))


def reconciled_company(root: Path) -> ClosingCase:
    """Return the company with March reconciled and published."""
    return _published(root, INVOICES)


def accruable_company(root: Path) -> ClosingCase:
    """Return the company before the euro invoice of March is there."""
    lines = INVOICES.splitlines(keepends=True)
    return _published(root, "".join(line for line in lines if "EUR" not in line))


def _published(root: Path, invoices: str) -> ClosingCase:
    case = ClosingCase(root)
    root.mkdir(exist_ok=True)
    case.write("triptych.yml", SETTINGS)
    case.write("allocation.yml", RULES)
    case.write("catalog.yml", CATALOG)
    case.write("usage.csv", USAGE)
    case.write("rates.csv", RATES)
    case.write("invoices.csv", invoices)
    case.bill("2026-03", *MARCH)
    case.bill("2026-04", *APRIL)
    case.run()
    return case
