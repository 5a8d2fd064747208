"""The pod of a step: what people may shape, and what they never can."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from opweave_operator.adapters.kubernetes import names, pod_shape, worker_template
from opweave_operator.adapters.kubernetes.manifests import run_job, step_pod
from opweave_operator.adapters.kubernetes.worker_template import GitSource, WorkerTemplate
from opweave_operator.core import model
from support import builders


def template(**fields: Any) -> WorkerTemplate:
    plain = WorkerTemplate(
        namespace="local", code_location="shop", image="shop:1", args=("--module=shop",)
    )
    return replace(plain, **fields)


def pod(tag: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    state = builders.run_state(builders.planned("clean", pod=tag or {}))
    step = next(iter(state.steps.values()))
    return step_pod.step_pod(
        state.run, step, 2, template(**fields), job_uid="u1", api_url="http://web"
    )


def container(body: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = body["spec"]["containers"][0]
    return found


def test_it_carries_ids_and_nothing_else() -> None:
    """No config, no secret, no credential of the API server."""
    body = pod()
    env = {variable["name"]: variable["value"] for variable in container(body)["env"]}
    assert env == {
        "OPWEAVE_RUN_ID": builders.RUN_ID,
        "OPWEAVE_STEP_KEY": "clean",
        "OPWEAVE_ATTEMPT": "2",
        "OPWEAVE_API_URL": "http://web",
        "OPWEAVE_TOKEN_FILE": "/var/run/secrets/opweave.dev/token",
    }
    assert body["spec"]["automountServiceAccountToken"] is False
    assert body["metadata"]["finalizers"] == [names.OUTCOME_FINALIZER]
    assert body["metadata"]["ownerReferences"][0]["uid"] == "u1"
    labels = body["metadata"]["labels"]
    assert labels[names.LABEL_COMPLETION_INDEX] == "0"
    job_name = body["metadata"]["ownerReferences"][0]["name"]
    assert labels["job-name"] == labels["batch.kubernetes.io/job-name"] == job_name
    assert labels["controller-uid"] == labels["batch.kubernetes.io/controller-uid"] == "u1"


def test_what_a_launch_adds_for_the_declared_job_reaches_the_pod() -> None:
    """Launching and making pods agree on where `Job.spec.steps` travels."""
    launched = worker_template.to_json(template()) | {
        model.JOB_STEPS_KEY: {"nodeSelector": {"disk": "ssd"}, "serviceAccountName": "loader"}
    }
    state = builders.run_state(builders.planned("clean"))
    step = next(iter(state.steps.values()))
    body = step_pod.step_pod(
        state.run, step, 1, worker_template.from_json(launched), job_uid="u1", api_url="http://web"
    )
    assert ({"disk": "ssd"}, "loader") == (
        body["spec"]["nodeSelector"],
        body["spec"]["serviceAccountName"],
    )


def test_levels_are_merged_and_the_op_has_the_last_word() -> None:
    location = {
        "metadata": {"labels": {"team": "a"}},
        "pod": {"nodeSelector": {"disk": "ssd"}, "tolerations": [{"key": "x"}]},
        "container": {
            "env": [{"name": "LEVEL", "value": "location"}, {"name": "KEPT", "value": "1"}],
            "resources": {"limits": {"memory": "1Gi", "cpu": "1"}},
        },
    }
    job = {
        "env": [{"name": "LEVEL", "value": "job"}],
        "nodeSelector": {"zone": "b"},
        "podSecurityContext": {"fsGroup": 7},
    }
    tag = {
        "container_config": {
            "env": [{"name": "LEVEL", "value": "op"}],
            "resources": {"limits": {"memory": "2Gi"}},
        },
        "pod_spec_config": {"tolerations": [{"key": "y"}]},
        "pod_template_spec_metadata": {"labels": {"team": "b"}},
    }
    body = pod(tag, shape=location, job_shape=job)
    env = {v["name"]: v["value"] for v in container(body)["env"] if v["name"][:7] != "OPWEAVE"}
    assert env == {"LEVEL": "op", "KEPT": "1"}
    assert container(body)["resources"]["limits"] == {"memory": "2Gi", "cpu": "1"}
    assert body["spec"]["nodeSelector"] == {"disk": "ssd", "zone": "b"}
    assert body["spec"]["tolerations"] == [{"key": "x"}, {"key": "y"}]
    assert body["spec"]["securityContext"]["fsGroup"] == 7
    assert body["spec"]["securityContext"]["runAsNonRoot"] is True
    assert body["metadata"]["labels"]["team"] == "b"


@pytest.mark.parametrize(
    "tag",
    [
        {"container_config": {"command": ["sh"]}},
        {"container_config": {"args": ["x"]}},
        {"container_config": {"name": "other"}},
        {"container_config": {"terminationMessagePath": "/x"}},
        {"container_config": {"securityContext": {"privileged": True}}},
        {"container_config": {"env": [{"name": "OPWEAVE_RUN_ID", "value": "x"}]}},
        {"container_config": {"env": "x"}},
        {"container_config": {"volumeMounts": [{"name": "x", "mountPath": "/opt/opweave/code/"}]}},
        {
            "container_config": {
                "volumeMounts": [{"name": "x", "mountPath": "//var/run/secrets/opweave.dev"}]
            }
        },
        {"pod_spec_config": {"containers": []}},
        {"pod_spec_config": {"hostNetwork": True}},
        {"pod_spec_config": {"automountServiceAccountToken": True}},
        {"pod_spec_config": {"restartPolicy": "Always"}},
        {"pod_spec_config": {"volumes": [{"name": "opweave-token"}]}},
        {"pod_spec_config": {"volumes": [{"name": "x", "hostPath": {"path": "/"}}]}},
        {"pod_template_spec_metadata": {"finalizers": []}},
        {"pod_template_spec_metadata": {"labels": {names.LABEL_RUN_ID: "other"}}},
        {"pod_template_spec_metadata": {"labels": []}},
        {"job_spec_config": {}},
        {"container_config": 3},
    ],
)
def test_what_nobody_may_set_is_refused(tag: dict[str, Any]) -> None:
    with pytest.raises(pod_shape.ShapeError):
        pod(tag)


def test_a_default_request_gives_way_to_a_lower_limit() -> None:
    tag = {"container_config": {"resources": {"limits": {"memory": "32Mi"}}}}
    assert "memory" not in container(pod(tag))["resources"]["requests"]
    tag = {"container_config": {"resources": {"limits": {"memory": "1e9"}}}}
    assert container(pod(tag))["resources"]["requests"]["memory"] == "64Mi"


def test_git_runs_without_a_shell_and_cannot_be_given_options() -> None:
    git = GitSource(repository="https://x/y", ref="main", secret="s", image="stock:1")
    init = pod(git=git)["spec"]["initContainers"][0]
    assert init["command"][0] == "python3"
    assert "--repository=https://x/y" in init["args"]
    assert init["image"] == "stock:1"


def test_the_job_holds_one_index_per_step() -> None:
    state = builders.run_state(builders.planned("a"), builders.planned("b", "a"))
    body = run_job.run_job(state.run, template())
    assert (body["spec"]["completions"], body["spec"]["parallelism"]) == (2, 2)
    assert body["spec"]["managedBy"] == names.RUN_CONTROLLER


def test_a_template_survives_storage() -> None:
    whole = template(
        git=GitSource(repository="https://x/y", image="stock:1"), job_shape={"env": []}
    )
    assert worker_template.from_json(worker_template.to_json(whole)) == whole


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"args": "x"},
        {"args": [1]},
        {"image": ""},
        {"image": 3},
        {"shape": ["x"]},
        {"shape": {"pod": {"hostPID": True}}},
        {"jobSteps": ["x"]},
        {"git": 3},
    ],
)
def test_a_template_of_unknown_shape_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(worker_template.TemplateError):
        worker_template.from_json({**worker_template.to_json(template()), **change})


def test_a_bucket_is_named_in_a_variable() -> None:
    """Its credentials are the pod's own: nothing of them is written here."""
    body = pod(artifacts={"s3": {"bucket": "values", "endpoint": "http://s3"}})
    env = {variable["name"]: variable.get("value") for variable in container(body)["env"]}
    assert env["OPWEAVE_ARTIFACTS"] == '{"s3": {"bucket": "values", "endpoint": "http://s3"}}'


def test_a_shared_volume_is_mounted_and_named() -> None:
    body = pod(artifacts={"sharedVolume": {"claimName": "values", "subPath": "prod"}})
    env = {variable["name"]: variable.get("value") for variable in container(body)["env"]}
    assert env["OPWEAVE_ARTIFACTS"] == '{"directory": "/opt/opweave/artifacts"}'
    mount = {"name": "opweave-artifacts", "mountPath": "/opt/opweave/artifacts", "subPath": "prod"}
    assert mount in container(body)["volumeMounts"]
    claim = {"name": "opweave-artifacts", "persistentVolumeClaim": {"claimName": "values"}}
    assert claim in body["spec"]["volumes"]


def test_where_values_are_kept_survives_storage() -> None:
    kept = template(artifacts={"s3": {"bucket": "values"}})
    assert worker_template.from_json(worker_template.to_json(kept)) == kept
