{#- Velocity by month, one figure a row; how it is made stands in the macro. -#}
{{ velocity_figures('month') }}
