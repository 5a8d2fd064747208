"""Run the penguins on this machine and show what came of it: what `make demo` does after making the environment.

It starts `opweave dev` with a home of its own, launches the job as a user would, follows it, and says where things are.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HOME = Path(os.environ.get("OPWEAVE_DEMO_HOME") or ROOT / ".cache" / "demo")
RESULTS = HOME / "results"
OPWEAVE = Path(sys.executable).parent / "opweave"
JOB = "penguin_report"
START_SECONDS = 60

RUN_CONFIG = f"""\
ops:
  report:
    config:
      directory: {RESULTS}
"""


def main() -> int:
    """Run the example; return the exit code of the run."""
    HOME.mkdir(parents=True, exist_ok=True)
    config = HOME / "run.yaml"
    config.write_text(RUN_CONFIG)
    with subprocess.Popen(
        [OPWEAVE, "dev", "-f", "examples/penguins/definitions.py", "--home", HOME, "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        try:
            url = await_url(server)
            code = opweave(url, "job", "launch", JOB, "--config", str(config), "--follow")
            if code == 0:
                say_where(newest_run(url))
        finally:
            server.send_signal(signal.SIGINT)
    return code


def await_url(server: subprocess.Popen[str]) -> str:
    """Pass on what the server says until its location is loaded; return its URL, which nobody is to follow later."""
    url = ""
    deadline = time.monotonic() + START_SECONDS
    for line in server.stdout or ():
        found = re.search(r"http://\S+", line)
        url = found.group() if found else url
        if not found:
            print(line, end="", flush=True)
        if line.startswith("location") and " loaded" in line and url:
            return url
        if " failed" in line or time.monotonic() > deadline:
            break
    raise SystemExit("the example could not be loaded; the lines above say why")


def opweave(url: str, *arguments: str) -> int:
    """Show and run a command of the command line; its exit code is returned."""
    print(f"\n$ opweave {' '.join(arguments)}", flush=True)
    with subprocess.Popen(
        [OPWEAVE, *arguments],
        env={**environment(url), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    ) as command:
        for line in command.stdout or ():
            print(without_link(line, url), end="", flush=True)
    return command.returncode


def without_link(line: str, url: str) -> str:
    """Return *line* without its link to *url*: that server has ended by the time somebody follows it."""
    return re.sub(rf" *{re.escape(url)}\S*", "", line)


def newest_run(url: str) -> str:
    """Return the id of the newest run."""
    command = [OPWEAVE, "run", "list", "--limit", "1", "-o", "json"]
    text = subprocess.run(command, env=environment(url), check=True, capture_output=True, text=True)
    return re.findall(r'"runId": "(\w+)"', text.stdout)[0]


def environment(url: str) -> dict[str, str]:
    """Return the environment in which commands find the server."""
    return {**os.environ, "OPWEAVE_URL": url}


def say_where(run_id: str) -> None:
    """Say where the results are and how to look again."""
    print("\nresults")
    for path in sorted(RESULTS.iterdir()):
        print(f"  {shown(path)}  ({path.stat().st_size / 1024:.0f} kB)")
    home = shown(HOME)
    bin_directory = shown(Path(sys.executable).parent)
    print(
        f"""
look at the run again
  {bin_directory}/opweave dev -f examples/penguins/definitions.py --home {home}     in one terminal, then
  {bin_directory}/opweave run show {run_id}
  {bin_directory}/opweave run logs {run_id} --step report
  http://127.0.0.1:3000/runs/{run_id}     in a browser, as long as that server runs
  http://127.0.0.1:3000/graphql     the same server's GraphQL console
"""
    )


def shown(path: Path) -> str:
    """Return *path* from the repository's root if it is below it."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100  # a virtual environment's python is a link: not followed
    return str(absolute.relative_to(ROOT) if absolute.is_relative_to(ROOT) else absolute)


if __name__ == "__main__":
    if shutil.which(str(OPWEAVE)) is None:
        raise SystemExit("run `make demo`: it makes the environment first")
    raise SystemExit(main())
