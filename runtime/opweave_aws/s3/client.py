"""Makes clients of boto3."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from opweave import errors

MAX_ATTEMPTS = 5
"""Of one request; botocore waits between them, longer each time."""


def make_client(
    *,
    region_name: str | None = None,
    endpoint_url: str | None = None,
    max_attempts: int = MAX_ATTEMPTS,
    use_unsigned_session: bool = False,
    profile_name: str | None = None,
    addressing: str | None = None,
    **given: Any,
) -> Any:
    """Return a client of S3; `Any`, since boto3 makes its class when it is called.

    Args:
        region_name: Left out: that of the environment.
        endpoint_url: Of a service other than AWS.
        max_attempts: Of one request.
        use_unsigned_session: Send no credentials: for public buckets.
        profile_name: Of the credentials' file.
        addressing: ``path`` or ``virtual``: where a URL names the bucket; None leaves it to boto3.
        given: Passed to boto3 as they are, but for those that are None.

    Raises:
        OpweaveInvariantViolationError: boto3 is not installed.
    """
    boto3, botocore, config = _modules()
    settings: dict[str, Any] = {"retries": {"max_attempts": max_attempts, "mode": "standard"}}
    if use_unsigned_session:
        settings["signature_version"] = botocore.UNSIGNED
    if addressing is not None:
        settings["s3"] = {"addressing_style": addressing}
    session = boto3.session.Session(profile_name=profile_name)
    return session.client(
        "s3",
        region_name=region_name,
        endpoint_url=endpoint_url,
        config=config.Config(**settings),
        **{name: value for name, value in given.items() if value is not None},
    )


def client_of_artifacts(spec: Mapping[str, Any]) -> Any:
    """Return the client for the bucket that ``Instance.spec.artifacts.s3`` describes, with the step's own credentials."""
    addressing = {"Path": "path", "Host": "virtual"}.get(spec.get("addressing") or "Auto")
    endpoint = spec.get("endpoint") or None
    if addressing is None and endpoint is not None:
        addressing = "path"
    return make_client(
        region_name=spec.get("region") or None, endpoint_url=endpoint, addressing=addressing
    )


def _modules() -> tuple[Any, Any, Any]:
    try:
        return (
            import_module("boto3"),
            import_module("botocore"),
            import_module("botocore.config"),
        )
    except ImportError as error:
        raise errors.OpweaveInvariantViolationError(
            f"S3 needs boto3, which this image lacks ({error}): install opweave[aws] in the image of the steps"
        ) from error
