"""A workspace small enough to add up on paper, with a figure of every kind.

March, effective cost in EUR: ``eta`` has 50 + 40 of its own and USD 10 at 0.80 = 8; its
3 of 4 GPU hours carry 67.50 of the 90 of pool ``gpu``; ``iota`` has 5 and 22.50. Tax is
19, so the ledger is 50 + 40 + 8 + 5 + 90 + 19 = 212. Billed, ``eta`` has 60 + 40 + 8
and the pool 100: 232 in all. 2,000 requests cost (98 + 67.50) / 2 = 82.75 a thousand.
April has EUR 7 and GBP 3, for which there is no rate.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from typer.testing import CliRunner

from triptych.cli import app

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import BuiltWorkspaces

SETTINGS = """\
organisation: Example GmbH
currency: EUR
sources:
  - {name: acme, type: focus_files, path: bills}
  - {name: rates, type: tables, stream: fx_rates, path: rates.csv}
  - {name: usage, type: tables, stream: model_usage, path: usage.csv}
"""
ALLOCATION = """\
scope:
  - {name: all charges, match: {}}
assignments:
  - {name: model tag, match: {tags: {model: "*"}}, model: "${tags.model}"}
  - {name: gpu nodes, match: {service_name: {in: [GPU]}}, pool: gpu}
pools:
  - {name: gpu, driver: gpu_hours, idle: show}
"""
BILL = (
    "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,ChargePeriodStart,"
    "ChargePeriodEnd,ChargeCategory,ServiceName,Tags"
)
RATES = "date,base,quote,rate\n2026-03-31,USD,EUR,0.80\n"
USAGE = (
    "model_id,period_start,period_end,requests,gpu_hours\n"
    "eta,2026-03-05,2026-03-06,2000,3\n"
    "iota,2026-03-05,2026-03-06,500,1\n"
)


def charge(
    amounts: str,
    day: int,
    *,
    currency: str = "EUR",
    month: str = "2026-03",
    category: str = "Usage",
    service: str = "Training",
    model: str = "",
) -> str:
    """Return a line of the bill; ``amounts`` are billed and effective."""
    period = f"{month}-01,{month}-{day:02},{month}-{day + 1:02}"
    tags = f'"{{""model"": ""{model}""}}"' if model else "{}"
    return f"{amounts},{currency},{period},{category},{service},{tags}"


CHARGES = (
    charge("60.00,50.00", 5, model="eta"),
    charge("40.00,40.00", 6, model="eta"),
    charge("10.00,10.00", 6, model="eta", currency="USD"),
    charge("5.00,5.00", 5, model="iota"),
    charge("100.00,90.00", 5, service="GPU"),
    charge("19.00,19.00", 30, category="Tax", service="Tax"),
    charge("7.00,7.00", 5, month="2026-04", model="eta"),
    charge("3.00,3.00", 5, month="2026-04", model="eta", currency="GBP"),
)


def write_bill(root: Path, charges: tuple[str, ...] = CHARGES) -> None:
    """Write the bill, over what was there."""
    (root / "bills").mkdir(exist_ok=True)
    (root / "bills" / "acme.csv").write_text("\n".join([BILL, *charges, ""]), "utf-8")


def write_workspace(root: Path) -> None:
    """Write the workspace, and run it."""
    (root / "triptych.yml").write_text(SETTINGS, "utf-8")
    (root / "allocation.yml").write_text(ALLOCATION, "utf-8")
    (root / "rates.csv").write_text(RATES, "utf-8")
    (root / "usage.csv").write_text(USAGE, "utf-8")
    write_bill(root)
    run(root)


def copy_of_explained_company(built: BuiltWorkspaces, target: Path) -> Path:
    """Return ``target``, the workspace after its run."""

    def build(root: Path) -> None:
        root.mkdir()
        write_workspace(root)

    return built.copy("explained_company", build, target)


def run(root: Path) -> None:
    """Run ``triptych run``."""
    finished = CliRunner().invoke(app, ["run", "-w", str(root)])
    assert finished.exit_code == 0, finished.output


def explain(root: Path, *arguments: str) -> tuple[int, str]:
    """Return what ``triptych explain`` ends with, and all that it prints."""
    finished = CliRunner().invoke(app, ["explain", "-w", str(root), *arguments])
    assert "Traceback" not in finished.output
    return finished.exit_code, finished.output


def explained(root: Path, figure: str) -> dict[str, Any]:
    """Return a figure as ``triptych explain --json`` tells it."""
    code, output = explain(root, figure, "--json")
    assert code == 0, output
    told: dict[str, Any] = json.loads(output)
    return told
