"""Adds accepted proposals to a workspace's files; existing text stays."""

from __future__ import annotations

import shutil
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from triptych.core.settings import load_settings
from triptych.core.whole_files import write_new, write_whole
from triptych.discovery.discover import CATALOG_SECTIONS
from triptych.discovery.yaml_insertion import NewEntry, with_entries

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from triptych.core.workspace import Workspace
    from triptych.discovery.proposals import Proposal

_SECTIONS = (
    *("scope", "assignments", "pools"),
    *("cost_centers", "teams", "features", "models"),
)
#: Section of skipped proposals: proposed again, and applied to nothing until then.
_UNDECIDED = "undecided"
_SURE, _LIKELY = 0.85, 0.65


def accept(
    workspace: Workspace,
    proposals: Sequence[Proposal],
    *,
    skipped: Sequence[Proposal] = (),
) -> list[Path]:
    """Add entries to ``allocation.yml`` and ``catalog.yml``; return the files.

    The files are judged before they take the place of those that are there: a workspace
    that was valid stays so.

    Parameters
    ----------
    workspace : Workspace
        Workspace to write to.
    proposals : sequence of Proposal
        Proposals that a person accepted.
    skipped : sequence of Proposal
        Proposals that a person left undecided: they are made again, and take nothing
        into AI scope until then.

    Raises
    ------
    SettingsError
        The files would not be valid, or a section cannot take an entry.
    """
    texts = new_texts(workspace.root, proposals)
    texts |= _with_undecided(workspace.root, texts, skipped)
    refuse_invalid(workspace.root, texts)
    written = []
    for name, text in texts.items():
        path = workspace.root / name
        write_whole(path, text)
        written.append(path)
    return written


def refuse_invalid(root: Path, texts: Mapping[str, str]) -> None:
    """Refuse new texts of files with which the settings would not be valid.

    Raises
    ------
    SettingsError
        They would not be; the message has the line.
    """
    with TemporaryDirectory(prefix="triptych-act-") as folder:
        trial = Path(folder)
        for path in root.glob("*.yml"):
            shutil.copy(path, trial / path.name)
        for name, text in texts.items():
            if "/" not in name:
                (trial / name).write_text(text, encoding="utf-8")
        load_settings(trial)


def undecided_of(root: Path, skipped: Sequence[Proposal]) -> list[Proposal]:
    """Return proposals that would count as AI although a person skipped them."""
    allocation = load_settings(root).allocation
    if allocation.ai_scope != "known":
        return []
    return [
        each
        for each in skipped
        if each.rule_id and each.rule_id not in allocation.undecided
    ]


def _with_undecided(
    root: Path, texts: Mapping[str, str], skipped: Sequence[Proposal]
) -> dict[str, str]:
    undecided = undecided_of(root, skipped)
    if not undecided:
        return {}
    name = file_of(_UNDECIDED)
    text = texts.get(name) or (root / name).read_text(encoding="utf-8")
    entries = [NewEntry(each.rule_id, comment_on(each)) for each in undecided]
    return {name: with_entries(text, _UNDECIDED, entries, where=name)}


def new_texts(root: Path, proposals: Sequence[Proposal]) -> dict[str, str]:
    """Return name → new text of each file that would change."""
    texts: dict[str, str] = {}
    for section, entries in _by_section(proposals):
        name = file_of(section)
        path = root / name
        text = texts.get(name)
        if text is None:
            text = path.read_text(encoding="utf-8") if path.is_file() else ""
        texts[name] = with_entries(text, section, entries, where=name)
    return texts


def _by_section(
    proposals: Sequence[Proposal],
) -> Iterator[tuple[str, list[NewEntry]]]:
    ordered = sorted(proposals, key=lambda each: _SECTIONS.index(each.section))
    for section, group in groupby(ordered, key=lambda each: each.section):
        yield section, [NewEntry(each.entry, comment_on(each)) for each in group]


def write_commented(proposals: Sequence[Proposal], path: Path) -> None:
    """Write proposals as YAML to be copied from; nothing reads the file.

    Raises
    ------
    UsageError
        There is such a file, or it cannot be written.
    """
    text = (
        "# What triptych would add. Copy what you want into the file named above each\n"
        "# section; nothing reads this file.\n"
    )
    for section, entries in _by_section(proposals):
        text += f"\n# {file_of(section)}\n" + with_entries(
            "", section, entries, where=path.name
        )
    write_new(path, text)


def file_of(section: str) -> str:
    """Return the file that has a section."""
    return "catalog.yml" if section in CATALOG_SECTIONS else "allocation.yml"


def comment_on(proposal: Proposal) -> str:
    """Return a proposal's evidence on a line."""
    evidence = proposal.evidence
    parts = [
        f"{evidence.cost:,.2f} {evidence.currency} on {evidence.line_count:,} lines"
        f" ({evidence.share_of_ai:.1%} of AI cost)",
        f"confidence {confidence_word(evidence.confidence)}",
        *evidence.reasons,
    ]
    if evidence.examples:
        parts.append(f"such as {', '.join(evidence.examples)}")
    return "; ".join(parts)


def is_likely(proposal: Proposal) -> bool:
    """Return whether a proposal is of medium confidence or better."""
    return proposal.evidence.confidence >= _LIKELY


def confidence_word(confidence: float) -> str:
    """Return the everyday word for a confidence."""
    if confidence >= _SURE:
        return "high"
    return "medium" if confidence >= _LIKELY else "low"
