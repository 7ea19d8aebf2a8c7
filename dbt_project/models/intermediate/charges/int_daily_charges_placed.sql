{#-
  The ledger by day and target, at eighteen decimals: one cut of the sums of line items,
  with the names that a placement stands for.
-#}
{{ sums_with_names('target', rules('assignment_rules'), rules('platform_rules')) }}
