"""Convert errors of an S3 client into triptych errors.

Only the error *code* of the service is repeated, never its message: a store may
echo headers there, and headers carry credentials.

Source: Amazon S3 API reference, *Error responses*; botocore exceptions.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from triptych.core.errors import (
    FatalSourceError,
    IncompleteDeliveryError,
    SourceAccessError,
    SourceError,
    TransientSourceError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from botocore.exceptions import ClientError

#: Places where boto3 looks for credentials; named in messages instead of their content.
CREDENTIAL_CHAIN = (
    "the AWS credential chain (environment variables, the profile in ~/.aws,"
    " single sign-on, container or instance role)"
)

_ACTIONS = {
    "ListObjectsV2": "s3:ListBucket",
    "GetObject": "s3:GetObject",
    "HeadObject": "s3:GetObject",
}
_ARN = "arn:aws:s3:::"
#: The only part that is taken from a message of the service: the key it lacks.
_KEY_ARN = re.compile(r"arn:aws[\w-]*:kms:[\w-]+:\d{12}:key/[\w-]+")
_DENIED = frozenset({"AccessDenied", "AllAccessDisabled", "AccountProblem", "403"})
_BAD_CREDENTIALS = frozenset(
    {
        "400",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidToken",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
        "UnrecognizedClientException",
    }
)
_MISSING = frozenset({"NoSuchKey", "NoSuchVersion", "NotFound", "404"})
_CHANGED = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412"})
_WRONG_REGION = frozenset(
    {
        "301",
        "AuthorizationHeaderMalformed",
        "IllegalLocationConstraintException",
        "PermanentRedirect",
    }
)
_PASSING = frozenset({"RequestTimeout", "SlowDown", "Throttling", "TooManyRequests"})
_NOT_AUTHENTICATED = (
    "NoCredentialsError",
    "PartialCredentialsError",
    "CredentialRetrievalError",
    "ProfileNotFound",
    "SSOError",
    "TokenRetrievalError",
    "NoAuthTokenError",
    "LoginError",
)
_BAD_SETTING = ("ParamValidationError", "InvalidRegionError", "NoRegionError")


class ObjectMissingError(IncompleteDeliveryError):
    """An object that was asked for by name is not there."""


class ObjectChangedError(TransientSourceError):
    """An object was overwritten between being listed and being read."""


def client_error(error: Exception, *, uri: str, operation: str) -> SourceError:
    """Return the triptych error for an ``error`` of an S3 client.

    Parameters
    ----------
    error : Exception
        A botocore exception.
    uri : str
        Object that was being read.
    operation : str
        Name of the S3 API operation, which decides the IAM action to name.
    """
    from botocore.exceptions import ClientError

    if isinstance(error, ClientError):
        return _service_error(error, uri, operation)
    names = [kind.__name__ for kind in type(error).__mro__]
    if _any_of(_NOT_AUTHENTICATED, names):
        return _no_credentials(type(error).__name__, uri)
    if _any_of(_BAD_SETTING, names) or isinstance(error, ValueError):
        return FatalSourceError(
            f"The S3 client does not accept the source's settings ({names[0]}).",
            where=uri,
            next_step="Correct 'bucket', 'region' or 'endpoint_url' in triptych.yml.",
        )
    return TransientSourceError(
        f"The S3 endpoint could not be reached, or broke off ({names[0]}).",
        where=uri,
        next_step="Check the network and 'endpoint_url', then run again.",
    )


def _service_error(error: ClientError, uri: str, operation: str) -> SourceError:
    details = error.response.get("Error", {})
    code = details.get("Code", "unknown")
    if code in _BAD_CREDENTIALS:
        return _no_credentials(code, uri)
    if code in _DENIED or code.startswith("KMS."):
        message = details.get("Message", "")
        if code.startswith("KMS.") or "kms:" in message:
            key = _KEY_ARN.search(message)
            return denied("kms:Decrypt", uri=uri, resource=key[0] if key else "")
        return denied(_ACTIONS.get(operation, operation), uri=uri)
    if code == "NoSuchBucket":
        return FatalSourceError(
            "The bucket does not exist.",
            where=uri,
            next_step="Correct 'bucket' (and 'endpoint_url') in triptych.yml.",
        )
    return _object_error(code, uri) or _status_error(error, code, uri)


def _object_error(code: str, uri: str) -> SourceError | None:
    if code in _MISSING:
        return ObjectMissingError(
            "The object does not exist.",
            where=uri,
            next_step="Run again once the export has been delivered, or correct the"
            " source in triptych.yml.",
        )
    if code in _CHANGED:
        return ObjectChangedError(
            "The object was overwritten while it was being read.",
            where=uri,
            next_step="Run again once the export has been delivered.",
        )
    if code in _WRONG_REGION:
        return FatalSourceError(
            f"The bucket is in another region ({code}).",
            where=uri,
            next_step="Set 'region' in triptych.yml to the bucket's region.",
        )
    if code == "InvalidObjectState":
        return FatalSourceError(
            "The object has been moved to an archive storage class.",
            where=uri,
            next_step="Restore it, or let a lifecycle rule spare the export.",
        )
    return None


def _status_error(error: ClientError, code: str, uri: str) -> SourceError:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    is_passing = status >= HTTPStatus.INTERNAL_SERVER_ERROR or code in _PASSING
    kind = TransientSourceError if is_passing else FatalSourceError
    next_step = (
        "It was tried several times; run again later."
        if is_passing
        else "See the S3 error code for what it refuses."
    )
    return kind(f"S3 answered {code} ({status}).", where=uri, next_step=next_step)


def denied(action: str, *, uri: str, resource: str = "") -> SourceAccessError:
    """Return the error for a missing IAM permission ``action``.

    Parameters
    ----------
    action : str
        The action, as a policy writes it.
    uri : str
        ``s3://`` address of the requested object; names the resource.
    resource : str
        ARN of the resource, where it is another than the bucket or the object.
    """
    if action == "kms:Decrypt":
        on = resource or "the KMS key that encrypts the bucket"
        place = "the reader's IAM policy, and the key's own policy"
    else:
        on = _resource_arn(action, uri)
        place = "the reader's IAM policy, and in the bucket policy where there is one"
    return SourceAccessError(
        f"Access denied: the credentials lack {action} on {on}.",
        where=uri,
        next_step=f"Allow {action} on {_policy_resource(action, on)} in {place}.",
    )


def _resource_arn(action: str, uri: str) -> str:
    """Return the ARN for a policy: the bucket to list, an object to read.

    Examples
    --------
    >>> _resource_arn("s3:ListBucket", "s3://bills/exports/focus/")
    'arn:aws:s3:::bills (prefix exports/focus/)'
    >>> _resource_arn("s3:GetObject", "s3://bills/exports/a.parquet")
    'arn:aws:s3:::bills/exports/a.parquet'
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if action == "s3:ListBucket":
        return f"{_ARN}{bucket}{f' (prefix {key})' if key else ''}"
    return f"{_ARN}{bucket}/{key}"


def _policy_resource(action: str, on: str) -> str:
    """Return the resource for a policy: all objects of the source."""
    if action != "s3:GetObject":
        return on.partition(" (")[0]
    bucket = on.partition("/")[0]
    return f"{bucket}/<prefix of the source>/*"


def _no_credentials(reason: str, uri: str) -> SourceAccessError:
    return SourceAccessError(
        f"No valid credentials in {CREDENTIAL_CHAIN}: {reason}.",
        where=uri,
        next_step="Sign in again, or correct 'profile' or the environment.",
    )


def _any_of(wanted: Sequence[str], names: Sequence[str]) -> bool:
    return any(name in wanted for name in names)
