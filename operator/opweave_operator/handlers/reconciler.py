"""Calls a level-based function for objects that may have changed: one at a time per object, merged, again on failure.

kopf's own create, update and timer handlers keep their progress in annotations and put finalizers on the objects, so that
``kubectl delete`` hangs while no operator runs. Here kopf only wakes; nothing is stored on objects of people.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

MAX_CONCURRENT = 8
"""Objects of one kind reconciled at a moment."""
FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 60.0
PASS_LIMIT_SECONDS = 120.0
"""A pass that takes longer is cancelled and counted as failed: one object must not hold a place for ever."""

_log = logging.getLogger(__name__)

Key = tuple[str, str]
"""Namespace and name."""
Reconcile = Callable[[str, str], Awaitable[float]]
"""Brings an object to where it should be; returns after how many seconds to look again at the latest."""


class Reconciler:
    """Keeps the objects of one kind reconciled.

    Args:
        kind: For logs.
        reconcile: The level-based function.
    """

    def __init__(self, kind: str, reconcile: Reconcile) -> None:
        self._kind = kind
        self._reconcile = reconcile
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._again: set[Key] = set()
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._failures: dict[Key, int] = {}
        self._limit = asyncio.Semaphore(MAX_CONCURRENT)
        self._is_closed = False

    def wake(self, namespace: str, name: str) -> None:
        """Look at an object soon; merged with a look that is under way or due."""
        key = (namespace, name)
        if self._is_closed:
            return
        if key in self._tasks:
            self._again.add(key)
            return
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        task = asyncio.get_running_loop().create_task(self._pass(key))
        self._tasks[key] = task
        task.add_done_callback(lambda _: self._done(key))

    def forget(self, namespace: str, name: str) -> None:
        """Look no more at an object that is gone, once the look under way has ended."""
        key = (namespace, name)
        self._failures.pop(key, None)
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()

    async def close(self) -> None:
        """End all work."""
        self._is_closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _pass(self, key: Key) -> None:
        try:
            async with self._limit, asyncio.timeout(PASS_LIMIT_SECONDS):
                delay = await self._reconcile(*key)
            self._failures.pop(key, None)
        except Exception:  # noqa: BLE001  # one poison object must not stop the others; it is tried again, ever more slowly
            failures = self._failures[key] = min(self._failures.get(key, 0) + 1, 20)
            delay = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2.0 ** (failures - 1))
            _log.exception(
                "not_reconciled",
                extra={"kind": self._kind, "namespace": key[0], "object": key[1], "again": delay},
            )
        if delay > 0 and not self._is_closed:
            loop = asyncio.get_running_loop()
            self._timers[key] = loop.call_later(delay, self._due, key)

    def _due(self, key: Key) -> None:
        self._timers.pop(key, None)
        self.wake(*key)

    def _done(self, key: Key) -> None:
        self._tasks.pop(key, None)
        if key in self._again:
            self._again.discard(key)
            self.wake(*key)
