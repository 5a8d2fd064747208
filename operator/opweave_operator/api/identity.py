"""Who sends a request: the bearer token, and whose it is.

On the cluster the platform verifies tokens (`ports.IdentityReviewer`, which remembers its answers for less than a minute);
without one, the SHA-256 digest of the token is compared with the one stored for the attempt.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json

from starlette.requests import Request

from opweave_operator import ports
from opweave_operator.usecases.attempt_access import Identity, LocalIdentity
from opweave_operator.usecases.refusals import RefusalCode, Refused

AUDIENCE = "opweave"
_LONGEST_TOKEN = 16 * 1024


async def identify(request: Request, reviewer: ports.IdentityReviewer | None) -> Identity:
    """Return who sends *request*.

    Raises:
        Refused: NO_TOKEN, TOKEN_REJECTED, WRONG_AUDIENCE, or UNAVAILABLE when it cannot be verified now.
    """
    token = _bearer(request)
    if reviewer is None:
        return LocalIdentity(token_digest=token_digest(token))
    try:
        identity = await reviewer.review(token)
    except ports.IdentityUnavailable as error:
        raise Refused(RefusalCode.UNAVAILABLE, str(error), retry_after_seconds=1) from error
    if identity is None:
        raise _rejected(token)
    return identity


def token_digest(token: str) -> str:
    """Return the digest under which a random token is stored with its attempt."""
    return hashlib.sha256(token.encode()).hexdigest()


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise Refused(RefusalCode.NO_TOKEN, "send the attempt's token: Authorization: Bearer TOKEN")
    if len(token) > _LONGEST_TOKEN:
        raise Refused(
            RefusalCode.TOKEN_REJECTED, f"a token has at most {_LONGEST_TOKEN} characters"
        )
    return token


def _rejected(token: str) -> Refused:
    """Return why a token is not accepted; what it says of itself only chooses the words."""
    audiences = _claimed_audiences(token)
    if audiences and AUDIENCE not in audiences:
        shown = ", ".join(audiences)[:200]
        return Refused(
            RefusalCode.WRONG_AUDIENCE, f"the token is for {shown}; it must be for {AUDIENCE}"
        )
    return Refused(
        RefusalCode.TOKEN_REJECTED,
        "the cluster does not accept the token, or it is not bound to a pod",
    )


def _claimed_audiences(token: str) -> list[str]:
    parts = token.split(".")
    if len(parts) != 3:
        return []
    try:
        padded = parts[1] + "=" * (-len(parts[1]) % 4)
        claims = json.loads(base64.urlsafe_b64decode(padded))
    except (binascii.Error, ValueError, RecursionError):
        return []
    named = claims.get("aud") if isinstance(claims, dict) else None
    listed = named if isinstance(named, list) else [named]
    return [item for item in listed if isinstance(item, str)]
