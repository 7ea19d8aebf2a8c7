"""Answers assistants from the published run, with proof for each figure."""
