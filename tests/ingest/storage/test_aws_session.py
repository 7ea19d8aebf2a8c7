"""Sessions of AWS share what describes its services, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.storage.aws_session import new_session

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

CONFIG = """
[profile bills]
region = eu-central-1
[profile invoices]
region = eu-west-1
"""


def test_a_profile_that_is_named_counts_whatever_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    config.write_text(CONFIG)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    # It was removed since, or belongs to another machine.
    monkeypatch.setenv("AWS_PROFILE", "gone")
    assert new_session(profile="bills", region=None).region_name == "eu-central-1"
    other = new_session(profile="invoices", region="us-east-1")
    assert (other.profile_name, other.region_name) == ("invoices", "us-east-1")
    monkeypatch.setenv("AWS_PROFILE", "invoices")
    assert new_session(profile=None, region=None).region_name == "eu-west-1"
