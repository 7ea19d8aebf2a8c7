{#-
  What a line of a bill is the price of, and what a meter counts, in one vocabulary.

  A kind is the text `kind:model:date:tier`, of which each part may be empty:

  kind   what is counted: input, cached_input, …; `accelerator` for hours of one type
  model  the vendor's name of the model, or the type of the accelerator, as letters and digits
  date   the date in the model's name, where it has one; both as the parser of names reads them
  tier   batch, flex, priority, long or spot; for a meter `?` where it does not say

  Only charges of pools that tokens or GPU hours divide have one, and models' own charges
  for AI, so that nothing else pays for it. One that says nothing of a kind has none.
-#}
{% macro packed_kind(kind, model="''", date="''", tier="''") -%}
    {{ kind }} || ':' || coalesce({{ model }}, '') || ':' || coalesce({{ date }}, '') || ':' || coalesce({{ tier }}, '')
{%- endmacro %}

{#- In a select list: the parts of a packed kind, each with a prefix. -#}
{% macro kind_parts(packed, prefix) -%}
    {%- for part in ['kind', 'model', 'date', 'tier'] %}
    split_part({{ packed }}, ':', {{ loop.index }}) as {{ prefix }}_{{ part }}{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#- Does a text have one of these words, which stand between what is no letter or digit? -#}
{% macro has_word(text, words) -%}
    {{ return(matches_regex(text, sql_text('(^|[^a-z0-9])(' ~ (words | join('|')) ~ ')([^a-z0-9]|$)'))) }}
{%- endmacro %}

{#-
  Whether a lower-case text has a word that a kind is told by. Most lines have none, and are
  asked this alone: the questions of token_kind cost more than all other rules together.
-#}
{% macro may_name_a_kind(text) -%}
    {{ return(matches_regex(text, "'" ~ [
        'search', 'grounding', 'interpreter', 'execution', 'cach', 'cchd', 'reasoning', 'thinking', 'whisper',
        'transcri', 'character', 'audio', 'image', 'outp', 'completion', 'response', 'generated', 'inp', 'prompt',
        'embed', '(^|[^a-z])(opt|out)([^a-z]|$)', '(^|[^a-z])in-ft', '(^|[^a-z])(cd|ch)[^a-z]', '[^a-z]cd([^a-z]|$)',
        'tcrb', 'trscb',
    ] | join('|') ~ "'")) }}
{%- endmacro %}

{#- The kind of a token, or of what else a model API charges for, that a lower-case text names. -#}
{% macro token_kind(text) -%}
    case
        when not {{ may_name_a_kind(text) }} then cast(null as string)
        when {{ matches_regex(text, "'web.?search|grounding'") }} then 'search'
        when {{ matches_regex(text, "'file.?search'") }} then 'file_search'
        when {{ matches_regex(text, "'code.?(interpreter|execution)'") }} then 'code_session'
        when {{ matches_regex(text, "'uncached|non.?cached|(^|[^a-z])no.?cach'") }} then 'input'
        when {{ matches_regex(text, "'cach.*storage|storage.*cach'") }} then 'cache_storage'
        when {{ matches_regex(text, "'(cach.*(writ|creat)|(writ|creat).*cach).*(^|[^0-9])1.?h'") }} then 'cache_write_1h'
        when {{ matches_regex(text, "'cach.*(writ|creat)|(writ|creat).*cach'") }} then 'cache_write'
        when {{ matches_regex(text, "'(^|[^a-z])cd[^a-z]+wr([^a-z]|$)'") }} then 'cache_write'
        when {{ matches_regex(text, "'cach|cchd|cched|(^|[^a-z])(cd|ch)[^a-z]+(img[^a-z]+|txt[^a-z]+)?in(p|pt|put)?([^a-z]|$)'") }}
            or {{ matches_regex(text, "'(^|[^a-z])inp?[^a-z]+cd([^a-z]|$)'") }} then 'cached_input'
        when {{ matches_regex(text, "'(reasoning|thinking).{0,6}(output|token)|(output|token).{0,6}(reasoning|thinking)'") }}
            then 'reasoning'
        when {{ matches_regex(text, "'(transcri|trscb|tcrb).*[^a-z]inp?([^a-z]|$)'") }} then 'audio_input'
        when {{ matches_regex(text, "'(transcri|trscb|tcrb|whisper).*[^a-z](out|outp|opt)([^a-z]|$)'") }} then 'output'
        when {{ matches_regex(text, "'whisper|transcri'") }} then 'audio_seconds'
        when {{ matches_regex(text, "'character'") }} then 'characters'
        when {{ matches_regex(text, "'audio'") }} and {{ matches_regex(text, "'out|response|generated|(^|[^a-z])opt([^a-z]|$)'") }} then 'audio_output'
        when {{ matches_regex(text, "'audio'") }} then 'audio_input'
        when {{ matches_regex(text, "'image'") }} and {{ matches_regex(text, "'inp|prompt'") }} then 'image_input'
        when {{ matches_regex(text, "'image'") }} and {{ matches_regex(text, "'token'") }} then 'image_output'
        when {{ matches_regex(text, "'image'") }} then 'image'
        when {{ matches_regex(text, "'outp|output|completion|response|generated|(^|[^a-z])(opt|out)([^a-z]|$)'") }} then 'output'
        when {{ matches_regex(text, "'inp|input|prompt|embed|(^|[^a-z])in-ft'") }} then 'input'
    end
{%- endmacro %}

{#- How a model is served, where that has a price of its own. -#}
{% macro token_tier(text) -%}
    case
        when {{ matches_regex(text, "'batch'") }} then 'batch'
        when {{ matches_regex(text, "'(^|[^a-z])flex'") }} then 'flex'
        when {{ matches_regex(text, "'priority'") }} then 'priority'
        when {{ matches_regex(text, "'long.?context|200k-1m|> ?200k|context.{0,3}over|[(]long[)]|long input'") }} then 'long'
        else ''
    end
{%- endmacro %}

{#-
  What a line of a pool of tokens says of its model, to be read by the parser of names: see
  int_model_names. The columns are those of NAMING_COLUMNS in model_keys.py.
-#}
{% macro model_text(token_pools) -%}
    {%- if token_pools -%}
    case
        when component_code = {{ component_code('shared') }} and {{ is_one_of('target', token_pools) }}
            then
                {% for column in ['sku_price_details', 'charge_description', 'sku_meter', 'sku_id', 'service_name'] -%}
                coalesce({{ column }}, ''){{ " || chr(31) || " if not loop.last }}
                {%- endfor %}
    end
    {%- else -%}
    cast(null as string)
    {%- endif -%}
{%- endmacro %}

{#- What a line is the price of, with the model that the parser of names read. -#}
{% macro kind_with_model(packed, names) -%}
    nullif({{ packed_kind(
        "split_part(" ~ packed ~ ", ':', 1)", names ~ '.model_key', names ~ '.model_date',
        "split_part(" ~ packed ~ ", ':', 4)"
    ) }}, ':::')
{%- endmacro %}

{#- The kind that a line names, its most exact words first. -#}
{% macro kind_of_line() -%}
    {%- set found = [] -%}
    {%- for column in ['sku_meter', 'charge_description', 'sku_id', 'sku_price_details'] -%}
        {%- if column in ['sku_meter', 'charge_description'] -%}
            {%- do found.append(token_kind("nullif(split_part(lower(" ~ column ~ "), ', ', 2), '')")) -%}
        {%- endif -%}
        {%- do found.append(token_kind('lower(' ~ column ~ ')')) -%}
    {%- endfor -%}
    case
        when {{ may_name_a_kind(words_of_line()) }}
            then coalesce({{ found | join(', ') }})
    end
{%- endmacro %}

{#-
  All that a line says of what it is the price of, in lower case. Column by column: a bill
  repeats few texts, and the engine writes each in lower case once.
-#}
{% macro words_of_line(more=[]) -%}
    {%- set words = [] -%}
    {%- for column in ['sku_meter', 'charge_description', 'sku_id', 'sku_price_details'] + more -%}
        {%- do words.append("coalesce(lower(" ~ column ~ "), '')") -%}
    {%- endfor -%}
    {{ return("concat_ws(' ', " ~ words | join(', ') ~ ")") }}
{%- endmacro %}

{#-
  Types of accelerators, by their names and by the families of machines that have them.
  Source: the pages on accelerated instances of AWS, Google Cloud, Azure and OCI.
-#}
{% macro accelerator_types() -%}
    {{ return([
        ('gb200', ['gb200', 'a4x-highgpu'], 'p6e-gb200'),
        ('b200', ['b200', 'a4-highgpu'], 'p6-b200'),
        ('h200', ['h200', 'a3-ultragpu'], 'p5e|p5en'),
        ('h100', ['h100', 'a3-(high|mega|edge)gpu'], 'p5'),
        ('a100', ['a100', 'a2-(high|mega|ultra)gpu'], 'p4d|p4de'),
        ('l40s', ['l40s'], 'g6e'),
        ('l4', ['l4', 'g2-standard'], 'g6|gr6'),
        ('a10g', ['a10g'], 'g5'),
        ('a10', ['a10'], ''),
        ('a30', ['a30'], ''),
        ('t4g', [], 'g5g'),
        ('t4', ['t4'], 'g4dn'),
        ('v100', ['v100'], 'p3|p3dn'),
        ('p100', ['p100'], ''),
        ('k80', ['k80'], 'p2'),
        ('mi300x', ['mi300x'], ''),
        ('trainium2', ['trainium2'], 'trn2'),
        ('trainium', ['trainium'], 'trn1|trn1n'),
        ('inferentia2', ['inferentia2'], 'inf2'),
        ('inferentia', ['inferentia'], 'inf1'),
        ('tpuv6e', ['v6e', 'trillium'], ''),
        ('tpuv5p', ['v5p'], ''),
        ('tpuv5e', ['v5e', 'v5litepod'], ''),
    ]) }}
{%- endmacro %}

{#- The words that tell of some types of accelerators. -#}
{% macro words_of_accelerators(types) -%}
    {%- set found = [] -%}
    {%- for type, words, families in types -%}
        {%- do found.extend(words) -%}
        {%- do found.append('(' ~ families ~ ').[^ a-z]{0,3}(large|xlarge|xl|metal)') if families -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{#-
  The type that a lower-case text names; NULL where it names none that is listed. All types
  are asked for first, for the sake of lines that name none, then six at a time, then one.
-#}
{% macro accelerator_type(text) -%}
    case
        when not {{ has_word(text, words_of_accelerators(accelerator_types())) }} then cast(null as string)
    {%- for some in accelerator_types() | batch(6) %}
        when {{ has_word(text, words_of_accelerators(some)) }} then
            case
            {%- for type in some %}
                when {{ has_word(text, words_of_accelerators([type])) }} then '{{ type[0] }}'
            {%- endfor %}
            end
    {%- endfor %}
    end
{%- endmacro %}

{#- The same of what a meter says; a type that is not listed means itself. -#}
{% macro metered_accelerator_type(column) -%}
    coalesce({{ accelerator_type('lower(' ~ column ~ ')') }}, replace({{ to_slug(column) }}, '-', ''))
{%- endmacro %}

{#-
  What a charge is the price of, without its model; NULL where it does not say. A model's own
  charge for AI keeps the kind alone: it is divided by nothing. Charges of a pool of tokens
  have theirs from kind_of_model_text, after lines are summed.
-#}
{% macro charged_kind(accelerator_pools) -%}
    {%- set words = words_of_line() -%}
    case
        when component_code = {{ component_code('direct') }}
            then case when service_category = 'AI and Machine Learning' then {{ kind_of_line() }} || ':::' end
        when component_code <> {{ component_code('shared') }} then cast(null as string)
        {%- if accelerator_pools %}
        when {{ is_one_of('target', accelerator_pools) }}
            then
                'accelerator:' || {{ accelerator_type(words_of_line(['resource_type'])) }} || '::'
                || case when pricing_category = 'Dynamic' or {{ matches_regex(words, "'spot|preempt'") }} then 'spot' else '' end
        {%- endif %}
    end
{%- endmacro %}

{#- In a select list: the texts of model_text that name a kind. -#}
{% macro texts_of_model_text() -%}
    {%- for column in ['sku_price_details', 'charge_description', 'sku_meter', 'sku_id'] %}
    split_part(model_text, chr(31), {{ loop.index }}) as {{ column }}{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#- Kind of a charge of a pool of tokens, from the texts of texts_of_model_text. -#}
{% macro kind_of_model_text() -%}
    {{ packed_kind('coalesce(' ~ kind_of_line() ~ ", '')", tier=token_tier(words_of_line())) }}
{%- endmacro %}

{#- Group of kinds → the kinds that are tokens of it. -#}
{% macro token_groups() -%}
    {{ return({
        'input': ['input', 'audio_input', 'image_input'],
        'cached_input': ['cached_input'],
        'cache_write': ['cache_write', 'cache_write_1h'],
        'output': ['output', 'reasoning', 'audio_output', 'image_output'],
    }) }}
{%- endmacro %}

{#- Tokens of a model's own charge, where the bill counts what was consumed in tokens; else NULL. -#}
{% macro charged_tokens() -%}
    case
        when
            component_code = {{ component_code('direct') }} and service_category = 'AI and Machine Learning'
            and consumed_unit is not null
            then
                case {{ regex_replaced('lower(consumed_unit)', "'[^a-z0-9]'") }}
                    {%- for units, size in [
                        (['token', 'tokens'], 1), (['1ktokens', '1000tokens', 'thousandtokens'], 1000),
                        (['1mtokens', '1000000tokens', 'milliontokens'], 1000000),
                    ] %}
                    {%- for unit in units %}
                    when '{{ unit }}' then {{ to_money('consumed_quantity * ' ~ size) }}
                    {%- endfor %}
                    {%- endfor %}
                end
    end
{%- endmacro %}
