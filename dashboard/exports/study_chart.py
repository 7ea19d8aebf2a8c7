"""The chart of a study's report: observed and counterfactual, or the effect alone.

The same drawing is in the PDF and, as lines and areas, in the HTML.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typst

from dashboard.exports.board_pack import drawings
from dashboard.exports.board_pack.parts import Picture
from dashboard.pages.impact import figures as numbers
from dashboard.pages.impact import queries
from dashboard.shared import format as fmt

if TYPE_CHECKING:
    from dashboard.pages.impact.queries import Study
    from triptych.core.warehouse.reader import Snapshot

#: Template that draws it, as in the board pack.
DRAWINGS: Final = Path(__file__).parent / "board_pack" / "drawings.typ"
_ALONE: Final = b"""
#let picture = json(bytes(sys.inputs.picture))
#set page(width: 172mm, height: auto, margin: (x: 9mm, y: 1mm), fill: none)
#set text(font: "Libertinus Serif", size: 10pt)
#drawn(picture.drawing, picture.content, picture.height * 1mm)
"""


def picture_of(snapshot: Snapshot, study: Study) -> Picture | None:
    """Return the drawing of a study's report; None without an estimate.

    Parameters
    ----------
    snapshot : Snapshot
        The published run.
    study : Study
        As it was published.
    """
    if study.average is None:
        return None
    rows = queries.counterfactual(snapshot, study.study_id).to_pylist()
    is_ratio = study.outcome_unit == "ratio"
    scale = 100.0 if is_ratio else 1.0
    if rows:
        course_unit = "%" if is_ratio else numbers.words(study.outcome_unit)
        return Picture(
            f"{numbers.words(study.outcome).capitalize()}, all treated units: observed"
            " and counterfactual with its 90 % interval; the upright line is the"
            f" launch, {fmt.day(study.launch_date)}",
            drawings.observed_and_counterfactual(
                [_scaled(row, scale) for row in rows], study.launch_date, course_unit
            ),
        )
    effect = study.average
    return Picture(
        "The effect, with its 50 % and 90 % intervals; the upright line is no effect",
        drawings.one_effect(
            numbers.words(study.outcome),
            effect.effect * scale,
            inner=(_times(effect.low_50, scale), _times(effect.high_50, scale)),
            outer=(_times(effect.low_90, scale), _times(effect.high_90, scale)),
            text=numbers.quantity(effect.effect, study.outcome_unit, is_signed=True),
            unit="percentage points" if is_ratio else numbers.words(study.outcome_unit),
        ),
    )


def _times(value: float | None, scale: float) -> float | None:
    return None if value is None else value * scale


def _scaled(row: dict[str, Any], scale: float) -> dict[str, Any]:
    """Return a day with its figures in the unit of the axis."""
    return {
        name: value * scale if isinstance(value, float) else value
        for name, value in row.items()
    }


def said(picture: Picture) -> dict[str, object]:
    """Return a picture as templates read it."""
    return {
        "caption": picture.caption,
        "drawing": picture.drawing.kind,
        "height": picture.drawing.height_mm,
        "content": picture.drawing.content,
    }


def svg_of(picture: Picture) -> str:
    """Return a picture as SVG with shapes for letters, alike everywhere."""
    drawn = typst.compile(
        DRAWINGS.read_bytes() + _ALONE,
        ignore_system_fonts=True,
        sys_inputs={"picture": json.dumps(said(picture), ensure_ascii=False)},
        format="svg",
    )
    text = drawn.decode()
    # As wide as its page, at any page width.
    return re.sub(r'(<svg[^>]*?) width="[^"]*" height="[^"]*"', r"\1", text, count=1)
