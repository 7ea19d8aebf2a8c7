{#- The site that a source reads; NULL where only one of its kind is read, or where it is not known. -#}
{% macro site_of(source, sites) -%}
    {%- if sites -%}
        case {{ source }}
        {%- for each in sites %}
            when {{ sql_text(each.source) }} then {{ sql_text(each.site) }}
        {%- endfor %}
        end
    {%- else -%}
        cast(null as string)
    {%- endif -%}
{%- endmacro %}

{#-
  The site of a row, of those in column source_site, where several sites gave what
  identifies it; NULL elsewhere. What comes without a site, such as a file, is of the first.
-#}
{% macro site_where_shared(identifiers) -%}
    {%- set of = 'over (partition by ' ~ identifiers | join(', ') ~ ')' -%}
    case
        when min(source_site) {{ of }} < max(source_site) {{ of }} then coalesce(source_site, min(source_site) {{ of }})
    end
{%- endmacro %}

{#- An identifier, with its site before it where that tells it from another's. -#}
{% macro with_site(site, identifier) -%}
    coalesce({{ site }} || '/', '') || {{ identifier }}
{%- endmacro %}

{#- Whether two sites are one, as far as they are known. -#}
{% macro may_be_one_site(site, other) -%}
    coalesce({{ site }}, {{ other }}, '') = coalesce({{ other }}, {{ site }}, '')
{%- endmacro %}

{#- Whether two rows are of one site, or both of none that is known. -#}
{% macro is_same_site(row, other) -%}
    coalesce({{ row }}.site, '') = coalesce({{ other }}.site, '')
{%- endmacro %}

{#- A registered version, with the site of its registry where that tells it from another's. -#}
{% macro version_key(row, site) -%}
    {{ with_site(site, row ~ '.registered_model') }} || '@' || {{ row }}.model_version
{%- endmacro %}
