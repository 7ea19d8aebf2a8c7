"""Expected costs: forecasts, anomalies, elasticities."""
