"""Chooses a provider and hands out the cluster. The tests' fixtures call ``provide``."""

import fcntl
import os
import shlex
import socket
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from testbed import binaries, commands, images, kind, layout, native, wheel
from testbed.errors import TestbedError, Unavailable

GIVEN_KUBECONFIG = "OPWEAVE_TEST_KUBECONFIG"
GIVEN_HOST_ADDRESS = "OPWEAVE_TEST_HOST_ADDRESS"
GIVEN_IMAGE_LOADER = "OPWEAVE_TEST_IMAGE_LOADER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A cluster that runs and may be used as administrator.

    Attributes:
        provider: ``given``, ``kind`` or ``native``.
        kubeconfig: Path of a kubeconfig of an administrator.
        kubectl: Path of kubectl.
        helm: Path of helm 3.
        host_address: An address of this machine which pods can reach.
    """

    provider: str
    kubeconfig: Path
    kubectl: Path
    helm: Path
    host_address: str

    def load_image(self, tar: Path) -> None:
        """Make the image in *tar*, as written by ``docker save``, available to pods.

        Raises:
            TestbedError: The cluster was given, and nothing says how it gets its images.
        """
        if self.provider == "native":
            native.load_file(tar)
        elif self.provider == "kind":
            kind.load_image(tar)
        else:
            loader = os.environ.get(GIVEN_IMAGE_LOADER)
            if not loader:
                raise TestbedError(
                    f"{GIVEN_KUBECONFIG} is set: set {GIVEN_IMAGE_LOADER} to a command that takes"
                    f" an image in a tar file as its last argument, to load {tar}"
                )
            commands.run([*shlex.split(loader), tar])

    def build_image(self, name: str) -> str:
        """Build and load the image *name* as it follows from the working tree; return what pods call it.

        Args:
            name: ``runtime``, ``operator``, ``penguins`` or ``busybox``.
        """
        with locked("images"):
            if self.provider == "kind" and name in images.DOCKERFILES:
                _put_wheel_into_dist()
                self.load_image(kind.build_image(name))
                return f"opweave/{name}:dev"
            image = images.build(name)
            if self.provider == "native":
                native.load(image)
            else:
                self.load_image(images.save(image))
            return image.name


def provide() -> Cluster:
    """Return a cluster that runs, from the first provider that can give one; start or repair it if need be.

    Raises:
        Unavailable: None can; the reason says why not, provider by provider.
        TestbedError: The provider that should have worked did not.
    """
    with locked("cluster"):
        name = _choose()
        if name == "given":
            return _given()
        if name == "kind":
            kind.up()
            return _cluster("kind", kind.kubeconfig(), kind.host_address())
        native.up()
        return _cluster("native", layout.kubeconfig(), layout.HOST_ADDRESS)


def describe() -> str:
    """Return the provider that ``provide`` would use, and why, in one line.

    Raises:
        Unavailable: There is none.
    """
    return {
        "given": f"given: {os.environ.get(GIVEN_KUBECONFIG)} ({GIVEN_KUBECONFIG})",
        "kind": f"kind: {kind.engine()} answers",
        "native": f"native: Kubernetes {binaries.KUBERNETES.version} as processes of this machine",
    }[_choose()]


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Let one process at a time change the cluster or the images."""
    layout.cache().mkdir(parents=True, exist_ok=True)
    with (layout.cache() / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _choose() -> str:
    if os.environ.get(GIVEN_KUBECONFIG):
        return "given"
    reasons = []
    for name, provider in (("kind", kind), ("native", native)):
        try:
            provider.check_possible()
        except Unavailable as unavailable:
            reasons.append(f"{name}: {unavailable.reason}")
        else:
            return name
    raise Unavailable("; ".join([f"{GIVEN_KUBECONFIG} is not set", *reasons]))


def _cluster(provider: str, kubeconfig: Path, host_address: str) -> Cluster:
    return Cluster(
        provider=provider,
        kubeconfig=kubeconfig,
        kubectl=binaries.kubectl(),
        helm=binaries.helm(),
        host_address=host_address,
    )


def _given() -> Cluster:
    kubeconfig = Path(os.environ[GIVEN_KUBECONFIG]).resolve()
    kubectl = binaries.kubectl()
    command = [kubectl, "--kubeconfig", kubeconfig, "--request-timeout=10s"]
    if commands.run([*command, "get", "--raw", "/readyz"], check=False).returncode != 0:
        raise Unavailable(f"the cluster of {kubeconfig} ({GIVEN_KUBECONFIG}) does not answer")
    host_address = os.environ.get(GIVEN_HOST_ADDRESS)
    if not host_address:
        view = [
            *command,
            "config",
            "view",
            "--minify",
            "-o",
            "jsonpath={.clusters[0].cluster.server}",
        ]
        host_address = _own_address_towards(commands.run(view).stdout)
    return _cluster("given", kubeconfig, host_address)


def _own_address_towards(server: str) -> str:
    """Return the address with which this machine reaches *server*: pods there most likely reach it too."""
    url = urllib.parse.urlsplit(server)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((url.hostname or "", url.port or 443))  # sends nothing
        return str(probe.getsockname()[0])


def _put_wheel_into_dist() -> None:
    """Put the wheel where the Dockerfiles take it from."""
    built = wheel.build()
    directory = layout.REPOSITORY / "dist"
    directory.mkdir(exist_ok=True)
    for older in directory.glob("opweave-*.whl"):
        older.unlink()
    (directory / built.name).write_bytes(built.read_bytes())
