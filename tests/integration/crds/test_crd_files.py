"""What every CRD promises about itself; read from the files, without a cluster."""

import re
import subprocess
import sys
import zoneinfo
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

ROOT = Path(__file__).parents[3]
CRDS = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / "crds").glob("*.yaml"))
}
SCHEMAS = {
    name: crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"] for name, crd in CRDS.items()
}


class Field(NamedTuple):
    """A field of a schema."""

    path: str
    schema: dict[str, Any]
    is_required: bool

    @property
    def name(self) -> str:
        return self.path.rsplit(".", 1)[-1]

    @property
    def is_element(self) -> bool:
        """Whether it is an item of a list or a value of a map, which its container describes."""
        return self.name.endswith("[]")


def fields(schema: dict[str, Any], path: str) -> Iterator[Field]:
    """Every field below *schema*, items of lists and values of maps included."""
    for name, child in schema.get("properties", {}).items():
        yield Field(f"{path}.{name}", child, name in schema.get("required", ()))
        yield from fields(child, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(child := schema.get(key), dict):
            yield Field(f"{path}[]", child, is_required=False)
            yield from fields(child, f"{path}[]")


FIELDS = [
    field
    for kind, root in SCHEMAS.items()
    for part in ("spec", "status")
    for field in [
        Field(f"{kind}.{part}", root["properties"][part], is_required=True),
        *fields(root["properties"][part], f"{kind}.{part}"),
    ]
]
SPEC = [field for field in FIELDS if field.path.split(".")[1] == "spec"]


def test_there_is_a_file_per_kind() -> None:
    assert sorted(CRDS) == ["codelocations", "instances", "jobs", "schedules", "sensors"]


def test_every_field_says_what_it_means() -> None:
    """`kubectl explain` never shows an empty description."""
    described = (".", ".)")

    assert [
        f.path
        for f in FIELDS
        if not f.is_element and not f.schema.get("description", "").endswith(described)
    ] == []


def test_every_optional_setting_says_what_empty_means() -> None:
    """A reader of the spec learns the default, or what happens without the field."""
    optional = [
        f
        for f in SPEC
        if not f.is_element and not f.is_required and f.schema.get("type") != "object"
    ]

    assert [
        f.path
        for f in optional
        if not any(w in f.schema["description"].lower() for w in ("empty", "default", "required"))
    ] == []


def test_every_default_is_in_the_description() -> None:
    """A number or word that the server fills in is the one that the text promises."""
    simple = [f for f in SPEC if isinstance(f.schema.get("default"), int | str)]

    assert [
        f.path
        for f in simple
        if f"Default {str(f.schema['default']).lower()}" not in f.schema["description"]
        and f"Default {f.schema['default']}" not in f.schema["description"]
    ] == []


def test_every_string_list_and_map_is_bounded() -> None:
    """Bounds keep objects small and give the cost estimate of the rules something to count with."""
    bounds = {"string": "maxLength", "array": "maxItems"}
    open_ended = [
        f
        for f in FIELDS
        if f.schema.get("type") in bounds
        and "enum" not in f.schema
        and f.schema.get("format") != "date-time"
    ]
    maps = [f for f in FIELDS if "additionalProperties" in f.schema]

    assert [f.path for f in open_ended if bounds[f.schema["type"]] not in f.schema] == []
    assert [f.path for f in maps if "maxProperties" not in f.schema] == []


def test_every_list_says_how_it_merges() -> None:
    """Server-side apply needs to know: a map by key, a set, or one value."""
    lists = [f for f in FIELDS if f.schema.get("type") == "array"]

    assert [f.path for f in lists if "x-kubernetes-list-type" not in f.schema] == []


def test_every_default_is_one_of_the_words_allowed() -> None:
    words = [f for f in FIELDS if "enum" in f.schema and "default" in f.schema]

    assert [f.path for f in words if f.schema["default"] not in f.schema["enum"]] == []


def test_no_enum_has_a_word_that_yaml_reads_as_something_else() -> None:
    """A bare Off or Yes in a manifest is false or true by the time it reaches the server."""
    enums = [f for f in SPEC if "enum" in f.schema]

    assert [
        f.path for f in enums for word in f.schema["enum"] if yaml.safe_load(word) != word
    ] == []


def test_settings_are_words_rather_than_booleans() -> None:
    """A boolean cannot grow a third value.

    Allowed are Kubernetes's own words, and the tag limit's switch, which says what value would say.
    """
    booleans = {f.name for f in SPEC if f.schema.get("type") == "boolean"}

    assert booleans == {"suspend", "optional", "valuePerUnique"}


def test_integers_carry_a_unit_or_are_counts() -> None:
    """A number whose name tells no unit is a count of what it is named after."""
    counts = {"replicas", "priority", "maxConcurrentRuns", "maxRetries", "limit", "slots"}
    numbers = {f.name for f in SPEC if f.schema.get("type") == "integer"}

    assert {name for name in numbers if not name.endswith("Seconds")} == counts


def test_every_rule_has_a_message_of_one_line() -> None:
    """Who reads only the message knows where to look, and what to do."""
    schemas = [*(f.schema for f in FIELDS), *SCHEMAS.values()]
    rules = [rule for schema in schemas for rule in schema.get("x-kubernetes-validations", ())]

    assert [r for r in rules if len(r.get("message", "")) < 40 or "\n" in r["message"]] == []


def test_the_pod_has_the_same_fields_everywhere() -> None:
    """Code server, steps, Job and Instance share one family, so that they merge field by field."""
    spec = {name: root["properties"]["spec"]["properties"] for name, root in SCHEMAS.items()}
    pods = [
        spec["codelocations"]["server"]["properties"],
        spec["codelocations"]["steps"]["properties"],
        spec["jobs"]["steps"]["properties"],
        spec["instances"]["podDefaults"]["properties"],
    ]

    assert [{k: v for k, v in pod.items() if k != "replicas"} for pod in pods] == [pods[1]] * 4


@pytest.mark.parametrize("name", sorted(CRDS))
def test_status_has_conditions_by_type_and_observed_generation(name: str) -> None:
    version = CRDS[name]["spec"]["versions"][0]
    status = SCHEMAS[name]["properties"]["status"]["properties"]

    assert version["subresources"] == {"status": {}}
    assert status["conditions"]["x-kubernetes-list-map-keys"] == ["type"]
    assert status["observedGeneration"]["format"] == "int64"


def test_names_are_namespaced_and_stay_out_of_the_category_all() -> None:
    names = {
        name: (crd["spec"]["scope"], crd["spec"]["names"]["categories"])
        for name, crd in CRDS.items()
    }

    assert names == dict.fromkeys(CRDS, ("Namespaced", ["opweave"]))


def test_every_iana_zone_passes_the_rule_of_time_zone() -> None:
    """The rule refuses what looks wrong, never a zone that exists."""
    rules = SCHEMAS["schedules"]["properties"]["spec"]["properties"]["timeZone"][
        "x-kubernetes-validations"
    ]
    pattern = re.search(r"r'(.+)'", rules[0]["rule"])
    assert pattern is not None
    zones = {zone for zone in zoneinfo.available_timezones() if "/" in zone} | {"UTC", "GMT"}

    assert sorted(zone for zone in zones if not re.fullmatch(pattern[1], zone)) == []


def test_the_reference_page_is_up_to_date() -> None:
    """After a change to a CRD: `python docs/generate_crd_reference.py`."""
    command = [sys.executable, str(ROOT / "docs" / "generate_crd_reference.py"), "--check"]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout
