"""Spark is lost at the worst moments; what is published stays, the next run finishes.

The servers are real and end by SIGKILL, the command line is the user's, and what the
next run publishes is compared with what the embedded engine publishes undisturbed.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from tests.spark.lost_runs import (
    Ended,
    build,
    executors_of,
    has_begun_to_hand_over,
    is_writing_the_new_file,
    watched_build,
)
from tests.spark.published_figures import differences
from tests.spark.servers import (
    JAVA_MISSING,
    SAIL_MISSING,
    free_port,
    has_java,
    has_sail,
    running_sail,
    running_spark_connect,
)
from triptych.core.errors import SettingsError
from triptych.run.spark.losses import lost_spark, meaning_of
from triptych.run.spark.transform import environment_of_session

if TYPE_CHECKING:
    from pathlib import Path

    from tests.spark.conftest import Company
    from tests.spark.servers import Server

# Spark reads line items only of what is out of date.
ON_SPARK = ("--full", "--engine", "spark")
PROGRESS = re.compile(r"(build|publish)( …|:)")

needs_sail = pytest.mark.skipif(not has_sail(), reason=SAIL_MISSING)
needs_java = pytest.mark.skipif(not has_java(), reason=JAVA_MISSING)


def at(server: Server) -> dict[str, str]:
    return {"TRIPTYCH_SPARK__REMOTE": server.address}


def assert_one_clear_paragraph(ended: Ended, beginning: str) -> None:
    assert ended.exit_code == 4, ended.said
    (paragraph,) = (
        line for line in ended.said.splitlines() if not PROGRESS.match(line)
    )
    assert beginning in paragraph
    assert "What is published stays. Run again" in paragraph
    assert "Traceback" not in paragraph


@needs_sail
@pytest.mark.spark
@pytest.mark.timeout(3000)
def test_a_server_killed_in_mid_build_is_told_of_and_the_next_run_finishes(
    built_on_duckdb: Company, company: Company, tmp_path: Path
) -> None:
    published = company.pointer()
    with (
        running_sail(tmp_path / "sail") as server,
        watched_build(company.root, *ON_SPARK, environment=at(server)) as run,
    ):
        run.wait_until(has_begun_to_hand_over)
        server.kill()
        assert_one_clear_paragraph(run.end(), "spark: The Spark server went away")
    assert company.pointer() == published
    with running_sail(tmp_path / "sail") as server:
        settings = company.root / "triptych.yml"
        with settings.open("a", encoding="utf-8") as file:
            file.write("\nwarehouse: {engine: spark}\n")
            file.write(f"spark: {{remote: '{server.address}'}}\n")
        assert build(company.root, "--full").exit_code == 0
    assert differences(built_on_duckdb.published(), company.published()) == []


@needs_sail
@pytest.mark.spark
@pytest.mark.timeout(3000)
def test_a_server_killed_after_it_has_handed_over_is_not_missed(
    built_on_duckdb: Company, company: Company, tmp_path: Path
) -> None:
    published = company.pointer()
    with (
        running_sail(tmp_path / "sail") as server,
        watched_build(company.root, *ON_SPARK, environment=at(server)) as run,
    ):
        run.wait_until(is_writing_the_new_file)
        server.kill()
        assert run.end().exit_code == 0
    assert company.pointer() != published
    assert differences(built_on_duckdb.published(), company.published()) == []


@pytest.mark.full
def test_a_server_that_is_not_there_is_named_and_nothing_is_built(
    company: Company,
) -> None:
    published, address = company.pointer(), f"sc://127.0.0.1:{free_port()}"
    environment = {"SPARK_REMOTE": f"{address}/;token=made-up-secret"}
    ended = build(company.root, *ON_SPARK, environment=environment)
    assert_one_clear_paragraph(ended, f"spark: Spark cannot be reached at {address}:")
    assert "made-up-secret" not in ended.said
    assert company.pointer() == published


@pytest.mark.parametrize(
    "variable",
    [
        *("SPARK_REMOTE", "SPARK_LOCAL_REMOTE", "SPARK_API_MODE"),
        "SPARK_CONNECT_MODE_ENABLED",
    ],
)
def test_another_session_of_this_process_decides_nothing_of_ours(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """The last one is left by a notebook that has opened a session of Connect."""
    monkeypatch.setenv(variable, "1")
    assert variable not in environment_of_session()


@pytest.mark.full
def test_without_the_extra_one_sentence_says_what_to_install(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyspark", None)
    with pytest.raises(SettingsError) as refused:
        company.build({"warehouse.engine": "spark"})
    assert str(refused.value) == (
        "--engine spark: pyspark is not installed. Install it as triptych[spark]: the"
        " quick start says how."
    )


@pytest.mark.parametrize(
    ("message", "meaning"),
    [
        ("java.lang.OutOfMemoryError: Java heap space", "Spark ran out of memory."),
        ("[UNABLE_TO_ACQUIRE_MEMORY] Unable to acquire", "Spark ran out of memory."),
        (
            "ExecutorLostFailure (executor 3 exited) Reason: Container killed, exit"
            " code 137",
            "Spark ran out of memory.",
        ),
        (
            "Stage 3 failed 4 times: ExecutorLostFailure (executor 1 exited)",
            "Spark lost executors",
        ),
        ('status = StatusCode.UNAVAILABLE details = "Socket closed"', "The Spark"),
        ("[INVALID_HANDLE.SESSION_NOT_FOUND] The handle", "The Spark server went"),
    ],
)
def test_what_spark_says_of_a_loss_is_understood(message: str, meaning: str) -> None:
    assert str(meaning_of(message)).startswith(meaning)


def test_a_broken_model_is_not_taken_for_a_loss_of_spark() -> None:
    message = "[DIVIDE_BY_ZERO] Division by zero. Use `try_divide`. SQLSTATE: 22012"
    assert meaning_of(message) is None
    assert lost_spark(ValueError("no\nmore")) == "Spark failed: ValueError: no."


@needs_java
@pytest.mark.spark
@pytest.mark.timeout(3600)
def test_two_workers_killed_in_mid_build_change_no_figure(
    built_on_duckdb: Company, company: Company, tmp_path: Path
) -> None:
    published = company.pointer()
    with (
        running_spark_connect(
            tmp_path / "spark", master="local-cluster[2,1,1024]"
        ) as server,
        watched_build(company.root, *ON_SPARK, environment=at(server)) as run,
    ):
        run.wait_until(has_begun_to_hand_over)
        workers = executors_of(server.process.pid)
        assert len(workers) == 2
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        ended = run.end()
        if ended.exit_code != 0:
            assert_one_clear_paragraph(ended, "spark: Spark lost executors")
            assert company.pointer() == published
            ended = build(company.root, *ON_SPARK, environment=at(server))
        assert ended.exit_code == 0, ended.said
    assert company.pointer() != published
    assert differences(built_on_duckdb.published(), company.published()) == []


@needs_java
@pytest.mark.spark
@pytest.mark.timeout(3600)
def test_apache_sparks_server_killed_while_it_hands_over_leaves_what_was_there(
    built_on_duckdb: Company, company: Company, tmp_path: Path
) -> None:
    published = company.pointer()
    with (
        running_spark_connect(tmp_path / "spark") as server,
        watched_build(company.root, *ON_SPARK, environment=at(server)) as run,
    ):
        run.wait_until(has_begun_to_hand_over)
        server.kill()
        assert_one_clear_paragraph(run.end(), "spark: The Spark server went away")
    assert company.pointer() == published
    with running_spark_connect(tmp_path / "spark") as server:
        ended = build(company.root, *ON_SPARK, environment=at(server))
    assert ended.exit_code == 0, ended.said
    assert differences(built_on_duckdb.published(), company.published()) == []


@needs_java
@pytest.mark.spark
@pytest.mark.timeout(3600)
def test_a_session_without_memory_says_so_and_the_next_one_finishes(
    built_on_duckdb: Company, company: Company
) -> None:
    published = company.pointer()
    settings = company.root / "triptych.yml"
    as_it_was = settings.read_text("utf-8")
    # What Spark may use of its heap for data: less than the first page it asks for.
    settings.write_text(
        f"{as_it_was}\nspark: {{master: 'local[2]', driver_memory: 1GB,"
        " conf: {spark.memory.fraction: '0.00001'}}\n"
    )
    ended = build(company.root, *ON_SPARK)
    assert_one_clear_paragraph(ended, "spark: Spark ran out of memory")
    assert company.pointer() == published
    settings.write_text(f"{as_it_was}\nspark: {{driver_memory: 100MB}}\n")
    ended = build(company.root, *ON_SPARK)
    assert ended.exit_code == 2
    assert "spark.driver_memory: Spark does not start with so little" in ended.said
    settings.write_text(as_it_was)
    of_a_notebook = {"SPARK_CONNECT_MODE_ENABLED": "1", "SPARK_API_MODE": "connect"}
    assert build(company.root, *ON_SPARK, environment=of_a_notebook).exit_code == 0
    assert differences(built_on_duckdb.published(), company.published()) == []
