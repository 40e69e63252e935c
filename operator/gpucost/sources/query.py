"""A site's own query: exactly one SELECT, parsed, not guessed."""

from __future__ import annotations

from gpucost.engine.source import SourceError


def check_select(query: str, dialect: str) -> str:
    """The query without a closing semicolon. Raises SourceError unless it is one SELECT that changes nothing."""
    import sqlglot
    from sqlglot import exp

    try:
        statements = [s for s in sqlglot.parse(query, dialect=dialect) if s is not None]
    except sqlglot.errors.SqlglotError as error:
        where = error.errors[0] if isinstance(error, sqlglot.errors.ParseError) and error.errors else {}
        at = f" at line {where['line']}, column {where['col']}" if where.get("line") else ""
        raise SourceError(f"the query can't be parsed as {dialect} SQL{at}; it must be one SELECT") from None
    if len(statements) != 1:
        raise SourceError(f"the query must be exactly one SELECT, not {len(statements)} statements")
    statement = statements[0]
    if not isinstance(statement, exp.Query):
        raise SourceError(f"the query must be one SELECT, not {statement.key.upper()}")
    forbidden = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Into, exp.Command, exp.Create, exp.Drop, exp.Lock)
    found = statement.find(*forbidden)
    if found is not None:
        raise SourceError(f"the query must only read, but it has {found.key.upper()}")
    return query.strip().rstrip(";").rstrip()
