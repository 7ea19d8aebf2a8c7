{#-
  Distinct texts that name a model: what lines of pools of tokens say of theirs, and the
  vendor's models that meters count. The parser of names reads them in Python when they are
  built; a parser that knows more has them built again.
-#}
{{ config(materialized='table') }}

select distinct
    model_text,
    true as is_line,
    {{ sql_text(rules('name_parser') | join) }} as parser_version
from {{ ref('int_charges_summed') }}
where model_text is not null
union all
select distinct
    provider_model as model_text,
    false as is_line,
    {{ sql_text(rules('name_parser') | join) }} as parser_version
from {{ ref('int_model_usage') }}
where provider_model is not null
