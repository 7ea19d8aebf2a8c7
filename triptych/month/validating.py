"""Signs for the value of a feature: the last step from a forecast to a validated value.

Nobody validates their own value: neither the person who registered the study, nor the
owner of an assumption that values it, under the name that is shown or that of the
identity that signs. The signature is an entry of the audit log, and holds for the basis
of the value alone: another plan, other data or another assumption need another.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import duckdb

from triptych.core.errors import UsageError
from triptych.core.lock import hold_run_lock
from triptych.core.signatories import is_same_person, named_signatory
from triptych.core.signatures import current_signature
from triptych.core.warehouse.locks import record_validation
from triptych.core.warehouse.reader import PublishedReader
from triptych.run import pipeline

if TYPE_CHECKING:
    from triptych.core.lake.audit_log import AuditEntry
    from triptych.core.progress import Progress
    from triptych.core.settings import Settings
    from triptych.core.warehouse.reader import Snapshot
    from triptych.core.workspace import Workspace

_RETURN = """
select returns.feature_id, returns.basis, returns.net_value, returns.currency,
    returns.study_ids, returns.reason
from roi.mart_feature_roi as returns
where returns.window = 'to_date' and returns.feature_id = ?
"""
#: People who entered inputs of the value of a feature.
_AUTHORS = """
select studies.registered_by as name, 'registered its study' as part
from attribution.studies as studies
where studies.feature_id = ? and studies.registered_by is not null
union
select assumptions.owner, 'owns ' || assumptions.assumption_id
from core.mart_assumptions as assumptions
inner join roi.mart_roi_sensitivity as drivers
    on assumptions.assumption_id = drivers.driver
where drivers.scope_type = 'feature' and drivers.scope_id = ?
order by all
"""


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """Value that was signed.

    ``published_run_id`` is the run that shows it; None until a run is built.
    """

    feature_id: str
    validated_by: str
    basis: str
    net_value: float
    currency: str
    audit_log_hash: str
    published_run_id: str | None


def validate(
    workspace: Workspace,
    settings: Settings,
    feature_id: str,
    *,
    by: str,
    is_published: bool = False,
    progress: Progress,
) -> ValidationReport:
    """Sign for the value of a feature as it is published.

    Parameters
    ----------
    workspace, settings
        Workspace and settings.
    feature_id : str
        The feature.
    by : str
        Name that readers see as the signer's; not that of an author of the value.
    is_published : bool
        True to build and publish a run that shows it at once.
    progress : Progress
        Receiver of progress.

    Raises
    ------
    UsageError
        There is no such value, or its author wants to validate it.
    RunLockedError
        A run is under way.
    """
    person = named_signatory(by, "--by")
    with hold_run_lock(workspace.lock_file):
        value, entry = _sign(workspace, feature_id, person)
    built = (
        pipeline.build(workspace, settings, progress=progress) if is_published else None
    )
    return ValidationReport(
        feature_id,
        validated_by=person,
        basis=value["basis"],
        net_value=value["net_value"],
        currency=value["currency"],
        audit_log_hash=entry.entry_hash,
        published_run_id=None if built is None else built.run_id,
    )


def _sign(
    workspace: Workspace, feature_id: str, person: str
) -> tuple[dict[str, Any], AuditEntry]:
    snapshot = PublishedReader(workspace.root).snapshot()
    value = _value(snapshot, feature_id)
    _refuse_authors(snapshot, feature_id, person)
    entry = record_validation(
        workspace,
        {
            "feature_id": feature_id,
            "basis": value["basis"],
            "validated_by": person,
            "study_ids": value["study_ids"],
            "net_value": value["net_value"],
            "currency": value["currency"],
            "published_run_id": snapshot.run_id,
        },
    )
    return value, entry


def _value(snapshot: Snapshot, feature_id: str) -> dict[str, Any]:
    try:
        rows = snapshot.query(_RETURN, [feature_id]).to_pylist()
    except duckdb.CatalogException as error:
        raise UsageError(
            f"Run {snapshot.run_id}, which is published, has no returns.",
            next_step='"triptych build" makes a run that has.',
        ) from error
    if not rows:
        known = snapshot.query(
            "select distinct feature_id from roi.mart_feature_roi order by feature_id"
        )
        names = ", ".join(known.column("feature_id").to_pylist()) or "none"
        raise UsageError(
            f"There is no feature {feature_id!r} in the published run.",
            next_step=f"Known features: {names}.",
        )
    row: dict[str, Any] = rows[0]
    if row["net_value"] is None:
        raise UsageError(
            f"{feature_id} has no value that could be validated: {row['reason']}.",
            next_step="A value is forecast until an effect is estimated and valued.",
        )
    return row


def _refuse_authors(snapshot: Snapshot, feature_id: str, person: str) -> None:
    rows = snapshot.query(_AUTHORS, [feature_id, feature_id]).to_pylist()
    signature = current_signature()
    names = [person, *([signature.name] if signature else [])]
    for row, name in product(rows, names):
        if is_same_person(str(row["name"]), name):
            raise UsageError(
                f"{name} {row['part']} and cannot validate the value of {feature_id}.",
                next_step="Somebody who entered no part of it has to.",
            )
