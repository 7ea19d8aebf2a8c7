"""Railway: the ledger before and after the invoice arrives, and its commands.

Amounts are those of :mod:`tests.ingest.servers.railway_workspace`. The service
``eta-api`` is assigned to the model ``eta-v2`` by its tag; everything else belongs to
nobody.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from tests.chosen_marts import ChosenMarts, ingest_and_build
from tests.ingest.servers.loopback_railway import TOKEN, LoopbackRailway
from tests.ingest.servers.railway_workspace import (
    september_invoice,
    set_the_clock,
    workspace,
)
from triptych.cli import app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETTINGS = """\
organisation: Example GmbH
currency: USD
sources:
  - name: railway
    type: railway
    workspace_id: ws-1
    base_url: {url}
    start_date: 2026-08-13
    requests_per_second: 1000
    invoice_items:
      - {{product_id: prod_plan, kind: plan_fee}}
      - {{product_id: prod_seat, kind: seats}}
      - {{product_id: prod_usage, kind: usage}}
    mapping:
      - {{match: {{service: eta-api}}, model: eta-v2}}
"""
ALLOCATION = """\
scope:
  - {name: everything, match: {}, in_scope: true}
assignments:
  - {name: eta, match: {tags: {service: eta-api}}, model: eta-v2}
"""
LEDGER = (
    "select billing_month, component, coalesce(model_id, '-') as model_id,"
    " is_estimated, sum(billed_cost) as billed, sum(effective_cost) as effective"
    " from cost.fct_daily_model_costs"
    " group by billing_month, component, model_id, is_estimated order by all"
)
MONTHS = (
    "select billing_month, sum(billed_cost) as billed, sum(effective_cost) as effective"
    " from cost.fct_daily_model_costs group by billing_month order by billing_month"
)


@pytest.fixture
def railway(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackRailway]:
    set_the_clock(monkeypatch)
    with workspace() as serving:
        yield serving


@pytest.fixture
def root(railway: LoopbackRailway, tmp_path: Path) -> Path:
    settings = SETTINGS.format(url=railway.server.url)
    (tmp_path / "triptych.yml").write_text(settings, "utf-8")
    (tmp_path / "allocation.yml").write_text(ALLOCATION, "utf-8")
    return tmp_path


def triptych(root: Path, *arguments: str) -> str:
    result = CliRunner().invoke(app, [*arguments, "--workspace", str(root)])
    assert result.exit_code == 0, result.output
    assert TOKEN not in result.output
    return result.stdout


def built(root: Path) -> ChosenMarts:
    """Load what is new, and build the marts that the ledger is read from."""
    return ingest_and_build(
        root,
        "cost.fct_daily_model_costs",
        "cost.mart_cost_waterfall",
        "core.mart_data_quality_issues",
    )


def ask(marts: ChosenMarts, query: str) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in marts.query(query).to_pylist()]


def test_the_ledger_equals_what_was_worked_out_before_and_after_the_invoice(
    railway: LoopbackRailway, root: Path
) -> None:
    railway.invoices.pop(0)
    marts = built(root)

    assert ask(marts, LEDGER) == [
        ("2026-08", "direct", "eta-v2", True, Decimal(0), Decimal(25)),
        ("2026-08", "unallocated", "-", False, Decimal(20), Decimal(20)),
        ("2026-08", "unallocated", "-", True, Decimal(0), Decimal(3)),
        ("2026-09", "direct", "eta-v2", True, Decimal(0), Decimal("1.60")),
        ("2026-09", "unallocated", "-", True, Decimal(0), Decimal(0)),
    ]
    # An estimate differs from what is billed by its nature.
    assert ask(marts, "select rule_id from core.mart_data_quality_issues") == []

    # 9.34 for usage that was priced at 28.00: a factor without an end.
    railway.invoices.insert(0, september_invoice(9.34))
    marts = built(root)

    assert ask(marts, MONTHS) == [
        ("2026-08", Decimal("64.34"), Decimal("64.34")),
        ("2026-09", Decimal(0), Decimal("1.60")),
    ]
    eta = "where billing_month = '2026-08' and model_id = 'eta-v2'"
    cost = f"from cost.fct_daily_model_costs {eta}"
    assert ask(
        marts, f"select charge_date, is_estimated, billed_cost {cost} order by 1"
    ) == [
        (date(2026, 8, 20), False, Decimal("6.6714285714")),
        (date(2026, 8, 21), False, Decimal("1.6678571429")),
    ]
    assert ask(
        marts,
        "select step, billed_cost from cost.mart_cost_waterfall"
        " where billing_month = '2026-08' and step in ('ledger', 'credit')"
        " order by step",
    ) == [("credit", Decimal(-5)), ("ledger", Decimal("64.34"))]


def test_a_probe_and_a_second_ingest_from_the_command_line(root: Path) -> None:
    checked = triptych(root, "check")
    triptych(root, "ingest")
    again = triptych(root, "ingest")

    assert "Workspace 'Example'" in checked
    # Two periods, two invoices, two weeks of deployments, one of requests and latency.
    assert "8 deliveries unchanged" in again
