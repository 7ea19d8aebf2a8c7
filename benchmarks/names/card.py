"""``python -m benchmarks.names.card`` measures how well names on bills are read.

Composes bills from a half of the corpus, reads them as ``triptych discover`` does, and
counts by money what is AI, which model, which kind of token and whose. Writes the
counts to ``benchmarks/names/card.json``, from which ``make reference`` writes a
page. Wrong names are shown for the develop half alone: the blind half is never read.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from benchmarks.names.bills import bills
from benchmarks.names.macros import token_macros
from ingest.sources.tables.bill_formats import format_of_header
from ingest.storage.files import column_names
from triptych.discovery.charges import classify
from triptych.discovery.ledger_sample import Reading, bench, sample_file
from triptych.discovery.spend import read_spend

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.names.bills import Bill, Charge, Half

CARD: Final = Path(__file__).parent / "card.json"
BARS: Final = {"is_ai": 0.97, "model": 0.93, "token_kind": 0.95, "owner": 0.9}
TITLES: Final = {
    "is_ai": "is AI",
    "model": "model",
    "token_kind": "token kind",
    "owner": "owner",
}
#: Kind of the project → kind of the corpus; all else is ``other``.
KINDS: Final = {
    **dict.fromkeys(("input", "audio_input", "image_input"), "input"),
    **dict.fromkeys(("output", "reasoning", "audio_output", "image_output"), "output"),
    **dict.fromkeys(("cache_write", "cache_write_1h"), "cache_write"),
    "cached_input": "cache_read",
}
TOKEN_KINDS: Final = ("input", "output", "cache_read", "cache_write", "other")
#: No part of a model's identity: see the README of the corpus.
_UNTOLD = frozenset(
    (
        *("instruct", "it", "latest", "preview", "exp", "experimental", "maas", "fp"),
        *("v", "cohere", "amazon", "meta", "ai", "model", "models", "default"),
        "generate",
    )
)
_CONTEXT_SIZE = re.compile(r"\d+k(?![a-z0-9])")
_SNAPSHOT_DIGITS = 4


@dataclass(slots=True)
class Counts:
    """Money [USD] by what was read and what is true."""

    right: Decimal = Decimal(0)
    wrong: Decimal = Decimal(0)
    missed: Decimal = Decimal(0)

    def add(self, cost: Decimal, *, read: object, true: object) -> bool:
        """Count a charge and return whether it was read right; falsy means none."""
        if read and read == true:
            self.right += cost
            return True
        self.wrong += cost if read else 0
        self.missed += cost if true else 0
        return not read and not true


@dataclass(slots=True)
class Measured:
    """What was counted over the bills of a half."""

    counts: dict[tuple[str, str], Counts] = field(default_factory=dict)
    classes: Counter[tuple[str, bool]] = field(default_factory=Counter)
    kinds: Counter[tuple[str, str]] = field(default_factory=Counter)
    mistakes: list[tuple[str, str, str, str]] = field(default_factory=list)

    def add(self, part: str, charge: Charge, *, read: object, true: object) -> None:
        """Count one part of a charge, for its provider."""
        counts = self.counts.setdefault((part, charge.provider), Counts())
        if not counts.add(charge.cost, read=read, true=true):
            self.mistakes.append((part, charge.name, str(read), str(true)))

    def total(self, part: str, provider: str | None = None) -> Counts:
        """Return the counts of a part over all providers, or of one."""
        mine = [
            counts
            for (one, whose), counts in self.counts.items()
            if one == part and provider in {None, whose}
        ]
        nothing = Decimal(0)
        return Counts(
            sum((each.right for each in mine), nothing),
            sum((each.wrong for each in mine), nothing),
            sum((each.missed for each in mine), nothing),
        )


def identity(model: str | None) -> tuple[str, ...]:
    """Return the words of a model's name in any order, without what tells no model.

    Examples
    --------
    >>> identity("claude-sonnet-4-5-20250929") == identity("Claude 4.5 Sonnet")
    True
    >>> identity("gpt-5.4-mini") == identity("gpt-5.4")
    False
    """
    text = _CONTEXT_SIZE.sub(" ", (model or "").casefold())
    text = re.sub(r"(?<!\d)35(?!\d)", "3.5", text)
    # 2.0 is 2, and an embedding is one of several spellings.
    text = re.sub(r"(?<=\d)[.-]0(?!\d)", "", text)
    text = re.sub(r"embeddings?", "embed", text)
    words = re.findall(r"[a-z]+|\d+", text)
    return tuple(
        sorted(
            word
            for word in words
            if word not in _UNTOLD
            and not (word.isdigit() and len(word) >= _SNAPSHOT_DIGITS)
        )
    )


def measure(half: Half) -> Measured:
    """Read the bills of a half and count."""
    measured = Measured()
    with TemporaryDirectory(prefix="triptych-names-") as folder:
        for bill in bills(half):
            _read_bill(bill, Path(folder), measured)
    return measured


def _read_bill(bill: Bill, folder: Path, measured: Measured) -> None:
    """Count what discovery reads of a bill."""
    path = bill.write(folder)
    kind = format_of_header(column_names(path))
    if kind is None:
        raise ValueError(f"{path.name} is no bill that is known")
    with bench() as connection:
        reading = Reading()
        form = {"table": "charges", "label": path.name, "reading": reading}
        sample_file(connection, path, kind, **form)  # type: ignore[arg-type]
        classify(connection, "(SELECT *, row_number() OVER () AS line FROM charges)")
        spend = read_spend(connection)
        rows = connection.execute(
            f"SELECT is_ai, named_model, tags, {token_macros().kind_of_line()}"
            " FROM classified ORDER BY line"
        ).fetchall()
    keys = [role.key for role in spend.roles if role.role in {"team", "feature"}]
    folded = {
        spelling: owner
        for role in ("team", "feature")
        for owner, spellings in spend.spellings.get(role, {}).items()  # type: ignore[call-overload]
        for spelling in spellings
    }
    owners = [_owner(tags or {}, keys, folded) for *_, tags, _kind in rows]
    main = _main_owners(bill.charges, owners)
    for charge, owner, row in zip(bill.charges, owners, rows, strict=True):
        is_ai, named, _, token_kind = row
        _count(measured, charge, is_ai=is_ai, model=named, token_kind=token_kind)
        if charge.truth["is_ai"]:
            measured.add("owner", charge, read=owner, true=main.get(charge.team, ""))


def _owner(
    tags: Mapping[str, str], keys: Sequence[str], folded: Mapping[str, str]
) -> str:
    """Return the owner that the first of several keys names; empty for none."""
    value = next((tags[key] for key in keys if tags.get(key)), "")
    return folded.get(value, value)


def _main_owners(charges: Sequence[Charge], owners: Sequence[str]) -> dict[str, str]:
    """Return the owner that has most of a team's money: other spellings are wrong."""
    money: Counter[tuple[str, str]] = Counter()
    for charge, owner in zip(charges, owners, strict=True):
        if charge.team and owner:
            money[charge.team, owner] += int(charge.cost * 100)
    return {team: owner for (team, owner), _ in reversed(money.most_common())}


def _count(
    measured: Measured,
    charge: Charge,
    *,
    is_ai: bool,
    model: str | None,
    token_kind: str | None,
) -> None:
    truth = charge.truth
    measured.add("is_ai", charge, read=is_ai, true=truth["is_ai"])
    group = truth.get("ai_class", "not AI")
    measured.classes[group, bool(is_ai)] += int(charge.cost * 100)
    read = identity(model) if is_ai else ()
    measured.add("model", charge, read=read, true=identity(truth.get("model")))
    if "token_kind" in truth:
        true = truth["token_kind"]
        true = true if true in TOKEN_KINDS else "other"
        found = KINDS.get(token_kind or "", "other")
        measured.add("token_kind", charge, read=found, true=true)
        measured.kinds[true, found] += int(charge.cost * 100)


def figures(measured: Measured) -> dict[str, Any]:
    """Return the figures of a card: shares of money, and money [USD]."""
    providers = sorted({provider for _, provider in measured.counts})
    return {
        "total": {part: _shares(measured.total(part)) for part in BARS},
        "by_provider": {
            provider: {
                part: _shares(counts)
                for part in BARS
                if (counts := measured.total(part, provider)).right
                or counts.wrong
                or counts.missed
            }
            for provider in providers
        },
        "read_as_ai": {
            group: {
                "yes": measured.classes[group, True] / 100,
                "no": measured.classes[group, False] / 100,
            }
            for group in sorted({group for group, _ in measured.classes})
        },
        "token_kinds": {
            true: {found: measured.kinds[true, found] / 100 for found in TOKEN_KINDS}
            for true in TOKEN_KINDS
        },
    }


def _shares(counts: Counts) -> dict[str, float | None]:
    """Return precision and recall by money; None where there is no money."""
    read, true = counts.right + counts.wrong, counts.right + counts.missed
    return {
        "precision": round(float(counts.right / read), 4) if read else None,
        "recall": round(float(counts.right / true), 4) if true else None,
    }


def missed_bars(total: Mapping[str, Mapping[str, float | None]]) -> Iterator[str]:
    """Yield each part of a half's total that misses its bar."""
    for part, bar in BARS.items():
        for side, share in total[part].items():
            if share is None or share < bar:
                yield f"{TITLES[part]}, {side}: {share} below {bar}"


def page(card: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of the page that prints a card."""
    yield (
        "A corpus of meter, product and model names from public price lists and"
        " exports is split by hash. Rules were written with the *develop* half; the"
        " *blind* half was scored and never read. Bills with messy tags are composed"
        " of each half and read as `triptych discover` reads them. Precision and"
        " recall are shares of money. `make discovery-card` measures the develop half"
        " anew. Sources and truth: `tests/acceptance/blind_names/README.md`.\n"
    )
    yield (
        "One hand compiled the corpus, invented the spellings of owners and wrote the"
        " rules. A quarter of the names is composed after documented patterns or from"
        " memory. Since the first measurement 2.0 and 2 count as one version, embed"
        " and embeddings as one word.\n"
    )
    for when in (each for each in ("first", "closing") if each in card):
        yield f"## The {when} measurement, {card[when]['measured_on']}\n"
        yield from _totals(card[when])
    if again := card.get("again"):
        yield f"## Measured again, {again['measured_on']}\n"
        yield (
            "The blind half is not wholly blind here. Rules for Snowflake were written"
            f" after the score of {card['closing']['measured_on']} was seen. That score"
            " is the closing figure.\n"
        )
        yield from _totals(again)
    last = card.get("closing", card["first"])["blind"]
    yield "## The blind half by provider, closing measurement\n"
    yield "Precision and recall. A dash marks what its names do not state.\n"
    yield "| provider | " + " | ".join(TITLES.values()) + " |"
    yield "|---|" + "---|" * len(TITLES)
    for provider, parts in last["by_provider"].items():
        cells = (_cell(parts.get(part)) for part in BARS)
        yield f"| {provider} | " + " | ".join(cells) + " |"
    yield "\n## Confusion on the blind half [USD]\n"
    yield "| what it is | read as AI | read as not AI |"
    yield "|---|---|---|"
    for group, money in last["read_as_ai"].items():
        yield f"| {group} | {money['yes']:,.2f} | {money['no']:,.2f} |"
    yield "\nToken kinds: rows are true, columns are read.\n"
    yield "| | " + " | ".join(TOKEN_KINDS) + " |"
    yield "|---|" + "---|" * len(TOKEN_KINDS)
    for true, found in last["token_kinds"].items():
        cells = (f"{found[kind]:,.2f}" for kind in TOKEN_KINDS)
        yield f"| {true} | " + " | ".join(cells) + " |"


def _totals(measurement: Mapping[str, Any]) -> Iterator[str]:
    """Yield the table of both halves and their bars."""
    yield "| | develop | blind | bar | blind holds |"
    yield "|---|---|---|---|---|"
    blind = measurement["blind"]["total"]
    for part, bar in BARS.items():
        is_held = all((share or 0) >= bar for share in blind[part].values())
        yield (
            f"| {TITLES[part]} | {_cell(measurement['develop']['total'][part])}"
            f" | {_cell(blind[part])} | {bar} | {'yes' if is_held else '**no**'} |"
        )
    yield ""


def _cell(shares: Mapping[str, float | None] | None) -> str:
    """Return precision and recall as text."""
    if shares is None:
        return "–"
    return " · ".join("–" if s is None else f"{s:.3f}" for s in shares.values())


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure a half and print it, or with ``--publish`` both into the card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--publish", choices=("first", "closing", "again"))
    asked = parser.parse_args(arguments)
    develop = measure("develop")
    for part, name, read, true in develop.mistakes:
        print(f"{part}\t{name}\t{read}\t{true}")
    shown = {"develop": figures(develop)}
    print(json.dumps(shown["develop"]["total"], indent=1))
    if asked.publish:
        shown["blind"] = figures(measure("blind"))
        card = json.loads(CARD.read_text("utf-8")) if CARD.exists() else {}
        card[asked.publish] = {"measured_on": f"{datetime.now(UTC):%Y-%m-%d}", **shown}
        CARD.write_text(json.dumps(card, indent=1) + "\n", "utf-8")
        print(json.dumps(shown["blind"]["total"], indent=1))
        print("\n".join(missed_bars(shown["blind"]["total"])), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
