"""Gives each claim of the default storage class a directory of this machine.

What is to be done; ``provisioner`` is the process that does it. Level-based: any event leads to the same pass over all
claims and volumes, so a restart loses nothing.
"""

import shutil
from pathlib import Path

from testbed import layout
from testbed.api import Api, Object

PROVISIONER = "opweave.dev/test-directory"
STORAGE_CLASS: Object = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {
        "name": "standard",
        "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
    },
    "provisioner": PROVISIONER,
    "reclaimPolicy": "Delete",
    "volumeBindingMode": "WaitForFirstConsumer",
}
CLAIMS = "/api/v1/persistentvolumeclaims"
VOLUMES = "/api/v1/persistentvolumes"


def directory() -> Path:
    """Return the directory that holds the volumes."""
    return layout.state() / "volumes"


def volume_for(claim: Object) -> Object | None:
    """Return the volume that *claim* waits for, or None when it waits for nothing from here."""
    metadata, spec = claim["metadata"], claim["spec"]
    annotations = metadata.get("annotations", {})
    waits = (
        claim["status"].get("phase") == "Pending"
        and not spec.get("volumeName")
        and annotations.get("volume.kubernetes.io/storage-provisioner") == PROVISIONER
        and annotations.get("volume.kubernetes.io/selected-node")
    )
    if not waits:
        return None
    name = f"pvc-{metadata['uid']}"
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {"pv.kubernetes.io/provisioned-by": PROVISIONER}},
        "spec": {
            "storageClassName": spec["storageClassName"],
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "accessModes": spec["accessModes"],
            "persistentVolumeReclaimPolicy": "Delete",
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
            },
            "hostPath": {"path": str(directory() / name), "type": "DirectoryOrCreate"},
        },
    }


def reconcile(api: Api) -> None:
    """Create the volumes that claims wait for, remove those whose claim is gone."""
    for claim in api.request("GET", CLAIMS)["items"]:
        volume = volume_for(claim)
        if volume is not None:
            place = Path(volume["spec"]["hostPath"]["path"])
            place.mkdir(parents=True, exist_ok=True)
            # The kubelet does not apply fsGroup to a host path.
            place.chmod(0o777)
            api.create(VOLUMES, volume)
    for volume in api.request("GET", VOLUMES)["items"]:
        metadata = volume["metadata"]
        ours = metadata.get("annotations", {}).get("pv.kubernetes.io/provisioned-by") == PROVISIONER
        if (
            ours
            and volume["status"].get("phase") == "Released"
            and "deletionTimestamp" not in metadata
        ):
            shutil.rmtree(directory() / metadata["name"], ignore_errors=True)
            api.request("DELETE", f"{VOLUMES}/{metadata['name']}")
