"""What a million tokens of each kind cost, by model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.pages.cost_by_model.queries import NAMES
from dashboard.pages.cost_by_model.unit_cost_queries import owned_months
from dashboard.shared.published import per_run, ratio, table
from dashboard.shared.selection_queries import Selection, scope_parameters

if TYPE_CHECKING:
    import pyarrow as pa

    from triptych.core.warehouse.reader import Snapshot

_MILLION = 1_000_000


def _per_million(cost: str, tokens: str) -> str:
    rows = f"filter (token_cost_reason is null and {cost} is not null and {tokens} > 0)"
    return f"{ratio(f'sum({cost}) {rows}', f'sum({tokens}) {rows}')} * {_MILLION}"


#: A meter that tells no cached tokens does not say that none were.
_INPUT_OF_KNOWN_HITS = "sum(input_tokens) filter (cached_input_tokens is not null)"
#: Costs of each kind of token, and what a million of it cost where both are known.
_MODEL_TOKENS = f"""
models as (
    select
        model_id,
        sum(input_token_cost) as input_cost,
        sum(cached_input_token_cost) as cached_cost,
        sum(cache_write_token_cost) as written_cost,
        sum(output_token_cost) as output_cost,
        sum(other_token_cost) as other_cost,
        {_per_million("input_token_cost", "charged_as_input")} as per_input,
        {_per_million("cached_input_token_cost", "charged_as_cached")} as per_cached,
        {_per_million("cache_write_token_cost", "cache_write_tokens")} as per_written,
        {_per_million("output_token_cost", "output_tokens")} as per_output,
        {_per_million("token_cost", "input_tokens + output_tokens")} as blended,
        {ratio("sum(cached_input_tokens)", _INPUT_OF_KNOWN_HITS)} as cache_hit_ratio
    from months
    group by model_id
)
"""


@per_run
def token_costs(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return the cost of a million tokens by model and kind, dearest model first.

    Of months in which no line of a bill is for cached input, or for what is written to
    a cache, it was charged as input.
    ``cached_reason`` says why there is no price of cached input.
    """
    return table(
        snapshot,
        f"""
        with {NAMES},
        {owned_months(selection)},
        months as (
            select
                *,
                input_tokens
                - case when cached_input_token_cost is null then 0
                    else cached_input_tokens end
                - case when cache_write_token_cost is null then 0
                    else cache_write_tokens end as charged_as_input,
                case when cached_input_token_cost is not null
                    then cached_input_tokens end as charged_as_cached
            from cost.mart_model_unit_costs
            inner join owned_months using (billing_month, model_id)
            where currency = $currency and is_whole
                and list_contains($months, billing_month)
                and not list_contains($prior_months, billing_month)
        ),
        {_MODEL_TOKENS}
        select
            model_id,
            coalesce(names.model, model_id) as model,
            per_input,
            per_cached,
            per_written,
            per_output,
            cache_hit_ratio,
            blended,
            input_cost,
            cached_cost,
            written_cost,
            output_cost,
            other_cost,
            'no line for it' as cached_reason
        from models
        left join names using (model_id)
        where input_cost is not null or output_cost is not null
            or cached_cost is not null or written_cost is not null
            or other_cost is not null
        order by coalesce(input_cost, 0) + coalesce(output_cost, 0) desc, model_id
        """,
        **scope_parameters(selection),
    )
