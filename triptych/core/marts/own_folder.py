"""The dbt models of a workspace: SQL and YAML over the public marts, and nothing else.

Jinja in these files may name a source or another model, set the configuration of a
model, and repeat text. It cannot call functions that run queries, read the environment
or define macros: calls that are not on the short list below are refused with their file
and line.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from jinja2 import TemplateSyntaxError, nodes
from jinja2.sandbox import SandboxedEnvironment
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from triptych.core.errors import TriptychError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

#: Functions that a model may call.
_FUNCTIONS: Final = frozenset({"ref", "source", "config"})
#: Arguments that ``config()`` of a model may have.
_OPTIONS: Final = frozenset(
    {"materialized", "tags", "meta", "contract", "severity", "enabled", "description"}
)
#: Jinja that repeats and chooses text.
_ALLOWED: Final = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Const, nodes.Name),
    *(nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Keyword, nodes.Call),
    *(nodes.If, nodes.For, nodes.Assign, nodes.Compare, nodes.Operand, nodes.CondExpr),
    *(nodes.And, nodes.Or, nodes.Not, nodes.Getattr, nodes.Concat),
)
_SQL: Final = ".sql"
_YAML: Final = (".yml", ".yaml")
_LARGEST_FILE_BYTES: Final = 1_000_000
_HOW_TO: Final = 'See "docs/how_to/add_models_of_your_own.md".'


class OwnModelsError(TriptychError):
    """A file of the folder cannot be built; the run goes on without it."""


@dataclass(frozen=True, slots=True)
class OwnModels:
    """The files of the folder.

    Attributes
    ----------
    texts : mapping of str to str
        Path below the folder → content.
    """

    folder: Path
    texts: Mapping[str, str] = field(default_factory=dict)


def digest_of_folder(folder: Path) -> str:
    """Return a text that differs whenever a file of the folder does."""
    digest = hashlib.sha256()
    for path in _files(folder):
        content = path.read_bytes() if path.is_file() else b""
        of_file = hashlib.sha256(content).hexdigest()
        digest.update(f"{path.relative_to(folder).as_posix()} {of_file}\n".encode())
    return digest.hexdigest()


def read_own_models(folder: Path) -> OwnModels:
    """Read and judge the files of the folder.

    Raises
    ------
    OwnModelsError
        The folder is missing, or a file of it is neither SQL nor YAML, is a link, or
        has Jinja that could do something else than name tables.
    """
    if not folder.is_dir():
        raise OwnModelsError(
            "There is no such folder.",
            where=str(folder),
            next_step="Make it, or correct own_models.folder in triptych.yml.",
        )
    texts = {}
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        texts[name] = _read(path, name)
        if path.suffix == _SQL:
            _refuse_code(texts[name], path)
        else:
            _refuse_code_in_yaml(texts[name], path)
    return OwnModels(folder, texts)


def _files(folder: Path) -> list[Path]:
    """Return the files of the folder but for hidden files, left by editors."""
    found = sorted(folder.rglob("*"))
    return [
        path
        for path in found
        if not any(part[0] == "." for part in path.relative_to(folder).parts)
        and (path.is_symlink() or not path.is_dir())
    ]


def _read(path: Path, name: str) -> str:
    if path.is_symlink() or not path.is_file() or path.suffix not in (_SQL, *_YAML):
        raise OwnModelsError(
            f"{name} is not a file of SQL or YAML.",
            where=str(path),
            next_step=f"Move it out of the folder of your models. {_HOW_TO}",
        )
    if path.stat().st_size > _LARGEST_FILE_BYTES:
        raise OwnModelsError(
            f"{name} is larger than {_LARGEST_FILE_BYTES:,} bytes.",
            where=str(path),
            next_step="Split it.",
        )
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise OwnModelsError(
            f"{name} is not UTF-8.", where=str(path), next_step="Save it as UTF-8."
        ) from error


@functools.cache
def _parser() -> SandboxedEnvironment:
    return SandboxedEnvironment()


def _refuse_code(text: str, path: Path) -> None:
    try:
        tree = _parser().parse(text)
    except TemplateSyntaxError as error:
        raise _refused(str(error.message), path, error.lineno) from error
    for node in _all(tree):
        reason = _reason_against(node)
        if reason:
            raise _refused(reason, path, node.lineno)


def _all(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    for child in node.iter_child_nodes():
        yield from _all(child)


def _reason_against(node: nodes.Node) -> str:
    """Return why a piece of Jinja is refused; nothing where it is allowed."""
    if not isinstance(node, _ALLOWED):
        return f"Jinja's {type(node).__name__} is not for models of a workspace."
    if isinstance(node, nodes.Getattr):
        of_loop = isinstance(node.node, nodes.Name) and node.node.name == "loop"
        return "" if of_loop else f"{node.attr} cannot be asked for here."
    if not isinstance(node, nodes.Call):
        return ""
    name = node.node.name if isinstance(node.node, nodes.Name) else "A method"
    if name not in _FUNCTIONS or node.dyn_args or node.dyn_kwargs:
        known = ", ".join(f"{each}()" for each in sorted(_FUNCTIONS))
        return f"{name}() cannot be called here; there are {known}."
    if name == "config":
        more = [each.key for each in node.kwargs if each.key not in _OPTIONS]
        if more:
            return f"config() has no {more[0]} here: {', '.join(sorted(_OPTIONS))}."
    return ""


def _refuse_code_in_yaml(text: str, path: Path) -> None:
    try:
        content = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = str(getattr(error, "problem", None) or error)
        line = mark.line + 1 if mark else 1
        raise _refused(f"It is no YAML: {reason}.", path, line) from error
    # Strings as they are read: an escape may hide braces in the text of a file.
    for each in _strings(content):
        _refuse_code(each, path)
    if isinstance(content, dict) and "sources" in content:
        raise _refused("The marts are sources already; name no others.", path, 1)


def _strings(content: Any) -> Iterator[str]:  # noqa: ANN401  (any YAML value)
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        for key, value in content.items():
            yield from _strings(key)
            yield from _strings(value)
    elif isinstance(content, list):
        for value in content:
            yield from _strings(value)


def _refused(reason: str, path: Path, line: int) -> OwnModelsError:
    return OwnModelsError(reason, where=f"{path}:{line}", next_step=_HOW_TO)
