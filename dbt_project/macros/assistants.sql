{#- The product that a coding assistant is on a bill; a name that is not listed means itself. -#}
{% macro assistant_name(column) -%}
    case {{ column }}
        when 'github_copilot' then 'GitHub Copilot'
        when 'cursor' then 'Cursor'
        else {{ column }}
    end
{%- endmacro %}

{#- How the service with the seats of an assistant ends. -#}
{% macro seats_ending() -%}
    {{ return(' seats') }}
{%- endmacro %}
