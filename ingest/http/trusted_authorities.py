"""The authorities by which a server is verified, read once.

To read their certificates takes longer than a request does, and some sources open a
client for each thing they ask for.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

#: Variables in which an organisation names the authorities of its proxy and its
#: servers.
_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def trusted_authorities(*, reads_environment: bool) -> ssl.SSLContext:
    """Return the SSL context with which a client verifies servers.

    Parameters
    ----------
    reads_environment : bool
        True if the variables ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` count.
    """
    named = [os.environ.get(name, "") for name in _VARIABLES]
    return _read(tuple(named) if reads_environment else ())


@cache
def _read(named: tuple[str, ...]) -> ssl.SSLContext:
    import httpx

    return httpx.create_ssl_context(trust_env=bool(named))
