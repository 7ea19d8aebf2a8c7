{#-
  The site of a row where several sites gave what identifies it, such as one id to two
  deployments; NULL elsewhere. What comes without a site, such as a file, is of the first.
  Sites are listed by source where several of one type are read.
-#}
{% macro site_where_shared(identifiers, sites) -%}
    {%- if not sites -%}
        {{ return('cast(null as string)') }}
    {%- endif -%}
    {%- set site -%}
        case _source
        {%- for each in sites %}
            when {{ sql_text(each.source) }} then {{ sql_text(each.site) }}
        {%- endfor %}
        end
    {%- endset -%}
    {%- set of = 'over (partition by ' ~ identifiers | join(', ') ~ ')' -%}
    case
        when min({{ site }}) {{ of }} < max({{ site }}) {{ of }} then coalesce({{ site }}, min({{ site }}) {{ of }})
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
