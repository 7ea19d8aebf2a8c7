"""Figures of the sample company's last month that were planted, and who states them.

The plan says what each must come to; ``triptych sql`` has every digit of it, and the
page, the board pack or statement as PDF, and a workbook state it as far as they do.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from io import BytesIO
from typing import TYPE_CHECKING, Any

from openpyxl import load_workbook
from pypdf import PdfReader
from typer.testing import CliRunner

from dashboard import exports
from dashboard.pages.budget import queries as budget_queries
from dashboard.pages.cost_by_model import queries as cost_by_model_queries
from dashboard.pages.cost_by_model import token_queries
from dashboard.pages.gpu_idle import queries as gpu_idle_queries
from dashboard.pages.summary import queries as summary_queries
from dashboard.shared import selection_queries
from triptych.cli import app as cli
from triptych.core.warehouse.reader import PublishedReader
from triptych.core.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pyarrow as pa

    from dashboard.shared.selection_queries import Basis

Truth = dict[str, Any]
#: Billed and effective cost.
Amounts = tuple[Decimal, Decimal]
NOTHING: Amounts = (Decimal(0), Decimal(0))
#: What is divided by a meter is planted to a millionth, and may be off by two.
DIVIDED = Decimal("0.000002")
EXACT = Decimal(0)
_UNIT_COSTS = "cost.mart_model_unit_costs"
_SPEND = "step NOT IN ('ledger', 'out_of_scope', 'tax', 'credit')"
_NAMES = {
    "care-assistant": "Care assistant",
    "eta-v2": "ETA, second",
    "invoice-reader": "Invoice reader",
    "route-planner": "Route planner",
}


@dataclass(frozen=True)
class Planted:
    """One figure: what was planted, and how each door is asked for it.

    ``pdf`` is the document and a pattern around ``AMOUNT``, which stands for the figure
    to the cent; ``workbook`` names a cell. Where either is None, it states no such
    figure.
    """

    name: str
    amount: Decimal
    within: Decimal
    sql: str
    page: Callable[[Doors], Decimal]
    workbook: Callable[[Doors], object]
    pdf: tuple[str, str] | None = None


class Doors:
    """The page's figures, the command and the files of one month of a workspace."""

    def __init__(self, root: Path, month: str) -> None:
        self._root = root
        self.month = month
        self.snapshot = PublishedReader(root).snapshot()
        # Reading a document or a workbook takes longer than making it.
        self._words: dict[str, str] = {}
        self._rows: dict[tuple[str, str], list[tuple[object, ...]]] = {}
        self._tables: dict[str, bytes] = {}

    def chosen(self, basis: Basis = "Amortised") -> selection_queries.Selection:
        """Return what the pages show of the month."""
        [period] = [
            period
            for period in selection_queries.periods(self.snapshot)
            if period.label == self.month
        ]
        return selection_queries.Selection(period, basis, "EUR")

    def sql(self, query: str) -> Decimal:
        """Return what ``triptych sql`` answers, with every digit."""
        asked = ["sql", query, "--format", "json", "-w", str(self._root)]
        answer = CliRunner().invoke(cli, asked)
        assert answer.exit_code == 0, answer.output
        [row] = json.loads(answer.stdout)
        return Decimal(row["amount"])

    def text(self, document: str) -> str:
        """Return the words of a PDF, with single spaces."""
        if document not in self._words:
            pages = PdfReader(BytesIO(self._files[f"{document}.pdf"])).pages
            words = " ".join(page.extract_text() for page in pages)
            self._words[document] = " ".join(words.replace("\u00a0", " ").split())
        return self._words[document]

    def numbers(self, document: str, sheet: str, label: str) -> list[object]:
        """Return the cells behind a label in the first row that has it.

        A label may say that what is behind it is the least.
        """
        for row in self._sheet(f"{document}.xlsx", sheet):
            names = [str(cell).removesuffix(", at least") for cell in row]
            if label in names:
                return list(row[names.index(label) + 1 :])
        raise AssertionError(f"{document}: {sheet} has no row {label!r}")

    def exported(self, mart: str, column: str, **keys: str) -> object:
        """Return a cell of a mart's workbook."""
        if mart not in self._tables:
            file = exports.table_file(self.snapshot, mart, "xlsx")
            self._tables[mart] = file.content
        rows = iter(self._sheet(mart, "Table"))
        names = next(row for row in rows if "currency" in row)
        [value] = [
            row[names.index(column)]
            for row in rows
            if all(row[names.index(name)] == key for name, key in keys.items())
        ]
        return value

    def _sheet(self, name: str, sheet: str) -> list[tuple[object, ...]]:
        """Return the rows of a sheet of a document or of a mart's workbook."""
        if (name, sheet) not in self._rows:
            content = self._tables[name] if name in self._tables else self._files[name]
            book = load_workbook(BytesIO(content), read_only=True)
            self._rows[name, sheet] = list(book[sheet].iter_rows(values_only=True))
        return self._rows[name, sheet]

    @cached_property
    def _files(self) -> dict[str, bytes]:
        return dict(self._rendered())

    def _rendered(self) -> Iterator[tuple[str, bytes]]:
        place = Workspace(self._root)
        bases: tuple[Basis, ...] = ("Amortised", "Billed")
        for basis in bases:
            found = exports.board_pack_files(place, self.snapshot, self.month, basis)
            for file in found:
                yield f"{basis} pack.{file.name.rpartition('.')[2]}", file.content
        for file in exports.statement_files(
            place,
            self.snapshot,
            self.month,
            "Amortised",
            centers=["cc-100"],
            formats=("pdf", "xlsx"),
        ):
            yield f"statement.{file.name.rpartition('.')[2]}", file.content


def amounts(planted: Truth | None) -> Amounts:
    """Return the amounts of a part of the truth; nothing where there is none."""
    if planted is None:
        return NOTHING
    return Decimal(planted["billed_cost"]), Decimal(planted["effective_cost"])


def total(parts: list[Amounts]) -> Amounts:
    """Return the sum of billed and of effective cost."""
    return sum((p[0] for p in parts), Decimal(0)), sum(
        (p[1] for p in parts), Decimal(0)
    )


def planted_cost(truth: Truth, model: str, month: str) -> Decimal:
    """Return what a model costs in a month: its own charges, and its part of pools."""
    parts = [truth["direct"]["models"][model].get(month)]
    parts += [
        pool["months"].get(month, {}).get("models", {}).get(model)
        for pool in truth["pools"].values()
    ]
    return total([amounts(part) for part in parts])[1]


def planted_figures(truth: Truth) -> list[Planted]:
    """Return the figures of the last month."""
    return [
        *_spending(truth),
        *(_model(model, planted_cost(truth, model, _last(truth))) for model in _NAMES),
        *_tokens(truth),
        *_mixed_gpus(truth),
        _prepayment(truth),
    ]


def _last(truth: Truth) -> str:
    return str(truth["organisation"]["months"][-1])


def _components(truth: Truth, *names: str) -> Decimal:
    """Return what components came to in the last month, of all bills."""
    return sum(
        (
            Decimal(amounts["effective_cost"])
            for months in truth["components"].values()
            for name, amounts in months.get(_last(truth), {}).items()
            if name in names
        ),
        Decimal(0),
    )


def _spending(truth: Truth) -> Iterator[Planted]:
    month = _last(truth)
    spend = ("direct", "shared", "unused_commitment", "unallocated")
    yield Planted(
        "AI cost",
        _components(truth, *spend),
        EXACT,
        "SELECT sum(effective_cost) AS amount FROM cost.mart_cost_waterfall"
        f" WHERE billing_month = '{month}' AND {_SPEND}",
        lambda doors: summary_queries.ai_spend(doors.snapshot, doors.chosen()).amount,
        lambda doors: doors.numbers("Amortised pack", "Summary", "AI cost, amortised")[
            0
        ],
        ("Amortised pack", r"AI cost, amortised(, at least)? EUR AMOUNT"),
    )
    railway = truth["components"]["railway"][month].values()
    waiting = Decimal(sum(Decimal(part["effective_cost"]) for part in railway))
    yield Planted(
        "not invoiced yet",
        -waiting,
        # Converted line by line, each to ten digits.
        Decimal("0.000001"),
        "SELECT sum(not_invoiced_amount) AS amount FROM cost.mart_cost_bridge"
        f" WHERE billing_month = '{month}' AND basis = 'billed' AND"
        " prior_billing_month = (SELECT max(prior_billing_month) FROM"
        f" cost.mart_cost_bridge WHERE billing_month = '{month}')",
        _page(
            lambda doors: budget_queries.bridge_steps(
                doors.snapshot,
                doors.chosen("Billed"),
                truth["organisation"]["months"][-2],
            ),
            ("step", "not_invoiced"),
            "amount",
        ),
        lambda doors: doors.numbers("Billed pack", "Cost", "Not invoiced yet")[0],
        ("Billed pack", r"Not invoiced yet −EUR AMOUNT used and not billed"),
    )
    fee = truth["monthly_fees"]["tidewater"][month]["Platform Plan"]
    yield Planted(
        "platform plan, on the first of the month",
        Decimal(fee),
        EXACT,
        "SELECT sum(effective_cost) AS amount FROM cost.fct_daily_service_costs"
        f" WHERE billing_month = '{month}' AND service_name = 'Platform Plan'"
        " AND component <> 'tax'",
        # All direct cost of the platform team in a month without seats.
        lambda doors: _direct_cost(doors, "cc-100"),
        lambda doors: doors.numbers("statement", "Statement", "ML platform")[4],
        ("statement", r"direct Tidewater GPU Cloud AMOUNT"),
    )


def _direct_cost(doors: Doors, cost_center: str) -> Decimal:
    statement = exports.read_statement(
        doors.snapshot, doors.month, "Amortised", cost_center
    )
    lines = statement.sections[0].lines
    direct = (line.amount for line in lines if line.component == "direct")
    return sum(direct, Decimal(0))


def _model(model: str, cost: Decimal) -> Planted:
    name = _NAMES[model]
    return Planted(
        f"cost of {model}",
        cost,
        # Some ten pools give each of their parts.
        5 * DIVIDED,
        f"SELECT fully_loaded_cost AS amount FROM {_UNIT_COSTS} WHERE model_id ="
        f" '{model}' ORDER BY billing_month DESC LIMIT 1",
        _page(
            lambda doors: cost_by_model_queries.model_costs(
                doors.snapshot, doors.chosen(), "Fully loaded"
            ),
            ("model_id", model),
            "amount",
        ),
        _pack_cell("Cost", name, 1),
        ("Amortised pack", rf"\d {re.escape(name)} \D+ AMOUNT \d"),
    )


def _tokens(truth: Truth) -> Iterator[Planted]:
    month = _last(truth)
    columns = {"input": "input", "cached_input": "cached", "output": "output"}
    for kind, column in columns.items():
        for model in ("care-assistant", "invoice-reader"):
            yield Planted(
                f"{kind} tokens of {model}",
                Decimal(truth["token_costs"][model][month][kind]),
                DIVIDED,
                f"SELECT {kind}_token_cost AS amount FROM {_UNIT_COSTS}"
                f" WHERE model_id = '{model}' AND billing_month = '{month}'",
                _page(
                    lambda doors: token_queries.token_costs(
                        doors.snapshot, doors.chosen()
                    ),
                    ("model_id", model),
                    f"{column}_cost",
                ),
                _export(
                    _UNIT_COSTS,
                    f"{kind}_token_cost",
                    billing_month=month,
                    model_id=model,
                ),
            )


def _mixed_gpus(truth: Truth) -> Iterator[Planted]:
    month, pool = _last(truth), "gpu-mixed"
    planted = truth["pools"][pool]["months"][month]
    figures = {
        "total": (Decimal(planted["effective_cost"]), EXACT, 1, "AMOUNT"),
        "infrastructure_idle": (
            *(Decimal(planted["idle"]["effective_cost"]), 2 * DIVIDED, 4),
            r"\S+ \S+ \S+ AMOUNT",
        ),
    }
    for name, (amount, within, position, pattern) in figures.items():
        yield Planted(
            f"{name} of {pool}",
            amount,
            within,
            f"SELECT sum({name}_effective_cost) AS amount FROM"
            " delivery.mart_accelerator_efficiency WHERE pool_id ="
            f" '{pool}' AND billing_month = '{month}'",
            _page(
                lambda doors: gpu_idle_queries.accelerator_pools(
                    doors.snapshot, doors.chosen()
                ),
                ("pool_id", pool),
                name,
            ),
            _pack_cell("Budget & idle", pool, position),
            ("Amortised pack", rf"{pool} ml-platform {pattern} "),
        )


def _prepayment(truth: Truth) -> Planted:
    [(commitment, planted)] = truth["prepayments"].items()
    mart, column = "cost.mart_commitments", "committed_effective_cost_to_date"
    keys = {"commitment_id": commitment, "billing_month": _last(truth)}
    where = " AND ".join(f"{name} = '{key}'" for name, key in keys.items())
    return Planted(
        "drawn of a prepayment",
        Decimal(planted["drawn"]),
        EXACT,
        f"SELECT {column} AS amount FROM {mart} WHERE {where}",
        _page(
            lambda doors: gpu_idle_queries.commitments(doors.snapshot, doors.chosen()),
            ("commitment_id", commitment),
            "committed_to_date",
        ),
        _export(mart, column, **keys),
    )


def _page(
    read: Callable[[Doors], pa.Table], row: tuple[str, str], column: str
) -> Callable[[Doors], Decimal]:
    """Return what a page shows in a column of the one row with a value."""

    def ask(doors: Doors) -> Decimal:
        name, value = row
        [found] = [each for each in read(doors).to_pylist() if each[name] == value]
        return Decimal(found[column])

    return ask


def _pack_cell(sheet: str, label: str, position: int) -> Callable[[Doors], object]:
    return lambda doors: doors.numbers("Amortised pack", sheet, label)[position]


def _export(mart: str, column: str, **keys: str) -> Callable[[Doors], object]:
    return lambda doors: doors.exported(mart, column, **keys)
