"""What the API server checks beyond types: CEL rules, each with a sentence that helps.

A rule is never stricter than pydantic's own check of the same value, but for the lengths stated here: what the command
line reads, the server lets in. Patterns are RE2. A rule with a message reads better than a bare ``pattern``, which would
show the pattern itself. Every text that a rule looks at has a greatest length, else the server refuses its cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

VALIDATIONS: Final = "x-kubernetes-validations"
INT_OR_STRING: Final[Mapping[str, Any]] = {"x-kubernetes-int-or-string": True}


@dataclass(frozen=True, slots=True)
class Rule:
    """A CEL expression over ``self`` with its message; as an annotation of a text also the text's greatest length."""

    cel: str
    message: str
    max_length: int | None = None

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The value's schema with this rule in place of a pattern."""
        schema = handler(core)
        schema.pop("pattern", None)
        length = {} if self.max_length is None else {"maxLength": self.max_length}
        return {**schema, **length, **checked(*_rules_in(schema), self)}


def _rules_in(schema: Mapping[str, Any]) -> list[Rule]:
    return [Rule(stated["rule"], stated["message"]) for stated in schema.get(VALIDATIONS, ())]


def checked(*rules: Rule) -> dict[str, Any]:
    """Rules as a keyword of a schema, for json_schema_extra of a model or a field."""
    return {VALIDATIONS: [{"rule": rule.cel, "message": rule.message} for rule in rules]}


def keyed_by(key: str) -> dict[str, Any]:
    """A list whose items differ in one field, for json_schema_extra: the server refuses a second one of the same key."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]}


def _matches(pattern: str, of: str = "self") -> str:
    return f"{of}.matches(r'^{pattern}$')"


_SHORT_MONTHS: Final = "(0[469]|11)-(0[1-9]|[12][0-9]|30)"
_LONG_MONTHS: Final = "(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])"
_FEBRUARY: Final = "02-(0[1-9]|1[0-9]|2[0-8])"
_LEAP_YEAR: Final = "([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)"
# timestamp() of a day that no calendar has fails with a message about Go's layouts, so that the pattern must know days
_DATE: Final = f"([0-9]{{4}}-({_SHORT_MONTHS}|{_LONG_MONTHS}|{_FEBRUARY})|{_LEAP_YEAR}-02-29)"
_MINUTE: Final = "([01][0-9]|2[0-3]):[0-5][0-9]"
_SECOND: Final = ":[0-5][0-9]([.][0-9]{1,9})?"
_OFFSET: Final = f"[+-]{_MINUTE}"
_INSTANT: Final = f"{_DATE}[Tt ]{_MINUTE}({_SECOND})?([Zz]|{_OFFSET})"
_STRICT_INSTANT: Final = f"{_DATE}T{_MINUTE}{_SECOND}(Z|{_OFFSET})"  # what CEL's timestamp() reads
_INSTANT_LENGTH: Final = 40

INSTANT: Final = Rule(
    _matches(_INSTANT), "must be an RFC 3339 instant with its offset, such as 2025-07-01T00:00:00Z", _INSTANT_LENGTH
)
DATE_OR_INSTANT: Final = Rule(
    _matches(f"({_DATE}|{_INSTANT})"),
    "must be a local date such as 2025-06-01, or an RFC 3339 instant with its offset such as 2025-06-01T00:00:00+02:00",
    _INSTANT_LENGTH,
)

_DATES: Final = f"{_matches(_DATE, 'self.start')} && {_matches(_DATE, 'self.end')}"
# Seen from UTC, instants on the first and last days of the years that CEL knows may lie outside them
_INSTANTS: Final = (
    f"{_matches(_STRICT_INSTANT, 'self.start')} && {_matches(_STRICT_INSTANT, 'self.end')} "
    "&& self.start > '0002' && self.end > '0002' && self.start < '9999' && self.end < '9999'"
)
_LATER: Final = "end must be after start: it is exclusive, so the period would be empty"
RANGE: Final = (
    Rule(
        f"!({_matches(_DATE, 'self.start')} && {_matches(_INSTANT, 'self.end')}) "
        f"&& !({_matches(_INSTANT, 'self.start')} && {_matches(_DATE, 'self.end')})",
        "start and end must be both local dates, or both instants",
    ),
    Rule(f"{_DATES} ? self.start < self.end : true", _LATER),
    Rule(f"{_INSTANTS} ? timestamp(self.start) < timestamp(self.end) : true", _LATER),
)

ONE_PERIOD: Final = Rule(
    "[has(self.range), has(self.calendar), has(self.rolling)].exists_one(stated, stated)",
    "must hold exactly one of range, calendar and rolling",
)
ONE_REFRESH: Final = Rule("!(has(self.every) && has(self.schedule))", "must hold either every or schedule, not both")

DURATION: Final = Rule(
    f"{_matches('([0-9]+([.][0-9]+)?(us|µs|ms|s|m|h))+')} && self.matches('[1-9]')",
    "must be a duration longer than zero, such as 24h, 90m or 1h30m",
    64,
)

# What Kubernetes takes for spaces between the fields: Unicode's, and three control characters
_SPACE: Final = r"[\s\pZ\x0b\x{85}]"
_WORD: Final = r"[^\s\pZ\x0b\x{85}]+"
CRON: Final = Rule(
    f"(self.startsWith('@') || {_matches(f'{_SPACE}*{_WORD}({_SPACE}+{_WORD}){{4}}{_SPACE}*')}) && !self.contains('TZ')",
    'must be a cron schedule of five fields such as "0 6 * * *" (minute, hour, day of month, month, day of week); '
    "its time zone is spec.timeZone",
    1024,
)

ZONE: Final = Rule(
    _matches("[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*"), "must be the name of an IANA time zone, such as Europe/Berlin", 64
)
CURRENCY: Final = Rule(_matches("[A-Z]{3}"), "must be an ISO 4217 code of three capital letters, such as USD", 64)
SHARE: Final = Rule(
    _matches("(0([.][0-9]{1,6})?|1([.]0{1,6})?)"),
    'must be a share from 0 to 1 with at most 6 decimals, in quotes, such as "0.10"',
    64,
)

_PRICE_LENGTH: Final = 24
PRICE: Final = Rule(
    r"type(self) == int ? self >= 0 : string(self).matches(r'^\s*[0-9]+([.][0-9]+)?\s*$')",
    'must be a decimal number that is not negative, such as 11 or "9.50"',
    _PRICE_LENGTH,
)
PRICE_DECIMALS: Final = Rule(
    r"type(self) == int || !string(self).matches(r'[.][0-9]{10}')", "must have at most 9 decimals"
)
PRICE_SIZE: Final = Rule(
    r"type(self) == int ? self < 1000000000 : !string(self).matches(r'^\s*0*[1-9][0-9]{9}')",
    "must be less than 1,000,000,000 an hour",
)
PRICES: Final = Rule(
    "self.all(price, has(price.validFrom) "
    "? self.exists_one(other, has(other.validFrom) && other.validFrom == price.validFrom) "
    ": self.exists_one(other, !has(other.validFrom)))",
    "prices must have different validFrom instants, and at most one can be without",
)

TYPE_NAME: Final = Rule("self != 'unknown'", "must not be unknown: that is what no rule matches, and it has no price")

# The server checks the default {} of statuses before it fills in the defaults within
_STATUSES: Final = " + ".join(
    f"(has(self.{name}) ? self.{name} : [])" for name in ("running", "success", "failure", "waiting")
)
STATUSES: Final = Rule(
    # A list of one list gives the sum a name
    f"[{_STATUSES}].all(every, every.all(status, every.exists_one(other, other == status)))",
    "must name each status once: it can't mean two things",
)
