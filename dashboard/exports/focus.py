"""A month's allocated cost as a FOCUS data set.

Version 1.2 has the columns of Cost and Usage that validators of 1.2 know; 1.4 also has
the ``Allocated*`` columns, and the two names that replaced ProviderName and
PublisherName. The figures are those of ``cost.mart_focus_allocated``.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal, get_args

from dashboard.exports.marts import to_parquet
from dashboard.exports.provenance import provenance
from dashboard.shared.cells import to_csv

if TYPE_CHECKING:
    import pyarrow as pa

    from triptych.core.warehouse.locks import ClosingMonth
    from triptych.core.warehouse.reader import Snapshot

FocusVersion = Literal["1.2", "1.4"]
FocusFormat = Literal["parquet", "csv"]
FOCUS_VERSIONS: tuple[FocusVersion, ...] = get_args(FocusVersion)
FOCUS_FORMATS: tuple[FocusFormat, ...] = get_args(FocusFormat)

#: FOCUS column → SQL over the mart, in both versions. The bill as a whole is the
#: billing account: an allocated charge gathers charges of many sub-accounts.
_COLUMNS = {
    "BilledCost": "billed_cost",
    "BillingAccountId": "source",
    "BillingAccountName": "source",
    "BillingCurrency": "currency",
    "BillingPeriodStart": "cast(billing_month || '-01' as timestamp)",
    "BillingPeriodEnd": "cast(billing_month || '-01' as timestamp) + interval 1 month",
    "ChargeCategory": "charge_category",
    "ChargeClass": "cast(null as varchar)",
    "ChargeDescription": "charge_description",
    "ChargeFrequency": "'Usage-Based'",
    "ChargePeriodStart": "cast(charge_date as timestamp)",
    "ChargePeriodEnd": "cast(charge_date as timestamp) + interval 1 day",
    # The price columns of allocated cost hold its cost after every discount.
    "ContractedCost": "effective_cost",
    "EffectiveCost": "effective_cost",
    # An allocated charge is on no invoice: it gathers charges of several.
    "InvoiceId": "cast(null as varchar)",
    "InvoiceIssuerName": "service_provider_name",
    "ListCost": "effective_cost",
    # A charge is a day of a service, as a whole.
    "PricingQuantity": "case when charge_category = 'Usage'"
    " then cast(1 as decimal(28, 10)) end",
    "PricingUnit": "case when charge_category = 'Usage' then 'Days' end",
    "ServiceCategory": "'AI and Machine Learning'",
    "ServiceName": "service_name",
    "ServiceSubcategory": "'Other (AI and Machine Learning)'",
    "Tags": "tags",
}
_COLUMNS_OF = {
    "1.2": {
        "ProviderName": "service_provider_name",
        "PublisherName": "service_provider_name",
    },
    "1.4": {
        "AllocatedMethodDetails": "allocated_method_details",
        "AllocatedMethodId": "allocated_method_id",
        "AllocatedResourceId": "allocated_resource_id",
        "AllocatedResourceName": "allocated_resource_name",
        "AllocatedTags": "allocated_tags",
        "HostProviderName": "service_provider_name",
        "ResourceId": "pool_id",
        "ResourceName": "pool_id",
        "ServiceProviderName": "service_provider_name",
    },
}
#: Columns beyond FOCUS: the owner of the cost, and the reliability of the month.
_OWN_COLUMNS = {
    "x_AssignmentMethod": "assignment_method",
    "x_BillSource": "source",
    "x_Completeness": "$completeness",
    "x_Component": "component",
    "x_CostCenter": "cost_center",
    "x_FeatureId": "feature_id",
    "x_IsEstimated": "is_estimated",
    "x_LifecycleStage": "lifecycle_stage",
    "x_Mark": "$mark",
    "x_ModelId": "model_id",
    "x_PeriodState": "$state",
    "x_PoolId": "pool_id",
    "x_RunId": "$run_id",
    "x_TeamId": "team_id",
}


def focus_table(
    snapshot: Snapshot,
    billing_month: str,
    version: FocusVersion,
    *,
    closing: ClosingMonth | None = None,
) -> tuple[pa.Table, list[tuple[str, str]]]:
    """Return a month's allocated cost in FOCUS columns, and its metadata.

    Raises
    ------
    UsageError
        The month has no charges.
    """
    facts = provenance(snapshot, billing_month, "Amortised", closing=closing)
    columns = {**_COLUMNS, **_COLUMNS_OF[version]}
    ordered = {**dict(sorted(columns.items())), **_OWN_COLUMNS}
    listed = ", ".join(f'{sql} as "{name}"' for name, sql in ordered.items())
    answer = snapshot.query(
        f"select {listed} from cost.mart_focus_allocated"
        " where billing_month = $month order by all",
        {
            "month": billing_month,
            "completeness": facts.completeness,
            "mark": facts.mark or None,
            "state": facts.state,
            "run_id": facts.run_id,
        },
    )
    said = [("FOCUS version", version), *facts.facts()]
    return answer, [fact for fact in said if fact[0] != "Cost basis"]


def render_focus(
    snapshot: Snapshot,
    billing_month: str,
    version: FocusVersion,
    form: FocusFormat,
    *,
    closing: ClosingMonth | None = None,
) -> bytes:
    """Return a month's allocated cost as a FOCUS file.

    Parquet has the header of other exports as metadata; a CSV file of FOCUS begins with
    its column names, so there every row has it (``x_``).
    """
    answer, facts = focus_table(snapshot, billing_month, version, closing=closing)
    if form == "parquet":
        return to_parquet(answer, facts)
    columns = (_focus_texts(column.to_pylist()) for column in answer.columns)
    return to_csv((), answer.column_names, zip(*columns, strict=True))


def _focus_texts(values: list[object]) -> list[object]:
    """Return values with moments as FOCUS writes them: ISO 8601, UTC, with Z."""
    return [
        f"{value:%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else value
        for value in values
    ]
