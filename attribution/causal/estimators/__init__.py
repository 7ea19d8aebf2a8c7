"""One estimator per file: ``validate(panel, plan)`` and ``fit(panel, plan, rng)``."""
