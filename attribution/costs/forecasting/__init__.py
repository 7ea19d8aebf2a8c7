"""Forecasts of daily cost: chosen by back-test, with intervals that were measured."""
