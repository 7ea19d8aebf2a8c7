"""What is shipped to run triptych elsewhere is whole: image, compose file, timers."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.docs.reference_pages import commands
from triptych.core.errors import RunLockedError

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
SYSTEMD = ROOT / "deploy" / "systemd"
_PIN = re.compile(r"^([\w.-]+)==([^ \\]+)(.*?)\\?$(?:\n    --hash=.*)+", re.MULTILINE)
_COPY = re.compile(r"^COPY (?!--from)(.+) \S+$", re.MULTILINE)


def tool(name: str) -> str:
    """Return a program of this environment or of this machine, or skip."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def assert_is_a_command(words: list[str]) -> None:
    """Check command and option names against those that there are."""
    known = commands()
    assert words[0] in known
    options = {o for parameter in known[words[0]].params for o in parameter.opts}
    given = [word for word in words[1:] if word.startswith("-")]
    assert set(given) <= options


# ------------------------------------------------------------------------- the image


def test_the_dockerfile_has_nothing_that_hadolint_minds() -> None:
    told = subprocess.run(
        [tool("hadolint"), "--failure-threshold", "style", str(ROOT / "Dockerfile")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode, told.stdout + told.stderr) == (0, "")


def test_the_linter_would_mind_a_user_who_may_do_everything(tmp_path: Path) -> None:
    loose = tmp_path / "Dockerfile"
    loose.write_text(re.sub(r"^USER .*$", "USER root", DOCKERFILE, flags=re.MULTILINE))
    told = subprocess.run(
        [tool("hadolint"), str(loose)], capture_output=True, text=True, check=False
    )
    assert told.returncode != 0
    assert "DL3002" in told.stdout


def test_no_image_names_a_registry() -> None:
    compose = (ROOT / "compose.yml").read_text("utf-8")
    [base] = re.findall(r"^ARG BASE_IMAGE=(\S+)", DOCKERFILE, re.MULTILINE)
    assert re.fullmatch(r"python:3\.11-slim@sha256:[0-9a-f]{64}", base)
    stages = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert stages == ["${BASE_IMAGE}", "${BASE_IMAGE}"]
    assert re.findall(r"^ *image: (\S+)", compose, re.MULTILINE) == ["triptych"]


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [tool("make"), "--no-print-directory", "-C", str(ROOT), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_release_is_made_of_an_image_without_a_digest(tmp_path: Path) -> None:
    assert make("pinned").returncode == 0
    plan = make("--dry-run", "release").stdout
    assert plan.index("the base image has no digest") < plan.index("-m build")
    for digest, is_pinned in (("", False), ("@sha256:12", False), ("@sha256:", True)):
        pin = digest + "0f" * 32 if is_pinned else digest
        copy = tmp_path / "Dockerfile"
        copy.write_text(
            re.sub(
                r"^(ARG BASE_IMAGE=[^@\n]+).*$",
                rf"\1{pin}",
                DOCKERFILE,
                flags=re.MULTILINE,
            )
        )
        checked = make("pinned", f"DOCKERFILE={copy}")
        assert (checked.returncode == 0) == is_pinned
        assert ("make base-image" in checked.stderr) != is_pinned


def test_the_digest_that_is_looked_up_is_written_for_both_stages(
    tmp_path: Path,
) -> None:
    copy, digest = tmp_path / "Dockerfile", f"sha256:{'ab' * 32}"
    copy.write_text(DOCKERFILE)
    docker = tmp_path / "docker"
    docker.write_text(f"#!/bin/sh\n[ $1 = pull ] || echo mirror/python@{digest}\n")
    docker.chmod(0o755)
    pinned = make("base-image", f"DOCKERFILE={copy}", f"DOCKER={docker}")
    assert pinned.returncode == 0, pinned.stderr
    assert f"\nARG BASE_IMAGE=python:3.11-slim@{digest}\n" in copy.read_text()


def test_the_image_ends_as_a_user_who_may_do_nothing_else() -> None:
    last_stage = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.findall(r"^USER (\S+)$", last_stage, re.MULTILINE) == ["10001:10001"]
    after = last_stage.partition("\nUSER ")[2]
    assert "RUN" not in after


def test_the_image_asks_the_dashboard_whether_it_lives() -> None:
    found = re.search(r"^HEALTHCHECK .*\\\n  CMD (\[.+\])$", DOCKERFILE, re.MULTILINE)
    assert found
    program, flag, code = yaml.safe_load(found[1])
    assert (program, flag) == ("python", "-c")
    # It is what fails where nothing listens.
    asked = code.replace("8501", "9")
    told = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, check=False
    )
    assert told.returncode != 0
    assert "http://127.0.0.1:8501/_stcore/health" in code


def test_what_is_copied_into_the_image_is_there_and_sent_to_the_builder() -> None:
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    allowed = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copied = {name for line in _COPY.findall(DOCKERFILE) for name in line.split()}
    assert copied == allowed
    assert all((ROOT / name).exists() for name in copied)


def test_the_image_gets_the_very_versions_that_are_tested() -> None:
    runtime, everything = (
        {
            (name, version): set(re.findall(r"sha256:\w+", match))
            for match, name, version in _pins(ROOT / path)
        }
        for path in ("requirements/runtime.lock", "requirements.lock")
    )
    assert len(runtime) > 100
    assert {pin: everything.get(pin) for pin in runtime} == runtime
    names = {name for name, _ in runtime}
    assert {"streamlit", "authlib", "dbt-duckdb"} <= names
    assert not {"pytest", "ruff", "prometheus-client", "oidc-provider-mock"} & names


def _pins(path: Path) -> Iterator[tuple[str, str, str]]:
    for found in _PIN.finditer(path.read_text("utf-8")):
        yield found[0], found[1], found[2]


def test_a_wheel_is_built_from_what_is_copied(tmp_path: Path) -> None:
    for line in _COPY.findall(DOCKERFILE):
        for name in line.split():
            source, target = ROOT / name, tmp_path / name
            target.parent.mkdir(exist_ok=True)
            if source.is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "target", "logs")
                shutil.copytree(source, target, ignore=ignored)
            else:
                shutil.copy(source, target)
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", "dist"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    [wheel] = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "triptych/_dbt_project/dbt_project.yml" in names
    assert "dashboard/app/.streamlit/config.toml" in names


# ----------------------------------------------------------------------- compose file


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    """Return the services of the compose file, with what they share merged in."""
    content = yaml.safe_load((ROOT / "compose.yml").read_text("utf-8"))
    found: dict[str, dict[str, Any]] = content["services"]
    return found


def test_every_service_runs_a_command_that_there_is(
    services: dict[str, dict[str, Any]],
) -> None:
    assert set(services) == {"dashboard", "run", "health"}
    for service in services.values():
        assert_is_a_command(service["command"])


def test_no_service_may_do_more_than_it_needs(
    services: dict[str, dict[str, Any]],
) -> None:
    for name, service in services.items():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "privileged" not in service
        [volume] = service["volumes"]
        # Only the run writes.
        assert volume.endswith(":ro") == (name != "run")


def test_the_dashboard_is_published_to_this_machine_only(
    services: dict[str, dict[str, Any]],
) -> None:
    assert services["dashboard"]["ports"] == ["127.0.0.1:8501:8501"]
    assert not any("ports" in services[name] for name in ("run", "health"))


# ------------------------------------------------------------------ systemd and cron


@pytest.mark.parametrize("unit", sorted(path.name for path in SYSTEMD.iterdir()))
def test_systemd_accepts_each_unit(tmp_path: Path, unit: str) -> None:
    for path in SYSTEMD.iterdir():
        program = str(Path(sys.executable).parent / "triptych")
        text = path.read_text("utf-8").replace("/usr/local/bin/triptych", program)
        (tmp_path / path.name).write_text(text)
    told = subprocess.run(
        [tool("systemd-analyze"), "verify", str(tmp_path / unit)],
        capture_output=True,
        text=True,
        check=False,
        env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "PATH": "/usr/bin:/bin"},
    )
    assert (told.returncode, told.stdout + told.stderr) == (0, "")


def test_what_systemd_starts_are_commands_that_there_are() -> None:
    started = [
        line.partition("=")[2]
        for path in SYSTEMD.glob("*.service")
        for line in path.read_text("utf-8").splitlines()
        if line.startswith("ExecStart=")
    ]
    assert len(started) == 2
    for line in started:
        program, *words = shlex.split(line)
        assert program == "/usr/local/bin/triptych"
        assert_is_a_command(words)


def test_a_run_that_found_another_is_no_failure_to_systemd() -> None:
    text = (SYSTEMD / "triptych-run.service").read_text("utf-8")
    assert f"SuccessExitStatus={RunLockedError.exit_code}\n" in text


def test_each_line_for_cron_has_five_fields_a_user_and_a_command() -> None:
    lines = (ROOT / "deploy" / "cron" / "triptych").read_text("utf-8").splitlines()
    entries = [line.split(maxsplit=6) for line in lines if line[:1].isdigit()]
    assert len(entries) == 2
    for minute, *others, user, command in entries:
        assert 0 <= int(minute) < 60
        assert all(re.fullmatch(r"\*|\d+", field) for field in others)
        assert user == "triptych"
        program, *words = shlex.split(re.split(r" (?:2?>|\|)", command)[0])
        assert program == "triptych"
        assert_is_a_command(words)
