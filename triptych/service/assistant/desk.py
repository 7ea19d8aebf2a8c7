"""Answers listings from the published run, as a role may see it.

Every question is asked of the run that is current then, so an answer is of one run and
names it. What a role may not see is refused by its tool and is not in its rows either.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import duckdb

from dashboard.shared.roles import may_view
from triptych.core.acts import Actor
from triptych.core.errors import TriptychError
from triptych.core.explanation.report import explain_in
from triptych.core.file_names import literal
from triptych.core.signatures import of_operating_system
from triptych.core.warehouse.figures import Figure, parse_figure
from triptych.core.warehouse.gate import Gate, Viewer
from triptych.core.warehouse.scenario_results import ScenarioStore
from triptych.core.workspace import Workspace
from triptych.service.assistant.answers import (
    Answer,
    AnsweredFigure,
    Proof,
    ProposalAnswer,
    Refusal,
    ScenarioAnswer,
)
from triptych.service.assistant.names import require_names
from triptych.service.assistant.proposals import propose_scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from triptych.core.acts import Door
    from triptych.core.settings import Role
    from triptych.core.signatures import Signature
    from triptych.core.warehouse.reader import Snapshot
    from triptych.service.assistant.listings import Listing, Measure

    Row = dict[str, Any]

#: More figures than that help nobody in a conversation; the count of the rest is given.
MOST_FIGURES = 200
_UNIT_COLUMN = re.compile(r"\[(\w+)\]")
_NEWEST_MONTH = """
SELECT coalesce(
  max(billing_month) FILTER (state IN ('reconciled', 'locked', 'restated')),
  max(billing_month)) AS month FROM cost.mart_period_states
"""


#: A server answers for one workspace, over HTTP at a desk of its own for each request.
@lru_cache(maxsize=4)
def _gate(root: Path) -> Gate:
    """Return the gate of a workspace, which opens a run once for each role."""
    return Gate(root)


class RefusedError(TriptychError):
    """A question that has no answer."""


class NotForRoleError(RefusedError):
    """A question that this role gets no answer to."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Answers one role's questions about one workspace.

    Parameters
    ----------
    root : Path
        The workspace.
    role : {'finance', 'engineering', 'analyst', 'viewer'} or None
        None is this machine itself, which sees everything.
    cost_centers : tuple of str or None
        Only rows of these; None for all.
    dashboard : str
        Address of the dashboard, which links begin with; they are below it without.
    door : Door or None
        What a proposal goes through; without one nothing can be proposed.
    """

    root: Path
    role: Role | None = None
    cost_centers: tuple[str, ...] | None = None
    dashboard: str = ""
    door: Door | None = None

    def answer(
        self,
        listing: Listing,
        *,
        month: str | None = None,
        parameters: Mapping[str, str | None] | None = None,
    ) -> Answer:
        """Answer a listing, of the newest reconciled month where none is named."""

        def find(snapshot: Snapshot, answer: Answer) -> Answer:
            self.require(listing.page)
            given = dict(parameters or {})
            if "$month" in listing.where:
                given["month"] = month or _newest_month(snapshot)
            sql = _sql(snapshot, listing, given)
            rows = snapshot.query(sql).to_pylist()
            context = _Context.of(snapshot)
            if not rows:
                require_names(snapshot, listing.mart, parameters or {})
            if not rows and month is not None:
                context.require_month(month)
            figures = [
                context.figure(listing, measure, row)
                for row in rows
                for measure in listing.measures
            ]
            return answer.model_copy(
                update={
                    "figures": figures[:MOST_FIGURES],
                    "left_out_count": max(len(figures) - MOST_FIGURES, 0),
                    "missing": context.missing_of(figures),
                    "sql": sql,
                    "link": self._link(listing.page, period=given.get("month")),
                }
            )

        return self._reply(listing.title, find)

    def explain(self, address: str) -> Answer:
        """Work a figure out again from its evidence."""

        def find(snapshot: Snapshot, answer: Answer) -> Answer:
            self.require("lineage")
            parse_figure(address)
            told = explain_in(snapshot, self.root, address)
            again = told.rederivation
            figure = AnsweredFigure(
                name=told.figure.partition("/")[2].partition("?")[0],
                labels={},
                value=_text(told.value),
                unit=told.unit,
                basis=told.basis,
                at_least=bool(told.missing) and parse_figure(address).is_cost,
                state=", ".join(f"{s.billing_month} {s.state}" for s in told.states),
                reason=told.formula,
                explain=told.figure,
            )
            proof = Proof(
                rederived=_text(again.value),
                is_equal=again.is_equal,
                verdict=again.verdict,
                changed_files=list(told.files.changed),
            )
            return answer.model_copy(
                update={
                    "figures": [figure],
                    "missing": list(told.missing),
                    "proof": proof,
                    "link": self._link("lineage", figure=told.figure),
                }
            )

        return self._reply(f"Where does {address} come from?", find)

    def scenarios(self) -> ScenarioAnswer:
        """Return the scenarios that are saved, as they were written."""
        try:
            self.require("scenarios")
            rows = ScenarioStore(Workspace(self.root).scenario_results).all()
        except TriptychError as error:
            return ScenarioAnswer(role=self._named(), refusal=_refusal(error))
        plain = json.loads(json.dumps(rows, default=str))
        return ScenarioAnswer(role=self._named(), scenarios=plain)

    def propose(
        self, name: str, text: str, by: Signature | None = None
    ) -> ProposalAnswer:
        """Save a scenario that an assistant proposes; it never replaces one.

        Parameters
        ----------
        name, text : str
            Of its file, and what that says.
        by : Signature, optional
            Who asks; the user of this machine where not given.
        """
        is_limited = self.cost_centers is not None
        actor = Actor(by or of_operating_system(), self.role, is_limited)
        try:
            self.require("scenarios")
            if self.door is None:
                raise RefusedError(
                    "Nothing can be proposed here: this server only answers.",
                    next_step="Add the scenario on the page Scenarios.",
                )
            return propose_scenario(
                self.door, actor, name=name, text=text, role=self._named()
            )
        except TriptychError as error:
            return ProposalAnswer(role=self._named(), refusal=_refusal(error))

    def _link(self, page: str, **asked: str | None) -> str:
        """Return the address of the page that shows the same."""
        query = urlencode({name: value for name, value in asked.items() if value})
        return f"{self.dashboard}/{page}" + (f"?{query}" if query else "")

    def require(self, page: str) -> None:
        """Refuse a question whose page this role may not open.

        Raises
        ------
        NotForRoleError
            It may not.
        """
        if not may_view(self._viewer, page):
            raise NotForRoleError(
                f"This question is not answered to {self._named()}.",
                next_step="Ask whoever runs triptych for another role.",
            )

    @property
    def _viewer(self) -> Viewer:
        return Viewer(self.role, self.cost_centers)

    def _named(self) -> str:
        if self.role is None:
            return "this machine"
        limited = "" if self.cost_centers is None else " of single cost centres"
        return f"the role {self.role}{limited}"

    def snapshot(self) -> Snapshot:
        """Return the current run as this role may see it."""
        return _gate(self.root).snapshot(self._viewer)

    def _reply(
        self, question: str, find: Callable[[Snapshot, Answer], Answer]
    ) -> Answer:
        snapshot = self.snapshot()
        answer = self._empty(snapshot, question)
        try:
            return find(snapshot, answer)
        except TriptychError as error:
            refusal = _refusal(error)
        except duckdb.CatalogException:
            # Its text may name what this role does not see.
            refusal = Refusal(
                reason=f"What answers this is not shown to {self._named()}, or this"
                " run does not have it.",
                next_step="Ask for another role, or run triptych again.",
                is_of_role=True,
            )
        return answer.model_copy(update={"refusal": refusal})

    def _empty(self, snapshot: Snapshot, question: str) -> Answer:
        [run] = snapshot.query("FROM core.mart_run").to_pylist()
        stale = snapshot.query(
            "SELECT DISTINCT source FROM core.mart_source_freshness WHERE is_stale"
            " ORDER BY source"
        ).to_pylist()
        return Answer(
            question=question,
            run_id=run["run_id"],
            organisation=run["organisation"],
            is_synthetic=run["is_synthetic"],
            evidence_as_of=str(run["evidence_as_of"] or "unknown"),
            role=self._named(),
            stale_sources=[row["source"] for row in stale],
        )


@dataclass(frozen=True, slots=True)
class _Context:
    """What a run says of its months."""

    states: Mapping[str, str]
    missing: Mapping[str, list[str]]

    @classmethod
    def of(cls, snapshot: Snapshot) -> _Context:
        states = snapshot.query(
            "SELECT billing_month, state FROM cost.mart_period_states"
        ).to_pylist()
        gaps = snapshot.query(
            "SELECT billing_month, source, missing FROM core.mart_month_completeness"
            " WHERE NOT is_complete ORDER BY ALL"
        ).to_pylist()
        missing: dict[str, list[str]] = {}
        for row in gaps:
            text = f"{row['source']} lacks {row['missing']}"
            missing.setdefault(row["billing_month"], []).append(text)
        return cls({row["billing_month"]: row["state"] for row in states}, missing)

    def figure(self, listing: Listing, measure: Measure, row: Row) -> AnsweredFigure:
        month = row.get("billing_month") or row.get("month")
        names = (*listing.keys, *listing.labels)
        labels = {name: _text(row[name]) for name in names}
        where: dict[str, Any] = {key: labels[key] for key in listing.keys}
        where |= {name: row[f"fixed_{name}"] for name, _ in listing.fixed}
        address = Figure.of(listing.mart, measure.column, where)
        value = _text(row[measure.column])
        return AnsweredFigure(
            name=measure.column,
            labels=labels,
            value=value,
            unit=_unit(measure.unit, row),
            basis=measure.basis,
            at_least=address.is_cost and bool(self.missing.get(month or "")),
            state=self.states.get(month or ""),
            low=_optional(row, measure.low),
            high=_optional(row, measure.high),
            interval=measure.interval if _optional(row, measure.low) else None,
            n=row[measure.n] if measure.n else None,
            grade=_optional(row, listing.grade),
            is_counted=row[listing.counted] if listing.counted else None,
            reason=_optional(row, listing.reason) or _why_unknown(listing, value),
            explain=str(address),
        )

    def require_month(self, month: str) -> None:
        """Refuse a month that has nothing: no figure is not a figure of nothing.

        Raises
        ------
        RefusedError
            There are no charges of it.
        """
        if month not in self.states:
            known = sorted(self.states)
            span = f" They are of {known[0]} to {known[-1]}." if known else ""
            raise RefusedError(
                f"There are no charges of {month}.{span}",
                next_step="Ask for a month that has some.",
            )

    def missing_of(self, figures: list[AnsweredFigure]) -> list[str]:
        months = {
            each.labels.get("billing_month") or each.labels.get("month") or ""
            for each in figures
        }
        return [
            text for month in sorted(months) for text in self.missing.get(month, ())
        ]


def _why_unknown(listing: Listing, value: str | None) -> str | None:
    if value is None and listing.is_sum:
        return "Part of it is unknown, and a total with an unknown part is, too."
    return None


def _refusal(error: TriptychError) -> Refusal:
    return Refusal(
        reason=error.located,
        next_step=error.next_step or None,
        is_of_role=isinstance(error, NotForRoleError),
    )


def _newest_month(snapshot: Snapshot) -> str:
    [row] = snapshot.query(_NEWEST_MONTH).to_pylist()
    if row["month"] is None:
        raise RefusedError(
            "There is no month with charges yet.",
            next_step="Run triptych once a source has charges.",
        )
    return str(row["month"])


def _sql(snapshot: Snapshot, listing: Listing, given: Mapping[str, str | None]) -> str:
    """Return the query of a listing with its values in place, to be asked again."""
    columns = _columns(listing)
    picked = [f'"{key}"' for key in (*listing.keys, *listing.labels)]
    fixed = {
        name: snapshot.query(f"SELECT {values} AS listed").to_pylist()[0]["listed"]
        for name, values in listing.fixed
    }
    conditions = [_bound(listing.where, given)]
    for name, values in fixed.items():
        listed = f"[{', '.join(literal(value) for value in values or [])}]"
        picked.append(f"{listed} AS fixed_{name}")
        conditions.append(f"list_contains({listed}, {name})")
    picked += [_picked(listing, column) for column in columns]
    group = ""
    if listing.is_sum:
        group = f" GROUP BY {', '.join(chr(34) + k + chr(34) for k in listing.keys)}"
    order = listing.order
    return (
        f"SELECT {', '.join(picked)} FROM {listing.mart}"
        f" WHERE {' AND '.join(conditions)}{group} ORDER BY {order}"
    )


def _columns(listing: Listing) -> list[str]:
    """Return the other columns that are asked for, each once."""
    wanted: list[str | None] = [listing.grade, listing.counted, listing.reason]
    for measure in listing.measures:
        unit = _UNIT_COLUMN.search(measure.unit)
        wanted += [measure.column, measure.low, measure.high, measure.n]
        wanted.append(unit.group(1) if unit else None)
    known = {*listing.keys, *listing.labels}
    return [name for name in dict.fromkeys(wanted) if name and name not in known]


def _picked(listing: Listing, column: str) -> str:
    if not listing.is_sum:
        return f'"{column}"'
    # A sum over rows of which one is unknown is not known either.
    return (
        f'CASE WHEN count("{column}") = count(*) THEN sum("{column}") END AS "{column}"'
    )


def _bound(where: str, given: Mapping[str, str | None]) -> str:
    return re.sub(
        r"\$(\w+)",
        lambda found: _literal(given.get(found.group(1))),
        where,
    )


def _literal(value: str | None) -> str:
    return "NULL" if value is None else literal(value)


def _unit(unit: str, row: Row) -> str:
    return _UNIT_COLUMN.sub(lambda found: str(row[found.group(1)]), unit)


def _optional(row: Row, column: str | None) -> str | None:
    return _text(row[column]) if column else None


def _text(value: object) -> str | None:
    """Return a value as text that loses nothing."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:f}" if hasattr(value, "as_tuple") else str(value)
