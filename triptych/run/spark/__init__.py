"""The large engine: Apache Spark adds up line items, by the same models and rules."""
