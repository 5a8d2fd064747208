"""All measurements in one run, as a table of ratios: ``make bench``.

Absolute times hold for one machine and one hour; each figure stands beside what it is compared with, measured in turns with it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), *(str(HERE.parent / part) for part in ("tests", "operator", "runtime"))]

from figures import HEADER  # noqa: E402

import testbed  # noqa: E402  # found beside the tests


def main() -> None:
    """Print the tables."""
    import cluster
    import peer
    import processes

    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n\n{HEADER}", flush=True)
    for measure in (
        processes.import_cost,
        processes.step_cost,
        peer.import_cost,
        peer.chain_cost,
        peer.asset_chain_cost,
    ):
        print(measure(), flush=True)
    try:
        print("\n".join(cluster.main()), flush=True)
    except testbed.Unavailable as unavailable:
        print(f"\nno cluster, so nothing was measured on one: {unavailable}")
    print("\ningest (goal: 5,000 events/s)", flush=True)
    subprocess.run([sys.executable, str(HERE / "ingest.py")], check=True)


if __name__ == "__main__":
    main()
