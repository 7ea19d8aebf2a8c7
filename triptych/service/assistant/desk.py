"""Answers listings from the published run, as a role may see it.

Every question is asked of the run that is current then, so an answer is of a single run
and names it. Data that a role may not see is refused by its tool and is not in its rows
either.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import duckdb

from dashboard.shared.roles import may_view
from triptych.core.acts import Actor
from triptych.core.errors import TriptychError
from triptych.core.explanation.report import explain_in
from triptych.core.measures.answer import Standing, ask
from triptych.core.measures.compile import compile_query
from triptych.core.measures.query import month_before, query_of
from triptych.core.signatures import of_operating_system
from triptych.core.warehouse.figures import parse_figure
from triptych.core.warehouse.gate import Gate, Viewer
from triptych.core.warehouse.scenario_results import ScenarioStore
from triptych.core.workspace import Workspace
from triptych.service.assistant.answers import (
    Answer,
    AnsweredFigure,
    CatalogueAnswer,
    Proof,
    ProposalAnswer,
    Refusal,
    ScenarioAnswer,
)
from triptych.service.assistant.asking import WINDOW, build, until
from triptych.service.assistant.catalogue import described, search
from triptych.service.assistant.names import require_names
from triptych.service.assistant.proposals import propose_scenario
from triptych.service.assistant.refusals import (
    NotForRoleError,
    RefusedError,
    refusal_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from triptych.core.acts import Door
    from triptych.core.measures.answer import MeasuredFigure
    from triptych.core.measures.definition import Measure, Question
    from triptych.core.measures.query import Query
    from triptych.core.settings import Role
    from triptych.core.signatures import Signature
    from triptych.core.warehouse.reader import Snapshot
    from triptych.service.assistant.asking import Asked


#: More figures than that help nobody; the count of the rest is given.
MOST_FIGURES = 1000
_NEWEST_MONTH = """
SELECT coalesce(
  max(billing_month) FILTER (state IN ('reconciled', 'locked', 'restated')),
  max(billing_month)) AS month FROM cost.mart_period_states
"""


_OWNERS = frozenset({"model_id", "feature_id", "team_id", "cost_center", "platform_id"})


#: A server answers for a single workspace, over HTTP at a separate desk for each
#: request.
@lru_cache(maxsize=4)
def _gate(root: Path) -> Gate:
    """Return the gate of a workspace, which opens a run once for each role."""
    return Gate(root)


@dataclass(frozen=True, slots=True)
class Desk:
    """Answers a single role's questions about a workspace.

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
        Door for proposals; without it nothing can be proposed.
    signature : Signature or None
        Proposer; the user of this machine where not given.
    """

    root: Path
    role: Role | None = None
    cost_centers: tuple[str, ...] | None = None
    dashboard: str = ""
    door: Door | None = None
    signature: Signature | None = None

    def current(self) -> Desk:
        """Return the desk that answers a request: this one answers all."""
        return self

    def answer(
        self,
        listing: Question,
        *,
        month: str | None = None,
        parameters: Mapping[str, str | None] | None = None,
    ) -> Answer:
        """Answer a listing, of the newest reconciled month where none is named."""

        def find(snapshot: Snapshot, answer: Answer) -> Answer:
            self.require(listing.page)
            given = dict(parameters or {})
            if listing.when is not None:
                given["month"] = month or _newest_month(snapshot)
                given["prior_month"] = month_before(given["month"])
            query = query_of(listing, given)
            names = {column: (value,) for column, value in (parameters or {}).items()}
            link = self._link(listing.page, period=given.get("month"))
            reply = self._figures(snapshot, answer, query, names)
            if not reply.figures and month is not None:
                _require_month(Standing.of(snapshot), month)
            return reply.model_copy(update={"link": link})

        return self._reply(listing.title, find)

    def query(self, asked: Asked) -> Answer:
        """Answer a question about measures."""

        def find(snapshot: Snapshot, answer: Answer) -> Answer:
            query = build(asked, lambda: _newest_month(snapshot), self.is_shown)
            page = self._page_of(query.measures)
            names = {each.column: each.values or () for each in query.filters}
            months = query.period
            month = query.model.month or WINDOW
            if not months and month not in asked.where:
                months = tuple(until(each) for each in names.pop(month, ()))
            reply = self._figures(snapshot, answer, query, names)
            if not reply.figures and months:
                _require_month(Standing.of(snapshot), months[-1])
            link = self._link(page, period=months[-1] if months else None)
            return reply.model_copy(update={"link": link})

        return self._reply(", ".join(asked.measures), find)

    def is_shown(self, measure: Measure) -> bool:
        """Return True if this role may open a page that shows a measure."""
        return any(may_view(self._viewer, page) for page in measure.pages)

    def _page_of(self, measures: tuple[Measure, ...]) -> str:
        """Return the page of the first measure; each must be shown to this role."""
        if not all(map(self.is_shown, measures)):
            raise self._not_for_role()
        pages = measures[0].pages
        return next(page for page in pages if may_view(self._viewer, page))

    def catalogue(self, text: str) -> CatalogueAnswer:
        """Return the measures of this role whose words match a text."""
        measures = [described(each) for each in search(text, self.is_shown)]
        return CatalogueAnswer(role=self._named(), measures=measures)

    def _figures(
        self,
        snapshot: Snapshot,
        answer: Answer,
        query: Query,
        names: Mapping[str, Iterable[str | None]],
    ) -> Answer:
        """Return the answer with the figures of a query, whose names must be there."""
        standing = Standing.of(snapshot)
        figures = ask(snapshot, query, standing)
        if all(figure.value is None for figure in figures):
            require_names(snapshot, query.model, names)
        return answer.model_copy(
            update={
                "figures": [self._answered(each) for each in figures[:MOST_FIGURES]],
                "reason": None if figures else query.model.unknown,
                "left_out_count": max(len(figures) - MOST_FIGURES, 0),
                "missing": _missing_of(standing, figures),
                "sql": compile_query(query),
            }
        )

    def _answered(self, figure: MeasuredFigure) -> AnsweredFigure:
        """Return a figure as answers have it: values as text that loses nothing."""
        nameless = [n for n, v in figure.labels.items() if v is None and n in _OWNERS]
        reason = figure.reason
        if nameless and reason is None:
            reason = f"Nothing assigns this part: no {', '.join(nameless)}."
        has_address = figure.explain is not None and self._may_explain
        return AnsweredFigure(
            name=figure.measure.column or figure.measure.name,
            labels={name: _text(value) for name, value in figure.labels.items()},
            value=_text(figure.value),
            prior=_text(figure.prior),
            change=_text(figure.change),
            change_ratio=_text(figure.change_ratio),
            share=_text(figure.share),
            unit=figure.unit,
            basis=figure.measure.basis,
            at_least=figure.at_least,
            state=figure.state,
            low=_text(figure.low),
            high=_text(figure.high),
            interval=figure.interval,
            n=figure.n,
            grade=figure.grade,
            is_counted=figure.is_counted,
            reason=reason,
            explain=str(figure.explain) if has_address else None,
        )

    def explain(self, address: str) -> Answer:
        """Work a figure out again from its evidence."""

        def find(snapshot: Snapshot, answer: Answer) -> Answer:
            if not self._may_explain:
                raise self._not_for_role()
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
            return ScenarioAnswer(role=self._named(), refusal=refusal_of(error))
        plain = json.loads(json.dumps(rows, default=str))
        return ScenarioAnswer(role=self._named(), scenarios=plain)

    def propose(self, name: str, text: str) -> ProposalAnswer:
        """Save a scenario that an assistant proposes; it never replaces a file.

        Parameters
        ----------
        name, text : str
            Name of its file, and the content.
        """
        is_limited = self.cost_centers is not None
        signature = self.signature or of_operating_system()
        actor = Actor(signature, self.role, is_limited)
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
            return ProposalAnswer(role=self._named(), refusal=refusal_of(error))

    def _link(self, page: str, **asked: str | None) -> str:
        """Return the address of the page that shows the same."""
        query = urlencode({name: value for name, value in asked.items() if value})
        return f"{self.dashboard}/{page}" + (f"?{query}" if query else "")

    def require(self, page: str) -> None:
        """Refuse a question of a page that this role may not open.

        Raises
        ------
        NotForRoleError
            It may not.
        """
        if not may_view(self._viewer, page):
            raise self._not_for_role()

    def _not_for_role(self) -> NotForRoleError:
        return NotForRoleError(
            f"This question is not answered to {self._named()}.",
            next_step="Ask the administrator of triptych for another role.",
        )

    @property
    def _may_explain(self) -> bool:
        """Return True if this role may read all of the evidence."""
        is_whole = self._viewer.restriction is None
        return is_whole and may_view(self._viewer, "lineage")

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
            refusal = refusal_of(error)
        except duckdb.CatalogException:
            # Its text may name things that this role does not see.
            refusal = Refusal(
                code="not_for_role",
                what=f"What answers this is not shown to {self._named()}, or this"
                " run does not have it.",
                next="Ask for another role, or run triptych again.",
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


def _require_month(standing: Standing, month: str) -> None:
    """Refuse a month that has nothing: no figure is not a figure of nothing.

    Raises
    ------
    RefusedError
        There are no charges of it.
    """
    if month not in standing.states:
        known = sorted(standing.states)
        span = f" They are of {known[0]} to {known[-1]}." if known else ""
        raise RefusedError(
            f"There are no charges of {month}.{span}",
            next_step="Ask for a month that has some.",
        )


def _missing_of(standing: Standing, figures: list[MeasuredFigure]) -> list[str]:
    """Return the evidence missing in the months of figures."""
    months = sorted({figure.month or "" for figure in figures})
    return [text for month in months for text in standing.missing.get(month, ())]


def _newest_month(snapshot: Snapshot) -> str:
    [row] = snapshot.query(_NEWEST_MONTH).to_pylist()
    if row["month"] is None:
        raise RefusedError(
            "There is no month with charges yet.",
            next_step="Run triptych once a source has charges.",
        )
    return str(row["month"])


def _text(value: object) -> str | None:
    """Return a value as text that loses nothing."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:f}" if hasattr(value, "as_tuple") else str(value)
