"""One small sample company for all tests of this folder, and how to read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import pytest
import yaml

from ingest.sample_company.company import write_company

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import BuiltWorkspaces

SCALE = 0.05


@pytest.fixture(scope="session")
def company(
    built_workspaces: BuiltWorkspaces, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return the workspace of a company with few line items."""

    def write(root: Path) -> None:
        write_company(root, scale=SCALE)

    target = tmp_path_factory.mktemp("company") / "workspace"
    return built_workspaces.copy("company_of_18_months", write, target)


@pytest.fixture(scope="session")
def truth(company: Path) -> dict[str, Any]:
    """Return what was planted."""
    text = (company / "sample" / "truth.yml").read_text(encoding="utf-8")
    content = yaml.load(text, Loader=yaml.CSafeLoader)
    assert isinstance(content, dict)
    return content


@pytest.fixture(scope="module")
def files(company: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Return a connection that sees the written bills, without any of our code.

    ``aws`` holds what the manifests name, ``gcp`` and ``tidewater`` everything; rows
    that cannot be read are left out by conditions written here.
    """
    connection = duckdb.connect(":memory:")
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"SET file_search_path = '{company}'")
    connection.execute(_BILLS)
    yield connection
    connection.close()


_BILLS = """
CREATE VIEW manifests AS
SELECT unnest(dataFiles) AS uri
FROM read_json('bills/aws/exports/focus/metadata/BILLING_PERIOD=*/focus-Manifest.json',
               columns = {'dataFiles': 'VARCHAR[]'});

SET VARIABLE named = (
    SELECT list('bills/aws/' || regexp_replace(uri, '^s3://[^/]+/', '')) FROM manifests
);
CREATE VIEW delivered AS SELECT * FROM read_parquet(getvariable('named'));
CREATE VIEW aws AS SELECT * FROM delivered WHERE BillingCurrency IN ('USD', 'EUR');

CREATE VIEW tidewater AS
SELECT * REPLACE (
    try_cast(BilledCost AS DECIMAL(28, 10)) AS BilledCost,
    try_cast(EffectiveCost AS DECIMAL(28, 10)) AS EffectiveCost
)
FROM read_csv('bills/hybrid/*.csv.gz', all_varchar = true, header = true)
WHERE try_cast(BilledCost AS DECIMAL(28, 10)) IS NOT NULL;

CREATE VIEW google AS
SELECT
    CAST(cost AS VARCHAR) AS cost, currency, usage_start_time, cost_type,
    invoice, credits, usage, sku, service
FROM read_parquet('bills/gcp/*/*.parquet')
UNION ALL
SELECT
    cost, currency, CAST(usage_start_time AS TIMESTAMPTZ), cost_type,
    invoice, credits, usage, sku, service
FROM read_json(
    'bills/gcp/*/*.jsonl.gz', format = 'newline_delimited',
    columns = {
        'cost': 'VARCHAR', 'currency': 'VARCHAR', 'usage_start_time': 'VARCHAR',
        'cost_type': 'VARCHAR',
        'invoice': 'STRUCT("month" VARCHAR, publisher_type VARCHAR)',
        'credits': 'STRUCT("name" VARCHAR, amount DOUBLE, full_name VARCHAR,'
            ' id VARCHAR, "type" VARCHAR)[]',
        'usage': 'STRUCT(amount DOUBLE, unit VARCHAR, amount_in_pricing_units DOUBLE,'
            ' pricing_unit VARCHAR)',
        'sku': 'STRUCT(id VARCHAR, description VARCHAR)',
        'service': 'STRUCT(id VARCHAR, description VARCHAR)'
    });

CREATE VIEW gcp AS
SELECT
    invoice.month[1:4] || '-' || invoice.month[5:6] AS month,
    CAST(cost AS DECIMAL(28, 10)) + coalesce(list_sum(list_transform(
        credits, lambda c: CAST(CAST(c.amount AS VARCHAR) AS DECIMAL(28, 10)))), 0)
        AS net,
    *
FROM google
WHERE try_cast(cost AS DECIMAL(28, 10)) IS NOT NULL;
"""
