"""A ratio has one scope, window, stage, platform and currency in both of its halves.

Ratios are those of the definitions. Each row of an invented mart is a scope of its own:
what is in the numerator is in the denominator, and what nobody measured is in neither,
or makes the ratio unknown.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.triptych.core.measures.as_written import (
    condition,
    metrics,
    rows_of_model,
    selection,
)
from tests.triptych.core.measures.invented_marts import publish
from triptych.core.measures.compile import compile_query
from triptych.core.measures.definition import definitions
from triptych.core.measures.query import Query
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.core.measures.definition import Measure
    from triptych.core.warehouse.reader import Snapshot

RATIOS: Final = [each for each in definitions().measures.values() if each.is_ratio]
#: Half of the amounts are unknown, so that each half is without the other somewhere.
UNKNOWN: Final = 0.5
#: A row of its own for each scope, so that the rows of a ratio are seen apart.
ROW: Final = "row_number"
_KNOWN: Final = re.compile(r" is not null$")


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    root: Path = tmp_path_factory.mktemp("ratios")
    publish(root, unknown=UNKNOWN)
    return PublishedReader(root).snapshot()


def numbered(model: str) -> str:
    """Return SQL of the rows of a model with a number for each."""
    rows = f"(SELECT * FROM {rows_of_model(model)} AS of_model ORDER BY ALL)"
    return f"(SELECT *, row_number() OVER () AS {ROW} FROM {rows} AS numbered)"


def scopes(half: Measure) -> tuple[str, str]:
    """Return SQL of the rows that a half counts, and of its value in a row.

    That the value is known is no scope: a meter that reads nothing has a scope, too. A
    measure whose NULL means nothing unknown selects rows by its expression.
    """
    metric = metrics()[half.name]
    selected, _ = selection(metric["expr"])
    selected = "true" if half.unknown else selected
    conditions = [
        each
        for each in condition(metric).split(" AND ")
        if _KNOWN.sub("", each) != metric["expr"]
    ]
    return " AND ".join([*conditions, selected]), metric["expr"]


def rows_of_halves(snapshot: Snapshot, ratio: Measure) -> list[dict[str, Any]]:
    (above_in, above), (below_in, below) = map(scopes, ratio.halves)
    rows: list[dict[str, Any]] = snapshot.query(
        f"SELECT {', '.join((ROW, *ratio.needs))},"
        f" ({above_in}) IS TRUE AS is_above, {above} AS above,"
        f" ({below_in}) IS TRUE AS is_below, {below} AS below"
        f" FROM {numbered(ratio.model.name)} AS rows ORDER BY {ROW}"
    ).to_pylist()
    return rows


def compiled(snapshot: Snapshot, ratio: Measure, rows: list[dict[str, Any]]) -> Any:
    """Return the ratio of some rows of one scope, as if the mart had no others."""
    source = f"{numbered(ratio.model.name)} AS chosen"
    named = ", ".join(str(row[ROW]) for row in rows)
    keys, only = tuple(sorted(ratio.needs)), f"{ROW} IN ({named})"
    asked = Query((ratio,), keys, conditions=(only,), source=source)
    [found] = snapshot.query(compile_query(asked)).to_pylist()
    return found[ratio.name]


def of_largest_scope(
    rows: list[dict[str, Any]], ratio: Measure
) -> list[dict[str, Any]]:
    """Return the rows of the scope that has most: over scopes no ratio adds up."""
    scopes = [tuple(row[key] for key in sorted(ratio.needs)) for row in rows]
    [(largest, _)] = Counter(scopes).most_common(1)
    return [row for row, scope in zip(rows, scopes, strict=True) if scope == largest]


@pytest.mark.parametrize("ratio", RATIOS, ids=lambda ratio: ratio.name)
def test_the_numerator_is_a_part_of_the_scope_of_the_denominator(
    snapshot: Snapshot, ratio: Measure
) -> None:
    counted = 0
    for row in rows_of_halves(snapshot, ratio):
        if row["is_above"] and row["above"]:
            assert row["is_below"], row
            counted += 1
    assert counted


@pytest.mark.parametrize(
    "ratio",
    [each for each in RATIOS if each.halves[0].is_additive],
    ids=lambda ratio: ratio.name,
)
def test_what_nobody_measured_is_in_no_half_or_makes_a_ratio_unknown(
    snapshot: Snapshot, ratio: Measure
) -> None:
    """To rows with both halves, one of an unknown numerator is added."""
    in_scope = [r for r in rows_of_halves(snapshot, ratio) if r["is_above"]]
    known = [r for r in in_scope if r["above"] is not None and r["below"] is not None]
    known = of_largest_scope(known, ratio)
    scope = [known[0][key] for key in ratio.needs]
    unmeasured = [
        row
        for row in in_scope
        if row["above"] is None and [row[key] for key in ratio.needs] == scope
    ]
    above, below = (
        sum(float(row[half]) for row in known) for half in ("above", "below")
    )
    assert compiled(snapshot, ratio, known) == pytest.approx(above / below)
    for row in unmeasured:
        value = compiled(snapshot, ratio, [*known, row])
        assert value is None or value == pytest.approx(above / below), row


def test_units_of_the_halves_make_the_unit_of_the_ratio() -> None:
    """A share has halves of one unit and basis; another ratio names both units."""
    for ratio in RATIOS:
        above, below = ratio.halves
        if ratio.unit == "ratio":
            assert (above.unit, above.basis) == (below.unit, below.basis), ratio.name
        elif above.unit == below.unit:
            assert above.basis != below.basis, ratio.name
