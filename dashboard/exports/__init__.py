"""Files that leave triptych: statements, board packs, tables, FOCUS data.

Every figure is queried from a single published run; nothing is added up here. A file of
a run is byte-identical whenever it is written, and the file of a closed month is the
file that was stored when it was closed.
"""

from __future__ import annotations

from dashboard.exports.files import (
    BASES,
    PACK_FORMATS,
    STATEMENT_FORMATS,
    PackFormat,
    StatementFormat,
    board_pack_files,
    board_pack_name,
    focus_file,
    focus_name,
    statement_files,
    statement_name,
    stored_with_a_close,
)
from dashboard.exports.focus import (
    FOCUS_FORMATS,
    FOCUS_VERSIONS,
    FocusFormat,
    FocusVersion,
)
from dashboard.exports.marts import TABLE_FORMATS, TableFormat, public_marts, table_file
from dashboard.exports.named_file import NamedFile
from dashboard.exports.statement_totals import statement_totals
from dashboard.exports.statements import (
    Statement,
    cost_centers,
    read_statement,
    statement_lines,
)
from dashboard.exports.study_report import (
    STUDY_REPORT_FORMATS,
    StudyReportFormat,
    read_report,
    study_report_file,
    study_report_name,
)

__all__ = [
    "BASES",
    "FOCUS_FORMATS",
    "FOCUS_VERSIONS",
    "PACK_FORMATS",
    "STATEMENT_FORMATS",
    "STUDY_REPORT_FORMATS",
    "TABLE_FORMATS",
    "FocusFormat",
    "FocusVersion",
    "NamedFile",
    "PackFormat",
    "Statement",
    "StatementFormat",
    "StudyReportFormat",
    "TableFormat",
    "board_pack_files",
    "board_pack_name",
    "cost_centers",
    "focus_file",
    "focus_name",
    "public_marts",
    "read_report",
    "read_statement",
    "statement_files",
    "statement_lines",
    "statement_name",
    "statement_totals",
    "stored_with_a_close",
    "study_report_file",
    "study_report_name",
    "table_file",
]
