"""Workspaces of a bill, and commands on them as a user gives them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from triptych.cli import app
from triptych.core.workspace import Workspace, initialise

if TYPE_CHECKING:
    from typer.testing import Result

REPOSITORY = Path(__file__).parents[3]
HEADER = (
    "BilledCost,EffectiveCost,ListCost,ContractedCost,BillingCurrency,"
    "BillingPeriodStart,BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,"
    "ChargeCategory,ChargeDescription,ServiceName,ServiceCategory,ProviderName,"
    "PublisherName,InvoiceIssuerName,BillingAccountId,Tags\n"
)
TAIL = "Vendor A,Vendor A,Vendor A,001"


def charge(cost: str, *, model: str = "") -> str:
    tags = f'"{{""model"": ""{model}""}}"' if model else "{}"
    return (
        f"{cost},{cost},{cost},{cost},EUR,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z,"
        "2026-01-05T00:00:00Z,2026-01-06T00:00:00Z,Usage,GPU hours,Inference,"
        f"AI and Machine Learning,{TAIL},{tags}\n"
    )


def new_workspace(folder: Path, *charges: str) -> Workspace:
    workspace = initialise(folder)
    bill = HEADER + "".join(charges)
    (workspace.root / "bills" / "january.csv").write_text(bill, encoding="utf-8")
    return workspace


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def start(*arguments: str | Path, **variables: str) -> subprocess.Popen[str]:
    """Start triptych as a user's shell would, in a process group of its own."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("TRIPTYCH_")}
    return subprocess.Popen(
        [sys.executable, "-m", "triptych", *map(str, arguments)],
        env={**inherited, "PYTHONPATH": str(REPOSITORY), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
