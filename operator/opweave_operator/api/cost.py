"""Refuse GraphQL documents that would read too much, before anything is read.

A field costs 1 plus, for a list, the cost of its members times how many there may be: the argument ``first`` where there is one,
else what is usual for that list. Reading a log costs more than reading a column.
"""

from __future__ import annotations

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValidationRule,
)
from strawberry.extensions import AddValidationRules

from opweave_operator.api import paging

MAX_COST = 200_000

_USUAL_LENGTHS = {
    "steps": 50,
    "attempts": 2,
    "locations": 10,
    "jobs": 20,
    "instigators": 20,
    "declaredJobs": 20,
}
_EXTRA_COSTS = {
    "computeLog": 100,
    "steps": 100,  # the whole state of a run is read
    "validateRunConfig": 1000,
    "scaffoldRunConfig": 1000,
    "launchRun": 1000,
    "assets": 1000,  # all of them are read and judged
    "asset": 1000,
}
_PAGED = {"runs": 25, "events": 100, "ticks": 25, "assets": 100, "history": 25}


class _CostRule(ValidationRule):
    """Reports operations above `MAX_COST`."""

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: object) -> None:
        cost = self._selection(node.selection_set, frozenset(), "")
        if cost > MAX_COST:
            self.report_error(
                GraphQLError(
                    f"the operation may read about {cost} values, more than {MAX_COST}: ask for"
                    " fewer entries (first) or fewer lists at once",
                    node,
                )
            )

    def _selection(
        self, selection: SelectionSetNode | None, seen: frozenset[str], page: str
    ) -> int:
        total = 0
        for node in selection.selections if selection else ():
            total += 1
            if isinstance(node, FieldNode):
                total += self._field(node, seen, page)
            elif isinstance(node, InlineFragmentNode):
                total += self._selection(node.selection_set, seen, page)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
                fragment = self.context.get_fragment(node.name.value)
                if fragment:
                    inner = seen | {node.name.value}
                    total += self._selection(fragment.selection_set, inner, page)
            if total > MAX_COST:
                break
        return total

    def _field(self, node: FieldNode, seen: frozenset[str], page: str) -> int:
        """Return the cost of a field; the list in a *page*, which has its name, was counted where the page was asked for."""
        name = node.name.value
        members = self._selection(
            node.selection_set, seen, name if name in _PAGED and name != page else ""
        )
        if name == page:
            return members
        length = _first(node) if name in _PAGED else _USUAL_LENGTHS.get(name, 1)
        return _EXTRA_COSTS.get(name, 0) + length * members


def _first(node: FieldNode) -> int:
    """Return how many entries a paged field asks for; a variable may be anything up to the most."""
    for argument in node.arguments or ():
        if argument.name.value == "first":
            if isinstance(argument.value, IntValueNode):
                return min(paging.MAX_FIRST, abs(int(argument.value.value)))
            return paging.MAX_FIRST
    return _PAGED[node.name.value]


class CostLimiter(AddValidationRules):
    """Adds the rule to a schema."""

    def __init__(self) -> None:
        super().__init__([_CostRule])
