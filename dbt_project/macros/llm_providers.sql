{#-
  Who serves models, under one name for bills, providers' usage and gateways. A name that
  ends in * is a beginning. The bill of a cloud holds much else besides models.
-#}
{% macro llm_providers() -%}
    {{ return([
        {'id': 'openai', 'names': ['openai', 'openai, llc', 'openai opco, llc', 'openai ireland ltd', 'text-completion-openai']},
        {'id': 'anthropic', 'names': ['anthropic', 'anthropic, pbc', 'anthropic ireland, limited', 'anthropic_text']},
        {'id': 'mistral', 'names': ['mistral', 'mistral ai', 'codestral', 'text-completion-codestral']},
        {'id': 'cohere', 'names': ['cohere', 'cohere_chat', 'cohere inc.']},
        {'id': 'azure', 'names': ['azure*', 'microsoft', 'microsoft azure', 'microsoft corporation'], 'is_cloud': true},
        {'id': 'bedrock', 'names': ['bedrock*', 'aws', 'amazon', 'amazon web services*'], 'is_cloud': true},
        {'id': 'google', 'names': ['vertex_ai*', 'gemini', 'google', 'google cloud*', 'google llc'], 'is_cloud': true},
    ]) }}
{%- endmacro %}

{#- The provider that a name means; a name that is not listed means itself, in lower case. -#}
{% macro to_llm_provider(column) -%}
    case
    {%- for provider in llm_providers() %}
        when
        {%- for name in provider.names %}
            {{ "or " if not loop.first }}
            {%- if name.endswith('*') -%}
                {{ starts_with('lower(' ~ column ~ ')', sql_text(name[:-1])) }}
            {%- else -%}
                lower({{ column }}) = {{ sql_text(name) }}
            {%- endif -%}
        {%- endfor %}
            then '{{ provider.id }}'
    {%- endfor %}
        else lower({{ column }})
    end
{%- endmacro %}

{#- Is the provider a cloud, of whose bill only what goes into a gateway's pools compares? -#}
{% macro is_cloud_provider(column) -%}
    {{ column }} in ({{ sql_texts(llm_providers() | selectattr('is_cloud', 'defined') | map(attribute='id') | list) }})
{%- endmacro %}
