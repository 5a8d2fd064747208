"""The I/O manager of a cluster with nothing configured: outputs go through the instance's artifact endpoint.

It runs in a step's worker, and knows from the same environment as its supervisor which attempt it writes for. Values are
pickled; step processes of one run use the same image, so what one pickles the other can load.
"""

from __future__ import annotations

import io
import os
import pickle
import time
from collections.abc import Callable, Iterator, Mapping
from typing import IO, TYPE_CHECKING, Any, TypeVar

from opweave.definitions.io_manager import IOManager
from opweave.ingest_client.backoff import Backoff
from opweave.ingest_client.endpoint import AttemptEndpoint
from opweave.ingest_client.http1 import Connection, Response, quote
from opweave.ingest_client.patience import report_timeout_seconds
from opweave.ingest_client.replies import is_final, parse_reply, told

if TYPE_CHECKING:
    from opweave.execution.context import InputContext, OutputContext

MEMORY_BYTES = 64 * 1024 * 1024
"""A larger value is spooled to a temporary file, so that it does not stand in memory twice."""
BLOCK_BYTES = 256 * 1024
_T = TypeVar("_T")


class ArtifactError(Exception):
    """The artifact endpoint did not store or return a value; the text says what it said."""


class ArtifactIOManager(IOManager):
    """Pickles outputs to the artifact endpoint of the instance and loads inputs from it."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        """Make the I/O manager of the attempt that *environment*, the process's own by default, describes.

        Raises:
            SettingsError: This is no step process.
        """
        values = os.environ if environment is None else environment
        self._endpoint = AttemptEndpoint.from_environment(values)
        self._timeout_seconds = report_timeout_seconds(values)
        self._connection = Connection(self._endpoint.address, read_seconds=60.0)

    def handle_output(self, context: OutputContext, obj: Any) -> None:
        """Pickle *obj* and store it for the steps downstream.

        Raises:
            ArtifactError: The endpoint refused it, or did not answer for the configured time.
        """
        path = self._endpoint.path(f"outputs/{quote(context.name)}{_query(context.mapping_key)}")
        with _Spool() as spool:
            pickle.Pickler(spool, protocol=5).dump(obj)
            size = spool.size
            self._retry(f"storing output {context.name!r}", lambda: self._put(path, spool, size))

    def load_input(self, context: InputContext) -> Any:
        """Return the value that the step upstream stored.

        Raises:
            ArtifactError: Nothing is stored, or the endpoint refused or did not answer for the configured time.
        """
        output = context.upstream_output
        if output is None:
            raise ArtifactError(
                f"the input {context.name!r} is fed by no output: the artifact endpoint stores none for it"
            )
        if not output.run_id:
            raise ArtifactError(
                f"the asset {output.asset_key.to_user_string()!r} is not stored: no run has written it; materialize it first"
            )
        what = f"output {output.name!r} of step {output.step_key!r} of run {output.run_id}"
        names = (output.run_id, output.step_key, output.name)
        path = f"inputs/{'/'.join(quote(n) for n in names)}{_query(output.mapping_key)}"
        with _Spool() as spool:
            self._retry(
                f"loading {what}", lambda: self._get(self._endpoint.path(path), spool, what)
            )
            return pickle.load(spool.rewound())  # noqa: S301 - as above

    def _put(self, path: str, spool: _Spool, size: int) -> None:
        headers = self._endpoint.headers("application/octet-stream")
        _settled(
            self._connection.request(
                "PUT", path, headers=headers, body=_blocks(spool.rewound()), length=size
            )
        )

    def _get(self, path: str, spool: _Spool, what: str) -> None:
        headers = self._endpoint.headers("application/octet-stream")
        response = self._connection.request("GET", path, headers=headers)
        if response.status == 404:
            reply = parse_reply(response.read())
            if reply.get("code") != "UnknownAttempt" and "code" in reply:
                raise ArtifactError(
                    f"{what} is not stored: it was written by another I/O manager, or retention has "
                    "removed it; run that step again"
                )
        spool.clear()
        for block in _settled(response):
            spool.write(block)

    def _retry(self, what: str, act: Callable[[], None]) -> None:
        backoff = Backoff(self._timeout_seconds)
        while True:
            try:
                return act()
            except OSError as error:
                self._connection.close()
                delay = backoff.next_delay()
                if delay is None:
                    raise ArtifactError(
                        f"{what} failed for {self._timeout_seconds:g} s: {error}"
                    ) from error
            time.sleep(delay)


class _Spool:
    """Bytes in memory, or in a temporary file when they are many."""

    def __init__(self) -> None:
        self._file: IO[bytes] = io.BytesIO()
        self._is_on_disk = False
        self.size = 0

    def __enter__(self) -> _Spool:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def write(self, data: bytes | pickle.PickleBuffer) -> int:
        view = memoryview(data)
        try:
            if not self._is_on_disk and self.size + view.nbytes > MEMORY_BYTES:
                self._move_to_disk()
            self._file.write(view)
        except OSError as error:
            raise ArtifactError(
                f"a value above {MEMORY_BYTES >> 20} MiB cannot be spooled to a temporary file: {error}; "
                "mount a volume with room at /tmp, or set TMPDIR"
            ) from error
        self.size += view.nbytes
        return view.nbytes

    def rewound(self) -> IO[bytes]:
        self._file.seek(0)
        return self._file

    def clear(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self.size = 0

    def _move_to_disk(self) -> None:
        import tempfile  # noqa: PLC0415 - 10 ms that only large values are worth

        file = tempfile.TemporaryFile(prefix="opweave-")  # noqa: SIM115 - closed by __exit__
        for block in _blocks(self.rewound()):
            file.write(block)
        self._file.close()
        self._file, self._is_on_disk = file, True


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(BLOCK_BYTES):
        yield block


def _settled(response: Response) -> Iterator[bytes]:
    """Return the body of a success; raise ConnectionError for what a repeat may mend, ArtifactError for the rest."""
    if 200 <= response.status < 300:
        if response.status == 204:
            response.read()
        return response.blocks()
    reply = parse_reply(response.read())
    text = f"HTTP {response.status} {told(reply)}".strip()
    if is_final(response.status, reply) or response.status in (400, 413):
        raise ArtifactError(f"the artifact endpoint refused: {text}")
    raise ConnectionError(text)


def _query(mapping_key: str | None) -> str:
    return "" if mapping_key is None else f"?mapping_key={quote(mapping_key)}"
