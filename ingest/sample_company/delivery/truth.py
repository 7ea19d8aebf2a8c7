"""Expected results of the planned events, counted in plain Python.

Percentiles are linear interpolations of the sorted values, as everywhere. A month takes
the events that ended in it.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, time, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from ingest.sample_company.delivery.names import service_of
from ingest.sample_company.delivery.people import (
    FIREFIGHTING,
    available_hours,
    integration_hours,
)
from ingest.sample_company.delivery.superseded import superseded_truth

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingest.sample_company.delivery.events import Delivery, Deployment

_SECONDS_PER_HOUR = 3600.0


def delivery_truth(delivery: Delivery) -> dict[str, Any]:
    """Return monthly counts and percentiles [h], and hours and answers.

    Deployments, changes and incidents are those of a service, promotions those of a
    model: other systems of the company deploy services of the same models.
    """
    services: dict[str, dict[str, dict[str, Any]]] = {
        service: _of_deployments(of_service)
        for service, of_service in _by_service(delivery.deployments).items()
    }
    for (service, month), lengths in _restorations(delivery).items():
        figures = services[service].setdefault(month, {})
        figures["time_to_restore"] = _percentiles(lengths)
    return {
        "services": {name: dict(months) for name, months in sorted(services.items())},
        "superseded": superseded_truth(),
        "promotions": _promotions(delivery),
        "versions": _versions(delivery),
        "firefighting_share": {
            month.label: FIREFIGHTING[month.phase] for month in delivery.months
        },
        "integration_hours": {
            month.label: integration_hours(month) for month in delivery.months
        },
        "booked_hours": _booked(delivery),
        "survey_answers": _answered(delivery),
    }


def _by_service(deployments: Iterable[Deployment]) -> dict[str, list[Deployment]]:
    found: dict[str, list[Deployment]] = defaultdict(list)
    for deployment in sorted(deployments, key=lambda each: each.created_at):
        found[service_of(deployment.model)].append(deployment)
    return found


def _of_deployments(deployments: list[Deployment]) -> dict[str, dict[str, Any]]:
    months: dict[str, dict[str, Any]] = defaultdict(
        lambda: {"deployments": 0, "finished": 0, "failed": 0}
    )
    leads: dict[str, list[timedelta]] = defaultdict(list)
    waiting: list[datetime] = []
    for position, one in enumerate(deployments):
        month = f"{one.finished_at:%Y-%m}"
        months[month]["finished"] += 1
        months[month]["deployments"] += one.is_counted
        months[month]["failed"] += _has_failed(deployments, position)
        # A commit of a failed rollout reaches users with the next rollout.
        waiting += [commit.committed_at for commit in one.commits]
        if one.is_counted:
            # Nothing is known to have come before the first deployment of all.
            if position > 0:
                leads[month] += [one.finished_at - committed for committed in waiting]
            waiting = []
    for month, lengths in leads.items():
        months[month]["change_lead_time"] = _percentiles(lengths)
    return months


def _has_failed(deployments: list[Deployment], position: int) -> bool:
    """Return True if a rollout failed, or the next rollout reverted it."""
    if not deployments[position].has_succeeded:
        return True
    following = deployments[position + 1 : position + 2]
    return any(one.kind == "rollback" for one in following)


def _promotions(delivery: Delivery) -> dict[str, dict[str, dict[str, Any]]]:
    """Return by model and month from the end of training to production."""
    found: dict[str, dict[str, list[timedelta]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for run in delivery.runs:
        if run.promoted_at is not None:
            lead = run.promoted_at - run.ended_at
            found[run.model.id][f"{run.promoted_at:%Y-%m}"].append(lead)
    return {
        model: {month: _percentiles(leads) for month, leads in sorted(months.items())}
        for model, months in sorted(found.items())
    }


def _versions(delivery: Delivery) -> dict[str, dict[str, Any]]:
    """Return by model how many versions there are, and when half of them serve.

    A version that does not serve yet has waited until the end of all months, and may
    for longer.
    """
    end = datetime.combine(delivery.months[-1].end, time(), UTC)
    waits: dict[str, list[tuple[timedelta, bool]]] = defaultdict(list)
    for run in delivery.runs:
        if run.version is not None:
            until, serves = run.promoted_at or end, run.promoted_at is not None
            waits[run.model.id].append((until - run.ended_at, serves))
    return {
        model: {
            "n": len(of_model),
            "open": sum(not serves for _, serves in of_model),
            "median_hours": _half_serves(of_model),
        }
        for model, of_model in sorted(waits.items())
    }


def _half_serves(waits: list[tuple[timedelta, bool]]) -> float | None:
    """Return the median wait [h] by Kaplan and Meier's product of exact fractions."""
    half, waiting, before = Fraction(1, 2), Fraction(1), None
    for moment in sorted({wait for wait, serves in waits if serves}):
        at_risk = sum(wait >= moment for wait, _ in waits)
        came = sum(wait == moment and serves for wait, serves in waits)
        lay_on_half = waiting == half
        waiting *= Fraction(at_risk - came, at_risk)
        if waiting < half:
            middle = (before + moment) / 2 if lay_on_half and before else moment
            return round(middle.total_seconds() / _SECONDS_PER_HOUR, 6)
        before = moment
    return None


def _restorations(delivery: Delivery) -> dict[tuple[str, str], list[timedelta]]:
    restorations: dict[tuple[str, str], list[timedelta]] = defaultdict(list)
    for incident in delivery.incidents:
        key = (service_of(incident.model), f"{incident.resolved_at:%Y-%m}")
        restorations[key].append(incident.resolved_at - incident.started_at)
    return restorations


def _percentiles(lengths: list[timedelta]) -> dict[str, Any]:
    hours = [length.total_seconds() / _SECONDS_PER_HOUR for length in lengths]
    return {
        "n": len(hours),
        "p50_hours": round(float(np.quantile(hours, 0.5)), 6),
        "p90_hours": round(float(np.quantile(hours, 0.9)), 6),
    }


def _booked(delivery: Delivery) -> dict[str, dict[str, dict[str, float]]]:
    found: dict[str, dict[str, dict[str, float]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(float))
    )
    for worklog in delivery.worklogs:
        found[worklog.team][f"{worklog.started_at:%Y-%m}"][worklog.category] += (
            worklog.hours
        )
    return {
        team: {
            month: {**hours, "available": float(available_hours(team))}
            for month, hours in sorted(months.items())
        }
        for team, months in sorted(found.items())
    }


def _answered(delivery: Delivery) -> dict[str, dict[str, int]]:
    people = {
        (answer.wave, answer.group, answer.respondent) for answer in delivery.answers
    }
    found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for wave, group, _ in sorted(people):
        found[wave][group] += 1
    return {wave: dict(groups) for wave, groups in found.items()}
