{#- The columns of the ledger: FOCUS 1.4 names in snake case, with their types. -#}
{% macro focus_columns() -%}
    {%- set money = 'decimal(38, 18)' -%}
    {%- set columns = {
        'billed_cost': money,
        'effective_cost': money,
        'list_cost': money,
        'contracted_cost': money,
        'list_unit_price': money,
        'contracted_unit_price': money,
        'pricing_currency_contracted_unit_price': money,
        'pricing_currency_effective_cost': money,
        'pricing_currency_list_unit_price': money,
        'pricing_quantity': money,
        'consumed_quantity': money,
        'commitment_discount_quantity': money,
        'billing_period_start': 'timestamp',
        'billing_period_end': 'timestamp',
        'charge_period_start': 'timestamp',
        'charge_period_end': 'timestamp',
    } -%}
    {%- for name in [
        'billing_currency', 'charge_category', 'charge_class', 'charge_description',
        'charge_frequency', 'invoice_id', 'invoice_detail_id', 'invoice_issuer_name',
        'service_provider_name', 'host_provider_name', 'provider_name', 'publisher_name',
        'billing_account_id', 'billing_account_name', 'billing_account_type',
        'sub_account_id', 'sub_account_name', 'sub_account_type',
        'service_name', 'service_category', 'service_subcategory',
        'sku_id', 'sku_meter', 'sku_price_id', 'sku_price_details',
        'resource_id', 'resource_name', 'resource_type',
        'region_id', 'region_name', 'availability_zone',
        'pricing_category', 'pricing_unit', 'pricing_currency', 'consumed_unit',
        'commitment_discount_id', 'commitment_discount_name',
        'commitment_discount_category', 'commitment_discount_type',
        'commitment_discount_status', 'commitment_discount_unit',
        'commitment_program_eligibility_details', 'contract_applied',
        'capacity_reservation_id', 'capacity_reservation_status',
        'allocated_method_id', 'allocated_method_details',
        'allocated_resource_id', 'allocated_resource_name',
    ] -%}
        {%- do columns.update({name: 'string'}) -%}
    {%- endfor -%}
    {%- do columns.update({'allocated_tags': tags_type(), 'tags': tags_type()}) -%}
    {{ return(columns) }}
{%- endmacro %}

{#-
  A select list of all ledger columns: the given expressions, and typed NULL where a
  source has no such thing. Lineage columns are added from the evidence view.
-#}
{% macro focus_charge(expressions, line_item_count=1, is_estimated='false') -%}
    {%- for name, type in focus_columns().items() %}
    {{ expressions.get(name, 'cast(null as ' ~ type ~ ')') }} as {{ name }},
    {%- endfor %}
    {{ line_item_count }} as line_item_count,
    {{ is_estimated }} as is_estimated,
    _source as source,
    _load_id as load_id,
    _source_uri as source_uri
{%- endmacro %}

{#- Every ledger column as FOCUS delivers it: BilledCost for billed_cost. -#}
{% macro delivered_focus_columns() -%}
    {%- set expressions = {} -%}
    {%- for name in focus_columns() -%}
        {%- do expressions.update({name: focus_name(name)}) -%}
    {%- endfor -%}
    {{ return(expressions) }}
{%- endmacro %}

{#- FOCUS PascalCase of a ledger column: billed_cost → BilledCost. -#}
{% macro focus_name(column) -%}
    {{ return(column.split('_') | map('capitalize') | join('')) }}
{%- endmacro %}
