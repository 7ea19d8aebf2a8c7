"""triptych.yml: the organisation, its sources, and how to run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ingest.sources.github.connector import Github
from ingest.sources.gitlab.connector import Gitlab
from ingest.sources.jira.worklogs import JiraWorklogs
from ingest.sources.mlflow.connector import Mlflow
from triptych.core.control.rules import SITES, rule_sets

if TYPE_CHECKING:
    from ingest.connector import Source
    from tests.triptych.core.settings.conftest import SettingsFiles

HEAD = "organisation: Example\ncurrency: EUR\n"


def test_defaults_are_those_of_the_contract(files: SettingsFiles) -> None:
    settings = files.load()

    assert settings.root == files.root
    assert settings.organisation == "Example GmbH"
    assert settings.fiscal_year_start_month == 1
    assert settings.is_synthetic is False
    assert settings.sources == ()
    assert settings.warehouse.memory_limit == "1500MB"
    assert settings.warehouse.threads is None
    assert settings.warehouse.keep_runs == 5
    assert (settings.dashboard.host, settings.dashboard.port) == ("127.0.0.1", 8501)
    assert settings.fx.rate == "month_average"


def test_a_source_keeps_its_options_and_their_lines(files: SettingsFiles) -> None:
    settings = files.load(
        triptych=HEAD
        + "synthetic: true\n"
        + "access: {}\n"
        + "sources:\n"
        + "  - name: usage\n"
        + "    type: tables\n"
        + "    stream: model_usage\n"
        + "    mapping: {requests: calls}\n"
    )

    [source] = settings.sources
    assert settings.is_synthetic is True
    assert (source.name, source.type, source.line) == ("usage", "tables", 6)
    assert source.options == {"stream": "model_usage", "mapping": {"requests": "calls"}}
    assert source.option_lines["mapping"] == 9


def test_several_sites_of_a_type_are_told_apart_by_the_addresses_of_their_sources(
    files: SettingsFiles,
) -> None:
    def sites(*sources: tuple[str, str]) -> object:
        listed = [
            {"name": f"s{n}", "type": kind} | ({"base_url": address} if address else {})
            for n, (kind, address) in enumerate(sources)
        ]
        rules = rule_sets(files.load(triptych=f"{HEAD}sources: {json.dumps(listed)}"))
        return rules.get("sites")

    jira, same = "https://a.example.net", "https://A.example.net/"
    assert sites(("jira_worklogs", jira), ("jira_worklogs", same)) is None
    assert sites(("jira_worklogs", jira), ("gitlab", "https://b.example.net")) is None
    gateway = "https://api.example.com/ex/jira/"
    assert sites(
        ("jira_worklogs", jira),
        ("jira_worklogs", f"{gateway}1"),
        ("jira_worklogs", f"{gateway}2/"),
        ("mlflow", "https://c.example.net"),
    ) == [
        {"source": "s0", "site": "a.example.net"},
        {"source": "s1", "site": "api.example.com/ex/jira/1"},
        {"source": "s2", "site": "api.example.com/ex/jira/2"},
    ]
    assert sites(("gitlab", ""), ("gitlab", "https://gitlab.com")) is None
    assert sites(("gitlab", ""), ("gitlab", "https://git.example.net")) == [
        {"source": "s0", "site": "gitlab.com"},
        {"source": "s1", "site": "git.example.net"},
    ]


@pytest.mark.parametrize("source", [Github, Gitlab, JiraWorklogs, Mlflow])
def test_a_source_that_names_no_site_reads_the_one_that_rules_take_it_for(
    source: type[Source[Any]],
) -> None:
    field = source.Config.model_fields["base_url"]

    assert SITES[source.type] == (None if field.is_required() else field.default)


def test_a_section_with_everything_commented_out_is_empty(files: SettingsFiles) -> None:
    assert files.load(triptych=HEAD + "sources:\n  # - name: a\n").sources == ()


@pytest.mark.parametrize(
    ("triptych", "expected"),
    [
        ("currency: EUR\n", "triptych.yml:1: the file has no 'organisation'."),
        (
            "organisation: x\ncurrency: EURO\n",
            "triptych.yml:2: currency: 'EURO' is not an ISO 4217 code",
        ),
        (
            "organisation: x\ncurrency: usd\n",
            "triptych.yml:2: currency: 'usd' is not an ISO 4217 code, such as EUR or"
            " USD. Did you mean 'USD'?",
        ),
        (
            HEAD + "currencies: EUR\n",
            "triptych.yml:3: unknown key 'currencies'; did you mean 'currency'?",
        ),
        (
            HEAD + "taxes: all\n",
            "triptych.yml:3: unknown key 'taxes'; known keys: organisation, format,"
            " currency, fiscal_year_start_month, materiality_ratio, synthetic,"
            " sources, warehouse, bi, own_models, spark, dashboard, fx, delivery,"
            " receive, log, health, metrics, webhook, notify, attribution, access",
        ),
        (
            HEAD + "fiscal_year_start_month: 13\n",
            "triptych.yml:3: fiscal_year_start_month is '13' and should be less than",
        ),
        (
            HEAD + "warehouse: {memory_limit: lots}\n",
            "triptych.yml:3: warehouse.memory_limit: 'lots' is not a size",
        ),
        (
            HEAD + "dashboard:\n  port: 0\n",
            "triptych.yml:4: dashboard.port is '0' and should be greater than",
        ),
        (
            HEAD + "dashboard: {url: 'https://me@example.com'}\n",
            "triptych.yml:3: dashboard.url: 'https://me@example.com' is not an"
            " address such as https://triptych.example.com, without password",
        ),
        (
            HEAD + "dashboard: {url: 'https:///'}\n",
            "triptych.yml:3: dashboard.url: 'https:///' is not an address such as",
        ),
        (
            HEAD + "fx: {rate: daily}\n",
            "triptych.yml:3: 'fx' names rate 'daily'; known rates: month_average,"
            " month_end",
        ),
        (
            HEAD + "access: {alice: all}\n",
            "triptych.yml:3: unknown key 'alice' in 'access'; known keys: mode,",
        ),
        (
            HEAD + "sources:\n  - {name: Vendor A, type: tables}\n",
            "triptych.yml:4: source name 'Vendor A' does not fit; use lower-case",
        ),
        (
            HEAD + "sources:\n  - {name: 'null', type: tables}\n",
            "triptych.yml:4: source name 'null' does not fit",
        ),
        (
            HEAD + "warehouse: {threads: 100000}\n",
            "triptych.yml:3: warehouse.threads is '100000' and should be less than",
        ),
        (
            HEAD + "sources:\n  - {name: ../a, type: tables}\n",
            "triptych.yml:4: source name '../a' does not fit",
        ),
        (
            HEAD + "sources:\n  - {name: a, type: t}\n  - {name: a, type: t}\n",
            "triptych.yml:5: source 'a' appears twice.",
        ),
        (HEAD + "sources:\n  - name: a\n", "triptych.yml:4: source 'a' has no 'type'."),
    ],
)
def test_what_does_not_fit_is_named_with_its_line(
    files: SettingsFiles, triptych: str, expected: str
) -> None:
    lines = files.refused(triptych=triptych)

    assert len(lines) == 1
    assert lines[0].startswith(expected)


@pytest.mark.parametrize(
    ("dashboard", "address"),
    [
        ("{}", "http://127.0.0.1:8501"),
        ("{host: '::1', port: 8600}", "http://[::1]:8600"),
        ("{host: 0.0.0.0}", "http://127.0.0.1:8501"),
        (
            "{url: 'https://triptych.example.com/ai/'}",
            "https://triptych.example.com/ai",
        ),
    ],
)
def test_links_begin_with_an_address_that_a_browser_opens(
    files: SettingsFiles, dashboard: str, address: str
) -> None:
    settings = files.load(triptych=HEAD + f"dashboard: {dashboard}\n")

    assert settings.dashboard.address == address
