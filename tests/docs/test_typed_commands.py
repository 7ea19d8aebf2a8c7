"""What the documentation has people type is taken by the command line."""

from __future__ import annotations

import re
import shlex
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from triptych.cli import app

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[2]
_FENCED = re.compile(r"^ *```\w+\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_IN_TEXT = re.compile(r"`(triptych [^`\n]+)`")
#: What ends a command in a shell.
_ENDS = frozenset({"&&", "||", "|", ";", "#", ">", "&"})


def typed_commands() -> Iterator[tuple[Path, list[str]]]:
    """Yield the words after ``triptych`` of each command in the documentation."""
    pages = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
    for page in pages:
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        blocks = _FENCED.findall(text)
        lines = [line for block in blocks for line in block.splitlines()]
        for line in [*lines, *_IN_TEXT.findall(text)]:
            found = re.match(r"\s*(?:\$ )?triptych (.+)", line)
            if found:
                yield page, _words(found[1])


def _words(text: str) -> list[str]:
    try:
        words = shlex.split(text, comments=True)
    except ValueError:
        words = text.split()
    return list(takewhile(lambda word: word not in _ENDS, words))


def unknown_words(command: Any, words: list[str]) -> list[str]:
    """Return the options, or the subcommand, that a command does not have."""
    options = {name for parameter in command.params for name in parameter.opts}
    options |= {"--help", "-h", *(o for p in command.params for o in p.secondary_opts)}
    for position, word in enumerate(words):
        if word.startswith("-"):
            if word.partition("=")[0] not in options:
                return [word]
        elif (known := getattr(command, "commands", None)) is not None:
            if word not in known:
                return [word]
            return unknown_words(known[word], words[position + 1 :])
    return []


def test_each_command_in_the_documentation_has_the_options_that_it_names() -> None:
    root = typer.main.get_command(app)
    commands = list(typed_commands())
    wrong = [
        f"{page.relative_to(REPOSITORY)}: triptych {' '.join(words)}: {unknown}"
        for page, words in commands
        for unknown in unknown_words(root, words)
    ]
    assert len(commands) > 250
    assert wrong == []
