"""The text form of asset selections.

::

    key:raw_*  group:lake  tag:tier=gold  kind:duckdb  owner:team:data     fields; quote values with spaces; <null> means none
    a and b    a or b    not a    (a or b)                                  from strong to weak: not, and, or
    +key:a     2+key:a   key:a+   key:a+2                                   upstream, downstream: all levels, or so many
    sinks(a)   roots(a)   *                                                 ends, beginnings, everything
    raw/orders  *orders  ++orders  orders+                                  a key alone: * all levels, each + one
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

from opweave import errors
from opweave.definitions.assets.key import AssetKey
from opweave.definitions.assets.selection import AssetSelection
from opweave.definitions.assets.spec import AssetSpec

MAX_CHARACTERS = 100_000
MAX_DEPTH = 100
"""Deepest nesting of parentheses."""

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<field>[a-z_]+):(?:"(?P<quoted>(?:[^"\\]|\\.)*)"(?:="(?P<quoted_more>(?:[^"\\]|\\.)*)")?|(?P<value>[^\s()"+,]+))
    | (?P<function>sinks|roots)\(
    | (?P<up>\d*\+)(?=[a-z_]+:|\(|sinks\(|roots\()
    | (?P<open>\()
    | (?P<close>\))
    | (?P<word>"(?:[^"\\]|\\.)*"|[^\s()"]+)
    )""",
    re.VERBOSE,
)
_DOWN = re.compile(r"\+(\d*)")
_BARE = re.compile(r"(\*|\+*)(.+?)(\*|\+*)")
_ELSEWHERE = {
    "status": "what was stored of it",
    "changed_in_branch": "another deployment",
    "partitions": "partitions",
    "automation_type": "automation",
    "sensor": "sensors",
    "schedule": "schedules",
    "job": "jobs",
    "is": "what was stored of it",
}
"""Fields that the definitions of one location do not answer, with what they ask about."""


class _Token(NamedTuple):
    kind: str
    value: str
    at: int
    field: str = ""


def parse(text: str, *, include_sources: bool = False) -> AssetSelection:
    """Return the selection that *text* writes.

    Raises:
        OpweaveInvalidSubsetError: It is none; the text points at the place.
    """
    return _Parser(text, include_sources).parsed()


class _Parser:
    def __init__(self, text: str, include_sources: bool) -> None:
        self._text = text
        self._include_sources = include_sources
        if len(text) > MAX_CHARACTERS:
            raise errors.OpweaveInvalidSubsetError(
                f"the asset selection has {len(text)} characters; at most {MAX_CHARACTERS} are taken"
            )
        self._at = 0
        self._depth = 0
        self._token = self._next()

    def parsed(self) -> AssetSelection:
        if self._token is None:
            raise errors.OpweaveInvalidSubsetError("the asset selection is empty; * means all")
        selection = self._or()
        left = self._left()
        if left is not None:
            self._refuse(f"{left.value!r:.80} is not expected here", left.at)
        return selection

    def _left(self) -> _Token | None:
        return self._token

    def _next(self) -> _Token | None:
        if not self._text[self._at :].strip():
            return None
        match = _TOKEN.match(self._text, self._at)
        if match is None:
            self._refuse("this is no part of a selection")
        at = match.end() - len(match.group().lstrip())
        self._at = match.end()
        if match["field"]:
            value = match["value"] or _unquoted(match["quoted"] or "")
            if match["quoted_more"] is not None:
                value = f"{value}={_unquoted(match['quoted_more'])}"
            return _Token("field", value, at, match["field"])
        kind = match.lastgroup or ""
        return _Token(kind, match[kind], at)

    def _advance(self) -> _Token | None:
        token, self._token = self._token, self._next()
        return token

    def _is_word(self, word: str) -> bool:
        return (
            self._token is not None
            and self._token.kind == "word"
            and (self._token.value.lower() == word)
        )

    def _or(self) -> AssetSelection:
        selection = self._and()
        while self._is_word("or") or self._is_word(","):
            self._advance()
            selection = selection | self._and()
        return selection

    def _and(self) -> AssetSelection:
        selection = self._not()
        while self._is_word("and"):
            self._advance()
            selection = selection & self._not()
        return selection

    def _not(self) -> AssetSelection:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._refuse(f"it is nested deeper than {MAX_DEPTH} levels")
        try:
            if self._is_word("not"):
                self._advance()
                return AssetSelection.all(self._include_sources) - self._not()
            return self._reached()
        finally:
            self._depth -= 1

    def _reached(self) -> AssetSelection:
        up = None
        if self._token is not None and self._token.kind == "up":
            up = self._token.value[:-1]
            self._advance()
        selection = self._atom()
        above = None if up is None else selection.upstream(int(up) if up else None)
        below = self._downstream(selection)
        if above is not None and below is not None:
            return above | below
        return above or below or selection

    def _downstream(self, selection: AssetSelection) -> AssetSelection | None:
        """Return what ``+`` or ``+2`` directly behind a part adds."""
        if self._token is None or self._token.kind != "word":
            return None
        match = _DOWN.fullmatch(self._token.value)
        if match is None:
            return None
        self._advance()
        return selection.downstream(int(match[1]) if match[1] else None)

    def _atom(self) -> AssetSelection:
        token = self._token
        if token is None:
            self._refuse("something is missing at the end")
        if token.kind == "open" or token.kind == "function":
            self._advance()
            inner = self._or()
            if self._token is None or self._token.kind != "close":
                self._refuse("a closing parenthesis is missing")
            self._advance()
            if token.kind == "function":
                return inner.sinks() if token.value == "sinks" else inner.roots()
            return inner
        self._advance()
        if token.kind == "field":
            return self._field(token)
        if token.kind != "word" or token.value.lower() in ("and", "or", "not", ","):
            self._refuse(f"{token.value!r:.80} is not expected here", token.at)
        return self._bare(token)

    def _field(self, token: _Token) -> AssetSelection:
        value, sources = token.value, self._include_sources
        missing = value == "<null>"
        if token.field == "key":
            if "*" in value:
                return AssetSelection.key_wildcard(value, sources)
            return AssetSelection.keys(AssetKey.from_user_string(value))
        if token.field == "key_substring":
            return AssetSelection.key_substring(value, sources)
        if token.field == "group":
            return AssetSelection.groups("default" if missing else value, include_sources=sources)
        if token.field == "tag":
            return AssetSelection.tag_string(value, sources)
        if token.field == "kind":
            return AssetSelection.kind(None if missing else value, sources)
        if token.field == "owner":
            return AssetSelection.owner(None if missing else value, sources)
        fits = _by_metadata(token.field, value)
        if fits is not None:
            return AssetSelection.where(fits, sources)
        known = ["key", "group", "tag", "kind", "owner", "column", "table_name", "column_tag"]
        if token.field in _ELSEWHERE:
            self._refuse(
                f"{token.field}: asks about {_ELSEWHERE[token.field]}, which a selection in code cannot; use "
                f"{', '.join(known)}",
                token.at,
            )
        hint = errors.did_you_mean(token.field, known) or f"; fields: {', '.join(known)}"
        self._refuse(f"{token.field!r} is no field{hint}", token.at)

    def _bare(self, token: _Token) -> AssetSelection:
        text = _unquoted(token.value[1:-1]) if token.value.startswith('"') else token.value
        if text == "*":
            return AssetSelection.all(self._include_sources)
        match = _BARE.fullmatch(text)
        if match is None:
            self._refuse(f"{text!r:.80} is no key", token.at)
        before, name, after = match.groups()
        start = AssetSelection.keys(AssetKey.from_user_string(name))
        selection = start
        if before:
            selection = selection | start.upstream(None if before == "*" else len(before))
        if after:
            selection = selection | start.downstream(None if after == "*" else len(after))
        return selection

    def _refuse(self, why: str, at: int | None = None) -> NoReturn:
        place = self._at if at is None else at
        shown = self._text[max(place - 40, 0) : place + 40]
        raise errors.OpweaveInvalidSubsetError(
            f"asset selection, character {place + 1}: {why}; near {shown!r}"
        )


def _by_metadata(field: str, value: str) -> Callable[[AssetSpec], bool] | None:
    if field == "table_name":
        return lambda spec: _metadata(spec, "opweave/table_name") == value
    if field == "column":
        return lambda spec: any(c.get("name") == value for c in _columns(spec))
    if field == "column_tag":
        key, _, wanted = value.partition("=")
        return lambda spec: any((c.get("tags") or {}).get(key) == wanted for c in _columns(spec))
    if field == "code_location":
        # A selection in code is resolved by its own location.
        return lambda _spec: True
    return None


def _metadata(spec: AssetSpec, label: str) -> object:
    found = spec.metadata.get(label)
    return None if found is None else found.value


def _columns(spec: AssetSpec) -> list[dict[str, Any]]:
    found = _metadata(spec, "opweave/column_schema")
    columns = found.get("columns", ()) if isinstance(found, dict) else ()
    return [column for column in columns if isinstance(column, dict)]


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
