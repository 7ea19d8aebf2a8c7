with lines as (
    select
        *,
        coalesce(savings_plan_savings_plan_a_r_n, '') as plan_arn,
        coalesce(reservation_reservation_a_r_n, '') as reservation_arn,
        -- Several fees of one commitment: the first carries what was covered.
        row_number() over (
            partition by
                line_item_line_item_type,
                coalesce(savings_plan_savings_plan_a_r_n, ''),
                coalesce(reservation_reservation_a_r_n, ''),
                bill_billing_period_start_date,
                case when line_item_line_item_type <> 'RIFee' then line_item_usage_start_date end
            order by line_item_unblended_cost desc, identity_line_item_id asc nulls last
        ) as line_rank
    from {{ source('evidence', 'aws_cur2') }}
    where coalesce(line_item_operation, '') not in ('EKSPod-EC2', 'ECSTask-EC2')
),

-- What each savings plan covered in an hour: the fallback for exports without the
-- commitment columns, where fee minus covered is what was left unused.
covered as (
    select
        plan_arn,
        bill_billing_period_start_date as billing_period_start,
        line_item_usage_start_date as usage_start,
        sum(savings_plan_savings_plan_effective_cost) as covered_cost
    from lines
    where line_item_line_item_type = 'SavingsPlanCoveredUsage'
    group by 1, 2, 3
),

-- The same for a reservation, whose fee is for the whole billing period.
reserved as (
    select
        reservation_arn,
        bill_billing_period_start_date as billing_period_start,
        sum(reservation_effective_cost) as covered_cost
    from lines
    where line_item_line_item_type = 'DiscountedUsage'
    group by 1, 2
),

measured as (
    select
        lines.*,
        case lines.line_item_line_item_type
            when 'SavingsPlanRecurringFee'
                then
                    coalesce(
                        {{ to_addend('lines.savings_plan_total_commitment_to_date') }}
                        - {{ to_addend('lines.savings_plan_used_commitment') }},
                        {{ to_addend('lines.line_item_unblended_cost') }}
                        - {{ to_addend('coalesce(covered.covered_cost, 0)') }}
                    )
            when 'RIFee'
                then
                    case
                        when
                            lines.reservation_unused_amortized_upfront_fee_for_billing_period is null
                            and lines.reservation_unused_recurring_fee is null
                            then
                                {{ to_addend('lines.line_item_unblended_cost') }}
                                - {{ to_addend('coalesce(reserved.covered_cost, 0)') }}
                        else
                            {{ to_addend(
                                'coalesce(lines.reservation_unused_amortized_upfront_fee_for_billing_period, 0)'
                            ) }}
                            + {{ to_addend('coalesce(lines.reservation_unused_recurring_fee, 0)') }}
                    end
            else {{ to_addend('0') }}
        end as unused_commitment_cost,
        covered.plan_arn is not null and covered.covered_cost is null as is_covered_cost_unknown
    from lines
    left join covered
        on
            lines.line_item_line_item_type in ('SavingsPlanRecurringFee', 'SavingsPlanNegation')
            and (lines.line_rank = 1 or lines.line_item_line_item_type = 'SavingsPlanNegation')
            and lines.plan_arn = covered.plan_arn
            and lines.bill_billing_period_start_date = covered.billing_period_start
            and lines.line_item_usage_start_date = covered.usage_start
    left join reserved
        on
            lines.line_item_line_item_type = 'RIFee'
            and lines.line_rank = 1
            and lines.reservation_arn = reserved.reservation_arn
            and lines.bill_billing_period_start_date = reserved.billing_period_start
)

select
    *,
    case
        when line_item_line_item_type = 'SavingsPlanCoveredUsage'
            then coalesce(savings_plan_savings_plan_effective_cost, line_item_unblended_cost)
        when line_item_line_item_type = 'DiscountedUsage'
            then coalesce(reservation_effective_cost, line_item_unblended_cost)
        -- Covered usage then stands at its unblended cost, which the negation takes back.
        when line_item_line_item_type = 'SavingsPlanNegation' and is_covered_cost_unknown
            then line_item_unblended_cost
        when
            line_item_line_item_type in (
                'SavingsPlanNegation', 'SavingsPlanUpfrontFee', 'SavingsPlanRecurringFee', 'RIFee'
            )
            then 0
        when line_item_line_item_type = 'Fee' and nullif(reservation_reservation_a_r_n, '') is not null
            then 0
        -- The refund of a savings plan's upfront fee, which was never an amortised cost.
        when line_item_line_item_type = 'Refund' and line_item_product_code like '%SavingsPlans'
            then 0
        else line_item_unblended_cost
    end as amortised_cost,
    case
        when line_item_line_item_type = 'Tax' then 'Tax'
        when line_item_line_item_type in ('Credit', 'EdpDiscount', 'BundledDiscount') then 'Credit'
        -- What was charged wrongly and comes back; a credit is granted, and pays for any charge.
        when line_item_line_item_type = 'Refund' then 'Adjustment'
        when line_item_line_item_type in ('Fee', 'RIFee', 'SavingsPlanUpfrontFee', 'SavingsPlanRecurringFee')
            then 'Purchase'
        else 'Usage'
    end as charge_category,
    case
        when line_item_line_item_type in ('SavingsPlanCoveredUsage', 'DiscountedUsage') then 'Used'
    end as commitment_discount_status
from measured
