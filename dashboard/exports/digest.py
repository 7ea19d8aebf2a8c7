"""Weekly digest as a PDF: headings and sentences of a published run."""

from __future__ import annotations

import json
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

import typst

from dashboard.exports.provenance import SYNTHETIC, whole_second
from dashboard.shared import format as fmt
from dashboard.shared import selection_queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triptych.core.warehouse.reader import Snapshot

_TEMPLATE = Path(__file__).with_name("digest.typ")


def digest_pdf(
    snapshot: Snapshot, title: str, sections: Sequence[tuple[str, Sequence[str]]]
) -> bytes:
    """Return a digest as A4 pages; the same run gives the same bytes.

    Parameters
    ----------
    snapshot : Snapshot
        The run that the sentences are of.
    title : str
        For whom, and which week.
    sections : sequence of (str, sequence of str)
        Headings with their sentences.
    """
    run = selection_queries.run(snapshot)
    said = {
        "title": title,
        "organisation": run.organisation,
        "as_of": fmt.moment(run.evidence_as_of),
        "run": run.run_id,
        "mark": SYNTHETIC if run.is_synthetic else "",
        "sections": [
            {"heading": heading, "lines": list(lines)} for heading, lines in sections
        ],
    }
    return typst.compile(
        _TEMPLATE.read_bytes(),
        ignore_system_fonts=True,
        sys_inputs={"digest": json.dumps(said, ensure_ascii=False)},
        timestamp=whole_second(run.started_at).replace(tzinfo=UTC),
        format="pdf",
    )
