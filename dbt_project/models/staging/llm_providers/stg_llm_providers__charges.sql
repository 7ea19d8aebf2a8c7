{#-
  Daily costs of model APIs and coding assistants as ledger charges. The vendors tell one amount
  per line: it is what is billed, and both bases are alike. The billing period is the calendar month
  of the day. A project, a workspace or an organisation is the sub-account; an API key is the resource.
  Seats of an assistant are a service of their own, so that their money is a row of every bill.
-#}
{%- set vendor -%}
    case provider
        when 'openai' then 'OpenAI'
        when 'anthropic' then 'Anthropic'
        when 'github_copilot' then 'GitHub'
        when 'cursor' then 'Cursor'
        else provider
    end
{%- endset -%}
{%- set service -%}
    case
        when provider in ('github_copilot', 'cursor') then {{ assistant_name('provider') }}
        else {{ vendor }} || ' API'
    end || case when cost_type = 'seat' then '{{ seats_ending() }}' else '' end
{%- endset -%}
{%- set sub_account_type -%}
    case provider
        when 'anthropic' then 'Workspace'
        when 'github_copilot' then 'Organisation'
        when 'cursor' then 'Team'
        else 'Project'
    end
{%- endset -%}
{#- FOCUS has a JSON object for what a price depends on; of model APIs the names of 1.5. -#}
{%- set sku_price_details -%}
    case
        when provider_model is not null
            then '{"ModelId": "' || provider_model || '"'
                || coalesce(', "ServiceTier": "' || service_tier || '"', '')
                || coalesce(', "ContextWindow": "' || context_window || '"', '') || '}'
    end
{%- endset -%}
{#- A credit is known by the words of its line. What is bought in credits has a positive amount. -#}
{%- set words = "lower(concat_ws(' ', coalesce(cost_type, ''), coalesce(line_item, ''), coalesce(description, '')))" -%}
{%- set charge_category -%}
    case
        when amount < 0 and {{ has_word(words, ['credit', 'credits', 'promotion', 'promotional']) }} then 'Credit'
        else 'Usage'
    end
{%- endset -%}
{%- set charge = {
    'billed_cost': to_exact_money('amount'),
    'effective_cost': to_exact_money('amount'),
    'contracted_cost': to_exact_money('amount'),
    'billing_currency': 'currency',
    'billing_period_start': interval_start('month', 'period_start'),
    'billing_period_end': interval_start('month', 'period_start') ~ " + interval '1' month",
    'charge_period_start': 'period_start',
    'charge_period_end': 'period_end',
    'charge_category': charge_category,
    'charge_description': 'coalesce(description, line_item, cost_type)',
    'charge_frequency': "'Usage-Based'",
    'service_provider_name': vendor,
    'host_provider_name': vendor,
    'provider_name': vendor,
    'publisher_name': vendor,
    'invoice_issuer_name': vendor,
    'service_name': service,
    'service_category': "'AI and Machine Learning'",
    'service_subcategory': "'Generative AI'",
    'sub_account_id': 'project_id',
    'sub_account_name': 'project_name',
    'sub_account_type': sub_account_type,
    'sku_id': 'line_item',
    'sku_meter': 'coalesce(token_type, line_item, cost_type)',
    'sku_price_details': sku_price_details,
    'resource_id': 'api_key_id',
    'resource_type': "case when api_key_id is not null then 'API key' end",
    'pricing_quantity': 'quantity',
    'pricing_unit': 'quantity_unit',
    'consumed_quantity': 'quantity',
    'consumed_unit': 'quantity_unit',
    'tags': 'tags',
} -%}
with source as (
    select * from {{ source('evidence', 'llm_provider_costs') }}
)

select
    {{ focus_charge(charge) }}
from source
