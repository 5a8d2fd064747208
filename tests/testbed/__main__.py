"""``python -m testbed``: see ``--help``."""

import argparse
import shlex
import sys

from testbed import cluster, commands, images, kind, layout, native, processes
from testbed.errors import TestbedError, Unavailable

UNAVAILABLE_STATUS = 3


def main() -> int:
    """Run one command and return the status of this program: 3 when no cluster can be had here."""
    arguments = _parser().parse_args()
    try:
        status: int = arguments.function(arguments)
    except Unavailable as error:
        print(f"no test cluster: {error.reason}", file=sys.stderr)
        return UNAVAILABLE_STATUS
    except TestbedError as error:
        print(f"testbed: {error}", file=sys.stderr)
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m testbed", description="A real Kubernetes for the tests."
    )
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, function, about in (
        ("up", _up, "start the cluster, or repair it; quick when it runs"),
        ("down", _down, "stop the cluster and remove its data; built things stay in the cache"),
        ("status", _status, "tell what runs; status 0 when all is well"),
        ("env", _env, 'print lines for a shell: eval "$(python -m testbed env)"'),
    ):
        subparsers.add_parser(name, help=about, description=about).set_defaults(function=function)
    image = subparsers.add_parser("image", help="build images and load them into the cluster")
    image.add_argument("names", nargs="+", metavar="NAME", choices=[*images.DOCKERFILES, "busybox"])
    image.add_argument(
        "--no-load", action="store_true", help="print the path of the file instead of loading it"
    )
    image.set_defaults(function=_image)
    logs = subparsers.add_parser(
        "logs", help="print the end of the logs of the cluster's processes"
    )
    logs.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="of a process, as status shows it; without any: all",
    )
    logs.add_argument("--lines", type=int, default=20)
    logs.set_defaults(function=_logs)
    return parser


def _up(_: argparse.Namespace) -> int:
    commands.say(cluster.describe())
    given = cluster.provide()
    commands.say(f"ready; KUBECONFIG={given.kubeconfig}")
    return 0


def _down(_: argparse.Namespace) -> int:
    with cluster.locked("cluster"):
        if layout.state().exists() or layout.runtime_directory().exists():
            native.down()
        if kind.kubeconfig().exists():
            kind.down()
    return 0


def _status(_: argparse.Namespace) -> int:
    print(cluster.describe())
    if not layout.state().exists():
        print("the native cluster is down")
        return 1
    for name in processes.names():
        print(f"{name:24} {processes.pid(name) or 'does not run'}")
    found = native.problems()
    print("\n".join(found) if found else "healthy")
    return 1 if found else 0


def _env(_: argparse.Namespace) -> int:
    given = cluster.provide()
    programs = f"{given.kubectl.parent}:{given.helm.parent}"
    print(f"export KUBECONFIG={shlex.quote(str(given.kubeconfig))}")
    print(f'export PATH={shlex.quote(programs)}:"$PATH"')
    return 0


def _image(arguments: argparse.Namespace) -> int:
    if arguments.no_load:
        with cluster.locked("images"):
            for name in arguments.names:
                print(images.save(images.build(name)))
        return 0
    given = cluster.provide()
    for name in arguments.names:
        print(given.build_image(name))
    return 0


def _logs(arguments: argparse.Namespace) -> int:
    for name in arguments.names or processes.names():
        print(f"==> {name}\n{processes.tail(layout.logs() / f'{name}.log', arguments.lines)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
