"""Acts on alert rules: add a rule, remove a rule."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, get_args

from triptych.acts.deed import Deed, Draft
from triptych.acts.roles import FINANCE
from triptych.acts.settings_files import GENERAL, judged_edits, read_text
from triptych.core.acts import Act, ActField
from triptych.core.errors import UsageError
from triptych.core.settings.notify import AlertKind
from triptych.discovery.yaml_insertion import NewEntry, with_entries, without_entry

if TYPE_CHECKING:
    from triptych.acts.deed import Filling, Site
    from triptych.core.settings.notify import RuleSettings

_SECTION: Final = "notify.rules"
_EFFECT: Final = "It holds from the next run, or the next triptych notify, on."
_OPTIONS: Final = ("min_amount", "thresholds", "within_days")


def _draft_add(site: Site, filling: Filling) -> Draft:
    rule: dict[str, Any] = {
        "alert": filling.text("alert"),
        "channels": _listed(filling.text("channels")),
    }
    if filling.text("min_amount"):
        rule["min_amount"] = _number(filling.text("min_amount"))
    if filling.text("within_days"):
        rule["within_days"] = _number(filling.text("within_days"))
    if filling.text("thresholds"):
        rule["thresholds"] = [_number(t) for t in _listed(filling.text("thresholds"))]
    root = site.workspace.root
    text = read_text(root, GENERAL)
    text = with_entries(text, _SECTION, [NewEntry(rule)], where=GENERAL)
    channels = ", ".join(rule["channels"])
    return Draft(
        says=f"{_words(rule['alert'])} goes to {channels}.",
        did=f"{_words(rule['alert'])} goes to {channels} from now on.",
        effect=_EFFECT,
        edits=judged_edits(root, {GENERAL: text}),
        about="notify",
    )


def _draft_remove(site: Site, filling: Filling) -> Draft:
    said = filling.text("rule")
    known = rules_of(site)
    if said not in known:
        raise UsageError(
            "There is no such rule any more.", next_step="Load the page again."
        )
    root = site.workspace.root
    text = without_entry(
        read_text(root, GENERAL), _SECTION, known.index(said), where=GENERAL
    )
    return Draft(
        says=f"Nothing is sent by this rule any more: {said}.",
        did=f"A rule of alerts was taken out: {said}.",
        effect=_EFFECT,
        edits=judged_edits(root, {GENERAL: text}),
        about="notify",
    )


def rules_of(site: Site) -> tuple[str, ...]:
    """Return the rules in the words of readers, in their order."""
    return tuple(_rule_in_words(rule) for rule in site.settings.notify.rules)


def _rule_in_words(rule: RuleSettings) -> str:
    """Return such as ``Budget to finance, vision (thresholds 0.8, 1.0)``."""
    given = [
        f"{name.replace('_', ' ')} {_plain(getattr(rule, name))}"
        for name in _OPTIONS
        if name in rule.model_fields_set
    ]
    options = f" ({'; '.join(given)})" if given else ""
    return f"{_words(rule.alert)} to {', '.join(rule.channels)}{options}"


def _plain(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_plain, value))
    digits = f"{Decimal(str(value)):f}"
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def _channels(site: Site) -> tuple[str, ...]:
    return tuple(channel.name for channel in site.settings.notify.channels)


def _words(kind: str) -> str:
    return kind.replace("_", " ").capitalize()


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _number(text: str) -> int | float | str:
    """Return a number as YAML has it; settings validation judges other text."""
    try:
        return int(text) if text.isdecimal() else float(text)
    except ValueError:
        return text


DEEDS: Final = (
    Deed(
        Act(
            "add_alert_rule",
            "Add an alert rule",
            (
                ActField("alert", "Alert", choices=get_args(AlertKind)),
                ActField("channels", "Channels", help="Names, with commas."),
                ActField(
                    "min_amount",
                    "Smallest amount",
                    "number",
                    help="Of an anomaly or a new service.",
                    is_required=False,
                ),
                ActField(
                    "thresholds",
                    "Parts of a budget",
                    help="Such as 0.8, 1.0.",
                    is_required=False,
                ),
                ActField(
                    "within_days",
                    "Days before",
                    "number",
                    help="Of what lapses or expires.",
                    is_required=False,
                ),
            ),
            FINANCE,
            can_be_undone=True,
        ),
        _draft_add,
        choices={"channels": _channels},
    ),
    Deed(
        Act(
            "remove_alert_rule",
            "Take out an alert rule",
            (ActField("rule", "Rule"),),
            FINANCE,
            can_be_undone=True,
        ),
        _draft_remove,
        choices={"rule": rules_of},
    ),
)
