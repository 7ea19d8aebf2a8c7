"""A ledger in several currencies with rates of several origins, for a property test.

:class:`Exchange` says what it must come to, in fractions, written apart from the SQL.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from tests.dbt.allocation_reference import rounded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CURRENCIES = ("EUR", "USD", "JPY", "GBP")
DAYS = (date(2026, 1, 5), date(2026, 1, 30), date(2026, 2, 2), date(2026, 2, 27))
MONTHS = ("2025-12", "2026-01", "2026-02")
#: Rate of the month before, converted amounts, and their effect, per basis.
Line = tuple[Fraction | None, ...]


@dataclass(frozen=True, slots=True)
class Charge:
    """A charge; those of one month, source and currency are one row of the ledger."""

    month: str
    source: str
    currency: str
    billed_cost: Decimal
    effective_cost: Decimal


@dataclass(frozen=True, slots=True)
class Rate:
    """One row of ``stg_tables__fx_rates``."""

    load: str
    origin: str
    source: str
    day: date
    from_currency: str
    to_currency: str
    rate: Decimal


@dataclass(frozen=True, slots=True)
class ExchangeCase:
    """A ledger, the rates there are, and what is reported in."""

    charges: tuple[Charge, ...]
    rates: tuple[Rate, ...]
    reporting: str
    rule: str


class Exchange:
    """The reference for one case.

    The ledger's rows are what is converted: charges of a day that go to the same
    target are added first, in their own currency, and each sum is rounded once.
    """

    def __init__(self, case: ExchangeCase) -> None:
        self._case = case
        self._rows = tuple(_ledger_rows(case.charges))

    def rate(self, month: str, currency: str) -> Fraction | None:
        """Return the rate of a month into the reporting currency."""
        return self._typed(month, currency) or self._market(month, currency)

    def ledger(self) -> dict[tuple[str, str, str], tuple[Fraction, Fraction]]:
        """Return both bases by month, billed currency and currency of the ledger."""
        sums: dict[tuple[str, str, str], list[Fraction]] = defaultdict(
            lambda: [Fraction(), Fraction()]
        )
        for charge in self._rows:
            rate = self._applied(charge)
            currency = charge.currency if rate is None else self._case.reporting
            total = sums[charge.month, charge.currency, currency]
            for position, amount in enumerate(
                (charge.billed_cost, charge.effective_cost)
            ):
                total[position] += _converted(amount, rate)
        return {key: (billed, effective) for key, (billed, effective) in sums.items()}

    def effects(self) -> dict[tuple[str, str], Fraction | None]:
        """Return the billed effect by month and billed currency."""
        effects: dict[tuple[str, str], Fraction | None] = {}
        for charge in self._rows:
            if charge.currency == self._case.reporting:
                continue
            key = (charge.month, charge.currency)
            now = self.rate(*key)
            before = self.rate(_month_before(charge.month), charge.currency)
            if now is None or before is None:
                effects[key] = None
                continue
            moved = _converted(charge.billed_cost, now) - _converted(
                charge.billed_cost, before
            )
            effects[key] = (effects.get(key) or Fraction()) + moved
        return effects

    def _applied(self, charge: Charge) -> Fraction | None:
        if charge.currency == self._case.reporting:
            return None
        return self.rate(charge.month, charge.currency)

    def _typed(self, month: str, currency: str) -> Fraction | None:
        found = [
            rate
            for rate in self._case.rates
            if rate.origin == "typed"
            and (rate.from_currency, rate.to_currency)
            == (currency, self._case.reporting)
            and rate.day.strftime("%Y-%m") == month
        ]
        newest = max(found, key=lambda r: (r.day, r.load, r.rate), default=None)
        return None if newest is None else Fraction(newest.rate)

    def _market(self, month: str, currency: str) -> Fraction | None:
        candidates = []
        for source in ("bank", "ecb"):
            for base in CURRENCIES:
                days = list(self._quoted_days(source, base, month, currency))
                if self._case.rule == "month_end":
                    days = days[-1:]
                if days:
                    foreign = sum((f for f, _ in days), Fraction())
                    own = sum((o for _, o in days), Fraction())
                    rate = rounded(own / foreign, 12 if own >= foreign else 15)
                    steps = 0 if currency == base else 1
                    steps += 0 if steps == 0 or self._case.reporting == base else 1
                    candidates.append((steps, -len(days), source, -rate))
        return -min(candidates)[3] if candidates else None

    def _quoted_days(
        self, source: str, base: str, month: str, currency: str
    ) -> Iterator[tuple[Fraction, Fraction]]:
        for day in DAYS:
            if day.strftime("%Y-%m") == month:
                foreign = self._quote(source, base, day, currency)
                own = self._quote(source, base, day, self._case.reporting)
                if foreign is not None and own is not None:
                    yield foreign, own

    def _quote(
        self, source: str, base: str, day: date, currency: str
    ) -> Fraction | None:
        found = [
            rate
            for rate in self._case.rates
            if rate.origin == "market"
            and (rate.source, rate.from_currency, rate.day) == (source, base, day)
        ]
        if currency == base:
            return Fraction(1) if found else None
        quotes = [rate for rate in found if rate.to_currency == currency]
        newest = max(quotes, key=lambda r: (r.load, r.rate), default=None)
        return None if newest is None else Fraction(newest.rate)


def _ledger_rows(charges: Iterable[Charge]) -> Iterator[Charge]:
    """Add up the charges of a month, a source and a currency."""
    sums: dict[tuple[str, str, str], tuple[Decimal, Decimal]] = {}
    for charge in charges:
        key = (charge.month, charge.source, charge.currency)
        billed, effective = sums.get(key, (Decimal(0), Decimal(0)))
        sums[key] = (billed + charge.billed_cost, effective + charge.effective_cost)
    for key, amounts in sums.items():
        yield Charge(*key, *amounts)


def _converted(amount: Decimal, rate: Fraction | None) -> Fraction:
    if rate is None:
        return Fraction(amount)
    places = 8 if rate >= 100 else 12 if rate >= Fraction(1, 1000) else 15
    return rounded(Fraction(amount) * rounded(rate, places), 10)


def _month_before(month: str) -> str:
    year, number = (int(part) for part in month.split("-"))
    return f"{year - 1}-12" if number == 1 else f"{year}-{number - 1:02d}"


def _amounts() -> st.SearchStrategy[Decimal]:
    units = st.integers(-(10**13), 10**13)
    return units.map(lambda count: count * Decimal("0.0001"))


def _values() -> st.SearchStrategy[Decimal]:
    return st.one_of(
        st.integers(1, 2 * 10**6).map(lambda n: n * Decimal("0.0001")),
        st.integers(10**6, 10**9).map(lambda n: n * Decimal("0.0000001")),
        st.sampled_from([Decimal("19000.5"), Decimal("0.0000525")]),
    )


def _typed_rates() -> st.SearchStrategy[Rate]:
    return st.builds(
        Rate,
        load=st.sampled_from(["l1", "l2"]),
        origin=st.just("typed"),
        source=st.just("treasury"),
        day=st.sampled_from(DAYS),
        from_currency=st.sampled_from(CURRENCIES),
        to_currency=st.sampled_from(CURRENCIES),
        rate=_values(),
    )


@st.composite
def _publications(draw: st.DrawFn) -> tuple[Rate, ...]:
    """Draw what one market source publishes against one base, with gaps."""
    source = draw(st.sampled_from(["ecb", "bank"]))
    base = draw(st.sampled_from(["EUR", "EUR", "JPY"]))
    gaps = draw(st.frozensets(st.sampled_from(DAYS), max_size=2))
    return tuple(
        Rate(load, "market", source, day, base, currency, draw(_values()))
        for day in DAYS
        if day not in gaps
        for currency in CURRENCIES
        for load in draw(st.sampled_from([["l1"], ["l1"], ["l1", "l2"], []]))
    )


def exchange_cases() -> st.SearchStrategy[ExchangeCase]:
    """Draw a ledger with rates of any origin, or without."""
    charges = st.builds(
        Charge,
        month=st.sampled_from(MONTHS[1:]),
        source=st.sampled_from(["aws", "gcp"]),
        currency=st.sampled_from(CURRENCIES),
        billed_cost=_amounts(),
        effective_cost=_amounts(),
    )
    return st.builds(
        ExchangeCase,
        charges=st.lists(charges, min_size=1, max_size=8).map(tuple),
        rates=st.tuples(
            st.lists(_typed_rates(), max_size=3),
            st.lists(_publications(), max_size=2),
        ).map(lambda drawn: (*drawn[0], *(r for some in drawn[1] for r in some))),
        reporting=st.sampled_from(CURRENCIES[:2]),
        rule=st.sampled_from(["month_average", "month_end"]),
    )
