"""Signs requests to Oracle Cloud with the API key of a profile in ``~/.oci/config``.

Method, path and query, host and date are signed by RSA with SHA-256, each time a
request is sent, because Oracle refuses a date that is five minutes old. Where a profile
holds a session token, the token replaces the user.

Sources: Oracle Cloud Infrastructure documentation, *Request Signatures* (version 1) and
*SDK and CLI Configuration File*; draft-cavage-http-signatures-08.
"""

from __future__ import annotations

import base64
import os
from configparser import ConfigParser
from configparser import Error as ConfigError
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from triptych.core.errors import SourceAccessError

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

CONFIG_VARIABLE = "OCI_CONFIG_FILE"
ADVICE = (
    "Make an API key for the user (Profile > User settings > API keys). Put what the"
    f" console shows for it into ~/.oci/config, or into the file that {CONFIG_VARIABLE}"
    " names; or sign in by 'oci session authenticate'."
)

_DEFAULT_FILE = "~/.oci/config"
_DEFAULT_PROFILE = "DEFAULT"
_SIGNED = ("date", "(request-target)", "host")


@dataclass(frozen=True, slots=True)
class OciProfile:
    """Profile that signs; its text shows no key, pass phrase or token.

    Attributes
    ----------
    key_id : str
        Name by which Oracle knows the key.
    key : RSAPrivateKey
        Signs.
    tenancy : str
        OCID of the tenancy.
    region : str or None
        Region of the profile, such as ``eu-frankfurt-1``.
    secrets : tuple of str
        Texts that must appear in no message.
    """

    key_id: str = field(repr=False)
    key: rsa.RSAPrivateKey = field(repr=False)
    tenancy: str
    region: str | None
    secrets: tuple[str, ...] = field(repr=False)


class OciSignature(httpx.Auth):
    """Signs each request when it is sent.

    Parameters
    ----------
    profile : OciProfile
        Profile that signs.
    """

    def __init__(self, profile: OciProfile) -> None:
        self._profile = profile

    def auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        """Put date and signature into the headers of a request without a body."""
        date = formatdate(usegmt=True)
        text = signing_string(
            date=date,
            method=request.method,
            target=request.url.raw_path.decode("ascii"),
            host=request.headers["Host"],
        )
        signature = self._profile.key.sign(
            text.encode(), padding.PKCS1v15(), hashes.SHA256()
        )
        request.headers["Date"] = date
        request.headers["Authorization"] = (
            f'Signature version="1",headers="{" ".join(_SIGNED)}",'
            f'keyId="{self._profile.key_id}",algorithm="rsa-sha256",'
            f'signature="{base64.b64encode(signature).decode()}"'
        )
        yield request


def signing_string(*, date: str, method: str, target: str, host: str) -> str:
    """Return the text that is signed for a request without a body.

    Parameters
    ----------
    date : str
        As in the header, in the form of RFC 9110.
    method : str
        Such as ``GET``.
    target : str
        Path and query, as they are sent.
    host : str
        As in the header, with a port if it is not the usual port.
    """
    values = (date, f"{method.lower()} {target}", host)
    return "\n".join(f"{name}: {v}" for name, v in zip(_SIGNED, values, strict=True))


def read_profile(name: str, *, source: str) -> OciProfile:
    """Return a profile with its key.

    Parameters
    ----------
    name : str
        Name of the profile.
    source : str
        Name of the source, for messages.

    Raises
    ------
    SourceAccessError
        File, profile, an entry or the key is missing or cannot be read.
    """
    path = Path(os.environ.get(CONFIG_VARIABLE) or _DEFAULT_FILE).expanduser()
    where = f"{source} (profile {name} of {path})"
    entries = _entries(path, name, where)
    token_file = entries.get("security_token_file")
    needed = ["tenancy", "key_file", *([] if token_file else ["user", "fingerprint"])]
    if missing := [entry for entry in needed if not entries.get(entry)]:
        raise _unusable(f"The profile has no {' and no '.join(missing)}.", where)
    token = _text(token_file, where).strip() if token_file else ""
    key_text, phrase = _text(entries["key_file"], where), entries.get("pass_phrase", "")
    whoever = (entries["tenancy"], entries.get("user"), entries.get("fingerprint"))
    return OciProfile(
        key_id=f"ST${token}" if token else "/".join(map(str, whoever)),
        key=_key(key_text, phrase, where),
        tenancy=entries["tenancy"],
        region=entries.get("region"),
        secrets=tuple(filter(None, (key_text.strip(), phrase, token))),
    )


def _entries(path: Path, name: str, where: str) -> Mapping[str, str]:
    parser = ConfigParser(interpolation=None)
    try:
        parser.read_string(_text(str(path), where))
    except ConfigError:
        # Its text repeats the line, which may be the pass phrase.
        raise _unusable(
            "The file is not of the form that Oracle documents.", where
        ) from None
    if name != _DEFAULT_PROFILE and not parser.has_section(name):
        raise _unusable("There is no such profile.", where)
    return dict(parser.defaults() if name == _DEFAULT_PROFILE else parser[name])


def _text(file: str, where: str) -> str:
    try:
        return Path(file).expanduser().read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        kind = type(error).__name__
        raise _unusable(f"{file} cannot be read ({kind}).", where) from None


def _key(text: str, phrase: str, where: str) -> rsa.RSAPrivateKey:
    """Return the key; a phrase that it does not need is that of another profile."""
    for password in dict.fromkeys((phrase.encode() or None, None)):
        try:
            key = load_pem_private_key(text.encode(), password)
        except TypeError:
            continue
        except (ValueError, UnsupportedAlgorithm):
            break
        if isinstance(key, rsa.RSAPrivateKey):
            return key
    raise _unusable(
        "The key file holds no private RSA key that 'pass_phrase' opens.", where
    )


def _unusable(what: str, where: str) -> SourceAccessError:
    return SourceAccessError(what, where=where, next_step=ADVICE)
