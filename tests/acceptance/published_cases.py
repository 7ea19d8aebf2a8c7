"""Studies that others have published: data, plan, and what was found.

Files lie in the developer data beside the repository (``../shared/data/causal``) or in
the folder that ``TRIPTYCH_CAUSAL_DATA`` names. None is committed; where one comes from
is said with its case, and a case without its file is skipped.

Nothing that is delivered lies before 2000, so each year stands as a month, from 1950 as
January 2000 on, and quarters stand ten years later. Order and number of periods are
those of the study.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

    Table = pd.DataFrame
    Facts = dict[str, Any]

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "causal"
_NORMAL_95 = 1.96


@dataclass(frozen=True)
class PublishedCase:
    """A study with its published answer.

    Attributes
    ----------
    name : str
        Of the study and of its metric.
    file : str
        What it is read from.
    origin : str
        Where that file is found.
    publication : str
        Who found what.
    read : callable
        The file as ``unit``, ``date``, ``value``, and what the plan says of it.
    value : float
        The published estimate, per treated unit and period.
    published : tuple of float
        The published interval.
    refused : str
        The code of the refusal that a referee would accept; empty: it is estimated.
    reason : str
        Why he would.
    """

    name: str
    file: str
    origin: str
    publication: str
    read: Callable[[Path], tuple[Table, Facts]]
    value: float
    published: tuple[float, float]
    refused: str = ""
    reason: str = ""

    @property
    def path(self) -> Path | None:
        """The file, where it lies on this machine."""
        folders = [SHARED, Path(os.environ.get("TRIPTYCH_CAUSAL_DATA", SHARED))]
        found = [folder / self.file for folder in folders]
        return next((path for path in found if path.is_file()), None)


def _interval(estimate: float, error: float) -> tuple[float, float]:
    return estimate - _NORMAL_95 * error, estimate + _NORMAL_95 * error


def _year(year: int) -> str:
    """Return the month that stands for a year."""
    return f"{2000 + (year - 1950) // 12}-{(year - 1950) % 12 + 1:02d}-01"


def _years(values: pd.Series[Any]) -> pd.Series[Any]:
    return pd.to_datetime(values.astype(int).map(_year))


def _quarters(years: pd.Series[Any], quarters: pd.Series[Any]) -> pd.Series[Any]:
    later = (years.astype(int) + 10).astype(str)
    months = ((quarters.astype(int) - 1) * 3 + 1).astype(str)
    return pd.to_datetime(later + "-" + months + "-01")


def _panel(unit: pd.Series[Any], date: pd.Series[Any], value: Any) -> Table:
    columns = {"unit": unit.astype(str), "date": date, "value": value}
    return pd.DataFrame(columns).dropna().reset_index(drop=True)


def _one_treated(
    treated: str, launch: str, end: str, *, period: str = "month", **more: object
) -> Facts:
    return {"treated": [treated], "launch": launch, "end": end, "period": period} | more


def _rollout(starts: pd.Series[Any], end: int) -> Facts:
    days = {str(unit): _year(int(year)) for unit, year in starts.items()}
    launch = min(days.values())
    return {"rollout": days, "launch": launch, "end": _year(end), "period": "month"}


def _germany(path: Path) -> tuple[Table, Facts]:
    table = pd.read_csv(path)
    panel = _panel(table["country"], _years(table["year"]), table["gdp"])
    return panel, _one_treated("West Germany", _year(1990), _year(2004))


def _basque(path: Path) -> tuple[Table, Facts]:
    table = pd.read_csv(path)
    table = table[table["regionname"] != "Spain (Espana)"]
    panel = _panel(table["regionname"], _years(table["year"]), table["gdpcap"])
    region = "Basque Country (Pais Vasco)"
    return panel, _one_treated(region, _year(1975), _year(1998))


def _basque_to_1994(path: Path) -> tuple[Table, Facts]:
    panel, facts = _basque(path)
    return panel, facts | {"end": _year(1995)}


def _california(path: Path) -> tuple[Table, Facts]:
    table = pd.read_csv(path, sep=";")
    panel = _panel(table["State"], _years(table["Year"]), table["PacksPerCapita"])
    return panel, _one_treated("California", _year(1989), _year(2001))


def _texas(path: Path) -> tuple[Table, Facts]:
    table = pd.read_csv(path)
    panel = _panel(table["state"], _years(table["year"]), table["bmprison"])
    return panel, _one_treated("Texas", _year(1993), _year(2001))


def _kansas(path: Path) -> tuple[Table, Facts]:
    table = pd.read_csv(path)
    dates = _quarters(table["year"], table["qtr"])
    panel = _panel(table["state"], dates, table["lngdpcapita"])
    facts = _one_treated("Kansas", "2022-04-01", "2026-04-01", period="quarter")
    return panel, facts


def _geolift(path: Path) -> tuple[Table, Facts]:
    table = pd.read_csv(path)
    panel = _panel(table["location"], pd.to_datetime(table["date"]), table["Y"])
    facts = _one_treated("chicago", "2021-04-01", "2021-04-16", period="day")
    return panel, facts | {"treated": ["chicago", "portland"]}


def _organ_donation(path: Path) -> tuple[Table, Facts]:
    table = pd.read_csv(path)
    quarter, year = table["Quarter"].str[1], table["Quarter"].str[2:]
    panel = _panel(table["State"], _quarters(year, quarter), table["Rate"])
    facts = _one_treated("California", "2021-07-01", "2022-04-01", period="quarter")
    return panel, facts


def _mpdta(path: Path) -> tuple[Table, Facts]:
    table = pd.read_csv(path)
    county = table["countyreal"].astype(int).astype(str)
    panel = _panel(county, _years(table["year"]), table["lemp"])
    starts = table.groupby(county)["first.treat"].first()
    return panel, _rollout(starts[starts > 0], 2008)


def _mpdta_from_2006(path: Path) -> tuple[Table, Facts]:
    """Leave out the twenty counties of 2004, which have one year before."""
    panel, facts = _mpdta(path)
    days = facts["rollout"].items()
    later = {unit: day for unit, day in days if day >= _year(2006)}
    early = set(facts["rollout"]) - set(later)
    facts |= {"rollout": later, "launch": _year(2006)}
    return panel[~panel["unit"].isin(early)], facts


def _castle(path: Path) -> tuple[Table, Facts]:
    table = pd.read_csv(path)
    state = table["sid"].astype(int).astype(str)
    panel = _panel(state, _years(table["year"]), np.log(table["homicide"]))
    has_law = table["post"] > 0
    return panel, _rollout(table[has_law].groupby(state[has_law])["year"].min(), 2011)


def _drinking_age(path: Path) -> tuple[Table, Facts]:
    """Deaths on roads at 18 to 20 a year and 100,000, in states that let them drink.

    States in which they could in 1971 or before have no two years before. From 1979 on
    ages were raised again.
    """
    table = pd.read_csv(path)
    is_asked = (table["agegr"] == "18-20 yrs") & (table["dtype"] == "MVA")
    table = table[is_asked & (table["year"] <= 1978)]
    state = table["state"].astype(int).astype(str)
    is_legal = table["legal"] > 0
    starts = table[is_legal].groupby(state[is_legal])["year"].min()
    early = starts[starts <= 1971].index
    panel = _panel(state, _years(table["year"]), table["mrate"])
    panel = panel[~panel["unit"].isin(early)]
    return panel, _rollout(starts.drop(early), 1979)


PUBLISHED_CASES = (
    PublishedCase(
        "germany",
        "german_reunification.csv",
        "sdfordham/pysyncon, data/germany.csv",
        "Abadie, Diamond and Hainmueller 2015 (AJPS 59): about 1,600 dollars a head and"
        " year from 1990 to 2003; −1,555 (318) by pysyncon, tests/test_synth_germany",
        _germany,
        -1555.13,
        _interval(-1555.13, 317.65),
    ),
    PublishedCase(
        "basque",
        "basque.csv",
        "sdfordham/pysyncon, data/basque.csv",
        "Abadie and Gardeazabal 2003 (Amer. Econ. Rev. 93): about 10 % of GDP;"
        " −0.700 (0.071) thousand dollars a head and year from 1975 to 1997, pysyncon,"
        " tests/test_synth_basque",
        _basque,
        -0.6996,
        _interval(-0.6996, 0.0708),
        refused="pre_period_too_short",
        reason="20 years before the launch show nothing of how far 23 years part",
    ),
    PublishedCase(
        "basque-to-1994",
        "basque.csv",
        "sdfordham/pysyncon, data/basque.csv",
        "the same, to 1994: as many years after the launch as before",
        _basque_to_1994,
        -0.6996,
        _interval(-0.6996, 0.0708),
        refused="donors_do_not_span",
        reason="two regions alone resemble it, and miss it before the launch by 2.3"
        " times what a usual region is missed by",
    ),
    PublishedCase(
        "california",
        "prop99_synthdid.csv",
        "synth-inference/synthdid, data/california_prop99.csv",
        "Arkhangelsky et al. 2021 (Amer. Econ. Rev. 111), table 1: synthetic DiD"
        " −15.6 (8.4) packs a head and year",
        _california,
        -15.604,
        _interval(-15.604, 8.4),
    ),
    PublishedCase(
        "kansas",
        "kansas.csv",
        "ebenmichael/augsynth, data/kansas.rda",
        "Ben-Michael, Feller and Rothstein 2021 (JASA 116), vignette: −0.0294 by"
        " synthetic control, −0.0401 with a ridge; pointwise 95 % [−0.067, 0.008] to"
        " [−0.091, 0.004]",
        _kansas,
        -0.0294,
        (-0.091, 0.008),
    ),
    PublishedCase(
        "texas",
        "texas.csv",
        "sdfordham/pysyncon, data/texas.csv",
        "Cunningham 2021, Causal Inference: The Mixtape, chapter 10; 20,339 (3,190) men"
        " a year from 1993 to 2000 by pysyncon, tests/test_synth_texas",
        _texas,
        20339.0,
        _interval(20339.0, 3190.5),
        refused="pre_period_too_short",
        reason="eight years before the launch fit weights of fifty donors by chance",
    ),
    PublishedCase(
        "geolift",
        "geolift.csv",
        "facebookincubator/GeoLift, GeoLiftPython/GeoLift_Test.csv",
        "GeoLift, walkthrough and *Confidence Interval Explanation*: 155.6 a city and"
        " day, 90 % [−81.7, 378.3]",
        _geolift,
        155.556,
        (-81.69, 378.33),
    ),
    PublishedCase(
        "organ-donation",
        "organ_donation.csv",
        "NickCH-K/causaldata, organ_donations",
        "Kessler and Roth 2014 (NBER 20378); Huntington-Klein 2021, The Effect, chapter"
        " 18: −0.022 (0.006) by two-way fixed effects",
        _organ_donation,
        -0.022,
        _interval(-0.022, 0.006),
        refused="pre_period_too_short",
        reason="three quarters before the change can fit no weights of 26 donors",
    ),
    PublishedCase(
        "mpdta",
        "mpdta.csv",
        "bcallaway11/did, mpdta",
        "Callaway and Sant'Anna 2021 (J. Econometrics 225), R package did: −0.0400"
        " (0.0120)",
        _mpdta,
        -0.0400,
        _interval(-0.0400, 0.0120),
        refused="pre_period_too_short",
        reason="the first counties start in the second of five years: one year before"
        " shows no trend",
    ),
    PublishedCase(
        "mpdta-from-2006",
        "mpdta.csv",
        "bcallaway11/did, mpdta",
        "R package did, mpdta_R_did_attgt.csv: the cohorts of 2006 and 2007 alone,"
        " between −0.053 and 0.003; imputation over all −0.0477 (0.0132)",
        _mpdta_from_2006,
        -0.0400,
        _interval(-0.0400, 0.0120),
    ),
    PublishedCase(
        "castle-doctrine",
        "castle.csv",
        "NickCH-K/causaldata, castle",
        "Cheng and Hoekstra 2013 (J. Human Resources 48): 8 to 10 % more homicides,"
        " 0.06 to 0.10 over specifications; weighted 0.0755 (0.0348)",
        _castle,
        0.0755,
        _interval(0.0755, 0.0348),
    ),
    PublishedCase(
        "drinking-age",
        "deaths.csv",
        "jrnold/masteringmetrics, masteringmetrics/data/deaths.rda",
        "Angrist and Pischke 2015, Mastering 'Metrics, table 5.2: 7.59 (2.43) deaths on"
        " roads, 1970 to 1983",
        _drinking_age,
        7.59,
        _interval(7.59, 2.43),
    ),
)
