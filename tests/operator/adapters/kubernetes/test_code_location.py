"""What a CodeLocation's spec means, and what its pods tell."""

from __future__ import annotations

from typing import Any

import pytest

from opweave_operator.adapters.kubernetes import location_source, names, server_state
from opweave_operator.adapters.kubernetes.manifests import code_location


def location(source: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": names.API_VERSION,
        "kind": "CodeLocation",
        "metadata": {"name": "shop", "namespace": "ns", "uid": "u"},
        "spec": {"source": source, **spec},
    }


def template(source: dict[str, Any], **spec: Any) -> Any:
    return location_source.worker_template(
        location(source, **spec), stock_image="stock:1", code_digest="d" * 64, pod_defaults={}
    )


@pytest.mark.parametrize(
    ("source", "arguments"),
    [
        ({"image": "i", "module": "shop.defs"}, ("--module=shop.defs",)),
        (
            {"image": "i", "file": "a.py", "attribute": "d", "workingDirectory": "/w"},
            ("--file=a.py", "--attribute=d", "--working-directory=/w"),
        ),
        (
            {"configMap": {"name": "c", "key": "k.py"}},
            ("--file=k.py", "--working-directory=/opt/opweave/code"),
        ),
        (
            {"git": {"repository": "https://x/y", "path": "a/b"}, "package": "p"},
            ("--package=p", "--working-directory=/opt/opweave/code/a/b"),
        ),
    ],
)
def test_arguments_say_where_the_code_is(
    source: dict[str, Any], arguments: tuple[str, ...]
) -> None:
    assert template(source).args == arguments


def test_a_config_map_is_mounted_by_an_immutable_copy() -> None:
    owner = location({"configMap": {"name": "c"}})
    original = {"metadata": {"name": "c"}, "data": {"definitions.py": "x = 1"}}
    copy = code_location.code_copy(owner, original)
    digest = code_location.code_digest(original)
    assert copy["immutable"] is True
    assert copy["metadata"]["name"] == f"shop-code-{digest[:12]}"
    assert template({"configMap": {"name": "c"}}).config_map == "shop-code-dddddddddddd"


def test_a_key_that_is_missing_is_named_with_those_there_are() -> None:
    owner = location({"configMap": {"name": "c", "key": "k.py"}})
    with pytest.raises(location_source.SourceError, match=r"'k\.py'; it has other\.py"):
        location_source.check_config_map(owner, {"data": {"other.py": ""}})


def test_the_server_rolls_without_a_gap() -> None:
    owner = location({"image": "i", "module": "m"}, server={"replicas": 2})
    shape = location_source.server_shape(owner)
    body = code_location.deployment(owner, template({"image": "i", "module": "m"}), shape)
    assert body["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert body["spec"]["replicas"] == 2
    assert body["spec"]["selector"]["matchLabels"] == code_location.selector("shop")
    changed = code_location.deployment(owner, template({"image": "j", "module": "m"}), shape)
    assert code_location.version_of(body) != code_location.version_of(changed)


def test_the_instance_s_pod_defaults_are_for_steps_alone() -> None:
    """A change of them must not roll every code server."""
    owner = location({"image": "i", "module": "m"})

    def made(pod_defaults: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        steps = location_source.worker_template(
            owner, stock_image="stock:1", code_digest="", pod_defaults=pod_defaults
        )
        server = location_source.server_shape(owner)
        return steps.shape["pod"], code_location.deployment(owner, steps, server)

    plain, default_server = made({})
    shaped, server = made({"nodeSelector": {"disk": "ssd"}})
    assert shaped == {**plain, "nodeSelector": {"disk": "ssd"}}
    assert server == default_server


def server_pod(version: str, *, ready: bool = False, **status: Any) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    return {
        "metadata": {"name": "p", "labels": {names.LABEL_VERSION_DIGEST: version}},
        "status": {"podIP": "10.0.0.1", "conditions": conditions, **status},
    }


def test_a_new_version_serves_when_no_older_answers_beside_it() -> None:
    both = [server_pod("old", ready=True), server_pod("new", ready=True)]
    assert server_state.read(both, "new").serving is None
    alone = server_state.read(both[1:], "new").serving
    assert alone is not None
    assert alone.url == "http://10.0.0.1:4000"


def test_a_crash_is_told_with_what_was_printed_last() -> None:
    terminated = {"exitCode": 1, "message": "boom"}
    status = {"name": "server", "state": {"waiting": {}}, "lastState": {"terminated": terminated}}
    trouble = server_state.read(
        [server_pod("new", containerStatuses=[status])], "new"
    ).newest_trouble
    assert trouble is not None
    assert (trouble.reason, trouble.message) == ("ServerCrashed", "exit code 1: boom")


@pytest.mark.parametrize(
    ("image", "digest", "pinned"),
    [
        ("ghcr.io/a/b:1", "ghcr.io/a/b@sha256:x", "ghcr.io/a/b@sha256:x"),
        ("busybox", "docker.io/library/busybox@sha256:x", "docker.io/library/busybox@sha256:x"),
        ("a/b:1", "docker.io/library/import-2026@sha256:x", "a/b:1"),
        ("host:5000/a", "host:5000/a@sha256:x", "host:5000/a@sha256:x"),
        ("a/b:1", "", "a/b:1"),
    ],
)
def test_an_image_is_pinned_by_a_digest_that_can_be_pulled(
    image: str, digest: str, pinned: str
) -> None:
    assert server_state.pinned_image(image, digest) == pinned
