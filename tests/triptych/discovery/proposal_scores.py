"""How right proposals are, by money, on bills whose truth was planted."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from ingest.sources.tables.bill_formats import format_of_header
from ingest.storage.files import column_names
from triptych.core.knowledge.name_grammar import slug
from triptych.discovery.charges import classify
from triptych.discovery.ledger_sample import Reading, bench, sample_file
from triptych.discovery.tag_roles import combinations, tag_roles

if TYPE_CHECKING:
    from pathlib import Path

    from tests.triptych.discovery.held_out_bills import HeldOutBill, Line


@dataclass(slots=True)
class Confusion:
    """Money by what was proposed and what is true."""

    right: Decimal = Decimal(0)
    wrong: Decimal = Decimal(0)
    missed: Decimal = Decimal(0)

    @property
    def precision(self) -> float:
        """Return the share of the proposed money that is right."""
        return float(self.right / (self.right + self.wrong))

    @property
    def recall(self) -> float:
        """Return the share of the true money that was found."""
        return float(self.right / (self.right + self.missed))

    def add(self, cost: Decimal, *, proposed: str, true: str) -> None:
        """Count a charge; an empty text proposes nothing, or means nothing."""
        if proposed and proposed == true:
            self.right += cost
            return
        self.wrong += cost if proposed else 0
        self.missed += cost if true else 0


@dataclass(frozen=True, slots=True)
class Scores:
    """Of one bill."""

    is_ai: Confusion
    model: Confusion
    owner: Confusion


def scores_of(bill: HeldOutBill, folder: Path) -> Scores:
    """Propose for a bill what is AI, whose model and whose team, and compare."""
    path = bill.write(folder)
    kind = format_of_header(column_names(path))
    assert kind is not None
    with bench() as connection:
        sample_file(
            connection,
            path,
            kind,
            table="charges",
            label=path.name,
            reading=Reading(),
        )
        # Rows come to rest in their order.
        classify(connection, "(SELECT *, row_number() OVER () AS line FROM charges)")
        # The likeliest key of each role comes first.
        found = reversed(tag_roles(combinations(connection)))
        roles = {role.role: role.key for role in found}
        rows = connection.execute(
            "SELECT is_ai, named_model, tags FROM classified ORDER BY line"
        ).fetchall()
    scores = Scores(Confusion(), Confusion(), Confusion())
    for line, (is_ai, named, tags) in zip(bill.lines, rows, strict=True):
        tagged = tags or {}
        model = tagged.get(roles.get("model", "")) or named or ""
        owner = tagged.get(roles.get("team", "")) or ""
        _count(scores, bill, line, is_ai=is_ai, model=model, owner=owner)
    return scores


def _count(
    scores: Scores,
    bill: HeldOutBill,
    line: Line,
    *,
    is_ai: bool,
    model: str,
    owner: str,
) -> None:
    truth = line.meter
    scores.is_ai.add(
        line.cost,
        proposed="AI" if is_ai else "",
        true="AI" if truth.is_ai else "",
    )
    scores.model.add(
        line.cost, proposed=slug(model) if is_ai else "", true=slug(truth.model)
    )
    if truth.is_ai:
        scores.owner.add(line.cost, proposed=owner, true=bill.owner_of(line))
