"""Lands a bill into memory by the code that would load it, as columns of the ledger.

The output of dbt's staging models of a stream is repeated here for the columns that
describe the purpose of a charge; a test compares the two.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ingest.connector import LandingOptions, RestingPlace
from ingest.engine.landing import Lander
from ingest.streams import STREAMS
from triptych.core.file_names import literal, read_name
from triptych.core.lake.in_place import file_version
from triptych.core.spare_engines import spare_engine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb

    from ingest.sources.tables.bill_formats import BillFormat
    from triptych.core.lake.loads import QuarantinedRow

#: A file that is larger is judged by its beginning.
SAMPLED_ABOVE_BYTES = 96 * 1024 * 1024
_MEMORY = "1GB"
_SAMPLED_ROWS = 200_000

#: Columns of the ledger, in the order in which they describe the purpose of a charge.
LEDGER_COLUMNS = (
    "service_provider_name",
    "service_name",
    "service_category",
    "sku_id",
    "sku_meter",
    "sku_price_details",
    "charge_description",
    "charge_category",
    "resource_id",
    "resource_name",
    "resource_type",
    "sub_account_id",
    "sub_account_name",
    "region_id",
)

_FOCUS_SELECT = """
  coalesce(ServiceProviderName, CASE WHEN PublisherName = ProviderName THEN ProviderName
    ELSE coalesce(PublisherName, ProviderName) END, HostProviderName,
    InvoiceIssuerName) AS service_provider_name,
  ServiceName AS service_name, ServiceCategory AS service_category, SkuId AS sku_id,
  SkuMeter AS sku_meter, SkuPriceDetails AS sku_price_details,
  ChargeDescription AS charge_description,
  CASE WHEN ChargeCategory IN ('Usage', 'Purchase', 'Tax', 'Credit', 'Adjustment')
    THEN ChargeCategory ELSE upper(ChargeCategory[1]) || lower(ChargeCategory[2:]) END
    AS charge_category,
  ResourceId AS resource_id, ResourceName AS resource_name,
  ResourceType AS resource_type, SubAccountId AS sub_account_id,
  SubAccountName AS sub_account_name, RegionId AS region_id, Tags AS tags,
  BilledCost AS billed_cost, EffectiveCost AS effective_cost,
  CASE WHEN charge_category IN ('Tax', 'Credit') THEN 0 ELSE EffectiveCost END
    AS effective_spend,
  BillingCurrency AS billing_currency, BillingPeriodStart AS billing_period_start,
  ChargePeriodStart AS charge_period_start
"""
_AWS_SELECT = """
  coalesce(nullif(line_item_legal_entity, ''), 'Amazon Web Services')
    AS service_provider_name,
  coalesce(CASE WHEN bill_billing_entity = 'AWS Marketplace'
      OR product_servicecode = 'AmazonBedrockFoundationModels'
    THEN nullif(product['product_name'], '') END, nullif(product_servicecode, ''),
    line_item_product_code) AS service_name,
  CAST(NULL AS VARCHAR) AS service_category, CAST(NULL AS VARCHAR) AS sku_id,
  line_item_usage_type AS sku_meter, CAST(NULL AS VARCHAR) AS sku_price_details,
  line_item_line_item_description AS charge_description,
  CASE WHEN line_item_line_item_type = 'Tax' THEN 'Tax'
    WHEN line_item_line_item_type
      IN ('Credit', 'EdpDiscount', 'BundledDiscount') THEN 'Credit'
    WHEN line_item_line_item_type = 'Refund' THEN 'Adjustment'
    WHEN line_item_line_item_type
      IN ('Fee', 'RIFee', 'SavingsPlanUpfrontFee', 'SavingsPlanRecurringFee')
      THEN 'Purchase' ELSE 'Usage' END AS charge_category,
  line_item_resource_id AS resource_id,
  CAST(NULL AS VARCHAR) AS resource_name, CAST(NULL AS VARCHAR) AS resource_type,
  line_item_usage_account_id AS sub_account_id,
  line_item_usage_account_name AS sub_account_name,
  product_region_code AS region_id, resource_tags AS tags,
  line_item_unblended_cost AS billed_cost,
  CASE line_item_line_item_type
    WHEN 'SavingsPlanCoveredUsage'
      THEN coalesce(savings_plan_savings_plan_effective_cost, line_item_unblended_cost)
    WHEN 'DiscountedUsage'
      THEN coalesce(reservation_effective_cost, line_item_unblended_cost)
    WHEN 'SavingsPlanNegation'
      THEN CASE WHEN is_covered_cost_unknown THEN line_item_unblended_cost ELSE 0 END
    WHEN 'SavingsPlanUpfrontFee' THEN 0
    WHEN 'SavingsPlanRecurringFee'
      THEN coalesce(
        savings_plan_total_commitment_to_date - savings_plan_used_commitment,
        line_item_unblended_cost - CASE fee_rank WHEN 1 THEN covered_cost ELSE 0 END)
    WHEN 'RIFee'
      THEN coalesce(
        coalesce(reservation_unused_amortized_upfront_fee_for_billing_period,
          reservation_unused_recurring_fee * 0)
        + coalesce(reservation_unused_recurring_fee, 0),
        line_item_unblended_cost - CASE fee_rank WHEN 1 THEN reserved_cost ELSE 0 END)
    WHEN 'Fee'
      THEN CASE WHEN reservation_arn <> '' THEN 0 ELSE line_item_unblended_cost END
    WHEN 'Refund'
      THEN CASE WHEN line_item_product_code LIKE '%SavingsPlans' THEN 0
        ELSE line_item_unblended_cost END
    ELSE line_item_unblended_cost END AS effective_cost,
  CASE WHEN charge_category IN ('Tax', 'Credit') THEN 0 ELSE effective_cost END
    AS effective_spend,
  line_item_currency_code AS billing_currency,
  bill_billing_period_start_date AS billing_period_start,
  line_item_usage_start_date AS charge_period_start
"""
_GOOGLE_SELECT = """
  CASE WHEN seller_name <> '' AND seller_name NOT LIKE 'Google%' THEN seller_name
    ELSE 'Google Cloud' END AS service_provider_name,
  service_description AS service_name,
  CAST(NULL AS VARCHAR) AS service_category, sku_id AS sku_id,
  CAST(NULL AS VARCHAR) AS sku_meter, CAST(NULL AS VARCHAR) AS sku_price_details,
  sku_description AS charge_description,
  CASE cost_type WHEN 'tax' THEN 'Tax' WHEN 'regular' THEN 'Usage' ELSE 'Adjustment' END
    AS charge_category,
  resource_global_name AS resource_id, resource_name AS resource_name,
  CAST(NULL AS VARCHAR) AS resource_type, project_id AS sub_account_id,
  project_name AS sub_account_name, location_region AS region_id,
  map_concat(coalesce(project_labels, MAP {}), coalesce(tags, MAP {}),
    coalesce(labels, MAP {})) AS tags,
  cost + coalesce(credits_amount, 0) AS billed_cost,
  cost + coalesce(credits_amount, 0) AS effective_cost,
  CASE cost_type WHEN 'tax' THEN 0
    ELSE cost + coalesce(credits_amount, 0) - coalesce(promotion_amount, 0) END
    AS effective_spend,
  currency AS billing_currency,
  invoice_month_start AS billing_period_start, usage_start_time AS charge_period_start
"""
#: Usage covered by a commitment is taken from its fee, of several fees from the first.
_AWS_FEES = "('SavingsPlanRecurringFee', 'RIFee')"
_AWS_ROWS = f"""(
  WITH lines AS NOT MATERIALIZED (
    SELECT *, coalesce(savings_plan_savings_plan_a_r_n, '') AS plan_arn,
      coalesce(reservation_reservation_a_r_n, '') AS reservation_arn FROM delivered
    WHERE coalesce(line_item_operation, '') NOT IN ('EKSPod-EC2', 'ECSTask-EC2')
  ), ranked AS NOT MATERIALIZED (
    SELECT *, 0 AS fee_rank FROM lines
    WHERE line_item_line_item_type NOT IN {_AWS_FEES}
    UNION ALL
    SELECT *, row_number() OVER (
      PARTITION BY line_item_line_item_type, plan_arn, reservation_arn,
        bill_billing_period_start_date, CASE line_item_line_item_type
          WHEN 'SavingsPlanRecurringFee' THEN line_item_usage_start_date END
      ORDER BY line_item_unblended_cost DESC, identity_line_item_id ASC NULLS LAST)
    FROM lines WHERE line_item_line_item_type IN {_AWS_FEES}
  )
  SELECT ranked.*, coalesce(covered.cost, 0) AS covered_cost,
    coalesce(reserved.cost, 0) AS reserved_cost,
    covered.plan IS NOT NULL AND covered.cost IS NULL AS is_covered_cost_unknown
  FROM ranked
  LEFT JOIN (
    SELECT plan_arn AS plan, bill_billing_period_start_date AS period,
      line_item_usage_start_date AS hour,
      sum(savings_plan_savings_plan_effective_cost) AS cost
    FROM lines WHERE line_item_line_item_type = 'SavingsPlanCoveredUsage' GROUP BY ALL
  ) AS covered ON covered.plan = plan_arn
    AND covered.period = bill_billing_period_start_date
    AND covered.hour = line_item_usage_start_date
  LEFT JOIN (
    SELECT reservation_arn AS reservation, bill_billing_period_start_date AS period,
      sum(reservation_effective_cost) AS cost
    FROM lines WHERE line_item_line_item_type = 'DiscountedUsage' GROUP BY ALL
  ) AS reserved ON reserved.reservation = reservation_arn
    AND reserved.period = bill_billing_period_start_date
)"""
#: Stream → the ledger's columns over its own and the rows, as dbt's staging has them.
_LEDGER = {
    "focus": (_FOCUS_SELECT, "delivered"),
    "aws_cur2": (_AWS_SELECT, _AWS_ROWS),
    "gcp_billing_export": (_GOOGLE_SELECT, "delivered"),
}
BILL_STREAMS = tuple(_LEDGER)


@dataclass(frozen=True, slots=True)
class Reading:
    """A source's specification for reading its files.

    ``is_of_native`` means that it also holds for bills in their provider's own columns,
    which a folder of FOCUS reads as their provider writes them.
    """

    delimiter: str = ","
    encoding: str = "utf-8"
    options: LandingOptions = field(default_factory=LandingOptions)
    is_of_native: bool = False

    @property
    def is_mapped(self) -> bool:
        """Return True if columns are renamed, so a header may not identify a file."""
        return bool(self.options.mapping or self.options.defaults)


@dataclass(frozen=True, slots=True)
class SampledFile:
    """A bill as it would be loaded.

    ``relation`` is a view of the connection with the ledger's columns; ``is_sampled``
    means that only the beginning of the file was read.
    """

    relation: str
    rejected: tuple[QuarantinedRow, ...]
    is_sampled: bool


@contextmanager
def bench() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an engine in memory; landed files lie in its temporary directory."""
    with TemporaryDirectory(prefix="triptych-look-") as folder:
        options = {"memory_limit": _MEMORY, "temp_directory": folder}
        with spare_engine(options) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            yield connection


def sample_file(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    kind: BillFormat,
    *,
    table: str,
    label: str,
    reading: Reading,
) -> SampledFile:
    """Land a file, and make a view of its charges in ``connection``.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        From :func:`bench`.
    path : Path
        The file.
    kind : BillFormat
        Recognised kind of the file.
    table : str
        Name of the view.
    label : str
        Name of the file in messages.
    reading : Reading
        Reading of the file by its source.

    Raises
    ------
    MalformedDeliveryError, IncompleteDeliveryError
        As when it is loaded.
    """
    stream = STREAMS[kind.stream]
    with TemporaryDirectory(prefix="triptych-look-") as folder:
        workdir = Path(folder)
        looked_at = beginning_of(path, workdir, encoding=reading.encoding)
        form = {"delimiter": reading.delimiter, "encoding": reading.encoding}
        own_form = form if reading.is_of_native else {}
        part = kind.part(looked_at, label=label, workdir=workdir, **own_form)
        if not kind.is_native:
            part = replace(part, delimiter=reading.delimiter, encoding=reading.encoding)
        lander = Lander(connection, stream=stream, options=reading.options)
        if looked_at == path and part.path == path and not part.is_owned:
            resting = RestingPlace(str(path), file_version(path))
            part = replace(part, in_place=resting)
        target = _landing_folder(connection) / f"{table}.parquet"
        landed = lander.land(part, target)
        rows = (
            f"SELECT {landed.projection.select_list()}"
            f" FROM read_parquet([{read_name(landed.path)}])"
        )
        query = ledger_query(kind.stream, rows)
        if _LEDGER[kind.stream][1] != "delivered":
            # Fees take their covered usage from other rows: once is enough.
            connection.execute(f"CREATE OR REPLACE TABLE {table}_rows AS {query}")
            query = f"SELECT * FROM {table}_rows"
        connection.execute(f"CREATE OR REPLACE VIEW {table} AS {query}")
    return SampledFile(table, landed.rejected, is_sampled=looked_at != path)


def _landing_folder(connection: duckdb.DuckDBPyConnection) -> Path:
    """Return the folder of :func:`bench` for files that views read."""
    row = connection.execute("SELECT current_setting('temp_directory')").fetchone()
    return Path(row[0]) if row else Path()


def ledger_query(stream: str, rows: str, *, more: str = "") -> str:
    """Return a query of the ledger's columns over rows of a stream.

    ``effective_spend`` is effective cost before tax and credits, as AI cost is.

    Parameters
    ----------
    stream : str
        A stream of :data:`BILL_STREAMS`.
    rows : str
        A query of the stream's rows.
    more : str
        Further columns of these.
    """
    select, source = _LEDGER[stream]
    columns = f"{select.rstrip()}, {more}" if more else select
    return f"WITH delivered AS NOT MATERIALIZED ({rows}) SELECT {columns} FROM {source}"


def union(tables: Sequence[str]) -> str:
    """Return a single relation of several tables."""
    return " UNION ALL ".join(f"SELECT * FROM {table}" for table in tables)


def beginning_of(path: Path, workdir: Path, *, encoding: str = "utf-8") -> Path:
    """Return the file, or a copy of its beginning where it is huge.

    Text ends with a whole line. Compressed text is taken whole: it cannot be cut
    without reading it. So is UTF-16, in which a line does not end with a single byte.
    """
    if path.stat().st_size <= SAMPLED_ABOVE_BYTES or encoding == "utf-16":
        return path
    copy = workdir / f"beginning{path.suffix.lower()}"
    match path.suffix.lower():
        case ".csv" | ".jsonl" | ".ndjson":
            with path.open("rb") as file:
                content = file.read(SAMPLED_ABOVE_BYTES)
            copy.write_bytes(content[: content.rindex(b"\n") + 1])
        case ".parquet":
            with spare_engine() as connection:
                connection.execute(
                    f"COPY (SELECT * FROM read_parquet([{read_name(path)}])"
                    f" LIMIT {_SAMPLED_ROWS}) TO {literal(str(copy))} (FORMAT parquet)"
                )
        case _:
            return path
    return copy
