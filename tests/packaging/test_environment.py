"""What `make` installs for whom, and that an environment left half-made is made anew.

In place of Python stands a script that makes an environment whose programs only write
down how they were called: nothing is fetched.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_PYTHON = """\
#!/bin/sh
if [ "$2" = venv ]; then
  mkdir -p .venv/bin
  for name in python uv triptych; do
    printf '#!/bin/sh\\necho "%s $*" >> calls\\n' "$name" > .venv/bin/$name
    chmod +x .venv/bin/$name
  done
fi
"""


@dataclass(frozen=True)
class Clone:
    """A folder with what environments are made from, and nothing else."""

    root: Path

    def make(self, *arguments: str) -> None:
        done = subprocess.run(
            ["make", f"PYTHON={self.root / 'python'}", *arguments],  # noqa: S607
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def calls(self) -> str:
        """Return how the programs were called since this was last asked."""
        log = self.root / "calls"
        text = log.read_text() if log.exists() else ""
        log.unlink(missing_ok=True)
        return text


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    python = tmp_path / "python"
    python.write_text(_PYTHON)
    python.chmod(0o755)
    return Clone(tmp_path)


def test_the_demo_installs_only_what_triptych_runs_on(clone: Clone) -> None:
    clone.make("demo")
    calls = clone.calls()
    assert "requirements/runtime.lock" in calls
    assert "requirements.lock" not in calls.replace("requirements/runtime.lock", "")
    assert "triptych demo build/demo" in calls
    # It compiles what it imports, a fifth of what is installed.
    assert "--compile-bytecode" not in calls


def test_a_larger_environment_takes_the_place_of_the_small_one(clone: Clone) -> None:
    clone.make("demo")
    clone.calls()
    clone.make(".venv/.ready")
    assert "pip sync" in clone.calls()
    clone.make("demo")
    assert clone.calls() == "triptych demo build/demo\n"


def test_an_environment_that_was_left_half_made_is_made_anew(clone: Clone) -> None:
    left = clone.root / ".venv" / "bin" / "python"
    left.parent.mkdir(parents=True)
    left.write_text("half a program")
    (clone.root / ".venv" / "lib").mkdir()
    clone.make(".venv/.ready")
    assert "pip sync" in clone.calls()
    assert "half" not in left.read_text()
    assert not (clone.root / ".venv" / "lib").exists()


def test_what_is_whole_is_not_made_again(clone: Clone) -> None:
    clone.make(".venv/.ready")
    clone.calls()
    clone.make(".venv/.ready")
    assert clone.calls() == ""
