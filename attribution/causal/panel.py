"""The data of a study as a rectangle, units by periods, after everything was checked.

Unusable data are refused here with their location, before an estimator sees them:
missing columns, duplicate rows, gaps, infinite or negative values, a wrong unit, an
outcome that never changes. Rows are sorted first, so their order cannot matter.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from attribution.causal.refusal import RefusalError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from attribution.arrays import Floats
    from attribution.causal.plan import Plan

#: Pandas names of the first days of the periods.
FREQUENCIES = {
    "day": "D",
    "week": "W-MON",
    "month": "MS",
    "quarter": "QS",
    "year": "YS",
}
#: A series may lack this part of its history; the filter steps over it.
GAP_RATIO_ALLOWED = 0.1
_SHOWN = 5


def planned_periods(plan: Plan) -> pd.DatetimeIndex:
    """Return the first days of a plan's periods from the launch on."""
    return pd.date_range(
        plan.launch, plan.window.end, freq=FREQUENCIES[plan.period], inclusive="left"
    )


@dataclass(frozen=True, eq=False)
class Panel:
    """Outcome and columns of a study, units by periods.

    Attributes
    ----------
    units : tuple of str
        In order of their names.
    dates : DatetimeIndex, length periods
        Without gaps; days of the week on which nothing was ever delivered are left out.
    outcome : ndarray, shape (units, periods)
        NaN where it is unknown; unknown is never zero.
    columns : mapping of str to ndarray, shape (units, periods)
        Controls and exposures that the plan names.
    first : ndarray of int, shape (units,)
        Position of the first period with the feature; the number of periods where
        there is none.
    launch : int
        Position of the plan's launch.
    data_hash : str
        SHA-256 of the values that are used.
    """

    units: tuple[str, ...]
    dates: pd.DatetimeIndex
    outcome: Floats
    columns: Mapping[str, Floats]
    first: NDArray[np.int64]
    launch: int
    data_hash: str

    @property
    def before(self) -> int:
        """Return the number of periods before the launch."""
        return self.launch

    @property
    def after(self) -> int:
        """Return the number of periods from the launch on."""
        return len(self.dates) - self.launch

    @cached_property
    def days_a_week(self) -> int:
        """On how many days of the week there are any periods."""
        return len(set(self.dates.day_of_week))

    @cached_property
    def treated(self) -> NDArray[np.bool_]:
        """Return a mask of the units that ever get the feature."""
        return self.first < len(self.dates)

    @cached_property
    def treated_cells(self) -> NDArray[np.bool_]:
        """Return a mask of the cells observed with the feature."""
        return np.arange(len(self.dates)) >= self.first[:, None]

    def column(self, name: str) -> Floats:
        """Return a column as units by periods."""
        return self.columns[name]

    def refuse_gaps(self) -> None:
        """Refuse a panel in which any outcome is unknown.

        Raises
        ------
        RefusalError
            ``panel_has_gaps``, with the location of the first gaps.
        """
        missing = np.argwhere(np.isnan(self.outcome))
        if len(missing):
            raise RefusalError(
                "panel_has_gaps",
                f"{len(missing)} cells have no outcome, such as"
                f" {self._named(missing[:_SHOWN])}.",
                missing_cells=len(missing),
            )

    def _named(self, cells: NDArray[np.int64]) -> str:
        named = [f"{self.units[i]} on {self.dates[t]:%Y-%m-%d}" for i, t in cells]
        return ", ".join(named)


def panel_of(frame: pd.DataFrame, plan: Plan) -> Panel:
    """Return the checked data of a study.

    Parameters
    ----------
    frame : DataFrame
        One row per unit and date: ``unit``, ``date``, ``outcome``, then controls and
        exposures, and optionally ``outcome_unit``.
    plan : Plan
        Names the columns and the window.

    Raises
    ------
    RefusalError
        Unusable data; the message names the rows.
    """
    rows = _rows(frame, plan)
    _check_values(rows, plan)
    dates = _calendar(rows, plan)
    units = tuple(sorted(rows["unit"].unique()))
    wide = _wide(rows, ("outcome", *_named_columns(plan)), units, dates)
    outcome = wide.pop("outcome")
    launch = int(dates.searchsorted(pd.Timestamp(plan.launch)))
    panel = Panel(
        units=units,
        dates=dates,
        outcome=outcome,
        columns=wide,
        first=_first_periods(units, dates, plan),
        launch=launch,
        data_hash=_hash(units, dates, {"outcome": outcome, **wide}),
    )
    _check_history(panel, plan)
    return panel


def _rows(frame: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    wanted = ["unit", "date", "outcome", *_named_columns(plan)]
    missing = sorted(set(wanted) - set(frame.columns))
    if missing:
        raise RefusalError(
            "panel_columns_missing",
            f"The data has no column {', '.join(map(repr, missing))}; it has"
            f" {', '.join(map(str, frame.columns))}.",
            missing_columns=missing,
        )
    _check_unit(frame, plan)
    rows = frame[list(dict.fromkeys(wanted))].copy()
    _refuse_nameless(rows)
    rows["unit"] = rows["unit"].astype(str)
    rows["date"] = dates_of(rows)
    start, end = pd.Timestamp(plan.window.start), pd.Timestamp(plan.window.end)
    rows = rows[(rows["date"] >= start) & (rows["date"] < end)]
    if rows.empty or rows["date"].max() < pd.Timestamp(plan.launch):
        raise RefusalError(
            "panel_empty",
            f"There is no outcome from the launch on {plan.launch} until"
            f" {plan.window.end}.",
            row_count=len(rows),
        )
    return rows.sort_values(["unit", "date"], ignore_index=True)


def _refuse_nameless(rows: pd.DataFrame) -> None:
    nameless = np.flatnonzero(rows["unit"].isna())
    if len(nameless):
        raise RefusalError(
            "panel_unit_missing",
            f"{len(nameless)} rows name no unit, the first being row"
            f" {nameless[0] + 1}.",
            nameless_rows=len(nameless),
        )


def dates_of(frame: pd.DataFrame) -> pd.Series[pd.Timestamp]:
    """Return the dates of a study's rows, without time or zone.

    Raises
    ------
    RefusalError
        ``panel_date_unreadable``, with the first row that has none, or
        ``panel_columns_missing``.
    """
    if "date" not in frame:
        raise RefusalError("panel_columns_missing", "The data has no column 'date'.")
    try:
        read = pd.to_datetime(frame["date"], errors="coerce")
        dates = read.dt.tz_localize(None).dt.normalize()
    except (AttributeError, TypeError, ValueError) as error:
        raise RefusalError(
            "panel_date_unreadable", f"Column 'date' does not hold dates: {error}."
        ) from error
    unreadable = np.flatnonzero(dates.isna())
    if len(unreadable):
        raise RefusalError(
            "panel_date_unreadable",
            f"{len(unreadable)} rows have no date, the first being row"
            f" {unreadable[0] + 1} with {frame['date'].iloc[unreadable[0]]!r}.",
            unreadable_rows=len(unreadable),
        )
    return dates


def _named_columns(plan: Plan) -> list[str]:
    return list(plan.columns)


def _check_unit(frame: pd.DataFrame, plan: Plan) -> None:
    if "outcome_unit" not in frame:
        return
    if plan.process and frame["outcome_unit"].isna().all():
        return  # a counted process is in minutes, and nobody has to say so
    found = sorted(set(frame["outcome_unit"].dropna().astype(str)))
    if found != [plan.outcome_unit]:
        raise RefusalError(
            "outcome_unit_mismatch",
            f"The plan says {plan.outcome_unit!r}; the data says"
            f" {', '.join(map(repr, found)) or 'nothing'}.",
            declared=plan.outcome_unit,
            delivered=found,
        )


def _check_values(rows: pd.DataFrame, plan: Plan) -> None:
    twice = rows[rows.duplicated(["unit", "date"])]
    if len(twice):
        raise RefusalError(
            "panel_has_duplicates",
            f"{len(twice)} rows repeat a unit and date, such as {_first_of(twice)}.",
            duplicate_rows=len(twice),
        )
    clusters = {plan.cluster, plan.assignment.cluster if plan.assignment else None}
    for name in (
        column for column in rows if column not in {"unit", "date", *clusters}
    ):
        rows[name] = _numbers(rows, str(name))
    for cluster in clusters - {None}:
        rows[cluster] = pd.factorize(rows[cluster].astype(str), sort=True)[0].astype(
            float
        )
    lowest = 0.0 if plan.scale == "additive" else np.nextafter(0.0, 1.0)
    negative = rows[rows["outcome"] < lowest]
    additive = plan.scale == "additive"
    if len(negative) and not (additive and plan.may_be_negative):
        what = "below zero" if additive else "not above zero, which a ratio needs"
        raise RefusalError(
            "outcome_negative",
            f"{len(negative)} outcomes are {what}, such as {_first_of(negative)}.",
            negative_rows=len(negative),
        )


def _numbers(rows: pd.DataFrame, name: str) -> pd.Series[float]:
    try:
        numbers = rows[name].astype(float)
    except (TypeError, ValueError) as error:
        raise RefusalError(
            "panel_not_numeric",
            f"Column {name!r} holds values that are not numbers: {error}.",
            column=name,
        ) from error
    infinite = rows[np.isinf(numbers)]
    if len(infinite):
        raise RefusalError(
            "outcome_not_finite",
            f"{len(infinite)} values of {name!r} are infinite, such as"
            f" {_first_of(infinite)}.",
            column=name,
            infinite_rows=len(infinite),
        )
    return numbers


def _first_of(rows: pd.DataFrame) -> str:
    unit, when = rows.iloc[0][["unit", "date"]]
    return f"{unit} on {when:%Y-%m-%d}"


def _calendar(rows: pd.DataFrame, plan: Plan) -> pd.DatetimeIndex:
    dates = pd.date_range(
        rows["date"].min(), rows["date"].max(), freq=FREQUENCIES[plan.period]
    )
    strange = rows[~rows["date"].isin(dates)]
    if len(strange):
        raise RefusalError(
            "panel_has_gaps",
            f"{_first_of(strange)} is not the first day of a {plan.period}"
            f"{', a Monday' if plan.period == 'week' else ''}.",
            strange_rows=len(strange),
        )
    if plan.period != "day":
        return dates
    # Offices close at weekends: a day of the week that never comes is no gap.
    working = rows.loc[rows["outcome"].notna(), "date"].dt.day_of_week.unique()
    return dates[dates.day_of_week.isin(working)] if len(working) else dates


def _wide(
    rows: pd.DataFrame,
    names: Sequence[str],
    units: tuple[str, ...],
    dates: pd.DatetimeIndex,
) -> dict[str, Floats]:
    """Return columns as units by periods; NaN where no row is.

    Rows of days of the week that are left out have no cell.
    """
    period = dates.get_indexer(pd.Index(rows["date"]))
    rows, period = rows[period >= 0], period[period >= 0]
    unit = pd.Index(units).get_indexer(pd.Index(rows["unit"]))
    wide: dict[str, Floats] = {}
    for name in names:
        wide[name] = np.full((len(units), len(dates)), np.nan)
        wide[name][unit, period] = rows[name].to_numpy(dtype=float)
    return wide


def _first_periods(
    units: tuple[str, ...], dates: pd.DatetimeIndex, plan: Plan
) -> NDArray[np.int64]:
    unknown = sorted({*plan.treated, *plan.rollout} - set(units))
    if unknown:
        raise RefusalError(
            "units_not_in_panel",
            f"The plan names units that the data lacks: {', '.join(unknown[:_SHOWN])}.",
            unknown_units=unknown,
        )
    starts = [plan.first_date(unit) for unit in units]
    if not plan.treated and not plan.rollout and len(units) == 1:
        starts = [plan.launch]
    positions = [
        len(dates) if start is None else dates.searchsorted(pd.Timestamp(start))
        for start in starts
    ]
    return np.array(positions, dtype=np.int64)


def _check_history(panel: Panel, plan: Plan) -> None:
    """Refuse an uninformative history, unless the study is an experiment."""
    if plan.assignment:
        return
    history = panel.outcome[:, : panel.launch]
    known = history[np.isfinite(history)]
    if len(known) and np.ptp(known) == 0:
        raise RefusalError(
            "outcome_constant",
            f"Every {plan.outcome} before {plan.launch} is {known[0]:g}.",
            value=float(known[0]),
        )
    often = np.isfinite(history).sum(axis=1).max() > 1
    low = np.where(np.isnan(history), np.inf, history).min(axis=1, initial=np.inf)
    high = np.where(np.isnan(history), -np.inf, history).max(axis=1, initial=-np.inf)
    if often and (low >= high).all():
        raise RefusalError(
            "outcome_constant",
            f"The {plan.outcome} of each unit is the same on all dates before"
            f" {plan.launch}: nothing tells what chance can do.",
            units=len(panel.units),
        )
    if not len(known):
        raise RefusalError(
            "pre_period_too_short",
            f"There is no outcome before the launch on {plan.launch}.",
            history_periods=0,
        )


def _hash(
    units: tuple[str, ...], dates: pd.DatetimeIndex, wide: Mapping[str, Floats]
) -> str:
    digest = hashlib.sha256("\x1f".join(units).encode())
    days = np.datetime_as_string(dates.to_numpy(), unit="D")
    digest.update("\x1f".join(days).encode())
    for name in sorted(wide):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(wide[name]).tobytes())
    return digest.hexdigest()
