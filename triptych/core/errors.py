"""Everything triptych raises on purpose, as a single tree.

::

    TriptychError                  exit 1   what happened, where, what to do next
    ├── SettingsError              exit 2   a file of the workspace or a flag is wrong
    │   └── UsageError             exit 2   the command itself was used wrongly
    ├── SourceError                exit 3   a source could not be read
    │   ├── TransientSourceError   exit 3   trying again can help
    │   └── FatalSourceError       exit 3   trying again cannot help
    │       ├── SourceAccessError  exit 3   credentials or permissions
    │       ├── MalformedDeliveryError exit 3   what arrived cannot be read
    │       └── IncompleteDeliveryError exit 3  part of it has not arrived
    ├── TransformError             exit 4   a dbt model or test failed
    ├── RefusedEstimateError       exit 5   an estimate was refused
    ├── NotReconciledError         exit 6   invoice and ledger differ
    ├── RunLockedError             exit 7   another run holds the lock
    ├── StaleError                 exit 8   what is published is older than it should be
    ├── FailedRunError             exit 9   the last run failed, or part of it did
    └── MachineError               exit 1   disk, memory or permissions stop it

Only :mod:`triptych.cli` catches :class:`TriptychError`. A message never holds a
secret: connectors name the credential chain they used, not its content.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class TriptychError(Exception):
    """Base of all expected failures.

    Parameters
    ----------
    what : str
        Description of the failure, a sentence.
    where : str, optional
        File, line, row or source the failure belongs to. Without it the failure belongs
        to the given command, or each line of ``what`` begins with its place.
    next_step : str
        Remedy for the reader, a sentence.
    """

    exit_code: ClassVar[int] = 1
    is_retryable: ClassVar[bool] = False

    def __init__(self, what: str, *, where: str = "", next_step: str) -> None:
        self.what = what
        self.where = where
        self.next_step = next_step
        super().__init__(str(self))

    def __str__(self) -> str:
        """Return the failure as a paragraph: place, description, remedy."""
        gap = "\n" if "\n" in self.what else " "
        return f"{self.located}{gap}{self.next_step}".strip()

    @property
    def located(self) -> str:
        """Return the description, and its place, if that is known."""
        return f"{self.where}: {self.what}" if self.where else self.what


class SettingsError(TriptychError):
    """A file of the workspace, an environment variable or a flag is not valid."""

    exit_code = 2


class UsageError(SettingsError):
    """The command was called in a way that cannot work."""


def unknown_source(name: str, known: Iterable[str]) -> UsageError:
    """Return the error of a name that no source has."""
    return UsageError(
        f"There is no source {name!r}.",
        next_step=f"Known sources: {', '.join(known) or 'none'}.",
    )


class SourceError(TriptychError):
    """A source could not be read."""

    exit_code = 3


class TransientSourceError(SourceError):
    """The source failed in a way that a later try may not."""

    is_retryable = True


class FatalSourceError(SourceError):
    """The source failed in a way that trying again does not mend."""


class SourceAccessError(FatalSourceError):
    """Credentials are missing, expired, or not allowed to read."""


class MalformedDeliveryError(FatalSourceError):
    """A delivery cannot be read in its promised format."""


class IncompleteDeliveryError(FatalSourceError):
    """A manifest names something that is not there, or is not whole."""


class TransformError(TriptychError):
    """A dbt model or a test of severity ``error`` failed.

    Parameters
    ----------
    failed_nodes : sequence of str
        Names of the models and tests that failed; empty where none is known.
    """

    exit_code = 4

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        next_step: str,
        failed_nodes: Sequence[str] = (),
    ) -> None:
        self.failed_nodes = tuple(failed_nodes)
        super().__init__(what, where=where, next_step=next_step)


class RefusedEstimateError(TriptychError):
    """An estimate that was asked for by name was refused."""

    exit_code = 5


class NotReconciledError(TriptychError):
    """Invoice and ledger differ by more than the tolerance."""

    exit_code = 6


class RunLockedError(TriptychError):
    """Another run holds the workspace."""

    exit_code = 7


class StaleError(TriptychError):
    """Published data is older than allowed; raised by ``triptych health``."""

    exit_code = 8


class FailedRunError(TriptychError):
    """The last run, or a part of it, failed; raised by ``triptych health``."""

    exit_code = 9


class MachineError(TriptychError):
    """Disk, memory, permissions or a damaged file stop the command."""
