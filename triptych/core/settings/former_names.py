"""Renamed sections of files, read for a further release."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from triptych.core.settings.complaint import Complaint

if TYPE_CHECKING:
    from triptych.core.settings.document import Document

#: File → former name → name.
FORMER_SECTIONS: Final = {"catalog.yml": {"pivots": "migrations"}}


def with_present_names(document: Document) -> tuple[Document, list[Complaint]]:
    """Return a document with its sections called as they are now.

    Returns
    -------
    tuple of (Document, list of Complaint)
        The document, and a warning for each former name. A file that has both names
        is left as it is: a section that nobody knows is refused with its line.
    """
    warnings = []
    for former, name in FORMER_SECTIONS.get(document.name, {}).items():
        if former not in document.data or name in document.data:
            continue
        data = {name if key == former else key: v for key, v in document.data.items()}
        lines = {
            (name, *path[1:]) if path[:1] == (former,) else path: line
            for path, line in document.lines.items()
        }
        document = replace(document, data=data, lines=lines)
        text = f"`{former}` is called `{name}` now. The former name leaves with the"
        warnings.append(Complaint((name,), f"{text} next release."))
    return document, warnings
