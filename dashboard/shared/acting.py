"""Acts from a page: a form, a preview, a confirmation, a result.

Permission is checked three times: before a form is drawn, at the preview, and by the
door at execution. Each time it is checked against the login, never against data that
the browser sends.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import streamlit as st
from streamlit.errors import StreamlitAPIException

from dashboard.shared import access, act_fields
from dashboard.shared import format as fmt
from triptych.core.acts import OpenProposal, Outcome, Preview
from triptych.core.errors import TriptychError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from triptych.core.acts import (
        Act,
        Actor,
        Dial,
        Door,
        Given,
    )

_TOKEN_BYTES = 18
#: Sources of choices, next to the settings: folders, and loaded data.
_WATCHED = ("studies", "scenarios", "bills", "raw.duckdb")


@dataclass(frozen=True, slots=True)
class Form:
    """Data that a page already has for an act.

    Parameters
    ----------
    fixed : mapping
        Fields that the page fills in itself.
    live : mapping
        The same of fields that change while the form is there; a preview with other
        values is requested again.
    defaults : mapping
        Initial content of fields.
    choices : mapping
        Choices of fields.
    listed : tuple of str
        Fields with choices from the current workspace; they are looked up when the form
        is drawn.
    is_slow : bool
        True if they are looked up only on request.
    variant : str
        Key that distinguishes this form from others of the same act on a page.
    title : str
        In place of the act's.
    """

    fixed: Mapping[str, str] = field(default_factory=dict)
    live: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    listed: tuple[str, ...] = ()
    is_slow: bool = False
    variant: str = ""
    title: str = ""


_BLANK = Form()


@dataclass(frozen=True, slots=True)
class _Looked:
    """A preview that waits for a confirmation, and the token that does it once."""

    given: Given
    preview: Preview
    token: str
    #: The form as it comes back where this is not done.
    form: _Again
    reason: str = ""

    def again(self, text: str = "", reason: str = "") -> _Again:
        """Return the form with its input."""
        return replace(self.form, text=text, reason=reason)

    def holds(self, values: Mapping[str, str]) -> bool:
        """Return True if the preview had these values."""
        return all(self.given.get(name) == value for name, value in values.items())


@dataclass(frozen=True, slots=True)
class _Again:
    """A form that comes back with its input; ``text`` explains a failure."""

    given: Given = field(default_factory=dict)
    text: str = ""
    reason: str = ""
    #: Name of the chosen file, where nobody typed a name.
    file_name: str = ""


_State: TypeAlias = "_Looked | Outcome | _Again | None"
_NOT_ANY_MORE = "This is not for you any more."


def door() -> Door | None:
    """Return the door of acts; None where pages only show."""
    module = access.door_module()
    if module is None:
        return None
    return _door_of(module, str(access.workspace_root().resolve()))


@st.cache_resource(max_entries=8, show_spinner=False)
def _door_of(module: str, root: str) -> Door:
    opened: Door = import_module(module).open_door(Path(root))
    return opened


def proposals(step: str, billing_months: Sequence[str]) -> list[OpenProposal]:
    """Return the proposals of these months that await a second person."""
    opened = door()
    waiting = opened.proposals() if opened else ()
    mine = (each for each in waiting if each.step == step)
    return [each for each in mine if each.billing_month in billing_months]


def proposal(step: str, billing_month: str) -> OpenProposal | None:
    """Return the proposal that awaits a second person; None if there is none."""
    return next(iter(proposals(step, [billing_month])), None)


def is_offered(name: str) -> bool:
    """Return True if the viewer may perform an act here."""
    return _offered(name) is not None


def dials(name: str, given: Given) -> Sequence[Dial]:
    """Return the numbers that an act can set, from its starting point."""
    offered = _offered(name)
    return () if offered is None else offered[0].dials(offered[1], name, given)


def choices(name: str, field: str) -> Sequence[str]:
    """Return a field's current choices; empty if the act is not offered."""
    offered = _offered(name)
    return () if offered is None else offered[0].choices(offered[1], name, field)


def look(name: str, given: Given) -> Preview:
    """Return the effect of an offered act without writing anything.

    Raises
    ------
    TriptychError
        It cannot be done, or is no longer for this viewer.
    """
    offered = _offered(name)
    if offered is None:
        raise UsageError(_NOT_ANY_MORE, next_step="Load the page again.")
    opened, actor, _ = offered
    return opened.preview(actor, name, given)


def title_of(name: str) -> str:
    """Return the title of an act that is offered."""
    offered = _offered(name)
    return offered[2].title if offered else ""


def _offered(name: str) -> tuple[Door, Actor, Act] | None:
    opened = door()
    actor = access.actor() if opened else None
    if opened is None or actor is None:
        return None
    act = next(each for each in opened.acts() if each.name == name)
    return (opened, actor, act) if actor.may(act) else None


@st.fragment
def offer(name: str, form: Form = _BLANK, *, is_open: bool = False) -> None:
    """Draw a form for an act, if the viewer may perform it.

    Parameters
    ----------
    name : str
        The act.
    form : Form
        Known data of it.
    is_open : bool
        True if the fields are shown before they are requested.
    """
    offered = _offered(name)
    if offered is None:
        return
    _, _, act = offered
    key = _key(name, form)
    state: _State = st.session_state.get(key)
    if isinstance(state, _Looked) and not state.holds(form.live):
        state = st.session_state[key] = state.again(reason=state.reason)
    is_busy = isinstance(state, _Looked | Outcome | _Again)
    with st.expander(form.title or act.title, expanded=is_open or is_busy):
        match state:
            case Outcome():
                _show_outcome(key, state, act)
            case _Looked():
                _show_preview(key, state, act)
            case _:
                _show_fields(key, act, form, state or _Again())


def has_outcome(name: str, form: Form) -> bool:
    """Return True if an act was done here with an unread outcome."""
    return isinstance(st.session_state.get(_key(name, form)), Outcome)


def _key(name: str, form: Form) -> str:
    fixed = (f"{field}={value}" for field, value in form.fixed.items())
    return "|".join((f"act:{name}{form.variant}", *fixed))


def _draw_again() -> None:
    """Redraw the form: alone if only it was drawn, else with its page."""
    try:
        st.rerun(scope="fragment")
    except StreamlitAPIException:
        st.rerun()


def _show_fields(key: str, act: Act, form: Form, before: _Again) -> None:
    if form.is_slow and not st.session_state.get(f"{key}:asked"):
        if st.button("Look", key=f"{key}:ask"):
            st.session_state[f"{key}:asked"] = True
            _draw_again()
        return
    form = _with_listed(act, form)
    # Earlier input takes the place of the page's proposals.
    texts = {k: v for k, v in before.given.items() if isinstance(v, str)}
    form = replace(form, defaults={**form.defaults, **texts})
    given, file_name = _draw_fields(key, act, form, before)
    if before.text:
        st.error(fmt.markdown(before.text))
    if st.button("Preview", key=f"{key}:preview"):
        kept_form = _Again(given, reason=before.reason, file_name=file_name)
        st.session_state[key] = _look(act, kept_form)
        _draw_again()


def _draw_fields(
    key: str, act: Act, form: Form, before: _Again
) -> tuple[dict[str, str | bytes], str]:
    """Draw the fields; return all input, and the name of a file."""
    given: dict[str, str | bytes] = {**form.fixed, **form.live}
    columns: Sequence[str] | None = None
    asked = [each for each in act.fields if each.name not in given]
    file_name = before.file_name
    for column, each in act_fields.placed(asked):
        place = f"{key}:{each.name}"
        with column:
            if each.kind == "file":
                kept = before.given.get(each.name, b"")
                given[each.name], chosen = act_fields.draw_file(each, place, kept)
                file_name = chosen or file_name
                continue
            if each.kind == "column" and columns is None:
                columns = _columns(act, {**given, "name": _name_of(given, file_name)})
            given[each.name] = act_fields.draw(
                each,
                place,
                default=form.defaults.get(each.name, ""),
                choices=columns
                if each.kind == "column"
                else form.choices.get(each.name),
            )
    return given, file_name


def _columns(act: Act, given: Given) -> Sequence[str]:
    """Return the columns of the file that was chosen."""
    offered = _offered(act.name)
    return offered[0].columns(offered[1], act.name, given) if offered else ()


def _name_of(given: Given, file_name: str) -> str:
    """Return what a file is called: a name that somebody typed goes first."""
    typed = given.get("name")
    return typed if isinstance(typed, str) and typed else file_name


def _with_listed(act: Act, form: Form) -> Form:
    offered = _offered(act.name)
    if offered is None or not form.listed:
        return form
    opened, actor, _ = offered
    try:
        root = access.workspace_root()
        key = (str(root.resolve()), act.name, form.listed, _changed_at(root))
        listed = _listed(key, opened, actor)
    except TriptychError as error:
        st.error(fmt.markdown(str(error)))
        return form
    return replace(form, choices={**listed, **form.choices})


@st.cache_data(max_entries=64, show_spinner=False)
def _listed(
    key: tuple[str, str, tuple[str, ...], tuple[int, ...]], _door: Door, _actor: Actor
) -> dict[str, Sequence[str]]:
    """Return the choices of fields, refreshed when a settings file changed."""
    _, act, names, _ = key
    return {name: _door.choices(_actor, act, name) for name in names}


def _changed_at(root: Path) -> tuple[int, ...]:
    places = [*sorted(root.glob("*.yml")), *(root / name for name in _WATCHED)]
    return tuple(place.stat().st_mtime_ns for place in places if place.exists())


def _look(act: Act, form: _Again) -> _State:
    given, fields = dict(form.given), {each.name for each in act.fields}
    if "name" in fields and form.file_name:
        # A file names itself; a typed name goes first.
        given["name"] = _name_of(given, form.file_name)
    try:
        preview = look(act.name, given)
    except TriptychError as error:
        return replace(form, text=str(error))
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    return _Looked(given, preview, token, form, form.reason)


def _show_preview(key: str, state: _Looked, act: Act) -> None:
    st.markdown(fmt.markdown(state.preview.says))
    for change in state.preview.changes:
        st.caption(fmt.markdown(change.name))
        st.code(change.diff, language="diff", wrap_lines=True)
    st.caption(fmt.markdown(state.preview.effect))
    reason = st.text_input("Reason (optional)", state.reason, key=f"{key}:reason")
    with st.container(horizontal=True):
        if st.button("Confirm", key=f"{key}:confirm", type="primary"):
            with st.spinner("A run is published …" if act.publishes else "…"):
                st.session_state[key] = confirm(act.name, state, reason)
            _draw_again()
        if st.button("Cancel", key=f"{key}:cancel"):
            st.session_state[key] = state.again(reason=reason)
            _draw_again()


def confirm(name: str, looked: _Looked, reason: str = "") -> Outcome | _Again:
    """Perform the previewed act, once, as the current signed-in user."""
    offered = _offered(name)
    if offered is None:
        return looked.again(f"{_NOT_ANY_MORE} Nothing was done.", reason)
    opened, actor, _ = offered
    try:
        return opened.apply(
            actor,
            name,
            looked.given,
            token=looked.token,
            fingerprint=looked.preview.fingerprint,
            reason=reason,
        )
    except TriptychError as error:
        return looked.again(str(error), reason)


def _show_outcome(key: str, outcome: Outcome, act: Act) -> None:
    st.success(
        f"{fmt.markdown(outcome.did)} {fmt.markdown(outcome.effect)} Entry"
        f" {outcome.position:,} of the audit log."
    )
    with st.container(horizontal=True):
        if st.button("Done", key=f"{key}:done"):
            st.session_state.pop(key, None)
            _draw_again()
        if (
            act.can_be_undone
            and outcome.changes
            and outcome.token
            and st.button("Undo", key=f"{key}:undo")
        ):
            st.session_state[key] = _undo(act.name, outcome)
            _draw_again()


def _undo(name: str, outcome: Outcome) -> Outcome | _Again:
    offered = _offered(name)
    if offered is None:
        return _Again(text=f"{_NOT_ANY_MORE} Nothing was undone.")
    opened, actor, _ = offered
    try:
        return opened.undo(actor, outcome.token)
    except TriptychError as error:
        return _Again(text=str(error))
