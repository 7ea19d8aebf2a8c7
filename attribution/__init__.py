"""Stage 3, marts to estimates: forecasts of cost, from the marts of the same build."""
