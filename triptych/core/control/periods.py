"""Closed months as tables: locks, and later actions and comments."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from triptych.core.warehouse.build import ControlTable
from triptych.core.warehouse.closing_inputs import cause_of_changes
from triptych.core.warehouse.frozen_marts import MONEY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from triptych.core.lake.audit_log import AuditEntry
    from triptych.core.warehouse.locks import PeriodHistory

_EVENT = (
    *("event", "billing_month", "lock_id", "actor", "approver", "reason"),
    "content_hash",
)
_COMMENT = ("billing_month", "prior_billing_month", "model_id", "author", "text")


def period_tables(
    history: PeriodHistory, inputs: Mapping[str, str]
) -> list[ControlTable]:
    """Return the history of months: locks, events, comments, accruals.

    ``inputs`` are rules, catalogue and version of now.
    """
    locks = history.locks
    texts = ("billing_month", "lock_id")
    return [
        ControlTable(
            "period_locks",
            {
                **dict.fromkeys(texts, "VARCHAR"),
                "locked_at": "TIMESTAMP",
                "locked_by": "VARCHAR",
                "approved_by": "VARCHAR",
                "content_hash": "VARCHAR",
            },
            [
                (
                    lock.billing_month,
                    lock.lock_id,
                    lock.locked_at,
                    lock.locked_by,
                    lock.approved_by,
                    lock.content_hash,
                )
                for lock in locks
            ],
        ),
        ControlTable.of_texts(
            "period_lock_marts",
            (*texts, "mart_name"),
            [(k.billing_month, k.lock_id, name) for k in locks for name in k.marts],
        ),
        ControlTable.of_texts(
            "period_lock_loads",
            (*texts, "load_id"),
            [(k.billing_month, k.lock_id, one) for k in locks for one in k.load_ids],
        ),
        _lock_changes_table(history, inputs),
        entries_table(
            "period_events",
            history.events,
            dict.fromkeys(_EVENT, "VARCHAR"),
            _with_event,
        ),
        entries_table(
            "period_comments", history.comments, dict.fromkeys(_COMMENT, "VARCHAR")
        ),
        _booked_accruals_table(history),
        _accepted_differences_table(history),
        _coverage_decisions_table(history),
        _settled_loads_table(history),
    ]


def _lock_changes_table(
    history: PeriodHistory, inputs: Mapping[str, str]
) -> ControlTable:
    """Return causes that closes can tell; none of one that kept no digests."""
    return ControlTable.of_texts(
        "period_lock_changes",
        ("billing_month", "lock_id", "kind", "changed_inputs"),
        [
            (lock.billing_month, lock.lock_id, *cause)
            for lock in history.locks
            if (cause := cause_of_changes(lock.inputs, inputs)) is not None
        ],
    )


def entries_table(
    name: str,
    entries: Sequence[AuditEntry],
    types: Mapping[str, str],
    detail_of: Callable[[AuditEntry], Mapping[str, Any]] = lambda entry: entry.detail,
) -> ControlTable:
    """Return audit log entries, with these columns of their detail."""
    return ControlTable(
        name,
        {
            "log_position": "BIGINT",
            "occurred_at": "TIMESTAMP",
            **types,
            "entry_hash": "VARCHAR",
        },
        [
            (
                entry.position,
                entry.occurred_at,
                *(detail_of(entry)[column] for column in types),
                entry.entry_hash,
            )
            for entry in entries
        ],
    )


def _with_event(entry: AuditEntry) -> Mapping[str, Any]:
    return {"event": entry.event.removeprefix("period_"), **entry.detail}


def _booked_accruals_table(history: PeriodHistory) -> ControlTable:
    texts = ("billing_month", "issuer_key", "currency")
    # Accruals booked again are those that still lack their invoice; all else stays as
    # it was.
    newest = {
        (entry.detail["billing_month"], row["issuer_key"], row["currency"]): (
            entry,
            row,
        )
        for entry in history.accruals
        for row in entry.detail["rows"]
    }
    money = (
        *("booked_amount", "booked_amount_low", "booked_amount_high"),
        "invoiced_when_booked_amount",
    )
    return ControlTable(
        "booked_accruals",
        {
            **dict.fromkeys(texts, "VARCHAR"),
            **dict.fromkeys(money, MONEY),
            "booked_method": "VARCHAR",
            "booked_as_of": "TIMESTAMP",
            "booked_at": "TIMESTAMP",
            "booked_by": "VARCHAR",
            "approved_by": "VARCHAR",
        },
        [
            (
                *key,
                *(row[name] for name in money),
                row["booked_method"],
                datetime.fromisoformat(row["booked_as_of"]),
                entry.occurred_at,
                entry.detail["actor"],
                entry.detail["approver"],
            )
            for key, (entry, row) in newest.items()
        ],
    )


def _accepted_differences_table(history: PeriodHistory) -> ControlTable:
    """Return the newest acceptance of each document; amounts in its own currency."""
    key = ("billing_month", "invoice_issuer_name", "invoice_id", "currency")
    newest = {
        tuple(entry.detail[name] for name in key): entry
        for entry in history.acceptances
    }
    people = ("accepted_by", "approved_by")
    return ControlTable(
        "accepted_differences",
        {
            **dict.fromkeys(key, "VARCHAR"),
            "threshold_amount": MONEY,
            "reason": "VARCHAR",
            **dict.fromkeys(people, "VARCHAR"),
            "accepted_at": "TIMESTAMP",
        },
        [
            (
                *of,
                entry.detail["threshold_amount"],
                entry.detail["reason"],
                entry.detail["actor"],
                entry.detail["approver"],
                entry.occurred_at,
            )
            for of, entry in newest.items()
        ],
    )


def _coverage_decisions_table(history: PeriodHistory) -> ControlTable:
    """Return the newest decision that both deliveries of an overlap count."""
    newest = {
        entry.detail["overlap_id"]: entry
        for entry in history.overlaps
        if "load_id" not in entry.detail
    }
    return ControlTable(
        "coverage_decisions",
        {
            **dict.fromkeys(("overlap_id", "reason", "decided_by"), "VARCHAR"),
            "decided_at": "TIMESTAMP",
        },
        [
            (
                overlap,
                entry.detail["reason"],
                entry.detail["actor"],
                entry.occurred_at,
            )
            for overlap, entry in newest.items()
        ],
    )


def _settled_loads_table(history: PeriodHistory) -> ControlTable:
    """Return the loads of which another delivery counts, by overlap."""
    texts = ("overlap_id", "load_id", "answer", "counted_source", "reason", "actor")
    named = dict.fromkeys((*texts[:-1], "decided_by"), "VARCHAR")
    return ControlTable(
        "settled_loads",
        {**named, "decided_at": "TIMESTAMP"},
        [
            (*(entry.detail[name] for name in texts), entry.occurred_at)
            for entry in history.settlements
        ],
    )
