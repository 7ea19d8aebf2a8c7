"""Secrets in YAML are refused, and never repeated in the message."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.triptych.core.settings.conftest import SettingsFiles

HEAD = "organisation: Example\ncurrency: EUR\nsources:\n  - name: a\n    type: tables\n"


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "token",
        "secret",
        "api_key",
        "apiKey",
        "access_key",
        "private_key",
        "client_secret",
        "aws_secret_access_key",
        "db-password",
    ],
)
def test_a_key_that_names_a_secret_is_refused(files: SettingsFiles, key: str) -> None:
    [line] = files.refused(triptych=f"{HEAD}    {key}: hunter2\n")

    assert line.startswith(f"triptych.yml:6: key {key!r} is a secret")
    assert "environment" in line
    assert "hunter2" not in line


# Put together here so that no scanner takes the made-up values for real ones.
@pytest.mark.parametrize(
    "value",
    [
        "AKIA" + "IOSFODNN7EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG" + "/bPxRfiCYEXAMPLEKEY",
        "AIza" + "SyA1234567890abcdefghijklmnopqrstuv",
        "sk-" + "proj-abcdefghijklmnopqrstuvwxyz0123",
        "ghp_" + "abcdefghijklmnopqrstuvwxyz0123456789",
        "https://user:pa55" + "word@host/path",
        "-----BEGIN " + "PRIVATE KEY-----",
    ],
)
def test_a_value_that_looks_like_a_secret_is_refused(
    files: SettingsFiles, value: str
) -> None:
    [line] = files.refused(triptych=f"{HEAD}    path: '{value}'\n")

    assert line.startswith("triptych.yml:6: key 'path' holds a")
    assert value not in line


def test_a_secret_silences_messages_that_might_quote_it(files: SettingsFiles) -> None:
    secret = "AKIA" + "IOSFODNN7EXAMPLE"
    lines = files.refused(
        allocation=f"pools:\n  - {{name: gpu, driver: {secret}}}\ncolour: red\n"
    )

    assert len(lines) == 1
    assert secret not in lines[0]


def test_a_secret_in_a_list_is_found(files: SettingsFiles) -> None:
    secret = "AKIA" + "IOSFODNN7EXAMPLE"
    [line] = files.refused(triptych=f"{HEAD}    paths:\n      - x\n      - {secret}\n")

    assert line.startswith("triptych.yml:8: a value holds an AWS access key id")


def test_words_of_the_user_are_not_taken_for_secrets(files: SettingsFiles) -> None:
    settings = files.load(
        triptych=HEAD
        + "    mapping: {output_tokens: tokens, token: t}\n"
        + "    path: bills/2026/quarter-one/vendor-a-export.csv\n"
        + "    checksum: da39a3ee5e6b4b0d3255bfef95601890afd80709\n",
        allocation=(
            "assignments:\n"
            "  - {name: a, match: {tags: {secret: x, token: y}}, model: m}\n"
        ),
    )

    assert settings.sources[0].options["mapping"]["token"] == "t"
