"""Run the penguins on a cluster: what `make demo-cluster` does.

It brings the test cluster up (or uses the one that runs, or the one of OPWEAVE_TEST_KUBECONFIG), installs the chart,
applies the manifests, launches the job by its annotation as GitOps would, and fetches the results. The installation stays,
to look around in.
"""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import testbed  # noqa: E402  # found beside the tests

NAMESPACE = "opweave"
WORK = "penguins"
RESULTS = ROOT / ".cache" / "demo-cluster"
MANIFESTS = ROOT / "examples" / "penguins" / "manifests"
JOB = "penguin-report"


class Demo:
    """The commands of the demonstration, each shown before it runs."""

    def __init__(self, cluster: testbed.Cluster) -> None:
        programs = [Path(sys.executable).parent, cluster.kubectl.parent, cluster.helm.parent]
        path = os.pathsep.join([*map(str, programs), os.environ["PATH"]])
        self._cluster = cluster
        self._environment = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig), "PATH": path}

    def show(self, *command: str) -> None:
        """Show and run a command; its failure ends the demonstration."""
        print(f"\n$ {' '.join(command)}", flush=True)
        subprocess.run(command, env=self._environment, check=True, cwd=ROOT)

    def text(self, *command: str) -> str:
        """Return what a command prints."""
        return subprocess.run(
            command, env=self._environment, check=True, cwd=ROOT, capture_output=True, text=True
        ).stdout.strip()

    def install(self) -> None:
        """Install the chart with images of this working tree."""
        images = {
            name: self._cluster.build_image(name).rpartition(":")
            for name in ("operator", "runtime")
        }
        sets = [
            f"image.repository={images['operator'][0]}",
            f"image.tag={images['operator'][2]}",
            f"runtimeImage.repository={images['runtime'][0]}",
            f"runtimeImage.tag={images['runtime'][2]}",
            # It stays, on a cluster where the tests have installations of their own.
            f"watchNamespaces={{{WORK}}}",
        ]
        self.show(
            *("helm", "upgrade", "--install", "opweave", "charts/opweave", "-n", NAMESPACE),
            *("--create-namespace", "--take-ownership", "--set", ",".join(sets)),
        )
        self.show(
            *("kubectl", "-n", NAMESPACE, "rollout", "restart", "deployment/opweave"),
        )
        self.show(
            *(
                "kubectl",
                "-n",
                NAMESPACE,
                "rollout",
                "status",
                "deployment/opweave",
                "--timeout=120s",
            )
        )

    def run(self) -> None:
        """Apply the manifests, launch, follow, fetch."""
        if not self.text("kubectl", "get", "namespace", WORK, "--ignore-not-found"):
            self.show("kubectl", "create", "namespace", WORK)
        files = ("configmap", "codelocation-configmap", "job")
        names = [
            part
            for file in files
            for part in ("-f", str((MANIFESTS / f"{file}.yaml").relative_to(ROOT)))
        ]
        self.show("kubectl", "-n", WORK, "apply", "--server-side", *names)
        self.show(
            *(
                "kubectl",
                "-n",
                WORK,
                "wait",
                "owcl,owj",
                "--all",
                "--for=condition=Ready",
                "--timeout=120s",
            )
        )
        at = datetime.now(UTC).isoformat(timespec="seconds")
        self.show(
            *("kubectl", "-n", WORK, "annotate", "--overwrite", "owj", JOB),
            f"opweave.dev/run-requested-at={at}",
        )
        ended = "--for=jsonpath={.status.lastRun.status}=SUCCESS"
        self.show("kubectl", "-n", WORK, "wait", "owj", JOB, ended, "--timeout=180s")
        self.show("kubectl", "-n", WORK, "get", "owcl,owj,jobs.batch,pods")

    def results(self) -> None:
        """Fetch the report and its picture through the API."""
        RESULTS.mkdir(parents=True, exist_ok=True)
        run_id = self.text(
            *("kubectl", "-n", WORK, "get", "owj", JOB, "-o", "jsonpath={.status.lastRun.id}")
        )
        self.show("kubectl-opweave", "-n", NAMESPACE, "run", "show", run_id)
        for step, file in (("report", "report.html"), ("draw", "picture.svg")):
            target = str((RESULTS / file).relative_to(ROOT))
            self.show(
                *("kubectl-opweave", "-n", NAMESPACE, "run", "output", run_id, step, "--to", target)
            )
        print(f"\nthe report is {RESULTS.relative_to(ROOT)}/report.html")
        print(
            f"cluster: export KUBECONFIG={self._cluster.kubeconfig}; stop it by `make cluster-down`"
        )


if __name__ == "__main__":
    try:
        demo = Demo(testbed.provide())
    except testbed.Unavailable as unavailable:
        raise SystemExit(f"no cluster: {unavailable}") from None
    demo.install()
    demo.run()
    demo.results()
