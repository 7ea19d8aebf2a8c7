"""Papierlos Inc.: no machine, two vendors of model APIs, two models of two teams.

``support-bot`` calls OpenAI at the usual price. ``contract-reader`` calls OpenAI in
batches at half of it, and Anthropic, which counts no requests and charges for writing
to its cache. All unit prices are the same in both months. OpenAI grants a credit.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.acceptance.companies.files import (
    DAY,
    Truth,
    copy_settings,
    day_count,
    midnight,
    month_days,
    total,
    unix_seconds,
    write_json,
    write_text,
)

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

MONTHS = ("2026-09", "2026-10")
GPT = "gpt-4o-2024-08-06"
CLAUDE = "claude-sonnet-4-20250514"
MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of token that a model of ours uses at a vendor.

    Parameters
    ----------
    model, vendor : str
        Whose it is, and who charges it.
    kind : str
        input (read from no cache), cached_input, cache_write, cache_write_1h, output.
    price : Decimal
        What a million of them costs [USD].
    millions : tuple of Decimal
        Tokens of a day in the first and in the second month [millions].
    batch : bool
        Charged at the price of batches.
    """

    model: str
    vendor: str
    kind: str
    price: Decimal
    millions: tuple[Decimal, Decimal]
    batch: bool = False

    def cost(self, position: int) -> Decimal:
        """Return what a day of a month costs [USD]."""
        return self.price * self.millions[position]


def _kind(
    model: str,
    vendor: str,
    kind: str,
    *,
    price: str,
    day: tuple[str, str],
    batch: bool = False,
) -> Kind:
    millions = (Decimal(day[0]), Decimal(day[1]))
    return Kind(model, vendor, kind, Decimal(price), millions, batch)


#: The plan, with what a day costs: 27.50 → 41.25, 4.50 → 6.75 and 13.50 → 19.35.
PLAN = (
    _kind("support-bot", "openai", "input", price="2.50", day=("4", "6")),
    _kind("support-bot", "openai", "cached_input", price="1.25", day=("6", "9")),
    _kind("support-bot", "openai", "output", price="10.00", day=("1", "1.5")),
    _kind("contract-reader", "openai", "input",
          price="1.25", day=("2", "3"), batch=True),
    _kind("contract-reader", "openai", "output",
          price="5.00", day=("0.4", "0.6"), batch=True),
    _kind("contract-reader", "anthropic", "input", price="3.00", day=("1.5", "2")),
    _kind("contract-reader", "anthropic", "cached_input",
          price="0.30", day=("5", "8")),
    _kind("contract-reader", "anthropic", "cache_write",
          price="3.75", day=("0.8", "1")),
    _kind("contract-reader", "anthropic", "cache_write_1h",
          price="6.00", day=("0", "0.2")),
    _kind("contract-reader", "anthropic", "output",
          price="15.00", day=("0.3", "0.4")),
)  # fmt: skip
#: Requests of a day that OpenAI counts; Anthropic counts none.
REQUESTS = {"support-bot": (2_000, 3_000), "contract-reader": (200, 300)}
TEAMS = {"support-bot": "care", "contract-reader": "legal"}
PROJECTS = {"support-bot": "proj_support", "contract-reader": "proj_contracts"}
WORKSPACE = "wrkspc_contracts"
CREDIT_DAY, CREDIT = "2026-10-15", Decimal("-50.00")
BUDGETS = {"2026-09": Decimal("1500.00"), "2026-10": Decimal("2000.00")}


# --------------------------------------------------------------------------------------
# The truth, from the plan alone
# --------------------------------------------------------------------------------------
def truth() -> Truth:
    """Return every figure that the product may state, worked out from the plan."""
    facts: Truth = {}
    for position, month in enumerate(MONTHS):
        figures = _money(position, month) | _units(position, month)
        facts |= {f"{month}.{name}": value for name, value in figures.items()}
    earlier, later = (facts[f"{month}.ai_cost.effective"] for month in MONTHS)
    assert earlier == Decimal("1365.00")  # 30 × (27.50 + 4.50 + 13.50)
    assert later == Decimal("2087.85")  # 31 × (41.25 + 6.75 + 19.35)
    facts["bridge.change"] = later - earlier
    # Every unit price is the same in both months.
    facts["bridge.rate"] = Decimal(0)
    # Of the models whose requests are all counted.
    name = f"{MONTHS[1]}.cost_per_thousand_requests"
    facts[f"{name}.all"] = facts[f"{name}.support-bot"]
    return facts | _unknown()


def _money(position: int, month: str) -> Truth:
    """Return the money of a month [USD]: nothing is prepaid, so both bases agree."""
    cost = {kind: kind.cost(position) * day_count(month) for kind in PLAN}
    spend = total(cost.values())
    credit = CREDIT if CREDIT_DAY.startswith(month) else Decimal(0)
    facts: Truth = {
        "ledger": spend + credit,
        "credit": credit,
        "ai_cost.effective": spend,
        "ai_cost.billed": spend,
        "budget": BUDGETS[month],
        "budget.variance": spend - BUDGETS[month],
        "budget.share": spend / BUDGETS[month],
        "unallocated": Decimal(0),
    }
    for model, team in TEAMS.items():
        own = total(cost[k] for k in PLAN if k.model == model)
        facts |= {f"model.{model}": own, f"team.{team}": own}
    for vendor in ("openai", "anthropic"):
        charged = total(cost[k] for k in PLAN if k.vendor == vendor)
        facts[f"platform.{vendor}"] = charged
    return facts


def _units(position: int, month: str) -> Truth:
    """Return what a month served and what a unit of it cost."""
    facts: Truth = {}
    for model in TEAMS:
        own = [kind for kind in PLAN if kind.model == model]
        tokens = _tokens(own, position)
        money = _costs(own, position)
        for kind in tokens:
            facts[f"tokens.{kind}.{model}"] = tokens[kind] * day_count(month) * MILLION
            facts[f"cost_per_million.{kind}.{model}"] = money[kind] / tokens[kind]
        everything = total(tokens.values())
        whole_input = everything - tokens["output"]
        facts |= {
            f"cost_per_million.tokens.{model}": total(money.values()) / everything,
            f"cache_hit_ratio.{model}": tokens["cached_input"] / whole_input,
        }
    requests = REQUESTS["support-bot"][position]
    cost = total(kind.cost(position) for kind in PLAN if kind.model == "support-bot")
    facts["requests.support-bot"] = requests * day_count(month)
    facts["cost_per_thousand_requests.support-bot"] = cost * 1_000 / requests
    # OpenAI counts 200 to 300 requests a day; three quarters of the cost is at
    # Anthropic, which counts none: nothing says what a request costs.
    facts["cost_per_thousand_requests.contract-reader"] = None
    return facts


def _tokens(kinds: list[Kind], position: int) -> dict[str, Decimal]:
    """Return tokens of a day by kind [millions]; both lives of a cache are one kind."""
    return _by_kind(kinds, [kind.millions[position] for kind in kinds])


def _costs(kinds: list[Kind], position: int) -> dict[str, Decimal]:
    """Return the cost of a day by kind [USD]."""
    return _by_kind(kinds, [kind.cost(position) for kind in kinds])


def _by_kind(kinds: list[Kind], amounts: list[Decimal]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for kind, amount in zip(kinds, amounts, strict=True):
        name = kind.kind.removesuffix("_1h")
        sums[name] = sums.get(name, Decimal(0)) + amount
    return sums


def _unknown() -> Truth:
    """Return what nobody delivered: no GPU, no deployment, no judgement of services."""
    names = (
        "idle.share", "idle.cost", "cost_per_gpu_hour.support-bot",
        "lock_in.openai", "lock_in.anthropic", "latency.openai",
        "deployment_frequency", "change_lead_time", "change_fail_ratio",
        "firefighting", "net_value",
    )  # fmt: skip
    return dict.fromkeys(names, None)


# --------------------------------------------------------------------------------------
# The files
# --------------------------------------------------------------------------------------


def write(root: Path) -> None:
    """Write the workspace of the company."""
    copy_settings("api", root)
    lines = [f"{month},all,all,{amount},USD\n" for month, amount in BUDGETS.items()]
    header = "budget_month,scope_type,scope_id,budget_amount,currency\n"
    write_text(root / "budgets.csv", header + "".join(lines))
    for position, month in enumerate(MONTHS):
        _write_openai(root / "bills/openai/v1/organization", position, month)
        _write_anthropic(root / "bills/anthropic/v1/organizations", position, month)
    _write_names(root / "bills")


def _write_names(bills: Path) -> None:
    names = {"proj_support": "Support", "proj_contracts": "Contracts"}
    projects = [
        {"object": "organization.project", "id": id_, "name": name, "status": "active"}
        for id_, name in names.items()
    ]
    write_json(
        bills / "openai/v1/organization/projects/all.json",
        {"object": "list", "data": projects, "last_id": "x", "has_more": False},
    )
    workspaces = [{"type": "workspace", "id": WORKSPACE, "name": "Contracts"}]
    write_json(
        bills / "anthropic/v1/organizations/workspaces/all.json",
        {"data": workspaces, "has_more": False, "first_id": None, "last_id": None},
    )


def _write_openai(folder: Path, position: int, month: str) -> None:
    """Write ``costs`` and ``usage/completions`` of a month, in buckets of a day."""
    costs, usage = [], []
    for day in month_days(month):
        costs.append(_bucket(day, _openai_costs(position, day)))
        usage.append(_bucket(day, _openai_usage(position)))
    for name, buckets in (("costs", costs), ("usage/completions", usage)):
        page = {"object": "page", "data": buckets, "has_more": False, "next_page": None}
        write_json(folder / name / f"{month}.json", page)


def _bucket(day: date, results: list[dict[str, Any]]) -> dict[str, Any]:
    start = unix_seconds(day)
    return {
        "object": "bucket",
        "start_time": start,
        "end_time": start + 86_400,
        "results": results,
    }


def _openai_costs(position: int, day: date) -> list[dict[str, Any]]:
    results = [
        _openai_cost(_line_item(kind), PROJECTS[kind.model], kind.cost(position))
        for kind in PLAN
        if kind.vendor == "openai"
    ]
    if str(day) == CREDIT_DAY:
        results.append(_openai_cost("Promotional credit", None, CREDIT))
    return results


def _line_item(kind: Kind) -> str:
    """Return a line item as OpenAI words it: model, then what of it."""
    model = f"{GPT} batch" if kind.batch else GPT
    return f"{model}, {kind.kind.replace('_', ' ')}"


def _openai_cost(item: str, project: str | None, amount: Decimal) -> dict[str, Any]:
    return {
        "object": "organization.costs.result",
        "amount": {"value": float(amount), "currency": "usd"},
        "line_item": item,
        "project_id": project,
        "api_key_id": None if project is None else f"key_{project}",
    }


def _openai_usage(position: int) -> list[dict[str, Any]]:
    results = []
    for model, project in PROJECTS.items():
        own = [k for k in PLAN if k.model == model and k.vendor == "openai"]
        tokens = {kind.kind: int(kind.millions[position] * MILLION) for kind in own}
        cached = tokens.get("cached_input", 0)
        results.append(
            {
                "object": "organization.usage.completions.result",
                "input_tokens": tokens["input"] + cached,
                "output_tokens": tokens["output"],
                "input_cached_tokens": cached,
                "input_audio_tokens": 0,
                "output_audio_tokens": 0,
                "num_model_requests": REQUESTS[model][position],
                "project_id": project,
                "user_id": None,
                "api_key_id": f"key_{project}",
                "model": GPT,
                "batch": any(kind.batch for kind in own),
            }
        )
    return results


#: Kind → token type of Anthropic, and the end of its description.
_ANTHROPIC = {
    "input": ("uncached_input_tokens", "Input Tokens"),
    "cached_input": ("cache_read_input_tokens", "Input Tokens, Cache Read"),
    "cache_write": (
        "cache_creation.ephemeral_5m_input_tokens",
        "Input Tokens, Cache Write",
    ),
    "cache_write_1h": (
        "cache_creation.ephemeral_1h_input_tokens",
        "Input Tokens, Cache Write 1h",
    ),
    "output": ("output_tokens", "Output Tokens"),
}


def _write_anthropic(folder: Path, position: int, month: str) -> None:
    """Write ``cost_report`` and ``usage_report/messages``; amounts are cents."""
    costs, usage = [], []
    for day in month_days(month):
        period = {"starting_at": midnight(day), "ending_at": midnight(day + DAY)}
        costs.append({**period, "results": _anthropic_costs(position)})
        usage.append({**period, "results": [_anthropic_usage(position)]})
    for name, buckets in (("cost_report", costs), ("usage_report/messages", usage)):
        page = {"data": buckets, "has_more": False, "next_page": None}
        write_json(folder / name / f"{month}.json", page)


def _anthropic_costs(position: int) -> list[dict[str, Any]]:
    results = []
    for kind in PLAN:
        if kind.vendor != "anthropic" or not kind.millions[position]:
            continue
        token_type, words = _ANTHROPIC[kind.kind]
        results.append(
            {
                "currency": "USD",
                "amount": str(kind.cost(position) * 100),
                "workspace_id": WORKSPACE,
                "description": f"Claude Sonnet 4 Usage - {words}",
                "cost_type": "tokens",
                "context_window": "0-200k",
                "model": CLAUDE,
                "service_tier": "standard",
                "token_type": token_type,
                "inference_geo": None,
            }
        )
    return results


def _anthropic_usage(position: int) -> dict[str, Any]:
    tokens = {
        kind.kind: int(kind.millions[position] * MILLION)
        for kind in PLAN
        if kind.vendor == "anthropic"
    }
    return {
        "uncached_input_tokens": tokens["input"],
        "cache_creation": {
            "ephemeral_1h_input_tokens": tokens["cache_write_1h"],
            "ephemeral_5m_input_tokens": tokens["cache_write"],
        },
        "cache_read_input_tokens": tokens["cached_input"],
        "output_tokens": tokens["output"],
        "server_tool_use": {"web_search_requests": 0},
        "api_key_id": "apikey_contracts",
        "workspace_id": WORKSPACE,
        "model": CLAUDE,
        "service_tier": "standard",
        "context_window": "0-200k",
    }
