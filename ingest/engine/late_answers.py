"""Hold back a survey delivery that would reveal answers of few people.

Anybody who has the figures of before and of after can subtract them. So once a wave is
loaded, another delivery of it counts only where each group that it changes is changed
by at least as many answers as may be shown at all. The answers that count stay a
function of the loads alone, so that a rebuilt catalogue gives the same figures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingest.engine.landed_loads import SURVEY_STREAM
from triptych.core.file_names import literal
from triptych.core.settings.delivery import LEAST_GROUP_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.engine.landed_loads import LandedDelivery

_CELL: Final = "wave_id, item_id, scale_min, scale_max, group_id"
#: As int_survey_cells counts them: of each respondent the last answer. Who gave it is
#: in no figure, and with another salt all of them are others.
_COUNTED: Final = (
    f"SELECT {_CELL}, value FROM {{rows}} WHERE value IS NOT NULL"
    " QUALIFY respondent_hash IS NULL OR row_number() OVER (PARTITION BY wave_id,"
    " item_id, scale_min, scale_max, respondent_hash"
    " ORDER BY submitted_on DESC, group_id, value DESC) = 1"
)
_QUESTION: Final = (
    "WITH known AS (SELECT answers.*, source, stream, scope, run_id"
    " FROM evidence.survey_responses AS answers"
    " JOIN catalogue.loads AS loads ON loads.load_id = answers._load_id),"
    f" coming AS (SELECT {_CELL}, respondent_hash, value, submitted_on FROM known"
    " WHERE (source, stream, scope) <> ({key})"
    f" UNION ALL SELECT {_CELL}, respondent_hash, value, submitted_on FROM ({{rows}})),"
    f" before AS ({_COUNTED.format(rows='known')}),"
    f" after AS ({_COUNTED.format(rows='coming')}),"
    f" changes AS (SELECT {_CELL}, 1 AS added, 0 AS removed"
    " FROM (FROM after EXCEPT ALL FROM before)"
    f" UNION ALL SELECT {_CELL}, 0, 1 FROM (FROM before EXCEPT ALL FROM after))"
    " SELECT wave_id, item_id, group_id,"
    " greatest(sum(added), sum(removed))::BIGINT AS changed FROM changes"
    " WHERE wave_id IN (SELECT wave_id FROM known WHERE run_id <> {run})"
    f" GROUP BY {_CELL} HAVING changed < {LEAST_GROUP_SIZE} ORDER BY ALL LIMIT 1"
)


def late_answers(
    ask: Callable[[str], list[tuple[Any, ...]]], landed: LandedDelivery
) -> str | None:
    """Return why a delivery of answers does not count yet; ``None`` where it may.

    Parameters
    ----------
    ask : callable
        Answers a question to the evidence that counts now.
    landed : LandedDelivery
        Of any stream. Nobody can distinguish deliveries of the same run.
    """
    load = landed.load
    if load.stream != SURVEY_STREAM or not landed.rows:
        return None
    rows = ask(
        _QUESTION.format(
            key=", ".join(map(literal, load.key)),
            rows=" UNION ALL BY NAME ".join(landed.rows),
            run=literal(load.run_id),
        )
    )
    if not rows:
        return None
    wave, item, group, changed = rows[0]
    return (
        f"{load.label}: not loaded, for the figures of wave {wave!r} would differ by"
        f" {changed} answer{'' if changed == 1 else 's'} of group {group!r} to"
        f" {item!r}, and whoever has those of before could work them out. It counts"
        f" once each group that it changes is changed by {LEAST_GROUP_SIZE} answers or"
        " more. Deliver a wave when it is closed."
    )
