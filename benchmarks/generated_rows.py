"""The rows that are generated, as SQL over the numbers of the rows alone."""

from __future__ import annotations

from typing import Final

SKU_COUNT: Final = 501
RESOURCE_COUNT: Final = 5_000

SERVICES = """
CREATE TEMP TABLE services AS
SELECT row_number() OVER () - 1 AS service_index, *
FROM (VALUES
    ('Northcloud', 'Compute Instances', 'Compute', 'Virtual Machines', 'Hours'),
    ('Eastcloud', 'Managed Kubernetes', 'Compute', 'Containers', 'Hours'),
    ('Westcloud', 'Model Endpoints', 'AI and Machine Learning', 'Generative AI',
     'Tokens'),
    ('Northcloud', 'Object Storage', 'Storage', 'Object Storage', 'GB-Months'),
    ('Eastcloud', 'Block Storage', 'Storage', 'Block Storage', 'GB-Months'),
    ('Westcloud', 'Vector Database', 'Databases', 'NoSQL Databases', 'Hours'),
    ('Northcloud', 'Model Training', 'AI and Machine Learning',
     'Machine Learning', 'Hours'),
    ('Eastcloud', 'Data Warehouse', 'Analytics', 'Data Processing', 'TB'),
    ('Westcloud', 'Load Balancing', 'Networking', 'Network Routing', 'Hours'),
    ('Northcloud', 'Data Transfer', 'Networking', 'Content Delivery', 'GB'),
    ('Eastcloud', 'Observability', 'Management and Governance', 'Observability',
     'GB'),
    ('Westcloud', 'Message Queue', 'Integration', 'Messaging', 'Requests')
) AS s (provider, service, category, subcategory, unit)
"""

# A SKU belongs to the provider of its number modulo three, as a resource does.
SKUS = """
CREATE TEMP TABLE skus AS
SELECT
    sku_index,
    'SKU-' || lpad(CAST(sku_index AS VARCHAR), 5, '0') AS sku_id,
    'SKU-' || lpad(CAST(sku_index AS VARCHAR), 5, '0') || '-OD' AS sku_price_id,
    provider, service, category, subcategory, unit,
    service || ' usage, meter ' || sku_index AS charge_description,
    service || ' ' || unit AS sku_meter,
    CAST(1 + hash(sku_index, {seed}, 'price') % 40000 AS DECIMAL(10, 0))
        * CAST(0.0001 AS DECIMAL(5, 4)) AS list_unit_price
FROM (
    SELECT
        range AS sku_index,
        3 * (hash(range, {seed}, 'service') % 4) + range % 3 AS service_index
    FROM range({count})
)
INNER JOIN services USING (service_index)
ORDER BY sku_index
"""

RESOURCES = """
CREATE TEMP TABLE resources AS
SELECT
    resource_index,
    'res-' || lpad(CAST(resource_index AS VARCHAR), 6, '0') AS resource_id,
    CASE kind
        WHEN 'pool' THEN 'gpu-node-' || resource_index
        ELSE 'workload-' || resource_index
    END AS resource_name,
    CASE kind WHEN 'pool' THEN 'GPU Node' ELSE 'Instance' END AS resource_type,
    'acct-' || lpad(CAST(account AS VARCHAR), 3, '0') AS sub_account_id,
    'Account ' || account AS sub_account_name,
    'region-' || hash(resource_index, {seed}, 'region') % 12 AS region_id,
    'Region ' || hash(resource_index, {seed}, 'region') % 12 AS region_name,
    'region-' || hash(resource_index, {seed}, 'region') % 12 || chr(
        CAST(97 + resource_index % 3 AS INTEGER)
    ) AS availability_zone,
    CASE kind
        WHEN 'pool' THEN MAP {{
            'cluster': 'gpu', 'environment': environment, 'team': 'platform'
        }}
        WHEN 'unmatched' THEN MAP {{'environment': environment}}
        ELSE MAP {{
            'model': 'model-' || lpad(CAST(model AS VARCHAR), 3, '0'),
            'team': 'team-' || lpad(CAST(model % 20 AS VARCHAR), 2, '0'),
            'environment': environment,
            'cluster': 'cluster-' || account % 8
        }}
    END AS tags
FROM (
    SELECT
        range AS resource_index,
        CASE
            WHEN range % 100 < 8 THEN 'pool'
            WHEN range % 100 < 10 THEN 'unmatched'
            ELSE 'model'
        END AS kind,
        hash(range, {seed}, 'account') % 40 AS account,
        CAST(
            floor({models} * power((hash(range, {seed}, 'model') % 10000) / 10000, 1.6))
            AS INTEGER
        ) AS model,
        CASE
            WHEN hash(range, {seed}, 'environment') % 5 < 3 THEN 'production'
            WHEN hash(range, {seed}, 'environment') % 5 < 4 THEN 'staging'
            ELSE 'research'
        END AS environment
    FROM range({count})
)
ORDER BY resource_index
"""

# h and g are the two sources of chance of a row; each field reads its own digits.
LINE_ITEMS = """
SELECT
    CAST('acct-billing-' || resource_index % 3 AS VARCHAR) AS BillingAccountId,
    'Billing account ' || resource_index % 3 AS BillingAccountName,
    'Organisation' AS BillingAccountType,
    sub_account_id AS SubAccountId,
    sub_account_name AS SubAccountName,
    'Account' AS SubAccountType,
    CAST(
        CASE
            WHEN kind = 'Tax' THEN list_cost * 0.19
            WHEN kind = 'Credit' THEN -list_cost
            WHEN kind = 'Purchase' THEN list_cost
            WHEN kind = 'Unused' OR is_committed THEN 0
            ELSE contracted_cost
        END AS DECIMAL(28, 10)
    ) AS BilledCost,
    CAST(
        CASE
            WHEN kind = 'Tax' THEN list_cost * 0.19
            WHEN kind = 'Credit' THEN -list_cost
            WHEN kind = 'Purchase' THEN 0
            WHEN kind = 'Unused' OR is_committed THEN contracted_cost * 0.7
            ELSE contracted_cost
        END AS DECIMAL(28, 10)
    ) AS EffectiveCost,
    CASE
        WHEN kind = 'Usage' THEN CAST(list_cost AS DECIMAL(28, 10))
        WHEN kind = 'Purchase' THEN CAST(list_cost AS DECIMAL(28, 10))
        ELSE CAST(0 AS DECIMAL(28, 10))
    END AS ListCost,
    CASE
        WHEN kind = 'Usage' THEN CAST(contracted_cost AS DECIMAL(28, 10))
        WHEN kind = 'Purchase' THEN CAST(list_cost AS DECIMAL(28, 10))
        ELSE CAST(0 AS DECIMAL(28, 10))
    END AS ContractedCost,
    CASE WHEN kind IN ('Usage', 'Purchase')
        THEN CAST(list_unit_price AS DECIMAL(28, 10)) END AS ListUnitPrice,
    CASE WHEN kind = 'Usage'
        THEN CAST(list_unit_price * 0.9 AS DECIMAL(28, 10))
        WHEN kind = 'Purchase' THEN CAST(list_unit_price AS DECIMAL(28, 10))
    END AS ContractedUnitPrice,
    'USD' AS BillingCurrency,
    TIMESTAMP '{start}' AS BillingPeriodStart,
    TIMESTAMP '{end}' AS BillingPeriodEnd,
    period_start AS ChargePeriodStart,
    period_start + CASE WHEN is_hourly THEN INTERVAL 1 HOUR ELSE INTERVAL 1 DAY END
        AS ChargePeriodEnd,
    CASE WHEN kind = 'Unused' THEN 'Usage' ELSE kind END AS ChargeCategory,
    CAST(NULL AS VARCHAR) AS ChargeClass,
    CASE kind
        WHEN 'Tax' THEN 'Sales tax'
        WHEN 'Credit' THEN 'Promotional credit'
        WHEN 'Purchase' THEN 'Commitment fee'
        WHEN 'Unused' THEN 'Unused commitment'
        ELSE charge_description
    END AS ChargeDescription,
    CASE kind
        WHEN 'Usage' THEN 'Usage-Based' WHEN 'Unused' THEN 'Usage-Based'
        WHEN 'Purchase' THEN 'Recurring' ELSE 'One-Time'
    END AS ChargeFrequency,
    CASE
        WHEN kind IN ('Tax', 'Credit') THEN NULL
        WHEN kind = 'Unused' OR is_committed THEN 'Committed'
        ELSE 'Standard'
    END AS PricingCategory,
    CASE WHEN kind IN ('Usage', 'Purchase')
        THEN CAST(quantity AS DECIMAL(28, 10)) END AS PricingQuantity,
    CASE WHEN kind IN ('Usage', 'Purchase') THEN unit END AS PricingUnit,
    CASE WHEN kind = 'Usage'
        THEN CAST(quantity AS DECIMAL(28, 10)) END AS ConsumedQuantity,
    CASE WHEN kind = 'Usage' THEN unit END AS ConsumedUnit,
    CASE WHEN kind IN ('Purchase', 'Unused') OR is_committed
        THEN 'commitment-' || resource_index % 30 END AS CommitmentDiscountId,
    CASE WHEN kind IN ('Purchase', 'Unused') OR is_committed
        THEN 'Spend' END AS CommitmentDiscountCategory,
    CASE
        WHEN kind = 'Unused' THEN 'Unused'
        WHEN is_committed THEN 'Used'
    END AS CommitmentDiscountStatus,
    'INV-{month}-' || resource_index % 3 AS InvoiceId,
    provider AS InvoiceIssuerName,
    provider AS ProviderName,
    provider AS PublisherName,
    region_id AS RegionId,
    region_name AS RegionName,
    availability_zone AS AvailabilityZone,
    CASE WHEN kind = 'Usage' THEN resource_id END AS ResourceId,
    CASE WHEN kind = 'Usage' THEN resource_name END AS ResourceName,
    CASE WHEN kind = 'Usage' THEN resource_type END AS ResourceType,
    service AS ServiceName,
    category AS ServiceCategory,
    subcategory AS ServiceSubcategory,
    sku_id AS SkuId,
    sku_price_id AS SkuPriceId,
    sku_meter AS SkuMeter,
    CASE WHEN kind = 'Usage' THEN tags ELSE MAP {{}} END AS Tags
FROM (
    SELECT
        *,
        kind = 'Usage' AND g // 128 % 5 = 0 AS is_committed,
        list_unit_price * quantity AS list_cost,
        list_unit_price * quantity * CAST(0.9 AS DECIMAL(2, 1)) AS contracted_cost
    FROM (
        SELECT
            *,
            h % {resources} AS resource_index,
            3 * ((h % {resources} // 3 + h // 8192 % 4 * 17) % {skus_each})
            + h % {resources} % 3 AS sku_index,
            CASE
                WHEN g // 1024 % 100000 < 10 THEN 'Tax'
                WHEN g // 1024 % 100000 < 20 THEN 'Credit'
                WHEN g // 1024 % 100000 < 40 THEN 'Unused'
                WHEN g // 1024 % 100000 < 50 THEN 'Purchase'
                ELSE 'Usage'
            END AS kind,
            CAST(1 + h // 65536 % 99999 AS DECIMAL(8, 0)) * CAST(0.001 AS DECIMAL(4, 3))
                AS quantity,
            g % 10 < 7 AS is_hourly,
            TIMESTAMP '{start}'
            + to_hours(
                CASE WHEN g % 10 < 7
                    THEN CAST(g // 134217728 % ({days} * 24) AS BIGINT)
                    ELSE CAST(g // 134217728 % {days} AS BIGINT) * 24
                END
            ) AS period_start
        FROM (
            SELECT
                hash(range, {seed}, 'h') AS h,
                hash(range, {seed}, 'g') AS g
            FROM range({first_row}, {last_row})
        )
    )
    INNER JOIN resources USING (resource_index)
    INNER JOIN skus USING (sku_index)
)
""".replace("{resources}", str(RESOURCE_COUNT)).replace(
    "{skus_each}", str(SKU_COUNT // 3)
)

USAGE = """
CREATE TEMP TABLE usage AS
SELECT
    CAST(day AS DATE) AS usage_date,
    'model-' || lpad(CAST(model AS VARCHAR), 3, '0') AS model_id,
    '{pool}' AS pool_id,
    requests,
    requests - requests * (h % 7) // 1000 AS successful_requests,
    requests * (200 + h % 1800) AS input_tokens,
    requests * (50 + h % 450) AS output_tokens,
    CAST(requests * (20 + model % 13) AS DECIMAL(18, 3)) * 0.037 AS gpu_seconds
FROM (
    SELECT
        *,
        CAST(1000 + h % 5000 + 200000 // (model + 1) AS BIGINT) AS requests
    FROM (
        SELECT day, model, CAST(hash(day, model, {seed}) % 1000000007 AS BIGINT) AS h
        FROM
            (SELECT range AS model FROM range({models})),
            (SELECT range AS day FROM range(
                TIMESTAMP '{start}', TIMESTAMP '{end}', INTERVAL 1 DAY))
    )
)
ORDER BY usage_date, model_id
"""

# A bill of tokens: ten models of a vendor each hour, and four kinds of tokens of each.
LINE_ITEMS_BY_KIND = """
SELECT
    'org-1' AS BillingAccountId,
    'Organisation' AS BillingAccountName,
    CAST(quantity * price AS DECIMAL(28, 10)) AS BilledCost,
    CAST(quantity * price AS DECIMAL(28, 10)) AS EffectiveCost,
    CAST(quantity * price AS DECIMAL(28, 10)) AS ListCost,
    CAST(quantity * price AS DECIMAL(28, 10)) AS ContractedCost,
    CAST(price AS DECIMAL(28, 10)) AS ListUnitPrice,
    CAST(price AS DECIMAL(28, 10)) AS ContractedUnitPrice,
    'USD' AS BillingCurrency,
    date_trunc('month', hour) AS BillingPeriodStart,
    date_trunc('month', hour) + INTERVAL 1 MONTH AS BillingPeriodEnd,
    hour AS ChargePeriodStart,
    hour + INTERVAL 1 HOUR AS ChargePeriodEnd,
    'Usage' AS ChargeCategory,
    'Usage-Based' AS ChargeFrequency,
    'Standard' AS PricingCategory,
    'vendor-' || model || ', ' || kind AS ChargeDescription,
    CAST(quantity AS DECIMAL(28, 10)) AS PricingQuantity,
    '1M Tokens' AS PricingUnit,
    CAST(quantity * 1000000 AS DECIMAL(28, 10)) AS ConsumedQuantity,
    'Tokens' AS ConsumedUnit,
    'INV-' || strftime(hour, '%Y-%m') AS InvoiceId,
    'Northcloud' AS InvoiceIssuerName,
    'Northcloud' AS ProviderName,
    'Northcloud' AS PublisherName,
    'Model API' AS ServiceName,
    'AI and Machine Learning' AS ServiceCategory,
    'Generative AI' AS ServiceSubcategory,
    'vendor-' || model || '-' || replace(kind, ' ', '-') AS SkuId,
    'vendor-' || model || ', ' || kind AS SkuMeter,
    MAP {{'project': 'project-' || hash(range, {seed}, 'project') % 5}} AS Tags
FROM (
    SELECT
        range,
        TIMESTAMP '{start}' + to_hours(range // {lines_per_hour}) AS hour,
        range // 4 % 10 AS model,
        ['input tokens', 'cached input tokens', 'cache write tokens', 'output tokens'][
            range % 4 + 1
        ] AS kind,
        CAST(1 + hash(range, {seed}, 'quantity') % 9999 AS DECIMAL(8, 0))
        * CAST(0.001 AS DECIMAL(4, 3)) AS quantity,
        CAST(1 + range // 4 % 10 + range % 4 * 2 AS DECIMAL(4, 0))
        * CAST(0.25 AS DECIMAL(3, 2)) AS price
    FROM range({rows})
)
"""

USAGE_BY_KIND = """
SELECT
    CAST(day AS DATE) AS usage_date,
    'model-' || served AS model_id,
    'api' AS pool_id,
    'vendor-' || (served * 3 + part) % 10 AS provider_model,
    1000 + hash(day, served, part, {seed}) % 9000 AS requests,
    500000 + hash(day, served, part, {seed}) % 900000 AS input_tokens,
    100000 + hash(day, served, part, {seed}) % 90000 AS cached_input_tokens,
    50000 + hash(day, served, part, {seed}) % 40000 AS output_tokens
FROM
    (SELECT range AS served FROM range(6)),
    (SELECT range AS part FROM range(3)),
    (SELECT range AS day FROM range(
        TIMESTAMP '{start}', TIMESTAMP '{start}' + to_hours({rows} // {lines_per_hour}),
        INTERVAL 1 DAY))
ORDER BY ALL
"""
