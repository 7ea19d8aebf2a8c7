"""Adds entries to a YAML file of a workspace; what stands there stays as it is.

New text is put between lines, never in the place of one: a person's comments, order and
spelling survive to the byte.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, SequenceNode

from triptych.core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Text that YAML reads as itself; whatever else, JSON's quotes make safe.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*")
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
        A key at the top of the file; it is added where it is missing.
    entries : sequence of NewEntry
        What to add.
    where : str
        What messages call the file.

    Raises
    ------
    SettingsError
        The section stands on one line, as ``pools: [{…}]``: an entry cannot be added
        without rewriting it.
    """
    if not entries:
        return text
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    place = _place(text, section, where)
    if place is None:
        block = [f"{section}:\n", *_written(entries, "  ")]
        return "".join([*lines, *(["\n"] if lines else []), *block])
    line, indent = place
    return "".join([*lines[:line], *_written(entries, indent), *lines[line:]])


def flow(value: object) -> str:
    """Return a value as YAML on one line.

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
    return json.dumps(value, ensure_ascii=False)


def _written(entries: Sequence[NewEntry], indent: str) -> list[str]:
    written = []
    for new in entries:
        written += [f"{indent}# {line}\n" for line in new.comment.splitlines()]
        written.append(f"{indent}- {flow(new.entry)}\n")
    return written


def _place(text: str, section: str, where: str) -> tuple[int, str] | None:
    """Return after how many lines a section's list ends, and how it is indented."""
    root = YAML(typ="rt").compose(text)
    if not isinstance(root, MappingNode):
        return None
    for key, node in root.value:
        if key.value != section:
            continue
        if not isinstance(node, SequenceNode):
            # "pools:" with nothing below it, or only with comments.
            return (key.end_mark.line + 1, "  ") if not node.value else None
        if node.flow_style:
            raise SettingsError(
                f"'{section}' stands on one line, to which nothing can be added.",
                where=f"{where}:{key.start_mark.line + 1}",
                next_step="Write each of its entries on a line of its own, after"
                " '- ', and run the command again.",
            )
        last = node.value[-1]
        first_line = text.splitlines()[node.value[0].start_mark.line]
        indent = first_line[: len(first_line) - len(first_line.lstrip())]
        return line_after(last, text), indent
    return None


def line_after(node: object, text: str) -> int:
    """Return the number of the first line below a node, comments behind it aside."""
    end = node.end_mark  # type: ignore[attr-defined]
    start = node.start_mark  # type: ignore[attr-defined]
    # The end of a block is where the next token begins, maybe many lines below.
    lines = text.splitlines()
    line = int(end.line if end.column else end.line - 1)
    while line > start.line and (
        not lines[line].strip() or lines[line].lstrip().startswith("#")
    ):
        line -= 1
    if line > start.line and not lines[line][:1].isspace():
        # The next section's key, which is where a block at the top ends.
        line -= 1
        while line > start.line and (
            not lines[line].strip() or lines[line].lstrip().startswith("#")
        ):
            line -= 1
    return line + 1
