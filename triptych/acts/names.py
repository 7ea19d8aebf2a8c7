"""Acts on the catalogue and the general settings: names, owners, currency."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

from triptych.acts.deed import Deed, Draft
from triptych.acts.proposals import currencies_of_bills
from triptych.acts.roles import FINANCE, INSIDE
from triptych.acts.settings_files import CATALOG, GENERAL, judged_edits, read_text
from triptych.acts.yaml_values import with_value
from triptych.core.acts import Act, ActField
from triptych.core.errors import UsageError
from triptych.core.warehouse.locks import read_history
from triptych.discovery.yaml_insertion import NewEntry, with_entries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triptych.acts.deed import Filling, Site

_KEYS: Final = ("name", "team", "feature")


def _draft_model(site: Site, filling: Filling) -> Draft:
    model = filling.text("id")
    given = {key: filling.text(key) for key in _KEYS if filling.text(key)}
    if not given:
        raise UsageError(
            "Nothing is given for the model.",
            next_step="Give a name, a team or a feature.",
        )
    root = site.workspace.root
    text = read_text(root, CATALOG)
    entries = site.settings.catalog.models
    places = [at for at, each in enumerate(entries) if each.id == model]
    if places:
        # Of several entries the newest: the others describe the past.
        newest = max(places, key=lambda at: entries[at].valid_from or date.min)
        for key, value in given.items():
            path = ("models", newest, key)
            text = with_value(text, path, value, where=CATALOG)
    else:
        entry = NewEntry({"id": model, **given})
        text = with_entries(text, "models", [entry], where=CATALOG)
    named = ", ".join(f"{key} {value}" for key, value in given.items())
    return Draft(
        says=f"Model {model}: {named}.",
        did=f"Model {model} has {named}.",
        effect="The next run shows it under this name, with this owner.",
        edits=judged_edits(root, {CATALOG: text}),
        about=f"model:{model}",
    )


def _draft_team(site: Site, filling: Filling) -> Draft:
    team = filling.text("id")
    keys = ("name", "cost_center")
    given = {key: filling.text(key) for key in keys if filling.text(key)}
    root = site.workspace.root
    text = read_text(root, CATALOG)
    known = [each.id for each in site.settings.catalog.teams]
    if team not in known:
        entry = NewEntry({"id": team, **given})
        text = with_entries(text, "teams", [entry], where=CATALOG)
    elif not given:
        raise UsageError(
            f"Team {team} is there already.",
            next_step="Give a name or a cost centre.",
        )
    else:
        for key, value in given.items():
            path = ("teams", known.index(team), key)
            text = with_value(text, path, value, where=CATALOG)
    named = ", ".join(
        f"{key.replace('_', ' ')} {value}" for key, value in given.items()
    )
    says = f"Team {team}: {named}." if named else f"Team {team} is added."
    return Draft(
        says=says,
        did=says,
        effect="The next run shows it under this name.",
        edits=judged_edits(root, {CATALOG: text}),
        about=f"team:{team}",
    )


def _cost_centers(site: Site) -> tuple[str, ...]:
    return tuple(each.id for each in site.settings.catalog.cost_centers)


def _models(site: Site) -> tuple[str, ...]:
    models = site.settings.catalog.models
    return tuple(dict.fromkeys(each.id for each in models))


def _teams(site: Site) -> tuple[str, ...]:
    return tuple(each.id for each in site.settings.catalog.teams)


def _draft_currency(site: Site, filling: Filling) -> Draft:
    code = filling.text("currency").upper()
    root = site.workspace.root
    text = read_text(root, GENERAL)
    closed = [lock.billing_month for lock in read_history(site.workspace).locks]
    return Draft(
        says=f"Figures are reported in {code}, in place of {site.settings.currency}.",
        did=f"Figures are reported in {code}.",
        effect="The next run builds every month anew; charges in other currencies need"
        f" an exchange rate.{_of_closed_months(closed)}",
        edits=judged_edits(
            root, {GENERAL: with_value(text, ("currency",), code, where=GENERAL)}
        ),
        about="currency",
    )


def _of_closed_months(months: Sequence[str]) -> str:
    """Describe the effect on closed months; empty if there are none."""
    if not months:
        return ""
    first, last = months[0], months[-1]
    span = first if first == last else f"{first} to {last}"
    return (
        f" Closed months ({span}) stay in the currency that they were closed in, and"
        " are in no total in the new one."
    )


def _optional(name: str, label: str) -> ActField:
    return ActField(name, label, is_required=False)


DEEDS: Final = (
    Deed(
        Act(
            "name_model",
            "Name a model and its owner",
            (
                ActField("id", "Model"),
                _optional("name", "Name"),
                _optional("team", "Team"),
                _optional("feature", "Feature"),
            ),
            INSIDE,
            can_be_undone=True,
        ),
        _draft_model,
        choices={"id": _models, "team": _teams},
    ),
    Deed(
        Act(
            "name_team",
            "Name a team and its cost centre",
            (
                ActField("id", "Team"),
                _optional("name", "Name"),
                _optional("cost_center", "Cost centre"),
            ),
            INSIDE,
            can_be_undone=True,
        ),
        _draft_team,
        choices={"id": _teams, "cost_center": _cost_centers},
    ),
    Deed(
        Act(
            "set_currency",
            "Set the currency",
            (ActField("currency", "Currency", help="ISO 4217, such as EUR."),),
            FINANCE,
            can_be_undone=True,
        ),
        _draft_currency,
        choices={"currency": currencies_of_bills},
    ),
)
