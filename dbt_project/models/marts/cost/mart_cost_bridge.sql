{#-
  Why one month cost more or less than another. What prices of the contract or the list, ways
  of purchase and kinds on the bill did is carried from the bill; of what was metered, more use
  is volume and growing unlike the others is mix. C0 * q1 / q0 and C0 * Q1 / Q0 are rounded once,
  and the last bar of a line is what the others leave, so that they add up to the change whatever
  the rounding: efficiency of a metered line and of idle cost, other where nothing explains it.
  C is without what is charged for earlier months, which is a bar. What grew more than a thousandfold was
  as good as absent before: it is new. What one of the months has in another currency, for want of a
  rate, can be compared with nothing. On the billed basis all of this is of what was used, billed
  or not; what is not invoiced yet is a bar, too.
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
        or (cost is null and is_elsewhere) as lacks_rate,
        {{ to_money('coalesce(prior_cost, 0) + prior_not_invoiced') }} as c0,
        {{ to_money('coalesce(cost, 0) + not_invoiced') }} as c1,
        {{ to_money('coalesce(cost_at_prior_rates, 0) + not_invoiced_at_prior_rates') }} as c1_at_prior_rates,
        {{ to_money('coalesce(prior_cost, 0) + prior_not_invoiced - prior_correction') }} as net_c0
    from pairs
),

compared as (
    select
        *,
        case
            when lacks_rate or cost_line in ('tax', 'credit', 'remainder') then 'other'
            when cost_line = 'unused_commitment' then 'unused'
            when cost_line = 'idle' then 'idle'
            when cost_line = 'usage' and prior_cost is null then 'new'
            when cost_line = 'usage' and cost is null then 'retired'
            when prior_quantity > 0 and quantity > 0 and quantity <= 1000 * prior_quantity then 'metered'
            when quantity > 0 then 'new'
            else 'bought'
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
    where kind = 'metered'
    group by prior_billing_month, billing_month, basis, currency, unit
),

at_quantities as (
    select
        compared.*,
        case
            when compared.kind = 'metered' then
                {{ money_in_proportion('compared.net_c0', 'compared.quantity', 'compared.prior_quantity') }}
        end as at_own_quantity,
        case
            when compared.kind = 'metered' then
                {{ money_in_proportion('compared.net_c0', 'totals.quantity', 'totals.prior_quantity') }}
        end as at_total_quantity
    from compared
    left join totals
        on
            compared.prior_billing_month = totals.prior_billing_month
            and compared.billing_month = totals.billing_month
            and compared.basis = totals.basis
            and compared.currency = totals.currency
            and compared.unit = totals.unit
            and compared.kind = 'metered'
),

carried as (
    select
        *,
        {% for bar in ['rate', 'purchase_mix', 'kind_mix'] -%}
        case when kind in ('other', 'unused', 'retired') then 0 else {{ bar }}_amount end as carried_{{ bar }},
        {% endfor -%}
        case when lacks_rate then 0 else correction_at_prior_rates - prior_correction + correction_amount end
            as carried_correction,
        case kind
            when 'metered' then at_total_quantity - net_c0
            when 'bought' then quantity_amount
            else 0
        end as volume,
        case when kind = 'metered' then at_own_quantity - at_total_quantity else 0 end as model_mix,
        case when kind = 'bought' then new_amount else 0 end as carried_new,
        case when kind = 'bought' then retired_amount else 0 end as carried_retired
    from at_quantities
),

left_over as (
    select
        *,
        {{ to_money(
            'c1_at_prior_rates - c0 - carried_rate - carried_purchase_mix - carried_kind_mix - carried_correction'
            ~ ' - volume - model_mix - carried_new - carried_retired'
        ) }} as rest
    from carried
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
    {{ to_money('carried_rate') }} as rate_amount,
    {{ to_money('volume') }} as volume_amount,
    {{ to_money("case when kind in ('metered', 'idle') then rest else 0 end") }} as efficiency_amount,
    {{ to_money('carried_purchase_mix') }} as purchase_mix_amount,
    {{ to_money('model_mix + carried_kind_mix') }} as mix_amount,
    {{ to_money("carried_new + case when kind = 'new' then rest else 0 end") }} as new_amount,
    {{ to_money("carried_retired + case when kind = 'retired' then rest else 0 end") }} as retired_amount,
    {{ to_money('carried_correction') }} as correction_amount,
    {{ to_money("case when kind = 'unused' then rest else 0 end") }} as unused_commitment_amount,
    {{ to_money('c1 - c1_at_prior_rates') }} as fx_amount,
    {{ to_money("case when kind in ('other', 'bought') then rest else 0 end") }} as other_amount,
    {{ to_money('prior_not_invoiced - not_invoiced') }} as not_invoiced_amount,
    {{ to_money('c1 - not_invoiced - c0 + prior_not_invoiced') }} as change_amount,
    {{ to_money("case when kind in ('other', 'unused', 'retired') then 0 else unknown_rate_cost end") }}
        as unknown_rate_cost,
    case
        when kind not in ('other', 'bought') or rest = 0 then null
        when lacks_rate then 'no exchange rate in one of the months'
        when kind = 'other' then 'no quantity belongs to this cost'
        when has_two_kinds_of_tokens and unit is null then 'input and output tokens are not billed apart'
        when quantity_amount <> 0 then 'another part of a shared cost'
        when cost_line = 'usage' and unit is not null then 'nothing was metered in the later month'
        else 'neither the bill nor a meter has its quantity in both months'
    end as reason
from left_over
