"""Values in a bucket, on a real server that speaks S3."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from opweave import (
    OpweaveInvariantViolationError,
    build_init_resource_context,
    build_input_context,
    build_output_context,
    job,
    op,
)
from opweave_aws.s3 import (
    ConfigurablePickledObjectS3IOManager,
    PickledObjectS3IOManager,
    S3IOManager,
    S3PickleIOManager,
    S3Resource,
    s3_pickle_io_manager,
    s3_resource,
)
from opweave_aws.s3.client import client_of_artifacts, make_client
from support.s3_server import running_s3


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with running_s3() as url:
        yield url


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def client(endpoint: str) -> Iterator[Any]:
    made = make_client(endpoint_url=endpoint, max_attempts=1, addressing="path")
    yield made
    made.close()


@pytest.fixture
def bucket(client: Any) -> str:
    name = f"values-{secrets.token_hex(6)}"
    client.create_bucket(Bucket=name)
    return name


def keys(client: Any, bucket: str) -> list[str]:
    return [o["Key"] for o in client.list_objects_v2(Bucket=bucket).get("Contents", ())]


def test_a_value_is_an_object_below_the_prefix(client: Any, bucket: str) -> None:
    manager = PickledObjectS3IOManager(bucket, client, "/team/")
    context = build_output_context(run_id="r", step_key="a.b", name="n", mapping_key="../x")
    assert not manager.has_output(context)
    manager.handle_output(context, {"rows": [1, 2]})
    assert keys(client, bucket) == ["team/r/a.b/n/%2E.%2Fx"]
    assert manager.has_output(context)
    assert manager.load_input(build_input_context(context)) == {"rows": [1, 2]}
    assert context.logged_metadata["uri"].value == f"s3://{bucket}/team/r/a.b/n/%2E.%2Fx"


def test_a_value_of_several_parts_comes_back(client: Any, bucket: str) -> None:
    manager = PickledObjectS3IOManager(bucket, client)
    context = build_output_context()
    value = bytes(range(256)) * 80_000
    manager.handle_output(context, value)
    assert manager.load_input(build_input_context(context)) == value


def test_an_absent_value_is_told_by_its_address(client: Any, bucket: str) -> None:
    manager = PickledObjectS3IOManager(bucket, client, "team")
    context = build_output_context(run_id="r", step_key="s", name="n")
    with pytest.raises(
        OpweaveInvariantViolationError, match=rf"s3://{bucket}/team/r/s/n.*nothing is stored there"
    ):
        manager.load_input(build_input_context(context))


@pytest.mark.parametrize("kept", [0, 10, -1])
def test_a_value_that_was_cut_is_told_as_such(client: Any, bucket: str, kept: int) -> None:
    manager = PickledObjectS3IOManager(bucket, client)
    context = build_output_context(run_id="r", step_key="s", name="n")
    manager.handle_output(context, list(range(1000)))
    whole = client.get_object(Bucket=bucket, Key="r/s/n")["Body"].read()
    client.put_object(Bucket=bucket, Key="r/s/n", Body=whole[:kept])
    with pytest.raises(OpweaveInvariantViolationError, match="no whole pickled value"):
        manager.load_input(build_input_context(context))


def test_a_wrong_bucket_is_told(client: Any) -> None:
    manager = PickledObjectS3IOManager("no-such-bucket", client)
    with pytest.raises(OpweaveInvariantViolationError, match="the bucket does not exist"):
        manager.handle_output(build_output_context(), 1)


def test_a_value_that_cannot_be_pickled_leaves_no_object(client: Any, bucket: str) -> None:
    manager = PickledObjectS3IOManager(bucket, client)
    with pytest.raises(Exception, match="pickle"):
        manager.handle_output(build_output_context(), [1, lambda: 1])
    assert keys(client, bucket) == []


@op
def numbers() -> list[int]:
    return [1, 2, 3]


@op
def total(numbers: list[int]) -> int:
    return sum(numbers)


@pytest.mark.parametrize(
    "manager_class", [S3PickleIOManager, ConfigurablePickledObjectS3IOManager, S3IOManager]
)
def test_a_job_keeps_its_values_in_the_bucket(
    endpoint: str, client: Any, bucket: str, manager_class: type[S3PickleIOManager]
) -> None:
    resource = S3Resource(endpoint_url=endpoint, region_name="us-east-1")

    @job(resource_defs={"io_manager": manager_class(s3_resource=resource, s3_bucket=bucket)})
    def daily() -> None:
        total(numbers())

    assert daily.execute_in_process(run_id="r").output_for_node("total") == 6
    assert keys(client, bucket) == ["opweave/r/numbers/result", "opweave/r/total/result"]


def test_the_function_style_takes_its_client_from_the_resource_s3(
    endpoint: str, client: Any, bucket: str
) -> None:
    @job(resource_defs={"io_manager": s3_pickle_io_manager, "s3": s3_resource})
    def daily() -> None:
        total(numbers())

    config = {
        "resources": {
            "s3": {
                "config": {
                    "endpoint_url": endpoint,
                    "aws_access_key_id": {"env": "AWS_ACCESS_KEY_ID"},
                }
            },
            "io_manager": {"config": {"s3_bucket": bucket, "s3_prefix": "x"}},
        }
    }
    config["resources"]["s3"]["config"]["aws_secret_access_key"] = "secret"
    assert daily.execute_in_process(config, run_id="r").success
    assert keys(client, bucket) == ["x/r/numbers/result", "x/r/total/result"]


def test_a_refusal_says_whose_rights_are_missing() -> None:
    with running_s3() as url:
        client = make_client(endpoint_url=url, max_attempts=1, addressing="path")
        client.create_bucket(Bucket="values")
        manager = PickledObjectS3IOManager("values", client)
        # From now on the server checks signatures, and it knows no key.
        httpx.post(f"{url}/moto-api/reset-auth", content=b"0").raise_for_status()
        try:
            with pytest.raises(OpweaveInvariantViolationError, match="give its service account"):
                manager.handle_output(build_output_context(), 1)
            with pytest.raises(OpweaveInvariantViolationError, match="give its service account"):
                manager.load_input(build_input_context())
        finally:
            httpx.post(f"{url}/moto-api/reset-auth", content=b"1000000").raise_for_status()
            client.close()


def test_the_resource_gives_a_client_of_the_endpoint(endpoint: str) -> None:
    context = build_init_resource_context({"endpoint_url": endpoint, "region_name": "eu-west-1"})
    made = s3_resource(context)
    assert made.meta.endpoint_url == endpoint
    assert S3Resource(endpoint_url=endpoint).get_client().meta.endpoint_url == endpoint


@pytest.mark.parametrize(
    ("spec", "style"),
    [
        ({"endpoint": "http://127.0.0.1:1"}, "path"),
        ({"endpoint": "http://127.0.0.1:1", "addressing": "Host"}, "virtual"),
        ({"addressing": "Path"}, "path"),
    ],
)
def test_buckets_are_addressed_as_the_instance_says(spec: dict[str, str], style: str) -> None:
    assert client_of_artifacts(spec).meta.config.s3["addressing_style"] == style


def test_a_location_that_names_it_does_not_import_boto3() -> None:
    program = "import sys, opweave_aws.s3; print('boto3' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
