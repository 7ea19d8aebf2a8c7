"""Every tracked file is whole, portable and free of addresses of registries."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.architecture.file_rules import complaints

if TYPE_CHECKING:
    from pathlib import Path


def tracked_files(repository: Path) -> list[Path]:
    """Return what git tracks; skip where this is no clone."""
    if not (repository / ".git").exists():
        pytest.skip("not a clone: nothing says which files belong to it")
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607  (whatever git the machine has)
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = [repository / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file() or path.is_symlink()]


def test_no_tracked_file_is_a_link(repository: Path) -> None:
    """What it leads to is on one machine: on the next one, tools fail over it."""
    assert [path for path in tracked_files(repository) if path.is_symlink()] == []


def test_no_tracked_file_breaks_a_rule(repository: Path) -> None:
    found = [
        f"{path.relative_to(repository)}: {complaint}"
        for path in tracked_files(repository)
        for complaint in ([] if path.is_symlink() else complaints(path))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("a.md", "see /" + "home/somebody/file\n", "a path of one machine"),
        ("a.txt", "https://" + "pypi" + ".org/simple\n", "package registry"),
        ("a.py", "x = 1", "no newline"),
        ("a.py", "x = 1 \n", "space at its end"),
        ("a.toml", "a = \n", "not TOML"),
        ("a.yml", "a: [\n", "not YAML"),
        (
            "a__models.yml",
            "columns:\n  - name: a\n    data_type: string\n    description: b\n",
            "fits on one line",
        ),
        ("a.csv", "1" * 500_001 + "\n", "larger than"),
    ],
)
def test_a_file_that_breaks_a_rule_is_named(
    tmp_path: Path, name: str, text: str, complaint: str
) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert any(complaint in found for found in complaints(path))


def test_no_line_of_a_lock_file_names_an_index(repository: Path) -> None:
    locks = [repository / "requirements.lock", *repository.glob("requirements/*.lock")]
    assert len(locks) == 14
    for lock in locks:
        assert "://" not in lock.read_text("utf-8")
        assert "--hash=sha256:" in lock.read_text("utf-8")
