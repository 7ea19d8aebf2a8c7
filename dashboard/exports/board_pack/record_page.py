"""Last page of the board pack: assumptions, methods and the run.

Anybody who doubts a figure begins here: with the versions and the run, anybody with the
workspace can ask ``triptych explain`` for each of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.exports.board_pack.parts import Heading, PackPage, Table, Text
from dashboard.pages.impact import queries as impact_queries
from dashboard.pages.lineage import assumption_queries
from dashboard.pages.velocity import sentences as velocity
from dashboard.shared import format as fmt
from dashboard.shared import source_queries
from dashboard.shared.tables import Column

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dashboard.exports.board_pack.parts import Part
    from dashboard.exports.provenance import Provenance
    from dashboard.shared.context import Page

_PRINTED_ASSUMPTIONS = 14
_COSTS = "cost.fct_daily_model_costs"
#: Methods for the figures of each page, in a sentence or two.
_METHODS = (
    (
        "AI cost",
        "All charges that are AI spend, before tax and credits: direct, shared, idle,"
        " unused commitment, overhead and unallocated. They add up to the bills to the"
        " last digit.",
    ),
    (
        "Fully loaded",
        "A model's own charges and its part of shared pools by measured use, of idle"
        " capacity, of unused commitments and of overhead. Idle that no model is"
        " charged for is not in it.",
    ),
    (
        "Bridge",
        "Price, volume, mix, new, retired, exchange and other are worked out line by"
        " line and add up to the change exactly.",
    ),
    (
        "Forecast",
        "The method with the smallest error on days that were held out. The interval"
        " is measured on them, and its error is printed.",
    ),
    (
        "Change lead time",
        velocity.METRICS["change_lead_time"][1],
    ),
    (
        "Change fail rate",
        velocity.METRICS["change_fail_ratio"][1],
    ),
    (
        "Effect and grade",
        "What a study that was registered beforehand found, with a 90 % interval. The"
        " grade follows from recorded checks by rule: A randomised, B controlled, C"
        " modelled, D assumed, X not estimable.",
    ),
    (
        "Net value",
        "Benefit less AI cost, people and integration, draw by draw. The headline"
        " counts grades A and B whose assumptions somebody other than their owner"
        " approved; nulls and harms count as wins do.",
    ),
    (
        "Not known",
        "A dash, with its reason. What is not known is never zero.",
    ),
)


def record_page(view: Page, facts: Provenance) -> PackPage:
    """Return the assumptions in force, the methods, and the pack's inputs."""
    return PackPage(
        "Assumptions, methods and record",
        "Assumptions & record",
        (*_assumptions(view), *_methods(), *_record(view, facts)),
    )


def _assumptions(view: Page) -> Iterator[Part]:
    month = max(view.selection.period.months)
    yield Heading(f"Assumptions in force in {fmt.month(month)}")
    found = assumption_queries.assumptions(view.snapshot, month)
    if found is None or not found.num_rows:
        yield Text(
            "No assumption is registered: no effect is worth money, and no return is"
            " counted."
        )
        return
    rows = found.to_pylist()
    proposed = [row for row in rows if not row["is_approved"]]
    yield Text(
        f"{fmt.plural(len(rows), 'assumption holds', 'assumptions hold')};"
        f" {len(proposed)} of them not approved, and in no headline."
    )
    yield Table(
        "Values that returns need and bills lack",
        (
            Column("assumption_id", "Assumption"),
            Column("assumed", "Value", "count"),
            Column("assumed_low", "From", "count"),
            Column("assumed_high", "To", "count"),
            Column("unit", "Unit"),
            Column("owner", "Owner"),
            Column("approved_by", "Approved by", "text", "nobody"),
            Column("valid_from", "Valid from", "day"),
            Column("valid_to", "Valid to", "day", "no_end"),
            Column("feeds", "Feeds the return of", "prose"),
            Column("assumption_version", "Version"),
        ),
        tuple(rows),
        _PRINTED_ASSUMPTIONS,
        (2.1, 0.8, 0.7, 0.7, 1.7, 1.6, 1.6, 1.2, 0.9, 1.8, 1.5),
    )


def _methods() -> Iterator[Part]:
    yield Heading("How figures are made")
    yield Table(
        "In the words of the pages",
        (Column("name", "Figure"), Column("text", "How", "prose")),
        tuple({"name": name, "text": text} for name, text in _METHODS),
        len(_METHODS),
        (1.0, 5.6),
    )


def _record(view: Page, facts: Provenance) -> Iterator[Part]:
    yield Heading("Composition")
    made = source_queries.made_of(view.snapshot, _COSTS, view.selection.period.months)
    said = [*facts.facts(), ("triptych", view.run.triptych_version)]
    if made is not None:
        said += [(version.name, version.version) for version in made.versions]
    for study in impact_queries.studies(view.snapshot, view.selection) or ():
        said.append((f"plan of study {study.study_id}", study.plan_hash))
    yield Table(
        "Hashes are SHA-256",
        (Column("name", "Fact"), Column("text", "Is", "prose")),
        tuple({"name": name, "text": text} for name, text in said),
        len(said),
        (2.0, 4.6),
    )
