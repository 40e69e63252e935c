"""A site's own query: exactly one SELECT, parsed, not guessed."""

from __future__ import annotations

import logging

from gpucost.api.costreport import SpecError


def check_select(query: str, dialect: str, setting: str) -> str:
    """The query without closing semicolons and comments, ready for brackets around it.

    ``setting``: its path in the spec, for messages. Raises SpecError unless it is one SELECT that changes nothing.
    """
    import sqlglot
    from sqlglot import exp

    logging.getLogger("sqlglot").addHandler(logging.NullHandler())  # else it warns on stderr of what we refuse anyway

    try:
        parsed = sqlglot.parse(query, dialect=dialect)
        statements = [s for s in parsed if s is not None and not isinstance(s, exp.Semicolon)]
        tokens = sqlglot.tokenize(query, dialect=dialect)
    except sqlglot.errors.SqlglotError as error:
        where = error.errors[0] if isinstance(error, sqlglot.errors.ParseError) and error.errors else {}
        at = f" at line {where['line']}, column {where['col']}" if where.get("line") else ""
        raise SpecError(f"{setting} can't be parsed as {dialect} SQL{at}; it must be one SELECT") from None
    if len(statements) != 1:
        raise SpecError(f"{setting} must be exactly one SELECT, not {len(statements)} statements")
    statement = statements[0]
    if not isinstance(statement, exp.Query):
        raise SpecError(f"{setting} must be one SELECT, not {statement.key.upper()}")
    forbidden = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Into, exp.Command, exp.Create, exp.Drop, exp.Lock)
    found = statement.find(*forbidden)
    if found is not None:
        raise SpecError(f"{setting} must only read, but it has {found.key.upper()}")
    while tokens[-1].token_type == sqlglot.TokenType.SEMICOLON:
        tokens.pop()
    return query[: tokens[-1].end + 1].strip()
