"""
The `where` and `order` parameters of Xero's older APIs: a small .NET-like expression language.

https://developer.xero.com/documentation/api/accounting/requests-and-responses
"""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

Row = dict[str, Any]
Test = Callable[[Row], bool]
_Value = Callable[[Row], Any]

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"[^"]*")|(?P<number>-?\d+(?:\.\d+)?)|(?P<op>==|!=|<=|>=|<|>)|(?P<and>&&|\band\b)"""
    r"""|(?P<or>\|\||\bor\b)|(?P<punctuation>[(),])|(?P<name>[A-Za-z_][\w.]*))""",
    re.IGNORECASE,
)
_MS_DATE = re.compile(r"/Date\((-?\d+)(?:[+-]\d{4})?\)/")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: bool(a == b),
    "!=": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}
_CONSTANTS = {"true": True, "false": False, "null": None}


class QueryParseError(ValueError):
    """The expression is not one Xero would take."""


def where(expression: str, fields: Iterable[str]) -> Test:
    """The test that `expression` stands for, over rows with these fields; raise QueryParseError."""
    parser = _Parser(expression, frozenset(fields))
    test = parser.either()
    parser.end()
    return test


def order(expression: str, fields: Iterable[str]) -> tuple[str, bool]:
    """The field to sort by and whether downwards; raise QueryParseError."""
    name, _, direction = expression.strip().partition(" ")
    if name not in frozenset(fields) or direction.strip().upper() not in {"", "ASC", "DESC"}:
        raise QueryParseError(f"No property or field '{name}' exists")
    return name, direction.strip().upper() == "DESC"


def comparable(value: object) -> Any:
    """A wire value in a form that compares: `/Date()/` texts as milliseconds, ids in lower case."""
    if isinstance(value, str) and (match := _MS_DATE.fullmatch(value)):
        return int(match[1])
    return value


class _Parser:
    def __init__(self, expression: str, fields: frozenset[str]) -> None:
        self.fields = fields
        self.tokens: list[tuple[str, str]] = []
        position, expression = 0, expression.rstrip()
        while position < len(expression):
            match = _TOKEN.match(expression, position)
            if not match:
                raise QueryParseError(f"Syntax error at index {position}")
            self.tokens.append((str(match.lastgroup), match[str(match.lastgroup)]))
            position = match.end()

    def either(self) -> Test:
        tests = [self.both()]
        while self.take("or"):
            tests.append(self.both())
        return lambda row: any(test(row) for test in tests)

    def both(self) -> Test:
        tests = [self.one()]
        while self.take("and"):
            tests.append(self.one())
        return lambda row: all(test(row) for test in tests)

    def one(self) -> Test:
        if self.take("punctuation", "("):
            inner = self.either()
            self.need("punctuation", ")")
            return inner
        left = self.value()
        compare = _COMPARE[self.need("op")]
        right = self.value()

        def test(row: Row) -> bool:
            a, b = left(row), right(row)
            ordered = compare is not _COMPARE["=="] and compare is not _COMPARE["!="]
            if ordered and (a is None or b is None):
                return False
            try:
                return compare(a, b)
            except TypeError as error:
                raise QueryParseError("Operator incompatible with operand types") from error

        return test

    def value(self) -> _Value:
        kind, text = self.tokens.pop(0) if self.tokens else ("end", "")
        if kind == "text":
            return lambda _: text[1:-1]
        if kind == "number":
            number = float(text)
            return lambda _: number
        if kind == "name" and self.take("punctuation", "("):
            constant = self.call(text)
            return lambda _: constant
        if kind == "name" and text.lower() in _CONSTANTS:
            return lambda _: _CONSTANTS[text.lower()]
        if kind == "name" and text in self.fields:
            return lambda row: comparable(row[text])
        raise QueryParseError(f"No property or field '{text}' exists")

    def call(self, name: str) -> object:
        arguments = []
        while not self.take("punctuation", ")"):
            arguments.append(self.tokens.pop(0)[1].strip('"') if self.tokens else "")
            self.take("punctuation", ",")
            if not self.tokens:
                raise QueryParseError("')' expected")
        try:
            return _call(name.lower(), arguments)
        except (ValueError, TypeError, IndexError) as error:
            raise QueryParseError(f"No applicable method '{name}' exists") from error

    def take(self, kind: str, text: str | None = None) -> bool:
        if self.tokens and self.tokens[0][0] == kind and text in (None, self.tokens[0][1]):
            self.tokens.pop(0)
            return True
        return False

    def need(self, kind: str, text: str | None = None) -> str:
        if not self.tokens or self.tokens[0][0] != kind or text not in (None, self.tokens[0][1]):
            raise QueryParseError(f"{text or 'operator'} expected")
        return self.tokens.pop(0)[1]

    def end(self) -> None:
        if self.tokens:
            raise QueryParseError("Syntax error")


def _call(name: str, arguments: list[str]) -> object:
    if name == "guid":
        return arguments[0].lower()
    if name == "datetime":
        return _milliseconds(datetime(*map(int, arguments), tzinfo=UTC))  # type: ignore[misc, arg-type]
    if name == "datetime.parse":
        moment = datetime.fromisoformat(arguments[0])
        return _milliseconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    raise ValueError(name)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
