{#- Legal and trading names under which clouds publish their own services. -#}
{% macro is_cloud_own_name(column) -%}
    {%- set names = [
        'amazon', 'amazon web services', 'amazon web services, inc.', 'amazon web services emea sarl', 'aws',
        'google', 'google cloud', 'google cloud platform', 'google llc', 'gcp',
        'microsoft', 'microsoft azure', 'microsoft corporation', 'azure',
        'oracle', 'oracle corporation', 'oracle cloud infrastructure', 'oci',
    ] -%}
    lower({{ column }}) in ({{ sql_texts(names) }})
{%- endmacro %}

{#- A charge category in the specification's casing, however it was delivered. -#}
{% macro to_charge_category(column) -%}
    case
        when {{ column }} in ('Usage', 'Purchase', 'Tax', 'Credit', 'Adjustment') then {{ column }}
        else upper(substr({{ column }}, 1, 1)) || lower(substr({{ column }}, 2))
    end
{%- endmacro %}
