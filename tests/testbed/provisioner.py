"""A background process of the native cluster: ``python -m testbed.provisioner``; see ``volumes``."""

import sys
import threading
import time

from testbed import identities, volumes
from testbed.api import Api, ApiError

_WATCH_SECONDS = 300


def run_forever(api: Api) -> None:
    """Reconcile after every change of a claim or a volume."""
    changed = threading.Event()
    changed.set()
    for path in (volumes.CLAIMS, volumes.VOLUMES):
        threading.Thread(target=_announce_changes, args=(api, path, changed), daemon=True).start()
    while True:
        changed.wait()
        changed.clear()
        try:
            volumes.reconcile(api)
        except ApiError as error:
            print(f"reconciling: {error}", file=sys.stderr, flush=True)
            time.sleep(1)
            changed.set()


def _announce_changes(api: Api, path: str, changed: threading.Event) -> None:
    while True:
        try:
            for _ in api.watch(path, timeout_seconds=_WATCH_SECONDS):
                changed.set()
        except ApiError as error:
            print(f"watching {path}: {error}", file=sys.stderr, flush=True)
            time.sleep(1)


if __name__ == "__main__":
    run_forever(Api(identities.server_certificate(), identities.token("admin")))
