"""Whom a client believes to be the server it asked for."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING

import certifi

from ingest.http.trusted_authorities import trusted_authorities

if TYPE_CHECKING:
    import pytest


def test_authorities_are_read_once_for_all_clients() -> None:
    first = trusted_authorities(reads_environment=False)
    assert first is trusted_authorities(reads_environment=False)
    assert first.verify_mode is ssl.CERT_REQUIRED
    assert first.check_hostname


def test_authorities_of_an_organisation_count_where_the_environment_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One authority of many stands in its file."""
    text = Path(certifi.where()).read_text("utf-8")
    end = "-----END CERTIFICATE-----\n"
    own = tmp_path / "own.pem"
    own.write_text(text[text.index("-----BEGIN") : text.index(end)] + end, "utf-8")
    usual = len(trusted_authorities(reads_environment=False).get_ca_certs())
    monkeypatch.setenv("SSL_CERT_FILE", str(own))
    assert len(trusted_authorities(reads_environment=True).get_ca_certs()) == 1 < usual
    assert len(trusted_authorities(reads_environment=False).get_ca_certs()) == usual
