"""Holds that a query of the settings reads, and does nothing else.

The session is read-only too where an engine has such a thing. This comes first: it
needs no connection, and Snowflake and Databricks have nothing else.
"""

from __future__ import annotations


def refuse_unless_reading(query: str, engine: str) -> None:
    """Refuse anything except a single query without side effects.

    Parameters
    ----------
    query : str
        SQL as written in the settings.
    engine : str
        Dialect: ``postgres``, ``duckdb``, ``bigquery``, ``snowflake``, ``databricks``.

    Raises
    ------
    ValueError
        It is several statements, or writes, or cannot be read as SQL of the engine.

    Examples
    --------
    >>> refuse_unless_reading("select 1 as one", "postgres")
    >>> refuse_unless_reading("drop table t", "postgres")
    Traceback (most recent call last):
        ...
    ValueError: 'query' must be a single SELECT; this is DROP
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        parsed = sqlglot.parse(query, dialect=engine)
    except SqlglotError as error:
        raise ValueError(_unreadable(error, engine)) from None
    statements = [statement for statement in parsed if statement is not None]
    if len(statements) != 1:
        raise ValueError(
            f"'query' must be a single SELECT; there are {len(statements)} statements"
        )
    [statement] = statements
    if not isinstance(statement, exp.Query):
        kind = statement.key.upper()
        raise ValueError(  # noqa: TRY004  (it becomes a problem of the settings)
            f"'query' must be a single SELECT; this is {kind}"
        )
    writing = statement.find(exp.DML, exp.DDL, exp.Into, exp.Lock, exp.Command)
    if writing is not None:
        raise ValueError(f"'query' must only read; it has {writing.key.upper()}")


def as_subquery(query: str) -> str:
    """Return a query in parentheses; a comment at its end does not swallow them."""
    return f"({query.strip().rstrip(';')}\n)"


def _unreadable(error: Exception, engine: str) -> str:
    details = (getattr(error, "errors", None) or [{}])[0]
    place = f" in its line {details['line']}" if details.get("line") else ""
    reason = details.get("description") or type(error).__name__
    return (
        f"'query' is not SQL of {engine}: {reason}{place};"
        " what is peculiar to the engine belongs into a view there"
    )
