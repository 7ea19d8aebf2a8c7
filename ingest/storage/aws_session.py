"""Sessions of boto3 that read the descriptions of AWS's services once a process.

A separate session reads megabytes of JSON before its first client is there: a tenth to
a quarter of a second, for each source of a run.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import boto3
    from botocore.loaders import Loader


def new_session(*, profile: str | None, region: str | None) -> boto3.Session:
    """Return a session with separate credentials and secret headers."""
    import boto3
    from botocore.session import Session

    keep_headers_out_of_logs()
    # The location of descriptions is read from a profile: from this profile, and not
    # from AWS_PROFILE.
    core = Session(profile=profile)
    loader = _loader(core.get_config_variable("data_path"))
    core.register_component("data_loader", loader)
    paths = list(loader.search_paths)
    session = boto3.Session(botocore_session=core, region_name=region)
    # Each session adds the same folder, of resources, which no source uses.
    loader.search_paths[:] = paths
    return session


@cache
def _loader(data_path: str | None) -> Loader:
    from botocore.loaders import create_loader

    return create_loader(data_path)


def keep_headers_out_of_logs() -> None:
    """At level DEBUG these libraries log request headers, and a session token."""
    for name in ("boto3", "botocore", "urllib3"):
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.getEffectiveLevel(), logging.INFO))
