"""What the chart makes of values: rights, security, names; and what it refuses."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
CHART = ROOT / "charts" / "opweave"
Manifest = dict[str, Any]
Render = Callable[..., list[Manifest]]

CLUSTER_SCOPED = {"CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding"}
VARIANTS: dict[str, tuple[str, ...]] = {
    "defaults": (),
    "namespaced": ("rbac.namespaced=true", "watchNamespaces={shop,lab}"),
    "watched": ("watchNamespaces={shop}",),
    "everything": (
        "instance.create=true",
        "instance.spec.runQueue.maxConcurrentRuns=5",
        "database.existingSecret=opweave-db",
        "networkPolicy.enabled=true",
        "networkPolicy.from[0].namespaceSelector.matchLabels.team=web",
        "imagePullSecrets[0].name=registry",
        "podLabels.team=data",
        "podAnnotations.note=a",
        "serviceAccount.annotations.role=b",
        "web.service.annotations.zone=c",
        "nodeSelector.disk=ssd",
        "tolerations[0].operator=Exists",
        "affinity.nodeAffinity.x=y",
        "priorityClassName=high",
        "persistence.storageClass=fast",
        "web.pathPrefix=/opweave",
        "extraEnv[0].name=HTTPS_PROXY",
        "extraEnv[0].value=http://proxy.example",
    ),
    "bare": (
        "persistence.enabled=false",
        "rbac.create=false",
        "serviceAccount.create=false",
        "crds.enabled=false",
    ),
}


def of_kind(manifests: Iterable[Manifest], *kinds: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] in kinds]


def rules(manifests: Iterable[Manifest], *kinds: str) -> Iterator[dict[str, list[str]]]:
    """Rules of the roles that the operator itself is bound to."""
    for role in of_kind(manifests, *(kinds or ("Role", "ClusterRole"))):
        if not any("aggregate-to" in label for label in role["metadata"]["labels"]):
            yield from role["rules"]


def container(manifests: Iterable[Manifest]) -> dict[str, Any]:
    (deployment,) = of_kind(manifests, "Deployment")
    (found,) = deployment["spec"]["template"]["spec"]["containers"]
    assert isinstance(found, dict)
    return found


def environment(manifests: Iterable[Manifest]) -> dict[str, Any]:
    return {
        variable["name"]: variable.get("value", variable.get("valueFrom"))
        for variable in container(manifests)["env"]
    }


def test_lint_finds_nothing(helm: Any) -> None:
    done = helm.run("lint", "--strict", "--quiet", str(CHART))

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_object_has_a_name_and_the_namespace_it_belongs_to(
    variant: str, render: Render
) -> None:
    """`kubectl apply` of the rendered text puts nothing into whatever namespace is current."""
    manifests = render(*VARIANTS[variant])
    identities = [
        (m["kind"], m["metadata"].get("namespace"), m["metadata"]["name"]) for m in manifests
    ]

    assert [i for i in identities if (i[1] is None) != (i[0] in CLUSTER_SCOPED)] == []
    assert len(set(identities)) == len(identities)


@pytest.mark.parametrize("variant", VARIANTS)
def test_pods_keep_to_the_restricted_profile(variant: str, render: Render) -> None:
    """Pod Security Standards, profile restricted, and a root file system that cannot be written."""
    manifests = render(*VARIANTS[variant])
    (deployment,) = of_kind(manifests, "Deployment")
    pod = deployment["spec"]["template"]["spec"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert [next(iter(set(volume) - {"name"})) for volume in pod["volumes"]] == [
        "emptyDir" if variant == "bare" else "persistentVolumeClaim",
        "emptyDir",
    ]
    assert container(manifests)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_right_reaches_secrets_or_everything(variant: str, render: Render) -> None:
    """The operator names Secrets in pods and never reads one."""
    found = list(rules(render(*VARIANTS[variant])))
    resources = {resource for rule in found for resource in rule["resources"]}
    verbs = {verb for rule in found for verb in rule["verbs"]}

    assert "secrets" not in resources
    assert not any("*" in text for rule in found for part in rule.values() for text in part)
    assert verbs <= {"get", "list", "watch", "create", "patch", "update", "delete"}
    assert not resources & {"pods/exec", "serviceaccounts/token", "roles", "clusterroles", "nodes"}


def test_namespaced_rights_stay_in_the_watched_namespaces(render: Render) -> None:
    """Only the verification of tokens, which has no namespace, is left of the cluster's rights."""
    manifests = render(*VARIANTS["namespaced"], "rbac.aggregate=false")
    roles = {
        (r["metadata"]["namespace"], r["metadata"]["name"]) for r in of_kind(manifests, "Role")
    }

    assert [rule["resources"] for rule in rules(manifests, "ClusterRole")] == [["tokenreviews"]]
    assert roles == {
        ("platform", "opweave-controller"),
        ("shop", "opweave-workloads"),
        ("lab", "opweave-workloads"),
    }
    assert environment(manifests)["OPWEAVE_WATCH_NAMESPACES"] == "shop,lab"


def test_namespaced_without_a_list_serves_the_own_namespace(render: Render) -> None:
    manifests = render("rbac.namespaced=true")

    assert environment(manifests)["OPWEAVE_WATCH_NAMESPACES"] == "platform"
    assert {r["metadata"]["namespace"] for r in of_kind(manifests, "Role")} == {"platform"}


def test_both_scopes_give_the_same_rights_to_workloads(render: Render) -> None:
    """What works with a ClusterRole works with Roles."""
    cluster_wide = list(rules(render(), "ClusterRole"))
    namespaced = list(rules(render("rbac.namespaced=true"), "Role"))
    of_the_cluster = {"tokenreviews", "namespaces", "customresourcedefinitions"}

    assert [r for r in cluster_wide if not of_the_cluster & set(r["resources"])] == [
        r for r in namespaced if r in cluster_wide
    ]


def test_every_binding_names_a_role_and_the_service_account_of_the_pod(render: Render) -> None:
    for settings in VARIANTS.values():
        manifests = render(*settings)
        roles = {
            (m["kind"], m["metadata"].get("namespace"), m["metadata"]["name"]) for m in manifests
        }
        (deployment,) = of_kind(manifests, "Deployment")
        account = deployment["spec"]["template"]["spec"]["serviceAccountName"]
        for binding in of_kind(manifests, "RoleBinding", "ClusterRoleBinding"):
            reference, namespace = binding["roleRef"], binding["metadata"].get("namespace")
            assert (reference["kind"], namespace, reference["name"]) in roles
            assert binding["subjects"] == [
                {"kind": "ServiceAccount", "name": account, "namespace": "platform"}
            ]


def test_step_pods_are_told_the_service_that_exists(render: Render) -> None:
    manifests = render("web.service.port=8080", "web.pathPrefix=/opweave")
    (service,) = of_kind(manifests, "Service")
    (deployment,) = of_kind(manifests, "Deployment")
    (port,) = service["spec"]["ports"]
    labels = deployment["spec"]["template"]["metadata"]["labels"]

    assert environment(manifests)["OPWEAVE_API_URL"] == (
        f"http://{service['metadata']['name']}.platform.svc:{port['port']}/opweave"
    )
    assert service["spec"]["selector"].items() <= labels.items()
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert port["targetPort"] in [p["name"] for p in container(manifests)["ports"]]
    assert container(manifests)["readinessProbe"]["httpGet"]["path"] == "/opweave/readyz"


def test_a_single_operator_uses_the_volume(render: Render) -> None:
    """An update stops the old pod before it starts the new one: SQLite's file has one user."""
    (deployment,) = of_kind(render(), "Deployment")

    assert deployment["spec"]["replicas"] == 1
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}


def test_postgresql_comes_from_the_secret_by_reference(render: Render) -> None:
    variables = environment(render("database.existingSecret=opweave-db", "database.key=uri"))

    assert variables["OPWEAVE_DATABASE_URL"] == {
        "secretKeyRef": {"name": "opweave-db", "key": "uri"}
    }
    assert "OPWEAVE_DATABASE_URL" not in environment(render())


def test_a_digest_wins_over_a_tag(render: Render) -> None:
    digest = f"sha256:{'a' * 64}"
    manifests = render("image.tag=1.2.3", f"image.digest={digest}", "runtimeImage.tag=4.5.6")

    assert container(manifests)["image"] == f"ghcr.io/opweave/operator@{digest}"
    assert environment(manifests)["OPWEAVE_STOCK_IMAGE"] == "ghcr.io/opweave/runtime:4.5.6"


def test_objects_of_our_kinds_may_be_seen_and_edited_by_who_may_do_so_with_pods(
    render: Render,
) -> None:
    roles = of_kind(render(), "ClusterRole")
    by_label = {
        label.removeprefix("rbac.authorization.k8s.io/aggregate-to-"): rule["resources"]
        for role in roles
        for label in role["metadata"]["labels"]
        for rule in role["rules"]
        if "aggregate-to" in label and "create" in rule["verbs"]
    }

    assert "instances" in by_label["admin"]
    assert by_label["edit"] == ["codelocations", "jobs", "schedules", "sensors"]
    assert "view" not in by_label


def test_the_instance_is_made_after_its_kind_with_the_settings_given(render: Render) -> None:
    """Helm looks up every kind before it makes any object, so a hook makes this one."""
    (instance,) = of_kind(render(*VARIANTS["everything"]), "Instance")

    assert instance["metadata"]["annotations"]["helm.sh/hook"] == "post-install,post-upgrade"
    assert instance["spec"] == {"runQueue": {"maxConcurrentRuns": 5}}
    assert instance["metadata"]["name"] == environment(render())["OPWEAVE_INSTANCE"]
    assert of_kind(render(), "Instance") == []


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ("replicas=3", "replicas"),
        ("persistence.capacity=1Gi", "capacity"),
        ("image.tagg=1", "tagg"),
        ("watchNamespaces={UPPER}", "watchNamespaces"),
        ("web.service.port=70000", "web/service/port"),
        ("web.pathPrefix=opweave/", "pathPrefix"),
        ("image.digest=sha256:12", "digest"),
        ("image.repository=a b", "repository"),
        ("persistence.size=lots", "size"),
        ("rbac.namespaced=sometimes", "namespaced"),
    ],
)
def test_a_wrong_value_is_refused_by_name(setting: str, named: str, helm: Any) -> None:
    done = helm.template(setting)

    assert done.returncode != 0
    assert named in done.stderr.replace(".", "/") or named in done.stderr


def test_the_schema_knows_every_value() -> None:
    """And every value has a place in values.yaml, where people look."""
    schema = yaml.safe_load((CHART / "values.schema.json").read_text(encoding="utf-8"))
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))

    def paths(node: Any, path: str = "") -> Iterator[str]:
        for name, child in node.get("properties", {}).items():
            yield f"{path}{name}"
            yield from paths(child, f"{path}{name}.")

    def value_paths(node: Any, path: str = "") -> Iterator[str]:
        for name, child in node.items():
            yield f"{path}{name}"
            if isinstance(child, dict):
                yield from value_paths(child, f"{path}{name}.")

    open_ended = ("resources.", "instance.spec.")
    assert {p for p in paths(schema) if not p.startswith(open_ended)} - {"global"} == {
        p for p in value_paths(values) if not p.startswith(open_ended)
    }


def test_the_copies_of_the_crds_are_up_to_date() -> None:
    """After a change to a CRD: `python docs/generate_chart_crds.py`."""
    command = [sys.executable, str(ROOT / "docs" / "generate_chart_crds.py"), "--check"]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


def test_rendered_crds_are_the_crds(render: Render) -> None:
    """But for the annotation that keeps them."""
    sources = [
        yaml.safe_load(p.read_text(encoding="utf-8")) for p in (ROOT / "crds").glob("*.yaml")
    ]
    kept = of_kind(render(), "CustomResourceDefinition")
    loose = of_kind(render("crds.keep=false"), "CustomResourceDefinition")

    def by_name(crds: list[Manifest]) -> list[Manifest]:
        return sorted(crds, key=lambda crd: str(crd["metadata"]["name"]))

    assert by_name(loose) == by_name(sources)
    assert [crd["metadata"].pop("annotations") for crd in kept] == [
        {"helm.sh/resource-policy": "keep"}
    ] * len(sources)
    assert by_name(kept) == by_name(sources)
    assert of_kind(render("crds.enabled=false"), "CustomResourceDefinition") == []


def test_the_install_manifest_brings_its_namespace_first(helm: Any, tmp_path: Path) -> None:
    target = tmp_path / "install.yaml"
    script = str(ROOT / "docs" / "generate_install_manifest.py")
    options = ["--helm", str(helm.program), "--output", str(target)]

    done = subprocess.run(
        [sys.executable, script, *options, "--", "--set", "image.tag=dev"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    manifests = [m for m in yaml.safe_load_all(target.read_text(encoding="utf-8")) if m]
    assert (manifests[0]["kind"], manifests[0]["metadata"]["name"]) == ("Namespace", "opweave")
    assert container(manifests)["image"] == "ghcr.io/opweave/operator:dev"
    assert {m["metadata"].get("namespace", "opweave") for m in manifests} == {"opweave"}
    assert not any("helm.sh/hook" in m["metadata"].get("annotations", {}) for m in manifests)


def test_the_notes_name_a_namespace_that_is_watched(helm: Any, tmp_path: Path) -> None:
    """What people copy from them works where only some namespaces are served."""
    # Notes are rendered for a cluster only: here they become the text of an object.
    chart = shutil.copytree(helm.chart, tmp_path / "chart")
    notes = (chart / "templates" / "NOTES.txt").read_text(encoding="utf-8")
    (chart / "templates" / "_notes.tpl").write_text('{{ define "notes" }}' + notes + "{{ end }}")
    (chart / "templates" / "notes.yaml").write_text('notes: {{ include "notes" . | quote }}')

    def rendered(*settings: str) -> str:
        done = helm.run(
            "template",
            "x",
            str(chart),
            "--kube-version",
            "1.35.0",
            "-s",
            "templates/notes.yaml",
            *settings,
        )
        assert done.returncode == 0, done.stderr
        return str(yaml.safe_load(done.stdout)["notes"])

    assert "  kubectl apply -f examples/quickstart/" in rendered()
    narrow = rendered("--set", "watchNamespaces={team-a,team-b}")
    assert "  kubectl -n team-a apply -f examples/quickstart/" in narrow
    assert "  kubectl -n team-a annotate owj hello" in narrow


def test_the_settings_of_a_new_project_are_values_of_the_chart(helm: Any) -> None:
    """What `opweave project scaffold` writes beside the manifests installs."""
    values = ROOT / "runtime" / "opweave" / "_cli" / "project_template" / "values.yaml"
    options = ("--kube-version", "1.35.0", "-f", str(values))
    done = helm.run("template", "opweave", str(CHART), *options)
    assert done.returncode == 0, done.stderr
    kinds = [manifest["kind"] for manifest in yaml.safe_load_all(done.stdout) if manifest]
    assert "Instance" in kinds
