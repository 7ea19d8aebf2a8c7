"""Bills and invoices as files, and what is done to them."""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections import Counter
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from tests.campaigns.hostile import (
    JUNK_CURRENCIES,
    JUNK_MOMENTS,
    JUNK_NUMBERS,
    NASTY_NAMES,
    NASTY_TEXTS,
    Case,
    Counted,
    amount,
    cut,
    flipped,
    torn,
)

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

Row = dict[str, str]
_PLAIN_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
#: Stands in a file of its own that nothing is done to.
BESIDE = "CHF"


@dataclass(frozen=True)
class Shape:
    """A table that counts money: its columns, and which of them are what."""

    kind: str
    columns: tuple[str, ...]
    money: tuple[str, ...]
    currency: str
    moments: tuple[str, ...]
    texts: tuple[str, ...]
    settings: str

    def row(self, rng: random.Random, number: int, currency: str) -> Row:
        """Return a row that is right."""
        cents = rng.choice((rng.randrange(10**4), rng.randrange(10**9)))
        places = rng.choice((2, 2, 2, 6, 10))
        cost = f"{Decimal(cents).scaleb(-places):f}"
        if rng.random() < 0.1:
            cost = f"-{cost}"
        values = dict.fromkeys(self.columns, "")
        values |= dict.fromkeys(self.money, cost)
        values |= {self.currency: currency}
        day = 1 + number % 27
        values |= dict.fromkeys(self.moments, f"2026-03-{day:02d}")
        values |= {name: f"{name.lower()}-{number}" for name in self.texts}
        if self.kind == "bill":
            values |= {
                "BillingPeriodStart": "2026-03-01",
                "ChargePeriodEnd": f"2026-03-{day + 1:02d}",
                "ChargeCategory": "Usage",
            }
        return values

    def counted(self, row: Row) -> Counted:
        """Return what a row adds."""
        return amount(row[self.money[0]]), row[self.currency]


BILL = Shape(
    "bill",
    (
        *("BilledCost", "EffectiveCost", "BillingCurrency", "BillingPeriodStart"),
        *("ChargePeriodStart", "ChargePeriodEnd", "ChargeCategory", "ServiceName"),
        "ResourceId",
    ),
    ("BilledCost", "EffectiveCost"),
    "BillingCurrency",
    ("BillingPeriodStart", "ChargePeriodStart", "ChargePeriodEnd"),
    ("ServiceName", "ResourceId"),
    "  - {name: hostile, type: focus_files, path: hostile}\n",
)
INVOICE = Shape(
    "invoice",
    ("InvoiceId", "InvoiceIssuerName", "billing_month", "currency", "amount"),
    ("amount",),
    "currency",
    ("billing_month",),
    ("InvoiceId", "InvoiceIssuerName"),
    "  - {name: hostile, type: tables, stream: invoices, path: hostile}\n",
)


def written(rows: list[Row], columns: tuple[str, ...], **options: object) -> bytes:
    """Return rows as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", **options)  # type: ignore[arg-type]
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def strictly_read(content: bytes, shape: Shape) -> list[Counted]:
    """Return what an independent reader finds in CSV: rows that are whole and plain."""
    text = content.decode("utf-8-sig", "replace")
    found = []
    try:
        lines = list(csv.reader(io.StringIO(text, newline="")))
    except csv.Error:
        return []
    if not lines:
        return []
    header = [name.strip() for name in lines[0]]
    for cells in lines[1:]:
        row = dict(zip(header, cells, strict=False))
        cost, currency = row.get(shape.money[0], ""), row.get(shape.currency, "")
        if _PLAIN_NUMBER.fullmatch(cost.strip()):
            found.append((amount(cost.strip()), currency.strip().upper()))
    return found


def cases(shape: Shape, rng: random.Random) -> Iterator[Case]:
    """Yield hostile deliveries of one shape, without end."""
    while True:
        for act in (*_ACTS, *_ACTS_WITH_CELLS):
            yield _case(shape, act, rng)


def _case(
    shape: Shape,
    act: Callable[[Shape, list[Row], random.Random], Case],
    rng: random.Random,
) -> Case:
    currency = rng.choice(("EUR", "USD", "JPY"))
    rows = [shape.row(rng, n, currency) for n in range(rng.randrange(2, 30))]
    made = act(shape, rows, rng)
    kept = [shape.row(rng, n, BESIDE) for n in range(2)]
    settings = f"organisation: Hostile\ncurrency: EUR\nsources:\n{shape.settings}"
    files = {
        "triptych.yml": settings.encode(),
        "hostile/beside.csv": written(kept, shape.columns),
        **made.files,
    }
    return Case(
        shape.kind,
        made.act,
        files,
        made.may_count,
        made.must_count,
        [shape.counted(row) for row in kept],
        made.suspect,
    )


def _made(
    act: str,
    content: bytes | dict[str, bytes],
    may: list[Counted],
    must: list[Counted] | None = None,
    *,
    name: str = "file.csv",
) -> Case:
    files = content if isinstance(content, dict) else {f"hostile/{name}": content}
    return Case("", act, files, may, may if must is None else must, suspect=name)


def _unharmed(shape: Shape, rows: list[Row], rng: random.Random) -> Case:
    """Return the same table in another form: all of it counts."""
    columns = list(shape.columns)
    rng.shuffle(columns)
    plain = written(rows, tuple(columns))
    full = [shape.counted(row) for row in rows]
    forms: dict[str, Callable[[], bytes | dict[str, bytes]]] = {
        "byte order mark": lambda: b"\xef\xbb\xbf" + plain,
        "CRLF": lambda: plain.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
        "all quoted": lambda: written(rows, tuple(columns), quoting=csv.QUOTE_ALL),
        "blank lines at the end": lambda: plain + b"\n\n\n",
        "no break at the end": lambda: plain.rstrip(b"\r\n"),
        "gzip": lambda: {"hostile/file.csv.gz": gzip.compress(plain)},
        "two members of gzip": lambda: {
            "hostile/file.csv.gz": gzip.compress(plain[:50]) + gzip.compress(plain[50:])
        },
    }
    act = rng.choice(sorted(forms))
    return _made(act, forms[act](), full)


def _named(shape: Shape, rows: list[Row], rng: random.Random) -> Case:
    name = rng.choice(NASTY_NAMES)
    content = {f"hostile/{name}": written(rows, shape.columns)}
    full = [shape.counted(row) for row in rows]
    return Case("", f"file called {name[:12]!r}", content, full, full)


def _named_in_no_utf8(shape: Shape, rows: list[Row], rng: random.Random) -> Case:
    name = "hostile/\udcff\udcfe.csv"
    full = [shape.counted(row) for row in rows[: rng.randrange(1, 3)]]
    content = written(rows[: len(full)], shape.columns)
    return Case(
        "", "name that is no UTF-8", {name: content}, full, full, suspect="\\xff"
    )


def _odd_columns(shape: Shape, rows: list[Row], rng: random.Random) -> Case:
    extra = rng.choice(
        (
            *("filename", "file_row_number", "_delivered", "_source", "select", "a b"),
            *('q"', "o'b", "x" * 3_000, "日本", "_load_id", "rowid", "column0", "é"),
            *("hive_partition", "BILLEDCOST2", "\u200b", "1", "-", "$", "*"),
        )
    )
    for row in rows:
        row[extra] = rng.choice(NASTY_TEXTS[:4])
    columns = [*shape.columns, extra]
    rng.shuffle(columns)
    full = [shape.counted(row) for row in rows]
    return _made(f"column {extra[:12]!r}", written(rows, tuple(columns)), full)


def _bits(shape: Shape, rows: list[Row], rng: random.Random) -> Case:
    content = flipped(written(rows, shape.columns), rng, rng.randrange(1, 4))
    may = strictly_read(content, shape)
    return _made("flipped bits", content, may, [])


def _torn_text(shape: Shape, rows: list[Row], rng: random.Random) -> Case:
    content = torn(written(rows, shape.columns), rng)
    return _made("torn text", content, strictly_read(content, shape), [])


def _cut_text(shape: Shape, rows: list[Row], rng: random.Random) -> Case:
    content = cut(written(rows, shape.columns), rng)
    return _made("cut off text", content, strictly_read(content, shape), [])


def _bad_gzip(shape: Shape, rows: list[Row], rng: random.Random) -> Case:
    plain = written(rows, shape.columns)
    content = gzip.compress(plain)
    acts: dict[str, Callable[[], bytes]] = {
        "flipped bits of gzip": lambda: flipped(content, rng),
        "cut off gzip": lambda: cut(content, rng),
        "torn gzip": lambda: torn(content, rng),
        "text called gzip": lambda: plain,
        "noise after gzip": lambda: content + rng.randbytes(40),
        "gzip twice": lambda: gzip.compress(content),
        "nothing called gzip": lambda: b"",
    }
    act = rng.choice(sorted(acts))
    full = [shape.counted(row) for row in rows]
    return _made(act, acts[act](), full, [], name="file.csv.gz")


def _bad_parquet(shape: Shape, rows: list[Row], rng: random.Random) -> Case:
    table = pa.table({name: [row[name] for row in rows] for name in shape.columns})
    content = io.BytesIO()
    pq.write_table(table, content)
    whole = content.getvalue()
    acts: dict[str, Callable[[], bytes]] = {
        "Parquet": lambda: whole,
        "amounts as DOUBLE": lambda: _with_doubles(table, shape),
        "cut off Parquet": lambda: cut(whole, rng),
        "Parquet without its end": lambda: whole[:-4],
        "Parquet with a damaged footer": lambda: whole[:-60] + rng.randbytes(60),
        "noise called Parquet": lambda: rng.randbytes(300),
        "nothing called Parquet": lambda: b"",
        "CSV called Parquet": lambda: written(rows, shape.columns),
    }
    act = rng.choice(sorted(acts))
    full = [shape.counted(row) for row in rows]
    must = full if act in {"Parquet", "amounts as DOUBLE"} else []
    return _made(act, acts[act](), full, must, name="file.parquet")


def _with_doubles(table: pa.Table, shape: Shape) -> bytes:
    """Return amounts of at most ten digits, which a DOUBLE holds all of."""
    for name in shape.money:
        doubles = pa.array([float(cost) for cost in table[name].to_pylist()])
        table = table.set_column(table.schema.get_field_index(name), name, doubles)
    content = io.BytesIO()
    pq.write_table(table, content)
    return content.getvalue()


def _typed_parquet(shape: Shape, rows: list[Row], rng: random.Random) -> Case:
    """Return columns of other types than anybody would expect."""
    columns: dict[str, pa.Array] = {
        name: pa.array([row[name] for row in rows]) for name in shape.columns
    }
    count = len(rows)
    odd: dict[str, Callable[[], pa.Array]] = {
        "a list": lambda: pa.array([[1, 2]] * count),
        "a struct": lambda: pa.array([{"a": 1}] * count),
        "a number that is none": lambda: pa.array([float("nan")] * count),
        "endless": lambda: pa.array([float("inf")] * count),
        "all unknown": lambda: pa.nulls(count, pa.string()),
        "of no type": lambda: pa.nulls(count),
        "a flag": lambda: pa.array([True] * count),
        "bytes": lambda: pa.array([b"\xff"] * count),
        "beyond the calendar": lambda: pa.array([2**61] * count, pa.int64()).cast(
            pa.timestamp("us")
        ),
        "nanoseconds": lambda: pa.array([2**62] * count, pa.timestamp("ns")),
        "a day": lambda: pa.array([date(9999, 12, 31)] * count),
    }
    name = rng.choice((*shape.money, shape.currency, *shape.moments))
    act = rng.choice(sorted(odd))
    columns[name] = odd[act]()
    content = io.BytesIO()
    pq.write_table(pa.table(columns), content)
    is_money = name == shape.money[0]
    may = [] if is_money or name == shape.currency else [shape.counted(r) for r in rows]
    if act == "a flag" and is_money:
        may = [("1", row[shape.currency]) for row in rows]
    return _made(f"{act} in Parquet", content.getvalue(), may, [], name="file.parquet")


def _huge(shape: Shape, rows: list[Row], rng: random.Random) -> Case:
    full = [shape.counted(row) for row in rows]
    text = written(rows, shape.columns)
    wide = tuple(f"c{n}" for n in range(3_000))
    acts: dict[str, Callable[[], bytes]] = {
        "an endless line": lambda: b"x" * 3_000_000,
        "3,000 columns": lambda: written(rows, (*shape.columns, *wide)),
        "a cell of 3 MB": lambda: text.replace(b"-0,", b"-0" + b"y" * 3_000_000 + b","),
        "nothing": lambda: b"",
        "a header alone": lambda: text.split(b"\n", 1)[0] + b"\n",
        "no header": lambda: text.split(b"\n", 1)[1],
        "the header twice": lambda: text.split(b"\n", 1)[0] + b"\n" + text,
        "zeros": lambda: b"\x00" * 5_000,
        "zeros within": lambda: text[:200] + b"\x00" * 50 + text[200:],
        "UTF-16": lambda: text.decode().encode("utf-16"),
        "Latin-1": lambda: text.decode().replace("-0", "é-0").encode("latin-1"),
        "semicolons": lambda: written(rows, shape.columns, delimiter=";"),
        "tabs": lambda: written(rows, shape.columns, delimiter="\t"),
        "a quote that stays open": lambda: text + b'"1,2,3',
        "carriage returns alone": lambda: text.replace(b"\r\n", b"\r"),
    }
    act = rng.choice(sorted(acts))
    return _made(act, acts[act](), full, [])


def _of_cells(
    rows: list[Row], rng: random.Random, column: str, junk: str
) -> tuple[list[Row], list[Row]]:
    """Spoil a column in some rows; return those and the others."""
    spoiled = rng.sample(range(len(rows)), rng.randrange(1, max(2, len(rows) // 2)))
    for number in spoiled:
        rows[number][column] = junk
    good = [row for number, row in enumerate(rows) if number not in spoiled]
    return [rows[number] for number in spoiled], good


def _junk_number(shape: Shape, rows: list[Row], rng: random.Random) -> Case:
    junk = rng.choice(sorted(JUNK_NUMBERS))
    column = rng.choice(shape.money)
    before = Counter(id(row) for row in rows)
    amounts = {id(row): shape.counted(row) for row in rows}
    bad, good = _of_cells(rows, rng, column, junk)
    assert before.total() == len(bad) + len(good)
    must = [shape.counted(row) for row in good]
    readings = [
        (amount(value), row[shape.currency])
        if column == shape.money[0]
        else amounts[id(row)]
        for row in bad
        for value in JUNK_NUMBERS[junk]
        if "$" not in junk or row[shape.currency] == "USD"
    ]
    if column != shape.money[0] and not JUNK_NUMBERS[junk]:
        readings = []
    content = written(rows, shape.columns)
    return _made(f"amount {junk[:12]!r}", content, must + readings, must)


def _junk_moment(shape: Shape, rows: list[Row], rng: random.Random) -> Case:
    full = [shape.counted(row) for row in rows]
    junk, column = rng.choice(JUNK_MOMENTS), rng.choice(shape.moments)
    _, good = _of_cells(rows, rng, column, junk)
    must = [shape.counted(row) for row in good]
    content = written(rows, shape.columns)
    return _made(f"moment {junk[:12]!r}", content, full, must)


def _junk_currency(shape: Shape, rows: list[Row], rng: random.Random) -> Case:
    junk = rng.choice(JUNK_CURRENCIES)
    _, good = _of_cells(rows, rng, shape.currency, junk)
    must = [shape.counted(row) for row in good]
    content = written(rows, shape.columns)
    return _made(f"currency {junk[:12]!r}", content, must, must)


def _junk_text(shape: Shape, rows: list[Row], rng: random.Random) -> Case:
    full = [shape.counted(row) for row in rows]
    junk = rng.choice(NASTY_TEXTS)
    _of_cells(rows, rng, rng.choice(shape.texts), junk)
    return _made(f"text {junk[:12]!r}", written(rows, shape.columns), full, [])


_ACTS = (
    *(_unharmed, _named, _odd_columns, _bits, _torn_text, _cut_text, _bad_gzip),
    *(_bad_parquet, _typed_parquet, _huge, _named_in_no_utf8),
)
_ACTS_WITH_CELLS = (
    *(_junk_number, _junk_moment, _junk_currency, _junk_text, _junk_number),
)
