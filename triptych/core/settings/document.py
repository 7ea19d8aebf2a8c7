"""A YAML file as plain data, with the line of each value.

Scalars stay text, exactly as they were written; only ``null`` is ``None``. The
schema gives them their type. So an account id keeps its leading zeros, a percentage
all of its digits, and ``on`` is a word until something expects a flag.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

if TYPE_CHECKING:
    from pathlib import Path

    from ruamel.yaml.nodes import Node

    from triptych.core.settings.problems import Problems

ValuePath = tuple[str | int, ...]

_NULL_TAG = "tag:yaml.org,2002:null"
#: Aliases may repeat a part of a file, but not blow it up.
_VALUE_COUNT_LIMIT = 200_000


@dataclass(frozen=True, slots=True)
class Document:
    """The content of a file of the workspace.

    Parameters
    ----------
    name : str
        Name of the file in messages: its path relative to the workspace.
    data : dict
        The top-level mapping; keys without a value are left out.
    lines : dict
        Line of each key or list item, by its path from the top.
    is_present : bool
        True if there is such a file at all.
    is_readable : bool
        True if it could be read. In an unreadable file, nothing counts as missing.
    """

    name: str
    data: dict[str, Any] = field(default_factory=dict)
    lines: dict[ValuePath, int] = field(default_factory=dict)
    is_present: bool = True
    is_readable: bool = True

    def line_of(self, path: ValuePath) -> int:
        """Return the line of ``path``, or of the closest thing around it."""
        for length in range(len(path), 0, -1):
            line = self.lines.get(path[:length])
            if line is not None:
                return line
        return 1

    def where(self, path: ValuePath) -> str:
        """Return ``file:line`` of ``path``."""
        return f"{self.name}:{self.line_of(path)}"


def read_document(path: Path, *, problems: Problems, name: str = "") -> Document:
    """Read a YAML file; its errors are added to ``problems``.

    An absent file reads as an empty file: its necessity is not decided here. Messages
    use its own name where no other is given.
    """
    name = name or path.name
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return Document(name, is_present=False)
    except UnicodeDecodeError as error:
        problems.add(name, 1, f"the file is not UTF-8 text ({error.reason}).")
        return Document(name, is_readable=False)
    except OSError as error:
        problems.add(name, 1, f"the file cannot be read: {error.strerror}.")
        return Document(name, is_readable=False)
    return parse_document(text, name=name, problems=problems)


def parse_document(text: str, *, name: str, problems: Problems) -> Document:
    """Turn YAML text into a :class:`Document`."""
    try:
        # The round-trip scanner leaves marks inside folded text; the safe scanner does
        # not.
        node = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        reason = f"not valid YAML: {error.problem or error.context}."
        if "\\t" in reason:
            reason = "not valid YAML: a tab is where spaces belong."
        problems.add(name, line, reason)
        return Document(name, is_readable=False)
    except RecursionError:
        problems.add(name, 1, "values are nested too deeply to be read.")
        return Document(name, is_readable=False)
    except (YAMLError, ValueError) as error:
        reason = str(error).splitlines()[0]
        problems.add(name, 1, f"not valid YAML: {reason}.")
        return Document(name, is_readable=False)
    return _document(node, name, problems)


def _document(node: Node | None, name: str, problems: Problems) -> Document:
    if node is None or _is_null(node):
        return Document(name)
    if not isinstance(node, MappingNode):
        problems.add(name, 1, "the file must hold keys and values at the top.")
        return Document(name, is_readable=False)
    reader = _NodeReader(name, problems)
    data = reader.value(node, ())
    present = {key: value for key, value in data.items() if value is not None}
    return Document(name, present, reader.lines, is_readable=reader.is_whole)


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and str(node.tag) == _NULL_TAG


class _NodeReader:
    """Walks the composed nodes of a single file."""

    def __init__(self, name: str, problems: Problems) -> None:
        self._name = name
        self._problems = problems
        self._open: list[Node] = []
        self.lines: dict[ValuePath, int] = {}
        self.is_whole = True

    def value(self, node: Node, path: ValuePath) -> Any:  # noqa: ANN401  (any YAML value)
        if isinstance(node, ScalarNode):
            return None if _is_null(node) else str(node.value)
        if any(node is ancestor for ancestor in self._open):
            self._complain(node, "a part of the file contains itself.")
            self.is_whole = False
            return None
        if len(self.lines) > _VALUE_COUNT_LIMIT:
            return None
        self._open.append(node)
        try:
            if isinstance(node, MappingNode):
                return self._mapping(node, path)
            if isinstance(node, SequenceNode):
                return self._sequence(node, path)
            return None
        finally:
            self._open.pop()

    def _mapping(self, node: MappingNode, path: ValuePath) -> dict[str, Any]:
        answer: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self._complain(key_node, "a key must be a single word or text.")
                continue
            key = str(key_node.value)
            if key in answer:
                first = self.lines[(*path, key)]
                self._complain(
                    key_node,
                    f"key {key!r} appears twice, first in line {first}. Keep one.",
                )
                continue
            self._remember(key_node, (*path, key))
            answer[key] = self.value(value_node, (*path, key))
        return answer

    def _sequence(self, node: SequenceNode, path: ValuePath) -> list[Any]:
        answer = []
        for position, item in enumerate(node.value):
            self._remember(item, (*path, position))
            answer.append(self.value(item, (*path, position)))
        return answer

    def _remember(self, node: Node, path: ValuePath) -> None:
        self.lines[path] = node.start_mark.line + 1
        if len(self.lines) == _VALUE_COUNT_LIMIT:
            self._complain(node, f"more than {_VALUE_COUNT_LIMIT:,} values.")

    def _complain(self, node: Node, text: str) -> None:
        self._problems.add(self._name, node.start_mark.line + 1, text)
