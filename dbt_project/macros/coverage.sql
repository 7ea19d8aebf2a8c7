{#-
  A vendor by the words of its name, without its legal form: what channels write
  differently. Clouds have trading names besides.
-#}
{% macro vendor_key(name) -%}
    {%- set slug = to_slug(name) -%}
    {%- set legal_forms = 'inc|llc|ltd|limited|gmbh|ag|se|pbc|corp|corporation|co|opco|bv|sarl|sas|plc' -%}
    case
        when {{ is_cloud_own_name(name) }} then
            case
                when lower({{ name }}) like 'google%' or lower({{ name }}) = 'gcp' then 'google-cloud'
                when lower({{ name }}) like 'microsoft%' or lower({{ name }}) = 'azure' then 'microsoft'
                when lower({{ name }}) like 'o%' then 'oracle'
                else 'amazon-web-services'
            end
        else coalesce({{ regex_group(slug, "'^(.*?)(-(" ~ legal_forms ~ "))*$'", 1) }}, '')
    end
{%- endmacro %}

{#- What a charge costs for good, or until its invoice comes. -#}
{% macro covered_cost() -%}
    case when is_estimated then effective_cost else billed_cost end
{%- endmacro %}

{#- Do two amounts differ by at most so many per mille of the larger? -#}
{% macro is_near(one, other, per_mille) -%}
    abs({{ one }} - {{ other }}) * 1000 <= greatest(abs({{ one }}), abs({{ other }})) * {{ per_mille }}
{%- endmacro %}

{#- Is the larger amount the smaller one with a usual rate of value added tax? -#}
{% macro is_with_tax(one, other) -%}
    (
        {%- for rate in [1081, 1170, 1180, 1190, 1200, 1210, 1220, 1230, 1240, 1250, 1255, 1270] %}
        {{ "or " if not loop.first }}abs(
            greatest({{ one }}, {{ other }}) * 1000 - least({{ one }}, {{ other }}) * {{ rate }}
        ) * 2 <= greatest({{ one }}, {{ other }})
        {%- endfor %}
    )
{%- endmacro %}

{#-
  What a charge is for, whatever it costs: two deliveries that have it for one moment
  deliver it twice. A number of the SKU stands before words, which may name a price. Tags
  count where nothing else names the thing.
-#}
{% macro charge_subject() -%}
    concat_ws(
        chr(31),
        coalesce(sub_account_id, ''),
        coalesce(region_id, ''),
        coalesce(resource_id, ''),
        coalesce(sku_id, sku_meter, charge_description, service_name, ''),
        coalesce(charge_category, ''),
        case when resource_id is null then coalesce(cast(tags as string), '') else '' end
    )
{%- endmacro %}

{#-
  Is a charge one of a delivery that somebody settled, as rules name it: all of a load, or a
  service in a month of usage?
-#}
{% macro is_settled_charge(settled) -%}
    coalesce(
        {%- for rule in settled %}
        {{ "or " if not loop.first }}(
            load_id = {{ sql_texts([rule.load_id]) }}
            {%- if rule.services %}
            and charge_period_start >= timestamp '{{ rule.usage_month }}-01 00:00:00'
            and charge_period_start < timestamp '{{ rule.usage_month }}-01 00:00:00' + interval '1' month
            and (
                {%- for service in rule.services %}
                {{ "or " if not loop.first }}(
                    coalesce(service_provider_name, '') = {{ sql_texts([service.provider]) }}
                    and coalesce(service_name, '') = {{ sql_texts([service.service_name]) }}
                )
                {%- endfor %}
            )
            {%- endif %}
        )
        {%- endfor %},
        false
    )
{%- endmacro %}
