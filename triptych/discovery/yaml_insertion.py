"""Adds entries to a YAML file of a workspace; existing text is unchanged.

New text is put between lines, never in the place of a line: a person's comments, order
and spelling survive to the byte.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, SequenceNode

from triptych.core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Text that YAML reads as itself; all other text is made safe by JSON's quotes.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*")
#: The last character that an escape of four digits can name.
_LAST_OF_FOUR_DIGITS = 0xFFFF
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An entry of a section's list, and the comment above it."""

    entry: Mapping[str, object] | str
    comment: str = ""


def with_entries(
    text: str, section: str, entries: Sequence[NewEntry], *, where: str
) -> str:
    """Return a file's text with entries at the end of a section's list.

    Parameters
    ----------
    text : str
        The file.
    section : str
        A key at the top of the file, or two with a point between them; missing keys are
        added.
    entries : sequence of NewEntry
        Entries to add.
    where : str
        Name of the file in messages.

    Raises
    ------
    SettingsError
        The section is on a single line, as ``pools: [{…}]``: an entry cannot be added
        without rewriting it.
    """
    if not entries:
        return text
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    outer, _, inner = section.rpartition(".")
    place = _place(text, section, where)
    if place is not None:
        line, indent = place
        return "".join([*lines[:line], *_written(entries, indent), *lines[line:]])
    above = _place_below(text, outer, where) if outer else None
    if above is not None:
        line, indent = above
        block = [f"{indent}{inner}:\n", *_written(entries, f"{indent}  ")]
        return "".join([*lines[:line], *block, *lines[line:]])
    head = [f"{outer}:\n", f"  {inner}:\n"] if outer else [f"{inner}:\n"]
    block = [*head, *_written(entries, "  " * len(head))]
    return "".join([*lines, *(["\n"] if lines else []), *block])


def without_entry(text: str, section: str, position: int, *, where: str) -> str:
    """Return a file's text without an entry of a section's list.

    Parameters
    ----------
    text, section, where
        As of :func:`with_entries`.
    position : int
        Of the entry, from 0.

    Raises
    ------
    SettingsError
        The section is on a single line.
    """
    found = _section(text, section)
    if found is None or _is_in_line(found[1]) or position >= len(found[1].value):
        raise _on_one_line(section, found and found[0], where)
    key, node = found
    entry = node.value[position]
    first, after = entry.start_mark.line, line_after(entry, text)
    lines = text.splitlines(keepends=True)
    kept = lines[:first]
    if len(node.value) == 1:  # a key without a list is none; comments below it stay
        del kept[key.start_mark.line]
    return "".join([*kept, *lines[after:]])


def flow(value: object) -> str:
    """Return a value as YAML on a single line.

    Examples
    --------
    >>> flow({"name": "gpu", "match": {"sku_id": {"regex": "^a:"}}, "in_scope": False})
    '{name: gpu, match: {sku_id: {regex: "^a:"}}, in_scope: false}'
    """
    match value:
        case dict():
            pairs = (f"{flow(key)}: {flow(item)}" for key, item in value.items())
            return f"{{{', '.join(pairs)}}}"
        case list() | tuple():
            return f"[{', '.join(flow(item) for item in value)}]"
        case bool():
            return "true" if value else "false"
        case str() if _PLAIN.fullmatch(value) and value.casefold() not in _WORDS:
            return value
    return _escaped(json.dumps(value, ensure_ascii=False))


def _escaped(text: str) -> str:
    """Return text with unprintable characters escaped, as YAML may refuse."""
    return "".join(
        sign
        if sign.isprintable()
        else f"\\u{ord(sign):04x}"
        if ord(sign) <= _LAST_OF_FOUR_DIGITS
        else f"\\U{ord(sign):08x}"
        for sign in text
    )


def _written(entries: Sequence[NewEntry], indent: str) -> list[str]:
    written = []
    for new in entries:
        written += [
            f"{indent}# {_escaped(line)}\n" for line in new.comment.splitlines()
        ]
        written.append(f"{indent}- {flow(new.entry)}\n")
    return written


def _section(text: str, section: str) -> tuple[Any, Any] | None:
    """Return the nodes of a section's key and of its value."""
    found, node = None, YAML(typ="rt").compose(text)
    for name in section.split("."):
        if not isinstance(node, MappingNode):
            return None
        found = next((pair for pair in node.value if pair[0].value == name), None)
        if found is None:
            return None
        node = found[1]
    return found


def _place(text: str, section: str, where: str) -> tuple[int, str] | None:
    """Return after how many lines a section's list ends, and how it is indented."""
    found = _section(text, section)
    if found is None:
        return None
    key, node = found
    if not isinstance(node, SequenceNode):
        # "pools:" with nothing below it, or only with comments.
        indent = " " * (key.start_mark.column + 2)
        return (key.end_mark.line + 1, indent) if not node.value else None
    if _is_in_line(node):
        raise _on_one_line(section, key, where)
    last = node.value[-1]
    first_line = text.splitlines()[node.value[0].start_mark.line]
    indent = first_line[: len(first_line) - len(first_line.lstrip())]
    return line_after(last, text), indent


def _place_below(text: str, section: str, where: str) -> tuple[int, str] | None:
    """Return after how many lines a mapping ends, and how its keys are indented."""
    found = _section(text, section)
    if found is None or not found[1].value:
        return None
    key, node = found
    if not isinstance(node, MappingNode) or _is_in_line(node):
        raise _on_one_line(section, key, where)
    indent = " " * node.value[0][0].start_mark.column
    return line_after(node.value[-1][1], text), indent


def _is_in_line(node: Any) -> bool:  # noqa: ANN401  (ruamel's nodes have no types)
    return bool(node.flow_style)


def _on_one_line(section: str, key: Any, where: str) -> SettingsError:  # noqa: ANN401
    line = f":{key.start_mark.line + 1}" if key else ""
    return SettingsError(
        f"'{section}' is on one line, to which nothing can be added.",
        where=f"{where}{line}",
        next_step="Write each of its entries on a line of its own, after '- ', and"
        " run the command again.",
    )


def line_after(node: Any, text: str) -> int:  # noqa: ANN401  (as above)
    """Return the number of the first line below a node, comments behind it aside."""
    last, above = _last_inside(node)
    if last is None:
        return int(above.end_mark.line) + 1
    if getattr(last, "style", None) not in {"|", ">"}:
        return int(last.end_mark.line) + 1
    # A text of several lines ends where the next token begins.
    lines = text.splitlines()
    end = last.end_mark
    line = int(end.line if end.column else end.line - 1)
    while line > last.start_mark.line and not lines[line].strip():
        line -= 1
    return line + 1


def _last_inside(node: Any) -> tuple[Any, Any]:  # noqa: ANN401
    """Return the last node of a block, as its own end is the next's start.

    None where that is an alias with its place elsewhere; then the key before it.
    """
    above = node
    while isinstance(node, SequenceNode | MappingNode) and not node.flow_style:
        if not node.value:
            break
        child = node.value[-1]
        above, inner = child if isinstance(child, tuple) else (node, child)
        if inner.end_mark.index < above.start_mark.index:
            return None, above
        node = inner
    return node, above
