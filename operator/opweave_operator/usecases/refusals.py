"""Why ingest refuses a request, as one exception with a code.

Raised by the use-cases of ingest; the API turns the code into a status and counts it.
"""

from __future__ import annotations

import enum


class RefusalCode(enum.StrEnum):
    """The reason of a refusal, as it stands in `opweave.wire.attempt.Refusal`."""

    NO_TOKEN = "NoToken"  # noqa: S105  # a code, no secret
    TOKEN_REJECTED = "TokenRejected"  # noqa: S105  # a code, no secret
    WRONG_AUDIENCE = "WrongAudience"
    NOT_YOUR_ATTEMPT = "NotYourAttempt"
    NOT_YOUR_INPUT = "NotYourInput"
    UNKNOWN_ATTEMPT = "UnknownAttempt"
    NOT_STORED = "NotStored"
    ATTEMPT_CLOSED = "AttemptClosed"
    SEQUENCE_GAP = "SequenceGap"
    INVALID = "Invalid"
    TOO_LARGE = "TooLarge"
    TOO_FAST = "TooFast"
    UNAVAILABLE = "Unavailable"


class Refused(Exception):
    """A request of a worker is refused and has changed nothing.

    Attributes:
        code: What the worker and the metrics see.
        message: For people: what is wrong and how to mend it.
        expected_seq: With SEQUENCE_GAP, the number that the next event must have.
        retry_after_seconds: With TOO_FAST, when to try again.
    """

    def __init__(
        self,
        code: RefusalCode,
        message: str,
        *,
        expected_seq: int | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.expected_seq = expected_seq
        self.retry_after_seconds = retry_after_seconds
