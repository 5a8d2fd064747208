"""Which attempt this process is, where ingest listens for it, and the token that proves it.

Read from the environment, which the executor sets; used by the supervisor and, in the worker, by the artifact I/O manager.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from opweave.ingest_client.http1 import Address, quote

MAX_TOKEN_BYTES = 16 * 1024


class SettingsError(ValueError):
    """The environment does not say what a step process must know; the text names the variable."""


class AttemptEndpoint(NamedTuple):
    """The ingest API as one attempt of one step sees it.

    Attributes:
        token_file: Read again for each request, since projected tokens rotate; None when *token* is fixed.
    """

    run_id: str
    step_key: str
    attempt: int
    address: Address
    token_file: str | None = None
    token: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> AttemptEndpoint:
        """Return the endpoint that *environment* describes.

        Raises:
            SettingsError: A variable is missing or malformed.
        """
        attempt = _required(environment, "OPWEAVE_ATTEMPT")
        if not (attempt.isascii() and attempt.isdigit() and int(attempt) >= 1):
            raise SettingsError(f"OPWEAVE_ATTEMPT must be a number from 1, not {attempt!r}")
        try:
            address = Address.parse(_required(environment, "OPWEAVE_API_URL"))
        except ValueError as error:
            raise SettingsError(f"OPWEAVE_API_URL: {error}") from None
        token_file = environment.get("OPWEAVE_TOKEN_FILE") or None
        if token_file is None:
            _required(environment, "OPWEAVE_TOKEN", instead="OPWEAVE_TOKEN_FILE")
        return cls(
            run_id=_required(environment, "OPWEAVE_RUN_ID"),
            step_key=_required(environment, "OPWEAVE_STEP_KEY"),
            attempt=int(attempt),
            address=address,
            token_file=token_file,
            token=environment.get("OPWEAVE_TOKEN", ""),
        )

    def path(self, rest: str) -> str:
        """Return the path of *rest*, which is percent-encoded already, under this attempt."""
        run, step = quote(self.run_id), quote(self.step_key)
        return f"/ingest/v1/runs/{run}/steps/{step}/attempts/{self.attempt}/{rest}"

    def headers(self, content_type: str) -> dict[str, str]:
        """Return the headers of a request.

        Raises:
            OSError: The token file cannot be read now; it may be there a moment later.
        """
        return {"Authorization": f"Bearer {self._current_token()}", "Content-Type": content_type}

    def _current_token(self) -> str:
        if self.token_file is None:
            return self.token.strip()
        with open(self.token_file, "rb") as file:  # noqa: PTH123 - pathlib costs 6 ms to import
            return file.read(MAX_TOKEN_BYTES).decode("ascii", "replace").strip()


def _required(environment: Mapping[str, str], name: str, instead: str = "") -> str:
    value = environment.get(name, "")
    if not value:
        hint = f" (or {instead})" if instead else ""
        raise SettingsError(
            f"{name}{hint} is not set; `opweave step` is started by an executor, which sets it"
        )
    return value
