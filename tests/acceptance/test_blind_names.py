"""Test that the corpus of names is the frozen one and is split by hash."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

CORPUS = Path(__file__).parent / "blind_names"

#: Of the file that holds the SHA-256 of each file of the corpus.
FROZEN = "e855af28122f96aa3dbd8749e9154e3a491e7b50898ab73d06013ab1a905299b"


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_files_are_the_frozen_ones() -> None:
    sums = (CORPUS / "SHA256SUMS").read_bytes()
    assert digest(sums) == FROZEN
    listed = {line[66:]: line[:64] for line in sums.decode().splitlines()}
    found = {path.name: digest(path.read_bytes()) for path in CORPUS.glob("*.jsonl")}
    assert found == listed


def test_names_are_distinct_and_split_by_hash() -> None:
    files = CORPUS.glob("*.jsonl")
    lines = [text for file in files for text in file.read_bytes().splitlines()]
    rows = [json.loads(line) for line in lines]
    assert len({row["name"] for row in rows}) == len(rows) >= 1500
    for row in rows:
        last = int(digest(row["name"].encode())[-1], 16)
        assert row["half"] == ("blind" if last % 2 else "develop")
    assert sum(not row["truth"]["is_ai"] for row in rows) >= len(rows) / 4
    assert all(row["source"] for row in rows)
