"""The ECB's euro reference rates, from its own address or from a file.

They are landed as published: units of a currency per euro on a day. Monthly rates,
inverses and crosses are computed by dbt, from all of them.

Each month is a separate delivery, because the ECB publishes its whole history every day
and nothing of it changes but the current month. A file that begins in the middle of a
month does not replace the known rates of that month.

Source: European Central Bank, *Euro foreign exchange reference rates*, and its Data
Portal.
"""

from __future__ import annotations

import csv
import hashlib
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, field_validator, model_validator

from ingest.connector import (
    Delivery,
    FilePart,
    Finding,
    Source,
    SourceConfig,
    Window,
)
from ingest.http.addresses import is_safe_endpoint
from ingest.http.client import HttpClient
from ingest.sources.ecb.rate_files import BASE, Quote, RateFile, read_rates
from triptych.core.errors import FatalSourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

HISTORY_URL = "https://www.ecb.europa.eu/stats/eurofxref/eurofxref-hist.zip"
_HEADER = ("rate_date", "from_currency", "to_currency", "rate", "rate_origin")


class EcbRatesConfig(SourceConfig):
    """Options of an ``ecb_rates`` source; with none it asks the ECB for its history."""

    model_config = ConfigDict(hide_input_in_errors=True)

    # There are no rates on weekends and over Easter.
    expected_lag_hours: int = 120
    path: str | None = Field(
        default=None,
        min_length=1,
        description="File with rates, relative to the workspace; instead of 'url'.",
    )
    url: str | None = Field(
        default=None,
        description="Address of a file with rates; the ECB's whole history if there is"
        " neither this nor 'path'.",
    )
    currencies: tuple[str, ...] = Field(
        default=(), description="Only these currencies; all if none."
    )
    start_month: str = Field(
        default="2020-01",
        pattern=r"^\d{4}-(0[1-9]|1[0-2])$",
        description="First month to read.",
    )
    timeout_seconds: float = Field(
        default=30, gt=0, le=600, description="Time to wait for an answer."
    )

    @field_validator("url")
    @classmethod
    def _is_safe(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        is_http = parts.scheme in {"http", "https"} and bool(parts.hostname)
        is_bare = "@" not in parts.netloc and not parts.fragment
        if not (is_http and is_bare and is_safe_endpoint(value)):
            message = "must be https without credentials in it, or on this machine"
            raise ValueError(message)
        return value

    @field_validator("currencies")
    @classmethod
    def _in_capitals(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(code.upper() for code in value)

    @model_validator(mode="after")
    def _has_one_origin(self) -> EcbRatesConfig:
        if self.path is not None and self.url is not None:
            message = "give either 'path' or 'url'"
            raise ValueError(message)
        return self


class EcbRates(Source[EcbRatesConfig]):
    """Reads the euro's reference rates."""

    type: ClassVar[str] = "ecb_rates"

    def __init__(self, config: EcbRatesConfig, *, root: Path) -> None:
        super().__init__(config, root=root)
        self._root = root

    def streams(self) -> Sequence[str]:
        """Return ``("fx_rates",)``."""
        return ("fx_rates",)

    def probe(self) -> Iterator[Finding]:
        """Fetch the file, and report its last day and number of currencies."""
        rates = self._rates()
        yield Finding(
            True,
            f"{self._label}: rates of {len(rates.currencies)} currencies up to"
            f" {rates.last_day}.",
        )

    def deliveries(self, window: Window) -> Iterator[Delivery]:
        """Offer every month inside the window, oldest first.

        Raises
        ------
        SourceError
            The file cannot be read, or does not quote a wanted currency.
        """
        rates = self._rates()
        for month, quotes in rates.months.items():
            wanted = self._wanted(quotes)
            is_asked = month >= self._config.start_month
            if wanted and is_asked and window.overlaps_month(month):
                yield self._delivery(rates, month, wanted)

    def read(self, delivery: Delivery, workdir: Path) -> Iterator[FilePart]:
        """Yield the rates of a month, a row for each day and currency."""
        quotes = delivery.detail
        assert isinstance(quotes, tuple)  # noqa: S101
        path = workdir / "rates.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(_HEADER)
            writer.writerows(
                (quote.day, BASE, quote.currency, quote.rate, "market")
                for quote in quotes
            )
        yield FilePart(path, "csv", self._label, is_owned=True)

    def _delivery(
        self, rates: RateFile, month: str, quotes: tuple[Quote, ...]
    ) -> Delivery:
        lines = "\n".join(f"{q.day} {q.currency} {q.rate}" for q in quotes)
        skip_reason = (
            f"it begins on {rates.first_day}, in the middle of {month}; of this month"
            " nothing was loaded, for its average would be that of its end."
            if rates.begins_within(month)
            else ""
        )
        return Delivery(
            stream="fx_rates",
            scope=month,
            period=month,
            fingerprint=hashlib.sha256(lines.encode()).hexdigest(),
            label=f"{self._label} ({month})",
            detail=quotes,
            skip_reason=skip_reason,
        )

    def _wanted(self, quotes: tuple[Quote, ...]) -> tuple[Quote, ...]:
        wanted = self._config.currencies
        return tuple(q for q in quotes if not wanted or q.currency in wanted)

    def _rates(self) -> RateFile:
        content = self._file() if self._config.path else self._answer()
        rates = read_rates(content, where=self._label)
        unknown = set(self._config.currencies) - rates.currencies - {BASE}
        if unknown:
            quoted = ", ".join(sorted(rates.currencies))
            raise FatalSourceError(
                f"There is no rate of {', '.join(sorted(unknown))}; the file quotes"
                f" {quoted}.",
                where=self._label,
                next_step="Correct 'currencies', or type that rate in.",
            )
        return rates

    def _file(self) -> bytes:
        try:
            return (self._root / str(self._config.path)).read_bytes()
        except OSError as error:
            raise FatalSourceError(
                f"The file cannot be read ({type(error).__name__}).",
                where=self._label,
                next_step="Put it there, or correct 'path' in triptych.yml.",
            ) from error

    def _answer(self) -> bytes:
        parts = urlsplit(self._config.url or HISTORY_URL)
        target = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        with HttpClient(
            base_url=f"{parts.scheme}://{parts.netloc}",
            source=self._config.name,
            denied_advice="No credential is needed for it: look at the proxy, or"
            " fetch the file in another way and name it with 'path'.",
            timeout_seconds=self._config.timeout_seconds,
        ) as client:
            return client.get_bytes(target)

    @property
    def _label(self) -> str:
        return self._config.path or self._config.url or HISTORY_URL
