"""ECB history file of euro reference rates, with an unreadable rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ingest.sample_company.exchange import RATE_UNITS

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.sample_company.exchange import Exchange

_NOT_QUOTED: Final = "RUB"


def write_ecb_history(path: Path, exchange: Exchange) -> int:
    """Write ``eurofxref-hist.csv``, newest day first; returns the number of rates."""
    days = sorted(exchange.quotes, reverse=True)
    currencies = ["USD", *exchange.other_quotes(days[0]), _NOT_QUOTED]
    lines = [",".join(["Date", *currencies, ""])]
    for day in days:
        whole, rest = divmod(exchange.quotes[day], RATE_UNITS)
        others = exchange.other_quotes(day)
        if day == days[-1]:
            others["GBP"] = "suspended"
        lines.append(
            ",".join([f"{day}", f"{whole}.{rest:04d}", *others.values(), "N/A", ""])
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(days) * (len(currencies) - 1) - 1
