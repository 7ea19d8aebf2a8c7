"""An act with its implementation: its draft and its execution."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from triptych.acts.file_edits import FileEdit
    from triptych.core.acts import Act, Actor, Dial
    from triptych.core.progress import Progress
    from triptych.core.settings import Settings
    from triptych.core.workspace import Workspace


@dataclass(frozen=True)
class Site:
    """Place and actor of an act."""

    workspace: Workspace
    actor: Actor
    progress: Progress = field(default_factory=SilentProgress)

    @cached_property
    def settings(self) -> Settings:
        """The settings of the workspace, read when first asked for."""
        return load_settings(self.workspace.root)

    @property
    def name(self) -> str:
        """Return the name of the actor that readers see."""
        return self.actor.signature.name


@dataclass(frozen=True, slots=True)
class Filling:
    """Input filled in for an act.

    ``reason`` is a remark that the audit log keeps; it may be empty.
    """

    texts: Mapping[str, str]
    files: Mapping[str, bytes] = field(default_factory=dict)
    reason: str = ""

    def text(self, name: str) -> str:
        """Return a field, or an empty string if it is blank."""
        return self.texts.get(name, "")

    def optional(self, name: str) -> str | None:
        """Return a field, or None if it is blank."""
        return self.texts.get(name) or None


@dataclass(frozen=True, slots=True)
class Draft:
    """Intended effect of an act.

    Parameters
    ----------
    says : str
        Sentence that describes the action.
    did : str
        The same once it is done.
    effect : str
        Changes that the next run will make.
    edits : sequence of FileEdit
        Files that it writes.
    entry : mapping
        Further details of the audit log entry, as far as readers care.
    about : str
        Subject of the act, as ``model:eta``; the audit log keeps it.
    result : mapping, optional
        Figures that quantify the effect; they are shown and not kept.
    """

    says: str
    did: str
    effect: str
    edits: tuple[FileEdit, ...] = ()
    entry: Mapping[str, object] = field(default_factory=dict)
    about: str = ""
    result: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Deed:
    """An act, its draft and its action; without an action it writes its draft.

    What is performed may say in a sentence what came of it. ``choices`` say what can
    stand in a field, from the workspace, ``columns`` which a given table has, and
    ``dials`` which numbers can be set. What ``is_logged_first`` begins work of its own,
    which the log has before it begins.
    """

    act: Act
    draft: Callable[[Site, Filling], Draft]
    perform: Callable[[Site, Filling], str | None] | None = None
    choices: Mapping[str, Callable[[Site], tuple[str, ...]]] = field(
        default_factory=dict
    )
    columns: Callable[[Filling], tuple[str, ...]] | None = None
    dials: Callable[[Site, Filling], tuple[Dial, ...]] | None = None
    is_logged_first: bool = False
