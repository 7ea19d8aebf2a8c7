"""The bar on top of every page, and every choice that a link can carry.

Each choice is bound to the URL, so a link shows a colleague the same page. A link that
names something that is not there is reported, together with the choice shown instead.
"""

from __future__ import annotations

from html import escape
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

import streamlit as st

from dashboard.shared import format as fmt
from dashboard.shared import names, selection_queries

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from triptych.core.warehouse.reader import Snapshot

EVERYTHING = "everything"
#: Kind, id and text of the scope that has all of it.
_ALL = (EVERYTHING, "", EVERYTHING)
BASES: tuple[selection_queries.Basis, ...] = ("Amortised", "Billed")
_LABELS = {
    "period": "Period",
    "scope": "Scope",
    "basis": "Cost basis",
    "currency": "Currency",
}


def bar(
    snapshot: Snapshot, *, with_delivery: bool = False
) -> selection_queries.Selection | None:
    """Draw the choices and return them; None when there is nothing to choose from.

    Parameters
    ----------
    snapshot : Snapshot
        The published run.
    with_delivery : bool
        Offer items that ship without a bill too: months, teams and models. The initial
        choice is the newest month with charges all the same.
    """
    offered = selection_queries.periods(snapshot, with_delivery=with_delivery)
    periods = {period.label: period for period in offered}
    currencies = selection_queries.currencies(snapshot)
    if not currencies and with_delivery:
        currencies = (selection_queries.run(snapshot).currency,)
    if not periods or not currencies:
        return None
    scopes = _scopes(snapshot, with_delivery=with_delivery)
    billed = [period.label for period in selection_queries.periods(snapshot)]
    first = list(periods).index(billed[0]) if billed else 0
    period = _bar_choice(
        "period", list(periods), width=122, first=first, written=fmt.period
    )
    scope = _bar_choice(
        "scope",
        list(scopes),
        width=172,
        written=lambda option: scopes.get(option, _ALL)[2],
    )
    basis = _bar_choice("basis", BASES, width=126)
    currency = _bar_choice("currency", currencies, width=84)
    kind, name, text = scopes.get(scope, _ALL)
    firsts = (fmt.period(list(periods)[first]), EVERYTHING, BASES[0], currencies[0])
    chosen = (fmt.period(period), text, basis, currency)
    named = zip(_LABELS, chosen, firsts, strict=True)
    _carry({key: value for key, value, default in named if value != default})
    return selection_queries.Selection(
        period=periods[period],
        basis=cast("selection_queries.Basis", basis),
        currency=currency,
        scope_kind=kind,
        scope_id=name,
    )


def _scopes(
    snapshot: Snapshot, *, with_delivery: bool
) -> dict[str, tuple[str, str, str]]:
    """Return kind, id and text of each scope, as links knew them; by kind and name."""
    offered = selection_queries.scopes(snapshot, with_delivery=with_delivery)
    kinds = list(dict.fromkeys(kind for kind, _ in offered))
    known = {kind: names.names_of_kind(snapshot, kind) for kind in kinds}
    named = [(kind, of, f"{kind} {known[kind].get(of, of)}") for kind, of in offered]
    named.sort(key=lambda each: (kinds.index(each[0]), each[2].casefold()))
    by_link = {f"{kind} {of}": (kind, of, text) for kind, of, text in named}
    return {EVERYTHING: _ALL, **by_link}


def scope_in_words(snapshot: Snapshot, kind: str, scope_id: str) -> str:
    """Return the label of a scope: its kind, and its name if it has any."""
    if kind == EVERYTHING:
        return EVERYTHING
    return f"{kind} {names.name_of(snapshot, kind, scope_id)}"


def _carry(chosen: Mapping[str, str]) -> None:
    """Pass the menu the parameters of its links: old links are not in the URL."""
    data = "".join(f' data-{key}="{escape(text)}"' for key, text in chosen.items())
    st.html(f'<span class="triptych-chosen"{data} hidden></span>')


def warn_about_links(selection: selection_queries.Selection, scope: str) -> None:
    """Warn of each choice of the bar that a link asked for and that is not there."""
    shown = {
        "period": fmt.period(selection.period.label),
        "basis": selection.basis,
        "scope": scope,
        "currency": selection.currency,
    }
    for key, value in shown.items():
        warn_about_link(key, _LABELS[key], value)


def segments(label: str, key: str, options: Sequence[str], *, default: str) -> str:
    """Draw a row of exclusive choices bound to the URL; return the choice."""
    read_link(key, options)
    chosen = st.segmented_control(
        label,
        options,
        default=default,
        required=True,
        key=key,
        bind="query-params",
        on_change=forget_link,
        args=(key,),
    )
    warn_about_link(key, label, str(chosen))
    return str(chosen)


def choice(
    label: str,
    key: str,
    options: Sequence[str],
    *,
    width: int,
    former: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Draw a list bound to the URL from which an option is always chosen.

    A link may still have the former name of an option: ``former`` maps it to the new.
    """
    asked = st.query_params.get(key)
    if asked is not None and asked in former and asked not in options:
        st.session_state.setdefault(key, former[asked])
    else:
        read_link(key, options)
    chosen = st.selectbox(
        label,
        options,
        key=key,
        bind="query-params",
        width=width,
        on_change=forget_link,
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
        on_change=forget_link,
        args=(key,),
    )
    warn_about_link(key, label, "nothing" if chosen is None else str(chosen))
    return None if chosen is None else str(chosen)


def several(
    label: str,
    key: str,
    options: Sequence[str],
    *,
    placeholder: str = "Nothing",
) -> list[str]:
    """Draw a list bound to the URL from which any number may be chosen."""
    asked = [each for each in st.query_params.get_all(key) if each not in options]
    if asked:
        st.session_state[_kept(key)] = ", ".join(asked)
    chosen = st.multiselect(
        label,
        options,
        key=key,
        bind="query-params",
        placeholder=placeholder,
        on_change=forget_link,
        args=(key,),
    )
    warn_about_link(key, label, ", ".join(chosen) or placeholder.lower())
    return list(chosen)


def read_link(key: str, options: Sequence[str]) -> None:
    """Keep the link's request when it is not among the options.

    To be called before the widget, which drops unknown values from the URL.
    """
    asked = st.query_params.get(key)
    if asked and asked not in options:
        st.session_state[_kept(key)] = asked


def warn_about_link(key: str, label: str, shown: str) -> None:
    """Warn, until another choice is made, that the link asked for something else."""
    asked = st.session_state.get(_kept(key))
    if asked is not None:
        st.warning(
            f"The link asks for {label.lower()} “{fmt.markdown(asked)}”, which is not"
            f" in this data. Shown instead: {fmt.markdown(shown)}."
        )


def _bar_choice(
    key: str,
    options: Sequence[str],
    *,
    width: int,
    first: int = 0,
    written: Callable[[str], str] = str,
) -> str:
    texts = [written(option) for option in options]
    asked = st.query_params.get(key)
    if asked in options and asked not in texts:
        # A link from before periods and scopes had names.
        st.session_state.setdefault(key, asked)
    else:
        read_link(key, texts)
    chosen = st.selectbox(
        _LABELS[key],
        options,
        index=first,
        format_func=written,
        key=key,
        bind="query-params",
        width=width,
        label_visibility="collapsed",
        on_change=forget_link,
        args=(key,),
    )
    return str(chosen)


def forget_link(key: str) -> None:
    """Stop the warning about a link's request: another choice was made."""
    st.session_state.pop(_kept(key), None)


def _kept(key: str) -> str:
    return f"invalid_link_{key}"
