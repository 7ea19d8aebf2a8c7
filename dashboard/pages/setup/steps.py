"""Steps to set up a workspace: benefit, current state and instructions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dashboard.shared import format as fmt

if TYPE_CHECKING:
    from dashboard.pages.setup.queries import Standing

#: A share of AI cost from which on models and owners count as named.
_ENOUGH: Final = 0.8
_BILLS_BACK: Final = (
    "triptych loads list --all\n"
    'triptych withdraw LOAD --because "sent twice"\n'
    'triptych source rename OLD NEW --because "one contract"\n'
    "triptych run"
)


@dataclass(frozen=True, slots=True)
class Step:
    """Something that a workspace needs for a part of its possible output.

    Attributes
    ----------
    name, unlocks, there : str
        Its name, the output that it unlocks, and the current state.
    is_done : bool
        True if there is enough of it.
    command : str
        Command or lines to enter.
    where : str
        The file that the lines belong in; empty for a command.
    guide : str
        Page of the documentation, without its ending.
    acts : tuple of str
        Acts available right here, where pages may act.
    picture, title : str
        Address and title of the page with the unlocked output.
    back : str
        Command to take it back; ``back_acts`` do it right here.
    """

    name: str
    unlocks: str
    there: str
    is_done: bool
    command: str
    where: str = ""
    guide: str = ""
    acts: tuple[str, ...] = ()
    picture: str = ""
    title: str = ""
    back: str = ""
    back_acts: tuple[str, ...] = ()


def steps(found: Standing) -> list[Step]:
    """Return all steps, in the order in which they are taken."""
    return [*_of_cost(found), *_of_use(found), *_of_effect(found)]


def _of_use(found: Standing) -> list[Step]:
    return [
        Step(
            "Meters",
            "cost per 1,000 requests or 1M tokens, and what idles in shared pools",
            "usage is metered" if found.has_meters else "no usage is metered",
            bool(found.has_meters),
            "- name: usage\n  type: tables\n  stream: model_usage\n  path: usage/*.csv",
            "triptych.yml, under sources",
            "read_tables",
            picture="gpu_idle",
            title="GPU & idle",
        ),
        Step(
            "Budget",
            "over or under, and where month and quarter will end",
            "budgets are there" if found.has_budget else "no budget",
            bool(found.has_budget),
            "budget_month,scope_type,scope_id,budget_amount,currency\n"
            f"2026-12,all,all,50000,{found.currency}",
            "budgets.csv",
            "read_budget_and_forecast",
            ("enter_budget", "import_budgets"),
            picture="budget",
            title="Budget & forecast",
        ),
    ]


def _of_effect(found: Standing) -> list[Step]:
    return [
        Step(
            "Deliveries",
            "lead time, failures and time from training to production, on Velocity",
            "deployments are there" if found.has_deliveries else "no deployment",
            bool(found.has_deliveries),
            "- {name: code, type: github, repositories: [OWNER/REPOSITORY]}",
            "triptych.yml, under sources",
            "connect_github",
            picture="velocity",
            title="Velocity",
        ),
        Step(
            "Outcomes",
            "what features changed, on Impact, once a study is planned",
            "outcomes are there" if found.has_outcomes else "no outcome",
            bool(found.has_outcomes or found.has_studies),
            "- name: outcomes\n  type: tables\n  stream: outcomes\n"
            "  path: outcomes/*.csv",
            "triptych.yml, under sources",
            "plan_a_study",
            picture="impact",
            title="Impact",
        ),
        Step(
            "Assumptions",
            "effects in money: net value, and scenarios",
            "some are approved" if found.has_assumptions else "nothing approved yet",
            bool(found.has_assumptions),
            "- {id: minute, kind: conversion, metric: minutes, value: 0.8,\n"
            f"   unit: {found.currency}/minute, owner: Head of care}}",
            "assumptions.yml",
            "read_assumptions_and_lineage",
            ("propose_assumption",),
            picture="scenarios",
            title="Scenarios",
        ),
    ]


def _of_cost(found: Standing) -> list[Step]:
    months = fmt.plural(found.months, "month")
    sources = fmt.plural(found.sources, "source")
    return [
        Step(
            "Bills",
            "what AI costs, by service, account, region, tag and day",
            f"{months} from {sources}" if found.months else "no charge yet",
            bool(found.months),
            "triptych check\ntriptych run",
            guide="quick_start",
            acts=("upload_file", "map_bill", "upload_invoices"),
            picture="explore",
            title="Explore",
            back=_BILLS_BACK if found.months else "",
            back_acts=("withdraw_load", "rename_source"),
        ),
        Step(
            "Currency",
            "one total for all bills",
            _currencies(found),
            bool(found.months) and not found.other_currencies,
            f"currency: {(*found.other_currencies, found.currency)[0]}",
            "triptych.yml (or add exchange rates)",
            "exchange_rates",
            ("set_currency",),
            picture="summary",
            title="Summary",
            back=_currency_back(found) if found.months else "",
        ),
        Step(
            "Models",
            "cost by model",
            _share(found.model_share, "on named models"),
            (found.model_share or 0) >= _ENOUGH,
            "triptych discover\ntriptych run",
            guide="tags_to_models",
            acts=("accept_proposals", "accept_proposal"),
            picture="cost_by_model",
            title="Cost by model",
        ),
        Step(
            "Owners",
            "cost by team and cost centre, and statements for each",
            _share(found.owner_share, "with a team or cost centre"),
            (found.owner_share or 0) >= _ENOUGH,
            "teams:\n  - {id: ml, name: Machine learning, cost_center: cc-100}\n"
            "models:\n  - {id: eta-v2, team: ml}",
            "catalog.yml",
            "tags_to_models",
            ("name_model", "name_team"),
            picture="statements",
            title="Statements & exports",
        ),
    ]


def _currency_back(found: Standing) -> str:
    return f"currency: {found.currency}   # in triptych.yml\ntriptych run"


def _currencies(found: Standing) -> str:
    if not found.months:
        return f"figures are in {found.currency or 'no currency yet'}"
    if not found.other_currencies:
        return f"all charges are in {found.currency}"
    others = ", ".join(found.other_currencies)
    return f"charges in {others} are in no figure in {found.currency}"


def _share(share: float | None, what: str) -> str:
    return "no AI cost yet" if share is None else f"{fmt.percent(share)} {what}"


@dataclass(frozen=True, slots=True)
class Need:
    """Data that a page needs for a figure, and the step that brings it."""

    title: str
    what: str
    step: str


NEEDS: Final = {
    "gpu_idle": Need(
        "GPU & idle", "pools of accelerators with a meter, or commitments", "Meters"
    ),
    "velocity": Need("Velocity", "deployments", "Deliveries"),
    "impact": Need("Impact", "outcomes and a study", "Outcomes"),
    "scenarios": Need("Scenarios", "outcomes and a study to carry on", "Outcomes"),
    "scorecard": Need(
        "Platform scorecard", "meters or deployments of platforms", "Meters"
    ),
}


def folded_pages(found: Standing) -> frozenset[str]:
    """Return the pages that have nothing to show yet."""
    effects = (found.has_outcomes, found.has_studies)
    asked = {
        "gpu_idle": (found.has_pools, found.has_commitments),
        "velocity": (found.has_deliveries,),
        "impact": effects,
        "scenarios": effects,
        "scorecard": (found.has_meters, found.has_deliveries),
    }
    # Facts that this run lacks are left to the page, which gives the reason.
    return frozenset(
        page for page, there in asked.items() if all(each is False for each in there)
    )
