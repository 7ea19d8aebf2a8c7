"""What tests of every package share, and in which order their files begin."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock
from hypothesis import settings

from tests.layers import examples

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

# Read when numerical libraries are loaded, here and in all that a test starts: threads
# of two processes of tests on two cores wait for each other ten times as long as they
# compute. A run of triptych sets it where it computes.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

# A shell that starts the tests in the background has them ignore Ctrl-C, and whatever
# they start inherits that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Anchors of audit logs go to the user's state folder; those of tests do not.
_STATE = tempfile.TemporaryDirectory(prefix="triptych-state-")
os.environ["XDG_STATE_HOME"] = _STATE.name

# A machine that is busy is slow, and no property is about that.
settings.register_profile("triptych", deadline=None, max_examples=examples(200))
settings.load_profile("triptych")

_ROOT = Path(__file__).resolve().parents[1]
#: Files that take twenty seconds of a processor and more, and those of the full layer
#: that take minutes. They begin first: begun last, one of them would keep one process
#: busy while the others have nothing left to do.
_LONG_FILES = (
    "tests/spark/test_in_place.py",
    "tests/spark/test_same_figures.py",
    "tests/spark/test_failures.py",
    "tests/acceptance/test_crash.py",
    "tests/acceptance/test_three_companies.py",
    "tests/e2e/test_sample_company.py",
    "tests/dashboard/test_every_page.py",
    "tests/dashboard/test_in_browser.py",
    "tests/triptych/discovery/test_first_contact.py",
    "tests/attribution/studies/test_study_estimates.py",
    "tests/campaigns/test_campaigns.py",
    "tests/benchmarks/test_counts_of_runs.py",
    "tests/ingest/sources/llm_providers/test_openai.py",
    "tests/triptych/cli/test_run_command.py",
    "tests/ingest/sources/railway/test_railway.py",
    "tests/e2e/test_recover.py",
    "tests/ingest/engine/test_repeated_charges.py",
    "tests/ingest/sample_company/test_bills.py",
    "tests/dashboard/test_sign_in.py",
    "tests/dashboard/acts/test_acts_in_browser.py",
    "tests/e2e/test_withdraw.py",
    "tests/e2e/test_close_a_month.py",
    "tests/e2e/test_explain_on_pages.py",
    "tests/dbt/test_incremental_months.py",
    "tests/dashboard/test_pages.py",
    "tests/ingest/sources/mlflow/test_mlflow.py",
    "tests/ingest/sample_company/test_company.py",
    "tests/ingest/engine/test_runner.py",
    "tests/triptych/run/test_pipeline.py",
    "tests/e2e/test_explain_a_figure.py",
    "tests/dbt/test_random_histories.py",
    "tests/e2e/test_an_unpriced_sku.py",
    "tests/ingest/sources/azure/test_azure_focus.py",
    "tests/ingest/sources/aws/test_aws_data_exports.py",
    "tests/triptych/run/test_attribute.py",
)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage while tests are collected, and never among them afterwards.

    Nearly all of it stays, and a third of the time went there, in each process.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Let every other process begin with the last folder and the last file.

    All of them collect the same tests at the same time. From both ends, each compiles
    half of the tests and of what they import, and reads what another has compiled.
    """
    report = yield
    if isinstance(collector, pytest.Dir) and _process_number() % 2:
        report.result.reverse()
    return report


def _process_number() -> int:
    """Return the place of this process among those of pytest-xdist."""
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of long files first, and leave the order otherwise."""
    missing = [name for name in _LONG_FILES if not (_ROOT / name).is_file()]
    if missing:
        raise pytest.UsageError(f"tests/conftest.py names no files: {missing}")
    rank = {_ROOT / name: place for place, name in enumerate(_LONG_FILES)}
    if "PYTEST_XDIST_WORKER" in os.environ:
        # The same in each process, wherever it began.
        items.sort(key=lambda item: item.path)
    items.sort(key=lambda item: rank.get(item.path, len(rank)))


@dataclass(frozen=True, slots=True)
class BuiltWorkspaces:
    """Workspaces that several files of tests start from, built once for all processes.

    Parameters
    ----------
    folder : Path
        Where they are: below the folder that all processes of this test run share.
    """

    folder: Path

    def share(self, name: str, build: Callable[[Path], object]) -> Path:
        """Return what ``build`` made of an empty folder, for tests that only read it.

        Parameters
        ----------
        name : str
            Name of the workspace; equal names must mean equal workspaces.
        build : callable
            Called by whoever comes first, with a folder that does not exist.
        """
        built = self.folder / name
        with FileLock(f"{built}.lock"):
            if not built.is_dir():
                partial = self.folder / f"{name}.partial"
                # Left over if another process failed to build it.
                shutil.rmtree(partial, ignore_errors=True)
                build(partial)
                partial.rename(built)
        return built

    def copy(self, name: str, build: Callable[[Path], object], target: Path) -> Path:
        """Return ``target``, a folder that did not exist, as a copy to change."""
        return Path(shutil.copytree(self.share(name, build), target))


@pytest.fixture(scope="session")
def built_workspaces(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> BuiltWorkspaces:
    """Return the workspaces that this test run has built."""
    base = tmp_path_factory.getbasetemp()
    # Each process of pytest-xdist has a folder of its own below that of the run.
    shared = base.parent if hasattr(request.config, "workerinput") else base
    folder = shared / "built_workspaces"
    folder.mkdir(exist_ok=True)
    return BuiltWorkspaces(folder)


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the root of the repository."""
    return _ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the developer data beside the repository; skip where there is none."""
    folder = _ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the developer data (../shared/data) is not beside the repository")
    return folder
