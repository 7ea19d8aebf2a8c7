"""Each measure by each dimension of its model: plain SQL, and how its parts add up.

Measures, dimensions and ways of adding are those of the definitions; the marts have
invented rows, in which no two groups have equal amounts.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.triptych.core.measures.as_written import metrics, written_sql
from tests.triptych.core.measures.invented_marts import publish
from triptych.core.errors import UsageError
from triptych.core.measures.answer import table
from triptych.core.measures.definition import definitions
from triptych.core.measures.query import query
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from triptych.core.measures.definition import Measure
    from triptych.core.warehouse.reader import Snapshot

    #: Values of the grouping → value, NULL as None.
    Values = dict[tuple[Any, ...], Any]

#: Part of the amounts that nobody knows: a sum with one of them is unknown.
UNKNOWN: Final = 0.004
MEASURES: Final = definitions().measures


@pytest.fixture(scope="module", params=[0, UNKNOWN], ids=["known", "partly-unknown"])
def snapshot(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Snapshot:
    root = tmp_path_factory.mktemp("dimensions")
    publish(root, unknown=request.param)
    return PublishedReader(root).snapshot()


def needed(measure: Measure) -> tuple[str, ...]:
    """Return the dimensions that a measure does not add up over, of its file."""
    model = measure.model
    if measure.is_ratio:
        halves = (
            MEASURES[each or ""] for each in (measure.numerator, measure.denominator)
        )
        return tuple(sorted({*chain(*map(needed, halves)), *model.never_added}))
    if measure.newest_by:
        return tuple(sorted({*model.grain} - {model.month, measure.newest_by}))
    if measure.agg == "max":
        return tuple(sorted(model.grain))
    if measure.agg not in {"sum", "count", "percentile"}:
        return ()
    return tuple(sorted({*model.never_added, *measure.never_added}))


def groups() -> Iterator[tuple[tuple[str, ...], list[Measure]]]:
    """Yield measures of one model that need the same dimensions, and these."""
    found: dict[tuple[str, tuple[str, ...]], list[Measure]] = {}
    for measure in MEASURES.values():
        key = (measure.model.name, needed(measure))
        found.setdefault(key, []).append(measure)
    for (_, by), measures in found.items():
        yield by, measures


def dimensions(measure: Measure) -> list[str]:
    """Return what a measure may be grouped by besides what it needs."""
    renamed = {name for name, _ in measure.model.renamed}
    return sorted({*measure.model.dimensions} - renamed - {*needed(measure)})


def compiled(
    snapshot: Snapshot, measures: Iterable[Measure], by: tuple[str, ...]
) -> dict[str, Values]:
    names = [each.name for each in measures]
    return by_measure(table(snapshot, query(*names, by=by)).to_pylist(), names, by)


def by_measure(
    rows: list[dict[str, Any]], names: list[str], by: tuple[str, ...]
) -> dict[str, Values]:
    """Return the values of each measure by the grouping."""
    return {
        name: {tuple(row[key] for key in by): row[name] for row in rows}
        for name in names
    }


def test_each_measure_by_each_dimension_is_the_sql_of_its_file(
    snapshot: Snapshot,
) -> None:
    pairs = known = 0
    for needs, measures in groups():
        model, names = measures[0].model, [each.name for each in measures]
        for by in ((), *((each,) for each in dimensions(measures[0]))):
            keys = (*needs, *by)
            answered = compiled(snapshot, measures, keys)
            sql = written_sql(model.name, names, keys)
            written = by_measure(snapshot.query(sql).to_pylist(), names, keys)
            for name in names:
                figures = answered[name]
                left_out = written[name].keys() - figures.keys()
                # Groups without a row that any of the measures counts.
                assert not any(written[name][group] for group in left_out), name
                for group, value in figures.items():
                    of_file = written[name][group]
                    is_exact = not isinstance(value, float)
                    same = value == (of_file if is_exact else pytest.approx(of_file))
                    assert same, (name, keys, group)
                    known += value is not None
                pairs += 1
    print(f"{pairs} measures by dimension, {known} known values")  # noqa: T201  (how much was compared)
    assert known > pairs > len(MEASURES) * 4


def test_a_measure_adds_up_over_a_dimension_as_it_is_defined(
    snapshot: Snapshot,
) -> None:
    """Sums and counts of rows do; counts of things are between the largest and all."""
    added = 0
    for needs, measures in groups():
        wholes = compiled(snapshot, measures, needs)
        for dimension in dimensions(measures[0]):
            parts = compiled(snapshot, measures, (*needs, dimension))
            for measure in measures:
                for group, whole in wholes[measure.name].items():
                    of_group = [
                        value
                        for key, value in parts[measure.name].items()
                        if key[:-1] == group
                    ]
                    require_adds_up(measure, whole, of_group)
                    added += whole is not None
    print(f"{added} wholes compared with their parts")  # noqa: T201
    assert added > len(MEASURES)


def require_adds_up(measure: Measure, whole: Any, parts: list[Any]) -> None:
    """Fail if parts of a measure are not what its way of adding makes of the whole."""
    values = [value for value in parts if value is not None]
    if measure.agg == "count" or (measure.is_additive and whole is not None):
        is_exact = not isinstance(whole, float)
        total = sum(values)
        assert whole == (total if is_exact else pytest.approx(total)), measure.name
    elif measure.is_additive:
        assert len(values) < len(parts) or not values, measure.name
    elif measure.agg == "count_distinct":
        assert max(values) <= whole <= sum(values), measure.name
    elif measure.agg in {"median", "average"} and whole is not None:
        assert min(values) <= whole <= max(values), measure.name
    elif measure.agg == "max" or measure.newest_by:
        assert (whole is None) == (not values), measure.name
        assert whole is None or whole in values, measure.name


def test_a_ratio_of_a_whole_is_made_of_the_halves_of_the_whole(
    snapshot: Snapshot,
) -> None:
    compared = 0
    for ratio in (each for each in MEASURES.values() if each.is_ratio):
        halves = [MEASURES[ratio.numerator or ""], MEASURES[ratio.denominator or ""]]
        asked = needed(ratio)
        values = compiled(snapshot, [ratio, *halves], asked)
        for group, value in values[ratio.name].items():
            above, below = (values[each.name][group] for each in halves)
            is_known = None not in {above, below} and below != 0
            assert (value is not None) == is_known, (ratio.name, group)
            if is_known:
                assert value == pytest.approx(float(above) / float(below), rel=1e-12)
                compared += 1
    assert compared


def test_what_does_not_add_up_is_refused_without_its_dimensions() -> None:
    refused = 0
    for measure in MEASURES.values():
        for left_out in needed(measure):
            by = tuple({*needed(measure)} - {left_out})
            with pytest.raises(UsageError, match=left_out):
                query(measure.name, by=by)
            refused += 1
    print(f"{refused} refusals")  # noqa: T201
    assert refused > len(MEASURES)


def test_money_never_adds_up_over_currencies() -> None:
    for measure in MEASURES.values():
        is_money = measure.is_ratio or (
            measure.agg == "sum" and "[currency]" in measure.unit
        )
        if is_money and "currency" in measure.model.dimensions:
            assert "currency" in needed(measure), measure.name


def test_the_files_and_the_definitions_have_the_same_measures() -> None:
    assert metrics().keys() == MEASURES.keys()
