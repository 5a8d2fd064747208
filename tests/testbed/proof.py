"""Shows that a cluster does what the tests rely on: ``python -m testbed.proof``.

Run by hand after a change of the testbed, and against a new kind of cluster; takes about a minute. Each check prints a line.
"""

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from typing import Any

from testbed import cluster, commands
from testbed.errors import CommandFailed, TestbedError

_NAMESPACE = "testbed-proof"
_IMAGE = "opweave-test/busybox:dev"

Object = dict[str, Any]


class Proof:
    """The checks, on one cluster, in a namespace of their own."""

    def __init__(self, given: cluster.Cluster) -> None:
        self._cluster = given
        self._kubectl = [given.kubectl, "--kubeconfig", given.kubeconfig, "-n", _NAMESPACE]

    def run_all(self) -> None:
        """Run every check; the first that fails ends it."""
        self._cluster.build_image("busybox")
        self.kubectl("delete", "namespace", _NAMESPACE, "--ignore-not-found", "--wait")
        self.kubectl("create", "namespace", _NAMESPACE)
        self._wait_for(lambda: self.exists("serviceaccount/default"))
        checks = [getattr(self, name) for name in dir(self) if name.startswith("check_")]
        try:
            for check in checks:
                started = time.monotonic()
                check()
                print(f"ok {time.monotonic() - started:5.1f}s  {check.__doc__}", flush=True)
        except (TestbedError, AssertionError):
            print(self.kubectl("get", "pods,events"))
            raise
        finally:
            self.kubectl("delete", "namespace", _NAMESPACE, "--wait=false")

    def check_a_deployment_serves(self) -> None:
        """A Deployment's pods become ready and a Service gets their addresses."""
        serve = (
            "mkdir -p /tmp/w && echo hello > /tmp/w/index.html && exec httpd -f -p 8080 -h /tmp/w"
        )
        labels = {"app": "web"}
        template = {"metadata": {"labels": labels}, "spec": pod_spec(serve)}
        template["spec"]["containers"][0]["readinessProbe"] = {
            "httpGet": {"port": 8080, "path": "/"},
            "periodSeconds": 1,
        }
        template["spec"]["restartPolicy"] = "Always"
        selector = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
        self.apply("apps/v1", "Deployment", "web", selector)
        ports = [{"port": 80, "targetPort": 8080}]
        self.apply("v1", "Service", "web", {"selector": labels, "ports": ports})
        self.kubectl("rollout", "status", "deployment/web", "--timeout=60s")

    def check_b_dns_and_services_from_a_pod(self) -> None:
        """A pod resolves kubernetes.default and reaches Services by name and by address."""
        address = self.kubectl("get", "service", "web", "-o", "jsonpath={.spec.clusterIP}")
        script = (
            "set -e; nslookup kubernetes.default.svc.cluster.local; "
            f"wget -q -O - http://web/ ; wget -q -O - http://web.{_NAMESPACE}.svc/;"
            f"for i in 1 2 3 4 5 6 7 8 9 10; do wget -q -O - http://{address}/; done;"
            "nc -w 5 kubernetes.default 443 < /dev/null && echo api-reached"
        )
        self.pod("client", pod_spec(script))
        self.wait_for_phase("client", "Succeeded")
        log = self.kubectl("logs", "client")
        assert log.count("hello") == 12, log
        assert "api-reached" in log, log

    def check_c_exec_port_forward_and_proxy(self) -> None:
        """The commands exec and port-forward, and the API server's proxy to a Service, work."""
        assert "hello" in self.kubectl("exec", "deployment/web", "--", "cat", "/tmp/w/index.html")
        path = f"/api/v1/namespaces/{_NAMESPACE}/services/web:80/proxy/"
        assert "hello" in self.kubectl("get", "--raw", path)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = [str(word) for word in self._kubectl]
        forward = subprocess.Popen(
            [*command, "port-forward", "service/web", f"{port}:80"], stdout=subprocess.DEVNULL
        )
        try:
            self._wait_for(lambda: answers(f"http://127.0.0.1:{port}/"))
        finally:
            forward.terminate()
            forward.wait()

    def check_d_service_without_endpoints_refuses(self) -> None:
        """A Service without ready pods refuses connections."""
        ports = [{"port": 80, "targetPort": 8080}]
        self.apply("v1", "Service", "empty", {"selector": {"app": "nobody"}, "ports": ports})
        time.sleep(1.5)
        self.pod("refused", pod_spec("time -p nc -w 8 empty 80 < /dev/null; echo status $?"))
        self.wait_for_phase("refused", "Succeeded")
        log = self.kubectl("logs", "refused")
        assert "status 1" in log, log
        # The second attempt: within one machine the first refusal arrives before the kernel would take it.
        assert "real 0." in log or "real 1." in log, log

    def check_e_job_with_time_to_live(self) -> None:
        """A Job succeeds and disappears with its pods when its time to live is over."""
        template = {"spec": pod_spec("echo done")}
        self.apply("batch/v1", "Job", "short", {"template": template, "ttlSecondsAfterFinished": 1})
        self._wait_for(lambda: not self.exists("job/short"))
        self._wait_for(lambda: not self.exists("pod", "-l", "job-name=short"))

    def check_f_volume_claim(self) -> None:
        """A claim of the default class binds, and a user who is not root writes to it; it goes with its volume."""
        claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        self.apply("v1", "PersistentVolumeClaim", "data", claim)
        spec = pod_spec("set -e; echo kept > /data/file; id; ls -ln /data")
        spec["securityContext"] = {"runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532}
        spec["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
        spec["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
        self.pod("writer", spec)
        self.wait_for_phase("writer", "Succeeded")
        volume = self.kubectl("get", "pvc", "data", "-o", "jsonpath={.spec.volumeName}")
        self.kubectl("delete", "pod/writer", "pvc/data")
        self._wait_for(lambda: not self.exists(f"pv/{volume}"))

    def check_g_out_of_memory(self) -> None:
        """A container that exceeds its memory limit is reported as OOMKilled."""
        spec = pod_spec("head -c 200000000 /dev/zero | tail -c 190000000 | wc -c")
        spec["containers"][0]["resources"] = {"limits": {"memory": "32Mi"}}
        spec["containers"][0]["command"] = ["tail", "-c", "190000000", "/dev/zero"]
        self.pod("greedy", spec)
        self.wait_for_phase("greedy", "Failed")
        path = "jsonpath={.status.containerStatuses[0].state.terminated.reason}"
        reason = self.kubectl("get", "pod", "greedy", "-o", path)
        assert reason == "OOMKilled", reason

    def check_h_projected_token(self) -> None:
        """A projected token with an audience passes TokenReview, which names the pod."""
        spec = pod_spec("cat /token/token; echo; sleep 30", audience="opweave")
        self.pod("bearer", spec)
        self.wait_for_phase("bearer", "Running")
        self._wait_for(lambda: self.kubectl("logs", "bearer") != "")
        token = self.kubectl("logs", "bearer").split()[0]
        review = self.review(token, "opweave")
        assert review["authenticated"], review
        extra = review["user"]["extra"]
        uid = self.kubectl("get", "pod", "bearer", "-o", "jsonpath={.metadata.uid}")
        assert extra["authentication.kubernetes.io/pod-name"] == ["bearer"], extra
        assert extra["authentication.kubernetes.io/pod-uid"] == [uid], extra
        assert not self.review(token, "another").get("authenticated"), "wrong audience accepted"

    def check_i_missing_image(self) -> None:
        """A pod whose image nobody has says so at once."""
        spec = pod_spec("true")
        spec["containers"][0] |= {"image": "opweave-test/absent:dev", "imagePullPolicy": "Always"}
        self.pod("absent", spec)
        path = "jsonpath={.status.containerStatuses[0].state.waiting.reason}"
        reasons = ("ErrImagePull", "ImagePullBackOff")
        self._wait_for(lambda: self.kubectl("get", "pod", "absent", "-o", path) in reasons)

    def kubectl(self, *arguments: str, input_text: str | None = None) -> str:
        """Run kubectl in the proof's namespace and return what it printed."""
        return commands.run([*self._kubectl, *arguments], input_text=input_text).stdout

    def apply(self, version: str, kind: str, name: str, spec: Object) -> None:
        """Apply an object."""
        item = {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}
        self.kubectl("apply", "-f", "-", input_text=json.dumps(item))

    def pod(self, name: str, spec: Object) -> None:
        """Create a pod."""
        self.apply("v1", "Pod", name, spec)

    def exists(self, *what: str) -> bool:
        """Tell whether there is such an object."""
        try:
            return self.kubectl("get", *what, "-o", "name", "--ignore-not-found") != ""
        except CommandFailed:
            return False

    def wait_for_phase(self, pod: str, phase: str) -> None:
        """Wait until a pod is in *phase*."""
        self.kubectl(
            "wait", f"pod/{pod}", f"--for=jsonpath={{.status.phase}}={phase}", "--timeout=60s"
        )

    def review(self, token: str, audience: str) -> Object:
        """Return the status of a TokenReview."""
        spec = {"token": token, "audiences": [audience]}
        item = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec}
        text = self.kubectl("create", "-f", "-", "-o", "json", input_text=json.dumps(item))
        status: Object = json.loads(text)["status"]
        return status

    def _wait_for(self, condition: Callable[[], bool]) -> None:
        commands.wait_until(condition, "what is checked", timeout_seconds=60, interval_seconds=0.3)


def pod_spec(script: str, *, audience: str = "") -> Object:
    """Return the spec of a pod that runs *script*; with *audience*, with a token for it in ``/token``."""
    container: Object = {
        "name": "main",
        "image": _IMAGE,
        "command": ["sh", "-c", script],
        "imagePullPolicy": "IfNotPresent",
    }
    spec: Object = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "containers": [container],
    }
    if audience:
        token = {"audience": audience, "path": "token", "expirationSeconds": 600}
        projected = {"sources": [{"serviceAccountToken": token}]}
        spec["volumes"] = [{"name": "token", "projected": projected}]
        container["volumeMounts"] = [{"name": "token", "mountPath": "/token"}]
    return spec


def answers(url: str) -> bool:
    """Tell whether *url* answers with the greeting."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return b"hello" in answer.read()
    except OSError:
        return False


if __name__ == "__main__":
    Proof(cluster.provide()).run_all()
    sys.exit(0)
