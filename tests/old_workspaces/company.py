"""Write the files of a small company, for workspaces of earlier versions.

Five months of three models on one bill, their invoices, a budget, a meter, an
experiment over sixteen depots and the value of what it moves. Needs Python alone: any
version of triptych reads the files.
"""

from __future__ import annotations

import random
import sys
from datetime import date, timedelta
from pathlib import Path

FIRST_DAY = date(2026, 3, 1)
END = date(2026, 8, 1)
LAUNCH = date(2026, 5, 18)
MODELS = {"forecast": "12.50", "chat": "7.25", "search": "3.10"}

SETTINGS = """\
organisation: Example GmbH
currency: EUR
sources:
  - {name: cloud, type: focus_files, path: bills}
  - {name: invoices, type: tables, stream: invoices, path: invoices.csv}
  - {name: usage, type: tables, stream: model_usage, path: usage.csv}
  - {name: outcomes, type: tables, stream: outcomes, path: outcomes.csv}
  - {name: budgets, type: tables, stream: budgets, path: budgets.csv}
"""
CATALOG = """\
cost_centers:
  - {id: cc-1, name: Operations}
teams:
  - {id: ops, name: Operations, cost_center: cc-1}
features:
  - {id: planning, name: Planning, team: ops}
models:
  - {id: forecast, name: Forecast, feature: planning}
  - {id: chat, name: Chat, feature: planning}
  - {id: search, name: Search, feature: planning}
"""
ALLOCATION = """\
scope:
  - {name: all charges, match: {}}
assignments:
  - {name: model tag, match: {tags: {model: "*"}}, model: "${tags.model}"}
"""
ASSUMPTIONS = """\
assumptions:
  - id: revenue
    kind: conversion
    applies_to: {feature: planning, metric: revenue_per_depot_day}
    value: 1.0
    unit: EUR/EUR
    owner: Head of operations
    source: Revenue as invoiced
    better: more
    cash: true
    takes_margin: true
    approved_by: Head of controlling
    valid_from: 2026-01-01
  - id: margin
    kind: margin
    applies_to: all
    value: 0.2
    unit: ratio
    owner: Head of controlling
    source: Last year
    low: 0.15
    high: 0.25
    approved_by: Chief financial officer
    valid_from: 2026-01-01
"""
BILL_COLUMNS = (
    "BillingAccountId,BillingAccountName,BillingCurrency,BillingPeriodStart,"
    "BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,"
    "ProviderName,InvoiceIssuerName,ServiceName,ServiceCategory,BilledCost,"
    "EffectiveCost,ListCost,ContractedCost,Tags"
)


def write_company(root: Path) -> None:
    """Write all files of the company into an empty folder."""
    (root / "bills").mkdir(parents=True)
    (root / "studies").mkdir()
    for name, text in {
        "triptych.yml": SETTINGS,
        "catalog.yml": CATALOG,
        "allocation.yml": ALLOCATION,
        "assumptions.yml": ASSUMPTIONS,
        "studies/planning.yml": _study(),
        "invoices.csv": _invoices(),
        "usage.csv": _usage(),
        "outcomes.csv": _outcomes(),
        "budgets.csv": _budgets(),
    }.items():
        (root / name).write_text(text, encoding="utf-8")
    for month in _months():
        (root / "bills" / f"{month:%Y-%m}.csv").write_text(_bill(month), "utf-8")


def _months() -> list[date]:
    return [date(2026, month, 1) for month in range(FIRST_DAY.month, END.month)]


def _next(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)


def _days(first: date, end: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((end - first).days)]


def _bill(month: date) -> str:
    lines = [BILL_COLUMNS]
    period = f"{month}T00:00:00Z,{_next(month)}T00:00:00Z"
    for day in _days(month, _next(month)):
        for model, cost in MODELS.items():
            tags = f'"{{""model"": ""{model}""}}"'
            lines.append(
                f"acc-1,Example,EUR,{period},{day}T00:00:00Z,"
                f"{day + timedelta(days=1)}T00:00:00Z,Usage,Cloud,Cloud,GPU,"
                f"AI and Machine Learning,{cost},{cost},{cost},{cost},{tags}"
            )
    return "\n".join(lines) + "\n"


def _invoices() -> str:
    """One invoice for each month but the last, which is to be accrued."""
    lines = ["invoice_id,invoice_issuer_name,billing_period_start,currency,amount"]
    daily = sum(round(float(cost) * 100) for cost in MODELS.values())
    for month in _months()[:-1]:
        cents = daily * (_next(month) - month).days
        amount = f"{cents // 100}.{cents % 100:02d}"
        lines.append(f"INV-{month:%Y-%m},Cloud,{month},EUR,{amount}")
    return "\n".join(lines) + "\n"


def _usage() -> str:
    lines = ["period_start,period_end,model_id,requests"]
    lines += [
        f"{day}T00:00:00Z,{day + timedelta(days=1)}T00:00:00Z,{model},{1000 + n}"
        for n, model in enumerate(MODELS)
        for day in _days(FIRST_DAY, END)
    ]
    return "\n".join(lines) + "\n"


def _budgets() -> str:
    lines = ["budget_month,scope_type,scope_id,budget_amount,currency"]
    lines += [f"{month:%Y-%m},all,ai,700.00,EUR" for month in _months()]
    return "\n".join(lines) + "\n"


def _treated() -> list[str]:
    return [f"depot-{number:02d}" for number in range(1, 17, 2)]


def _outcomes() -> str:
    draw = random.Random(42)
    lines = ["outcome_date,metric,unit_id,value,unit"]
    treated = set(_treated())
    for number in range(1, 17):
        unit = f"depot-{number:02d}"
        for day in _days(FIRST_DAY, END):
            gain = 60 if unit in treated and day >= LAUNCH else 0
            value = 1000 + 10 * number + gain + draw.gauss(0, 40)
            lines.append(f"{day},revenue_per_depot_day,{unit},{value:.2f},EUR")
    return "\n".join(lines) + "\n"


def _study() -> str:
    starts = "\n".join(f"  {unit}: {LAUNCH}" for unit in _treated())
    return f"""\
id: planning
feature: planning
outcome: revenue_per_depot_day
outcome_unit: EUR
launch: {LAUNCH}
window: {{start: 2026-03-15, end: 2026-07-20}}
rollout:
{starts}
better: higher
minimum_effect: 20
decision_rule: {{level: 0.9, text: keep it if it is above zero}}
"""


if __name__ == "__main__":
    write_company(Path(sys.argv[1]))
