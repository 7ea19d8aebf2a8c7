"""Return from effects: joint draws of benefit and cost, and results.

The draws of a study's effect are valued by approved assumptions and set against the
reconciled cost of the models behind the feature. Every figure of a feature, of its
models and of the portfolio comes from the same draws.
"""
