{#-
  Why one month cost more or less than another: price, volume and mix of what was
  metered, new and retired models, exchange, and what no unit explains. For each line
  a = C0 * q1 / q0 and v = C0 * Q1 / Q0 are rounded once; the bars are differences of
  them, so that they add up to the change whatever the rounding. What grew more than
  a thousandfold was as good as absent before: it is new. What one of the months has in
  another currency, for want of a rate, can be compared with nothing. On the billed basis
  all of this is of what was used, billed or not; what is not invoiced yet is a bar of its own.
-#}
with pairs as (
    select
        *,
        count(prior_cost) over in_all_currencies > count(prior_cost) over in_this as is_elsewhere_before,
        count(cost) over in_all_currencies > count(cost) over in_this as is_elsewhere
    from {{ ref('int_month_pairs_compared') }}
    window
        in_all_currencies as (partition by prior_billing_month, billing_month, basis, model_id, cost_line),
        in_this as (partition by prior_billing_month, billing_month, basis, model_id, cost_line, currency)
),

with_rates as (
    select
        *,
        is_elsewhere_before <> is_elsewhere
        or (prior_cost is null and is_elsewhere_before)
        or (cost is null and is_elsewhere) as lacks_rate
    from pairs
),

compared as (
    select
        *,
        case
            when cost_line <> 'usage' or lacks_rate then 'other'
            when prior_cost is null then 'new'
            when cost is null then 'retired'
            when unit is null then 'other'
            when prior_quantity > 0 and quantity > 0 and quantity <= 1000 * prior_quantity then 'both'
            when quantity > 0 then 'new'
            else 'other'
        end as kind
    from with_rates
),

totals as (
    select
        prior_billing_month,
        billing_month,
        basis,
        currency,
        unit,
        sum(prior_quantity) as prior_quantity,
        sum(quantity) as quantity
    from compared
    where kind = 'both'
    group by prior_billing_month, billing_month, basis, currency, unit
),

stated as (
    select
        compared.*,
        {{ to_money('coalesce(compared.prior_cost, 0) + compared.prior_not_invoiced') }} as c0,
        {{ to_money('coalesce(compared.cost, 0) + compared.not_invoiced') }} as c1,
        {{ to_money('coalesce(compared.cost_at_prior_rates, 0) + compared.not_invoiced_at_prior_rates') }}
            as c1_at_prior_rates,
        case
            when compared.kind = 'both' then
                {{ money_in_proportion(
                    'compared.prior_cost + compared.prior_not_invoiced', 'compared.quantity', 'compared.prior_quantity'
                ) }}
        end as at_own_quantity,
        case
            when compared.kind = 'both' then
                {{ money_in_proportion(
                    'compared.prior_cost + compared.prior_not_invoiced', 'totals.quantity', 'totals.prior_quantity'
                ) }}
        end as at_total_quantity
    from compared
    left join totals
        on
            compared.prior_billing_month = totals.prior_billing_month
            and compared.billing_month = totals.billing_month
            and compared.basis = totals.basis
            and compared.currency = totals.currency
            and compared.unit = totals.unit
            and compared.kind = 'both'
)

select
    prior_billing_month,
    billing_month,
    basis,
    currency,
    model_id,
    cost_line,
    unit,
    {{ to_money('prior_quantity') }} as prior_quantity,
    {{ to_money('quantity') }} as quantity,
    {{ to_money('c0 - prior_not_invoiced') }} as prior_cost,
    {{ to_money('c1 - not_invoiced') }} as cost,
    {{ to_money("case when kind = 'both' then c1_at_prior_rates - at_own_quantity else 0 end") }} as price_amount,
    {{ to_money("case when kind = 'both' then at_total_quantity - c0 else 0 end") }} as volume_amount,
    {{ to_money("case when kind = 'both' then at_own_quantity - at_total_quantity else 0 end") }} as mix_amount,
    {{ to_money("case when kind = 'new' then c1_at_prior_rates - c0 else 0 end") }} as new_amount,
    {{ to_money("case when kind = 'retired' then 0 - c0 else 0 end") }} as retired_amount,
    {{ to_money('c1 - c1_at_prior_rates') }} as fx_amount,
    {{ to_money("case when kind = 'other' then c1_at_prior_rates - c0 else 0 end") }} as other_amount,
    {{ to_money('prior_not_invoiced - not_invoiced') }} as not_invoiced_amount,
    {{ to_money('c1 - not_invoiced - c0 + prior_not_invoiced') }} as change_amount,
    case
        when kind <> 'other' then null
        when cost_line <> 'usage' then 'no quantity belongs to this cost'
        when lacks_rate then 'no exchange rate in one of the months'
        when has_two_kinds_of_tokens and unit is null then 'input and output tokens are not billed apart'
        when unit is null then 'no unit is metered in both months'
        else 'nothing was metered in the later month'
    end as reason
from stated
