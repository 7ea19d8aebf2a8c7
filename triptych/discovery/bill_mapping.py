"""Map the columns of a table of charges that no source knows to those of FOCUS.

Names of columns identify the day, the amount and so on; values show the format of
dates. Unclear roles are named, so that a person can answer with ``ROLE=COLUMN``.

Anthropic's columns are those of the cost export of the Claude Console, as public
readers of it quoted them from March to September 2026: ``usage_date_utc, model,
workspace, api_key, usage_type, context_window, token_type, cost_usd, list_price_usd,
cost_type, inference_geo, speed, api_key_id, api_key_status``. The page *Cost and Usage
Reporting in the Claude Console* (support.claude.com, 2026-03-16) names no column.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final

from ingest.storage.files import format_of_name, open_text
from ingest.storage.workbooks import is_workbook
from triptych.core.errors import UsageError
from triptych.core.file_names import literal
from triptych.core.personal import personal_columns
from triptych.discovery.written_dates import (
    DATE_ORDERS,
    MOMENT,
    OF_MONTH,
    date_forms,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

_SAMPLED_ROWS = 500
#: Role → names of columns that have it, the likeliest first, in lower case without
#: other signs. Text in brackets after a name is not part of it.
ROLES: Final[dict[str, tuple[str, ...]]] = {
    "day": (
        *("chargeperiodstart", "usagedateutc", "usagedate", "usageat", "date", "day"),
        *("periodstart", "startdate", "starttime", "start", "billingdate", "time"),
        *("timestamp", "createdat", "datetime", "month", "billingmonth"),
        *("intervalstart", "starttimeiso"),
    ),
    "end": ("chargeperiodend", "periodend", "enddate", "endtime", "end"),
    "amount": (
        *("netamount", "costusd", "amountvalue", "billedcost", "totalcost", "cost"),
        *("amount", "amountusd", "amounteur", "charge", "charges", "totalamount"),
        *("totalcharge", "costineur", "costinusd", "spend", "spendusd", "total"),
        "usageincurrency",
    ),
    "currency": ("currency", "currencycode", "billingcurrency", "amountcurrency"),
    "service": ("product", "servicename", "service", "productname", "category"),
    "meter": (
        *("sku", "skuname", "lineitem", "meter", "metername", "tokentype"),
        *("gputypeid", "gputype", "instancetype", "usagetype"),
    ),
    "tier": ("contextwindow", "servicetier"),
    "quantity": ("quantity", "usagequantity", "consumedquantity"),
    "unit": ("unittype", "unit", "usageunit", "unitofmeasure"),
    "model": ("model", "modelname", "modelid"),
    "description": ("description", "item", "details", "kind", "costtype"),
    "resource": (
        *("podid", "endpointid", "instanceid", "resourceid", "resource", "objectid"),
    ),
    "account": (
        *("workspace", "project", "projectname", "organization", "organisation"),
        *("accountname", "environmentname"),
    ),
    "vendor": ("vendor", "provider", "providername"),
}
#: Any of them names the item charged for.
_OF_WHAT: Final = ("service", "meter", "model", "description", "resource")
#: Columns that identify a vendor not named by its file, and its currency.
_VENDORS: Final = (
    ({"sku", "grossamount", "discountamount", "netamount"}, "GitHub", "USD"),
    ({"kind", "maxmode", "model", "cost"}, "Cursor", "USD"),
    ({"usagedateutc", "tokentype", "costusd"}, "Anthropic", "USD"),
    ({"timebilledms", "amount"}, "RunPod", "USD"),
    ({"starttime", "amountvalue", "amountcurrency", "lineitem"}, "OpenAI", ""),
    ({"calltype", "spend", "prompttokens", "starttime"}, "LiteLLM", "USD"),
    ({"objectid", "environmentname", "intervalstart", "cost"}, "Modal", "USD"),
    ({"usagetype", "usageincurrency", "balancesource"}, "Snowflake", ""),
    ({"instanceid", "rate", "amount", "timestamp"}, "Vast.ai", "USD"),
    ({"starttimeiso", "wallettype", "cost", "currency"}, "DeepSeek", ""),
)
_CURRENCY: Final = re.compile(r"(?i)(?:^|[^a-z])(usd|eur|gbp|chf|jpy|cad|aud|sek)$")
_SIGNS: Final = {"€": "EUR", "£": "GBP"}
_FREE: Final = frozenset({"included", "free", "-", "–", "n/a"})


@dataclass(frozen=True, slots=True)
class BillMapping:
    """FOCUS columns over those of a table, and the open questions.

    Attributes
    ----------
    vendor : str
        Vendor of the charges.
    mapping, defaults : dict of str to str
        As a source of type ``focus_files`` has them.
    roles : dict of str to str
        Role → the column that has it, for people to read.
    unclear : dict of str to str
        Role → why it could not be decided.
    delimiter : str
        Between its columns.
    """

    vendor: str
    mapping: dict[str, str] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    unclear: dict[str, str] = field(default_factory=dict)
    delimiter: str = ","

    @property
    def line(self) -> str:
        """Return the roles of the columns, or the question to answer."""
        if self.unclear:
            reasons = "; ".join(f"{role}: {why}" for role, why in self.unclear.items())
            return f"It may be a bill of {self.vendor}. Not clear: {reasons}."
        read = ", ".join(f"{role} = {column}" for role, column in self.roles.items())
        if not read:
            return f"Its columns are separated by {self.delimiter!r}."
        return f"Read as a bill of {self.vendor}: {read}."

    @property
    def next_step(self) -> str:
        """Return the way to answer open questions."""
        asked = " ".join(f"--map {role}=…" for role in self.unclear)
        return f"Answer with {asked}." if asked else ""


def map_bill(
    path: Path, *, delimiter: str = ",", answers: Mapping[str, str] | None = None
) -> BillMapping | None:
    """Return how a CSV table is read as a bill; None where it has no money or day.

    Parameters
    ----------
    path : Path
        CSV, gzipped or not.
    delimiter : str
        Between its columns.
    answers : mapping, optional
        Role → column; of ``currency`` and ``vendor`` also the value itself.

    Raises
    ------
    UsageError
        An answer names no column, or a column without the values its role needs.
    """
    columns, rows = _sample(path, delimiter)
    given = dict(answers or {})
    roles = _roles(columns, rows, given)
    if "day" not in roles or not (roles.keys() & {"amount"} or _amounts(columns, rows)):
        return None
    return _Table(path, columns, rows, given, roles).mapping()


def answers_of(texts: Sequence[str]) -> dict[str, str]:
    """Return role → answer of texts such as ``amount=Net amount``."""
    answers = {}
    for text in texts:
        role, mark, column = text.partition("=")
        if not mark:
            raise UsageError(
                f"{text!r} is no answer.", next_step="Write --map ROLE=COLUMN."
            )
        if role not in {*ROLES, "dates"}:
            raise UsageError(
                f"There is no role {role!r}.",
                next_step=f"Roles: {', '.join(ROLES)}, dates.",
            )
        if role == "dates" and column not in DATE_ORDERS:
            raise UsageError(
                f"Dates are not {column!r}.",
                next_step=f"Write one of {', '.join(DATE_ORDERS)}.",
            )
        answers[role] = column
    return answers


@dataclass(frozen=True, slots=True)
class _Table:
    """A table that is read as a bill."""

    path: Path
    columns: list[str]
    rows: list[dict[str, str]]
    answers: dict[str, str]
    roles: dict[str, str]

    def mapping(self) -> BillMapping:
        """Return the mapping, with its open questions."""
        vendor, currency = self._vendor()
        bill = BillMapping(vendor, roles=dict(self.roles))
        bill.defaults["ServiceProviderName"] = vendor
        bill.defaults["ChargeCategory"] = "Usage"
        self._map_money(bill, currency)
        self._map_days(bill)
        for role, name in (
            ("service", "ServiceName"),
            ("meter", "SkuMeter"),
            ("description", "ChargeDescription"),
            ("resource", "ResourceId"),
            ("account", "SubAccountName"),
        ):
            if role in self.roles:
                bill.mapping[name] = _quoted(self.roles[role])
        if {"quantity", "unit"} <= self.roles.keys():
            bill.mapping["ConsumedQuantity"] = _quoted(self.roles["quantity"])
            bill.mapping["ConsumedUnit"] = _quoted(self.roles["unit"])
        self._map_model(bill)
        self._map_tags(bill)
        if (
            not bill.unclear
            and not self.answers
            and not self.roles.keys() & {*_OF_WHAT}
        ):
            bill.unclear["service"] = "no column says what was charged for"
        return bill

    def _vendor(self) -> tuple[str, str]:
        """Return the vendor and the currency, as far as columns reveal them."""
        folded = {_folded(name) for name in self.columns}
        known = ((v, code) for words, v, code in _VENDORS if words <= folded)
        vendor, currency = next(known, ("", ""))
        stem = re.split(r"[.\d]", self.path.name)[0].strip("-_ ")
        words = [w for w in re.split(r"[-_ ]+", stem) if w.casefold() not in _PLAIN]
        named = " ".join(words).title() or "Unknown vendor"
        return self.answers.get("vendor") or vendor or named, currency

    def _map_money(self, bill: BillMapping, currency: str) -> None:
        """Map the amount and its currency."""
        column = self.roles.get("amount")
        if column is None:
            asked = ", ".join(_amounts(self.columns, self.rows))
            bill.unclear["amount"] = f"one of {asked}"
        else:
            amount = _quoted(column)
            if {row[column].casefold() for row in self.rows} & _FREE:
                free = ", ".join(map(literal, sorted(_FREE)))
                amount = f"case when lower({amount}) in ({free}) then '0' else {amount}"
                amount += " end"
            bill.mapping["BilledCost"] = bill.mapping["EffectiveCost"] = amount
        if "currency" in self.roles:
            bill.mapping["BillingCurrency"] = (
                f"upper({_quoted(self.roles['currency'])})"
            )
            return
        code = self.answers.get("currency") or self._sign_of_money(column) or currency
        if code:
            bill.defaults["BillingCurrency"] = code.upper()
            bill.roles["currency"] = code.upper()
        else:
            bill.unclear["currency"] = "no column or sign names it"

    def _sign_of_money(self, column: str | None) -> str:
        """Return the currency that a header or the values of an amount name."""
        if column is None:
            return ""
        plain = re.sub(r"[()\[\]]", "", column)
        if match := _CURRENCY.search(plain):
            return match[1].upper()
        signs = {sign for row in self.rows for sign in _SIGNS if sign in row[column]}
        return _SIGNS[signs.pop()] if len(signs) == 1 else ""

    def _map_days(self, bill: BillMapping) -> None:
        """Map the days of a charge and the month that it is billed in."""
        forms = self._forms("day")
        if len(forms) != 1:
            bill.unclear["dates"] = f"{' or '.join(DATE_ORDERS)}"
            return
        start = forms[0].format(_quoted(self.roles["day"]))
        step = "interval 1 month" if OF_MONTH in start else "interval 1 day"
        end = f"{start} + {step}"
        if "end" in self.roles and len(self._forms("end")) == 1:
            given = self._forms("end")[0].format(_quoted(self.roles["end"]))
            end = f"greatest({end}, {given}{self._after_end()})"
        bill.mapping["ChargePeriodStart"] = start
        bill.mapping["ChargePeriodEnd"] = end
        bill.mapping["BillingPeriodStart"] = f"date_trunc('month', {start})"

    def _forms(self, role: str) -> list[str]:
        """Return the SQL of each way in which the dates of a role may be written."""
        forms = date_forms(row[self.roles[role]] for row in self.rows)
        wanted = DATE_ORDERS.get(self.answers.get("dates", ""), "%")
        return [f for f in forms if wanted in f] or forms

    def _after_end(self) -> str:
        """Return the offset of an end: a moment is the first that is not charged.

        Invoices name the last day of a charge.
        """
        ends = {row[self.roles["end"]] for row in self.rows} - {""}
        is_moment = all(MOMENT.fullmatch(each) for each in ends)
        return "" if is_moment else " + interval 1 day"

    def _map_model(self, bill: BillMapping) -> None:
        """Put the model before the meter and a tier behind it: they have prices."""
        parts = [self.roles[r] for r in ("model", "meter", "tier") if r in self.roles]
        if len(parts) > 1:
            named = ", ".join(f"nullif({_quoted(part)}, '')" for part in parts)
            bill.mapping["SkuMeter"] = f"concat_ws(' ', {named})"
        elif parts:
            bill.mapping["SkuMeter"] = _quoted(parts[0])

    def _map_tags(self, bill: BillMapping) -> None:
        """Keep the columns without a role as tags; amounts are none."""
        taken = {self.roles[r] for r in self.roles if r not in {"model", "account"}}
        kept = [
            name
            for name in self.columns
            if name not in taken
            and not personal_columns([name])
            and _folded(name) != "requestid"
            and _is_text(row[name] for row in self.rows)
            and not date_forms(row[name] for row in self.rows)
        ]
        if kept:
            pairs = ", ".join(f"{literal(name)}, {_quoted(name)}" for name in kept)
            bill.mapping["Tags"] = f"json_object({pairs})"
            bill.roles["tags"] = ", ".join(kept)


#: Words of a file's name that name no vendor.
_PLAIN: Final = frozenset(
    [
        "invoice",
        "bill",
        "bills",
        "usage",
        "cost",
        "costs",
        "export",
        "report",
        "billing",
    ]
)


def _sample(path: Path, delimiter: str) -> tuple[list[str], list[dict[str, str]]]:
    """Return the columns of a table and its first rows."""
    if format_of_name(path.name) != "csv":
        return [], []
    delimiter = "," if is_workbook(path) else delimiter
    with open_text(path, encoding="utf-8-sig") as text:
        reader = csv.DictReader(text, delimiter=delimiter, restval="")
        columns = [name for name in reader.fieldnames or () if name]
        return columns, [
            {name: (row[name] or "").strip() for name in columns}
            for row in islice(reader, _SAMPLED_ROWS)
        ]


def _roles(
    columns: Sequence[str], rows: list[dict[str, str]], answers: dict[str, str]
) -> dict[str, str]:
    """Return role → column, by answers first and by names otherwise."""
    folded = {_folded(name): name for name in reversed(columns)}
    roles: dict[str, str] = {}
    for role, names in ROLES.items():
        if role in answers and answers[role] in columns:
            roles[role] = answers[role]
            continue
        if role in answers and role not in {"currency", "vendor"}:
            raise UsageError(
                f"The bill has no column {answers[role]}.",
                next_step=f"It has {', '.join(columns)}.",
            )
        free = (folded[name] for name in names if name in folded)
        likely = (name for name in free if name not in roles.values())
        if column := next((each for each in likely if _fits(role, each, rows)), None):
            roles[role] = column
    if "day" in answers and not _fits("day", answers["day"], rows):
        raise UsageError(
            f"The column {answers['day']} has no date.",
            next_step="Name the column with the day of a charge.",
        )
    return roles


def _fits(role: str, column: str, rows: list[dict[str, str]]) -> bool:
    """Return True if the values of a column suit its role."""
    values = [row[column] for row in rows if row[column]]
    if role in {"day", "end"}:
        return bool(date_forms(values))
    if role in {"amount", "quantity"}:
        return bool(values) and all(_is_money(value) for value in values)
    if role == "currency":
        return all(re.fullmatch(r"[A-Za-z]{3}", value) for value in values)
    return True


def _amounts(columns: Sequence[str], rows: list[dict[str, str]]) -> list[str]:
    """Return the money columns, by their values and without a clear name."""
    if not rows:
        return []
    return [
        name
        for name in columns
        if all(re.search(r"\d[.,]\d", row[name]) for row in rows)
        and all(_is_money(row[name]) for row in rows)
    ]


def _is_money(value: str) -> bool:
    """Return whether a value is an amount, or a word for none."""
    plain = value.casefold()
    number = r"\(?-?[$€£]?-?\d[\d.,]*(e-?\d+)?\)?( ?[€$£])?"
    return plain in _FREE or bool(re.fullmatch(number, plain))


def _is_text(values: Iterable[str]) -> bool:
    """Return True if a column has words that distinguish charges."""
    known = {value for value in values if value}
    return bool(known) and not all(re.fullmatch(r"[-$€\d.,:]+", v) for v in known)


def _folded(name: str) -> str:
    """Return the name of a column without its unit, signs and case."""
    plain = re.sub(r"\(.*?\)", "", name)
    return re.sub(r"[^a-z0-9]", "", plain.casefold())


def _quoted(column: str) -> str:
    """Return a column for SQL."""
    return '"' + column.replace('"', '""') + '"'
