"""What people may say about the pods of their steps, at every level in the same terms, and how levels are merged.

Levels, later ones win: our defaults, ``Instance.spec.podDefaults``, ``CodeLocation.spec.steps``, ``Job.spec.steps``, the
op's tag; for code servers our defaults and ``CodeLocation.spec.server`` alone. Only the fields listed here are taken;
identity, labels of ours, command and token are not among them, and are checked again on the finished pod
(`manifests.step_pod`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Shape = dict[str, dict[str, Any]]
"""Three parts: ``metadata`` (labels, annotations), ``pod`` (fields of PodSpec), ``container`` (fields of Container)."""

POD_FIELDS = frozenset(
    {
        "affinity",
        "dnsConfig",
        "dnsPolicy",
        "hostAliases",
        "imagePullSecrets",
        "nodeSelector",
        "priorityClassName",
        "runtimeClassName",
        "schedulerName",
        "securityContext",
        "serviceAccountName",
        "terminationGracePeriodSeconds",
        "tolerations",
        "topologySpreadConstraints",
        "volumes",
    }
)
CONTAINER_FIELDS = frozenset(
    {
        "env",
        "envFrom",
        "image",
        "imagePullPolicy",
        "resources",
        "securityContext",
        "volumeDevices",
        "volumeMounts",
    }
)
METADATA_FIELDS = frozenset({"labels", "annotations"})

_CUSTOM_RESOURCE_TO_POD = {"podSecurityContext": "securityContext"}
_CONTAINER_IN_CUSTOM_RESOURCE = frozenset(
    {"env", "envFrom", "resources", "volumeMounts", "securityContext"}
)
_LIST_KEYS = {"volumeMounts": "mountPath", "hostAliases": "ip", "volumeDevices": "devicePath"}
_RESERVED_ENV_PREFIX = "OPWEAVE_"
_RESERVED_VOLUME_PREFIX = "opweave-"
_RESERVED_KEY_DOMAINS = ("opweave.dev/", "batch.kubernetes.io/")
RESERVED_PATHS = ("/var/run/secrets/opweave.dev", "/opt/opweave")
MAX_DEPTH = 20


class ShapeError(ValueError):
    """A pod shape asks for what nobody may set, or is no shape at all; the text names the field and the cure."""


def from_custom_resource(fields: Mapping[str, Any], where: str) -> Shape:
    """Return the shape in a ``steps``, ``server`` or ``podDefaults`` section; *where* names it in errors.

    Raises:
        ShapeError: A field is reserved or not of the expected form.
    """
    shape = empty()
    for name, value in fields.items():
        if name in METADATA_FIELDS:
            shape["metadata"][name] = value
        elif name in _CONTAINER_IN_CUSTOM_RESOURCE:
            shape["container"][name] = value
        elif name != "replicas":
            shape["pod"][_CUSTOM_RESOURCE_TO_POD.get(name, name)] = value
    check(shape, where)
    return shape


def from_op_tag(tag: Mapping[str, Any], where: str) -> Shape:
    """Return the shape that an op's tag asks for.

    Raises:
        ShapeError: A section or field is unknown or reserved; the text lists what there is.
    """
    sections = {
        "container_config": "container",
        "pod_spec_config": "pod",
        "pod_template_spec_metadata": "metadata",
    }
    shape = empty()
    for name, value in tag.items():
        if name not in sections:
            raise ShapeError(
                f"{where}.{name} is not known; there are {', '.join(sorted(sections))}"
            )
        if not isinstance(value, Mapping):
            raise ShapeError(f"{where}.{name} must be a mapping, found {type(value).__name__}")
        shape[sections[name]] = dict(value)
    check(shape, where)
    return shape


def from_json(value: object, where: str) -> Shape:
    """Return a shape that was stored as JSON.

    Raises:
        ShapeError: It is none.
    """
    shape = empty()
    if not isinstance(value, Mapping):
        raise ShapeError(f"{where} must be a mapping, found {type(value).__name__}")
    for part in shape:
        stored = value.get(part) or {}
        if not isinstance(stored, Mapping):
            raise ShapeError(f"{where}.{part} must be a mapping, found {type(stored).__name__}")
        shape[part] = dict(stored)
    check(shape, where)
    return shape


def empty() -> Shape:
    """Return a shape that asks for nothing."""
    return {"metadata": {}, "pod": {}, "container": {}}


def merge(*shapes: Shape) -> Shape:
    """Return the shapes merged, later ones winning: dicts deeply, lists by their key, other lists appended."""
    result = empty()
    for shape in shapes:
        for part in result:
            result[part] = _merge_dicts(result[part], shape[part], 0)
    return result


def check(shape: Shape, where: str) -> None:
    """Refuse what nobody may set.

    Raises:
        ShapeError: The first such field.
    """
    for part, allowed in (
        ("metadata", METADATA_FIELDS),
        ("pod", POD_FIELDS),
        ("container", CONTAINER_FIELDS),
    ):
        for name in shape[part]:
            if name not in allowed:
                raise ShapeError(
                    f"{where}: {name!r} cannot be set for the {part} of a step; remove it"
                    f" (can be set: {', '.join(sorted(allowed))})"
                )
    _check_metadata(shape["metadata"], where)
    _check_container(shape["container"], where)
    for volume in _mappings(shape["pod"].get("volumes"), f"{where}.volumes"):
        if str(volume.get("name", "")).startswith(_RESERVED_VOLUME_PREFIX):
            raise ShapeError(
                f"{where}.volumes: names with {_RESERVED_VOLUME_PREFIX} are ours; rename it"
            )
        if "hostPath" in volume:
            raise ShapeError(
                f"{where}.volumes: hostPath is refused, because it reaches beyond the namespace;"
                " use a PersistentVolumeClaim"
            )


def _check_metadata(metadata: Mapping[str, Any], where: str) -> None:
    for name, entries in metadata.items():
        if not isinstance(entries, Mapping):
            raise ShapeError(f"{where}.{name} must be a mapping, found {type(entries).__name__}")
        for key in entries:
            if str(key).startswith(_RESERVED_KEY_DOMAINS):
                raise ShapeError(
                    f"{where}.{name}: {key!r} is set by the operator; use a key of your own"
                )


def _check_container(container: Mapping[str, Any], where: str) -> None:
    for variable in _mappings(container.get("env"), f"{where}.env"):
        if str(variable.get("name", "")).startswith(_RESERVED_ENV_PREFIX):
            raise ShapeError(
                f"{where}.env: {variable.get('name')!r} is set by the operator; names with"
                f" {_RESERVED_ENV_PREFIX} are reserved"
            )
    for mount in _mappings(container.get("volumeMounts"), f"{where}.volumeMounts"):
        path = "/" + str(mount.get("mountPath", "")).strip("/")
        if any(path == taken or path.startswith(f"{taken}/") for taken in RESERVED_PATHS):
            raise ShapeError(
                f"{where}.volumeMounts: {path} is used by the operator; mount elsewhere"
            )
    security = container.get("securityContext")
    if isinstance(security, Mapping) and security.get("privileged"):
        raise ShapeError(f"{where}.securityContext.privileged is refused; remove it")


def _mappings(value: object, where: str) -> list[Mapping[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise ShapeError(f"{where} must be a list of mappings")
    return value


def _merge_dicts(below: Mapping[str, Any], above: Mapping[str, Any], depth: int) -> dict[str, Any]:
    if depth > MAX_DEPTH:
        raise ShapeError(
            f"a pod shape is nested more than {MAX_DEPTH} levels deep; make it flatter"
        )
    merged = dict(below)
    for key, value in above.items():
        if isinstance(value, Mapping) and isinstance(merged.get(key), Mapping):
            merged[key] = _merge_dicts(merged[key], value, depth + 1)
        elif isinstance(value, list) and isinstance(merged.get(key), list):
            merged[key] = _merge_lists(merged[key], value, _LIST_KEYS.get(key, "name"))
        else:
            merged[key] = value
    return merged


def _merge_lists(below: list[Any], above: list[Any], key: str) -> list[Any]:
    """Replace members with the same key, whole, so that a value never keeps a stale ``valueFrom`` beside it."""
    merged = list(below)
    for item in above:
        name = item.get(key) if isinstance(item, Mapping) else None
        place = next(
            (
                index
                for index, old in enumerate(merged)
                if name is not None and isinstance(old, Mapping) and old.get(key) == name
            ),
            None,
        )
        if place is not None:
            merged[place] = item
        elif item not in merged:
            merged.append(item)
    return merged
