"""I/O managers that keep pickled values in a bucket."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import IO, Any

from opweave import (
    ConfigurableIOManager,
    Field,
    InitResourceContext,
    InputContext,
    IOManager,
    OpweaveInvariantViolationError,
    OutputContext,
    StringSource,
    UPathIOManager,
    io_manager,
)
from opweave_aws.s3.resource import S3Resource

MEMORY_BYTES = 64 * 1024 * 1024
"""A larger value is spooled to a temporary file, so that it does not stand in memory twice."""
DEFAULT_PREFIX = "opweave"
_ABSENT = {"404", "NoSuchKey", "NotFound"}


class PickledObjectS3IOManager(UPathIOManager):
    """Keeps each output as an object of a bucket, pickled; assets under their key, outputs under their run.

    Loading unpickles, which runs code that the object names: the bucket must be writable only by those who may run code as
    the step.

    Args:
        s3_bucket: Must exist.
        s3_session: A client of S3, as boto3 makes it, or an `S3Resource`.
        s3_prefix: Directory within the bucket.
    """

    def __init__(self, s3_bucket: str, s3_session: Any, s3_prefix: str | None = None) -> None:
        self.bucket = s3_bucket
        self.s3 = s3_session.get_client() if isinstance(s3_session, S3Resource) else s3_session
        super().__init__(PurePosixPath((s3_prefix or "").strip("/")))

    def uri_for(self, path: Any) -> str:
        """Return the address of the object at *path*."""
        return f"s3://{self.bucket}/{path}"

    def get_metadata(self, context: OutputContext, obj: Any) -> Mapping[str, Any]:
        """Return the address of the object."""
        del obj
        return {"uri": self.uri_for(self.get_path(context))}

    def make_directory(self, path: Any) -> None:
        """Do nothing: a bucket has no directories."""

    def path_exists(self, path: Any) -> bool:
        """Return whether there is an object at *path*."""
        try:
            self.s3.head_object(Bucket=self.bucket, Key=str(path))
        except Exception as error:
            if _code(error) in _ABSENT:
                return False
            raise self._told(error, f"looking for {self.uri_for(path)}") from error
        return True

    def unlink(self, path: Any) -> None:
        """Remove the object at *path*."""
        self.s3.delete_object(Bucket=self.bucket, Key=str(path))

    def dump_to_path(self, context: OutputContext, obj: Any, path: Any) -> None:
        """Store *obj*, whole or not at all.

        Raises:
            OpweaveInvariantViolationError: The service refused it.
        """
        del context
        with _spool() as spool:
            pickle.dump(obj, spool, protocol=5)
            spool.seek(0)
            try:
                self.s3.upload_fileobj(spool, self.bucket, str(path))
            except Exception as error:
                raise self._told(error, f"storing {self.uri_for(path)}") from error

    def load_from_path(self, context: InputContext, path: Any) -> Any:
        """Return what is stored at *path*.

        Raises:
            OpweaveInvariantViolationError: Nothing is, the service refused, or it is no whole pickled value.
        """
        del context
        with _spool() as spool:
            try:
                self.s3.download_fileobj(self.bucket, str(path), spool)
            except Exception as error:
                raise self._told(error, f"loading {self.uri_for(path)}") from error
            spool.seek(0)
            try:
                return pickle.load(spool)  # noqa: S301  # written by a step of the same location; see the class
            except (EOFError, pickle.UnpicklingError) as error:
                what = str(error) or "it is empty"
                raise OpweaveInvariantViolationError(
                    f"{self.uri_for(path)} is no whole pickled value ({what}): another program wrote it, or it was cut; run the "
                    "step that writes it again"
                ) from error

    def _told(self, error: Exception, what: str) -> Exception:
        """Return *error* in words that help; itself when it is not the service's."""
        code = _code(error)
        if code in _ABSENT:
            hint = "nothing is stored there: the step that writes it used another bucket, prefix or I/O manager"
        elif code == "NoSuchBucket":
            hint = "the bucket does not exist; make it, or mend the name"
        elif code in {"403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"}:
            hint = "the credentials of this step may not; give its service account, or its env, the right to"
        else:
            return error
        return OpweaveInvariantViolationError(f"{what} failed ({code}): {hint}")


def _code(error: Exception) -> str:
    """Return the service's code in an error of botocore; empty for any other."""
    response = getattr(error, "response", None)
    told = response.get("Error") if isinstance(response, Mapping) else None
    return str(told.get("Code", "")) if isinstance(told, Mapping) else ""


def _spool() -> IO[bytes]:
    return tempfile.SpooledTemporaryFile(max_size=MEMORY_BYTES, prefix="opweave-")


class S3PickleIOManager(ConfigurableIOManager):
    """Keeps each output as an object of a bucket, pickled: `PickledObjectS3IOManager` with config.

    Attributes:
        s3_prefix: Directory within the bucket.
    """

    s3_resource: S3Resource
    s3_bucket: str
    s3_prefix: str = DEFAULT_PREFIX

    def create_resource(self, context: InitResourceContext) -> PickledObjectS3IOManager:
        """Return the I/O manager, with one client."""
        del context
        return self.inner_io_manager()

    def inner_io_manager(self) -> PickledObjectS3IOManager:
        """Return the I/O manager that does the work."""
        return PickledObjectS3IOManager(
            self.s3_bucket, self.s3_resource.get_client(), self.s3_prefix
        )

    def handle_output(self, context: OutputContext, obj: Any) -> None:
        """Store *obj*."""
        self.inner_io_manager().handle_output(context, obj)

    def load_input(self, context: InputContext) -> Any:
        """Return what was stored."""
        return self.inner_io_manager().load_input(context)


class ConfigurablePickledObjectS3IOManager(S3PickleIOManager):
    """The older name of `S3PickleIOManager`."""


class S3IOManager(S3PickleIOManager):
    """Another name of `S3PickleIOManager`."""


@io_manager(
    config_schema={
        "s3_bucket": Field(StringSource),
        "s3_prefix": Field(StringSource, is_required=False, default_value=DEFAULT_PREFIX),
    },
    required_resource_keys={"s3"},
)
def s3_pickle_io_manager(context: InitResourceContext) -> IOManager:
    """Keep each output as an object of a bucket, pickled, by the client under the resource key ``s3``."""
    config = context.resource_config
    return PickledObjectS3IOManager(config["s3_bucket"], context.resources.s3, config["s3_prefix"])
