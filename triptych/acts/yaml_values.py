"""Byte-preserving edits of a single value in a workspace YAML file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from triptych.core.errors import SettingsError
from triptych.discovery.yaml_insertion import flow, line_after

if TYPE_CHECKING:
    from ruamel.yaml.nodes import Node

#: A way from the top of a file: keys, and places in lists.
Path: TypeAlias = "tuple[str | int, ...]"


def with_value(text: str, path: Path, value: object, *, where: str) -> str:
    """Return a file's text with a value set, or added to its mapping.

    Parameters
    ----------
    text : str
        The file.
    path : tuple of str or int
        Path of the value; all but its last step must be there.
    value : str, int, float or bool
        Value to set.
    where : str
        Name of the file in messages.

    Raises
    ------
    SettingsError
        There is no such place, or it holds more than a plain value.
    """
    *steps, key = path
    node: Node | None = YAML(typ="safe", pure=True).compose(text)
    if node is None and not steps:
        return f"{text}{key}: {flow(value)}\n"
    for step in steps:
        node = _child(node, step)
        _refuse_shared(node, where)
    if not isinstance(node, MappingNode):
        raise _no_place(path, where)
    for key_node, value_node in node.value:
        if key_node.value == key:
            _refuse_shared(value_node, where)
            return _replaced(text, key_node, value_node, flow(value), where)
    return _added(text, node, f"{key}: {flow(value)}")


def _refuse_shared(node: Node | None, where: str) -> None:
    """Refuse a node with an anchor: a change would affect all its aliases."""
    if node is not None and node.anchor:
        raise SettingsError(
            f"'&{node.anchor}' stands for several places of the file.",
            where=f"{where}:{node.start_mark.line + 1}",
            next_step="Change it by hand.",
        )


def _child(node: Node | None, step: str | int) -> Node | None:
    if isinstance(node, MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    if isinstance(node, SequenceNode) and isinstance(step, int):
        return node.value[step] if step < len(node.value) else None
    return None


def _replaced(text: str, key: Any, value: Any, new: str, where: str) -> str:  # noqa: ANN401  (ruamel's nodes have no types)
    if not isinstance(value, ScalarNode) or value.style in {"|", ">"}:
        raise SettingsError(
            f"'{key.value}' is more than one plain value.",
            where=f"{where}:{key.start_mark.line + 1}",
            next_step="Change it by hand.",
        )
    start, end = value.start_mark.index, value.end_mark.index
    if start == end:  # nothing stands behind the colon
        colon = text.index(":", key.end_mark.index)
        return f"{text[: colon + 1]} {new}{text[colon + 1 :]}"
    return f"{text[:start]}{new}{text[end:]}"


def _added(text: str, node: Any, pair: str) -> str:  # noqa: ANN401  (as above)
    if node.flow_style:
        end = node.end_mark.index - 1
        before = text[:end].rstrip()
        gap = "" if before.endswith(("{", ",")) else ","
        return f"{before}{gap}{' ' if gap else ''}{pair}{text[end:]}"
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    place = line_after(node.value[-1][1], text)
    indent = " " * node.value[0][0].start_mark.column
    return "".join([*lines[:place], f"{indent}{pair}\n", *lines[place:]])


def _no_place(path: Path, where: str) -> SettingsError:
    return SettingsError(
        f"There is no {'.'.join(map(str, path[:-1]))} to change.",
        where=where,
        next_step="Load the page again: the file is another by now.",
    )
