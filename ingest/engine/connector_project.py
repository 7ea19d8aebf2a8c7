"""Create a new connector's project: a module that passes the suite.

The templates in ``ingest/connector_template/`` are a connector called *Acme Billing*; a
new connector is the same under another name.
"""

from __future__ import annotations

import keyword
import re
import sys
from importlib.resources import files
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ingest.engine.registry import known_types
from triptych.core.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

_TEMPLATES = files("ingest") / "connector_template"
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_MAX_NAME_CHARACTERS = 40
#: File of the project: its template. The name is in both.
_FILES = {
    "pyproject.toml": "pyproject.toml.txt",
    "README.md": "README.md.txt",
    "acme_billing.py": "connector.py.txt",
    "tests/test_acme_billing.py": "test_connector.py.txt",
    "tests/answers/2026-03.json": "2026-03.json",
}


def write_connector_project(name: str, *, directory: Path) -> list[Path]:
    """Write the project of a connector, and never over a file.

    Parameters
    ----------
    name : str
        The ``type:`` it will have in ``triptych.yml``, such as ``acme_billing``.
    directory : Path
        Folder of the project; made if it is not there.

    Returns
    -------
    list of Path
        The files that were written.

    Raises
    ------
    UsageError
        The name cannot be that of a connector, or a file is there already; nothing
        is written then.
    """
    _refuse_unless_free(name)
    texts = {
        directory / _renamed(file, name): _renamed(
            (_TEMPLATES / template).read_text(encoding="utf-8"), name
        )
        for file, template in _FILES.items()
    }
    present = [path for path in texts if path.exists()]
    if present:
        raise UsageError(
            f"There is a file {present[0].name} already; nothing was written.",
            where=str(directory),
            next_step="Name another folder with --dir.",
        )
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise UsageError(
            f"The folder cannot be written: {error.strerror}.",
            where=str(directory),
            next_step="Name another folder with --dir.",
        ) from error
    return list(texts)


def _refuse_unless_free(name: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > _MAX_NAME_CHARACTERS:
        suggestion = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
        is_better = bool(_NAME.fullmatch(suggestion)) and suggestion != name
        raise UsageError(
            f"{name!r} cannot be the name of a connector.",
            next_step="Use lower-case words joined by '_', at most"
            f" {_MAX_NAME_CHARACTERS} characters"
            f"{f', such as {suggestion!r}' if is_better else ''}.",
        )
    if name in known_types():
        raise UsageError(
            f"There is a connector {name!r} already.",
            next_step="Choose another name.",
        )
    is_word = keyword.iskeyword(name) or name in sys.stdlib_module_names
    if is_word or find_spec(name) is not None:
        raise UsageError(
            f"{name!r} is the name of a Python module already, which the connector's"
            " own would hide.",
            next_step=f"Choose another name, such as '{name}_billing'.",
        )


def _renamed(text: str, name: str) -> str:
    words = name.split("_")
    title = " ".join(word.capitalize() for word in words)
    return (
        text.replace("acme_billing", name)
        .replace("acme-billing", "-".join(words))
        .replace("AcmeBilling", title.replace(" ", ""))
        .replace("Acme Billing", title)
    )
