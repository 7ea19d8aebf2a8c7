"""Convert Jira's booked hours into rows, without people or reasons.

A worklog names its issue, and the issue its project, labels, components and type. Rules
make a team, a category and the like of these. A worklog that was deleted is only an id
and a time: its row has no hours, and takes away those that were loaded of it.

Source: Jira Cloud platform REST API v3, *Issue worklogs*, *Bulk fetch issues*.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator, model_validator

from ingest.engine.state_rows import (
    instant,
    instant_of_milliseconds,
    part_of,
    row_of,
    text,
    unexpected,
)
from ingest.reading.label_mapping import LabelMatch, filled, template_labels
from triptych.core.declared import Declared

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingest.reading.text_rows import Row

SOURCE_SYSTEM = "jira"
#: Labels that a rule may match beside the ids of custom fields.
LABELS = ("project", "label", "component", "issue_type")
_CUSTOM_FIELD = "customfield_"
_SECONDS_PER_HOUR = 3600
_TARGETS = ("category", "team", "model", "feature", "incident")
_COLUMNS = {
    "category": "category",
    "team": "team_id",
    "model": "model_id",
    "feature": "feature_id",
    "incident": "incident_id",
}


class WorklogRule(Declared):
    """Rule: conditions on an issue, and the target of the hours on it."""

    match: dict[str, Any] = Field(description="Label → what its value must be.")
    category: str | None = Field(default=None, description="infra, incident, …")
    team: str | None = Field(default=None, description="Team of the catalogue.")
    model: str | None = Field(default=None, description="Model of the catalogue.")
    feature: str | None = Field(default=None, description="Feature of the catalogue.")
    incident: str | None = Field(default=None, description="Id of an incident.")

    @field_validator("match")
    @classmethod
    def _means_something(cls, match: dict[str, Any]) -> dict[str, Any]:
        for label in match:
            if label not in LABELS and not label.startswith(_CUSTOM_FIELD):
                known = ", ".join((*LABELS, f"{_CUSTOM_FIELD}…"))
                raise ValueError(f"a rule matches {label!r}; known labels: {known}")
        LabelMatch(match)
        return match

    @model_validator(mode="after")
    def _names_a_target(self) -> WorklogRule:
        targets = [getattr(self, name) for name in _TARGETS]
        if not any(targets):
            raise ValueError(f"a rule needs one of {', '.join(map(repr, _TARGETS))}")
        for name in template_labels("".join(filter(None, targets))):
            if name not in self.match:
                raise ValueError(f"'${{{name}}}' is no label that the rule matches")
        return self


@dataclass(frozen=True, slots=True)
class WorklogMapping:
    """Rules of a source; each target is set by the first match that names it."""

    rules: tuple[WorklogRule, ...] = ()

    @property
    def custom_fields(self) -> list[str]:
        """Return the custom fields that a rule looks at."""
        names = {label for rule in self.rules for label in rule.match}
        return sorted(name for name in names if name.startswith(_CUSTOM_FIELD))

    def columns(self, labels: Mapping[str, Sequence[str]]) -> dict[str, str | None]:
        """Return the columns that the rules fill for an issue with these labels."""
        columns: dict[str, str | None] = {}
        for rule in self.rules:
            found = LabelMatch(rule.match).found(labels)
            for target, column in _COLUMNS.items():
                named = getattr(rule, target)
                if found is not None and named and not columns.get(column):
                    columns[column] = filled(named, found)
        return columns


def labels_of(issue: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the parts of an issue that rules may match; no free text."""
    fields = issue.get("fields")
    if not isinstance(fields, dict):
        return {}
    labels = {
        "project": _texts(part_of(fields.get("project"), "key")),
        "label": _texts(fields.get("labels")),
        "component": _names(fields.get("components")),
        "issue_type": _names(fields.get("issuetype")),
    }
    for name, value in fields.items():
        if name.startswith(_CUSTOM_FIELD):
            labels[name] = _chosen(value)
    return labels


def worklog_row(
    worklog: Mapping[str, Any],
    issue: Mapping[str, Any] | None,
    mapping: WorklogMapping,
    *,
    where: str,
) -> Row:
    """Return booked hours, without ``observed_at``.

    Raises
    ------
    MalformedDeliveryError
        It has no id.
    """
    if text(worklog.get("id")) is None:
        raise unexpected("a worklog has no id", where=where)
    labels = {} if issue is None else labels_of(issue)
    return row_of(
        {
            "source_system": SOURCE_SYSTEM,
            "worklog_id": text(worklog.get("id")),
            "started_at": instant(worklog.get("started")),
            "hours": _hours(worklog.get("timeSpentSeconds")),
            "updated_at": instant(worklog.get("updated")),
            "issue_id": text(worklog.get("issueId")),
            "project": next(iter(labels.get("project", ())), None),
            "is_deleted": False,
            **mapping.columns(labels),
        }
    )


def deleted_row(change: Mapping[str, Any]) -> Row:
    """Return the deletion of a worklog, with its time but without its hours."""
    moment = instant_of_milliseconds(change.get("updatedTime"))
    return row_of(
        {
            "source_system": SOURCE_SYSTEM,
            "worklog_id": text(change.get("worklogId")),
            "started_at": moment,
            "hours": 0,
            "updated_at": moment,
            "is_deleted": True,
        }
    )


def _hours(seconds: object) -> object:
    if seconds is None or isinstance(seconds, bool):
        return None
    try:
        hours = Decimal(str(seconds)) / _SECONDS_PER_HOUR
    except InvalidOperation:
        return f"no seconds: {text(seconds)}"
    return f"{hours:.12f}".rstrip("0").rstrip(".")


def _texts(value: object) -> tuple[str, ...]:
    found = value if isinstance(value, list) else [value]
    return tuple(filter(None, map(text, found)))


def _names(value: object) -> tuple[str, ...]:
    found = value if isinstance(value, list) else [value]
    return tuple(filter(None, (text(part_of(one, "name")) for one in found)))


def _chosen(value: object) -> tuple[str, ...]:
    """Return the choices in a field; none for text fields and people."""
    found = value if isinstance(value, list) else [value]
    return tuple(
        filter(
            None,
            (
                text(part_of(one, "value"))
                or (None if _is_person(one) else text(part_of(one, "name")))
                for one in found
            ),
        )
    )


def _is_person(value: object) -> bool:
    return part_of(value, "accountId") is not None
