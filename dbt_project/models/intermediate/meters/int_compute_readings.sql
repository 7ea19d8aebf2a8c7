{#- Readings of processors and memory, each hour of a node once however many meters look at it. -#}
{{ readings_once(
    ref('int_compute_usage'),
    capacities=['capacity_cpu_core_hours', 'capacity_memory_gibibyte_hours'],
    quantities=[
        'requested_cpu_core_hours',
        'requested_memory_gibibyte_hours',
        'used_cpu_core_hours',
        'used_memory_gibibyte_hours',
    ],
) }}
