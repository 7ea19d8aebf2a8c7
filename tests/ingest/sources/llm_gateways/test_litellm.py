"""LiteLLM: who sent which tokens, from the spend API and from exported tables."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from ingest.connector import Window
from ingest.sources.llm_gateways.litellm import LitellmConfig
from ingest.testing import ConnectorCase, ConnectorContract
from tests.ingest.servers.http_server import ScriptedServer, status
from tests.ingest.servers.litellm_proxy import KEY, LitellmProxy, log_line
from tests.ingest.suites.misbehaviour import SurvivesMisbehaviour
from triptych.core.errors import MalformedDeliveryError, TransientSourceError

if TYPE_CHECKING:
    from pathlib import Path

YESTERDAY = datetime.now(UTC).replace(
    hour=0, minute=0, second=0, microsecond=0
) - timedelta(days=1)
MAPPING = [
    {"match": {"tag": {"prefix": "feature:"}}, "model": "${tag}"},
    {"match": {"provider": "openai"}, "pool": "openai-key"},
]
TOKENS = (
    'select "model_id", "pool_id", sum("requests"), sum("input_tokens"),'
    ' sum("output_tokens") from evidence.llm_usage group by all order by all'
)


@pytest.fixture
def proxy(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> LitellmProxy:
    monkeypatch.setenv("LITELLM_API_KEY", KEY)
    eta = ["User-Agent: curl", "feature:eta"]
    lines = [
        log_line("r-1", YESTERDAY.replace(hour=9), request_tags=eta),
        log_line("r-2", YESTERDAY.replace(hour=9, minute=59), request_tags=eta),
        log_line("r-3", YESTERDAY.replace(hour=10), request_tags=["feature:chat"]),
        log_line("r-4", YESTERDAY.replace(hour=10, minute=5)),
        log_line("r-5", YESTERDAY + timedelta(days=1, seconds=1), request_tags=eta),
    ]
    return LitellmProxy(server, lines)


@pytest.fixture
def case(proxy: LitellmProxy, tmp_path: Path) -> ConnectorCase:
    """Five requests: eta in two hours, chat, and one that no rule gives a model."""

    def deliver_late() -> dict[str, Decimal]:
        proxy.lines.append(log_line("r-6", YESTERDAY.replace(hour=9, minute=30)))
        return {}

    def deliver_hostile() -> int:
        proxy.lines += [
            log_line("r-7", YESTERDAY.replace(hour=9), prompt_tokens="many"),
            log_line("r-8", YESTERDAY.replace(hour=9), completion_tokens=-5),
        ]
        return 2

    return ConnectorCase(
        connector_type="litellm",
        options={
            "base_url": proxy.server.url,
            "mapping": MAPPING,
            "feature_tag_prefix": "feature:",
            "page_size": 2,
            "timeout_seconds": 1,
        },
        root=tmp_path,
        expected_rows=4,
        expected_money={},
        deliver_again=lambda: None,
        deliver_late=deliver_late,
        deliver_hostile=deliver_hostile,
        secrets=(KEY, "nobody may keep", "somebody@example.com", "customer-17"),
    )


class TestLitellmContract(ConnectorContract):
    """The shipped suite, over HTTP."""


@pytest.mark.full
class TestLitellmMisbehaviour(SurvivesMisbehaviour):
    """The proxy misbehaves."""

    names_credential = "LITELLM_API_KEY"

    @pytest.fixture
    def case(self, case: ConnectorCase) -> ConnectorCase:
        # What the server itself says in an error, only the key must not stand in.
        case.secrets = (KEY,)
        return case


@pytest.mark.full
class TestLitellmFilesContract(ConnectorContract):
    """The shipped suite, over an exported table."""

    @pytest.fixture
    def case(self, tmp_path: Path) -> ConnectorCase:
        export = tmp_path / "logs.jsonl"
        lines = [
            log_line("a", datetime(2026, 3, 1, 9, tzinfo=UTC)),
            log_line("b", datetime(2026, 3, 1, 9, 1, tzinfo=UTC)),
            log_line("c", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ]
        write_json_lines(export, lines)

        def deliver_again() -> None:
            later = export.stat().st_mtime + 60
            os.utime(export, (later, later))

        def deliver_late() -> dict[str, Decimal]:
            late = log_line("d", datetime(2026, 3, 1, 11, tzinfo=UTC))
            write_json_lines(export, [*lines, late])
            return {}

        def deliver_hostile() -> int:
            bad = log_line("e", datetime(2026, 3, 1, 9, tzinfo=UTC), spend="NaN")
            write_json_lines(export, [*lines, bad])
            return 1

        return ConnectorCase(
            connector_type="litellm",
            options={"path": "logs.jsonl"},
            root=tmp_path,
            expected_rows=2,
            expected_money={},
            deliver_again=deliver_again,
            deliver_late=deliver_late,
            deliver_hostile=deliver_hostile,
            secrets=("nobody may keep", "somebody@example.com"),
        )


def test_tokens_are_summed_by_hour_for_the_model_and_pool_of_the_rules(
    case: ConnectorCase,
) -> None:
    case.ingest().raise_first_failure()
    # eta: 3 requests of 100 + 20 tokens; what has no feature tag has no model.
    assert case.query(TOKENS) == [
        ("chat", "openai-key", 1, 100, 20),
        ("eta", "openai-key", 3, 300, 60),
        (None, "openai-key", 1, 100, 20),
    ]
    assert case.query(
        'select "period_end" - "period_start", "reported_by", "gateway", "provider",'
        ' "provider_model", "api_key_id", "project_id", "feature_tag", "requests",'
        ' "estimated_spend_amount", "currency" from evidence.llm_usage'
        f" where \"model_id\" = 'eta' and \"period_start\" < date '{YESTERDAY.date()}'"
        " + interval 1 day"
    ) == [
        (
            *(timedelta(hours=1), "gateway", "contract", "openai", "gpt-4o-mini"),
            *("hash-of-prod", "team-1", "eta", 2, Decimal("0.002"), "USD"),
        )
    ]


def test_a_request_at_midnight_belongs_to_one_day_only(
    case: ConnectorCase, proxy: LitellmProxy
) -> None:
    midnight = YESTERDAY + timedelta(days=1)
    proxy.lines = [
        log_line("before", midnight - timedelta(milliseconds=1)),
        log_line("at", midnight),
    ]
    case.ingest().raise_first_failure()
    assert case.query(
        'select "period_start", "requests" from evidence.llm_usage order by 1'
    ) == [
        (midnight.replace(tzinfo=None) - timedelta(hours=1), 1),
        (midnight.replace(tzinfo=None), 1),
    ]


def test_beyond_the_count_that_is_capped_pages_are_read_until_a_short_one(
    case: ConnectorCase, proxy: LitellmProxy
) -> None:
    # Like the real cap of 10,000: the total is a floor, the number of pages wrong.
    proxy.is_capped, proxy.total = True, 2
    case.ingest().raise_first_failure()
    assert case.query('select sum("requests") from evidence.llm_usage') == [(5,)]


def test_a_log_that_ends_early_loads_nothing_of_the_day(
    case: ConnectorCase, proxy: LitellmProxy
) -> None:
    proxy.lines, proxy.total = proxy.lines[:4], 6
    report = case.ingest()
    assert report.committed == []
    with pytest.raises(TransientSourceError, match="ended after 4 of 6 requests"):
        report.raise_first_failure()


def test_a_day_whose_log_was_removed_is_read_from_its_sums(
    case: ConnectorCase, proxy: LitellmProxy
) -> None:
    proxy.is_log_removed = True
    case.ingest().raise_first_failure()
    # Without tags there is no model, but the pool is known by the provider.
    assert case.query(TOKENS) == [(None, "openai-key", 5, 500, 100)]


def test_only_days_that_changed_are_read_again(
    case: ConnectorCase, proxy: LitellmProxy
) -> None:
    case.ingest()
    proxy.server.requests.clear()
    proxy.lines.append(log_line("r-9", YESTERDAY.replace(hour=23)))
    case.ingest().raise_first_failure()
    asked = {
        request.one("start_date") for request in proxy.server.asked("/spend/logs/v2")
    }
    assert asked == {f"{YESTERDAY.date()} 00:00:00"}


def test_another_mapping_reads_the_same_requests_again(case: ConnectorCase) -> None:
    case.ingest()
    case.options["mapping"] = [{"match": {"team": "ml"}, "model": "${team}"}]
    case.ingest().raise_first_failure()
    assert case.query(TOKENS) == [("ml", None, 5, 500, 100)]


def test_days_without_tags_come_from_the_daily_activity_alone(
    case: ConnectorCase, proxy: LitellmProxy
) -> None:
    case.options |= {
        "detail": "days",
        "mapping": [{"match": {"key": "prod", "team": "team-1"}, "model": "shared"}],
    }
    case.ingest().raise_first_failure()
    assert proxy.server.asked("/spend/logs/v2") == []
    assert case.query(
        'select "period_end" - "period_start", "model_id", "provider", "requests",'
        ' "input_tokens", "uncached_input_tokens", "output_tokens",'
        ' "estimated_spend_amount" from evidence.llm_usage order by "requests"'
    ) == [
        (timedelta(days=1), "shared", "openai", 1, 100, 100, 20, Decimal("0.001")),
        (timedelta(days=1), "shared", "openai", 4, 400, 400, 80, Decimal("0.004")),
    ]


def test_the_asked_window_limits_the_days(case: ConnectorCase) -> None:
    connector = case.connector()
    yesterday = YESTERDAY.date()
    today = yesterday + timedelta(days=1)
    scopes = [
        delivery.scope for delivery in connector.deliveries(Window(yesterday, today))
    ]
    assert scopes == [f"{yesterday}"]
    assert list(connector.deliveries(Window(end=yesterday))) == []


def test_a_key_that_sees_only_its_own_requests_is_found_out(
    case: ConnectorCase, proxy: LitellmProxy
) -> None:
    proxy.server.faults += [status(200, body={"results": [], "metadata": {}})]
    proxy.server.faults += [status(403, body={"error": "Only proxy admin"})]
    [finding] = case.connector().check()
    assert not finding.is_ok
    assert "proxy_admin_viewer" in finding.next_step


def test_without_a_key_the_message_names_the_variable(
    case: ConnectorCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LITELLM_API_KEY")
    report = case.ingest()
    assert "LITELLM_API_KEY is not set" in str(report.failures[0].error)


def test_an_answer_of_another_form_is_no_day_without_traffic(
    case: ConnectorCase, proxy: LitellmProxy
) -> None:
    proxy.server.faults += [status(200, body=[{"date": "Jan 22"}])]
    report = case.ingest()
    with pytest.raises(MalformedDeliveryError, match="Unexpected response format"):
        report.raise_first_failure()


# --- tables as files ---------------------------------------------------------------


def test_every_format_and_table_gives_the_same_tokens(tmp_path: Path) -> None:
    lines = [
        log_line(f"r-{n}", datetime(2026, 3, 1, n, tzinfo=UTC), api_key=f"k{n % 2}")
        for n in range(6)
    ]
    write_json_lines(tmp_path / "jsonl" / "logs.jsonl", lines)
    write_csv(tmp_path / "csv" / "logs.csv", lines)
    write_csv(tmp_path / "gz" / "logs.csv.gz", lines)
    write_parquet(tmp_path / "parquet" / "logs.parquet", lines)
    days = [
        {
            "id": f"d-{key}",
            "team_id": "team-1",
            "date": "2026-03-01",
            "api_key": key,
            "model": "openai/gpt-4o-mini",
            "custom_llm_provider": None,
            "prompt_tokens": 300,
            "completion_tokens": 60,
            "spend": 0.003,
            "api_requests": 3,
            "successful_requests": 3,
        }
        for key in ("k0", "k1")
    ]
    write_parquet(tmp_path / "days" / "LiteLLM_DailyTeamSpend.parquet", days)

    for folder in ("jsonl", "csv", "gz", "parquet", "days"):
        case = file_case(tmp_path / folder)
        case.ingest().raise_first_failure()
        assert case.query(
            'select "api_key_id", "provider", "provider_model", sum("requests"),'
            ' sum("input_tokens"), sum("output_tokens"),'
            ' sum("estimated_spend_amount") from evidence.llm_usage'
            " group by all order by all"
        ) == [
            (key, "openai", "gpt-4o-mini", 3, 300, 60, Decimal("0.003"))
            for key in ("k0", "k1")
        ], folder


def test_a_request_that_stands_in_a_file_twice_counts_once(tmp_path: Path) -> None:
    line = log_line("same", datetime(2026, 3, 1, tzinfo=UTC))
    write_json_lines(tmp_path / "logs.jsonl", [line, line])
    case = file_case(tmp_path)
    case.ingest().raise_first_failure()
    assert case.query('select "requests" from evidence.llm_usage') == [(1,)]


def test_the_gateways_own_cache_sent_nothing_to_the_provider(tmp_path: Path) -> None:
    started_at = datetime(2026, 3, 1, tzinfo=UTC)
    write_json_lines(
        tmp_path / "logs.jsonl",
        [
            log_line("sent", started_at),
            log_line("answered here", started_at, cache_hit="True", spend=0),
            log_line("failed", started_at, status="failure", prompt_tokens=0),
        ],
    )
    case = file_case(tmp_path)
    case.ingest().raise_first_failure()
    assert case.query(
        'select "requests", "successful_requests", "input_tokens", "output_tokens"'
        " from evidence.llm_usage"
    ) == [(3, 2, 100, 40)]


@pytest.mark.parametrize(
    ("option", "whole", "uncached"), [("auto", 1284, 31), ("whole", 31, None)]
)
def test_cached_tokens_beyond_the_prompt_are_added_where_the_line_proves_them(
    tmp_path: Path, option: str, whole: int, uncached: int | None
) -> None:
    usage = {"cache_creation_input_tokens": 1253, "cache_read_input_tokens": 0}
    line = log_line(
        "anthropic",
        datetime(2026, 3, 1, tzinfo=UTC),
        prompt_tokens=31,
        metadata={"usage_object": usage},
    )
    write_json_lines(tmp_path / "logs.jsonl", [line, line | {"request_id": "next"}])
    case = file_case(tmp_path, prompt_tokens=option)
    report = case.ingest()
    if uncached is None:
        # Told that 31 is everything, 1253 written tokens cannot be part of it.
        assert "negative_quantity" in str(report.failures[0].error)
        return
    assert case.query(
        'select "input_tokens", "uncached_input_tokens", "cached_input_tokens",'
        ' "cache_write_input_tokens" from evidence.llm_usage'
    ) == [(2 * whole, 2 * uncached, 0, 2 * 1253)]


def test_daily_spend_by_tag_needs_to_know_which_tag_is_the_feature(
    tmp_path: Path,
) -> None:
    rows = [
        {"id": "1", "tag": "User-Agent: curl", "date": "2026-03-01"},
        {"id": "2", "tag": "feature:eta", "date": "2026-03-01"},
    ]
    figures = {"model": "gpt-4o", "api_requests": 2, "prompt_tokens": 50}
    write_csv(tmp_path / "tags.csv", [row | figures for row in rows])
    report = file_case(tmp_path).ingest()
    with pytest.raises(MalformedDeliveryError, match="once for each of its tags"):
        report.raise_first_failure()

    case = file_case(tmp_path, feature_tag_prefix="feature:")
    case.ingest().raise_first_failure()
    assert case.query(
        'select "feature_tag", "provider", "requests", "input_tokens"'
        " from evidence.llm_usage"
    ) == [("eta", "openai", 2, 50)]


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("x.csv", b"a,b\n1,2\n", "neither request_id and startTime"),
        ("x.parquet", b"PAR1 and nothing", "cannot be read"),
        (
            "x.csv.gz",
            gzip.compress(b"request_id,startTime\n" * 999, mtime=0)[:40],
            "cut off",
        ),
    ],
)
def test_a_file_that_is_no_such_table_says_so(
    tmp_path: Path, name: str, content: bytes, complaint: str
) -> None:
    (tmp_path / name).write_bytes(content)
    report = file_case(tmp_path).ingest()
    with pytest.raises(MalformedDeliveryError, match=complaint):
        report.raise_first_failure()


def test_a_damaged_line_is_set_aside_without_its_text(tmp_path: Path) -> None:
    good = log_line("a", datetime(2026, 3, 1, tzinfo=UTC))
    write_json_lines(tmp_path / "logs.jsonl", [good])
    with (tmp_path / "logs.jsonl").open("a") as file:
        file.write('{"request_id": "b", "messages": "a text that nobody may keep"\n')
    case = file_case(tmp_path)
    case.ingest().raise_first_failure()
    [(content,)] = case.query("select row_content from catalogue.quarantine")
    assert "nobody may keep" not in str(content)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({}, "either 'base_url' or 'path'"),
        ({"base_url": "https://x.example", "path": "x"}, "either 'base_url' or 'path'"),
        ({"base_url": "http://gateway.example"}, "must be https"),
        ({"path": "x", "mapping": [{"match": {}}]}, "needs 'model', 'pool' or both"),
        (
            {"path": "x", "mapping": [{"match": {"tags": "a"}, "model": "b"}]},
            "known labels: key, model, organization, provider, tag, team",
        ),
        (
            {"path": "x", "mapping": [{"match": {"tag": "a"}, "model": "${team}"}]},
            "is no label that the rule matches",
        ),
    ],
)
def test_a_wrong_option_says_what_is_expected(
    options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValidationError, match=complaint):
        LitellmConfig(name="x", type="litellm", **options)


def file_case(root: Path, **options: object) -> ConnectorCase:
    return ConnectorCase(
        *("litellm", {"path": "*.*", **options}, root, 0, {}, dict, dict, lambda: 0)
    )


def write_json_lines(path: Path, lines: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(line, default=str)}\n" for line in lines))


def write_csv(path: Path, lines: list[dict[str, Any]]) -> None:
    """Write as Postgres exports: JSON columns as text, nothing as an empty cell."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with io.StringIO(newline="") as text:
        writer = csv.DictWriter(text, list(lines[0]))
        writer.writeheader()
        for line in lines:
            writer.writerow(
                {
                    name: json.dumps(value)
                    if isinstance(value, (dict, list))
                    else value
                    for name, value in line.items()
                }
            )
        content = text.getvalue().encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def write_parquet(path: Path, lines: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {
        name: [
            json.dumps(value) if isinstance(value, (dict, list)) else value
            for value in (line[name] for line in lines)
        ]
        for name in lines[0]
    }
    if "startTime" in columns:
        columns["startTime"] = [datetime.fromisoformat(t) for t in columns["startTime"]]
        columns["spend"] = [float(value) for value in columns["spend"]]
    pq.write_table(pa.table(columns), path)
