"""Check for deliveries that contradict each other on a single value.

Two exchange rates of a day, in two files or from two sources, cannot both count, and
nothing decides between them. Within a file they are refused when it lands; this module
compares landed rows with the rows that count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingest.engine.lake import ALL_STREAMS
from ingest.engine.projection import quote
from ingest.streams import TEXT
from triptych.core.errors import MalformedDeliveryError
from triptych.core.file_names import literal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from ingest.engine.landed_loads import LandedDelivery
    from ingest.streams import Stream


class AgreedValues:
    """Deliveries of a batch that contradict loads in force or each other.

    Two files that are corrected together are judged in their present state: the loads
    they replace do not matter, unless either file is refused and stays as it was.

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
        while disputed := self._disputed(waiting):
            refused = self._first_refused(waiting, disputed)
            if refused is None:
                return
            waiting.remove(refused)

    def refusal(self, load_id: str) -> MalformedDeliveryError | None:
        """Return the refusal of a delivery that contradicts another."""
        return self._refusals.get(load_id)

    def _disputed(self, waiting: Sequence[LandedDelivery]) -> set[str]:
        """Return the loads that contradict another load, in force or waiting.

        A single query covers all of them: nearly always the answer is that there are
        none.
        """
        replaced = [each.load.key for each in waiting]
        return {
            load_id
            for stream in {each.load.stream for each in waiting}
            for (load_ids,) in self._ask(
                _dispute(ALL_STREAMS[stream], waiting, replaced)
            )
            for load_id in load_ids
        }

    def _first_refused(
        self, waiting: Sequence[LandedDelivery], disputed: Collection[str]
    ) -> LandedDelivery | None:
        replaced = [each.load.key for each in waiting]
        accepted: dict[tuple[str, str, str], LandedDelivery] = {}
        for each in waiting:
            if each.load.load_id in disputed:
                others = [
                    other
                    for key, other in accepted.items()
                    if key != each.load.key and other.load.load_id in disputed
                ]
                refusal = self._contradiction(each, others, replaced)
                if refusal is not None:
                    self._refusals[each.load.load_id] = refusal
                    return each
            accepted[each.load.key] = each
        return None

    def _contradiction(
        self,
        landed: LandedDelivery,
        others: Sequence[LandedDelivery],
        replaced: Sequence[tuple[str, str, str]],
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


def _dispute(
    stream: Stream,
    waiting: Sequence[LandedDelivery],
    replaced: Sequence[tuple[str, str, str]],
) -> str:
    same, value = ", ".join(_same(stream)), quote(stream.one_value)
    return (
        f"SELECT list(DISTINCT _load) FROM ({_rows(stream, waiting, replaced)})"
        f" GROUP BY {same} HAVING min({value}) <> max({value})"
    )


def _question(
    stream: Stream,
    landed: LandedDelivery,
    others: Sequence[LandedDelivery],
    replaced: Sequence[tuple[str, str, str]],
) -> str:
    same = _same(stream)
    on = " AND ".join(f"new.{name} IS NOT DISTINCT FROM old.{name}" for name in same)
    subject = ", ".join(f"new.{name}" for name in same)
    value = quote(stream.one_value)
    return (
        f"SELECT concat_ws(' ', {subject}), new.{value}, old.{value}, _load, _label"
        f" FROM ({' UNION ALL BY NAME '.join(landed.rows)}) AS new"
        f" JOIN ({_rows(stream, others, replaced)}) AS old ON {on}"
        f" WHERE new.{value} <> old.{value} ORDER BY ALL LIMIT 1"
    )


def _same(stream: Stream) -> list[str]:
    """Return the columns that together identify the subject of the value."""
    texts = [column.name for column in stream.columns if column.type == TEXT]
    return [quote(name) for name in dict.fromkeys((*stream.key, *texts))]


def _rows(
    stream: Stream,
    landed: Sequence[LandedDelivery],
    replaced: Sequence[tuple[str, str, str]],
) -> str:
    """Return a query for the rows in force that are not replaced, and for others."""
    columns = ", ".join((*_same(stream), quote(stream.one_value)))
    queries = [
        f"SELECT {columns}, load_id AS _load, label AS _label"
        f" FROM evidence.{quote(stream.name)}"
        " JOIN (SELECT load_id, label, source, stream, scope FROM catalogue.loads)"
        " ON load_id = _load_id"
        f" WHERE (source, stream, scope) NOT IN ({_keys(replaced)})",
        *(
            f"SELECT {columns}, {literal(each.load.load_id)},"
            f" {literal(each.load.label)} FROM ({rows})"
            for each in landed
            if each.load.stream == stream.name
            for rows in each.rows
        ),
    ]
    return " UNION ALL ".join(queries)


def _keys(keys: Sequence[tuple[str, str, str]]) -> str:
    return ", ".join(f"({', '.join(map(literal, key))})" for key in keys)
