"""Doing something from a page: a form, what it would change, a confirmation, a result.

Whether somebody may is asked three times: before a form is drawn, when it is looked at,
and by the door when it is done. Each time it is asked of the login, never of what the
browser sends.
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
#: What choices are looked up in, next to the settings: folders, and what is loaded.
_WATCHED = ("studies", "scenarios", "bills", "raw.duckdb")


@dataclass(frozen=True, slots=True)
class Form:
    """What a page already knows of an act.

    Parameters
    ----------
    fixed : mapping
        Fields that the page fills in itself.
    live : mapping
        The same of fields that change while the form is there; what was looked at
        with other values is asked for again.
    defaults : mapping
        What stands in a field at first.
    choices : mapping
        What can be chosen in a field.
    listed : tuple of str
        Fields whose choices the workspace has now; they are looked up when the form is
        drawn.
    is_slow : bool
        Whether they are looked up only when somebody asks for them.
    variant : str
        What tells this form from others of the same act on a page.
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
        """Return the form with what was given."""
        return replace(self.form, text=text, reason=reason)

    def holds(self, values: Mapping[str, str]) -> bool:
        """Tell whether it was looked at with these."""
        return all(self.given.get(name) == value for name, value in values.items())


@dataclass(frozen=True, slots=True)
class _Again:
    """A form that comes back with what was given; ``text`` says why, if it failed."""

    given: Given = field(default_factory=dict)
    text: str = ""
    reason: str = ""
    #: What the file that was chosen is called, where nobody typed a name.
    file_name: str = ""


_State: TypeAlias = "_Looked | Outcome | _Again | None"
_NOT_ANY_MORE = "This is not for you any more."


def door() -> Door | None:
    """Return what does things; None where pages only show."""
    module = access.door_module()
    if module is None:
        return None
    return _door_of(module, str(access.workspace_root().resolve()))


@st.cache_resource(max_entries=8, show_spinner=False)
def _door_of(module: str, root: str) -> Door:
    opened: Door = import_module(module).open_door(Path(root))
    return opened


def proposals(step: str, billing_months: Sequence[str]) -> list[OpenProposal]:
    """Return what of these months waits for a second person."""
    opened = door()
    waiting = opened.proposals() if opened else ()
    mine = (each for each in waiting if each.step == step)
    return [each for each in mine if each.billing_month in billing_months]


def proposal(step: str, billing_month: str) -> OpenProposal | None:
    """Return what waits for a second person; None where nothing does."""
    return next(iter(proposals(step, [billing_month])), None)


def is_offered(name: str) -> bool:
    """Tell whether whoever looks may do something here."""
    return _offered(name) is not None


def dials(name: str, given: Given) -> Sequence[Dial]:
    """Return which numbers an act can set in what it starts from."""
    offered = _offered(name)
    return () if offered is None else offered[0].dials(offered[1], name, given)


def choices(name: str, field: str) -> Sequence[str]:
    """Return what can stand in a field now; nothing where the act is not offered."""
    offered = _offered(name)
    return () if offered is None else offered[0].choices(offered[1], name, field)


def look(name: str, given: Given) -> Preview:
    """Return what an act that is offered would do; nothing is written.

    Raises
    ------
    TriptychError
        It cannot be done, or is not for whoever looks any more.
    """
    offered = _offered(name)
    if offered is None:
        raise UsageError(_NOT_ANY_MORE, next_step="Load the page again.")
    opened, actor, _ = offered
    return opened.preview(actor, name, given)


def title_of(name: str) -> str:
    """Return what an act that is offered is called."""
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
    """Draw a form for an act, where whoever looks may do it.

    Parameters
    ----------
    name : str
        The act.
    form : Form
        What is known of it already.
    is_open : bool
        Whether the fields are shown before they are asked for.
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
    """Tell whether an act was done here, and nobody has read what came of it yet."""
    return isinstance(st.session_state.get(_key(name, form)), Outcome)


def _key(name: str, form: Form) -> str:
    fixed = (f"{field}={value}" for field, value in form.fixed.items())
    return "|".join((f"act:{name}{form.variant}", *fixed))


def _draw_again() -> None:
    """Draw the form anew: alone where only it was drawn, else with its page."""
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
    # What was given before stands in the place of what the page proposes.
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
    """Draw what is asked for; return all that is given, and the name of a file."""
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
    """Return what fields can hold; looked up again when a file of settings changed."""
    _, act, names, _ = key
    return {name: _door.choices(_actor, act, name) for name in names}


def _changed_at(root: Path) -> tuple[int, ...]:
    places = [*sorted(root.glob("*.yml")), *(root / name for name in _WATCHED)]
    return tuple(place.stat().st_mtime_ns for place in places if place.exists())


def _look(act: Act, form: _Again) -> _State:
    given, fields = dict(form.given), {each.name for each in act.fields}
    if "name" in fields and form.file_name:
        # A file names itself; what somebody typed goes first.
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
    """Do what was looked at, once, as whoever is signed in now."""
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
