{#- Velocity by fiscal quarter, one figure a row, from the items and not from months. -#}
{{ velocity_figures('quarter') }}
