"""How a plan grows when a dynamic output is given: its templates become a step for each mapping key. Pure.

Called by the operator, in the transaction that commits the success of the step, and by runs in one process.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from opweave.wire.message import replace
from opweave.wire.plan import OutputRef, PlannedStep, RunPlan, StepInput

ANY_KEY = "[?]"
"""Where the mapping key will stand in the key of a template."""

MAX_STEPS = 20_000
"""The most steps that a plan may grow to: a fan-out of 10,000 with what comes before and after it."""

MAX_MAPPING_KEY_LENGTH = 200
MAX_STEP_KEY_LENGTH = 512
"""What a database column holds."""

_MAPPING_KEY = re.compile(f"[A-Za-z0-9_]{{1,{MAX_MAPPING_KEY_LENGTH}}}")


def is_mapping_key(text: object) -> bool:
    """Return whether *text* may be a mapping key: letters, digits and underscores, as in names."""
    return isinstance(text, str) and _MAPPING_KEY.fullmatch(text) is not None


def step_key(template_key: str, mapping_key: str) -> str:
    """Return the key of the step that a template becomes."""
    return template_key.replace(ANY_KEY, f"[{mapping_key}]")


def op_path(key: str) -> str:
    """Return the path of the op that the step *key* runs: the key without its mapping key."""
    return key.partition("[")[0]


def mapping_key_of(key: str) -> str | None:
    """Return the mapping key in the step key *key*; None of a step that is not mapped."""
    _, bracket, rest = key.partition("[")
    return rest.removesuffix("]") if bracket else None


def needed_keys(step: PlannedStep) -> tuple[str, ...]:
    """Return the keys of the steps and templates that must end before *step*, each once, in input order."""
    collected = (item.collects.step_key for item in step.inputs if item.collects is not None)
    return tuple(dict.fromkeys((*step.upstream_keys, *collected)))


def in_order(plan: RunPlan) -> tuple[PlannedStep, ...]:
    """Return steps and templates of *plan*, what is needed before what needs it.

    A plan that no runtime makes, where steps need each other, loses none of them.
    """
    by_key = {step.key: step for step in (*plan.steps, *plan.templates)}
    placed: dict[str, PlannedStep] = {}
    met: set[str] = set()
    for first in by_key:
        stack = [(first, False)]
        while stack:
            key, are_needed_placed = stack.pop()
            if are_needed_placed:
                placed[key] = by_key[key]
            elif key not in met:
                met.add(key)
                needed = [k for k in needed_keys(by_key[key]) if k in by_key and k not in met]
                stack += ((key, True), *((k, False) for k in reversed(needed)))
    return tuple(placed.values())


def grown(plan: RunPlan, step: PlannedStep, given: Iterable[tuple[str, str | None]]) -> RunPlan:
    """Return *plan* after *step* has succeeded, with the steps that its dynamic outputs call for at the end.

    Args:
        plan: With templates for what is mapped over its outputs.
        step: A step of *plan*.
        given: Name and mapping key of each output that it gave.
    """
    keys: dict[str, list[str]] = {o.name: [] for o in step.outputs if o.is_dynamic}
    for name, mapping_key in given:
        if name in keys and mapping_key is not None:
            keys[name].append(mapping_key)
    for name, found in keys.items():
        plan = _grown(plan, OutputRef(step_key=step.key, output_name=name), found)
    return plan


def fault(plan: RunPlan, step: PlannedStep, given: Sequence[tuple[str, str | None]]) -> str:
    """Return in words why *plan* cannot grow by what *step* gave; empty when it can. A step may claim anything."""
    names = {o.name for o in step.outputs if o.is_dynamic}
    members = [item for item in given if item[0] in names]
    for name, key in members:
        if not is_mapping_key(key):
            return (
                f"output {name!r} was given the mapping key {key!r:.80}: use letters, digits and underscores,"
                f" {MAX_MAPPING_KEY_LENGTH} at most"
            )
    if len(set(members)) < len(members):
        return "a mapping key was given twice; each names one member of a dynamic output"
    added = 0
    for name in names:
        over = OutputRef(step_key=step.key, output_name=name)
        mapped = [t for t in plan.templates if t.mapped_over == over]
        longest = max((len(key or "") for n, key in members if n == name), default=0)
        added += len(mapped) * sum(1 for n, _ in members if n == name)
        if any(len(template.key) + longest > MAX_STEP_KEY_LENGTH for template in mapped):
            return f"output {name!r} was given a mapping key that is too long for a step key"
    if len(plan.steps) + added > MAX_STEPS:
        return (
            f"its dynamic outputs call for {added} more steps beside the {len(plan.steps)} of the run; {MAX_STEPS} are"
            " allowed: let each step do a batch"
        )
    return ""


def _grown(plan: RunPlan, over: OutputRef, keys: Sequence[str]) -> RunPlan:
    steps = [_collecting(step, over, keys) for step in plan.steps]
    templates = [_collecting(step, over, keys) for step in plan.templates]
    mapped = [template for template in templates if template.mapped_over == over]
    new = (_instance(template, key) for template in mapped for key in keys)
    return replace(
        plan,
        steps=(*steps, *new),
        templates=tuple(template for template in templates if template.mapped_over != over),
    )


def _collecting(step: PlannedStep, over: OutputRef, keys: Sequence[str]) -> PlannedStep:
    """Return *step* with the members named that it collects of *over*; itself when it collects none."""
    if not any(item.collects is not None and item.sources == (over,) for item in step.inputs):
        return step
    return replace(step, inputs=tuple(_collected(item, over, keys) for item in step.inputs))


def _collected(item: StepInput, over: OutputRef, keys: Sequence[str]) -> StepInput:
    collects = item.collects
    if collects is None or item.sources != (over,):
        return item
    if collects == over:
        return replace(item, collects=None, sources=item.sources if keys else ())
    members = tuple(
        OutputRef(step_key=step_key(collects.step_key, key), output_name=collects.output_name)
        for key in keys
    )
    return replace(item, collects=None, sources=members)


def _instance(template: PlannedStep, mapping_key: str) -> PlannedStep:
    inputs = tuple(
        replace(item, sources=tuple(_of_member(ref, mapping_key) for ref in item.sources))
        for item in template.inputs
    )
    return replace(template, key=step_key(template.key, mapping_key), inputs=inputs)


def _of_member(ref: OutputRef, mapping_key: str) -> OutputRef:
    if ANY_KEY not in ref.step_key:
        return ref
    return OutputRef(step_key=step_key(ref.step_key, mapping_key), output_name=ref.output_name)
