{#-
  What a meter counts of each kind, and which lines of a bill that divides. The vocabulary
  is that of charged_kinds.sql.
-#}

{#- Kind → tokens of it in a row of `int_token_readings`; NULL where the row does not know. -#}
{% macro token_parts() -%}
    {%- set input -%}
    case
        when cached_and_written_tokens > coalesce(input_tokens, 0) then coalesce(input_tokens, 0)
        else coalesce(input_tokens, 0) - cached_and_written_tokens
    end - other_input_tokens
    {%- endset -%}
    {%- set output = 'coalesce(output_tokens, 0) - coalesce(reasoning_tokens, 0) - other_output_tokens' -%}
    {{ return({
        'input': 'case when knows_cache then greatest(' ~ input ~ ', 0) end',
        'whole_input': 'case when not knows_cache and input_tokens is not null'
            ~ ' then greatest(input_tokens - other_input_tokens, 0) end',
        'cached_input': 'cached_input_tokens',
        'cache_write':
            'case when cache_write_input_tokens is not null'
            ~ ' then greatest(cache_write_input_tokens - coalesce(cache_write_1h_input_tokens, 0), 0) end',
        'cache_write_1h': 'cache_write_1h_input_tokens',
        'audio_input': 'audio_input_tokens',
        'image_input': 'image_input_tokens',
        'output': 'case when reasoning_tokens is not null then greatest(' ~ output ~ ', 0) end',
        'whole_output': 'case when reasoning_tokens is null and output_tokens is not null'
            ~ ' then greatest(output_tokens - other_output_tokens, 0) end',
        'reasoning': 'reasoning_tokens',
        'audio_output': 'audio_output_tokens',
        'image_output': 'image_output_tokens',
    }) }}
{%- endmacro %}

{#- What a usage report of a vendor counts besides tokens: report → kind. -#}
{% macro quantity_kinds() -%}
    {{ return({
        'images': 'image',
        'audio_speeches': 'characters',
        'audio_transcriptions': 'audio_seconds',
        'web_search_calls': 'search',
        'file_search_calls': 'file_search',
        'code_interpreter_sessions': 'code_session',
        'vector_stores': 'cache_storage',
    }) }}
{%- endmacro %}

{#-
  Metered kind → the kinds of lines that it may belong to, with how far they are: 0 is the
  kind itself, more a kind with which it is charged where the bill does not tell it apart.
-#}
{% macro kinds_of_lines() -%}
    {{ return({
        'whole_input': {'input': 0, 'cached_input': 0, 'cache_write': 0, 'cache_write_1h': 0},
        'whole_output': {'output': 0, 'reasoning': 0},
        'cached_input': {'input': 1},
        'cache_write': {'input': 1},
        'cache_write_1h': {'cache_write': 1, 'input': 2},
        'audio_input': {'input': 1},
        'image_input': {'input': 1},
        'reasoning': {'output': 1},
        'audio_output': {'output': 1},
        'image_output': {'output': 1},
    }) }}
{%- endmacro %}

{#- How far a metered kind is from a line's; NULL where the line is for something else. -#}
{% macro kind_distance(meter, line) -%}
    case
        when {{ meter }} = {{ line }} then 0
        {%- for metered, lines in kinds_of_lines().items() %}
        {%- for kind, distance in lines.items() %}
        when {{ meter }} = '{{ metered }}' and {{ line }} = '{{ kind }}' then {{ distance }}
        {%- endfor %}
        {%- endfor %}
    end
{%- endmacro %}

{#- Can a kind be added to others where a line names none? Calls and tokens cannot. -#}
{% macro counts_with_others(meter) -%}
    {{ meter }} not in ({{ sql_texts(quantity_kinds().values() | list) }})
{%- endmacro %}

{#- Do a line and a meter name two models, or two dates of one? -#}
{% macro is_another_model() -%}
    (
        lines.line_model <> '' and meters.meter_model <> ''
        and (
            lines.line_model <> meters.meter_model
            or (lines.line_date <> '' and meters.meter_date <> '' and lines.line_date <> meters.meter_date)
        )
    )
{%- endmacro %}

{#- What a million tokens, or an hour, of a kind costs; only ever a ratio to other kinds. -#}
{% macro price_per_unit(amount, quantity, driver) -%}
    case
        when {{ driver }} = 'tokens' then {{ money_in_proportion(amount, '1000000', quantity) }}
        else {{ money_in_proportion(amount, '1', quantity) }}
    end
{%- endmacro %}

{#- A weight, or what it costs where kinds of several prices divide one line. -#}
{% macro priced_weight(column) -%}
    case
        when is_kind_named or split_basis <> 'estimated' then {{ column }}
        else {{ to_weight('cast(' ~ column ~ ' as decimal(22, 8)) * cast(unit_weight as decimal(16, 6))') }}
    end
{%- endmacro %}

{#- How a part of a pool found its owner. -#}
{% macro assignment_method_of(split_basis) -%}
    case {{ split_basis }} when 'estimated' then 'usage_estimated' when 'plain' then 'usage_plain' else 'usage_driver' end
{%- endmacro %}

{#- In a select list of a meter: what it knows of kinds, and NULL for the rest. -#}
{% macro metered_details(known) -%}
    {%- set quantities = [
        'cache_write_input_tokens', 'cache_write_1h_input_tokens', 'audio_input_tokens', 'image_input_tokens',
        'reasoning_tokens', 'audio_output_tokens', 'image_output_tokens', 'quantity',
    ] -%}
    {%- for name in ['provider_model', 'service_tier', 'usage_kind', 'accelerator_type'] + quantities %}
    {{ known.get(name, 'cast(null as ' ~ ('decimal(38, 18)' if name in quantities else 'string') ~ ')') }} as {{ name }},
    {%- endfor %}
{%- endmacro %}
