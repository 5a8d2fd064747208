"""The pod that an op asks for by its tag."""

from __future__ import annotations

from typing import Any

import pytest

from opweave import OpweaveInvalidDefinitionError
from opweave.execution.pod_shape import pod_shape


def test_both_spellings_become_kubernetes_own() -> None:
    tag = {
        "container_config": {
            "env_from": [{"secret_ref": {"name": "my_secret"}}],
            "volumeMounts": [{"mount_path": "/data_dir", "name": "data"}],
            "resources": {"limits": {"example.com/my_gpu": 1}},
        },
        "podSpecConfig": {
            "node_selector": {"disk_kind": "ssd"},
            "affinity": {"node_affinity": {"match_labels": {"a_b": "c_d"}}},
            "service_account_name": "x",
        },
        "pod_template_spec_metadata": {
            "labels": {"my_label": "v"},
            "annotations": {"my_note": "w"},
        },
    }
    assert pod_shape(tag, "op") == {
        "container_config": {
            "envFrom": [{"secretRef": {"name": "my_secret"}}],
            "volumeMounts": [{"mountPath": "/data_dir", "name": "data"}],
            "resources": {"limits": {"example.com/my_gpu": 1}},
        },
        "pod_spec_config": {
            "nodeSelector": {"disk_kind": "ssd"},
            "affinity": {"nodeAffinity": {"matchLabels": {"a_b": "c_d"}}},
            "serviceAccountName": "x",
        },
        "pod_template_spec_metadata": {
            "labels": {"my_label": "v"},
            "annotations": {"my_note": "w"},
        },
    }


def test_no_tag_is_no_shape() -> None:
    assert pod_shape(None, "op") == {}


@pytest.mark.parametrize(
    ("tag", "told"),
    [
        (5, "with int 5: give a mapping with container_config, pod_spec_config"),
        ({"container_confg": {}}, "the part 'container_confg'; did you mean container_config?"),
        ({"job_metadata": {}}, "the part 'job_metadata'"),
        ({"container_config": [1]}, "with list [1] as container_config: give a mapping"),
    ],
)
def test_a_wrong_tag_is_refused_with_its_owner(tag: Any, told: str) -> None:
    with pytest.raises(OpweaveInvalidDefinitionError) as caught:
        pod_shape(tag, "'load' in job 'daily'")
    assert told in str(caught.value)
    assert "'load' in job 'daily'" in str(caught.value)
