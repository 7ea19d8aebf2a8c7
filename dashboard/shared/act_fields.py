"""The fields of an act as widgets: texts, numbers, days, choices and files."""

from __future__ import annotations

import io
import zipfile
from datetime import date
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streamlit.delta_generator import DeltaGenerator
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from triptych.core.acts import ActField

#: Range of the calendar: nothing that is entered is older or further ahead.
_FIRST_DAY, _LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)
#: Text of an empty list.
_NOTHING = "None there yet"
#: The largest file that the door takes [MB].
_MOST_MEGABYTES = 64
_WIDE_KINDS = frozenset({"prose", "file"})
_IN_A_ROW = 3


def placed(
    fields: Sequence[ActField],
) -> Iterator[tuple[DeltaGenerator, ActField]]:
    """Return each field with its place on the page, in order."""
    for row in _rows_of(fields):
        yield from zip(_columns_of(row), row, strict=False)


def _rows_of(fields: Sequence[ActField]) -> Iterator[list[ActField]]:
    """Put short fields next to each other, in order; a phone stacks them."""
    row: list[ActField] = []
    for each in fields:
        is_wide = each.kind in _WIDE_KINDS
        if row and (is_wide or len(row) == _IN_A_ROW):
            yield row
            row = []
        row.append(each)
        if is_wide:
            yield row
            row = []
    if row:
        yield row


def _columns_of(row: Sequence[ActField]) -> list[DeltaGenerator]:
    """Return a place for each field of a row, and empty places after the last."""
    return st.columns(1 if row[0].kind in _WIDE_KINDS else _IN_A_ROW)


def draw(
    field: ActField,
    key: str,
    *,
    default: str = "",
    choices: Sequence[str] | None = None,
) -> str:
    """Draw a field other than a file; return its content.

    Parameters
    ----------
    field : ActField
        Field to draw.
    key : str
        Of the widget.
    default : str
        Initial content.
    choices : sequence of str, optional
        Choices from the workspace, in place of the field's own.
    """
    if field.choices or choices is not None:
        listed = tuple(field.choices if choices is None else choices)
        return _choice(field, key, listed, default)
    label, text = _label(field), field.help or None
    if field.kind == "prose":
        return st.text_area(label, default, key=key, help=text, height=90)
    if field.kind == "day":
        return _day(field, key, default)
    # A number is a text: a field of the browser would make it a binary float.
    return st.text_input(label, default, key=key, help=text)


def draw_file(field: ActField, key: str, before: str | bytes) -> tuple[bytes, str]:
    """Draw a field for a file; return it, and its name if it was chosen just now.

    Parameters
    ----------
    field : ActField
        Field to draw.
    key : str
        Of the widget.
    before : bytes
        The file that was given before; it is kept until another file is chosen.
    """
    uploaded = st.file_uploader(
        _label(field),
        key=key,
        help=field.help or None,
        max_upload_size=_MOST_MEGABYTES,
        accept_multiple_files=field.takes_many,
    )
    chosen = uploaded if isinstance(uploaded, list) else [uploaded] if uploaded else []
    if len(chosen) == 1:
        return chosen[0].getvalue(), chosen[0].name
    if chosen:
        return _archive(chosen), f"{len(chosen)} files.zip"
    if not before or isinstance(before, str):
        return b"", ""
    st.caption(f"The file of {len(before):,} bytes is kept; another replaces it.")
    return before, ""


def _archive(files: Sequence[UploadedFile]) -> bytes:
    """Return several files as one ZIP archive."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.writestr(file.name, file.getvalue())
    return packed.getvalue()


def _label(field: ActField) -> str:
    return field.label if field.is_required else f"{field.label} (optional)"


def _choice(field: ActField, key: str, choices: tuple[str, ...], default: str) -> str:
    listed = choices if field.is_required else ("", *choices)
    if default and default not in listed:
        listed = (*listed, default)
    place = listed.index(default) if default in listed else 0
    chosen = st.selectbox(
        *(_label(field), listed, place if listed else None),
        key=key,
        help=field.help or None,
        placeholder=None if choices else _NOTHING,
        accept_new_options=not field.choices,
    )
    return str(chosen or "")


def _day(field: ActField, key: str, default: str) -> str:
    try:
        day: date | None = date.fromisoformat(default)
    except ValueError:
        day = None
    chosen = st.date_input(
        _label(field),
        day,
        min_value=_FIRST_DAY,
        max_value=_LAST_DAY,
        key=key,
        help=field.help or None,
        format="YYYY-MM-DD",
    )
    return chosen.isoformat() if isinstance(chosen, date) else ""
