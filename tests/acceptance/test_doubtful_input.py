"""Money that is probably not meant: published, named with the amount, and red."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from tests.dbt.conftest import build_empty_workspace
from triptych.cli import app

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

    from tests.conftest import BuiltWorkspaces

SETTINGS = """\
organisation: Example
currency: USD
sources:
  - {name: bills, type: focus_files, path: bills}
  - {name: treasury, type: tables, stream: fx_rates, path: rates.csv}
"""
BILL = """\
BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,ChargePeriodStart,ChargePeriodEnd,ChargeCategory
300.00,300.00,EUR,2026-03-01,2026-03-05,2026-03-06,Usage
"""
RATES = """\
rate_date,from_currency,to_currency,rate
2026-03-31,EUR,USD,{rate}
"""
LEDGER = "SELECT sum(billed_cost)::VARCHAR AS cost FROM cost.fct_daily_model_costs"
ISSUES = (
    "SELECT rule_id, source, currency, affected_billed_cost::VARCHAR AS cost"
    " FROM core.mart_data_quality_issues"
)


def test_a_rate_of_110_instead_of_1_10_is_named_with_its_money(
    built_workspaces: BuiltWorkspaces, tmp_path: Path
) -> None:
    """EUR 300 are USD 330 at 1.10, and 33,000 at 110: published, and red."""
    folder = tmp_path / "workspace"
    root = built_workspaces.copy("empty_workspace", build_empty_workspace, folder)

    def called(*arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "-w", str(root)])

    def rows(sql: str) -> list[dict[str, object]]:
        answered: list[dict[str, object]] = json.loads(
            called("sql", sql, "--json").stdout
        )
        return answered

    (root / "bills").mkdir()
    (root / "bills" / "march.csv").write_text(BILL)
    (root / "triptych.yml").write_text(SETTINGS)
    (root / "rates.csv").write_text(RATES.format(rate="110"))

    wrong = called("run")
    # The table of magnitudes has 0.87 euros for a dollar: 1 ÷ 0.87 is 1.1494.
    sentence = (
        "treasury: The rate from EUR to USD is 110.0000, and about 1.1494 is usual:"
        " EUR 300.00 become USD 33000.00."
    )
    assert wrong.exit_code == 0, wrong.output
    assert f"warning: {sentence}" in wrong.stdout
    assert rows(LEDGER) == [{"cost": "33000.0000000000"}]
    assert rows(ISSUES) == [
        {
            "rule_id": "F1",
            "source": "treasury",
            "currency": "EUR",
            "cost": "300.0000000000",
        }
    ]
    red = called("health")
    assert red.exit_code != 0
    assert sentence in red.output

    (root / "rates.csv").write_text(RATES.format(rate="1.10"))
    right = called("run")
    assert right.exit_code == 0, right.output
    assert "warning: treasury" not in right.stdout
    assert rows(LEDGER) == [{"cost": "330.0000000000"}]
    assert rows(ISSUES) == []
