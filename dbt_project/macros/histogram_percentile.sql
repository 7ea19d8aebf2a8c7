{#-
  A percentile of merged histograms as Prometheus works it out: in the first bucket that
  reaches it, linear between its bounds; in the last, which has no upper bound, the
  bound before. Later buckets reach it too, and say nothing of it. `buckets` has
  `request_count` cumulative, `lower_bound`, `lower_count` and `total_count` beside each
  `upper_bound_seconds`.
-#}
{% macro histogram_percentile(percent) -%}
    min(
        case
            when
                total_count > 0 and request_count * 100 >= total_count * {{ percent }}
                and lower_count * 100 < total_count * {{ percent }}
                then
                    case
                        when upper_bound_seconds = {{ infinity() }} then lower_bound
                        else {{ bound_reached(
                            'lower_bound', 'upper_bound_seconds', 'lower_count', 'nullif(request_count, lower_count) + 0',
                            'total_count * ' ~ percent ~ ' * 0.01'
                        ) }}
                    end
        end
    )
{%- endmacro %}
