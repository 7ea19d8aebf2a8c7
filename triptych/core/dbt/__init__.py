"""dbt as a compiler: commands, processes, compiled projects."""
