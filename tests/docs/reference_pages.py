"""Writes the reference pages that can be derived from what they describe.

``python -m tests.docs.reference_pages`` (``make reference``) writes them; a test
compares what is written with what would be.
"""

from __future__ import annotations

import ast
import json
import re
import sys
import textwrap
from collections import Counter
from functools import cache
from importlib import import_module
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Protocol, get_args

from tests.docs.calibration_page import calibration_page
from tests.docs.marts_page import marts_page
from tests.docs.refusals_page import refusals_page
from tests.docs.source_macros import macros

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import ModuleType

    from pydantic.fields import FieldInfo

    from ingest.streams import Column, Stream

ROOT = Path(__file__).resolve().parents[2]
STAGING = ROOT / "dbt_project" / "models" / "staging"
MACROS = ROOT / "dbt_project" / "macros"
HOW_TO = ROOT / "docs" / "how_to"
INDEX = ROOT / "docs" / "index.md"
README = ROOT / "README.md"
_SOURCES_BEGIN = "<!-- Sources: written by `make reference`. -->"
_SOURCES_END = "<!-- End of sources. -->"
_YAML = re.compile(r"^```yaml[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ENTRY = re.compile(r"^(?= *- .*\bname:)", re.MULTILINE)
_GENERATED = "<!-- Written by `make reference`. -->\n"
_DECIMAL_DIGITS = "(38, 18)"
_COMMON_OPTIONS = ("--workspace", "--verbose", "--json")
_TIMEOUT = 60
_COMMON_FIELDS = ("name", "type", "may_repeat", "expected_lag_hours")


class Parameter(Protocol):
    """An argument or an option of a command; typer's own types are private."""

    name: str
    help: str | None
    opts: Sequence[str]
    metavar: str | None
    default: object
    is_flag: bool
    param_type_name: str


class Command(Protocol):
    """A command of the command line."""

    help: str | None
    params: Sequence[Parameter]


def commands() -> dict[str, Command]:
    """Return every command by its name; ``quarantine list`` has two words."""
    import typer

    from triptych.cli import app

    found: dict[str, Command] = {}
    for name, command in _inner(typer.main.get_command(app)).items():
        inner = _inner(command)
        found |= {f"{name} {second}": one for second, one in inner.items()}
        if not inner:
            found[name] = command
    return found


def _inner(group: object) -> dict[str, Command]:
    commands: dict[str, Command] = getattr(group, "commands", {})
    return commands


def cli_page() -> Iterator[str]:
    """Yield the page of commands."""
    listed = commands()
    yield "# Commands\n"
    yield _GENERATED
    yield (
        "Results go to standard output, everything else to standard error. An error is"
        " one paragraph: event, place, next step. With `--verbose` the"
        " traceback comes too. Commands end with an [exit code](exit_codes.md).\n"
    )
    yield "Common options:\n"
    for option in _COMMON_OPTIONS:
        holders = {
            name: parameter
            for name, command in listed.items()
            for parameter in command.params
            if option in parameter.opts
        }
        without = ", ".join(f"`{name}`" for name in listed if name not in holders)
        parameter = next(iter(holders.values()))
        text = f"{_parameter(parameter)}: {_meaning(parameter)}"
        yield f"- {text} Not for {without}."
    shared = _shared_parameters(listed.values())
    yield ""
    yield "Options of several commands, named under *Also*:\n"
    yield from sorted(shared.values())
    yield ""
    shown: dict[str, str] = {}
    for name, command in listed.items():
        lines = [
            f"- {_parameter(parameter)}: {_meaning(parameter)}"
            for parameter in command.params
            if not set(_COMMON_OPTIONS) & set(parameter.opts)
        ]
        yield f"## triptych {name}\n"
        yield f"{command.help}\n"
        former = shown.setdefault(f"{command.help}{lines}", name)
        if former != name and lines:
            yield f"Parameters are those of `triptych {former}`.\n"
            continue
        also = [name for name, line in shared.items() if line in lines]
        yield from (line for line in lines if line not in shared.values())
        if also:
            yield f"- Also {', '.join(f'`{name}`' for name in also)}"
        yield ""


def _shared_parameters(listed: Iterable[Command]) -> dict[str, str]:
    """Return options of three commands or more: first name and line."""
    counts = Counter(
        (parameter.opts[0], f"- {_parameter(parameter)}: {_meaning(parameter)}")
        for command in listed
        for parameter in command.params
        if parameter.param_type_name == "option"
        and not set(_COMMON_OPTIONS) & set(parameter.opts)
    )
    shared: dict[str, str] = {}
    for (name, line), count in counts.most_common():
        if count > 2:
            shared.setdefault(name, line)
    return shared


def _parameter(parameter: Parameter) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.metavar or parameter.name.upper()}`"
    value = "" if parameter.is_flag else f" {parameter.metavar or 'VALUE'}"
    return ", ".join(f"`{option}{value}`" for option in parameter.opts)


def _meaning(parameter: Parameter) -> str:
    default = parameter.default
    is_shown = default is not None and default is not False and default != ""
    return f"{parameter.help}{f' Default: `{default}`.' if is_shown else ''}"


def sources_page() -> Iterator[str]:
    """Yield the page of the options of each type of source."""
    from ingest.engine.registry import BUILT_IN, connector_class

    configs = {type_: connector_class(type_).Config for type_ in sorted(BUILT_IN)}
    fields = {type_: config.model_fields for type_, config in configs.items()}
    common = fields["tables"]
    yield "# Sources\n"
    yield _GENERATED
    yield (
        "An entry of `sources` in `triptych.yml` has the options below and those of its"
        " type, with their defaults. Relative paths start at the workspace. No option"
        " is a secret: connectors use the provider's credential chain.\n"
    )
    yield from _options({name: common[name] for name in _COMMON_FIELDS})
    yield f"Sources of an API have `timeout_seconds`, by default {_TIMEOUT}.\n"
    own = {
        type_: {
            name: field
            for name, field in of_type.items()
            if not _is_common(name, field, common)
        }
        for type_, of_type in fields.items()
    }
    shared = _shared_options(own)
    yield "## Options of several types\n"
    yield "A type lists these by name under *Shared*.\n"
    yield from sorted(shared)
    yield ""
    for type_, config in configs.items():
        summary = (config.__doc__ or "").strip().split("\n")[0].replace("``", "`")
        bare = re.sub(r"^Options of an? `\w+` source(: |\.$)", "", summary)
        yield f"## `{type_}`\n"
        if bare:
            yield f"{bare[0].upper()}{bare[1:]}\n"
        names = [n for n, f in own[type_].items() if _option(n, f) in shared]
        if names:
            listed = ", ".join(f"`{name}`" for name in names)
            yield f"[Shared](#options-of-several-types): {listed}\n"
        yield from _options({n: f for n, f in own[type_].items() if n not in names})
        for name, field in config.model_fields.items():
            yield from _kinds(name, field)


def _is_common(name: str, field: FieldInfo, common: dict[str, FieldInfo]) -> bool:
    if name == "timeout_seconds":
        return bool(field.default == _TIMEOUT)
    return name in _COMMON_FIELDS and _shown(field) == _shown(common[name])


def _shared_options(own: dict[str, dict[str, FieldInfo]]) -> set[str]:
    """Return options of several types; a name has the most frequent of its lines."""
    counts = Counter(
        (name, _option(name, field))
        for options in own.values()
        for name, field in options.items()
    )
    shared: dict[str, str] = {}
    for (name, line), count in counts.most_common():
        if count > 1:
            shared.setdefault(name, line)
    return set(shared.values())


def _options(fields: dict[str, FieldInfo]) -> Iterator[str]:
    """Yield a list of options, required ones first."""
    ordered = sorted(fields.items(), key=lambda item: not item[1].is_required())
    yield from (_option(name, field) for name, field in ordered)
    yield ""


def _option(name: str, field: FieldInfo, of: str = "") -> str:
    """Return the line of an option: name, default and meaning."""
    default = "required" if field.is_required() else _shown(field)
    facts = ", ".join(filter(None, [of, default]))
    text = _description(name, field)
    return f"- `{name}`{f' ({facts})' if facts else ''}: {text}"


def _kinds(name: str, field: FieldInfo) -> Iterator[str]:
    """Yield the options of each kind that a field may be, where a key says which."""
    key = field.discriminator
    if not isinstance(key, str):
        return
    kinds = [kind for kind in get_args(field.annotation) if kind is not NoneType]
    options: dict[str, tuple[str, FieldInfo, list[str]]] = {}
    for kind in kinds:
        [which] = get_args(kind.model_fields[key].annotation)
        for option, each in kind.model_fields.items():
            options.setdefault(f"{option} {each.description}", (option, each, []))
            options[f"{option} {each.description}"][2].append(f"`{which}`")
    yield f"Options of `{name}`, by its `{key}`:\n"
    for option, each, of in options.values():
        named = "" if len(of) == len(kinds) else ", ".join(of)
        if option == key:
            yield f"- `{key}` (required): {', '.join(of)}."
        else:
            yield _option(option, each, named)
    yield ""


def _shown(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if value is None or value in ({}, [], (), ""):
        return ""
    return f"`{value}`"


def _description(name: str, field: FieldInfo) -> str:
    common = {
        "name": "Unique; a path segment in the lake.",
        "type": "The type of the source, as in the heading.",
        "expected_lag_hours": "Hours after which the newest evidence counts as stale.",
        "may_repeat": "Let its bills repeat charges of others, and count both.",
    }
    description: str = field.description or common.get(name, "")
    return description


def streams_page() -> Iterator[str]:
    """Yield the page of streams and their columns."""
    from ingest.streams import STREAMS
    from ingest.streams.meanings import AS_REPORTED

    meanings = dict(
        re.findall(
            r"^\| `(\w+)` \| (.+) \|$",
            (ROOT / "ARCHITECTURE.md").read_text("utf-8"),
            re.MULTILINE,
        )
    )
    yield "# Streams\n"
    yield _GENERATED
    yield (
        "Streams are the tables that sources deliver. A delivered column is recognised"
        " by its name or another spelling, in upper or lower case; `mapping` covers"
        " the rest. A row that lacks a mandatory value, or fails a check, goes to"
        " quarantine, as does an unreadable one. *May be empty*: the column is needed,"
        " its values are not. A column without a type is `VARCHAR`; `DECIMAL` has 38"
        " digits, 18 of them decimals. Units are in brackets; times are UTC.\n"
    )
    shared = _shared_rows()
    yield "## Columns of several streams\n"
    yield "A stream lists these by name under *Shared*.\n"
    yield from _column_lines(sorted(shared))
    for stream in STREAMS.values():
        yield f"## {stream.name}\n\nA row is {meanings[stream.name]}.\n"
        yield from _stream_facts(stream)
        if stream.name in AS_REPORTED:
            yield f"- Its columns are defined by {AS_REPORTED[stream.name]}."
            yield from _columns_by_type(stream)
        else:
            rows = [_row(stream, column) for column in stream.columns]
            if names := [row[0] for row in rows if row in shared]:
                yield f"- [Shared](#columns-of-several-streams): {', '.join(names)}."
            yield ""
            yield from _column_lines(row for row in rows if row not in shared)


def _shared_rows() -> set[tuple[str, str, str]]:
    """Return rows of several streams; a name has the most frequent of its rows."""
    from ingest.streams import STREAMS
    from ingest.streams.meanings import AS_REPORTED

    counts = Counter(
        _row(stream, column)
        for stream in STREAMS.values()
        if stream.name not in AS_REPORTED
        for column in stream.columns
    )
    shared: dict[str, tuple[str, str, str]] = {}
    for row, count in counts.most_common():
        if count > 1:
            shared.setdefault(row[0], row)
    return set(shared.values())


def _row(stream: Stream, column: Column) -> tuple[str, str, str]:
    return f"`{column.name}`", _type(column), _cell(stream, column)


def _column_lines(rows: Iterable[tuple[str, str, str]]) -> Iterator[str]:
    for name, type_, text in rows:
        shown = type_.removeprefix("`VARCHAR`").removeprefix(", ")
        yield f"- {name}{f' ({shown})' if shown else ''}: {text}"
    yield ""


def _columns_by_type(stream: Stream) -> Iterator[str]:
    """Yield the columns of a vendor's report, one line for each type."""
    kinds: dict[str, list[str]] = {}
    for column in stream.columns:
        spellings = ", ".join(f"`{alias}`" for alias in column.aliases)
        name = f"`{column.name}`{f' (or {spellings})' if spellings else ''}"
        kinds.setdefault(_type(column), []).append(name)
    yield ""
    for kind, names in kinds.items():
        yield f"- {kind}: {', '.join(names)}"
    yield ""


def _type(column: Column) -> str:
    """Return a column's type, and if it is mandatory."""
    short = column.type.removesuffix(_DECIMAL_DIGITS)
    return ", ".join(filter(None, [f"`{short}`", _needed(column)]))


def _cell(stream: Stream, column: Column) -> str:
    spellings = ", ".join(f"`{alias}`" for alias in column.aliases)
    text = meaning(stream, column)
    return f"{text} Or {spellings}." if spellings else text


def meaning(stream: Stream, column: Column) -> str:
    """Return a column's meaning, unit and allowed values."""
    from ingest.streams.meanings import AS_REPORTED, IN_STREAM, MEANINGS

    text = IN_STREAM.get((stream.name, column.name))
    if text is None and stream.name not in AS_REPORTED:
        text = MEANINGS.get(column.name, "")
    values = allowed_values(stream, column.name)
    listed = f"One of {', '.join(f'`{value}`' for value in values)}." if values else ""
    return " ".join(filter(None, [text, listed]))


def allowed_values(stream: Stream, column: str) -> list[str]:
    """Return the vocabulary of a column, as the checks of its stream hold it to it."""
    pattern = re.compile(rf'"{column}"\)*\s+NOT IN \(([^)]*)\)')
    for _, predicate in stream.checks:
        matched = pattern.search(predicate)
        if matched:
            return re.findall(r"'([^']*)'", matched[1])
    return []


def _needed(column: Column) -> str:
    if column.is_required:
        return "mandatory"
    return "may be empty" if column.is_expected else ""


def _stream_facts(stream: Stream) -> Iterator[str]:
    yield f"- Month: `{stream.period_column}`."
    if stream.money_columns:
        amounts = " and ".join(f"`{name}`" for name in stream.money_columns)
        currency = f"`{stream.currency_column}`"
        yield f"- Money: {amounts}, in {currency}."
    if stream.key:
        key = ", ".join(f"`{name}`" for name in stream.key)
        yield f"- Key: {key}."
    if stream.checks:
        codes = ", ".join(dict.fromkeys(f"`{code}`" for code, _ in stream.checks))
        yield f"- Checks: {codes}."


def cost_estimates_page() -> Iterator[str]:
    """Yield the page of how forecasts and anomalies did in known worlds."""
    from benchmarks.cost_card import CARD, page

    yield "# How landings and anomalies did\n"
    yield _GENERATED
    yield from page(json.loads(CARD.read_text("utf-8")))


def speed_page() -> Iterator[str]:
    """Yield the page of how long ten million line items take."""
    from benchmarks.bars import CARD, page

    yield "# How long ten million line items take\n"
    yield _GENERATED
    yield from page(json.loads(CARD.read_text("utf-8")))


def discovery_page() -> Iterator[str]:
    """Yield the page of how well names on bills are read."""
    from benchmarks.names.card import CARD, page

    yield "# How well names on bills are read\n"
    yield _GENERATED
    yield from page(json.loads(CARD.read_text("utf-8")))


PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "calibration.md": lambda: calibration_page(_GENERATED),
    "cli.md": cli_page,
    "cost_estimates.md": cost_estimates_page,
    "discovery.md": discovery_page,
    "marts.md": lambda: marts_page(_GENERATED),
    "refusals.md": lambda: refusals_page(_GENERATED),
    "sources.md": sources_page,
    "speed.md": speed_page,
    "streams.md": streams_page,
}


@cache
def guides() -> dict[Path, list[str]]:
    """Return each how-to page with the types of source that it shows, by its title.

    A type stands with the page that has most examples of it.
    """
    from ingest.engine.registry import BUILT_IN

    texts = {path: path.read_text("utf-8") for path in sorted(HOW_TO.glob("*.md"))}
    found: dict[Path, list[str]] = {}
    examples = {
        path: Counter(re.findall(r"\btype: (\w+)\b", text))
        for path, text in texts.items()
    }
    for type_ in sorted(BUILT_IN):
        counts = {path: of_page[type_] for path, of_page in examples.items()}
        best = max(counts, key=lambda path: counts[path])
        if not counts[best]:
            raise LookupError(f"no how-to page has an example of type {type_}")
        found.setdefault(best, []).append(type_)
    return dict(sorted(found.items(), key=lambda item: _title(item[0]).casefold()))


def _title(page: Path) -> str:
    """Return the heading of a page without its verb."""
    heading = page.read_text("utf-8").partition("\n")[0].removeprefix("# ")
    bare = re.sub("^(Connect|Read|Receive) ", "", heading)
    return bare[:1].upper() + bare[1:]


def index_page() -> str:
    """Return the first page with the list of all that can be read."""
    rows = [
        f"| [{_title(page)}](how_to/{page.name}) |"
        f" {', '.join(f'[`{one}`](reference/sources.md#{one})' for one in types)} |"
        for page, types in guides().items()
    ]
    table = "\n".join(["| guide | types of source |", "|---|---|", *rows])
    block = f"{_SOURCES_BEGIN}\n\n{table}\n\n{_SOURCES_END}"
    text = INDEX.read_text("utf-8")
    return _with_block(text, block)


def _with_block(text: str, block: str) -> str:
    between = re.compile(
        f"{re.escape(_SOURCES_BEGIN)}.*{re.escape(_SOURCES_END)}", re.DOTALL
    )
    return between.sub(lambda _: block, text)


def readme_page() -> str:
    """Return the README with the table of what each guide is about."""
    texts = reads()
    rows = [
        f"| [{_title(page)}](docs/how_to/{page.name}) | {texts[type_]} |"
        for page, types in guides().items()
        for type_ in types
    ]
    table = "\n".join(["| source | reads |", "|---|---|", *rows])
    block = f"{_SOURCES_BEGIN}\n\n{table}\n\n{_SOURCES_END}"
    return _with_block(README.read_text("utf-8"), block)


def reads() -> dict[str, str]:
    """Return what each type of source reads, as the folder of its vendor says."""
    return {
        type_: text
        for folder in source_folders().values()
        for type_, text in folder.READS.items()
    }


def source_folders() -> dict[Path, ModuleType]:
    """Return the package of each vendor by its folder."""
    from ingest.engine.registry import BUILT_IN

    names = sorted({place.rpartition(".")[0] for place in BUILT_IN.values()})
    packages = [import_module(name) for name in names]
    return {Path(package.__path__[0]): package for package in packages}


def source_readme(folder: Path) -> str:
    """Return the page of a vendor's folder, for who opens it in the repository."""
    package = source_folders()[folder]
    guides_of = {type_: page for page, types in guides().items() for type_ in types}
    title = (package.__doc__ or "").removesuffix(" as a source.").strip()
    up = "../../../docs"
    lines = [f"# {title}\n", _GENERATED, "| type | reads | guide |\n|---|---|---|"]
    for type_ in sorted(package.CONNECTORS):
        guide = guides_of[type_]
        lines.append(
            f"| [`{type_}`]({up}/reference/sources.md#{type_}) |"
            f" {package.READS[type_]} | [{_title(guide)}]({up}/how_to/{guide.name}) |"
        )
    for type_ in sorted(package.CONNECTORS):
        lines += ["", _example(guides_of[type_], type_)]
    lines.append("\n| module | |\n|---|---|")
    for path in sorted(folder.rglob("[!_]*.py")):
        summary = (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").strip()
        name = path.relative_to(folder).as_posix()
        first = " ".join(summary.split("\n\n")[0].split()).replace("|", "\\|")
        lines.append(f"| `{name}` | {first} |")
    return "\n".join(lines) + "\n"


def _example(guide: Path, type_: str) -> str:
    """Return the first entry of a guide's YAML that is a source of a type."""
    for block in _YAML.findall(guide.read_text("utf-8")):
        entries = _ENTRY.split(textwrap.dedent(block))
        for entry in entries:
            if re.search(rf"\btype: {type_}\b", entry):
                return f"```yaml\n{textwrap.dedent(entry).rstrip()}\n```"
    raise LookupError(f"{guide.name} has no example of type {type_}")


def rendered(name: str) -> str:
    """Return what the page should be."""
    return "\n".join(PAGES[name]()).rstrip() + "\n"


def main() -> int:
    """Write every page."""
    for name in PAGES:
        (ROOT / "docs" / "reference" / name).write_text(rendered(name), "utf-8")
    INDEX.write_text(index_page(), "utf-8")
    README.write_text(readme_page(), "utf-8")
    for folder in source_folders():
        (folder / "README.md").write_text(source_readme(folder), "utf-8")
    for name, text in macros(STAGING).items():
        (MACROS / name).write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
