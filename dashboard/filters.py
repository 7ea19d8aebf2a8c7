"""The bar on top of every page, and every choice that a link can carry.

Each choice is bound to the URL, so a link shows a colleague the same page. A link
that names something that is not there is told, together with what is shown instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import streamlit as st

from dashboard import data

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triptych.warehouse.reader import Snapshot

EVERYTHING = "everything"
BASES: tuple[data.Basis, ...] = ("Amortised", "Billed")
_LABELS = {
    "period": "Period",
    "basis": "Cost basis",
    "scope": "Scope",
    "currency": "Currency",
}


def bar(
    snapshot: Snapshot, note: str = "", *, with_delivery: bool = False
) -> data.Selection | None:
    """Draw the choices and return them; None when there is nothing to choose from.

    Parameters
    ----------
    snapshot : Snapshot
        The published run.
    note : str
        What is said beside them, in Markdown.
    with_delivery : bool
        Offer what ships without a bill too: months, teams and models. What is shown
        first is the newest month with charges all the same.
    """
    found = data.periods(snapshot, with_delivery=with_delivery)
    periods = {period.label: period for period in found}
    currencies = data.currencies(snapshot)
    if not currencies and with_delivery:
        currencies = (data.run(snapshot).currency,)
    if not periods or not currencies:
        return None
    of_scopes = data.scopes(snapshot, with_delivery=with_delivery)
    scopes = {f"{kind} {name}": (kind, name) for kind, name in of_scopes}
    billed = [period.label for period in data.periods(snapshot)]
    first = list(periods).index(billed[0]) if billed else 0
    with st.container(horizontal=True, key="bar", vertical_alignment="bottom"):
        chosen = {
            "period": _bar_choice("period", list(periods), width=130, first=first),
            "basis": _bar_choice("basis", BASES, width=140),
            "scope": _bar_choice("scope", [EVERYTHING, *scopes], width=220),
            "currency": _bar_choice("currency", currencies, width=110),
        }
        if note:
            st.markdown(note, width="content")
    for key, shown in chosen.items():
        warn_about_link(key, _LABELS[key], shown)
    kind, name = scopes.get(chosen["scope"], (EVERYTHING, ""))
    return data.Selection(
        period=periods[chosen["period"]],
        basis=cast("data.Basis", chosen["basis"]),
        currency=chosen["currency"],
        scope_kind=kind,
        scope_id=name,
    )


def segments(label: str, key: str, options: Sequence[str], *, default: str) -> str:
    """Draw a row of exclusive choices bound to the URL and return the chosen one."""
    read_link(key, options)
    chosen = st.segmented_control(
        label,
        options,
        default=default,
        required=True,
        key=key,
        bind="query-params",
        on_change=_forget_link,
        args=(key,),
    )
    warn_about_link(key, label, str(chosen))
    return str(chosen)


def choice(label: str, key: str, options: Sequence[str], *, width: int) -> str:
    """Draw a list bound to the URL from which one is always chosen."""
    read_link(key, options)
    chosen = st.selectbox(
        label,
        options,
        key=key,
        bind="query-params",
        width=width,
        on_change=_forget_link,
        args=(key,),
    )
    warn_about_link(key, label, str(chosen))
    return str(chosen)


def optional_choice(
    label: str, key: str, options: Sequence[str], *, placeholder: str
) -> str | None:
    """Draw a list bound to the URL from which nothing needs to be chosen."""
    read_link(key, options)
    chosen = st.selectbox(
        label,
        options,
        index=None,
        placeholder=placeholder,
        key=key,
        bind="query-params",
        on_change=_forget_link,
        args=(key,),
    )
    warn_about_link(key, label, "nothing" if chosen is None else str(chosen))
    return None if chosen is None else str(chosen)


def read_link(key: str, options: Sequence[str]) -> None:
    """Keep what the link asked for when it is not among the options.

    To be called before the widget, which drops from the URL what it does not know.
    """
    asked = st.query_params.get(key)
    if asked and asked not in options:
        st.session_state[_kept(key)] = asked


def warn_about_link(key: str, label: str, shown: str) -> None:
    """Warn, until another choice is made, that the link asked for something else."""
    asked = st.session_state.get(_kept(key))
    if asked is not None:
        st.warning(
            f"The link asks for {label.lower()} “{asked}”, which is not in this data."
            f" Shown instead: {shown}."
        )


def _bar_choice(key: str, options: Sequence[str], *, width: int, first: int = 0) -> str:
    read_link(key, options)
    chosen = st.selectbox(
        _LABELS[key],
        options,
        index=first,
        key=key,
        bind="query-params",
        width=width,
        on_change=_forget_link,
        args=(key,),
    )
    return str(chosen)


def _forget_link(key: str) -> None:
    st.session_state.pop(_kept(key), None)


def _kept(key: str) -> str:
    return f"invalid_link_{key}"
