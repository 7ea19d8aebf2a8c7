"""Estimators, a file each: ``validate(panel, plan)``, ``fit(…, rng)``."""
