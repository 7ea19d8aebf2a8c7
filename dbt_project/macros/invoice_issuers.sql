{#-
  Legal entities that invoice, under one name for bills and for registers of invoices: a
  bill says AWS where the invoice says Amazon Web Services EMEA SARL. A name that ends in
  * is a beginning. Whoever is not listed is who it is called, in lower case.
-#}
{% macro invoice_issuers() -%}
    {{ return([
        {'id': 'aws', 'names': ['aws', 'aws *', 'amazon', 'amazon web services*']},
        {'id': 'google', 'names': ['gcp', 'google', 'google *']},
        {'id': 'microsoft', 'names': ['azure', 'microsoft', 'microsoft *']},
        {'id': 'oracle', 'names': ['oci', 'oracle', 'oracle *']},
        {'id': 'openai', 'names': ['openai', 'openai, *', 'openai *']},
        {'id': 'anthropic', 'names': ['anthropic', 'anthropic, *', 'anthropic *']},
        {'id': 'github', 'names': ['github', 'github, inc*', 'github *']},
        {'id': 'cursor', 'names': ['cursor', 'anysphere*', 'cursor *']},
        {'id': 'railway', 'names': ['railway', 'railway corp*']},
    ]) }}
{%- endmacro %}

{#- Reconciled invoices with their issuer as its bills of the month call it, where numbers show that. -#}
{% macro with_issuer_of_bills(reconciliation) -%}
    {%- set invoice_issuer_key = to_invoice_issuer('invoices.invoice_issuer_name') -%}
    select
        invoices.*,
        coalesce(aliases.issuer_key, {{ invoice_issuer_key }}) as issuer_key
    from {{ reconciliation }} as invoices
    left join {{ ref('int_issuer_aliases') }} as aliases
        on
            {{ invoice_issuer_key }} = aliases.invoice_issuer_key
            and invoices.billing_month = aliases.billing_month
{%- endmacro %}

{% macro to_invoice_issuer(column) -%}
    {%- set name = 'lower(trim(' ~ column ~ '))' -%}
    case
    {%- for issuer in invoice_issuers() %}
        when
        {%- for listed in issuer.names %}
            {{ "or " if not loop.first }}
            {%- if listed.endswith('*') -%}
                {{ starts_with(name, sql_text(listed[:-1])) }}
            {%- else -%}
                {{ name }} = {{ sql_text(listed) }}
            {%- endif -%}
        {%- endfor %}
            then '{{ issuer.id }}'
    {%- endfor %}
        else {{ name }}
    end
{%- endmacro %}
