"""Asking web services: a client that retries, checks hosts and hides secrets.

:class:`HttpClient` and :func:`secret_from_environment` are public: connectors of others
import them from here.
"""

from ingest.http.client import HttpClient, secret_from_environment

__all__ = ["HttpClient", "secret_from_environment"]
