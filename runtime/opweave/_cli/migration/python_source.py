"""Rewrite Python by its syntax tree: only the characters that carry a name are replaced, all else stays to the byte."""

from __future__ import annotations

import ast
import re
import warnings
from typing import NamedTuple

from opweave._cli.migration import names
from opweave._cli.migration.result import Migrated

_LINE_END = re.compile(r"\r\n|\r|\n")
_FROM = re.compile(r"from(?:\s|\\\r?\n)+")
_DOTTED = re.compile(r"[A-Za-z_][\w.]*")
_WORDS = (
    # A path or URL that happens to hold the word is none of ours: nothing may stand before it.
    (re.compile(r"(?<![\w./:-])\.?dagster(?:-k8s|-celery)?/[A-Za-z0-9_./-]+"), "tags"),
    (re.compile(r"\bDAGSTER_(?:HOME|PIPES_CONTEXT|PIPES_MESSAGES)\b"), "environment names"),
    (re.compile(r"(?<![\w.-])dagster\.yaml\b"), "file names"),
)
_MODULE_TEXT = re.compile(r"dagster(?:_[a-z0-9_]+)?(?:\.[A-Za-z_]\w*)*")
_MODULE_TAKERS = {"import_module", "importorskip", "getLogger", "patch", "find_spec"}
"""Functions whose first argument is a module's or logger's name."""
_ENVIRONMENT = re.compile(r"DAGSTER_[A-Z0-9_]+")


class _Edit(NamedTuple):
    start: int
    end: int
    text: str


def migrate(text: str) -> Migrated:
    """Return *text*, a Python module, after the rename.

    Text that is no Python comes back as it is, with a finding.
    """
    if "dagster" not in text.lower():
        return Migrated(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError) as error:
        result = Migrated(text)
        line = getattr(error, "lineno", None) or 1
        why = error.msg if isinstance(error, SyntaxError) else str(error) or type(error).__name__
        result.find(line, f"is not Python that can be read, and was left alone: {why}")
        return result
    return _Rewrite(text, tree).run()


class _Rewrite:
    """One module: what its names are bound to, and the edits that follow from it."""

    def __init__(self, text: str, tree: ast.Module) -> None:
        self._text = text
        self._tree = tree
        self._lines = [0, *(match.end() for match in _LINE_END.finditer(text))]
        self._modules: dict[str, str] = {}
        self._locals: dict[str, str] = {}
        self._edits: set[_Edit] = set()
        self._result = Migrated(text)

    def run(self) -> Migrated:
        """Return the module as it would be."""
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Import):
                self._import(node)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                self._import_from(node)
        in_formatted = {
            id(part)
            for node in ast.walk(self._tree)
            if isinstance(node, ast.JoinedStr)
            for part in ast.walk(node)
            if part is not node and isinstance(part, (ast.Constant, ast.JoinedStr))
        }
        for node in ast.walk(self._tree):
            if id(node) not in in_formatted:
                self._visit(node)
        self._result.text = self._applied()
        self._result.findings.sort()
        return self._result

    def _visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.Name):
            self._name(node)
        elif isinstance(node, ast.Attribute):
            self._attribute(node)
        elif isinstance(node, ast.keyword):
            self._keyword(node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            self._string(node, node.value)
        elif isinstance(node, ast.JoinedStr):
            self._words(node)
        elif isinstance(node, ast.Call):
            self._module_argument(node)
        for annotation in _annotations(node):
            self._annotation(annotation)

    def _import(self, node: ast.Import) -> None:
        for alias in node.names:
            if not names.is_old_module(alias.name):
                continue
            start = self._at(alias.lineno, alias.col_offset)
            new = self._new_module(alias.name, alias.lineno)
            if new is None:
                continue
            self._replace(start, alias.name, new, "imports")
            if alias.asname:
                self._modules[alias.asname] = new
            else:
                old_head, new_head = alias.name.partition(".")[0], new.partition(".")[0]
                self._modules[old_head] = new_head
                self._locals[old_head] = new_head

    def _import_from(self, node: ast.ImportFrom) -> None:
        old = str(node.module)
        if not names.is_old_module(old):
            return
        new = self._new_module(old, node.lineno)
        if new is None:
            return
        start = self._at(node.lineno, node.col_offset)
        match = _FROM.match(self._text, start)
        if match is None:
            self._result.find(node.lineno, f"the import of {old} could not be read")
            return
        self._replace(match.end(), old, new, "imports")
        for alias in node.names:
            if alias.name != "*":
                self._imported(alias, new)
            else:
                self._result.find(
                    node.lineno, f"`from {old} import *` hides which names are used; check them"
                )

    def _imported(self, alias: ast.alias, module: str) -> None:
        new = names.renamed(alias.name)
        problem = (
            names.problem_of(new) if module == names.NEW else names.problem_of_member(module, new)
        )
        if problem:
            self._result.find(alias.lineno, problem)
        if new == alias.name:
            return
        self._replace(self._at(alias.lineno, alias.col_offset), alias.name, new, "names")
        if alias.asname is None:
            self._locals[alias.name] = new

    def _new_module(self, old: str, line: int) -> str | None:
        new = names.module(old)
        if new is None and old.partition(".")[0] == names.OLD:
            self._result.find(
                line, f"{old} is inside Dagster and has no counterpart; import from opweave itself"
            )
        elif new is None:
            self._result.find(
                line, f"{old} has no counterpart in opweave; keep it or write what you use of it"
            )
        return new

    def _name(self, node: ast.Name) -> None:
        new = self._locals.get(node.id)
        if new is not None:
            self._replace(self._at(node.lineno, node.col_offset), node.id, new, "names")

    def _attribute(self, node: ast.Attribute) -> None:
        new = names.MEMBERS.get(node.attr, node.attr)
        if isinstance(node.value, ast.Name) and node.value.id in self._modules:
            module = self._modules[node.value.id]
            new = names.renamed(node.attr)
            problem = names.problem_of(new) if module == names.NEW else ""
            if problem:
                self._result.find(node.lineno, problem)
        if new != node.attr and node.end_lineno and node.end_col_offset:
            end = self._at(node.end_lineno, node.end_col_offset)
            self._replace(end - len(node.attr), node.attr, new, "names")

    def _keyword(self, node: ast.keyword) -> None:
        new = names.MEMBERS.get(node.arg or "")
        if new is not None and node.arg is not None:
            self._replace(self._at(node.lineno, node.col_offset), node.arg, new, "names")

    def _string(self, node: ast.Constant, value: str) -> None:
        self._words(node)
        line = node.lineno
        if names.is_like_a_tag(value) and not names.is_known_tag(value):
            self._result.find(line, f"{value!r} looks like a tag of Dagster's that opweave lacks")
        elif _ENVIRONMENT.fullmatch(value) and not _WORDS[1][0].fullmatch(value):
            self._result.find(
                line, f"{value} is a variable of Dagster's that opweave does not read"
            )

    def _words(self, node: ast.Constant | ast.JoinedStr) -> None:
        """Rename tags, variables and files within the source of a string."""
        start, end = self._span(node)
        source = self._text[start:end]
        for pattern, kind in _WORDS:
            for match in pattern.finditer(source):
                word = match[0]
                if kind == "tags" and not names.is_known_tag(word):
                    continue
                new = word.replace("dagster", "opweave").replace("DAGSTER", "OPWEAVE")
                self._replace(start + match.start(), word, new, kind)

    def _module_argument(self, node: ast.Call) -> None:
        """Rename the module in ``mock.patch("dagster.job")`` and its like."""
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        first = node.args[0] if node.args else None
        if name not in _MODULE_TAKERS or not isinstance(first, ast.Constant):
            return
        text = first.value
        if not isinstance(text, str) or not _MODULE_TEXT.fullmatch(text):
            return
        head, _, rest = text.partition(".")
        new_head = names.module(head)
        rest = names.renamed(rest)
        if new_head is None or rest.startswith("_"):
            self._result.find(first.lineno, f"{text!r} names something that opweave has not")
            return
        problem = names.problem_of(rest.partition(".")[0]) if rest and new_head == names.NEW else ""
        if problem:
            self._result.find(first.lineno, problem)
        start, end = self._span(first)
        at = self._text.find(text, start, end)
        if at >= 0:
            self._replace(at, text, f"{new_head}.{rest}" if rest else new_head, "names")

    def _annotation(self, annotation: ast.expr) -> None:
        """Rename what a quoted annotation mentions."""
        for node in ast.walk(annotation):
            if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
                continue
            start, end = self._span(node)
            for match in _DOTTED.finditer(self._text, start, end):
                self._quoted(match[0], match.start(), node.lineno)

    def _quoted(self, dotted: str, start: int, line: int) -> None:
        head, _, rest = dotted.partition(".")
        if head in self._locals:
            self._replace(start, head, self._locals[head], "names")
        if head in self._modules and rest:
            member = rest.partition(".")[0]
            new = names.renamed(member)
            problem = names.problem_of(new) if self._modules[head] == names.NEW else ""
            if problem:
                self._result.find(line, problem)
            if new != member:
                self._replace(start + len(head) + 1, member, new, "names")

    def _at(self, line: int, column: int) -> int:
        """Return the index of a place that the syntax tree gives in bytes of UTF-8."""
        start = self._lines[line - 1]
        end = self._lines[line] if line < len(self._lines) else len(self._text)
        source = self._text[start:end]
        if source.isascii():
            return start + column
        return start + len(source.encode()[:column].decode("utf-8", "ignore"))

    def _span(self, node: ast.Constant | ast.JoinedStr) -> tuple[int, int]:
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
        return self._at(node.lineno, node.col_offset), self._at(end_line, end_column)

    def _replace(self, start: int, old: str, new: str, kind: str) -> None:
        """Replace *old*, which must stand at *start*: where the tree is wrong about a place, a person is told instead."""
        if old == new:
            return
        edit = _Edit(start, start + len(old), new)
        if edit in self._edits:
            return
        if self._text[edit.start : edit.end] != old:
            line = sum(1 for begin in self._lines if begin <= max(start, 0))
            self._result.find(line, f"{old} could not be renamed by itself; write {new}")
            return
        self._edits.add(edit)
        self._result.renamed[kind] += 1

    def _applied(self) -> str:
        parts: list[str] = []
        done = 0
        for edit in sorted(self._edits):
            if edit.start < done:
                continue
            parts += [self._text[done : edit.start], edit.text]
            done = edit.end
        return "".join([*parts, self._text[done:]])


def _annotations(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return [node.returns] if node.returns else []
    if isinstance(node, ast.AnnAssign):
        return [node.annotation]
    if isinstance(node, ast.arg):
        return [node.annotation] if node.annotation else []
    return []
