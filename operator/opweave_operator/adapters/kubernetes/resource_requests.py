"""Keeps our default requests below limits that people set lower."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from opweave_operator.adapters.kubernetes import pod_shape

_SUFFIXES = {
    "": Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}
_QUANTITY = re.compile(r"([+-]?[0-9]{1,20}(?:\.[0-9]{0,20})?)([numkMGTPE]?i?|[eE][+-]?[0-9]{1,2})")


def quantity(text: object) -> Decimal | None:
    """Return a Kubernetes quantity as a number, or None when it is none.

    Source: k8s.io/apimachinery pkg/api/resource, Quantity.
    """
    match = _QUANTITY.fullmatch(str(text))
    if match is None:
        return None
    number, suffix = match.groups()
    if suffix in _SUFFIXES:
        return Decimal(number) * _SUFFIXES[suffix]
    return Decimal(f"{number}{suffix}") if suffix[:1] in "eE" else None


def fit(shape: pod_shape.Shape, defaults: pod_shape.Shape) -> pod_shape.Shape:
    """Return *shape* without those requests of *defaults* that exceed a limit in it.

    Kubernetes then requests as much as the limit. Requests that people wrote stay, wrong or not: the API server says so.
    """
    resources = shape["container"].get("resources")
    default = defaults["container"]["resources"]["requests"]
    if not isinstance(resources, Mapping):
        return shape
    limits, requests = resources.get("limits"), resources.get("requests")
    if not isinstance(limits, Mapping) or not isinstance(requests, Mapping):
        return shape
    kept = {
        name: asked
        for name, asked in requests.items()
        if asked != default.get(name) or not _exceeds(asked, limits.get(name))
    }
    container = {**shape["container"], "resources": {**resources, "requests": kept}}
    return {**shape, "container": container}


def _exceeds(asked: object, limit: object) -> bool:
    wanted, most = quantity(asked), quantity(limit)
    return wanted is not None and most is not None and wanted > most
