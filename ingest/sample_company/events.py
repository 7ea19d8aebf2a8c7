"""Charges that exist because something happened: a commitment, a credit, a mistake."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from ingest.sample_company import spending
from ingest.sample_company.anomalies import appearing
from ingest.sample_company.charges import BY_DAY, Charge, Placement, Source
from ingest.sample_company.organisation import (
    AWS_DOLLAR_PAYER,
    AWS_EURO_PAYER,
    AWS_PRODUCTION,
    AWS_RESEARCH,
    GCP_GATEWAY,
    GCP_NO_PROJECT,
    HYBRID_WORKSPACE,
    Account,
)
from ingest.sample_company.price_list import SKUS, Sku, per_thousand
from ingest.sample_company.timeline import HOURS_PER_DAY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.sample_company.timeline import Month, Timeline

COMMITMENT_ID: Final = (
    "arn:aws:savingsplans::010000000002:savingsplan/"
    "5c1f0a52-7d3e-4b1b-9a43-0f2b8e6d7c10"
)
PREPAYMENT_ID: Final = "tw-prepaid-2026-01"
_GPU_TAGS: Final = (("cluster", "gpu-a"), ("environment", "production"))
_GPU_POOL: Final = Placement("shared", "pool", "gpu-cluster")
_NEVER_SCALED: Final = ("unused", "covered", "purchase", "correction", "rounding")
_LATE_USAGE: Final = 22.0


@dataclass(frozen=True, slots=True)
class Draft:
    """Charge with its amount in euros, net of Google's lasting credits."""

    eur: float
    charge: Charge

    @property
    def is_ai_spend(self) -> bool:
        """Return True if the case counts it: in scope, no tax, no credit."""
        component = self.charge.placement.component
        return component not in {"out_of_scope", "credit", "tax"}

    @property
    def effective(self) -> float:
        """Return the accrued euros."""
        return 0.0 if self.charge.kind == "purchase" else self.eur

    @property
    def is_scaled(self) -> bool:
        """Return True if the hybrid's savings may act on it."""
        is_hybrid = self.charge.month.phase == "hybrid"
        kind = self.charge.kind
        return is_hybrid and self.is_ai_spend and kind not in _NEVER_SCALED


def base_charge(
    name: str,
    source: Source,
    sku: Sku,
    account: Account,
    month: Month,
    timeline: Timeline,
) -> Charge:
    """Return a plain charge with no amount or owner, and a single line."""
    is_aws_dollar = source == "aws" and month.index < timeline.euro_index
    is_dollar = is_aws_dollar or source in BY_DAY
    return Charge(
        name=name,
        source=source,
        sku=sku,
        account=account,
        kind="usage",
        month=month,
        used_in=month,
        amount=0,
        currency="USD" if is_dollar else "EUR",
        line_count=1,
        placement=Placement("unallocated"),
        discount=spending.CONTRACT_DISCOUNT if source == "aws" else 0.0,
    )


def month_account(account: Account, month: Month, timeline: Timeline) -> Account:
    """Return the account; for the payer, the account billed in that month."""
    is_dollar = month.index < timeline.euro_index
    return AWS_DOLLAR_PAYER if account is AWS_EURO_PAYER and is_dollar else account


def event_drafts(month: Month, timeline: Timeline) -> Iterator[Draft]:
    """Yield the charges beyond the table of spending."""
    yield from _gpu_nodes(month, timeline)
    yield from _tag_straggler(month, timeline)
    yield from _late_arrivals(month, timeline)
    yield from _appearing(month, timeline)
    yield from _prepayment(month, timeline)
    if month.index < max(1, len(timeline.months) // 6):
        yield Draft(
            spending.ACTIVATION_CREDIT,
            _aws_credit("Activation credit", month, timeline),
        )
    rounding = base_charge(
        "rounding", "gcp", SKUS["gcp-rounding"], GCP_NO_PROJECT, month, timeline
    )
    yield Draft(
        0.000001 * (1 + month.index % 5),
        replace(rounding, kind="rounding", grain="month"),
    )


def _gpu_nodes(month: Month, timeline: Timeline) -> Iterator[Draft]:
    """Yield the GPU nodes, and the savings plan that covers a part of them."""
    nodes = replace(
        base_charge(
            "gpu-node", "aws", SKUS["aws-gpu"], AWS_PRODUCTION, month, timeline
        ),
        placement=_GPU_POOL,
        tags=_GPU_TAGS,
        resource_count=spending.GPU_NODE_COUNT[month.phase],
        line_count=month.hour_count * spending.GPU_NODE_COUNT[month.phase],
    )
    covered = 0.0
    if month.index in timeline.commitment_indexes:
        covered = spending.COMMITMENT_FEE * spending.COMMITMENT_USED[month.phase]
        yield from _commitment(nodes, covered, month, timeline)
    yield Draft(spending.GPU_NODES[month.phase] - covered, nodes)


def _commitment(
    nodes: Charge, covered: float, month: Month, timeline: Timeline
) -> Iterator[Draft]:
    hours = month.hour_count
    yield Draft(
        covered,
        replace(
            nodes,
            kind="covered",
            commitment_id=COMMITMENT_ID,
            commitment_discount=spending.COMMITMENT_DISCOUNT,
            resource_count=2,
            line_count=hours * 2,
        ),
    )
    payer = month_account(AWS_EURO_PAYER, month, timeline)
    plan = replace(
        base_charge("savings-plan", "aws", SKUS["aws-plan"], payer, month, timeline),
        commitment_id=COMMITMENT_ID,
        line_count=hours,
        discount=0.0,
    )
    yield Draft(
        spending.COMMITMENT_FEE, replace(plan, kind="purchase", placement=_GPU_POOL)
    )
    yield Draft(
        spending.COMMITMENT_FEE - covered,
        replace(plan, kind="unused", placement=Placement("unused_commitment")),
    )


def _prepayment(month: Month, timeline: Timeline) -> Iterator[Draft]:
    """Yield GPU hours that were paid for at once, and the few that are drawn."""
    if month.phase != "hybrid":
        return
    hours = base_charge(
        "prepaid-hours",
        "tidewater",
        SKUS["hybrid-gpu"],
        HYBRID_WORKSPACE,
        month,
        timeline,
    )
    hours = replace(
        hours,
        placement=Placement("shared", "pool", "gpu-hybrid"),
        tags=(("pool", "gpu-serving"),),
        commitment_id=PREPAYMENT_ID,
        description="Prepaid GPU hours",
    )
    if month == timeline.first_of("hybrid"):
        yield Draft(spending.PREPAID, replace(hours, kind="purchase"))
    yield Draft(spending.DRAWN_PER_MONTH, replace(hours, kind="covered"))


def _tag_straggler(month: Month, timeline: Timeline) -> Iterator[Draft]:
    """Yield jobs that still carry the old name of the tag after the renaming."""
    if month.index != timeline.migration_index:
        return
    charge = base_charge(
        "train-old-tag", "aws", SKUS["aws-sagemaker"], AWS_RESEARCH, month, timeline
    )
    yield Draft(
        spending.STRAGGLER,
        replace(
            charge,
            grain="day",
            line_count=month.day_count,
            tags=(("stage", "training"), ("ml_model", "pm_vision")),
        ),
    )


def _appearing(month: Month, timeline: Timeline) -> Iterator[Draft]:
    """Yield unexpected charges: a copy, a cluster, a node."""
    for anomaly in appearing(month, timeline):
        new = anomaly.new
        assert new is not None  # noqa: S101
        first = anomaly.first_day - 1
        last = min(first + anomaly.day_count, month.day_count)
        charge = base_charge(
            anomaly.meter,
            anomaly.source,
            SKUS[new.sku],
            new.account,
            month,
            timeline,
        )
        yield Draft(
            new.eur_per_day * (last - first),
            replace(
                charge,
                days=(first, last),
                line_count=(last - first) * HOURS_PER_DAY,
                placement=new.placement,
                tags=new.tags,
            ),
        )


def _late_arrivals(month: Month, timeline: Timeline) -> Iterator[Draft]:
    """Yield charges of an earlier month: a correction, a credit, late usage."""
    if month.index == timeline.migration_index + 1:
        used_in = timeline.months[month.index - 2]
        charge = base_charge(
            "train-maintenance-vision",
            "aws",
            SKUS["aws-sagemaker"],
            AWS_RESEARCH,
            month,
            timeline,
        )
        yield Draft(
            spending.CORRECTION,
            replace(
                charge,
                kind="correction",
                used_in=used_in,
                grain="day",
                line_count=4,
                placement=Placement("direct", "model", "maintenance-vision"),
                tags=(("stage", "training"), ("ml_model", "pm_vision")),
                description="Correction of training hours billed twice",
            ),
        )
        credit = _aws_credit("Service credit for an outage", month, timeline)
        yield Draft(spending.LATE_CREDIT, replace(credit, used_in=used_in))
    if month.index:
        yield Draft(_LATE_USAGE, _late_google_usage(month, timeline))


def _late_google_usage(month: Month, timeline: Timeline) -> Charge:
    """Return usage of the last day of a month that is invoiced with the next."""
    used_in = timeline.months[month.index - 1]
    sku = SKUS["gcp-tokens-out"]
    charge = base_charge(
        "gateway-late",
        "gcp",
        sku if used_in.phase == "hybrid" else per_thousand(sku),
        GCP_GATEWAY,
        month,
        timeline,
    )
    return replace(
        charge,
        used_in=used_in,
        line_count=6,
        days=(used_in.day_count - 1, used_in.day_count),
        placement=Placement("shared", "pool", "llm-gateway"),
        tags=(("service", "gateway"),),
    )


def _aws_credit(text: str, month: Month, timeline: Timeline) -> Charge:
    charge = base_charge(
        "credit", "aws", SKUS["aws-gpu"], AWS_PRODUCTION, month, timeline
    )
    return replace(
        charge,
        kind="credit",
        grain="month",
        placement=Placement("credit"),
        description=text,
    )
