"""Asking web services: a client that retries, checks hosts and hides secrets.

Connectors of others import from here: :class:`HttpClient`, :func:`follow_pages` and
:func:`secret_from_environment`.
"""

from ingest.http.client import HttpClient, secret_from_environment
from ingest.http.pages import follow_pages

__all__ = ["HttpClient", "follow_pages", "secret_from_environment"]
