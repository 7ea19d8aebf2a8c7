{#-
  FOCUS 1.0 to 1.4 under 1.4 names. Up to 1.3 the seller stands in ProviderName and
  PublisherName: a marketplace charge is sold by its publisher, any other by the
  provider, which hosts it in both cases.
-#}
{%- set expressions = delivered_focus_columns() -%}
{%- do expressions.update({
    'service_provider_name':
        'coalesce(ServiceProviderName, case when PublisherName = ProviderName then ProviderName when ' ~ is_cloud_own_name('PublisherName')
        ~ ' then ProviderName else coalesce(PublisherName, ProviderName) end,'
        ~ ' HostProviderName, InvoiceIssuerName, _source)',
    'host_provider_name': 'coalesce(HostProviderName, ProviderName)',
    'charge_category': to_charge_category('ChargeCategory'),
}) -%}
with source as (
    select * from {{ source('evidence', 'focus') }}
)

select
    {{ focus_charge(expressions) }}
from source
