"""Executes the outdated nodes of a recipe, on the build database.

A node is out of date when its SQL or the digest of anything it reads differs from its
last build; a node that is built by month, in the months for which that holds. A rebuilt
node that came out as it was before makes nothing after it out of date.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

import duckdb

from triptych.core.dbt.commands import NodeOutcome
from triptych.core.file_names import read_name
from triptych.core.marts.digests import (
    MONTH,
    Digest,
    digest_of,
    digest_of_relation,
    in_months,
    month_digests,
)
from triptych.core.marts.months import MonthCut, limited_to, reads_line_items
from triptych.core.marts.relations import Relations
from triptych.core.marts.states import NodeState, forget, read_states, write_states
from triptych.core.warehouse.carried_over import ALL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from triptych.core.marts.recipe import Node
    from triptych.core.marts.sources import CatalogueTable
    from triptych.core.progress import Task

#: Reason of a node that this workspace did not have.
NOT_BUILT_BEFORE = "not built before"
#: Work is committed when it has taken this long: a commit waits for the disk.
_SECONDS_BETWEEN_COMMITS = 5.0


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A node that was built again.

    Attributes
    ----------
    name : str
        Of the model or test.
    months : tuple of str
        The billing months that were built again; empty where it was all of them.
    because : tuple of str
        Differences: names of inputs, ``its SQL``, or ``not built before``.
    seconds : float
        Duration of the build.
    """

    name: str
    months: tuple[str, ...]
    because: tuple[str, ...]
    seconds: float = 0.0


class NodeError(Exception):
    """A node that could not be built; earlier commits remain."""

    def __init__(self, node: Node, cause: duckdb.Error) -> None:
        super().__init__(str(cause))
        self.outcome = NodeOutcome(node.unique_id, "error", str(cause), 0)


@dataclass(slots=True)
class Execution:
    """A single pass over nodes in building order.

    Parameters
    ----------
    connection : DuckDBPyConnection
        On the build database, with the catalogue attached as ``raw``.
    nodes : sequence of Node
        Nodes to examine, each after its inputs.
    known : mapping of str to Node
        All nodes of the recipe.
    sources : mapping of str to Digest or CatalogueTable
        Current contents of the sources.
    task : Task
        Advanced once per node that is executed.
    sum_elsewhere : callable, optional
        Another engine: given billing months, it returns for each table that is summed
        over line items a Parquet file with the rows of those months.
    when_built : sequence of callable
        Called with each table that was built again, and the connection that sees it.
    """

    connection: duckdb.DuckDBPyConnection
    nodes: Sequence[Node]
    known: Mapping[str, Node]
    sources: Mapping[str, Digest | CatalogueTable]
    task: Task
    sum_elsewhere: Callable[[Sequence[str]], Mapping[str, Path]] | None = None
    when_built: Sequence[Callable[[Node, duckdb.DuckDBPyConnection], None]] = ()
    outcomes: list[NodeOutcome] = field(default_factory=list)
    rebuilt: list[Rebuilt] = field(default_factory=list)
    _states: dict[str, NodeState] = field(default_factory=dict)
    _words: dict[str, set[str]] = field(default_factory=dict)
    _fresh: dict[str, NodeState] = field(default_factory=dict)
    _differing: set[str] = field(default_factory=set)
    _why_views: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _cuts: dict[tuple[str, ...], MonthCut] = field(default_factory=dict)
    _summed: Mapping[str, Path] = field(default_factory=dict)
    _relations: Relations = field(init=False)
    _committed_at: float = 0.0
    _began_at: float = 0.0

    def run(self) -> None:
        """Execute outdated nodes; successes are kept even if something failed."""
        self._states = read_states(self.connection)
        self._relations = Relations(self.connection)
        self._committed_at = time.monotonic()
        self.connection.execute("BEGIN")
        for key, source in self.sources.items():
            self._compare(key, source)
        if self.sum_elsewhere is not None:
            self._summed = self._sum_line_items(self.sum_elsewhere)
        for node in self.nodes:
            self._visit(node)
            if time.monotonic() - self._committed_at > _SECONDS_BETWEEN_COMMITS:
                self._commit()
                self.connection.execute("BEGIN")
        self._commit()

    def _commit(self) -> None:
        write_states(self.connection, self._fresh)
        self._fresh.clear()
        self.connection.execute("COMMIT")
        self._committed_at = time.monotonic()

    def contents(self) -> dict[tuple[str, str], dict[str, str]]:
        """Return schema and name of each table → digests of its rows by month."""
        found = {}
        for node in self.nodes:
            if not (node.is_test or node.is_view):
                content = self._states[node.unique_id].content
                held = {ALL: content.whole, **(content.months or {})}
                found[node.schema, node.table] = held
        return found

    # -------------------------------------------------------------- nodes to build

    def _sum_line_items(
        self, sum_elsewhere: Callable[[Sequence[str]], Mapping[str, Path]]
    ) -> Mapping[str, Path]:
        """Have another engine read line items, once for all tables that need some."""
        tables = [
            node
            for node in self.nodes
            if not (node.is_view or node.is_test) and reads_line_items(node)
        ]
        read = {parent for node in tables for parent in node.parents}
        for node in reversed(self.nodes):
            if node.unique_id in read:
                read.update(node.parents)
        for node in self.nodes:
            if node.unique_id in read:
                self._visit(node)
        months = {month for node in tables for month in self._months_to_build(node)}
        return sum_elsewhere(sorted(months))

    def _months_to_build(self, node: Node) -> list[str]:
        inputs, before = self._month_inputs(node) or {}, self._state_before(node)
        stale = self._stale_months(before, inputs) if before and inputs else None
        return [month for month in (inputs if stale is None else stale) if month]

    def _state_before(self, node: Node) -> NodeState | None:
        is_there = node.is_test or self._relations.holds(node)
        return self._states.get(node.unique_id) if is_there else None

    def _visit(self, node: Node) -> None:
        before = self._state_before(node)
        if before is not None and before.input_digest == self._input_digest(node):
            if node.is_test:
                self._tell(node, before.status, before.failure_count)
            return
        if self._can_stand(node, before):
            self._settle_view(node, before)
            return
        self.task.note(node.name)
        self._began_at = time.monotonic()
        try:
            self._build(node, before)
        except duckdb.Error as error:
            raise NodeError(node, error) from error
        self.task.advance()

    def _compare(self, key: str, source: Digest | CatalogueTable) -> None:
        """Record the contents of a source, to report why a node is out of date."""
        before = self._states.get(key)
        if before is None or before.content.whole != source.whole:
            self._differing.add(key)
            self._fresh[key] = NodeState("", Digest(source.whole))

    def _build(self, node: Node, before: NodeState | None) -> None:
        if node.is_test:
            self._test(node, before)
        elif node.is_view:
            self._create_view(node, before)
        else:
            self._build_table(node, before)

    def _input_digest(self, node: Node) -> str:
        read = [f"{parent} {self._digest_for(node, parent)}" for parent in node.parents]
        return digest_of([node.sql, dict(node.contract), *read])

    def _digest_for(self, node: Node, parent: str) -> str:
        content = self.sources.get(parent) or self._states[parent].content
        if not content.columns:
            return content.whole
        return content.of_columns(self._columns_read(node, content.columns))

    def _columns_read(self, node: Node, columns: Mapping[str, str]) -> list[str]:
        """Return the columns that a node names, or hands on without naming them."""
        if node.unique_id not in self._words:
            self._words[node.unique_id] = set(re.findall(r"\w+", node.sql))
        words = self._words[node.unique_id]
        handed_on = set(self._relations.columns(node.relation))
        return [name for name in columns if name in words or name in handed_on]

    # -------------------------------------------------------------------- views

    def _create_view(self, node: Node, before: NodeState | None) -> None:
        self._relations.replace(node, node.sql)
        self._settle_view(node, before)

    def _settle_view(self, node: Node, before: NodeState | None) -> None:
        """Record the current basis of a view."""
        whole = self._input_digest(node)
        months = self._month_inputs(node) if node.is_by_month else None
        state = NodeState(whole, Digest(whole, months), shape=self._shape(node))
        self._store(node, state, before, built=False)

    def _can_stand(self, node: Node, before: NodeState | None) -> bool:
        """Return True if only rows differ in the inputs of a view."""
        if not node.is_view or before is None:
            return False
        return before.shape == self._shape(node)

    def _shape(self, node: Node) -> str:
        return digest_of(self._relations.shape(node, self.known))

    def _month_inputs(self, node: Node) -> dict[str, str] | None:
        """Return month → digest of the node's inputs for it; None where unknown."""
        by_month, rest = {}, [node.sql]
        for parent in node.parents:
            source = self.sources.get(parent)
            digest = self._states[parent].content if source is None else source
            if digest.months is None:
                rest.append(f"{parent} {self._digest_for(node, parent)}")
            else:
                by_month[parent] = digest.months
        months = {month for of_parent in by_month.values() for month in of_parent}
        return {
            month: digest_of(
                [*rest, sorted((p, of.get(month)) for p, of in by_month.items())]
            )
            for month in months
        }

    # ------------------------------------------------------------------- tables

    def _build_table(self, node: Node, before: NodeState | None) -> None:
        inputs = (self._month_inputs(node) or {}) if node.is_by_month else {}
        stale = self._stale_months(before, inputs) if before and inputs else None
        if stale is None or inputs.keys() <= set(stale):
            self._replace_all(node)
            columns = self._relations.columns(node.relation)
            content = digest_of_relation(self.connection, node.relation, columns)
            stale = None
        else:
            assert before is not None  # noqa: S101  (there is something to keep)
            self._replace_months(node, stale)
            content = self._content_after(node, before, stale)
        # The columns it hands on are known only now, if it was not there before.
        inputs = (self._month_inputs(node) or {}) if node.is_by_month else {}
        state = NodeState(self._input_digest(node), content, inputs)
        self._store(node, state, before, months=stale)
        for tell in self.when_built:
            tell(node, self.connection)

    def _stale_months(
        self, before: NodeState, inputs: Mapping[str, str]
    ) -> list[str] | None:
        """Return the months to build; None where the table is not known by month."""
        if before.content.months is None or not before.month_inputs:
            return None
        known = before.month_inputs
        months = inputs.keys() | known.keys() | before.content.months.keys()
        return sorted(m for m in months if inputs.get(m) != known.get(m))

    def _replace_all(self, node: Node) -> None:
        if node.name not in self._summed:
            self._relations.replace(node, node.sql)
            return
        # Without a line item, it has the types of its columns and no row.
        self._relations.replace(node, limited_to(node.sql, ()))
        self._insert(node, self._rows_of(node))

    def _insert(self, node: Node, sql: str) -> None:
        names = self._relations.columns(node.relation)
        columns = ", ".join(f'"{name}"' for name in names)
        self.connection.execute(
            f"INSERT INTO {node.relation} ({columns}) SELECT {columns} FROM ({sql})"
        )

    def _rows_of(self, node: Node) -> str:
        return f"SELECT * FROM read_parquet({read_name(self._summed[node.name])})"

    def _replace_months(self, node: Node, months: list[str]) -> None:
        if not months:
            return
        is_summed = node.name in self._summed
        sql = self._rows_of(node) if is_summed else self._cut_to(months).sql_of(node)
        wanted = in_months(MONTH, months)
        self.connection.execute(f"DELETE FROM {node.relation} WHERE {wanted}")
        # Its other inputs may have rows of other months, such as closed months.
        self._insert(node, f"SELECT * FROM ({sql}) WHERE {wanted}")

    def _content_after(
        self, node: Node, before: NodeState, months: list[str]
    ) -> Digest:
        kept = {
            month: digest
            for month, digest in (before.content.months or {}).items()
            if month not in set(months)
        }
        if months:
            kept |= month_digests(self.connection, node.relation, months)
        return Digest.by_month(kept)

    def _cut_to(self, months: list[str]) -> MonthCut:
        key = tuple(months)
        if key not in self._cuts:
            tables = {
                node.unique_id
                for node in self.known.values()
                if MONTH in self._relations.columns(node.relation)
            }
            self._cuts.clear()  # a name of a cut relation is for one choice of months
            self._cuts[key] = MonthCut(self.connection, self.known, tables, months)
        return self._cuts[key]

    # -------------------------------------------------------------------- tests

    def _test(self, node: Node, before: NodeState | None) -> None:
        inputs = (self._month_inputs(node) or {}) if node.is_by_month else {}
        months = _months_to_test(before, inputs)
        sql = self._cut_to(months).sql_of(node) if months else node.sql
        row = self.connection.execute(f"SELECT count(*) FROM ({sql})").fetchone()
        failures = int(row[0]) if row else 0
        if node.severity == "error" and _holds(failures, node.error_if):
            self._tell(node, "fail", failures, f"Got {failures} rows.")
            self._fresh.pop(node.unique_id, None)
            forget(self.connection, [node.unique_id])
            return
        status = "warn" if _holds(failures, node.warn_if) else "pass"
        whole = self._input_digest(node)
        state = NodeState(whole, Digest(whole), inputs, status, failures)
        self._tell(node, status, failures)
        self._store(node, state, before, months=months, built=False)

    # ------------------------------------------------------------------ outcomes

    def _store(
        self,
        node: Node,
        state: NodeState,
        before: NodeState | None,
        *,
        months: list[str] | None = None,
        built: bool = True,
    ) -> None:
        self._states[node.unique_id] = self._fresh[node.unique_id] = state
        if before is None or before.content.whole != state.content.whole:
            self._differing.add(node.unique_id)
        if not node.is_test:
            self._tell(node, "success", 0)
        because = self._because(node, before)
        if node.is_view:
            self._why_views[node.unique_id] = because
        if built or node.is_test:
            seconds = round(time.monotonic() - self._began_at, 3)
            self.rebuilt.append(
                Rebuilt(node.name, tuple(months or ()), because, seconds)
            )

    def _because(self, node: Node, before: NodeState | None) -> tuple[str, ...]:
        if before is None:
            return (NOT_BUILT_BEFORE,)
        differing = [p for p in node.parents if p in self._differing]
        # A view holds no rows: the cause is an input of the view, or its own SQL.
        reasons = (self._why_views.get(p) or (p.split(".", 2)[2],) for p in differing)
        return tuple(dict.fromkeys(chain.from_iterable(reasons))) or ("its SQL",)

    def _tell(self, node: Node, status: str, failures: int, message: str = "") -> None:
        self.outcomes.append(NodeOutcome(node.unique_id, status, message, failures))


def _months_to_test(before: NodeState | None, inputs: Mapping[str, str]) -> list[str]:
    """Return the months that a test is asked of; none where it is asked of all.

    Rows of other months are those of which it found none that fail.
    """
    if before is None or before.failure_count or not before.month_inputs:
        return []
    return sorted(m for m in inputs if before.month_inputs.get(m) != inputs[m])


def _holds(count: int, condition: str) -> bool:
    """Return True if a number of failures meets dbt's condition."""
    match = re.fullmatch(r"\s*(!=|==?|<>|>=?|<=?)\s*(\d+)\s*", condition)
    if match is None:
        raise ValueError(f"{condition!r} is not a comparison with a number")
    limit = int(match[2])
    return {
        "!=": count != limit, "<>": count != limit, "=": count == limit,
        "==": count == limit, ">": count > limit, ">=": count >= limit,
        "<": count < limit, "<=": count <= limit,
    }[match[1]]  # fmt: skip
