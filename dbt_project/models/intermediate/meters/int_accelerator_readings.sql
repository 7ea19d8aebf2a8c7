{#- Readings of accelerators, each GPU hour once however many meters look at it. -#}
{{ readings_once(
    ref('int_accelerator_usage'),
    capacities=['capacity_gpu_hours'],
    quantities=['requested_gpu_hours', 'used_gpu_hours'],
    attributes=['accelerator_type', 'purchase_option'],
) }}
