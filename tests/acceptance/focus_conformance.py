"""Runs focus-validator over an export and says which of its rules fail.

The tool exits with 0 whatever fails, opens its currency table relative to where it
runs, and needs an environment of its own (``make focus-validator``). It knows the
rules of FOCUS 1.2.0.1 offline.
"""

from __future__ import annotations

import subprocess
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = ROOT / ".venv-focus-validator"
ALLOWED = Path(__file__).with_name("focus_validator_allowed.txt")
#: What an export of allocated cost supports; columns of anything else are not in it.
CRITERIA = "TAGGING_SUPPORTED"
#: Fewer rules would mean that the tool's rule model was not loaded.
LEAST_RULES = 500
_SECONDS = 600


def failed_rules(export: Path, environment: Path = ENVIRONMENT) -> set[str]:
    """Return the rules of FOCUS 1.2 that a Parquet file breaks.

    Raises
    ------
    RuntimeError
        The tool itself failed.
    """
    [package] = (environment / "lib").glob("python3.*/site-packages/focus_validator")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "focus_validator").symlink_to(package.resolve())
        report = Path(folder, "report.xml")
        finished = subprocess.run(
            [
                str(environment / "bin" / "focus-validator"),
                *("--data-file", str(export.resolve()), "--block-download"),
                *("--validate-version", "1.2", "--focus-dataset", "CostAndUsage"),
                *("--output-type", "unittest", "--output-destination", str(report)),
                *("--applicability-criteria", CRITERIA),
            ],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        if finished.returncode != 0 or not report.exists():
            raise RuntimeError(f"focus-validator failed: {finished.stderr[-2000:]}")
        return _failures(report)


def _failures(report: Path) -> set[str]:
    root = ET.parse(report).getroot()  # noqa: S314  (written by the tool just now)
    count = int(root.get("tests", "0"))
    if count < LEAST_RULES:
        raise RuntimeError(f"focus-validator ran {count} rules only.")
    return {
        str(case.get("name")).split(" ::")[0]
        for case in root.iter("testcase")
        if case.find("failure") is not None or case.find("error") is not None
    }


def allowed_rules() -> dict[str, str]:
    """Return rules that may fail, with the reason: false alarms of the tool."""
    lines = ALLOWED.read_text("utf-8").splitlines()
    entries = (line.partition("#") for line in lines if not line.startswith("#"))
    return {rule.strip(): reason.strip() for rule, _, reason in entries if rule.strip()}
