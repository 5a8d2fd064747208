"""Who a step's token belongs to, asked of the API server and remembered for less than a minute."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from opweave_operator import ports
from opweave_operator.adapters.kubernetes import errors, names
from opweave_operator.adapters.kubernetes.client import Client
from opweave_operator.adapters.kubernetes.resources import TOKEN_REVIEWS

CACHE_SECONDS = 45.0
"""A token stays accepted this long after its pod is gone; closing the attempt in the database is the real fence."""
REFUSED_CACHE_SECONDS = 5.0
"""Refusals are remembered too, so that a process with a bad token cannot make us ask at its pace."""
MAX_CACHED = 4096
MAX_TOKEN_CHARACTERS = 16_384

_USER_PREFIX = "system:serviceaccount:"
_POD_NAME = "authentication.kubernetes.io/pod-name"
_POD_UID = "authentication.kubernetes.io/pod-uid"


class TokenReviewer:
    """`ports.IdentityReviewer` by TokenReview.

    Args:
        client: Of the cluster whose pods bear the tokens.
        audience: That the tokens must be made for.
        monotonic: Seconds of a clock that never goes back.
    """

    def __init__(
        self,
        client: Client,
        *,
        audience: str = names.TOKEN_AUDIENCE,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._audience = audience
        self._monotonic = monotonic
        self._cache: OrderedDict[bytes, tuple[float, ports.TokenIdentity | None]] = OrderedDict()

    async def review(self, token: str) -> ports.TokenIdentity | None:
        """Return the pod that *token* is bound to, or None when it is not valid for us.

        Raises:
            IdentityUnavailable: The API server cannot be asked now.
        """
        if not token or len(token) > MAX_TOKEN_CHARACTERS or not token.isascii():
            return None
        digest = hashlib.sha256(token.encode()).digest()
        known = self._cache.get(digest)
        if known is not None and self._monotonic() < known[0]:
            return known[1]
        identity = await self._ask(token)
        seconds = REFUSED_CACHE_SECONDS if identity is None else CACHE_SECONDS
        self._cache[digest] = (self._monotonic() + seconds, identity)
        self._cache.move_to_end(digest)
        while len(self._cache) > MAX_CACHED:
            self._cache.popitem(last=False)
        return identity

    async def _ask(self, token: str) -> ports.TokenIdentity | None:
        body = {
            "apiVersion": TOKEN_REVIEWS.api_version,
            "kind": TOKEN_REVIEWS.kind,
            "spec": {"token": token, "audiences": [self._audience]},
        }
        try:
            reply = await self._client.create(TOKEN_REVIEWS, None, body)
        except errors.ApiError as error:
            raise ports.IdentityUnavailable(f"tokens cannot be verified now: {error}") from error
        return identity_of(reply.get("status"), self._audience)


def identity_of(status: object, audience: str) -> ports.TokenIdentity | None:
    """Return whom a TokenReview's *status* names; None unless it is a pod's token for *audience*."""
    if not isinstance(status, Mapping) or status.get("authenticated") is not True:
        return None
    if audience not in (status.get("audiences") or ()):
        return None
    user: Mapping[str, Any] = status.get("user") or {}
    username = str(user.get("username") or "")
    extra: Mapping[str, list[str]] = user.get("extra") or {}
    pod_name = next(iter(extra.get(_POD_NAME) or ()), "")
    pod_uid = next(iter(extra.get(_POD_UID) or ()), "")
    namespace, _, account = username.removeprefix(_USER_PREFIX).partition(":")
    if not (username.startswith(_USER_PREFIX) and namespace and account and pod_name and pod_uid):
        return None
    return ports.TokenIdentity(namespace=namespace, pod_name=pod_name, pod_uid=pod_uid)
