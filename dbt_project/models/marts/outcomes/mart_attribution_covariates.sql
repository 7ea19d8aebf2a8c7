{#-
  What each study knows besides its outcome, for the same units and periods as its panel.
  A column of which nothing was delivered in the window is not there.
-#}
with cells as (
    select * from {{ ref('mart_attribution_panel') }}
),

covariates as (
    select * from {{ ref('int_study_covariates') }}
),

delivered_columns as (
    select distinct
        study_id,
        column_name
    from covariates
)

select
    cells.study_id,
    cells.unit,
    cells.panel_date,
    delivered_columns.column_name,
    covariates.value,
    covariates.currency
from cells
inner join delivered_columns on cells.study_id = delivered_columns.study_id
left join covariates
    on
        cells.study_id = covariates.study_id
        and delivered_columns.column_name = covariates.column_name
        and cells.panel_date = covariates.panel_date
        and cells.unit = coalesce(covariates.unit, cells.unit)
