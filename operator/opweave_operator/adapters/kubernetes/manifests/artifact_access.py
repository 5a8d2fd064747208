"""What a step's pod needs to keep its values where ``Instance.spec.artifacts`` says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

VARIABLE = "OPWEAVE_ARTIFACTS"
VOLUME = "opweave-artifacts"
DIRECTORY = "/opt/opweave/artifacts"


@dataclass(frozen=True, slots=True)
class ArtifactAccess:
    """Parts of a pod by which its step reaches the values."""

    env: dict[str, str] = field(default_factory=dict)
    volumes: list[dict[str, Any]] = field(default_factory=list)
    mounts: list[dict[str, Any]] = field(default_factory=list)


def access(artifacts: Mapping[str, Any]) -> ArtifactAccess:
    """Return what *artifacts*, ``{kind: settings}``, asks for; nothing when they go through the artifact endpoint.

    A bucket is named in a variable, and reached with the pod's own identity; a claim is mounted.
    """
    if "s3" in artifacts:
        return ArtifactAccess({VARIABLE: json.dumps({"s3": artifacts["s3"]}, sort_keys=True)})
    if "sharedVolume" not in artifacts:
        return ArtifactAccess()
    claim = artifacts["sharedVolume"]
    mount = {"name": VOLUME, "mountPath": DIRECTORY}
    if claim.get("subPath"):
        mount["subPath"] = claim["subPath"]
    volume = {"name": VOLUME, "persistentVolumeClaim": {"claimName": claim["claimName"]}}
    return ArtifactAccess({VARIABLE: json.dumps({"directory": DIRECTORY})}, [volume], [mount])
