"""Op selections: ``clean``, ``+clean``, ``clean++``, ``*report``, ``stats.*``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence, Set

from opweave import errors
from opweave.config.problems import shown
from opweave.definitions.structure import JobStructure

_QUERY = re.compile(r"(\*|\+*)([A-Za-z0-9_.]+?)(?:\.\*)?(\*|\+*)", re.ASCII)


def check_list(queries: object, subject: str) -> None:
    """Check that *queries*, given as an op selection, are a list: a text would be taken apart into letters.

    Raises:
        OpweaveInvalidSubsetError: They are none.
    """
    if isinstance(queries, str):
        raise errors.OpweaveInvalidSubsetError(
            f"the op selection of {subject} is the text {queries!r:.100}: give a list, op_selection=[{queries!r:.100}]"
        )
    if queries is not None and not isinstance(queries, (Sequence, Set)):
        raise errors.OpweaveInvalidSubsetError(
            f'the op selection of {subject} is {shown(queries)}: give a list of texts, op_selection=["clean", "+report"]'
        )


def select(structure: JobStructure, queries: Sequence[str]) -> frozenset[str]:
    """Return the paths that any of *queries* selects; all when there is none.

    ``*`` before or after a name adds everything upstream or downstream, each ``+`` one level; a graph's name means all in
    it.

    Raises:
        OpweaveInvalidSubsetError: A query selects nothing.
    """
    if not queries:
        return frozenset(structure.nodes)
    upstream = {path: node.upstream_keys for path, node in structure.nodes.items()}
    downstream: dict[str, set[str]] = {path: set() for path in upstream}
    for path, needed in upstream.items():
        for other in needed:
            downstream[other].add(path)
    selected: set[str] = set()
    for query in queries:
        selected |= _select_one(structure, query, upstream, downstream)
    return frozenset(selected)


def _select_one(
    structure: JobStructure,
    query: str,
    upstream: Mapping[str, set[str]],
    downstream: Mapping[str, set[str]],
) -> set[str]:
    match = _QUERY.fullmatch(str(query).strip())
    if query == "*":
        return set(structure.nodes)
    if match is None:
        raise errors.OpweaveInvalidSubsetError(
            f"{query!r:.100} is no op selection: write a name, with * or + before or after it"
        )
    before, name, after = match.groups()
    start = {path for path in structure.nodes if path == name or path.startswith(f"{name}.")}
    if not start:
        hint = errors.did_you_mean(name, structure.nodes)
        raise errors.OpweaveInvalidSubsetError(
            f"the op selection {query!r:.100} selects nothing in {structure.subject}{hint}"
        )
    return start | _reach(start, upstream, before) | _reach(start, downstream, after)


def _reach(start: Iterable[str], edges: Mapping[str, set[str]], sign: str) -> set[str]:
    levels = len(edges) if sign == "*" else len(sign)
    reached: set[str] = set()
    frontier = set(start)
    for _ in range(levels):
        frontier = {other for path in frontier for other in edges[path]} - reached
        if not frontier:
            break
        reached |= frontier
    return reached
