"""Small files of a first hour: a month of charges, and what goes wrong with it."""

from __future__ import annotations

import json

HEADER = (
    "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,"
    "ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ServiceName,ChargeDescription,"
    "ProviderName,Tags\n"
)
ETA = '"{""model"": ""eta""}"'
STUDY = """\
id: copilot
feature: copilot
outcome: resolved_tickets
outcome_unit: tickets
launch: 2026-03-01
window: {start: 2026-01-01, end: 2026-05-01}
rollout: {a: 2026-03-01}
"""


def charges(month: str, days: int, following: str, cost: str, tags: str = ETA) -> str:
    """Write a charge for each day of a month."""
    ends = [f"{month}-{day + 1:02}" for day in range(1, days)] + [f"{following}-01"]
    return "".join(
        f"{cost},{cost},EUR,{month}-01,{following}-01,{month}-{day:02},{end},Usage,"
        f"Inference,GPU hours {day},Vendor,{tags}\n"
        for day, end in enumerate(ends, start=1)
    )


def single(currency: str) -> str:
    """Write a bill with one charge of 300 on 9 May 2026."""
    return (
        f"{HEADER}300.00,300.00,{currency},2026-05-01,2026-06-01,2026-05-09,2026-05-10,"
        f"Usage,Inference,GPU hours,Vendor,{ETA}\n"
    )


def usage(requests: list[int]) -> str:
    """Write a meter of one model, a value a day from 1 May 2026."""
    rows = [
        f"2026-05-{day:02},eta,{value}\n" for day, value in enumerate(requests, start=1)
    ]
    return "day,model,requests\n" + "".join(rows)


def gauge() -> str:
    """Write a recording of requests that run: 20 and 18 by turns, an hour long."""
    values = [[1777593600 + 60 * k, str(20 - 2 * (k % 2))] for k in range(60)]
    result = [{"metric": {"__name__": "running", "model": "eta"}, "values": values}]
    data = {"resultType": "matrix", "result": result}
    return json.dumps({"status": "success", "data": data})


def spelt_teams() -> str:
    """Write a bill whose team is spelt in two ways by turns."""
    spelt = ("vision", "Vision")
    rows = charges("2026-05", 31, "2026-06", "1.50").splitlines(keepends=True)
    return HEADER + "".join(
        row.replace("Inference", "Amazon Bedrock").replace(
            ETA, f'"{{""team"": ""{spelt[number % 2]}""}}"'
        )
        for number, row in enumerate(rows)
    )


def laptops() -> str:
    """Write a bill of office machines with a tag called model."""
    tags = '"{""model"": ""ThinkPad X1""}"'
    rows = charges("2026-05", 31, "2026-06", "1.50", tags)
    return HEADER + rows.replace("Inference", "Device leasing").replace(
        "GPU hours", "Laptop"
    )


_MAY = charges("2026-05", 31, "2026-06", "1.50")
TEXTS = {
    "HEADER": HEADER,
    "MAY": _MAY,
    "APRIL": charges("2026-04", 30, "2026-05", "1.50"),
    "MAY_105": charges("2026-05", 31, "2026-06", "1.575"),
    "MAY_CENTS": HEADER + charges("2026-05", 31, "2026-06", "150"),
    "MAY_TAG_PAIRS": HEADER + _MAY.replace(ETA, "model=eta;team=vision"),
    "MAY_SPELLINGS": spelt_teams(),
    "MAY_2062": HEADER + charges("2062-05", 31, "2062-06", "1.50"),
    "HALF_MAY": HEADER + "".join(_MAY.splitlines(keepends=True)[:14]),
    "HEADER2026_05_USD_300": single("USD"),
    "HEADER2026_05_JPY_300": single("JPY"),
    "LAPTOPS": laptops(),
    "USAGE_JUMP": usage([1200] * 20 + [1_200_000] * 11),
    "USAGE_CUMULATIVE": usage([1200 * day for day in range(1, 32)]),
    "GAUGE": gauge(),
    "STUDY": STUDY,
}
