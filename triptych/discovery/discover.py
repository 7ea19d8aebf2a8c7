"""Examines the bills of a workspace and proposes uses for them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from triptych.core.workspace import Workspace
from triptych.discovery.charges import classify
from triptych.discovery.existing_rules import any_match
from triptych.discovery.inspection import inspect_sources, observe_together
from triptych.discovery.ledger_sample import bench, union
from triptych.discovery.loaded_bills import loaded_tables
from triptych.discovery.proposals import Proposal, Proposer
from triptych.discovery.spend import line_count, read_spend, total

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.connector import Connector
    from triptych.core.settings import Settings
    from triptych.discovery.inspection import SourceInspection
    from triptych.discovery.observation import Observation
    from triptych.discovery.spend import Spend
    from triptych.discovery.tag_roles import TagRole

#: Sections of ``catalog.yml``; the others are of ``allocation.yml``.
CATALOG_SECTIONS = frozenset({"models", "features", "teams", "cost_centers"})


@dataclass(frozen=True, slots=True)
class Coverage:
    """Allocation of the money if the proposals were accepted.

    All are effective cost in the currency of most of the money, of AI before tax and
    credits; ``unowned`` is AI without a model, feature, team or pool.
    """

    bill: Decimal
    ai: Decimal
    on_models: Decimal
    on_owners: Decimal
    unowned: Decimal

    @property
    def model_share(self) -> float:
        """Return the share of AI cost that is on named models."""
        return float(self.on_models / self.ai) if self.ai else 0.0


@dataclass(frozen=True, slots=True)
class Discovery:
    """Contents of a workspace's bills, and the proposals for it."""

    currency: str
    other_currencies: tuple[str, ...]
    line_count: int
    roles: tuple[TagRole, ...]
    proposals: tuple[Proposal, ...]
    coverage: Coverage
    inspections: tuple[SourceInspection, ...]
    spellings: tuple[tuple[str, ...], ...] = ()
    observations: tuple[Observation, ...] = ()


def discover(connectors: Sequence[Connector], settings: Settings) -> Discovery:
    """Examine the local bills of the sources, and loads of the others.

    Parameters
    ----------
    connectors : sequence of Connector
        The sources, bound to the workspace.
    settings : Settings
        Existing settings of the workspace: nothing is proposed that it decides.
    """
    with bench() as connection:
        inspections = inspect_sources(connection, connectors, root=settings.root)
        tables = [
            f"(SELECT *, '{each.source}' AS source FROM {report.table})"
            for each in inspections
            for report in each.files
            if report.state == "bill"
        ]
        known = [each.source for each in inspections if each.files]
        loaded = loaded_tables(
            connection,
            Workspace(settings.root).raw_database,
            root=settings.root,
            without=known,
        )
        tables += loaded
        if not tables:
            nothing = Coverage(*[Decimal(0)] * 5)
            return Discovery("", (), 0, (), (), nothing, tuple(inspections))
        together = observe_together(connection, inspections, settings, connectors)
        classify(connection, f"({union(tables)})")
        allocation = settings.allocation
        spend = read_spend(
            connection,
            has_scope=any_match([rule.match for rule in allocation.scope]),
            has_owner=any_match([rule.match for rule in allocation.assignments]),
        )
    proposals = tuple(
        proposal
        for proposal in Proposer(spend).proposals()
        if not _is_known(proposal, settings)
    )
    others = {group.currency for group in spend.groups} - {spend.currency}
    return Discovery(
        spend.currency,
        tuple(sorted(others)),
        line_count(spend.groups),
        spend.roles,
        proposals,
        coverage_of(spend),
        tuple(inspections),
        tuple(
            tuple(same)
            for by_owner in spend.spellings.values()
            for same in by_owner.values()
            if len(same) > 1
        ),
        tuple(together),
    )


def coverage_of(spend: Spend) -> Coverage:
    """Return the allocation of a sample's money, in its main currency."""
    currency = spend.currency
    named = [group for group in spend.ai if group.named_model or "model" in group.tags]
    owned = [
        group
        for group in spend.ai
        if group.named_model
        or group.has_owner
        or group.tags.keys() & {"model", "feature", "team"}
    ]
    bill, ai = spend.bill, total(spend.ai, currency)
    on_models, on_all = total(named, currency), total(owned, currency)
    return Coverage(bill, ai, on_models, on_all - on_models, ai - on_all)


def _is_known(proposal: Proposal, settings: Settings) -> bool:
    catalog, allocation = settings.catalog, settings.allocation
    known = {
        "scope": [rule.name for rule in allocation.scope],
        "assignments": [rule.name for rule in allocation.assignments],
        "pools": [pool.name for pool in allocation.pools],
        "models": [
            *(model.id for model in catalog.models),
            *catalog.model_aliases,
        ],
        "features": [feature.id for feature in catalog.features],
        "teams": [team.id for team in catalog.teams],
        "cost_centers": [center.id for center in catalog.cost_centers],
    }
    return proposal.name in known[proposal.section]
