{#-
  Each line from benefit to value to date, and the month now: the same for a feature and
  for what counts together, so that every page prints the same way. Lines of nothing are
  left out; sums are those of the marts of returns.
-#}
{%- set lines = [
    ('benefit', 'benefit', 1, false),
    ('cost', 'cost', -1, false),
    ('other_cost', 'other_cost', -1, false),
    ('replaced_cost', 'replaced_cost', 1, false),
    ('net_value', 'net_value', 1, 'probability_net_positive'),
    ('investment', 'investment_cost', -1, false),
    ('other_investment', 'other_investment', -1, false),
    ('net_after_investment', 'net_after_investment', 1, 'probability_net_after_investment'),
    ('carried_benefit', 'carried_benefit', 1, false),
    ('cost_since', 'cost_since', -1, false),
    ('other_cost_since', 'other_cost_since', -1, false),
    ('replaced_cost_since', 'replaced_cost_since', 1, false),
    ('net_to_date', 'net_to_date', 1, 'probability_net_to_date'),
    ('run_rate', 'run_rate_net', 1, 'null'),
] %}
{%- set billed = ['cost', 'investment_cost', 'cost_since'] %}
{%- set scopes = [
    ('mart_portfolio_roi', 'portfolio', "'counted'"),
    ('mart_feature_roi', 'feature', 'returns.feature_id'),
] %}
with laid_out as (
    {%- for mart, scope_type, scope_id in scopes %}
    {%- set last_scope = loop.last %}
    {%- for line, name, sign, chance in lines %}
    select
        '{{ scope_type }}' as scope_type,
        {{ scope_id }} as scope_id,
        returns.window as roi_window,
        {{ loop.index }} as line_order,
        '{{ line }}' as line,
        {{ 'true' if chance else 'false' }} as is_sum,
        {% if line == 'run_rate' -%}
        returns.run_rate_month as until_month,
        {%- else -%}
        {{ 'returns.to_date_month' if loop.index > 8 else 'returns.last_month' }} as until_month,
        {%- endif %}
        returns.currency,
        {{ '-' if sign < 0 }}cast(returns.{{ name }} as double) as amount,
        {% if name in billed -%}
        cast(null as double) as amount_low_90,
        cast(null as double) as amount_high_90,
        {%- elif sign < 0 -%}
        -returns.{{ name }}_high_90 as amount_low_90,
        -returns.{{ name }}_low_90 as amount_high_90,
        {%- else -%}
        returns.{{ name }}_low_90 as amount_low_90,
        returns.{{ name }}_high_90 as amount_high_90,
        {%- endif %}
        {{ 'returns.' ~ chance if chance and chance != 'null' else 'cast(null as double)' }} as probability_positive
    from {{ ref(mart) }} as returns
    where returns.since_month_count is not null
    {% if not (loop.last and last_scope) %}
    union all
    {% endif %}
    {%- endfor %}
    {%- endfor %}
)

select
    scope_type,
    scope_id,
    roi_window as {{ reserved_name('window') }},
    line_order,
    line,
    is_sum,
    until_month,
    currency,
    amount,
    amount_low_90,
    amount_high_90,
    probability_positive
from laid_out
where amount <> 0 or is_sum
