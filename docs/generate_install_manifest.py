"""Render the chart into dist/install.yaml, for clusters without Helm.

``kubectl apply --server-side -f dist/install.yaml`` installs it. Options after ``--`` go to ``helm template``, such as
``-- --set image.repository=registry.example/operator``.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
CHART = ROOT / "charts" / "opweave"
TARGET = ROOT / "dist" / "install.yaml"
NAMESPACE = "opweave"
# The oldest that the chart supports: what is rendered must suit every newer one.
KUBERNETES = "1.32.0"
HEAD = f"""\
# opweave: custom resources, rights, controller and web with SQLite on a volume. Rendered from charts/opweave.
#
#   kubectl apply --server-side -f install.yaml
---
apiVersion: v1
kind: Namespace
metadata:
  name: {NAMESPACE}
  labels:
    pod-security.kubernetes.io/enforce: restricted
"""


def find_helm() -> str:
    """Return the path of helm: on the PATH, or that of the test cluster."""
    if found := shutil.which("helm"):
        return found
    sys.path.insert(0, str(ROOT / "tests"))
    from testbed import binaries  # after the path is set  # noqa: PLC0415

    return str(binaries.build(binaries.HELM) / "helm")


def render(helm: str, options: list[str]) -> str:
    """The whole manifest.

    Raises:
        SystemExit: Helm refuses; its message says why.
    """
    command = [helm, "template", "opweave", str(CHART), "--namespace", NAMESPACE]
    done = subprocess.run(
        [*command, "--kube-version", KUBERNETES, *options],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: {done.stderr.strip()}")
    return HEAD + done.stdout


def main() -> int:
    """Write the manifest."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--output", type=Path, default=TARGET, help=f"default: {TARGET.name} in dist"
    )
    parser.add_argument("--helm", help="program to use; default: the one on the PATH")
    parser.add_argument("options", nargs="*", metavar="OPTION", help="for helm template, after --")
    arguments = parser.parse_args()
    text = render(arguments.helm or find_helm(), arguments.options)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(text, encoding="utf-8")
    print(
        f"wrote {arguments.output}; install it: kubectl apply --server-side -f {arguments.output}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
