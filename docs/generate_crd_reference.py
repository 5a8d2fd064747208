"""Write docs/reference/crds.md from the CRDs; with --check only say whether it is up to date.

Run from anywhere: ``python docs/generate_crd_reference.py [--check]``.
"""

import argparse
import difflib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
CRDS = ROOT / "crds"
PAGE = ROOT / "docs" / "reference" / "crds.md"
ORDER = ("codelocations", "jobs", "schedules", "sensors", "instances")
Schema = dict[str, Any]
Names = frozenset[str]


def type_of(schema: Schema) -> str:
    """What may be written: the type, with its bounds or its words."""
    if "enum" in schema:
        return " \\| ".join(f"`{word}`" for word in schema["enum"])
    if schema.get("x-kubernetes-int-or-string"):
        return "quantity"
    if schema.get("format") == "date-time":
        return "time"
    kind = str(schema["type"])
    if kind == "array":
        return f"list of {type_of(schema['items'])}, up to {schema['maxItems']}"
    if "additionalProperties" in schema:
        values = type_of(schema["additionalProperties"])
        return f"map to {values}, up to {schema['maxProperties']}"
    if kind == "string" and "maxLength" in schema:
        return f"string, up to {schema['maxLength']}"
    if kind == "integer" and "maximum" in schema:
        return f"integer, {schema['minimum']} to {schema['maximum']}"
    if kind == "integer" and "minimum" in schema:
        return f"integer, from {schema['minimum']}"
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        return "object, any fields"
    return kind


def is_pod(schema: Schema, pod: Names | None) -> bool:
    """Whether *schema* has the fields of a pod, among others."""
    return pod is not None and pod <= set(schema.get("properties", ()))


def rows(schema: Schema, path: str, pod: Names | None) -> Iterator[tuple[str, str, str]]:
    """Path, type and meaning of each field below *schema*.

    Args:
        schema: An object, or the item of a list.
        path: Path of *schema* itself, empty for the spec or status.
        pod: Names of the fields of a pod, which are left out for a link to their own section; None: nothing is left out.
    """
    for name, child in schema.get("properties", {}).items():
        if pod is not None and name in pod and is_pod(schema, pod):
            continue
        here = f"{path}.{name}".lstrip(".")
        is_required = name in schema.get("required", ())
        text = " ".join(child["description"].split()).replace("|", "\\|")
        if is_pod(child, pod):
            text += " Its fields: [The pod](#the-pod)."
        yield here, type_of(child), f"**Required.** {text}" if is_required else text
        yield from rows(child, here, pod)
        yield from rows(child.get("items", {}), f"{here}[]", pod)


def rules(schema: Schema) -> Iterator[str]:
    """Messages of the rules of *schema* and of all below it, each once."""
    for rule in schema.get("x-kubernetes-validations", ()):
        yield rule["message"]
    children = [
        *schema.get("properties", {}).values(),
        schema.get("items"),
        schema.get("additionalProperties"),
    ]
    for child in children:
        if isinstance(child, dict):
            yield from rules(child)


def table(header: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table."""
    head = [" | ".join(header), " | ".join("---" for _ in header)]
    return "\n".join(f"| {line} |" for line in [*head, *(" | ".join(line) for line in lines)])


def fields_table(schema: Schema, pod: Names | None) -> str:
    """A table of the fields below *schema*."""
    found = ((f"`{path}`", kind, text) for path, kind, text in rows(schema, "", pod))
    return table(("Field", "Type", "Meaning"), found)


def columns_table(version: Schema) -> str:
    """A table of what `kubectl get` prints."""
    found = [
        (column["name"] + (" (`-o wide`)" if column.get("priority") else ""), column["description"])
        for column in version["additionalPrinterColumns"]
    ]
    return table(("Column", "Meaning"), found)


def kind_section(crd: Schema, pod: Names, pod_rules: list[str]) -> str:
    """All about one kind."""
    names, version = crd["spec"]["names"], crd["spec"]["versions"][0]
    root = version["schema"]["openAPIV3Schema"]
    messages = [m for m in dict.fromkeys(rules(root)) if m not in pod_rules]
    short = ", ".join(f"`{name}`" for name in names["shortNames"])
    return "\n\n".join(
        [
            f"## {names['kind']}",
            " ".join(root["description"].split()),
            f"`{names['plural']}.{crd['spec']['group']}`, short {short}.",
            f"### Spec of {names['kind']}",
            fields_table(root["properties"]["spec"], pod),
            f"### What the API server refuses in a {names['kind']}",
            "\n".join(f"- {message}" for message in messages),
            f"### Status of {names['kind']}",
            fields_table(root["properties"]["status"], pod),
            f"### Columns of {names['kind']}",
            columns_table(version),
        ]
    )


def render() -> str:
    """The whole page."""
    crds = [yaml.safe_load((CRDS / f"{name}.yaml").read_text(encoding="utf-8")) for name in ORDER]
    location = crds[0]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    steps = location["properties"]["steps"]
    pod = frozenset(steps["properties"])
    pod_rules = list(dict.fromkeys(rules(steps)))
    sections = [
        "<!-- Written by docs/generate_crd_reference.py from crds/*.yaml; change those. -->",
        "# Custom resources",
        "All kinds are `opweave.dev/v1alpha1` and namespaced, and an object refers only to objects of its own "
        "namespace. `kubectl get opweave` lists them all; `kubectl explain owj.spec` shows the same texts. The kind "
        "`Job` shares its name with the one of `batch/v1`: write `jobs.opweave.dev` or `owj`.",
        *(kind_section(crd, pod, pod_rules) for crd in crds),
        "## The pod",
        "Code server, steps, Job and Instance describe pods by the same fields. For a step the levels are, from the "
        "most to the least specific: op or asset, `Job.spec.steps`, `CodeLocation.spec.steps`, "
        "`Instance.spec.podDefaults`.",
        fields_table(steps, None),
        "### What the API server refuses in a pod",
        "\n".join(f"- {message}" for message in pod_rules),
    ]
    return "\n\n".join(sections) + "\n"


def main() -> int:
    """Write the page, or compare it; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail on a difference")
    is_check = parser.parse_args().check
    page = render()
    old = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    if not is_check:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(page, encoding="utf-8")
        return 0
    sys.stdout.writelines(
        difflib.unified_diff(old.splitlines(True), page.splitlines(True), "old", "new")
    )
    return int(old != page)


if __name__ == "__main__":
    sys.exit(main())
