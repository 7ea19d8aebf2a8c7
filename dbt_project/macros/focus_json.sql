{#- JSON as FOCUS wants it, written with functions that every engine has. -#}

{#-
  A text as a JSON string: quotes, backslashes and line ends escaped. Hardly any text has
  one, and to look for them takes less than to replace them.
-#}
{% macro json_text(text) -%}
    chr(34) || case
        when
            {%- for code in [92, 34, 10, 13, 9] %}
            {{ 'or ' if not loop.first }}{{ has_piece(text, 'chr(' ~ code ~ ')') }}
            {%- endfor %}
            then replace(replace(replace(replace(replace({{ text }},
                chr(92), chr(92) || chr(92)), chr(34), chr(92) || chr(34)),
                chr(10), chr(92) || 'n'), chr(13), chr(92) || 'r'), chr(9), chr(92) || 't')
        else {{ text }}
    end || chr(34)
{%- endmacro %}

{#-
  Columns as members of a JSON object of texts, without those that are NULL. Each begins
  with a comma, so that more can follow.

  columns  key of the object, mapped to its SQL expression
-#}
{% macro json_members_of(columns) -%}
    {%- for key, column in columns.items() %}
    coalesce(',' || chr(34) || '{{ key }}' || chr(34) || ':' || {{ json_text(column) }}, '')
    {{- " ||" if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#- Members as an object; one with nothing in it is {}. -#}
{% macro json_object(members) -%}
    chr(123) || substring({{ members }}, 2) || chr(125)
{%- endmacro %}

{#- A ratio from 0 to 1 as a number; an engine may write a small one with an exponent. -#}
{% macro json_ratio(ratio) -%}
    case when {{ ratio }} < 1 then '0' else '1' end || substring(cast({{ ratio }} + 1 as string), 2)
{%- endmacro %}
