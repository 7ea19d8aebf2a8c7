"""Finds that two deliveries say different things of what has one value.

Two exchange rates of one day, in two files or from two sources, cannot both count, and
nothing tells which does. Within a file that is refused when it lands; this compares
what has landed with what counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingest.engine.lake import ALL_STREAMS
from ingest.engine.projection import quote
from ingest.streams import TEXT
from triptych.core.errors import MalformedDeliveryError
from triptych.core.file_names import literal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ingest.engine.landed_loads import LandedDelivery
    from ingest.streams import Stream


class AgreedValues:
    """Which deliveries of a batch contradict what counts, or an earlier one of it.

    Two files that are corrected together agree as they are now: what they replace does
    not matter, unless one of them is refused and stays as it was.

    Parameters
    ----------
    ask : callable
        Answers a question to the evidence that counts before the batch.
    landed : sequence of LandedDelivery
        The batch, in its order.
    """

    def __init__(
        self,
        ask: Callable[[str], list[tuple[Any, ...]]],
        landed: Sequence[LandedDelivery],
    ) -> None:
        self._ask = ask
        self._refusals: dict[str, MalformedDeliveryError] = {}
        waiting = [
            each
            for each in landed
            if each.rows and ALL_STREAMS[each.load.stream].one_value
        ]
        while waiting:
            refused = self._first_refused(waiting)
            if refused is None:
                return
            waiting.remove(refused)

    def refusal(self, load_id: str) -> MalformedDeliveryError | None:
        """Return the refusal of a delivery that contradicts another."""
        return self._refusals.get(load_id)

    def _first_refused(self, waiting: list[LandedDelivery]) -> LandedDelivery | None:
        replaced = [each.load.key for each in waiting]
        accepted: dict[tuple[str, str, str], LandedDelivery] = {}
        for each in waiting:
            others = [a for a in accepted.values() if a.load.key != each.load.key]
            refusal = self._contradiction(each, others, replaced)
            if refusal is not None:
                self._refusals[each.load.load_id] = refusal
                return each
            accepted[each.load.key] = each
        return None

    def _contradiction(
        self,
        landed: LandedDelivery,
        others: list[LandedDelivery],
        replaced: list[tuple[str, str, str]],
    ) -> MalformedDeliveryError | None:
        stream = ALL_STREAMS[landed.load.stream]
        rows = self._ask(_question(stream, landed, others, replaced))
        if not rows:
            return None
        subject, value, known, load_id, label = rows[0]
        return MalformedDeliveryError(
            f"{stream.one_value.capitalize()} of {subject} is {value.normalize():f}"
            f" here, and {known.normalize():f} in {label}, which counts. It was not"
            " loaded.",
            where=landed.load.label,
            next_step="Correct the one that is wrong. If it is the other: triptych"
            f" withdraw {load_id} --because TEXT, and run again.",
        )


def _question(
    stream: Stream,
    landed: LandedDelivery,
    others: list[LandedDelivery],
    replaced: list[tuple[str, str, str]],
) -> str:
    known = [
        "SELECT rows.*, loads.load_id AS _load, loads.label AS _label"
        f" FROM evidence.{quote(stream.name)} AS rows"
        " JOIN catalogue.loads AS loads ON loads.load_id = rows._load_id"
        f" WHERE (loads.source, loads.stream, loads.scope) NOT IN ({_keys(replaced)})",
        *(
            f"SELECT *, {literal(each.load.load_id)} AS _load,"
            f" {literal(each.load.label)} AS _label FROM ({rows})"
            for each in others
            if each.load.stream == stream.name
            for rows in each.rows
        ),
    ]
    texts = [c.name for c in stream.columns if c.type == TEXT]
    same = [quote(name) for name in dict.fromkeys((*stream.key, *texts))]
    on = " AND ".join(f"new.{name} IS NOT DISTINCT FROM old.{name}" for name in same)
    subject = ", ".join(f"new.{name}" for name in same)
    value = quote(stream.one_value)
    return (
        f"SELECT concat_ws(' ', {subject}), new.{value}, old.{value}, _load, _label"
        f" FROM ({' UNION ALL BY NAME '.join(landed.rows)}) AS new"
        f" JOIN ({' UNION ALL BY NAME '.join(known)}) AS old ON {on}"
        f" WHERE new.{value} <> old.{value} ORDER BY ALL LIMIT 1"
    )


def _keys(keys: list[tuple[str, str, str]]) -> str:
    return ", ".join(f"({', '.join(map(literal, key))})" for key in keys)
