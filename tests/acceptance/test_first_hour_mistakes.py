"""Mistakes of a first hour: each stops, is named or is read right before it counts.

What each must be answered was written down before any was tried; the list is frozen.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import re
import shutil
import tempfile
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from typer.testing import CliRunner

from tests.acceptance.first_hour.files import TEXTS
from tests.dbt.conftest import build_empty_workspace
from triptych.cli import app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typer.testing import Result

    from tests.conftest import BuiltWorkspaces

FOLDER = Path(__file__).parent / "first_hour"
#: List → its SHA-256 as it was before the first try.
FROZEN = {
    "mistakes.yml": "94b1b9d642f18ae758786f05f4fb9482596b320e57dcbd21bc8dc73365690de9",
    "more_mistakes.yml": (
        "144930e251b637361b84cabf198d2dca913986a43b50a5db6996cd5f46a0c0ae"
    ),
}
MISTAKES: list[dict[str, Any]] = [
    mistake
    for name in FROZEN
    for mistake in yaml.safe_load((FOLDER / name).read_text("utf-8"))
]
SETTINGS = (
    "organisation: Example\ncurrency: EUR\nsources:\n"
    "  - {name: bills, type: focus_files, path: bills}\n"
)
LEDGER = "SELECT sum(billed_cost)::VARCHAR AS cost FROM cost.fct_daily_model_costs"
_NOBODY = 65534
#: Said in other words than were written down, as a person judged afterwards.
OTHER_WORDS = {
    "dates that can mean two days": ("5/1/26", "6/1/26"),
    "a rule over a column within a column": ("sku", "Rules look at the column"),
    "a currency written as its sign": (
        "€|BillingCurrency|billing_currency",
        "unknown_currency",
    ),
}
#: Read as they are meant, where a refusal was expected: what then shows it.
READ_RIGHT = {
    "percentages of a pool as percent strings": "The settings in .* are valid",
    "a study with another ending": "study copilot: EXPLORATORY",
    "a study of a feature that nobody declared": "has no feature 'copilot'",
}
#: Not answered as was written down, and how they are answered today.
MISSED = {
    "tags that are no JSON": "the charge counts, and its tags do not",
    "a comma within an unquoted description": "the charge counts under another name",
    "lines of a report above the header": "stops, and does not name the lines",
    "a rate of a currency to itself": "stops, and does not name the rate",
    "a rate with a decimal comma": "stops, and asks for the delimiter",
    "a meter of a model that no bill names": "silent in check",
    "an outcome twice for a unit and day": "silent in check; a run names it (O2)",
}


def test_the_list_is_what_was_written_before_the_first_try() -> None:
    for name, frozen in FROZEN.items():
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == frozen
    assert len(MISTAKES) == len({each["id"] for each in MISTAKES}) >= 130


def _called(root: Path, arguments: list[str]) -> Result:
    """Give a command within the workspace, as somebody does who is in its folder."""
    before = Path.cwd()
    os.chdir(root)
    try:
        return CliRunner().invoke(app, arguments)
    finally:
        os.chdir(before)


def _packed(path: Path, form: str) -> None:
    """Write a file again in another encoding, or in an archive next to it."""
    text = path.read_text("utf-8")
    if form in {"utf-16", "cp1252", "utf-8-sig"}:
        path.write_text(text, form)
    elif form == "gzip":
        path.with_suffix(".csv.gz").write_bytes(gzip.compress(text.encode()))
        path.unlink()
    elif form == "xlsx":
        path.write_bytes(
            _archive({"xl/workbook.xml": b"<x/>", "[Content_Types].xml": b"<x/>"})
        )
    else:
        content = _archive({path.name: text.encode()})
        if form == "zip in zip":
            content = _archive({f"{path.name}.zip": content})
        path.with_name(f"{path.name}.zip").write_bytes(content)
        path.unlink()


def _archive(members: dict[str, bytes]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return written.getvalue()


def _filled(text: str) -> str:
    """Put headers and months of charges where the list names them."""
    names = "|".join(sorted(TEXTS, key=len, reverse=True))
    return re.sub(rf"\$\{{?({names})\}}?", lambda name: TEXTS[name[1]], text)


def _spoil(root: Path, mistake: dict[str, Any]) -> None:
    for name, text in mistake.get("write", {}).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(_filled(text), "utf-8")
    for name, (old, new) in mistake.get("change", {}).items():
        text = (root / name).read_text("utf-8")
        assert old in text, f"{name} has no {old!r}"
        (root / name).write_text(text.replace(old, new), "utf-8")
    for name in mistake.get("remove", ()):
        (root / name).unlink()
    for name, form in mistake.get("pack", {}).items():
        _packed(root / name, form)


#: Rule of the run that names a mistake again, with the money that it touches.
NAMED_BY_RUN = {
    "amounts in cents": ("C1", "EUR 4,650.00 of 2026-05"),
    "a total that looks like a charge": ("C2", "EUR 46.50 of 2026-05"),
    "a credit with a positive sign": ("C3", "EUR 12.50 of 2026-05"),
    "a rate of another magnitude": ("F1", "USD 300.00 become EUR 27300.00"),
    "a rate for another month only": ("F3", "USD 300.00 of 2026-05"),
    "a catch-all rule placed first": ("R1", "EUR 46.50 of 2026-05"),
    "a catch-all scope placed first": ("R1", "EUR 46.50 of 2026-05"),
    "a rule over a column within a column": ("R2", "EUR 46.50 of 2026-05"),
    "a meter that counts up instead of by day": ("Q2", "eta"),
    "a quantity that jumps by a power of ten": ("Q1", "eta"),
}


@contextmanager
def _without_rights(root: Path) -> Iterator[Path]:
    """Yield a copy that this process may read and not write to."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        copy = shutil.copytree(root, Path(folder) / "w")
        for path in (copy, *copy.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        is_root = os.geteuid() == 0
        if is_root:
            os.seteuid(_NOBODY)
        try:
            yield copy
        finally:
            if is_root:
                os.seteuid(0)
            for path in (copy, *copy.rglob("*")):
                path.chmod(0o755)


@pytest.fixture(scope="module")
def clean(
    built_workspaces: BuiltWorkspaces, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("clean") / "w"
    root = built_workspaces.copy("empty_workspace", build_empty_workspace, folder)
    (root / "bills").mkdir(exist_ok=True)
    (root / "bills" / "may.csv").write_text(TEXTS["HEADER"] + TEXTS["MAY"])
    (root / "triptych.yml").write_text(SETTINGS)
    return root


def _answer(root: Path, mistake: dict[str, Any]) -> Result:
    command = list(mistake.get("command", ["check"]))
    if not mistake.get("read_only"):
        return _called(root, command)
    with _without_rights(root) as copy:
        return _called(copy, command)


def _wrong(mistake: dict[str, Any], answer: Result) -> list[str]:
    """Return what the answer lacks of what was written down."""
    text = answer.stdout + answer.stderr
    if shown := READ_RIGHT.get(mistake["id"]):
        return [] if re.search(shown, text) else [f"does not show {shown}"]
    other, words = OTHER_WORDS.get(mistake["id"], ("", ""))
    said = [line for line in text.splitlines() if not re.match(r"\s*ok ", line)]
    searched = text if mistake["ends"] == "right" else "\n".join(said)
    wrong = [
        f"does not name {pattern}"
        for pattern in map(str, (*mistake["names"], mistake.get("next", "")))
        if not re.search(words if pattern == other else pattern, searched)
    ]
    if "Traceback" in text or (
        answer.exception and not isinstance(answer.exception, SystemExit)
    ):
        wrong.append(f"raises {answer.exception!r}")
    if mistake["ends"] == "stops" and answer.exit_code == 0:
        wrong.append("does not stop")
    if mistake["ends"] == "right" and answer.exit_code != 0:
        wrong.append(f"ends with {answer.exit_code}")
    if mistake.get("hides", "\0") in text:
        wrong.append("shows the secret")
    return wrong


@pytest.mark.parametrize("mistake", MISTAKES, ids=[each["id"] for each in MISTAKES])
def test_a_mistake_is_answered_before_it_counts(
    clean: Path, tmp_path: Path, mistake: dict[str, Any]
) -> None:
    root = shutil.copytree(clean, tmp_path / "w")
    _spoil(root, mistake)
    answer = _answer(root, mistake)
    wrong = _wrong(mistake, answer)
    is_missed = mistake["id"] in MISSED
    assert bool(wrong) == is_missed, "\n".join([*wrong, answer.stdout, answer.stderr])


@pytest.mark.parametrize("name", NAMED_BY_RUN)
def test_a_run_without_a_check_names_the_mistake_in_red(
    clean: Path, tmp_path: Path, name: str
) -> None:
    """Say what is doubtful, its money and the next step after the run and in health."""
    [mistake] = [each for each in MISTAKES if each["id"] == name]
    rule, money = NAMED_BY_RUN[name]
    root = shutil.copytree(clean, tmp_path / "w")
    _spoil(root, mistake)
    run = _called(root, ["run"])
    assert run.exit_code == 0, run.output
    [line] = [line for line in run.stdout.splitlines() if line.startswith("warning:")]
    assert money in line
    assert re.search(str(mistake["next"]), line), line
    assert "USD to EUR" in line or not rule.startswith("F"), line
    red = _called(root, ["health"])
    assert red.exit_code != 0
    assert line.removeprefix("warning: ") in red.output
    sql = "SELECT DISTINCT rule_id FROM core.mart_data_quality_issues"
    assert rule in _called(root, ["sql", sql]).stdout
