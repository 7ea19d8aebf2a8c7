"""Writes reference rates the way the ECB publishes them; the rates are made up."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    #: Day (YYYY-MM-DD) → currency → rate, as text.
    Days = Mapping[str, Mapping[str, str]]

#: Columns of the history file that this one keeps; one currency is long gone.
HISTORY_CURRENCIES = ("USD", "JPY", "CYP", "GBP", "CHF", "IDR")
_PORTAL_HEADER = (
    "KEY,FREQ,CURRENCY,CURRENCY_DENOM,EXR_TYPE,EXR_SUFFIX,TIME_PERIOD,OBS_VALUE,"
    "OBS_STATUS,OBS_CONF,TIME_FORMAT,COLLECTION,DECIMALS,TITLE,TITLE_COMPL,UNIT,UNIT_MULT"
)


def history_csv(days: Days) -> str:
    """Return ``eurofxref-hist.csv``: newest first, N/A, a comma at each line's end."""
    lines: list[str] = [",".join(("Date", *HISTORY_CURRENCIES, ""))]
    for day in sorted(days, reverse=True):
        rates = (days[day].get(name, "N/A") for name in HISTORY_CURRENCIES)
        lines.append(",".join((day, *rates, "")))
    return "\n".join(lines) + "\n"


def history_zip(days: Days) -> bytes:
    """Return ``eurofxref-hist.zip``."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        # A fixed time: equal rates make equal archives.
        entry = zipfile.ZipInfo("eurofxref-hist.csv", (2026, 1, 1, 0, 0, 0))
        file.writestr(entry, history_csv(days))
    return archive.getvalue()


def portal_csv(days: Days, *, frequency: str = "D") -> str:
    """Return the data portal's CSV: series by series, oldest first."""
    currencies = sorted({name for rates in days.values() for name in rates})
    lines = [_PORTAL_HEADER]
    for currency in currencies:
        for day in sorted(days):
            value = days[day].get(currency, "")
            lines.append(
                f"EXR.{frequency}.{currency}.EUR.SP00.A,{frequency},{currency},EUR,"
                f"SP00,A,{day},{value},A,F,P1D,A,4,{currency}/Euro,"
                f'"ECB reference exchange rate, {currency}/Euro, 2.15 pm (C.E.T.)",'
                f"{currency},0"
            )
    return "\n".join(lines) + "\n"
