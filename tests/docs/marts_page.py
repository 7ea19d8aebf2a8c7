"""The page of public tables, from the contracts of the marts."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MARTS: Final = Path(__file__).resolve().parents[2] / "dbt_project" / "models" / "marts"
_DOCS_BLOCK: Final = re.compile(r"{% docs (\w+) %}\s*(.*?)\s*{% enddocs %}", re.DOTALL)
_DOCS_REFERENCE: Final = re.compile(r"{{ *doc\('(\w+)'\) *}}")
#: Beginning of a column's text, of its neighbour's, and of both together.
_PAIRS: Final = (
    ("Lower end of", "Upper end of", "Ends of"),
    ("Billed cost", "Effective cost", "Billed and effective cost"),
    ("billed cost", "effective cost", "billed and effective cost"),
    ("First", "Last", "First and last"),
    ("first", "last", "first and last"),
    ("Earlier", "Later", "Earlier and later"),
    ("earlier", "later", "earlier and later"),
    ("Lowest", "Highest", "Lowest and highest"),
    ("90th percentile", "95th percentile", "90th and 95th percentile"),
    ("95th percentile", "99th percentile", "95th and 99th percentile"),
    ("below", "above", "below and above"),
    ("before", "after", "before and after"),
)
#: Text of plain ends of an interval.
_ENDS: Final = re.compile(r"Ends of (?:the|its) \d+ % interval\.")
#: End of a name and the type that goes without saying.
_TYPES: Final = (
    (re.compile("^(?:is|has)_"), "boolean"),
    (re.compile("_(?:on|date)$"), "date"),
    (re.compile("_at$"), "timestamp"),
    (re.compile("_count$"), "bigint"),
    (re.compile("(?:^|_)(?:cost|amount|hours)$"), "decimal(28, 10)"),
    (re.compile(r"(?:^|_)(?:ratio|seconds|p\d+|(?:low|high)_\d+)$"), "double"),
)


def marts_page(generated: str) -> Iterator[str]:
    """Yield the page of public tables."""
    tables = list(_tables())
    repeated = _repeated(tables)
    yield "# Tables\n"
    yield generated
    yield (
        "Published in `warehouse/published/<run>.duckdb` (`warehouse/CURRENT` names the"
        " file); read with `triptych sql` or any read-only client. Names, columns and"
        " grain are a contract: the changelog announces a change as *Breaking*. NULL"
        " means unknown, never zero; each text names further reasons. Times are UTC,"
        " amounts `decimal(28, 10)` in the currency of the row.\n"
    )
    yield (
        "A column without a type has that of its name: `is_…`, `has_…` boolean; `…_on`,"
        " `…_date` date; `…_at` timestamp; `…_count` bigint; `…cost`, `…amount`,"
        " `…hours` decimal; `…_ratio`, `…_seconds`, `…pN`, `…_low_N`, `…_high_N`"
        " double; others string. *With* names the ends of an interval of N %.\n"
    )
    yield "## Columns of several tables\n"
    yield "A table lists these by name under *Shared*.\n"
    yield from _column_lines(
        (name, type_, text) for (name, text), type_ in sorted(repeated.items())
    )
    for table in tables:
        yield f"## {table.name}\n"
        yield f"{table.description} A row per {table.grain}.\n"
        shared = [
            f"`{name}`"
            for name, _, text in table.columns
            if _family(name, text) in repeated
        ]
        if shared:
            yield f"[Shared](#columns-of-several-tables): {', '.join(shared)}\n"
        yield from _column_lines(
            column
            for column in table.columns
            if _family(column[0], column[2]) not in repeated
        )


class Table(NamedTuple):
    """A public table; columns are name, type and description."""

    name: str
    description: str
    grain: str
    columns: list[tuple[str, str, str]]


def _tables() -> Iterator[Table]:
    """Yield each public table; a deprecated one without its columns."""
    texts = dict(_DOCS_BLOCK.findall((_MARTS / "_columns.md").read_text("utf-8")))
    schemas = _schemas()
    for path in sorted(_MARTS.glob("*/_*__models.yml")):
        described = yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)
        for model in described["models"]:
            config = model.get("config", {})
            description = _described(model, texts)
            is_deprecated = description.startswith("Deprecated")
            yield Table(
                f"{schemas[path.parent.name]}.{config.get('alias', model['name'])}",
                description,
                _grain(config.get("meta", model.get("meta", {}))),
                [
                    (column["name"], column["data_type"], _described(column, texts))
                    for column in ([] if is_deprecated else model["columns"])
                ],
            )


def _grain(meta: dict[str, str]) -> str:
    """Return the columns of the grain, separated by commas."""
    return meta.get("grain", "").removeprefix("one row per ").replace(" per ", ", ")


def _repeated(tables: list[Table]) -> dict[tuple[str, str], str]:
    """Return name and text of columns of several tables, with their type.

    A name has the most frequent of its texts; a table with another shows its own.
    """
    counts: Counter[tuple[str, str]] = Counter()
    types: dict[tuple[str, str], str] = {}
    for table in tables:
        columns = {_family(name, text): type_ for name, type_, text in table.columns}
        counts.update(columns.keys())
        types |= columns
    repeated: dict[str, tuple[str, str]] = {}
    for key, count in counts.most_common():
        if count > 1:
            repeated.setdefault(key[0], key)
    return {key: types[key] for key in repeated.values()}


def _family(name: str, text: str) -> tuple[str, str]:
    """Return the key of a column: all ends of intervals with a text are a family."""
    suffix = re.search("_(?:low|high)(?:_[0-9]+)?$", name)
    is_end = suffix and re.match("(Lower|Upper) end of the [0-9]+ % interval", text)
    return (f"…{suffix[0]}" if suffix and is_end else name, text)


def _column_lines(columns: Iterable[tuple[str, str, str]]) -> Iterator[str]:
    """Yield a line per column; ends of intervals join their figure's line."""
    lines: list[str] = []
    plain: list[str] = []
    for names, type_, text in _paired(columns):
        stem = re.fullmatch(r"`(\w+)_low_\d+`, `\1_high_\d+`", names)
        own = f"- `{stem[1]}`" if stem and _ENDS.fullmatch(text) else None
        if own and lines and lines[-1].startswith(own):
            lines[-1] += f" With {names}."
            continue
        shown = _shown_type(names, type_)
        if not shown and _repeats(names, text):
            plain.append(names)
        else:
            lines.append(f"- {names}{shown}: {text}")
    if plain:
        lines.append(f"- {', '.join(plain)}")
    if lines:
        yield "\n".join([*lines, ""])


def _shown_type(names: str, type_: str) -> str:
    """Return the type with a space before it, unless it follows from the name."""
    name = names.partition(",")[0].strip("`")
    usual = next((kind for end, kind in _TYPES if end.search(name)), "string")
    return "" if type_ == usual else f" {type_.removesuffix('(28, 10)')}"


def _repeats(names: str, text: str) -> bool:
    """Return whether a text has no word that the name lacks."""
    words = set(re.findall(r"[a-z]+", text.lower())) - {"the", "of", "its", "a", "s"}
    return words <= set(re.findall(r"[a-z]+", names.replace("_", " ")))


def _paired(columns: Iterable[tuple[str, str, str]]) -> Iterator[tuple[str, str, str]]:
    """Yield columns; neighbours that differ as `_PAIRS` do are one line."""
    waiting: tuple[str, str, str] | None = None
    for name, type_, text in columns:
        if waiting and (joint := _joint(waiting, (type_, text))):
            yield f"{waiting[0]}, `{name}`", type_, joint
            waiting = None
            continue
        if waiting:
            yield waiting
        waiting = f"`{name}`", type_, text
    if waiting:
        yield waiting


def _joint(first: tuple[str, str, str], second: tuple[str, str]) -> str | None:
    """Return the text of two columns of one type, if they are a pair."""
    if first[1] != second[0]:
        return None
    for one, other, both in _PAIRS:
        if one in first[2] and first[2].replace(one, other, 1) == second[1]:
            return first[2].replace(one, both, 1)
    return None


def _schemas() -> dict[str, str]:
    """Return the schema that the models of each folder are published in."""
    project = yaml.safe_load((_MARTS.parents[1] / "dbt_project.yml").read_text("utf-8"))
    folders: dict[str, Any] = project["models"]["triptych"]["marts"]
    return {
        folder: configured["+schema"]
        for folder, configured in folders.items()
        if not folder.startswith("+")
    }


def _described(thing: dict[str, Any], texts: dict[str, str]) -> str:
    text = _DOCS_REFERENCE.sub(
        lambda found: texts[found[1]], thing.get("description", "")
    )
    return " ".join(text.split())
