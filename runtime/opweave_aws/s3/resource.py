"""S3 as a resource: a client with the given settings."""

from __future__ import annotations

from typing import Any

from opweave import (
    Bool,
    ConfigurableResource,
    Field,
    InitResourceContext,
    Int,
    Noneable,
    StringSource,
    resource,
)
from opweave_aws.s3.client import MAX_ATTEMPTS, make_client


class S3Resource(ConfigurableResource):
    """Gives clients of S3, or of a service that speaks it.

    Without keys here, credentials come from where boto3 finds them: environment, profile, the pod's service account.
    """

    use_unsigned_session: bool = False
    region_name: str | None = None
    endpoint_url: str | None = None
    max_attempts: int = MAX_ATTEMPTS
    profile_name: str | None = None
    use_ssl: bool = True
    verify: str | bool | None = None
    aws_access_key_id: str | None = None
    aws_secret_access_key: str | None = None
    aws_session_token: str | None = None

    def get_client(self) -> Any:
        """Return a client; `Any`, since boto3 makes its class when it is called."""
        return make_client(**{name: getattr(self, name) for name in type(self).model_fields})


@resource(
    config_schema={
        "use_unsigned_session": Field(Bool, default_value=False, is_required=False),
        "region_name": Field(Noneable(StringSource), is_required=False),
        "endpoint_url": Field(Noneable(StringSource), is_required=False),
        "max_attempts": Field(Int, default_value=MAX_ATTEMPTS, is_required=False),
        "profile_name": Field(Noneable(StringSource), is_required=False),
        "use_ssl": Field(Bool, default_value=True, is_required=False),
        "verify": Field(Noneable(StringSource), is_required=False),
        "aws_access_key_id": Field(Noneable(StringSource), is_required=False),
        "aws_secret_access_key": Field(Noneable(StringSource), is_required=False),
        "aws_session_token": Field(Noneable(StringSource), is_required=False),
    }
)
def s3_resource(context: InitResourceContext) -> Any:
    """Give a client of S3, or of a service that speaks it."""
    return make_client(**context.resource_config)
