"""The kind provider: the same tests on a node in a container, where a Docker or Podman engine answers."""

import json
from pathlib import Path

from testbed import archive, commands, images, layout
from testbed.errors import Unavailable

_CLUSTER = "opweave-test"
_NODE = f"{_CLUSTER}-control-plane"


def engine() -> str | None:
    """Return the command of the container engine that answers, or None."""
    for program in ("docker", "podman"):
        if commands.find(program) and commands.run([program, "info"], check=False).returncode == 0:
            return program
    return None


def check_possible() -> None:
    """Check that kind can run here.

    Raises:
        Unavailable: It cannot; the reason says what is missing.
    """
    if engine() is None:
        raise Unavailable("no Docker or Podman engine answers")
    if commands.find("kind") is None:
        raise Unavailable("a container engine answers, but kind is not installed")


def kubeconfig() -> Path:
    """Return the path of the cluster's kubeconfig."""
    return layout.cache() / "kind" / "kubeconfig.yaml"


def is_up() -> bool:
    """Tell whether the cluster exists."""
    return _CLUSTER in _kind("get", "clusters").split()


def up() -> None:
    """Create the cluster, or start its node again."""
    kubeconfig().parent.mkdir(parents=True, exist_ok=True)
    if is_up():
        commands.run([engine() or "docker", "start", _NODE])
        _kind("export", "kubeconfig", "--name", _CLUSTER, "--kubeconfig", str(kubeconfig()))
        return
    commands.say("creating a kind cluster")
    config = layout.REPOSITORY / "kind-config.yaml"
    _kind(
        *("create", "cluster", "--name", _CLUSTER, "--config", str(config)),
        *("--kubeconfig", str(kubeconfig()), "--wait", "180s"),
    )


def down() -> None:
    """Delete the cluster."""
    if is_up():
        _kind("delete", "cluster", "--name", _CLUSTER, "--kubeconfig", str(kubeconfig()))


def host_address() -> str:
    """Return the address at which pods reach this machine: the gateway of kind's network."""
    networks = json.loads(commands.run([engine() or "docker", "network", "inspect", "kind"]).stdout)
    ipam = networks[0].get("IPAM", {}).get("Config") or networks[0].get("subnets", [])
    gateways = [str(entry["Gateway" if "Gateway" in entry else "gateway"]) for entry in ipam]
    return next(gateway for gateway in gateways if ":" not in gateway)


def load_image(file: Path) -> None:
    """Load the image in *file* into the node unless it is loaded."""
    names = archive.tags_of(file)
    program = [
        engine() or "docker",
        "exec",
        _NODE,
        "ctr",
        "--namespace",
        "k8s.io",
        "images",
        "list",
        "-q",
    ]
    loaded = commands.run(program).stdout.split()
    content_names = [f"docker.io/{name}" for name in names if not name.endswith(":dev")]
    if not content_names or not set(content_names) <= set(loaded):
        _kind("load", "image-archive", str(file), "--name", _CLUSTER)


def build_image(name: str) -> Path:
    """Build the image *name* by its Dockerfile and return it in a file."""
    program = engine() or "docker"
    lower = {"penguins": "runtime"}.get(name)
    if lower:
        build_image(lower)
    file = layout.cache() / "images" / f"kind-{name}.tar"
    file.parent.mkdir(parents=True, exist_ok=True)
    reference = f"opweave/{name}:dev"
    commands.run(
        [program, "build", "-q", "-f", images.DOCKERFILES[name], "-t", reference, "."],
        cwd=layout.REPOSITORY,
    )
    digest = commands.run([program, "image", "inspect", "-f", "{{.Id}}", reference]).stdout.strip()
    content_name = f"opweave/{name}:{digest.removeprefix('sha256:')[:16]}"
    commands.run([program, "tag", reference, content_name])
    file.unlink(missing_ok=True)
    commands.run([program, "save", "-o", file, reference, content_name])
    return file


def _kind(*arguments: str) -> str:
    return commands.run(["kind", *arguments]).stdout
