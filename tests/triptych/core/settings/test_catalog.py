"""The catalogue is consistent, or its file is refused line by line."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.triptych.core.settings.conftest import SettingsFiles

FULL = """\
cost_centers: [{id: cc-100, name: Data science}]
teams: [{id: ml, name: Machine learning, cost_center: cc-100}]
platforms:
  - {id: aws-eks, kind: managed_kubernetes, match: {service_name: Amazon EKS}}
  - {id: anywhere, match: {}}
  - {id: railway, name: Railway}
features: [{id: eta, name: ETA prediction, team: ml}]
models:
  - {id: eta-v2, feature: eta, aliases: [eta_v2], valid_to: 2026-07-01}
  - {id: eta-v2, feature: eta, team: ml, aliases: [eta_v2], valid_from: 2026-07-01}
"""


def test_a_full_catalogue_is_read_whole(files: SettingsFiles) -> None:
    catalog = files.load(catalog=FULL).catalog

    assert catalog.features[0].name == "ETA prediction"
    assert catalog.models[0].valid_to == date(2026, 7, 1)
    assert catalog.model_aliases == {"eta_v2": "eta-v2"}
    assert [
        len(p.match) if p.match is not None else None for p in catalog.platforms
    ] == [
        1,
        0,
        None,
    ]


def test_an_entry_without_a_name_is_called_by_its_id(files: SettingsFiles) -> None:
    assert files.load(catalog=FULL).catalog.models[0].name == "eta-v2"


def test_the_dump_is_plain_json(files: SettingsFiles) -> None:
    dump = files.load(catalog=FULL).catalog.model_dump(mode="json")

    assert dump["models"][1] == {
        "id": "eta-v2",
        "name": "eta-v2",
        "feature": "eta",
        "team": "ml",
        "aliases": ["eta_v2"],
        "latency_threshold_seconds": None,
        "minimum_requests_per_second": None,
        "valid_from": "2026-07-01",
        "valid_to": None,
    }
    assert dump["platforms"][0]["match"] == [
        {"column": "service_name", "operator": "equals", "values": ["Amazon EKS"]}
    ]
    assert dump["platforms"][2]["match"] is None


def test_without_a_file_the_catalogue_is_empty(files: SettingsFiles) -> None:
    assert files.load().catalog.models == ()


@pytest.mark.parametrize(
    ("catalog", "expected"),
    [
        (
            "models:\n"
            "  - {id: m, valid_from: 2026-01-01, valid_to: 2026-07-01}\n"
            "  - {id: m, valid_from: 2026-06-30}\n",
            "catalog.yml:3: model 'm' is declared twice for the same days"
            " (2026-01-01 to 2026-07-01 and 2026-06-30 to …)",
        ),
        (
            "models:\n  - {id: m, valid_from: 2026-07-01, valid_to: 2026-07-01}\n",
            "catalog.yml:2: model 'm' is valid to 2026-07-01, which is not after",
        ),
        (
            "models:\n  - {id: a, aliases: [x]}\n  - {id: b, aliases: [y, x]}\n",
            "catalog.yml:3: alias 'x' of model 'b' is also a name of model 'a'",
        ),
        (
            "models:\n  - {id: a, aliases: [b]}\n  - {id: b}\n",
            "catalog.yml:2: alias 'b' of model 'a' is also a name of model 'b'",
        ),
        (
            "teams: [{id: ml}]\nfeatures: [{id: eta, team: mll}]\n",
            "catalog.yml:2: feature 'eta' names team 'mll'; known teams: ml."
            " Did you mean 'ml'?",
        ),
        (
            "models: [{id: m, feature: eta}]\n",
            "catalog.yml:1: model 'm' names feature 'eta'; there are no features yet",
        ),
        (
            "cost_centers: [{id: a}]\nteams:\n  - {id: t, cost_center: b}\n",
            "catalog.yml:3: team 't' names cost centre 'b'; known cost centres: a",
        ),
        (
            "teams:\n  - {id: a}\n  - {id: a}\n",
            "catalog.yml:3: team 'a' is declared twice.",
        ),
        (
            "platforms: [{id: a, kind: cloud}]\n",
            "catalog.yml:1: platform 'a' names kind 'cloud'; known kinds:"
            " managed_kubernetes, ai_native,",
        ),
        (
            "models:\n  - id: m\n    valid_from: 2026-13-01\n",
            "catalog.yml:3: model 'm': valid_from: '2026-13-01' is not a date",
        ),
        (
            "models:\n  - id: m\n    features: eta\n",
            "catalog.yml:3: unknown key 'features' in model 'm'; known keys: id, name,"
            " feature, team, aliases, latency_threshold_seconds,"
            " minimum_requests_per_second, valid_from, valid_to. Did you mean"
            " 'feature'?",
        ),
        ("models:\n  - {name: M}\n", "catalog.yml:2: model 1 has no 'id'."),
        (
            "outcomes:\n"
            "  - {metric: m, kind: risk, better: lower}\n"
            "  - {metric: m, kind: risk, better: lower}\n",
            "catalog.yml:3: outcome 'm' is declared twice.",
        ),
        (
            "outcomes:\n  - {metric: m, kind: customers, better: lower}\n",
            "catalog.yml:2: outcome 1 names kind 'customers'; known kinds: revenue,",
        ),
        ("models: 5\n", "catalog.yml:1: models must be a list."),
        ("models: [5]\n", "catalog.yml:1: model 1 must be a mapping of keys"),
    ],
)
def test_what_does_not_fit_is_named_with_its_line(
    files: SettingsFiles, catalog: str, expected: str
) -> None:
    lines = files.refused(catalog=catalog)

    assert len(lines) == 1
    assert lines[0].startswith(expected)
