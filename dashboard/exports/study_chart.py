"""The chart of a study's report: observed and counterfactual, or the effect alone.

The same drawing stands in the PDF and, as lines and areas, in the HTML.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typst

from dashboard.exports.board_pack import drawings
from dashboard.exports.board_pack.parts import Picture
from dashboard.pages.impact import figures as numbers
from dashboard.pages.impact import queries
from dashboard.shared import format as fmt

if TYPE_CHECKING:
    from dashboard.pages.impact.queries import Study
    from triptych.core.warehouse.reader import Snapshot

#: What draws it, as in the board pack.
DRAWINGS: Final = Path(__file__).parent / "board_pack" / "drawings.typ"
_ALONE: Final = b"""
#let picture = json(bytes(sys.inputs.picture))
#set page(width: 172mm, height: auto, margin: (x: 9mm, y: 1mm), fill: none)
#set text(font: "Libertinus Serif", size: 10pt)
#drawn(picture.drawing, picture.content, picture.height * 1mm)
"""


def picture_of(snapshot: Snapshot, study: Study) -> Picture | None:
    """Return what a study's report draws; nothing where nothing was estimated.

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
    unit = numbers.words(study.outcome_unit)
    if rows:
        return Picture(
            f"{numbers.words(study.outcome).capitalize()}, all treated units: observed"
            " and counterfactual with its 90 % interval; the upright line is the"
            f" launch, {fmt.day(study.launch_date)}",
            drawings.observed_and_counterfactual(rows, study.launch_date, unit),
        )
    effect = study.average
    return Picture(
        "The effect, with its 50 % and 90 % intervals; the upright line is no effect",
        drawings.one_effect(
            numbers.words(study.outcome),
            effect.effect,
            inner=(effect.low_50, effect.high_50),
            outer=(effect.low_90, effect.high_90),
            text=numbers.quantity(effect.effect, study.outcome_unit, is_signed=True),
            unit=unit,
        ),
    )


def said(picture: Picture) -> dict[str, object]:
    """Return a picture as templates read it."""
    return {
        "caption": picture.caption,
        "drawing": picture.drawing.kind,
        "height": picture.drawing.height_mm,
        "content": picture.drawing.content,
    }


def svg_of(picture: Picture) -> str:
    """Return a picture as SVG, whose letters are shapes: it looks alike everywhere."""
    drawn = typst.compile(
        DRAWINGS.read_bytes() + _ALONE,
        ignore_system_fonts=True,
        sys_inputs={"picture": json.dumps(said(picture), ensure_ascii=False)},
        format="svg",
    )
    text = drawn.decode()
    # As wide as its page, whatever that is.
    return re.sub(r'(<svg[^>]*?) width="[^"]*" height="[^"]*"', r"\1", text, count=1)
