"""The schemas that a build works in, each emptied before it begins.

A server that is lost in the middle of a table leaves a folder that no catalogue
knows, and Spark refuses to create a table over it. Dropping the schema removes both.
Schemas are therefore triptych's own, and say so: one that does not is never dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from triptych.errors import SettingsError
from triptych.warehouse.publish import PUBLIC_SCHEMAS
from triptych.warehouse.spark_sql import text_literal

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_OURS = "Tables of triptych, made anew by each of its runs."
#: What is kept from one run to the next; the others are emptied by each run.
KEPT_SCHEMA = "kept"
_EMPTIED = (
    *("control", "catalogue", "evidence", "models", "staging", "intermediate"),
    *PUBLIC_SCHEMAS,
)


@dataclass(frozen=True, slots=True)
class Schemas:
    """All schemas whose names begin with ``prefix``, in one session's catalogue."""

    session: SparkSession
    prefix: str

    def name(self, schema: str) -> str:
        """Return what ``schema`` is called on this Spark."""
        return f"{self.prefix}{schema}"

    def make_anew(self) -> None:
        """Empty every schema but the kept one, which is only made sure of.

        Raises
        ------
        SettingsError
            A schema of that name is somebody else's.
        """
        for schema in (*_EMPTIED, KEPT_SCHEMA):
            self._create(schema)
            self._refuse_what_is_not_ours(schema)
        for schema in _EMPTIED:
            self.empty(schema)

    def empty(self, schema: str) -> None:
        """Remove all that a schema holds, known to the catalogue or not."""
        self.session.sql(f"DROP SCHEMA {self.name(schema)} CASCADE")
        self._create(schema)

    def tables_of(self, schema: str) -> set[str]:
        """Return the names of the tables and views of a schema."""
        rows = self.session.sql(f"SHOW TABLES IN {self.name(schema)}").collect()
        return {row["tableName"] for row in rows}

    def _create(self, schema: str) -> None:
        self.session.sql(
            f"CREATE SCHEMA IF NOT EXISTS {self.name(schema)}"
            f" COMMENT {text_literal(_OURS)}"
        )

    def _refuse_what_is_not_ours(self, schema: str) -> None:
        rows = self.session.sql(f"DESCRIBE SCHEMA {self.name(schema)}").collect()
        about = {row["info_name"]: row["info_value"] for row in rows}
        if about.get("Comment") != _OURS:
            raise SettingsError(
                f"The schema {self.name(schema)} is there already, and is not"
                " triptych's; a build would empty it.",
                where="spark.schema_prefix",
                next_step="Choose a prefix that no other schema begins with.",
            )


__all__ = ["KEPT_SCHEMA", "Schemas"]
