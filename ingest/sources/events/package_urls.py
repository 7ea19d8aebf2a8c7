"""Parse package URLs of code and models: a commit, or a model's version.

Source: the purl specification (``pkg:type/namespace/name@version?qualifiers``), with
its types for source hosts, ``mlflow`` and ``huggingface``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

_PURL = re.compile(
    r"pkg:/*(?P<type>[A-Za-z0-9.+-]+)/(?P<path>[^@?#]+)"
    r"(?:@(?P<version>[^?#]+))?(?:\?(?P<qualifiers>[^#]*))?(?:#.*)?"
)
_SOURCE_HOSTS = frozenset({"github", "gitlab", "bitbucket"})
_MODEL_TYPES = frozenset({"mlflow", "huggingface"})
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_VCS_URL = re.compile(
    r"(?:git\+)?https?://(?:[^@/]*@)?[^/@]+/(?P<path>[^@#?]+)(@(?P<at>.+))?"
)


@dataclass(frozen=True, slots=True)
class Package:
    """Known facts of an artifact; ``None`` for those missing in its URL.

    ``repository`` is ``owner/name``, as other sources of deployments call it.
    """

    repository: str | None = None
    commit_sha: str | None = None
    registered_model: str | None = None
    model_version: str | None = None


def read_package_url(text: str | None) -> Package:
    """Return the content of a package URL; nothing for any other text."""
    found = _PURL.fullmatch(text or "")
    if found is None:
        return Package()
    type_, path = found["type"].lower(), unquote(found["path"]).strip("/")
    version = unquote(found["version"]) if found["version"] else None
    if type_ in _MODEL_TYPES:
        return Package(registered_model=path, model_version=version)
    if type_ in _SOURCE_HOSTS:
        commit = version if version and _COMMIT.fullmatch(version) else None
        return Package(path, commit)
    return _from_vcs(dict(parse_qsl(found["qualifiers"] or "")).get("vcs_url", ""))


def _from_vcs(url: str) -> Package:
    found = _VCS_URL.fullmatch(url)
    if found is None:
        return Package()
    commit = found["at"] if found["at"] and _COMMIT.fullmatch(found["at"]) else None
    return Package(found["path"].rstrip("/").removesuffix(".git"), commit)
