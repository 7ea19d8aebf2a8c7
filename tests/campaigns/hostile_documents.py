"""Events, manifests of exports and settings, and what is done to them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.campaigns.hostile import (
    ODD_VALUES,
    Case,
    Counted,
    amount,
    broken_json,
    cut,
    flipped,
    odd_json,
    torn,
)
from tests.campaigns.hostile_tables import BESIDE, BILL, written
from tests.e2e.cases.closing_case import (
    CATALOG,
    INVOICES,
    RATES,
    RULES,
    SETTINGS,
    USAGE,
)
from tests.ingest.layouts.aws_export_layout import ExportLayout, Folder, focus_table
from tests.ingest.servers.receiver_process import deployed

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator
    from pathlib import Path

_HEAD = "organisation: Hostile\ncurrency: EUR\nsources:\n"
_BESIDE = "  - {name: beside, type: focus_files, path: beside}\n"


def _beside(rng: random.Random) -> tuple[dict[str, bytes], list[Counted]]:
    rows = [BILL.row(rng, number, BESIDE) for number in range(2)]
    content = written(rows, BILL.columns)
    return {"beside/bill.csv": content}, [BILL.counted(row) for row in rows]


def events(rng: random.Random) -> Iterator[Case]:
    """Yield events of CI/CD tools of which something is not as it should be."""
    settings = f"{_HEAD}{_BESIDE}  - {{name: ci, type: event_inbox, path: hostile}}\n"
    while True:
        names = [f"d-{number}" for number in range(rng.randrange(3, 8))]
        good = [deployed(name) for name in names]
        victim = rng.randrange(len(good))
        lines = [json.dumps(event) for event in good]
        match rng.randrange(6):
            case 0 | 1:
                act, lines[victim] = "an odd value", odd_json(good[victim], rng)
            case 2:
                broken = broken_json(lines[victim], rng)
                act, lines[victim] = "broken JSON", broken.replace("\n", " ")
            case 3:
                act = "an odd moment"
                good[victim]["context"]["timestamp"] = rng.choice(
                    ("2026-03-20T14:27:05+99:00", "9999-12-31T23:59:59Z", "now", "", 7)
                )
                lines[victim] = json.dumps(good[victim])
            case 4:
                act = "data in base64"
                binary = {"specversion": "1.0", "id": "x", "source": "/s"}
                binary |= {"type": "dev.cdevents.service.deployed.0.3.0"}
                data = rng.choice(("ünïcode", "====", "", "8J+Ygg==", "a", 7))
                lines[victim] = json.dumps({**binary, "data_base64": data})
            case _:
                act = "damaged bytes"
        content = "\n".join(lines).encode("utf-8", "surrogatepass") + b"\n"
        if act == "damaged bytes":
            content = rng.choice((flipped, cut, torn))(content, rng)
        others = [name for name in names if name != f"d-{victim}"]
        must = [(name, "") for name in others] if act != "damaged bytes" else []
        files, beside = _beside(rng)
        files |= {"triptych.yml": settings.encode(), "hostile/day.jsonl": content}
        # An event may say anything of itself; it stays one event.
        yield Case(
            *("event", act, files, [("*", "")] * (len(names) + 1), must, beside),
            "hostile day.jsonl",
        )


def manifests(rng: random.Random, folder: Path) -> Iterator[Case]:
    """Yield exports of AWS whose manifest, or a file that it names, is spoiled."""
    source = "type: aws_data_exports, path: hostile, prefix: exports, export: focus"
    settings = f"{_HEAD}{_BESIDE}  - {{name: aws, {source}}}\n"
    number = 0
    while True:
        number += 1
        place = folder / str(number)
        layout = ExportLayout(Folder(place))
        costs = [f"{Decimal(rng.randrange(1, 10**6)).scaleb(-2)}" for _ in range(4)]
        keys = layout.overwrite(
            "2026-03",
            [
                focus_table("2026-03", part, is_decimal=True)
                for part in (costs[:2], costs[2:])
            ],
            file_format=rng.choice(("parquet", "csv")),
        )
        [path] = place.rglob("focus-Manifest.json")
        act, may_shrink = _spoil(path, [place / key for key in keys], rng)
        full = [(amount(cost), "USD") for cost in costs]
        files, beside = _beside(rng)
        files |= {"triptych.yml": settings.encode()}
        files |= {
            f"hostile/{each.relative_to(place)}": each.read_bytes()
            for each in place.rglob("*")
            if each.is_file()
        }
        yield Case(
            *("manifest", act, files, full, [] if may_shrink else full, beside),
            "focus",
        )


def _spoil(manifest: Path, files: list[Path], rng: random.Random) -> tuple[str, bool]:
    """Spoil an export; return how, and whether it may name fewer files than before."""
    content = json.loads(manifest.read_text())
    named = content["dataFiles"]
    match rng.randrange(9):
        case 0 | 1:
            manifest.write_text(odd_json(content, rng), errors="surrogatepass")
            return "an odd value", True
        case 2:
            broken = broken_json(manifest.read_text(), rng)
            manifest.write_text(broken)
            return "broken JSON", True
        case 3:
            act = rng.choice((flipped, cut, torn))
            manifest.write_bytes(act(manifest.read_bytes(), rng))
            return "damaged bytes", True
        case 4:
            files[0].write_bytes(rng.choice((b"", b"x", files[0].read_bytes()[:-9])))
            return "a damaged file", False
        case 5:
            files[0].unlink()
            return "a file that is missing", False
        case 6:
            content["dataFiles"] = [named[0], named[0], named[1], *named]
            act_name = "a file that is named twice"
        case 7:
            strange = rng.choice(
                ("../../secret.csv", "s3://other/x.csv", "", "a" * 5_000, "\x00", "/")
            )
            content["dataFiles"] = [*named, strange]
            act_name = "a place of its own"
        case _:
            content["dataFiles"] = rng.choice(ODD_VALUES)
            act_name = "no list of files"
    manifest.write_text(json.dumps(content), errors="surrogatepass")
    return act_name, act_name == "no list of files"


ASSUMPTIONS = """\
assumptions:
  - id: capital
    kind: discount_rate
    applies_to: all
    value: 0.08
    unit: ratio/year
    owner: Treasury
    source: Plan 2026
    valid_from: 2026-01-01
"""
_FILES = {
    "triptych.yml": SETTINGS,
    "allocation.yml": RULES,
    "catalog.yml": CATALOG,
    "assumptions.yml": ASSUMPTIONS,
}
_DATA = {"usage.csv": USAGE, "rates.csv": RATES, "invoices.csv": INVOICES}
_SCALARS = (
    "null", "~", "''", "-1", "1e400", ".nan", ".inf", "yes", "2026-99-99", "[]", "{}",
    "'" + "x" * 3_000 + "'", '"\\0"', "!!python/object:os.system {}", "&a [*a]", "*a",
    "${HOME}", "'{{ 1 }}'", "0o7", "1_000", "'\u202e'", "? a", "!!binary '===='",
    "[" * 400 + "]" * 400, "<<: *x", "|", "'EUR'", "\"'\"", "0.0000000000000001", "99",
)  # fmt: skip


def settings(rng: random.Random) -> Iterator[Case]:
    """Yield workspaces of which one file of settings is not as it should be."""
    acts: dict[str, Callable[[str, random.Random], str | bytes]] = {
        "an odd value": _odd_value,
        "a line away": _line_away,
        "a line twice": _line_twice,
        "indentation": _indented,
        "a tab": lambda text, rng: _at_a_line(text, rng, "\t"),
        "an unknown key": lambda text, rng: _at_a_line(text, rng, "organsation: 1\n"),
        "flipped bits": lambda text, rng: flipped(text.encode(), rng),
        "torn text": lambda text, rng: torn(text.encode(), rng),
        "cut off text": lambda text, rng: cut(text.encode(), rng),
        "deep": lambda text, rng: text + "x: " + "[" * rng.choice((50, 5_000)),
        "deep blocks": lambda text, _: text
        + "\n".join(" " * depth + "a:" for depth in range(2_000)),
        "many aliases": lambda text, _: text
        + "x: &a [1,1,1,1,1,1,1,1,1]\n"
        + "".join(f"y{n}: &b{n} [{','.join(['*a' if n == 0 else f'*b{n - 1}'] * 9)}]\n"
                  for n in range(8)),
        "two documents": lambda text, _: f"{text}---\n{text}",
        "a list": lambda text, _: "".join(f"- {line}\n" for line in text.splitlines()),
        "nothing": lambda _text, _rng: "",
        "UTF-16": lambda text, _: text.encode("utf-16"),
    }  # fmt: skip
    while True:
        for act, spoil in acts.items():
            name = rng.choice(sorted(_FILES))
            spoiled = spoil(_FILES[name], rng)
            files = {key: text.encode() for key, text in {**_FILES, **_DATA}.items()}
            content = spoiled if isinstance(spoiled, bytes) else spoiled.encode()
            files[name] = content
            row = BILL.row(rng, 1, "EUR")
            files["bills/march.csv"] = written([row], BILL.columns)
            yield Case(
                *("settings", act, files, [BILL.counted(row)], [], []), suspect=name
            )


def _odd_value(text: str, rng: random.Random) -> str:
    lines = text.splitlines()
    places = [n for n, line in enumerate(lines) if ":" in line]
    number = rng.choice(places)
    parts = lines[number].split(":")
    at = rng.randrange(1, len(parts))
    tail = "}" if parts[at].rstrip().endswith("}") else ""
    rest = parts[at].partition(",")[2] if "," in parts[at] else ""
    parts[at] = f" {rng.choice(_SCALARS)}{',' + rest if rest else tail}"
    lines[number] = ":".join(parts)
    return "\n".join(lines) + "\n"


def _line_away(text: str, rng: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    del lines[rng.randrange(len(lines))]
    return "".join(lines)


def _line_twice(text: str, rng: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    number = rng.randrange(len(lines))
    return "".join([*lines[: number + 1], *lines[number:]])


def _indented(text: str, rng: random.Random) -> str:
    return _at_a_line(text, rng, rng.choice(("  ", " ", "    ")))


def _at_a_line(text: str, rng: random.Random, more: str) -> str:
    lines = text.splitlines(keepends=True)
    number = rng.randrange(len(lines))
    lines[number] = more + lines[number]
    return "".join(lines)
