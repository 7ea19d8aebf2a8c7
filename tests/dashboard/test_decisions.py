"""What *Impact* says of gains and losses before its first table."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from dashboard.pages.impact import decisions
from dashboard.shared import return_sentences

if TYPE_CHECKING:
    from dashboard.shared.return_sentences import Side


@pytest.mark.parametrize(
    ("low", "high", "side", "decision"),
    [
        (27_800.0, 126_000.0, "gain", "Keep"),
        (-45_800.0, -35_600.0, "loss", "Stop or fix"),
        (-4_800.0, 541.0, "both", "Measure on"),
        (0.0, 541.0, "both", "Measure on"),
        (None, -1.0, "unknown", "Not proven"),
    ],
)
def test_a_sentence_and_a_decision_judge_a_range_alike(
    low: float | None, high: float | None, side: str, decision: str
) -> None:
    row = {"net_value_low_90": low, "net_value_high_90": high}
    assert return_sentences.side_of(row) == side
    assert return_sentences.decision_of(row).startswith(decision)


def test_a_loss_is_called_one_where_the_whole_range_is() -> None:
    rows = [
        gained("A", -2_260.0, "both", is_counted=True),
        gained("B", None, None),
        gained("C", -40_300.0, "loss"),
        gained("D", 81_800.0, "gain", is_counted=True),
        gained("E", -10_600.0, "both"),
        gained("F", -1.0, "unknown"),
        gained("G", -50_000.0, "loss"),
    ]
    view: Any = SimpleNamespace(organisation_prefix="")
    assert decisions.sentence(view, rows).replace("\u00a0", " ") == (
        "**2 of 7 features** have proven results. Loss: G ≈ −EUR 50k, C ≈ −EUR 40.3k."
        " Gain or loss, cannot tell: E, A, F."
    )
    unclear = decisions.sentence(view, rows[:1])
    assert unclear.endswith("No loss is known. Gain or loss, cannot tell: A.")
    assert decisions.sentence(view, rows[3:4]).endswith("No loss is known.")


def gained(
    feature: str,
    net_value: float | None,
    side: Side | None,
    *,
    is_counted: bool = False,
) -> dict[str, Any]:
    return {
        "is_counted": is_counted,
        "feature": feature,
        "net_value": net_value,
        "side": side,
        "currency": None if net_value is None else "EUR",
    }
