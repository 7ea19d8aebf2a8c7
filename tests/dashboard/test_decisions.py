"""What *Impact* says of gains and losses before its first table."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from dashboard.pages.impact import decisions
from dashboard.shared import return_sentences


@pytest.mark.parametrize(
    ("finding", "decision"),
    [
        ("pays", "Keep"),
        ("loses", "Stop or fix"),
        ("cannot_tell", "Measure on"),
        ("not_proven", "Not proven"),
        ("unknown", "Not proven"),
    ],
)
def test_a_decision_follows_from_the_finding_of_the_mart(
    finding: str, decision: str
) -> None:
    assert return_sentences.decision_of({"finding": finding}).startswith(decision)


def test_each_feature_is_in_one_part_of_the_sentence() -> None:
    """What is proven to pay is never called undecided."""
    rows = [
        found("A", -2_260.0, "cannot_tell"),
        found("B", None, "unknown"),
        found("C", -40_300.0, "loses"),
        found("D", 81_800.0, "pays"),
        found("E", -10_600.0, "not_proven"),
        found("F", -1.0, "not_proven"),
        found("G", -50_000.0, "loses"),
    ]
    view: Any = SimpleNamespace(organisation_prefix="")
    assert decisions.sentence(view, rows).replace("\u00a0", " ") == (
        "**1 of 7 features** proven to pay. Proven loss: G ≈ −EUR 50k, C ≈ −EUR 40.3k."
        " Gain or loss, cannot tell: A. Not proven: E ≈ −EUR 10.6k, F ≈ −EUR 1."
        " Unknown: B."
    )
    assert decisions.sentence(view, rows[3:4]).endswith("proven to pay.")


def found(feature: str, net_value: float | None, finding: str) -> dict[str, Any]:
    """Return a row of the first table of *Impact*."""
    return {
        "feature": feature,
        "net_value": net_value,
        "finding": finding,
        "currency": None if net_value is None else "EUR",
    }
