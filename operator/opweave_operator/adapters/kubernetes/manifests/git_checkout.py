"""Clone one commit of a repository; runs by its text in the init container of a pod, with git and Python alone.

Nothing here passes through a shell, and values of users follow ``--`` or stand behind an equals sign. The commit that was
checked out is left as the container's termination message, from where the operator pins it for the steps.
"""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

TERMINATION_LOG = Path("/dev/termination-log")
ASKPASS = """#!/usr/bin/env python3
import os, sys
wanted = "username" if "sername" in sys.argv[1] else "password"
path = os.path.join(os.environ["CREDENTIALS"], wanted)
print(open(path).read().strip() if os.path.exists(path) else "git")
"""


def main(arguments: list[str]) -> None:
    """Fetch ``--ref`` of ``--repository`` into ``--directory`` and say which commit it is."""
    options = dict(argument.removeprefix("--").split("=", 1) for argument in arguments)
    directory = options["directory"]
    environment = {
        **os.environ,
        **credentials(options.get("credentials", "")),
        "GIT_CONFIG_GLOBAL": str(trusting(directory)),
    }

    def git(*command: str) -> str:
        done = subprocess.run(  # noqa: S603  # a list, no shell
            ["git", "-C", directory, *command],  # noqa: S607  # the image's own git
            env=environment,
            check=False,
            stdout=subprocess.PIPE,
            text=True,
        )
        if done.returncode != 0:
            # What git has said is on standard error, and this line the last: the two are shown to people.
            sys.exit(
                f"git {command[0]} of {options['repository']}, ref {options['ref'] or 'HEAD'}, failed"
            )
        return done.stdout.strip()

    empty(Path(directory))
    git("init", "--quiet", "--initial-branch=code")
    git(
        "fetch",
        "--quiet",
        "--depth=1",
        "--no-tags",
        "--",
        options["repository"],
        options["ref"] or "HEAD",
    )
    git("checkout", "--quiet", "--detach", "FETCH_HEAD")
    commit = git("rev-parse", "--verify", "HEAD")
    TERMINATION_LOG.write_text(commit, encoding="ascii")


def empty(directory: Path) -> None:
    """Remove what a clone that was cut short has left: a lock of git, for instance, on which the next would fail."""
    for left in directory.iterdir():
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left)
        else:
            left.unlink()


def trusting(directory: str) -> Path:
    """Return a config file by which git works in a volume's *directory*, which belongs to another user.

    A file, because no version of git takes this from the repository itself, and older ones not from the environment either.
    """
    file = Path(tempfile.mkdtemp()) / "gitconfig"
    file.write_text(f"[safe]\n\tdirectory = {directory}\n", encoding="utf-8")
    return file


def credentials(directory: str) -> dict[str, str]:
    """Return the environment by which git finds a password or an SSH key; a prompt is never shown."""
    found = {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ALLOW_PROTOCOL": "https:http:ssh",
        "CREDENTIALS": directory,
    }
    if not directory:
        return found
    askpass = Path("/tmp/askpass")  # noqa: S108  # the pod's own
    askpass.write_text(ASKPASS, encoding="utf-8")
    askpass.chmod(stat.S_IRWXU)
    found["GIT_ASKPASS"] = str(askpass)
    secret_key = Path(directory) / "ssh-privatekey"
    if secret_key.exists():
        own_key = Path("/tmp/ssh-privatekey")  # noqa: S108  # the pod's own
        own_key.write_bytes(secret_key.read_bytes())
        own_key.chmod(stat.S_IRUSR)
        known = Path(directory) / "known_hosts"
        found["GIT_SSH_COMMAND"] = (
            f"ssh -i {own_key} -o IdentitiesOnly=yes -o BatchMode=yes -o UserKnownHostsFile={known}"
            " -o StrictHostKeyChecking=yes"
        )
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
