"""The kinds of objects that the operator speaks of, and the paths under which the API server keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from opweave_operator.adapters.kubernetes import names


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of objects; an empty *group* is the core one."""

    group: str
    version: str
    plural: str
    kind: str
    is_namespaced: bool = True

    @property
    def api_version(self) -> str:
        """Return what stands in ``apiVersion``."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(
        self, namespace: str | None = None, name: str | None = None, subresource: str | None = None
    ) -> str:
        """Return the path of a collection, an object or a subresource; every part is percent-encoded."""
        parts = ["apis", self.group] if self.group else ["api"]
        parts.append(self.version)
        if namespace is not None and self.is_namespaced:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        if name is not None:
            parts.append(name)
        if subresource is not None:
            parts.append(subresource)
        return "/" + "/".join(_segment(part) for part in parts)


def _segment(part: str) -> str:
    """Encode one part; a name that is empty or made of dots would change the path's meaning."""
    if not part.strip("."):
        raise ValueError(f"{part!r} cannot be a name in the Kubernetes API")
    return quote(part, safe="")


PODS = Resource("", "v1", "pods", "Pod")
SERVICES = Resource("", "v1", "services", "Service")
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
K8S_EVENTS = Resource("", "v1", "events", "Event")
BATCH_JOBS = Resource("batch", "v1", "jobs", "Job")
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
TOKEN_REVIEWS = Resource("authentication.k8s.io", "v1", "tokenreviews", "TokenReview", False)

CODE_LOCATIONS = Resource(names.GROUP, names.VERSION, "codelocations", "CodeLocation")
JOBS = Resource(names.GROUP, names.VERSION, "jobs", "Job")
SCHEDULES = Resource(names.GROUP, names.VERSION, "schedules", "Schedule")
SENSORS = Resource(names.GROUP, names.VERSION, "sensors", "Sensor")
INSTANCES = Resource(names.GROUP, names.VERSION, "instances", "Instance")
