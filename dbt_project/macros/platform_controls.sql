{#-
  The security and compliance controls that a platform is asked for, in the order of a list:
  the name, and what an entry of catalog.yml says of it besides its evidence.
-#}
{% macro platform_control_kinds() -%}
    {{ return([
        ('certification', 'Certification', ', detail: ISO 27001'),
        ('data_residency', 'Data residency', ', detail: EU'),
        ('encryption_at_rest', 'Encryption at rest', ''),
        ('encryption_in_transit', 'Encryption in transit', ''),
        ('sso', 'Single sign-on', ''),
        ('audit_log', 'Audit log', ''),
        ('dpa', 'Data processing agreement', ''),
    ]) }}
{%- endmacro %}
