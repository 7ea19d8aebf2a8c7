"""The large engine: the same dbt project on Apache Spark, over the same evidence."""
