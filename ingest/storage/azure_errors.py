"""Convert errors of the Azure Storage client into triptych errors.

Only the error *code* of the service is repeated, never its message: messages about a
refused signature quote the text that was signed.

Source: Azure Storage REST API, *Blob Storage error codes*, *Common REST API error
codes*.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal

from ingest.storage.object_errors import ObjectChangedError, ObjectMissingError
from triptych.core.errors import (
    FatalSourceError,
    SourceAccessError,
    SourceError,
    TransientSourceError,
)

#: Places searched for a credential; named in messages instead of its content.
CREDENTIALS = (
    "the environment (AZURE_STORAGE_SAS_TOKEN or AZURE_STORAGE_KEY) or, with"
    " azure-identity installed, Microsoft Entra ID"
)
_BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
Attempt = Literal["list", "read", "write"]
#: Required rights: an action of a role, permissions of a signature, and a role with it.
_RIGHTS: dict[Attempt, tuple[str, str, str]] = {
    "list": (f"{_BLOBS}/read", "l", "Storage Blob Data Reader"),
    "read": (f"{_BLOBS}/read", "r", "Storage Blob Data Reader"),
    "write": (f"{_BLOBS}/write", "rwdl", "Storage Blob Data Contributor"),
}
_NO_ROLE = frozenset(
    {
        "AuthorizationPermissionMismatch",
        "InsufficientAccountPermissions",
        "AuthorizationServiceMismatch",
        "AuthorizationResourceTypeMismatch",
    }
)
_FIREWALL = frozenset({"AuthorizationFailure", "AuthorizationSourceIPMismatch"})
_MISSING_PLACE = frozenset({"ContainerNotFound", "AccountNotFound", "ResourceNotFound"})
_PASSING = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.CONFLICT}
)


def blob_error(
    error: Exception, *, uri: str, attempted: Attempt = "read"
) -> SourceError:
    """Return the triptych error for an ``error`` of the storage client.

    Parameters
    ----------
    error : Exception
        An exception of azure-core, or of the network.
    uri : str
        Object that was being read or written.
    attempted : {'list', 'read', 'write'}
        Attempted operation; decides which permission to name.
    """
    from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

    status = getattr(error, "status_code", None)
    code = _code(error)
    if isinstance(error, HttpResponseError) and status is not None:
        return _service_error(int(status), code, uri, attempted)
    if isinstance(error, ClientAuthenticationError):
        return _bad_credential(type(error).__name__, uri)
    return TransientSourceError(
        f"Azure Storage could not be reached, or broke off ({type(error).__name__}).",
        where=uri,
        next_step="Check the network and 'account_url', then run again.",
    )


def _code(error: Exception) -> str:
    """Return the service's error code, which comes as text or as an enumeration."""
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or "")


def _service_error(status: int, code: str, uri: str, attempted: Attempt) -> SourceError:
    if code in _NO_ROLE:
        action, letters, role = _RIGHTS[attempted]
        return SourceAccessError(
            f"Access denied: the credential may not {attempted} here ({code}). It"
            f" lacks {action}, or a signature the permission {letters!r}.",
            where=uri,
            next_step=f"Give it the role {role!r} on the container, or a shared"
            f" access signature with the permission {letters!r}.",
        )
    if code in _FIREWALL:
        return SourceAccessError(
            f"The storage account refuses the request ({code}): by its network rules,"
            " or because the signature is expired or meant for something else.",
            where=uri,
            next_step="Allow this machine's address, or make a new signature.",
        )
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return _bad_credential(code or str(status), uri)
    if code in _MISSING_PLACE:
        return FatalSourceError(
            f"The container does not exist ({code}).",
            where=uri,
            next_step="Correct 'account_url' or 'container' in triptych.yml.",
        )
    return _object_error(status, code, uri)


def _object_error(status: int, code: str, uri: str) -> SourceError:
    if code == "BlobArchived":
        return FatalSourceError(
            "The blob has been moved to the archive tier.",
            where=uri,
            next_step="Rehydrate it, or let a lifecycle rule spare the export.",
        )
    if status == HTTPStatus.NOT_FOUND:
        return ObjectMissingError(
            "The blob does not exist.",
            where=uri,
            next_step="Run again once the export has been delivered, or correct the"
            " source in triptych.yml.",
        )
    if status == HTTPStatus.PRECONDITION_FAILED:
        return ObjectChangedError(
            "The blob was overwritten while it was being read.",
            where=uri,
            next_step="Run again once the export has been delivered.",
        )
    is_passing = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _PASSING
    kind = TransientSourceError if is_passing else FatalSourceError
    return kind(
        f"Azure Storage answered {code or 'an error'} ({status}).",
        where=uri,
        next_step="It was tried several times; run again later."
        if is_passing
        else "See the error code for what it refuses.",
    )


def no_credential(uri: str) -> SourceAccessError:
    """Return the error for a place with no credential to try."""
    return SourceAccessError(
        f"There is no credential in {CREDENTIALS}.",
        where=uri,
        next_step="Set AZURE_STORAGE_SAS_TOKEN, or install azure-identity and sign in.",
    )


def not_installed(package: str, uri: str) -> FatalSourceError:
    """Return the error for a library that is an extra and not there."""
    return FatalSourceError(
        f"Reading Azure Storage needs the package {package}, which is not installed.",
        where=uri,
        next_step="Install it as triptych[azure]: the quick start says how.",
    )


def _bad_credential(reason: str, uri: str) -> SourceAccessError:
    return SourceAccessError(
        f"The credential was refused: it is wrong, expired or not meant for this"
        f" account ({reason}). It was looked for in {CREDENTIALS}.",
        where=uri,
        next_step="Make a new signature or sign in again; check the clock.",
    )
